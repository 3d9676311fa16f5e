"""Rows that stay where they are stored until they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

#: Bytes of a pool in a file that are read at a time.
CHUNK_BYTES = 2**22


class StoredRows(ABC):
    """A pool that lies in a file or a table, by position.

    Rows come in the type that estimators take: arrays, frames or lists of texts. A
    subclass reads rising positions; each stored chunk is read once while they rise,
    from one call to the next.

    Parameters
    ----------
    X : object
        What holds the rows.
    n : int
        How many they are.
    row_bytes : float
        What a row takes, about.

    Attributes
    ----------
    chunk_rows : int
        Rows to ask for at a time.
    grown : tuple
        The positions of rows that will be asked for again, with more, and the rows.
    """

    def __init__(self, X: Any, n: int, row_bytes: float) -> None:
        self.X = X
        self._n = n
        self.chunk_rows = max(1, int(CHUNK_BYTES // max(row_bytes, 1)))
        self.grown: Any = (None, None)
        self._last: Any = (None, None)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._n

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, which tells of the rows what the store tells without reading."""
        return (self._n,)

    @cached_property
    def first(self) -> Any:
        """The first row, in the type of all."""
        return self.take_rows(slice(0, 1))

    def __repr__(self) -> str:
        """Count the rows and name what holds them."""
        return f"{type(self).__name__}({self._n} rows of {type(self.X).__name__})"

    def __getitem__(self, where: Any) -> Any:
        """Return a row, or the rows of positions, a mask or a slice."""
        if isinstance(where, tuple) and where[1:] == (Ellipsis,):  # of scikit-learn
            where = where[0]
        if isinstance(where, int | np.integer):
            if not -self._n <= where < self._n:
                raise IndexError(f"row must be one of {self._n}, got {where}.")
            row = self.take_rows([where % self._n])
            return row.iloc[0] if hasattr(row, "iloc") else row[0]
        if not isinstance(where, slice):
            where = np.asarray(where)
            where = np.flatnonzero(where) if where.dtype == bool else where
        return self.take_rows(where)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Return all rows as an array."""
        return np.asarray(self.take_rows(slice(None)), dtype=dtype)

    def take_rows(self, indices: Any) -> Any:
        """Read rows, each of them once, in rising order.

        Parameters
        ----------
        indices : slice or array-like of int
            Positions from 0, in any order, repeated ones too.

        Returns
        -------
        object
            The rows in memory, in the order asked for.
        """
        if isinstance(indices, slice):
            indices = np.arange(*indices.indices(self._n))
        indices = np.asarray(indices, np.int64)
        if np.all(indices[1:] > indices[:-1]):
            return self._rising(indices)
        rising, places = np.unique(indices, return_inverse=True)
        rows = self._rising(rising)
        if hasattr(rows, "iloc"):
            return rows.iloc[places]
        return [rows[i] for i in places] if isinstance(rows, list) else rows[places]

    def chunks(self, size: int | None = None) -> Iterator[tuple[slice, Any]]:
        """Read all rows, piece by piece.

        Parameters
        ----------
        size : int, default=None
            Rows a piece; None takes about 4 MiB, in whole stored chunks.

        Yields
        ------
        where : slice
            The positions of the piece.
        rows : object
            The rows in memory.
        """
        size = size or self.chunk_rows
        for start in range(0, self._n, size):
            where = slice(start, min(start + size, self._n))
            yield where, self.take_rows(where)

    @abstractmethod
    def _rising(self, positions: NDArray[np.int64]) -> Any:
        """Return the rows at positions that rise."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what was read last."""
        return {**vars(self), "_last": (None, None), "grown": (None, None)}
