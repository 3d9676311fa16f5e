"""Scores of units, pixels or tokens or boxes, reduced to scores of rows."""

from __future__ import annotations

from math import ceil
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_fraction, check_int, check_number

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: How the scores of the units of a row become one.
REDUCTIONS = ("max", "mean", "quantile", "sum", "topk")
#: A row of more units than these is sampled before its largest are looked for: one
#: unit in so many, to keep so much more than are wanted.
_MANY, _STRIDE, _SURPLUS = 2**13, 16, 1.2
#: By what a sum is divided.
NORMALIZATIONS = ("length", "sqrt")


def aggregate(
    scores: Any,
    reduce: str = "topk",
    *,
    topk: float = 0.1,
    quantile: float = 0.9,
    weights: Any = None,
    normalize: str | None = None,
    mask: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Reduce the scores of the units of each row to a score of the row.

    The mean asks for rows that are in doubt all over, the maximum for those with a
    single unit in doubt, which may be an outlier; the mean of the largest k stands
    between them. A sum favours rows of many units. The order of the units counts for
    nothing, nor do places that a mask leaves out.

    Parameters
    ----------
    scores : array-like of shape (n, ...), or list of n array-like
        The scores of the units of each row; those of a row may have any shape.
    reduce : {"topk", "mean", "max", "sum", "quantile"}, default="topk"
        What becomes of them; "topk" is the mean of the largest.
    topk : int or float, default=0.1
        How many are the largest: a number, or a share of the row's units, rounded up.
    quantile : float, default=0.9
        Which quantile, from 0 to 1.
    weights : array-like or list, default=None
        What each score is multiplied with before, shaped as ``scores``.
    normalize : {"length", "sqrt"} or None, default=None
        Divide a sum by the number of units of the row, which makes it the mean, or by
        its square root, which favours rows of many units less than the sum does.
    mask : array-like of bool of shape (n, ...), default=None
        Which of padded scores are units; None takes them all.

    Returns
    -------
    ndarray of float64 of shape (n,)
        NaN for rows without a unit.

    Raises
    ------
    ValueError
        If a parameter is out of bounds, weights or mask differ in shape from scores, or
        a score that counts is NaN.
    TypeError
        If scores are no numbers, or no sequence of rows.

    See Also
    --------
    skal.query.Aggregate : The strategy.

    Notes
    -----
    Cost: O(N) for N units in all.

    References
    ----------
    Brust, C.-A., Käding, C., Denzler, J. (2019). Active learning for deep object
    detection. VISAPP. arXiv:1809.09875

    Examples
    --------
    >>> from skal.query.functional import aggregate
    >>> aggregate([[0.1, 0.9, 0.5], [0.4, 0.4, 0.4]], "mean")
    array([0.5, 0.4])
    >>> aggregate([[0.1, 0.9, 0.5], [0.4]], "topk", topk=2)
    array([0.7, 0.4])
    """
    check_reduction(reduce, topk, quantile, normalize)
    rows = flat_rows(scores, weights, mask)
    check_numbers(rows)
    how = reduce, topk, quantile, normalize
    if isinstance(rows, np.ndarray):
        return reduced(rows, *how)
    return np.array([reduced(row[np.newaxis], *how)[0] for row in rows], np.float64)


def check_reduction(reduce, topk, quantile, normalize):
    """Refuse what is no way to reduce the scores of units."""
    check_choice("reduce", reduce, REDUCTIONS)
    check_fraction("quantile", quantile)
    if isinstance(topk, Integral):
        check_int("topk", topk)
    elif not 0 < check_number("topk", topk) <= 1:
        raise ValueError(
            f"topk must be a whole number of units or a share in (0, 1], got {topk!r}."
        )
    if normalize is None:
        return
    check_choice("normalize", normalize, NORMALIZATIONS)
    if reduce != "sum":
        raise ValueError(
            f"normalize must be None for reduce={reduce!r}, which does not grow with "
            f"the number of units, got {normalize!r}. It is for reduce='sum'."
        )


def flat_rows(scores, weights, mask):
    """Return scores as an array (n, u), or a list of arrays (u,) where u varies."""
    if isinstance(scores, np.ndarray) and scores.dtype == object:
        scores = [*scores]
    if isinstance(scores, list | tuple):
        rows: Any = [np.ravel(row) for row in scores]
        alike = len({len(row) for row in rows}) == 1
        rows = np.stack(rows) if alike else rows
    else:
        rows = np.asarray(scores)
        if rows.ndim == 0:
            raise TypeError(
                "scores must be an array of shape (n, ...) or a list with the scores "
                f"of a row each, got {scores!r}."
            )
        rows = rows.reshape(len(rows), -1) if rows.size else np.empty((len(rows), 0))
    if weights is not None:
        rows = times(rows, weights)
    return rows if mask is None else masked(rows, mask)


def check_numbers(rows):
    """Refuse scores that are no numbers."""
    for part in [rows] if isinstance(rows, np.ndarray) else rows:
        if part.dtype.kind not in "biuf":
            raise TypeError(f"scores must be numbers, got {part.dtype}.")
        if part.size and np.isnan(part.min()):  # which is NaN where one is
            raise ValueError(
                f"scores must be numbers, got NaN for {int(np.isnan(part).sum())} "
                "units. Leave places that are no units out by mask=."
            )


def times(rows, weights):
    """Return scores times weights of their shape."""
    factors = flat_rows(weights, None, None)
    check_alike("weights", factors, rows)
    if isinstance(rows, np.ndarray):
        return rows * factors
    return [row * factor for row, factor in zip(rows, factors, strict=True)]


def masked(rows, mask):
    """Return the scores that a mask of their shape lets stand, a list of arrays."""
    keep = flat_rows(mask, None, None)
    check_alike("mask", keep, rows)
    return [row[np.asarray(kept, bool)] for row, kept in zip(rows, keep, strict=True)]


def check_alike(name, values, rows):
    """Refuse values that do not stand beside the scores of units."""
    sizes, wanted = (list(map(len, each)) for each in (values, rows))
    if sizes != wanted:
        raise ValueError(
            f"{name} must have the shape of scores, a value a unit, got "
            f"{sum(sizes)} values in {len(sizes)} rows for {sum(wanted)} scores in "
            f"{len(wanted)}."
        )


def reduced(scores, reduce, topk, quantile, normalize):
    """Reduce scores (m, u) along the units; NaN where there is none."""
    n, n_units = scores.shape
    if n_units == 0:
        return np.full(n, np.nan)
    if reduce == "mean":
        return scores.mean(axis=1, dtype=np.float64)
    if reduce == "sum":
        power = {None: 0, "sqrt": 0.5, "length": 1}[normalize]
        return scores.sum(axis=1, dtype=np.float64) / n_units**power
    if reduce == "quantile":
        scores = scores.astype(np.float64) if scores.dtype == bool else scores
        return np.quantile(scores, quantile, axis=1).astype(np.float64)
    k = 1 if reduce == "max" else n_largest(topk, n_units)
    if k == 1:
        return scores.max(axis=1).astype(np.float64)
    if n_units > _MANY:
        scores = [likely_largest(row, k) for row in scores]
        return np.array([mean_of_largest(row[np.newaxis], k)[0] for row in scores])
    return mean_of_largest(scores, k)


def mean_of_largest(scores, k):
    """Return the mean of the largest k of each row of scores (m, u)."""
    at = scores.shape[1] - k
    return np.partition(scores, at, axis=1)[:, at:].mean(axis=1, dtype=np.float64)


def likely_largest(row, k):
    """Return scores of a row among which its largest k are, few more if one is lucky.

    A sample says from which score on there are likely to be so many: to look for those
    takes half the time of putting all in their places.
    """
    sample = row[::_STRIDE]
    n_kept = min(len(sample), ceil(_SURPLUS * k / _STRIDE))
    least = np.partition(sample, len(sample) - n_kept)[len(sample) - n_kept]
    likely = row[row >= least]
    return likely if len(likely) >= k else row


def n_largest(topk, n_units):
    """Return how many of a row's units are the largest."""
    if isinstance(topk, Integral):
        return min(int(topk), n_units)
    return max(1, ceil(round(topk * n_units, 9)))
