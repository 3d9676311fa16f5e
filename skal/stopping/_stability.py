"""Stop when the predictions on a fixed set of rows have settled."""

from itertools import pairwise
from typing import Any

import numpy as np

from skal._checks import check_fraction, check_int
from skal._data import as_rows, n_rows, near
from skal.stopping._base import StoppingRule


class _StopSetRule(StoppingRule):
    """A rule that follows the predicted labels of the same rows from round to round."""

    def _check_params(self):
        check_fraction("threshold", self.threshold)
        if self.X_stop is not None and n_rows(self.X_stop) == 0:
            raise ValueError("X_stop must have at least one row, got none.")
        if self.n_stop is not None:
            check_int("n_stop", self.n_stop)

    def _measure(self, view, rows, indices):
        n_pool = None
        if self.X_stop is None:
            pool = as_rows(rows.X)
            n_pool = len(pool)
            stop_rows = near(pool.take(spread_positions(n_pool, self.n_stop)))
        else:
            stop_rows = as_rows(self.X_stop)
        predicted = np.asarray(view.predict(stop_rows))
        if view.target_type == "multilabel":
            classes, codes = np.arange(2), predicted.ravel()
        else:
            classes = view.classes_
            codes = np.searchsorted(classes, predicted)
        code_type = np.int16 if len(classes) < 2**15 else np.int32
        return {"codes": codes.astype(code_type), "classes": classes, "n_pool": n_pool}


class KappaAverage(_StopSetRule):
    r"""Stop when models of successive rounds agree: stabilizing predictions.

    Two models that predict the same labels on a large set of rows have nearly the
    same performance, and agreement needs no labels to be measured. The rule averages
    Cohen's kappa, agreement beyond chance, over the last ``window`` pairs of
    successive models:

    .. math:: \kappa = \frac{p_o - p_e}{1 - p_e}

    with :math:`p_o` the share of rows on which the two agree and :math:`p_e` the share
    expected by chance from how often each predicts each class. It stops when the mean
    reaches ``threshold``.

    **What it promises.** For binary labels, a kappa of at least :math:`T` between two
    models bounds the difference between their F-measures on these rows by
    :math:`4 (1 - T) / T` [2]_: .040 for the default .99, .21 for .95. It bounds the
    change between two models, not the distance to the best model, and it speaks of
    the rows of the stop set, so take those from where the model will be used.

    Parameters
    ----------
    threshold : float, default=0.99
        Stop when the mean kappa is at least this. Lower stops earlier.
    window : int, default=3
        How many successive pairs of models are averaged. The first verdict needs
        ``window + 1`` rounds.
    n_stop : int, default=2000
        Rows of the stop set where ``X_stop`` is None: one row from each of ``n_stop``
        equal stretches of the pool, the same rows every round. None takes the whole
        pool.
    X_stop : array-like of shape (n_samples, ...), default=None
        The stop set, as the learner sees its rows; no labels are needed. None takes
        ``n_stop`` rows of the pool,
        labelled ones included, which needs a pool that keeps its rows: the base of
        the Rows that are measured, in :meth:`skal.ActiveLearner.fit` all of X.

    See Also
    --------
    ClassificationChange : The plain share of labels that changed.
    Any : Combine with another rule.

    Notes
    -----
    One call of ``predict`` on the stop set a round; a record takes two bytes a row.
    Where both models predict one and the same class everywhere, kappa is 0/0 and
    counts as 0: a model that has not found the second class yet never stops the loop.
    Multilabel predictions are pooled, each label of each row counting as one
    decision. Classes that appear in later rounds are understood. Where the pool has
    grown, or ``X_stop`` is set, during a run, the rule begins anew with the rounds that
    have the same rows; a pool that grows every round needs an ``X_stop``.

    References
    ----------
    .. [1] Bloodgood and Vijay-Shanker (2009). A method for stopping active learning
       based on stabilizing predictions and the need for user-adjustable stopping.
       CoNLL. arXiv:1409.5165
    .. [2] Bloodgood and Grothendieck (2013). Analysis of stopping active learning
       based on stabilizing predictions. CoNLL. arXiv:1504.06329

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.stopping import KappaAverage
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), n_labels=150,
    ...     batch_size=5, stopping=KappaAverage(), random_state=0)
    >>> learner.fit(*load_iris(return_X_y=True)).termination_condition_
    'stopping'
    """

    def __init__(
        self,
        threshold: float = 0.99,
        window: int = 3,
        n_stop: int | None = 2000,
        X_stop: Any = None,
    ) -> None:
        self.threshold = threshold
        self.window = window
        self.n_stop = n_stop
        self.X_stop = X_stop

    def _check_params(self):
        super()._check_params()
        check_int("window", self.window)

    def _verdict(self, records):
        records = of_same_rows(records)
        if len(records) <= self.window:
            return self._undecided()
        pairs = pairwise(records[-self.window - 1 :])
        value = np.mean([cohen_kappa(*common_codes(*pair)) for pair in pairs])
        return value, self.threshold, value >= self.threshold


class ClassificationChange(_StopSetRule):
    """Stop when a round no longer changes what the model predicts.

    While new labels move the decision boundary, some predicted labels flip; when none
    does, the boundary has settled. The value is the share of predicted labels that
    differ between the last two models; the rule stops when it falls to ``threshold``.

    Parameters
    ----------
    threshold : float, default=0.0
        Stop when at most this share of the predicted labels changed.
    n_stop : int, default=2000
        Rows to compare where ``X_stop`` is None: one row from each of ``n_stop`` equal
        stretches of the pool, the same rows every round. None takes the whole pool,
        as in the paper: stricter, and a record of two bytes a row of the pool.
    X_stop : array-like of shape (n_samples, ...), default=None
        The rows to compare, as the learner sees them; no labels are needed. None
        takes them from the pool,
        labelled rows included, which needs a pool that keeps its rows.

    See Also
    --------
    KappaAverage : Corrects for agreement by chance and looks at several rounds.

    Notes
    -----
    One call of ``predict`` on the rows to compare a round. One quiet round is enough
    to stop, also early, when a model predicts one class everywhere: combine it with a
    rule of another kind by :class:`All`. The paper uses it so, to tighten the threshold
    of a confidence rule. Where the pool has grown, or ``X_stop`` is set, during a run,
    the rule begins anew.

    References
    ----------
    .. [1] Zhu, Wang and Hovy (2008). Multi-criteria-based strategy to stop active
       learning for data annotation. COLING. https://aclanthology.org/C08-1142

    Examples
    --------
    >>> from skal.stopping import ClassificationChange
    >>> rounds = [{"codes": codes, "classes": ["no", "yes"], "n_pool": 4}
    ...           for codes in ([0, 0, 1, 1], [0, 1, 1, 1])]
    >>> ClassificationChange().verdict(rounds)
    (0.25, 0.0, False)
    """

    def __init__(
        self, threshold: float = 0.0, n_stop: int | None = 2000, X_stop: Any = None
    ) -> None:
        self.threshold = threshold
        self.n_stop = n_stop
        self.X_stop = X_stop

    def _verdict(self, records):
        records = of_same_rows(records)
        if len(records) < 2:
            return self._undecided()
        first, second = common_codes(*records[-2:])
        value = np.mean(first != second)
        return value, self.threshold, value <= self.threshold


def spread_positions(n, n_stop):
    """Pick one row from each of ``n_stop`` equal stretches of n rows, always the same.

    Where in its stretch a row lies follows multiples of the golden ratio: evenly
    spread, and out of step with any period in the data.
    """
    if n_stop is None or n_stop >= n:
        return np.arange(n)
    edges = np.arange(n_stop + 1) * n // n_stop
    golden = np.arange(1, n_stop + 1) * 0.6180339887498949 % 1
    return edges[:-1] + (golden * np.diff(edges)).astype(np.int64)


def of_same_rows(records):
    """Return the last records, as far back as they are about the same rows."""
    start = len(records) - 1
    while start > 0 and same_rows(records[start - 1], records[start]):
        start -= 1
    if 0 < start == len(records) - 1:
        check_not_shrunk(records[start - 1], records[start])
    return records[start:]


def same_rows(first, second):
    """Tell whether two records are about as many rows, of as large a pool."""
    as_many = len(first["codes"]) == len(second["codes"])
    return as_many and first["n_pool"] == second["n_pool"]


def check_not_shrunk(first, second):
    """Refuse a pool that has lost rows, as one that is never the same does."""
    before, now = first["n_pool"], second["n_pool"]
    if before is not None and now is not None and now < before:
        raise ValueError(
            "X must keep its rows from round to round to be the stop set, got pools of "
            f"{before} and {now} rows. Pass the rows to compare in X_stop=."
        )


def common_codes(first, second):
    """Return the predictions of two rounds as codes among the classes of either."""
    classes = np.union1d(first["classes"], second["classes"])
    return tuple(
        np.searchsorted(classes, record["classes"])[record["codes"]]
        for record in (first, second)
    )


def cohen_kappa(first, second):
    """Agreement beyond chance of two arrays of codes, 0 where chance explains all."""
    n = len(first)
    n_classes = max(first.max(), second.max()) + 1
    counts = [np.bincount(codes, minlength=n_classes) for codes in (first, second)]
    by_chance = int(counts[0] @ counts[1])
    agree = int(np.count_nonzero(first == second))
    if by_chance == n * n:
        return 0.0
    return (agree * n - by_chance) / (n * n - by_chance)
