"""What holds rows: arrays, CSR, frames, lists and tensors, read alike."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import scipy.sparse as sp

from skal._data.stored import as_stored
from skal._data.stored_rows import StoredRows


def n_rows(X):
    """Return the number of rows of X."""
    X = as_stored(X)
    return X.shape[0] if hasattr(X, "shape") else len(X)


def take_rows(X, indices):
    """Return ``X[indices]`` in X's own type, by position."""
    X = as_stored(X)
    if hasattr(X, "take_rows"):  # a pool that knows how
        return X.take_rows(indices)
    if hasattr(X, "iloc"):  # pandas
        return X.iloc[indices]
    if hasattr(X, "shape"):  # arrays of any rank, CSR, memmaps, polars, tensors
        return X[indices] if is_in_memory(X) else take_rising(X, indices)
    if isinstance(X, list | tuple):
        return X[indices] if isinstance(indices, slice) else [X[i] for i in indices]
    if isinstance(indices, slice):  # data sets may know no slices
        indices = range(*indices.indices(len(X)))
    return [X[int(i)] for i in indices]


def take_grown(X, order):
    """Return rows from afar, of which those asked for last time are still known."""
    known, rows = X.grown
    if rows is None or not np.array_equal(known, order[: len(known)]):
        rows = take_rows(X, order)
    elif len(order) > len(known):
        rows = concat_rows(rows, take_rows(X, order[len(known) :]))
    X.grown = order.copy(), rows
    return rows


def view_rows(X, indices):
    """Return ``X[indices]`` to be read once: a torch Dataset reads rows when asked."""
    if not is_torch_dataset(X) or hasattr(X, "take_rows"):
        return take_rows(X, indices)
    from torch.utils.data import Subset

    if isinstance(indices, slice):
        indices = range(*indices.indices(len(X)))
    return Subset(X, [int(i) for i in indices])


def in_memory(X):
    """Return X, which is read whole if it lies in a file or a table."""
    X = as_stored(X)
    return X.take_rows(slice(None)) if is_stored(X) else X


def is_stored(X):
    """Tell whether X, or a part of a MultiInput, lies in a file or a table."""
    if isinstance(X, StoredRows):
        return True
    parts = getattr(X, "parts", None)
    return isinstance(parts, dict) and any(map(is_stored, parts.values()))


def is_torch_dataset(X):
    """Tell whether X is a Dataset of torch, which is not imported to know."""
    names = [f"{base.__module__}.{base.__name__}" for base in type(X).__mro__]
    return "torch.utils.data.dataset.Dataset" in names


def is_in_memory(X):
    """Tell whether rows may be taken in any order, as numpy and its like allow."""
    known = isinstance(X, np.ndarray) or sp.issparse(X)
    return known or type(X).__module__.partition(".")[0] in ("torch", "polars")


def take_rising(X, indices):
    """Return rows of an array in a file, which are read once each, in rising order."""
    if isinstance(indices, slice):
        return X[indices]
    indices = np.asarray(indices)
    if len(indices) == 0:
        return X[:0]
    if np.all(indices[1:] > indices[:-1]):
        return X[indices]
    rising, places = np.unique(indices, return_inverse=True)
    return X[rising][places]


def concat_rows(first, second):
    """Stack two containers of rows of the same type."""
    first, second = in_memory(first), in_memory(second)
    if hasattr(first, "concat_rows"):
        return first.concat_rows(second)
    if hasattr(first, "columns"):
        check_columns(first, second)
    elif not are_alike(first, second):
        raise ValueError(
            f"X must be rows like those before ({kind_of_rows(first)}), got "
            f"{kind_of_rows(second)}."
        )
    if hasattr(first, "iloc"):
        import pandas as pd

        if not hasattr(second, "iloc"):
            second = type(first)(second)
        return pd.concat([first, second])
    if sp.issparse(first):
        return sp.vstack([first, second], format="csr")
    if isinstance(first, np.ndarray):
        return np.concatenate([first, np.asarray(second)])
    if type(first).__module__.startswith("torch"):
        import torch

        return torch.cat([first, torch.as_tensor(second)])
    if type(first).__module__.startswith("polars"):
        import polars as pl

        if isinstance(first, pl.DataFrame):
            second = second.select(first.columns)
        return pl.concat([first, second])
    return [*take_rows(first, slice(None)), *take_rows(second, slice(None))]


def are_alike(first, second):
    """Tell whether rows are of one shape; where lengths vary, of one rank."""
    if sp.issparse(first) != sp.issparse(second) or hasattr(second, "columns"):
        return False
    if are_sequences(first) and are_sequences(second):
        return True
    before, now = shapes_of(first), shapes_of(second)
    if len(before) > 1:
        before, now = ({*map(len, shapes)} for shapes in (before, now))
    return now <= before or not before


def are_sequences(X):
    """Tell whether X is a list of rows of ids, each of which may have a length."""
    if not isinstance(X, list):
        return False
    return all(isinstance(row, list) and are_ids(row) for row in X)


def are_ids(row):
    """Tell whether a list holds whole numbers."""
    return all(isinstance(value, Integral) for value in row)


def kind_of_rows(X):
    """Say what a container of rows holds, in words that messages can use."""
    if hasattr(X, "columns"):
        return f"a frame with the columns {list(X.columns)}"
    words = "sparse rows" if sp.issparse(X) else "rows"
    shapes = shapes_of(X)
    if len(shapes) != 1:
        return f"{words} of several shapes"
    return f"{words} of shape {shapes.pop()}"


def shapes_of(X):
    """Return the shapes that rows of X have; there may be several in a list."""
    if hasattr(X, "shape"):
        return {tuple(X.shape[1:])}
    rows = (X[i] for i in range(len(X)))
    return {shape_of(row) for row in rows if not (isinstance(row, list) and not row)}


def shape_of(row):
    """Return the shape of a row in a list; texts and lists of words have none."""
    if isinstance(row, tuple) and row and hasattr(row[0], "shape"):
        row = row[0]  # a pair (row, label) of a data set
    if isinstance(row, list | tuple) and row and not isinstance(row[0], str):
        try:
            return np.shape(row)
        except ValueError:  # lists of lists of several lengths
            return ()
    kind = getattr(getattr(row, "dtype", None), "kind", "")
    numeric = hasattr(row, "shape") and kind not in {*"OSUT"}
    return tuple(row.shape) if numeric else ()


def check_columns(first, second):
    """Refuse a frame that has not the columns of the rows before."""
    before, now = list(first.columns), list(getattr(second, "columns", []))
    if set(before) != set(now):
        raise ValueError(
            f"X must have the columns of the rows before, {before}, got {now}."
        )
