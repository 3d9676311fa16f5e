"""Reading X piece by piece: how many rows at a time, and which beside which."""

from itertools import chain, pairwise

import numpy as np
import scipy.sparse as sp

from skal._data.containers import is_stored, n_rows, take_rows, view_rows
from skal._data.stored import as_stored
from skal._data.stored_rows import StoredRows
from skal._data.stretch import Stretch

#: Bytes of X handed to the estimator at a time: a sixteenth of the pool, within bounds.
_CHUNK_BYTES = 2**22
_MIN_CHUNK = 1024
_CHUNKS = 16
#: Bytes of a file read at a time, however long its rows are.
_MOST_BYTES = 2**26
#: Rows a chunk where the size of a row cannot be told (lists, frames of objects).
_DEFAULT_CHUNK = 8192
#: A stretch of the base of which at least this share is wanted is read whole: a
#: view costs nothing, a gather copies.
_DENSE_SHARE = 0.9


def chunk_size(X):
    """Rows of X that fill a chunk: as many in a file as in memory, for like answers."""
    if isinstance(X, Stretch):
        return X.chunk_rows
    X = as_stored(X)
    in_file = isinstance(X, StoredRows)
    n, rows = n_rows(X), X.first if in_file else X
    if sp.issparse(X):
        row_bytes = 12 * X.nnz / max(1, n)
    elif hasattr(rows, "iloc") or not hasattr(getattr(rows, "dtype", None), "itemsize"):
        return _DEFAULT_CHUNK
    else:
        row_bytes = rows.dtype.itemsize * np.prod(rows.shape[1:], dtype=float)
    chunk_bytes = min(_CHUNK_BYTES, row_bytes * n / _CHUNKS)
    size = max(_MIN_CHUNK, int(chunk_bytes / max(row_bytes, 1)))
    most = int(_MOST_BYTES / max(row_bytes, 1)) if in_file else size
    return max(1, min(size, most))


def blocks(X, positions):
    """Read the rows at sorted ``positions`` of X (None for all), block by block.

    The blocks lie on a fixed grid over X. One that is wanted nearly whole is read as
    a slice, which costs no copy, and so its rows are computed beside the same
    neighbours whatever else is asked for.

    Yields
    ------
    data : object
        Rows in X's own type.
    keep : ndarray of int or None
        Which of them were asked for; None means all.
    where : slice
        Their places among ``positions``.
    """
    size, n = chunk_size(X), n_rows(X)
    starts = np.arange(0, n + size, size)
    edges = starts if positions is None else np.searchsorted(positions, starts)
    for first, (start, stop) in zip(starts, pairwise(edges.tolist()), strict=False):
        stop = stop if positions is not None else min(stop, n)
        last = min(first + size, n)
        where = slice(start, stop)
        if stop - start == last - first:
            yield view_rows(X, slice(first, last)), None, where
        elif stop - start >= _DENSE_SHARE * (last - first):
            yield view_rows(X, slice(first, last)), positions[where] - first, where
        elif stop > start:
            yield view_rows(X, positions[where]), None, where


def answer_in_chunks(ask, X, *, by_row=False):
    """Return what ``ask`` answers about the rows of X; those in a file in chunks.

    ``by_row`` says that an answer in a list has an entry a row.
    """
    X = as_stored(X)
    if not is_stored(X):
        return ask(X)
    size = X.chunk_rows if isinstance(X, StoredRows) else chunk_size(X)
    starts = range(0, n_rows(X), size)
    parts = [ask(take_rows(X, slice(start, start + size))) for start in starts]
    if by_row and isinstance(parts[0], list):
        return [*chain.from_iterable(parts)]
    return joined(parts)


def joined(answers):
    """Return answers about rows, one after the other, as one."""
    first = answers[0]
    if isinstance(first, list | tuple):  # predictions and deviations, or outputs
        return type(first)(map(joined, zip(*answers, strict=True)))
    return sp.vstack(answers, "csr") if sp.issparse(first) else np.concatenate(answers)
