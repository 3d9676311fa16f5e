"""The labels of a data set as its user gave them: one a row, or one for each unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

from skal._data import as_array, find_missing, n_rows, read_structured
from skal.experiment._digest import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def read_labels(what: str, y: Any, X: Any, units: bool = False) -> NDArray[Any]:
    """Return the labels of rows as an array, checked.

    Parameters
    ----------
    what : str
        What they are, in error messages.
    y : array-like
        The labels.
    X : array-like
        The rows.
    units : bool, default=False
        Whether a row has a label for each of its units.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        The labels; of objects where those of units differ in shape, or are no arrays.

    Raises
    ------
    ValueError
        If there are none, some are missing, they do not belong to the rows, or there
        are several a row and ``units`` does not say so.
    """
    if units:
        if not hasattr(y, "__len__"):
            raise TypeError(f"{what} must be an array or a list, got {y!r}.")
        target = read_structured(y, -1, what)
        y, missing = target.y, target.missing
    else:
        y = _one_a_row(what, y)
        missing, _ = find_missing(y, None, regression=True)
    if len(y) == 0:
        raise ValueError(f"{what} must hold labels, got none.")
    if n_rows(X) != len(y):
        raise ValueError(
            f"{what} must hold one label for each of the {n_rows(X)} rows, got "
            f"{len(y)}."
        )
    if missing.any():
        raise ValueError(
            f"{what} must hold every label, got {missing.sum()} of {len(missing)} "
            "missing. Leave those rows out."
        )
    if units:
        return y
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"{what} must hold finite numbers, got infinity.")
    if y.dtype.kind == "O" and type_of_target(y) == "unknown":
        y = np.array(y.tolist())  # such as integers in a column of objects
    return y


def _one_a_row(what, y):
    """Return labels of which each row has one."""
    try:
        y = as_array(y, regression=True)  # which says that it is no matrix to flatten
    except ValueError as error:
        if not isinstance(y, list | tuple) or not any(map(_holds_several, y)):
            raise
        raise _several_a_row(what, "entries that differ in shape") from error
    if y.ndim != 1:
        raise _several_a_row(what, f"shape {y.shape}")
    if y.dtype == object and any(map(_holds_several, y)):
        kind = next(type(one).__name__ for one in y if _holds_several(one))
        raise _several_a_row(what, f"a {kind} a row")
    return y


def _several_a_row(what, got):
    return ValueError(
        f"{what} must be 1-D, one label a row, got {got}. Experiments compare one "
        "output at a time. Masks, tags, boxes and other labels of units of a row need "
        "estimators with predict_units, such as skal.nets.SegmentationNet."
    )


def _holds_several(entry):
    return isinstance(entry, dict | list | tuple | np.ndarray)


def is_mask(y: NDArray[Any] | None) -> bool:
    """Tell whether the labels of units are whole numbers; None is no objection."""
    entries = y if y is not None and y.dtype == object else [y]
    return all(one is None or _is_whole(one) for one in entries)


def _is_whole(entry):
    is_array = isinstance(entry, np.ndarray) and entry.ndim > 0
    return is_array and entry.dtype.kind in "iub"


def by_entry(y: NDArray[Any] | None, name_of: Callable[[Any], str]) -> Any:
    """Return what of labels is hashed: of entries each one, for some may be one object.

    Parameters
    ----------
    y : ndarray or None
        The labels.
    name_of : callable
        Names the classes of entries.

    Returns
    -------
    object
        The labels, or digests of their entries.
    """
    if y is None or y.dtype != object or not any(map(_holds_several, y)):
        return y
    return [digest(one, name_of) for one in y]
