"""Columns that give the labels away: a second label column, a code for it, a count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

#: Below this chance it is no accident that a column and the labels go together.
CHANCE = 1e-6


def leaking_columns(frame: DataFrame, y: NDArray[Any]) -> dict[str, str]:
    """Find the columns of numbers from which the labels can be read.

    Parameters
    ----------
    frame : DataFrame of shape (n_samples, n_columns)
        Numbers and categories, perhaps with gaps; other columns are passed over.
    y : ndarray of shape (n_samples,)
        The labels.

    Returns
    -------
    dict of str to str
        Name of the column -> what is wrong with it.
    """
    classes, codes = np.unique(y, return_inverse=True)
    numbers = y.astype(float) if y.dtype.kind in "iuf" else None
    found = {}
    for name in frame.select_dtypes(["number", "bool", "category"]):
        words = _leak(_as_numbers(frame[name]), codes, len(classes), numbers)
        if words:
            found[str(name)] = words
    return found


def _leak(column, codes, n_classes, numbers):
    """Say how a column gives the labels away, nothing where it does not."""
    values, groups = np.unique(column, return_inverse=True)
    if len(values) == 1 or n_classes == 1:
        return ""
    if goes_with(groups, codes):
        return "each of its values has one label"
    if goes_with(codes, groups):
        return "each label has one of its values"
    if numbers is not None and _is_multiple(column, numbers):
        return "it is the labels in another unit"
    if _counts_sorted_rows(column, codes, n_classes):
        return "it counts the rows, which are sorted by label"
    return ""


def _as_numbers(column):
    """Return numbers, or the codes of categories; gaps are NaN."""
    if column.dtype == "category":
        codes = column.cat.codes.to_numpy(dtype=float)
        return np.where(codes < 0, np.nan, codes)
    return column.to_numpy(dtype=float)


def goes_with(groups, labels):
    """Tell whether each group has one label, and not by chance.

    Chance gives all m rows of a group one label with probability sum p_c^m. Groups of
    one row show nothing: each number of a column of measurements has one label.
    """
    pairs = np.unique(groups * (labels.max() + 1) + labels)
    sizes = np.bincount(groups)
    if len(pairs) > len(sizes):
        return False
    shares = np.bincount(labels) / len(labels)
    shares = shares[shares > 0]
    sizes, counts = np.unique(sizes, return_counts=True)
    largest = np.log(shares.max())
    # The largest class is taken out of the sum, which could fall below every float.
    rest = [np.log(np.sum((shares / shares.max()) ** size)) for size in sizes]
    return np.sum(counts * (sizes * largest + rest)) < np.log(CHANCE)


def _is_multiple(column, numbers):
    """Tell whether a column is a line through the labels, to eight figures."""
    if len(column) < 4:
        return False
    column, numbers = column - column.mean(), numbers - numbers.mean()
    slope = column @ numbers / (numbers @ numbers)
    return np.abs(column - slope * numbers).max() < 1e-8 * np.abs(column).max()


def _counts_sorted_rows(column, codes, n_classes):
    if (np.diff(column) != 1).any():
        return False
    n_runs = 1 + np.count_nonzero(np.diff(codes))
    return n_runs == n_classes and len(codes) >= 10 * n_classes
