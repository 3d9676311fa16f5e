"""Uncertainty sampling: ask for the rows the model is least sure of."""

import numpy as np

from skal._checks import name_of
from skal._model import find_layer
from skal.query._base import ScoreStrategy
from skal.query._classes import learnt, n_learnt
from skal.query.functional import (
    decision_margin,
    entropy,
    least_confidence,
    margin,
    mean_over_labels,
)

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

    A classifier without probabilities, such as LinearSVC, is asked for its decision
    values f. Its rows score :math:`\tfrac12 (1 - f / (1 + |f|))` of their largest one,
    which is the distance from the hyperplane where there are two classes.

    See Also
    --------
    Margin : Looks at the second class too, and is the safer default.
    Entropy : Looks at every class.
    skal.query.functional.least_confidence : The formula on plain arrays.

    Notes
    -----
    Cost: O(n C) for n rows and C classes, after one pass of the pool through
    ``predict_proba``, or ``decision_function`` where there is none. On multilabel
    targets it is the mean over the labels.

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
    needs = frozenset({"decision"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True

    def _score(self, view, rows):
        if not hasattr(view, "predict_proba"):
            best = of_decision(largest_decision, view, rows)
            return mean((1 - best / (1 + np.abs(best))) / 2)
        return score_proba(least_confidence, view, rows)


class Margin(ScoreStrategy):
    r"""Pick the rows where the two best classes are closest.

    A row between two classes tells where their boundary runs, however improbable the
    other classes make both of them. A row scores the margin, negated:

    .. math:: p_{(2)} - p_{(1)}

    A classifier without probabilities, such as LinearSVC, is asked for its decision
    values: m is then the distance from the hyperplane where there are two classes (Tong
    and Koller, 2001), and the lead of the largest one-vs-rest value over the second
    where there are several (after Joshi et al., 2009). Its rows score
    :math:`-m / (1 + m)`, which keeps their order, and the bounds of the other score.

    See Also
    --------
    LeastConfidence : Looks at the best class only.
    Entropy : Looks at every class.
    skal.query.functional.margin : The formula on plain arrays, not negated.
    skal.query.functional.decision_margin : That of decision values.

    Notes
    -----
    Cost: O(n C) for n rows and C classes, after one pass of the pool through
    ``predict_proba``, or ``decision_function`` where there is none. On multilabel
    targets it is the mean over the labels.

    References
    ----------
    Scheffer, T., Decomain, C., Wrobel, S. (2001). Active hidden Markov models for
    information extraction. IDA. doi:10.1007/3-540-44816-0_31

    Tong, S., Koller, D. (2001). Support vector machine active learning with
    applications to text classification. JMLR 2.

    Joshi, A., Porikli, F., Papanikolopoulos, N. (2009). Multi-class active learning for
    image classification. CVPR. doi:10.1109/CVPR.2009.5206627

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
    needs = frozenset({"decision"})
    target_types = frozenset({"multiclass", "multilabel"})
    separable = True
    below_zero = True
    lowest = -1.0

    def _score(self, view, rows):
        if not hasattr(view, "predict_proba"):
            lead = of_decision(decision_margin, view, rows)
            return mean(1 / (1 + lead) - 1)
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
    separable = True

    def _score(self, view, rows):
        return score_proba(entropy, view, rows)


def score_proba(formula, view, rows):
    """Apply a formula to the class probabilities, label by label for multilabel."""
    proba = view.predict_proba(rows)
    if view.target_type == "multilabel":
        return mean_over_labels(formula, proba)
    return formula(learnt(view, proba))


def of_decision(formula, view, rows):
    """Apply a formula to decision values; (n, L) for multilabel, a label a column.

    Two classes have one value f, however the model hands it out.
    """
    decision = np.asarray(view.decision_function(rows), dtype=np.float64)
    if view.target_type == "multilabel":
        values = learnt(view, decision.reshape(len(decision), -1))
        return np.column_stack([formula(column) for column in values.T])
    if decision.ndim == 2:
        decision = learnt(view, decision)
    check_one_vs_rest(view, decision.shape[1:])
    if decision.shape[1:] == (2,):
        decision = (decision[:, 1] - decision[:, 0]) / 2
    return formula(decision)


def check_one_vs_rest(view, width):
    """Refuse decision values that are not one a class, as those of pairs are not."""
    n_classes = n_learnt(view)
    layer, _ = find_layer(view.estimator, "decision_function_shape")
    pairs = layer is not None and layer.decision_function_shape == "ovo"
    if width not in ((), (n_classes,)) or (pairs and n_classes > 2):
        raise ValueError(
            f"estimator must give one decision value a class, {n_classes}, got "
            f"{'one a pair of them' if pairs else width} from "
            f"{name_of(view.estimator)}. Set decision_function_shape='ovr', or wrap it "
            "in OneVsRestClassifier."
        )


def largest_decision(decision):
    """Return the largest decision value; for two classes that of the nearer one."""
    return np.abs(decision) if decision.ndim == 1 else decision.max(axis=1)


def mean(scores):
    """Return the mean over the labels of a row, where it has several."""
    return scores if scores.ndim == 1 else scores.mean(axis=1)
