"""Ask for rows of which the several labels, taken together, teach most."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from skal._checks import check_fraction
from skal.query import functional
from skal.query._base import ScoreStrategy
from skal.query._labeled import check_labels


class MMC(ScoreStrategy):
    r"""Pick rows whose likely labels would lower the loss the most.

    How many labels a row carries follows from its probabilities, largest first: a
    logistic regression learns it from the labelled rows. With the k likeliest labels
    taken for present, y = 1, the others for absent, y = -1, and f = 2 p - 1, a row
    scores how far the loss falls if they are (maximum loss reduction with maximal
    confidence):

    .. math:: \tfrac12 \sum_l (1 - y_l f_l)

    See Also
    --------
    LCI : Counts the labels predicted against those of the rows known.
    Margin : The mean over the labels, each alone.
    skal.query.functional.mmc : The formula on plain arrays.

    Notes
    -----
    Cost: O(n L log L) for n rows and L labels, after one pass of the pool and the
    labelled rows through ``predict_proba``, and one small logistic regression. Of
    labelled rows of which some labels are not known it learns nothing; where none is
    known whole, every row is taken to carry the mean number of labels.

    References
    ----------
    Yang, B., Sun, J.-T., Wang, T., Chen, Z. (2009). Effective multi-label active
    learning for text classification. KDD. doi:10.1145/1557019.1557119

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from skal import ActiveLearner
    >>> X, Y = make_multilabel_classification(random_state=0)
    >>> model = OneVsRestClassifier(LogisticRegression())
    >>> learner = ActiveLearner(model, "mmc", random_state=0).fit(X[:30], Y[:30])
    >>> indices, rows = learner.query(X[30:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "mmc"
    needs = frozenset({"proba", "labels"})
    target_types = frozenset({"multilabel"})
    separable = True

    def _score(self, view, rows):
        check_labels(self, view)
        known = view.predict_proba(view.X_training)
        proba = view.predict_proba(rows)
        return functional.mmc(proba, n_present(proba, known, view.y_training))


class LCI(ScoreStrategy):
    r"""Pick rows whose labels are hard to tell apart, or strangely many or few.

    Labels of a probability above a half are predicted. A row scores

    .. math:: g^{-\beta} \, c^{1 - \beta}

    where g is the gap between the least probability of a label predicted and the
    greatest of one that is not, 1 and 0 where there are none, and c the label
    cardinality inconsistency: how far the number of labels predicted is from the mean
    of the labelled rows.

    Parameters
    ----------
    beta : float, default=0.5
        From 0, the inconsistency alone, to 1, the gap alone. The authors choose it anew
        in each round among a few, by models that are trained for every row that one of
        them would pick; here it stays.

    See Also
    --------
    MMC : The fall of the loss.
    skal.query.functional.lci : The formula on plain arrays.

    Notes
    -----
    Cost: O(n L) for n rows and L labels, after one ``predict_proba`` of the pool.

    References
    ----------
    Li, X., Guo, Y. (2013). Active learning with multi-label SVM classification. IJCAI.
    https://www.ijcai.org/Proceedings/13/Papers/220.pdf

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from skal import ActiveLearner
    >>> X, Y = make_multilabel_classification(random_state=0)
    >>> model = OneVsRestClassifier(LogisticRegression())
    >>> learner = ActiveLearner(model, "lci", random_state=0).fit(X[:30], Y[:30])
    >>> indices, rows = learner.query(X[30:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "lci"
    needs = frozenset({"proba", "labels"})
    target_types = frozenset({"multilabel"})
    separable = True

    def __init__(self, beta: float = 0.5) -> None:
        self.beta = beta

    def _check_params(self):
        check_fraction("beta", self.beta)

    def _score(self, view, rows):
        check_labels(self, view)
        usual = cardinality(view.y_training)
        return functional.lci(view.predict_proba(rows), usual, beta=self.beta)


def n_present(proba, proba_known, y):
    """Predict how many labels rows carry, as the rows known do: (n,).

    ``y`` (m, L) holds NaN where a label is not known.
    """
    whole = ~np.isnan(np.asarray(y, float)).any(axis=1)
    counts = np.asarray(y)[whole].sum(axis=1).astype(int)
    if len(np.unique(counts)) < 2:
        usual = counts[0] if len(counts) else round(cardinality(y))
        return np.full(len(proba), usual)
    helper = LogisticRegression(max_iter=1000)
    helper.fit(falling_shares(proba_known[whole]), counts)
    return helper.predict(falling_shares(proba))


def falling_shares(proba):
    """Return the probabilities of each row, largest first, as shares of their sum."""
    falling = -np.sort(-np.asarray(proba, float), axis=1)  # (n, L)
    total = falling.sum(axis=1, keepdims=True)
    return np.divide(falling, total, out=np.zeros_like(falling), where=total > 0)


def cardinality(y):
    """Return the mean number of labels, each counted where it is known."""
    y = np.asarray(y, float)
    known = np.maximum((~np.isnan(y)).sum(axis=0), 1)
    return float((np.nansum(y, axis=0) / known).sum())
