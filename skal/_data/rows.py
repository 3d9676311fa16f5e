"""Rows: a lazy selection of rows of any X."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skal._data.containers import in_memory, n_rows, view_rows
from skal._data.costs import check_costs
from skal._data.dask_rows import DaskRows
from skal._data.groups import check_groups
from skal._data.pools import check_pool
from skal._data.reading import chunk_size
from skal._data.stored import as_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def select_rows(X, candidates):
    """Return the Rows of X that candidates (positions, a mask or None) allow."""
    return select_among(Rows(check_pool(X, "X_pool")), candidates)


def select_among(pool, candidates):
    """Return those of a pool's Rows that candidates allow."""
    return pool if candidates is None else pool.take(allowed(candidates, len(pool)))


def allowed(candidates, n):
    """Return positions, or a mask, of n rows that may be asked as positions."""
    chosen = np.asarray(candidates)
    if chosen.dtype == bool and chosen.shape == (n,):
        return np.flatnonzero(chosen)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        if chosen.shape == (0,):
            return np.empty(0, int)
        raise ValueError(
            f"candidates must be positions in X_pool or a mask of {n} booleans, got "
            f"{chosen.dtype} of shape {chosen.shape}."
        )
    ordered = np.unique(chosen)
    if len(ordered) < len(chosen):
        raise ValueError(
            f"candidates must be different rows, got {len(chosen) - len(ordered)} "
            "of them twice or more."
        )
    if len(ordered) and not 0 <= ordered[0] <= ordered[-1] < n:
        raise ValueError(
            f"candidates must be positions in [0, {n - 1}], got {ordered[0]} to "
            f"{ordered[-1]}."
        )
    return ordered


def as_rows(X):
    """Return X as Rows; Rows come back as they are."""
    return X if isinstance(X, Rows) else Rows(check_pool(X))


def is_far(rows):
    """Tell whether Rows are of a pool that lies elsewhere and is not to be held."""
    return isinstance(rows.X, DaskRows)


def near(rows):
    """Return Rows in memory; those of a pool elsewhere are fetched, all at once."""
    if not is_far(rows):
        return rows
    return Rows(rows.data(), groups=rows.groups, costs=rows.costs)


class Rows:
    """A lazy selection of rows of X: nothing is copied until it is read.

    Strategies receive their candidates as Rows. Slices of slices refer to the same
    base, which is what lets a :class:`~skal.ModelView` compute each row once.

    Parameters
    ----------
    X : array-like of shape (n_base, ...), sparse matrix, frame, memmap, tensor or list
        The base data.
    indices : array-like of int or bool, default=None
        Positions in X of the selected rows, or a mask; None selects every row.
    groups : array-like of shape (n_base,), default=None
        The group of each row of X: its patient, drive or document.
    costs : float, array-like of shape (n_base,) or callable, default=None
        What the label of each row of X costs, a number above 0; a function is called
        with X.

    Attributes
    ----------
    X : object
        The base data, never copied.
    indices : ndarray of int64 of shape (n_rows,) or None
        Positions in X; None means every row.
    shape : tuple of int
        The shape of the selection.
    groups : ndarray of shape (n_rows,) or None
        The groups of the selected rows, None where nobody has said.
    costs : ndarray of float of shape (n_rows,) or None
        What their labels cost, None where nobody has said.

    Raises
    ------
    ValueError
        If groups or costs are not one for each row of X, groups are missing, or costs
        are not finite and above 0.

    See Also
    --------
    ModelView : Answers questions about rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skal import Rows
    >>> pool = Rows(np.arange(10).reshape(5, 2))
    >>> pool.take([4, 2]).take([1]).data()
    array([[4, 5]])
    """

    def __init__(
        self,
        X: Any,
        indices: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        costs: float | ArrayLike | Callable[[Any], ArrayLike] | None = None,
    ) -> None:
        if sp.issparse(X) and X.format != "csr":
            X = X.tocsr()
        self.X = as_stored(X)
        self.indices: NDArray[np.int64] | None = (
            None if indices is None else as_positions(indices, n_rows(X))
        )
        self._groups = None if groups is None else check_groups(groups, n_rows(X))
        self._costs = None if costs is None else check_costs(costs, X)

    def __len__(self) -> int:
        """Return the number of selected rows."""
        return n_rows(self.X) if self.indices is None else len(self.indices)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the selection; lists have one dimension."""
        return (len(self), *getattr(self.X, "shape", (0,))[1:])

    @property
    def groups(self) -> NDArray[Any] | None:
        """The groups of the selected rows."""
        return self._selected(self._groups)

    @property
    def costs(self) -> NDArray[np.float64] | None:
        """What the labels of the selected rows cost."""
        return self._selected(self._costs)

    def _selected(self, values):
        return (
            values if values is None or self.indices is None else values[self.indices]
        )

    def __repr__(self) -> str:
        """Say how many rows of what are selected."""
        return f"Rows({len(self)} of {n_rows(self.X)} rows, {type(self.X).__name__})"

    def positions(self) -> NDArray[np.int64]:
        """Return where the selected rows stand in the base.

        Returns
        -------
        ndarray of int64 of shape (n_rows,)
            Positions in X.
        """
        return np.arange(len(self)) if self.indices is None else self.indices

    def take(self, positions: ArrayLike) -> Rows:
        """Select rows of this selection; the base stays the same.

        Parameters
        ----------
        positions : array-like of int or bool
            Positions among the selected rows, from the end where negative, or a mask.

        Returns
        -------
        Rows
            The smaller selection.

        Raises
        ------
        IndexError
            If a position lies outside the selection.
        """
        return self._of(as_positions(positions, len(self)))

    def _of(self, positions):
        """Select rows at positions that have been checked."""
        rows = copy(self)
        rows.indices = positions if self.indices is None else self.indices[positions]
        return rows

    def _whole(self):
        """Return every row of the base."""
        rows = copy(self)
        rows.indices = None
        return rows

    def data(self) -> Any:
        """Return the selected rows in the user's own type.

        Returns
        -------
        object
            X itself where every row is selected, else a copy of the rows. What lies in
            a file or a table is read into memory.
        """
        if self.indices is None:
            return in_memory(self.X)
        return view_rows(self.X, self.indices)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the selected rows as an array."""
        data = self.data()
        data = data.toarray() if sp.issparse(data) else data
        if copy is None:  # numpy 1 knows no None
            return np.asarray(data, dtype=dtype)
        return np.array(data, dtype=dtype, copy=copy)

    def chunks(self, size: int | None = None) -> Iterator[tuple[slice, Rows]]:
        """Split the selection into consecutive pieces.

        Parameters
        ----------
        size : int, default=None
            Rows a piece; None takes about 4 MiB of X.

        Yields
        ------
        where : slice
            The positions of the piece in this selection.
        rows : Rows
            The piece.
        """
        size = size or chunk_size(self.X)
        for start in range(0, len(self), size):
            where = slice(start, min(start + size, len(self)))
            yield where, self._of(np.arange(where.start, where.stop))


def as_positions(indices, n):
    """Return indices (positions, or a mask, of n rows) as positions from 0 to n - 1."""
    indices = np.asarray(indices)
    if indices.dtype == bool:
        if indices.shape != (n,):
            raise IndexError(
                f"indices must be a mask of {n} rows, got shape {indices.shape}."
            )
        return np.flatnonzero(indices)
    if indices.size == 0:
        return np.empty(0, np.int64)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise TypeError(
            "indices must be whole numbers, got "
            f"{indices.dtype} of shape {indices.shape}."
        )
    indices = indices.astype(np.int64, copy=False)
    if indices.min() < -n or indices.max() >= n:
        raise IndexError(
            f"indices must lie in [0, {n - 1}], got {indices.min()} to {indices.max()}."
        )
    return np.where(indices < 0, indices + n, indices) if indices.min() < 0 else indices
