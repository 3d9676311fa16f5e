"""Stop when performance, estimated or measured, no longer rises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names

from skal._checks import check_choice, check_int, check_number
from skal._data import n_rows
from skal.stopping._base import StoppingRule

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class PerformanceConvergence(StoppingRule):
    r"""Stop when the model's own estimate of its F-measure levels off.

    Probabilities say how many of the model's decisions are right, without labels:
    with :math:`d_{ic} = 1` where the model decides for class c on row i,

    .. math:: \hat F = \frac{2 TP}{2 TP + FP + FN}, \quad
        TP = \sum d_{ic} p_{ic}, \quad FP = \sum d_{ic} (1 - p_{ic}), \quad
        FN = \sum (1 - d_{ic}) p_{ic}

    The value is the slope of the moving average of :math:`\hat F` from one round to
    the next. The rule stops when the slope lies in (0, ``threshold``) while
    :math:`\hat F` is higher than in every earlier round: rising, but hardly.

    Parameters
    ----------
    threshold : float, default=5e-5
        Stop when the moving average rises by less than this a round.
    window : int, default=10
        Rounds in the moving average. The first verdict needs ``window + 1`` rounds.

    See Also
    --------
    ValidationPlateau : Measures performance on labelled rows instead.
    OverallUncertainty : Holds the confidence itself against a threshold.

    Notes
    -----
    One pass of ``predict_proba`` over the unlabelled rows, which an uncertainty
    strategy has already paid for. The sums run over all classes; for one label a row
    :math:`\hat F` is then the mean of the top probabilities, the accuracy that the
    model expects. Multilabel decisions are made at .5. Where the model neither
    expects nor decides for any label, or no row is left, :math:`\hat F` is 0/0 and
    counts as 0.
    The paper buys one label a round and averages 100 of them; ten rounds of ten are
    the setting of [2]_.

    References
    ----------
    .. [1] Laws and Schütze (2008). Stopping criteria for active learning of named
       entity recognition. COLING. https://aclanthology.org/C08-1059
    .. [2] Pullar-Strecker, Dost, Frank and Wicker (2022). Hitting the target: stopping
       active learning at the cost-based optimum. Machine Learning. arXiv:2110.03802

    Examples
    --------
    >>> from skal.stopping import PerformanceConvergence, replay
    >>> rule = PerformanceConvergence(threshold=0.01, window=2)
    >>> replay(rule, [0.5, 0.8, 0.9, 0.905, 0.91])["stop"]
    array([False, False, False, False,  True])
    """

    needs = frozenset({"proba"})

    def __init__(self, threshold: float = 5e-5, window: int = 10) -> None:
        self.threshold = threshold
        self.window = window

    def _check_params(self):
        check_number("threshold", self.threshold, minimum=0)
        check_int("window", self.window)

    def _measure(self, view, rows, indices):
        if len(rows) == 0:
            return 0.0
        proba = view.predict_proba(rows)
        return estimated_f(proba, multilabel=view.target_type == "multilabel")

    def _verdict(self, records):
        if len(records) <= self.window:
            return self._undecided()
        # Two moving averages a round apart differ in one entry each.
        slope = (records[-1] - records[-1 - self.window]) / self.window
        rising = records[-1] > max(records[:-1])
        return slope, self.threshold, rising and 0 < slope < self.threshold


class ValidationPlateau(StoppingRule):
    """Stop when the score on held-out rows has not risen for some rounds.

    The value is the number of rounds since the score last rose by more than
    ``min_delta`` above its best; the rule stops when it reaches ``patience``.

    Parameters
    ----------
    X_val : array-like of shape (n_samples, ...), default=None
        Held-out rows, as the learner sees them: at the end of a Pipeline, transformed.
        They must be given; the default is there for scikit-learn.
    y_val : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
        Their labels. Count them: a fair comparison with random sampling spends them
        on training there.
    scoring : str or callable, default=None
        A scikit-learn scorer, higher is better. None is accuracy, R2 for regression,
        and the estimator's own score for units of rows, such as pixels.
    patience : int, default=5
        Stop after this many rounds without a rise.
    min_delta : float, default=0.0
        A rise must be larger than this to count, in units of the score.

    See Also
    --------
    KappaAverage : Needs no labels.
    skal.callback.HeldOutMonitor : Records held-out scores without stopping.

    Notes
    -----
    One scoring of ``X_val`` a round. A score of NaN never counts as a rise. Serves
    every kind of target.

    References
    ----------
    .. [1] Prechelt (1998). Early stopping - but when? Neural Networks: Tricks of the
       Trade, Springer. doi:10.1007/3-540-49430-8_3

    Examples
    --------
    >>> from skal.stopping import ValidationPlateau, replay
    >>> rule = ValidationPlateau([[0.0], [1.0]], ["no", "yes"], patience=2)
    >>> replay(rule, [0.7, 0.8, 0.8, 0.79])["value"]
    array([0., 0., 1., 2.])
    """

    target_types = frozenset({"multiclass", "multilabel", "regression", "structured"})

    def __init__(
        self,
        X_val: Any = None,
        y_val: Any = None,
        scoring: str | Callable[..., Any] | None = None,
        patience: int = 5,
        min_delta: float = 0.0,
    ) -> None:
        self.X_val = X_val
        self.y_val = y_val
        self.scoring = scoring
        self.patience = patience
        self.min_delta = min_delta

    def _check_params(self):
        for name in ("X_val", "y_val"):
            if getattr(self, name) is None:
                raise ValueError(
                    f"{name} must be held out for ValidationPlateau, got None. "
                    "Pass ValidationPlateau(X_val, y_val)."
                )
        if n_rows(self.X_val) != n_rows(self.y_val) or n_rows(self.X_val) == 0:
            raise ValueError(
                "X_val and y_val must have the same number of rows, at least one, "
                f"got {n_rows(self.X_val)} and {n_rows(self.y_val)}."
            )
        if callable(self.scoring):
            check_scoring(scoring=self.scoring)  # refuses a metric
        elif self.scoring is not None:
            check_choice("scoring", self.scoring, get_scorer_names())
        check_int("patience", self.patience)
        check_number("min_delta", self.min_delta, minimum=0)

    def _measure(self, view, rows, indices):
        if view.target_type == "structured" and self.scoring is None:
            return float(view.estimator.score(self.X_val, self.y_val))
        default = "r2" if view.target_type == "regression" else "accuracy"
        scorer = check_scoring(scoring=self.scoring or default)
        return float(scorer(view, self.X_val, self.y_val))

    def _undecided(self):
        return np.nan, self.patience, False

    def _verdict(self, records):
        best, since = -np.inf, 0
        for score in records:
            rises = score > best + self.min_delta
            best, since = (score, 0) if rises else (best, since + 1)
        return since, self.patience, since >= self.patience


def estimated_f(proba, *, multilabel=False):
    """F-measure that probabilities of shape (n, C) promise, over all classes.

    Multilabel decisions are made at .5, else for the most probable class. 0/0 is 0.
    """
    if multilabel:
        decided = proba >= 0.5
        positive = int(np.count_nonzero(decided))
        true_positive = proba.sum(where=decided, dtype=float)
    else:
        positive = len(proba)
        true_positive = proba.max(axis=1).sum(dtype=float)
    # 2 TP + FP + FN: what was decided for, plus what is expected.
    both = positive + proba.sum(dtype=float)
    return float(2 * true_positive / both) if both > 0 else 0.0
