"""A pool on dask: blocks of rows that lie elsewhere, or are made when asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skal._data.containers import n_rows, take_rows
from skal._data.reading import chunk_size
from skal._data.stretch import Stretch, stacked

if TYPE_CHECKING:
    from typing import Any

#: The lengths of blocks that had to be computed, by what dask calls their pool.
_COUNTED: dict[str, tuple[int, ...]] = {}
_MOST_COUNTED = 64


def is_dask(X):
    """Tell whether X is an array, frame or column of dask, which is not imported."""
    known = "dask" in sys.modules and type(X).__module__.partition(".")[0] == "dask"
    return known and hasattr(type(X), "to_delayed") and getattr(X, "ndim", 0) > 0


def computed(values):
    """Return values in memory, as numpy or pandas hold them, if they are on dask."""
    return values.compute() if is_dask(values) else values


def counted(X, blocks):
    """Return the lengths of blocks, which are computed for that once in this process.

    What dask names alike holds the same.
    """
    from dask import compute, delayed
    from dask.base import tokenize

    name = tokenize(X)
    if name not in _COUNTED:
        count = delayed(n_rows)
        if len(_COUNTED) >= _MOST_COUNTED:
            _COUNTED.pop(next(iter(_COUNTED)), None)
        _COUNTED[name] = compute(*map(count, blocks))
    return _COUNTED[name]


class DaskRows:
    """The rows of a dask array, dataframe or column, by position.

    Rows that are taken come as numpy, CSR or pandas hold them. How long the blocks are
    is asked of these where dask does not know.

    Parameters
    ----------
    X : dask.array.Array, dask.dataframe.DataFrame or dask.dataframe.Series
        The pool. Blocks are cut along the first axis only.

    Attributes
    ----------
    dtype : dtype or None
        Of the numbers in an array; None for frames and columns.
    """

    def __init__(self, X: Any) -> None:
        is_array = hasattr(type(X), "rechunk")  # which no name of a column is
        if is_array and X.ndim > 1 and max(X.numblocks[1:]) > 1:
            X = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
        self.X = X
        self.dtype = X.dtype if is_array else None
        self._last: Any = (None, None)
        self.grown: Any = (None, None)

    @cached_property
    def blocks(self) -> list[Any]:
        """The blocks, each to be computed."""
        return np.ravel(self.X.to_delayed()).tolist()

    @cached_property
    def edges(self) -> Any:
        """Where blocks begin, and the last one ends: (n_blocks + 1,)."""
        lengths = self.X.chunks[0] if self.dtype is not None else [np.nan]
        if np.isnan(lengths).any():
            lengths = counted(self.X, self.blocks)
        return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pool; a column has one dimension."""
        return (int(self.edges[-1]), *self._row_shape)

    @property
    def _row_shape(self):
        if self.dtype is not None:
            return tuple(self.X.shape[1:])
        return (len(self.X.columns),) if self.X.ndim > 1 else ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, indices: Any) -> Any:
        """Return rows, by positions or a slice."""
        return self.take_rows(indices)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Return the whole pool as an array."""
        return np.asarray(computed(self.X), dtype=dtype)

    def take_rows(self, indices: Any) -> Any:
        """Fetch rows, each block asked once; slices block after block.

        Parameters
        ----------
        indices : slice or array-like of int
            Positions, in any order.

        Returns
        -------
        object
            The rows in memory.
        """
        if isinstance(indices, slice):
            start, stop, step = indices.indices(len(self))
            if step == 1:
                return self._stretch(start, stop)
            indices = np.arange(start, stop, step)
        rising, places = np.unique(np.asarray(indices, np.int64), return_inverse=True)
        if len(rising) == 0:
            return self._none
        from dask import compute, delayed

        take, at = delayed(take_rows), np.searchsorted(rising, self.edges)
        parts = [
            take(block, rising[first:last] - edge)
            for block, edge, (first, last) in zip(
                self.blocks, self.edges[:-1], pairwise(at.tolist()), strict=True
            )
            if first < last
        ]
        return take_rows(stacked(compute(*parts)), places)

    def stretches(self, positions: Any = None) -> Any:
        """Cut the pool into stretches that begin on the grid of ``chunk_size``.

        A stretch is a block but for its ends, which lie where a pool in memory would be
        cut: so a model sees each row beside the same neighbours, however long the
        blocks are.

        Parameters
        ----------
        positions : ndarray of int, default=None
            The rows wanted, rising; None for all. Other stretches are left out.

        Yields
        ------
        parts : list of Delayed
            The parts of blocks that make up the stretch.
        span : Span
            Where it lies, and which of its rows are wanted.
        where : slice
            Their places among ``positions``.
        """
        size = chunk_size(self)
        snapped = (self.edges[1:-1] + size // 2) // size * size
        inner = snapped[snapped < len(self)]
        ends = np.unique(np.concatenate([[0], inner, [len(self)]]))
        places = ends if positions is None else np.searchsorted(positions, ends)
        cuts = zip(pairwise(ends.tolist()), pairwise(places.tolist()), strict=True)
        for (start, stop), (first, last) in cuts:
            if first == last:
                continue
            rows = None if positions is None else positions[first:last] - start
            span = Span.of(size, start, stop - start, rows)
            yield self._parts(start, stop), span, slice(first, last)

    def _parts(self, start, stop):
        """Return the parts of blocks that make up a stretch, each to be computed."""
        from dask import delayed

        cut, parts = delayed(cut_from), []
        numbers = self._block_of(np.array([start, stop - 1]))
        for k in range(numbers[0], numbers[1] + 1):
            first = max(start - self.edges[k], 0)
            last = min(stop, self.edges[k + 1]) - self.edges[k]
            if last - first == self.edges[k + 1] - self.edges[k]:
                parts.append(self.blocks[k])
            elif last > first:
                parts.append(cut(self.blocks[k], int(first), int(last)))
        return parts

    def _stretch(self, start, stop):
        """Return consecutive rows; the last block read is kept for the next ones."""
        if stop <= start:
            return self._none
        parts, numbers = [], self._block_of(np.array([start, stop - 1]))
        for k in range(numbers[0], numbers[1] + 1):
            if self._last[0] != k:
                self._last = k, self.blocks[k].compute()
            edge = self.edges[k]
            part = slice(int(max(start - edge, 0)), int(stop - edge))
            parts.append(take_rows(self._last[1], part))
        return stacked(parts)

    def _block_of(self, positions):
        """Return the numbers of the blocks that hold rows; empty blocks hold none."""
        return np.searchsorted(self.edges, positions, side="right") - 1

    @property
    def _none(self):
        """No row, as others would come."""
        empty = self.X._meta
        if self.dtype is None:
            return empty
        shape = (0, *self._row_shape)
        if sp.issparse(empty):
            return type(empty)(shape, dtype=self.dtype).tocsr()
        return np.empty(shape, self.dtype)


def cut_from(block, first, last):
    """Return some rows of a block, where it lies: no more of it travels.

    Few of them are copied, or they would keep the block in memory.
    """
    rows = take_rows(block, slice(first, last))
    is_few = 2 * (last - first) < n_rows(block)
    return rows.copy() if is_few else rows


@dataclass(frozen=True)
class Span:
    """Where a stretch of ``n`` rows lies, and which are wanted.

    These are the ones listed, or all ``others``: whichever list is shorter travels.
    """

    chunk_rows: int
    start: int
    n: int
    listed: Any
    others: bool

    @classmethod
    def of(cls, chunk_rows, start, n, positions):
        """Return the span of which the rows at rising positions are wanted."""
        if positions is None or len(positions) > n // 2:
            left_out = np.ones(n, bool)
            left_out[slice(None) if positions is None else positions] = False
            return cls(chunk_rows, start, n, np.flatnonzero(left_out), others=True)
        return cls(chunk_rows, start, n, positions, others=False)

    def positions(self):
        """Return the positions of the rows that are wanted, in the stretch."""
        if self.others:
            return np.delete(np.arange(self.n), self.listed)
        return self.listed

    def stretch(self, parts):
        """Return the stretch itself, of its parts in memory."""
        return Stretch(parts, self.chunk_rows, self.start)
