"""Rows of a batch as an embedder sees them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def part_of(batch, column):
    """Return what of a batch is read: an array, a tensor, a frame or a list.

    A batch is a list of rows, a dict or a tuple of columns, a frame or an array.
    """
    if isinstance(batch, list):
        return part_of_rows(batch, column)
    if column is not None:
        return as_rows(item_part(batch, column))
    if isinstance(batch, Mapping):
        if len(batch) == 1:
            return as_rows(*batch.values())
        import pandas as pd

        return pd.DataFrame(dict(batch))
    return as_rows(the_row(batch)) if isinstance(batch, tuple) else batch


def part_of_rows(rows, column):
    """Return what is read of rows that came one by one."""
    if column is not None:
        return stacked([item_part(row, column) for row in rows])
    first = rows[0]
    if isinstance(first, Mapping):
        return part_of({key: [row[key] for row in rows] for key in first}, None)
    if isinstance(first, tuple) and not all(map(is_number, first)):
        return stacked([the_row(row) for row in rows])
    return stacked(rows)


def item_part(item, column):
    """Return a part of a row or a batch, by its key or place."""
    try:
        return item[column]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        keys = getattr(item, "columns", item if isinstance(item, Mapping) else None)
        held = f"{list(keys)}" if keys is not None else f"a {type(item).__name__}"
        raise ValueError(
            f"column must be one that source holds, {held}, got {column!r}."
        ) from error


def the_row(item):
    """Return the row of a pair (row, label), or of what stands alone."""
    if len(item) > 2:
        raise ValueError(
            f"column must say which of {len(item)} parts of a row to read, got None."
        )
    return item[0]


def as_rows(part):
    """Return a column as the array or the list that it is."""
    if hasattr(part, "iloc"):
        part = part.tolist() if part.ndim == 1 else part
    return stacked(part) if isinstance(part, list | tuple) else part


def stacked(rows):
    """Return rows of one shape as an array, or a tensor; others stay a list."""
    if any(isinstance(row, str) for row in rows):
        return [*rows]
    if all(hasattr(row, "detach") for row in rows):
        import torch

        return torch.stack([*rows])
    arrays = [np.asarray(row) for row in rows] if not is_ragged(rows) else []
    alike = len({(row.shape, row.dtype.kind == "O") for row in arrays}) == 1
    return np.stack(arrays) if alike and arrays[0].dtype != object else [*rows]


def is_ragged(rows):
    """Tell whether rows are lists of several lengths, which make no array."""
    return len({len(row) for row in rows if isinstance(row, list)}) > 1


def is_number(value):
    """Tell whether a value is a number."""
    return np.isscalar(value) and not isinstance(value, str | bytes)
