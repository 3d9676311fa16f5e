"""Rows whose units are wanted: doubts about pixels, tokens or boxes, reduced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice
from skal.query._base import QueryStrategy, ScoreStrategy
from skal.query._names import as_strategy
from skal.query._picks import describe
from skal.query._unit_scores import (
    as_it_is,
    check_unit_base,
    reduce_scores,
    unit_needs,
)
from skal.query.functional import aggregate
from skal.query.functional._aggregate import check_reduction

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class Aggregate(ScoreStrategy):
    r"""Pick the rows whose units are wanted: pixels, tokens, time steps or boxes.

    A model that answers for each unit of a row is asked about each of them, as other
    strategies ask about rows, and the scores of the units of a row are reduced to one.
    The mean asks for rows that are in doubt all over and the maximum for a single unit,
    which may be an outlier; the mean of the largest k, the default, stands between. A
    sum favours rows of many units, long texts or busy images.

    Parameters
    ----------
    base : str or ScoreStrategy, default="entropy"
        What scores a unit, by its probabilities ("entropy", "margin",
        "least_confidence") or by several draws of them ("bald", "vote_entropy" and
        other measures of committees).
    reduce : {"topk", "mean", "max", "sum", "quantile"}, default="topk"
        What becomes of the scores of a row's units; "topk" is the mean of the largest.
    topk : int or float, default=0.1
        How many are the largest: a number, or a share of the row's units, rounded up.
    quantile : float, default=0.9
        Which quantile, from 0 to 1.
    class_weights : array-like of shape (C,), default=None
        How much a unit of each class counts, from 0 up. A unit's score is multiplied
        with the mean of these under its probabilities, so that a rare class need not
        drown in the background.
    normalize : {"length", "sqrt"} or None, default=None
        Divide a sum by the number of units, or by its square root.
    empty : {"last", "first"}, default="last"
        What becomes of rows without a unit, in which a detector finds nothing: they
        score like the least wanted row, or like the most wanted.

    See Also
    --------
    BoxDisagreement : Asks whether draws of a detector find the same boxes.
    Regions : Asks for parts of images.
    skal.structured.Units : Makes an estimator answer for units.
    skal.query.functional.aggregate : The reduction on plain arrays.

    Notes
    -----
    Cost: O(N C) for N units in all and C classes, S times that for S draws, after one
    pass of the model, in chunks: memory for units does not grow with the pool. Scores
    that begin below 0, as those of Margin do, count from the least that they can be.

    References
    ----------
    Brust, C.-A., Käding, C., Denzler, J. (2019). Active learning for deep object
    detection. VISAPP. arXiv:1809.09875

    Settles, B., Craven, M. (2008). An analysis of active learning strategies for
    sequence labeling tasks. EMNLP. doi:10.3115/1613715.1613855

    Examples
    --------
    >>> import numpy as np
    >>> from skal.query import Aggregate
    >>> class Pixels:  # three images of two pixels, in the columns of X
    ...     def predict_units(self, X):
    ...         return np.stack([X, 1 - X], axis=-1)  # (n, 2, C)
    >>> X = np.array([[0.5, 1.0], [0.9, 0.8], [0.99, 1.0]])
    >>> Aggregate("least_confidence", "max").score_samples(Pixels(), X).round(2)
    array([0.5 , 0.2 , 0.01])
    >>> Aggregate("least_confidence", "mean").score_samples(Pixels(), X).round(3)
    array([0.25 , 0.15 , 0.005])
    """

    alias = "aggregate"
    target_types = frozenset({"structured"})

    def __init__(
        self,
        base: str | QueryStrategy = "entropy",
        reduce: str = "topk",
        *,
        topk: float = 0.1,
        quantile: float = 0.9,
        class_weights: ArrayLike | None = None,
        normalize: str | None = None,
        empty: str = "last",
    ) -> None:
        self.base = base
        self.reduce = reduce
        self.topk = topk
        self.quantile = quantile
        self.class_weights = class_weights
        self.normalize = normalize
        self.empty = empty

    @property
    def needs(self) -> frozenset[str]:
        """Answers for units, in several draws where the base reads these."""
        return unit_needs(self._base())

    def _base(self) -> Any:
        return as_strategy(self.base, "base")

    def _check_params(self):
        base = self._base()
        check_unit_base(base)
        check_reduction(self.reduce, self.topk, self.quantile, self.normalize)
        check_choice("empty", self.empty, ("first", "last"))
        adds = self.reduce == "sum" or self.class_weights is not None
        if adds and base.below_zero and base.lowest is None:
            raise ValueError(
                "base must give scores from 0 up for reduce='sum' or class_weights, "
                f"got {describe(base)}. Use one such as Entropy or LeastConfidence."
            )
        if self.class_weights is not None:
            check_class_weights(self.class_weights)

    def _score(self, view, rows):
        # Remembered, so that a strategy around this one costs no second pass.
        scores = view._once(
            ("rows", *as_it_is(self)), rows, lambda X: self._reduced(view, X)
        )
        return with_empty(scores, self.empty)

    def _reduced(self, view, X):
        """Return a score a row, NaN where it has no unit."""

        def reduce(scores, proba):
            return aggregate(
                scores,
                self.reduce,
                topk=self.topk,
                quantile=self.quantile,
                weights=self._weights(proba),
                normalize=self.normalize,
            )

        return reduce_scores(view, self._base(), reduce, X)

    def _weights(self, proba):
        """Return how much each unit counts, or None where all count the same."""
        if self.class_weights is None:
            return None
        weights = np.asarray(self.class_weights, float)
        parts = proba if isinstance(proba, list) else [proba]
        for part in parts:
            if part.size and part.shape[-1] != len(weights):
                raise ValueError(
                    f"class_weights must hold a weight for each of {part.shape[-1]} "
                    f"classes, got {len(weights)}."
                )
        weighed = [part @ weights if part.size else part[..., 0] for part in parts]
        return weighed if isinstance(proba, list) else weighed[0]


def check_class_weights(weights: Any) -> NDArray[Any]:
    """Return weights of classes that are numbers from 0 up, not all 0."""
    values = np.asarray(weights)
    numbers = values.ndim == 1 and values.dtype.kind in "fiu" and len(values) > 0
    if not numbers or not np.isfinite(values).all():
        raise TypeError(
            f"class_weights must be a finite number a class, or None, got {weights!r}."
        )
    if values.min() < 0 or values.max() == 0:
        raise ValueError(
            f"class_weights must be from 0 up and not all 0, got {weights!r}."
        )
    return values


def with_empty(scores, empty):
    """Return scores in which rows without a unit, NaN so far, come last or first."""
    none = np.isnan(scores)
    if not none.any():
        return scores
    if none.all():
        return np.zeros(len(scores))
    known = scores[~none]
    return np.where(none, known.min() if empty == "last" else known.max(), scores)
