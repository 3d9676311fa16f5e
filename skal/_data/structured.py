"""Targets with many labels a row: masks, tags of tokens, boxes; known, or in part."""

from __future__ import annotations

from numbers import Real

import numpy as np

from skal._data.targets import Target, is_hole


def read_structured(y, missing_label, name="y"):
    """Read a target of which an entry is whatever the estimator takes for a row.

    An array (n, ...) has a label a unit, and a row misses its label where every unit
    does. Otherwise ``y`` is a sequence of n entries, None where there is no label; of
    arrays that are all alike, or tensors, it becomes an array.
    """
    if hasattr(y, "dtype") and not isinstance(y, np.ndarray):
        y = np.asarray(y)
    if isinstance(y, np.ndarray) and y.dtype != object:
        if y.ndim < 2:
            raise ValueError(
                f"{name} must be an array of shape (n_samples, ...) with a label for "
                "each unit of a row, or a list with an entry a row, got shape "
                f"{y.shape}."
            )
        return dense_target(y, missing_label)
    entries = as_entries([as_given(entry) for entry in y])
    missing = np.array([misses(entry, missing_label) for entry in entries], bool)
    known = entries[~missing]
    shapes = {entry.shape for entry in known if is_numeric(entry)}
    if len(shapes) != 1 or not all(map(is_numeric, known)) or missing_label is None:
        return Target(entries, missing, "structured" if len(known) else None)
    return dense_target(stacked(entries, shapes.pop(), missing_label), missing_label)


def dense_target(y, missing_label):
    """Read an array of units."""
    unknown = unknown_units(y, missing_label)
    missing = unknown.all(axis=tuple(range(1, y.ndim)))
    kind = None if missing.all() else "structured"
    return Target(y, missing, kind, marked=bool(unknown.any()))


def unknown_units(y, missing_label):
    """Tell which units of an array hold no label."""
    if y.dtype.kind == "f":
        return np.isnan(y)
    holds = str if y.dtype.kind == "U" else Real
    if not isinstance(missing_label, holds):
        return np.zeros(y.shape, bool)
    return y == missing_label


def as_entries(y):
    """Return a sequence as an array of objects, an entry a row."""
    entries = np.empty(len(y), object)
    for i, entry in enumerate(y):
        entries[i] = entry
    return entries


def as_given(entry):
    """Return an entry, a tensor as an array."""
    is_tensor = hasattr(entry, "dtype") and not isinstance(entry, np.ndarray)
    return np.asarray(entry) if is_tensor and np.ndim(entry) > 0 else entry


def misses(entry, missing_label):
    """Tell whether an entry of a row is no label: None, NaN, or not a unit of it."""
    if is_numeric(entry):
        return entry.size > 0 and bool(unknown_units(entry, missing_label).all())
    return entry is None or (np.ndim(entry) == 0 and is_hole(entry))


def is_numeric(entry):
    """Tell whether an entry is an array of labels of units."""
    is_array = isinstance(entry, np.ndarray) and entry.ndim > 0
    return is_array and entry.dtype.kind in "biuf"


def stacked(entries, shape, missing_label):
    """Return entries of one shape as an array, rows without a label filled."""
    known = [entry for entry in entries if is_numeric(entry)]
    if len(known) == len(entries):
        return np.stack(known)
    dtype = np.result_type(*known)
    if dtype.kind != "f":
        dtype = np.result_type(dtype, np.min_scalar_type(missing_label))
    mark = np.nan if dtype.kind == "f" else missing_label
    y = np.full((len(entries), *shape), mark, dtype)
    for row, entry in zip(y, entries, strict=True):
        if is_numeric(entry):
            row[...] = entry
    return y


def join_structured(first, second):
    """Stack two targets; arrays of rows that differ in shape become entries."""
    dense = object not in (first.dtype, second.dtype)
    if dense and first.shape[1:] == second.shape[1:]:
        return np.concatenate([first, second])
    return np.concatenate([as_entries(first), as_entries(second)])
