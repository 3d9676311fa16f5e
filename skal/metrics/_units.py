"""How well the classes of pixels are told: mean intersection over union."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Stands where the class of a unit is not known.
_UNKNOWN = -1


def mean_iou(y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> float:
    r"""Compute the mean over the classes of intersection over union.

    The measure of segmentation: large classes do not hide small ones. Over all pixels
    of all rows, with those of class c :math:`T_c` in truth, :math:`P_c` as predicted,

    .. math:: \frac{1}{C} \sum_c \frac{|T_c \cap P_c|}{|T_c \cup P_c|}

    Parameters
    ----------
    y_true : array-like of shape (n_rows, ...) or sequence of n_rows arrays
        The class of each unit of each row, whole numbers; -1 where it is not known.
    y_pred : array-like of shape (n_rows, ...) or sequence of n_rows arrays
        The classes as predicted.
    sample_weight : array-like of shape (n_rows,), default=None
        How much the units of each row count.

    Returns
    -------
    float
        From 0 to 1, over the classes that are in the truth or among the predictions.

    Raises
    ------
    ValueError
        If shapes differ, no unit is known, the classes are no whole numbers, or weights
        are below 0.

    See Also
    --------
    skal.nets.SegmentationNet : Its ``score`` is this.
    sklearn.metrics.jaccard_score : The same for one label a row.

    Examples
    --------
    >>> from skal.metrics import mean_iou
    >>> y_true = [[[0, 0], [1, -1]]]
    >>> mean_iou(y_true, [[[0, 1], [1, 1]]])  # a half of either class
    0.5
    """
    if len(y_true) != len(y_pred):
        raise ValueError(
            "y_pred must have as many rows as y_true, got "
            f"{len(y_pred)} and {len(y_true)}."
        )
    pairs = [*zip(y_true, y_pred, strict=True)]
    weights = checked_weights(sample_weight, len(pairs))
    found: dict[int, NDArray[Any]] = {}
    for (truth, answer), weight in zip(pairs, weights, strict=True):
        for name, areas in areas_of(*checked(truth, answer)).items():
            found[name] = found.get(name, 0) + weight * areas
    areas = np.array([areas for areas in found.values() if areas[1] > 0])
    if len(areas) == 0:
        raise ValueError("y_true must hold a unit whose class is known, got none.")
    return float(np.mean(areas[:, 0] / areas[:, 1]))


def checked_weights(sample_weight, n):
    """Return the weights of n rows."""
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=float)
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight must hold a weight for each of {n} rows, got shape "
            f"{weights.shape}."
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(
            "sample_weight must hold finite numbers of at least 0, not all 0, got "
            f"{sample_weight!r}."
        )
    return weights


def checked(truth, answer):
    """Return the classes of the known units of a row, in truth and as predicted."""
    truth, answer = np.asarray(truth), np.asarray(answer)
    if truth.shape != answer.shape:
        raise ValueError(
            f"y_pred must have the shapes of y_true, got a row of {answer.shape} for "
            f"one of {truth.shape}."
        )
    for name, classes in (("y_true", truth), ("y_pred", answer)):
        if classes.size and classes.dtype.kind not in "iub":
            raise ValueError(
                f"{name} must hold whole numbers, the classes of units, got "
                f"{classes.dtype}."
            )
    known = truth != _UNKNOWN
    return truth[known], answer[known]


def areas_of(truth, answer):
    """Return the intersection and the union of each class, in units."""
    same = truth == answer
    found = {}
    for name in np.union1d(truth, answer).tolist():
        union = np.count_nonzero((truth == name) | (answer == name))
        found[name] = np.array([np.count_nonzero(same & (truth == name)), union])
    return found
