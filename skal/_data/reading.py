"""Reading X piece by piece: how many rows at a time, and which beside which."""

from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from skal._data.containers import n_rows, view_rows
from skal._data.stretch import Stretch

#: Bytes of X handed to the estimator at a time: a sixteenth of the pool, within bounds.
_CHUNK_BYTES = 2**22
_MIN_CHUNK = 1024
_CHUNKS = 16
#: Rows a chunk where the size of a row cannot be told (lists, frames of objects).
_DEFAULT_CHUNK = 8192
#: A stretch of the base of which at least this share is wanted is read whole: a
#: view costs nothing, a gather copies.
_DENSE_SHARE = 0.9


def chunk_size(X):
    """Rows of X that fill a chunk."""
    if isinstance(X, Stretch):
        return X.chunk_rows
    if sp.issparse(X):
        row_bytes = 12 * X.nnz / max(1, X.shape[0])
    elif hasattr(X, "iloc") or not hasattr(getattr(X, "dtype", None), "itemsize"):
        return _DEFAULT_CHUNK
    else:
        row_bytes = X.dtype.itemsize * np.prod(X.shape[1:], dtype=float)
    chunk_bytes = min(_CHUNK_BYTES, row_bytes * X.shape[0] / _CHUNKS)
    return max(_MIN_CHUNK, int(chunk_bytes / max(row_bytes, 1)))


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
