"""Rows told apart by what they hold, in any container, without comparing pairs."""

from __future__ import annotations

from hashlib import blake2b
from numbers import Real

import numpy as np
import scipy.sparse as sp

from skal._data.containers import n_rows

#: Whole numbers up to here are the same number as a float.
_EXACT = 2**53
_NUMBERS = "fiub"


def row_keys(X):
    """Return a digest of each row: rows that hold the same have the same.

    The types of numbers do not count, nor the order of a frame's columns. Digests are
    the same in every process.
    """
    if hasattr(X, "row_names"):  # rows that are read anew each time
        return [name.encode() for name in X.row_names()]
    if hasattr(X, "parts"):
        each = [row_keys(X.parts[name]) for name in sorted(X.parts, key=str)]
        return [b"".join(keys) for keys in zip(*each, strict=True)]
    if sp.issparse(X):
        return sparse_keys(X.tocsr())
    if hasattr(X, "columns"):
        X = in_order_of_names(X)
    X = without_torch(X)
    if not isinstance(X, (list, tuple)):
        X = np.asarray(X)
    return [digest(row) for row in X]


def row_groups(X):
    """Return for each row of X the position of the first row that holds the same."""
    first: dict[bytes, int] = {}
    keys = row_keys(X)
    groups = (first.setdefault(key, i) for i, key in enumerate(keys))
    return np.fromiter(groups, np.int64, n_rows(X))


def sparse_keys(X):
    """Return the digests of the rows of a CSR matrix, by the numbers that are not 0."""
    X = X.copy()
    X.sum_duplicates()  # sorts the columns too
    X.eliminate_zeros()
    parts = zip(X.indptr[:-1].tolist(), X.indptr[1:].tolist(), strict=True)
    return [
        digest([X.indices[start:stop], X.data[start:stop]]) for start, stop in parts
    ]


def in_order_of_names(frame):
    """Return the values of a frame, its columns in the order of their names."""
    names = list(frame.columns)
    order = sorted(range(len(names)), key=lambda i: str(names[i]))
    return np.asarray(frame)[:, order]


def without_torch(X):
    """Return a tensor as an array; numpy may not know its type, or refuse it."""
    if not hasattr(X, "detach"):
        return X
    X = X.detach().cpu()
    return np.asarray(X.float() if X.is_floating_point() else X)


def digest(row):
    """Return 16 bytes that stand for what a row holds."""
    found = blake2b(digest_size=16)
    add(found, row)
    return found.digest()


def add(found, value):
    """Add a value, or all that a nested one holds, to a digest."""
    value = without_torch(value)
    if isinstance(value, (list, tuple)) or np.ndim(value) > 0:
        array = as_numbers(value)
        if array is not None:
            found.update(f"{array.shape}".encode() + array.tobytes())
            return
        found.update(b"(")
        for part in value:
            add(found, part)
        found.update(b")")
    elif is_number(value):
        add(found, [value])
    else:
        value = value.item() if isinstance(value, np.generic) else value
        found.update(f"{value!r},".encode())


def as_numbers(value):
    """Return numbers as an array of one type, None where they are something else."""
    is_array = isinstance(value, np.ndarray)
    if isinstance(value, (list, tuple)) or (is_array and value.dtype.kind == "O"):
        if not all(map(is_number, value)):
            return None
        value = list(value)
    array = np.asarray(value)
    if array.dtype.kind not in _NUMBERS:
        return None
    if array.dtype.kind in "iu" and np.any(abs(array.astype(float)) > _EXACT):
        return array.astype(np.uint64)
    array = array.astype(float)
    array[np.isnan(array)] = np.nan  # of many NaNs, the usual one
    return array + 0.0  # and no -0


def is_number(value):
    """Tell whether a value is a number."""
    return isinstance(value, (Real, np.bool_, np.floating))
