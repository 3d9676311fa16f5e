"""Uncertainty sampling: ask for the rows the model is least sure of."""

from skal.query._base import ScoreStrategy
from skal.query._classes import learnt
from skal.query.functional import entropy, least_confidence, margin, mean_over_labels

#: How uncertain rows are, from 0 up, of their probabilities, by the name of a score.
UNCERTAINTIES = {
    "entropy": entropy,
    "least_confidence": least_confidence,
    "margin": lambda proba: 1 - margin(proba),
}


class LeastConfidence(ScoreStrategy):
    r"""Pick the rows whose best class is the least probable.

    The plainest measure of doubt: it looks at the prediction and at nothing else. A
    row scores

    .. math:: 1 - \max_c p_c

    See Also
    --------
    Margin : Looks at the second class too, and is the safer default.
    Entropy : Looks at every class.
    skal.query.functional.least_confidence : The formula on plain arrays.

    Notes
    -----
    Cost: O(n C) for n rows and C classes, after one ``predict_proba`` of the pool. On
    multilabel targets it is the mean over the labels.

    References
    ----------
    Lewis, D., Gale, W. (1994). A sequential algorithm for training text classifiers.
    SIGIR. doi:10.1007/978-1-4471-2099-5_1

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import LeastConfidence
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> LeastConfidence().score_samples(model, X[[0, 133]]).round(2)
    array([0.02, 0.48])
    """

    alias = "least_confidence"
    needs = frozenset({"proba"})
    target_types = frozenset({"multiclass", "multilabel"})

    def _score(self, view, rows):
        return score_proba(least_confidence, view, rows)


class Margin(ScoreStrategy):
    r"""Pick the rows where the two best classes are closest.

    A row between two classes tells where their boundary runs, however improbable the
    other classes make both of them. A row scores the margin, negated:

    .. math:: p_{(2)} - p_{(1)}

    See Also
    --------
    LeastConfidence : Looks at the best class only.
    Entropy : Looks at every class.
    skal.query.functional.margin : The formula on plain arrays, not negated.

    Notes
    -----
    Cost: O(n C) for n rows and C classes, after one ``predict_proba`` of the pool. On
    multilabel targets it is the mean over the labels.

    References
    ----------
    Scheffer, T., Decomain, C., Wrobel, S. (2001). Active hidden Markov models for
    information extraction. IDA. doi:10.1007/3-540-44816-0_31

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "margin"
    needs = frozenset({"proba"})
    target_types = frozenset({"multiclass", "multilabel"})
    below_zero = True
    lowest = -1.0

    def _score(self, view, rows):
        return -score_proba(margin, view, rows)


class Entropy(ScoreStrategy):
    r"""Pick the rows whose class probabilities have the highest entropy.

    It looks at every class, so that with many classes rows of diffuse doubt come
    before rows between two classes. A row scores, in nats,

    .. math:: -\sum_c p_c \log p_c

    See Also
    --------
    Margin : Looks at the best two classes only.
    ConsensusEntropy : The same for the mean of a committee.
    skal.query.functional.entropy : The formula on plain arrays.

    Notes
    -----
    Cost: O(n C) for n rows and C classes, after one ``predict_proba`` of the pool. On
    multilabel targets it is the mean over the labels.

    References
    ----------
    Settles, B. (2009). Active learning literature survey. University of
    Wisconsin-Madison, Computer Sciences Technical Report 1648.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import Entropy
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> Entropy().score_samples(model, X[[0, 133]]).round(2)
    array([0.09, 0.7 ])
    """

    alias = "entropy"
    needs = frozenset({"proba"})
    target_types = frozenset({"multiclass", "multilabel"})

    def _score(self, view, rows):
        return score_proba(entropy, view, rows)


def score_proba(formula, view, rows):
    """Apply a formula to the class probabilities, label by label for multilabel."""
    proba = view.predict_proba(rows)
    if view.target_type == "multilabel":
        return mean_over_labels(formula, proba)
    return formula(learnt(view, proba))
