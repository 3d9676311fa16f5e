"""Rows of an array in a file that is read by slices, in whole stored chunks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from skal._data.stored_rows import StoredRows

if TYPE_CHECKING:
    from typing import Any


class ArrayRows(StoredRows):
    """Rows of an array of any rank that has a ``shape``, a ``dtype`` and slices.

    Parameters
    ----------
    X : array-like of shape (n_rows, ...)
        The array. Of one dimension and of texts, its rows are a list.
    cell : int
        Rows of a stored chunk: less is never read.

    Attributes
    ----------
    dtype : dtype
        Of the numbers.
    """

    def __init__(self, X: Any, cell: int) -> None:
        row_bytes = X.dtype.itemsize * np.prod(X.shape[1:], dtype=float)
        super().__init__(X, X.shape[0], row_bytes)
        self.dtype = X.dtype
        self.cell = max(1, min(cell, self._n))
        self.chunk_rows = max(1, self.chunk_rows // self.cell) * self.cell

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return tuple(self.X.shape)

    def _rising(self, positions):
        if len(positions) == 0:
            return self._given(self._slice(0, 0))
        cells, firsts = np.unique(positions // self.cell, return_index=True)
        edges = [*firsts.tolist(), len(positions)]  # where cells begin in positions
        parts = [
            part
            for first, last in self._runs(cells)
            for part in self._run(
                cells[first:last], positions[edges[first] : edges[last]]
            )
        ]
        return self._given(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def _runs(self, cells):
        """Yield the ends of stretches of cells side by side, each read at once."""
        most = self.chunk_rows // self.cell
        breaks = np.flatnonzero(np.diff(cells) != 1) + 1
        for first, last in pairwise([0, *breaks.tolist(), len(cells)]):
            for start in range(first, last, most):
                yield start, min(start + most, last)

    def _run(self, cells, positions):
        """Yield the rows at positions in cells side by side; the last cell is kept."""
        known, rows = self._last
        if known == cells[0]:
            start = known * self.cell
            n_here = np.searchsorted(positions, start + self.cell)
            yield rows[positions[:n_here] - start]
            cells, positions = cells[1:], positions[n_here:]
        if len(cells) == 0:
            return
        start, stop = cells[0] * self.cell, (cells[-1] + 1) * self.cell
        rows = self._slice(start, min(stop, self._n))
        self._last = int(cells[-1]), rows[cells[-1] * self.cell - start :].copy()
        whole = len(positions) == len(rows)
        yield rows if whole else rows[positions - start]  # a view would keep them all

    def _slice(self, start, stop):
        """Return consecutive rows as an array."""
        return np.asarray(self.X[int(start) : int(stop)])

    def _given(self, rows):
        """Return an array of texts, or of rows of several lengths, as a list."""
        return rows.tolist() if rows.ndim == 1 and rows.dtype.kind in "OSUT" else rows
