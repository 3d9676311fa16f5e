"""The nearest rows of a pool to a few rows, by exact distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import gen_batches

from skal._checks import check_int
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_table

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Rows that are searched for at a time.
_QUERIES = 64


def nearest_rows(E: Any, queries: Any, n_neighbors: int = 100) -> NDArray[np.int64]:
    """Find the nearest rows of a pool to each of some rows.

    Parameters
    ----------
    E : array-like or CSR of shape (n, d)
        The pool.
    queries : array-like or CSR of shape (m, d)
        The rows to search around; they may be rows of the pool.
    n_neighbors : int, default=100
        How many to find for each; all of the pool where it has fewer rows.

    Returns
    -------
    ndarray of int64 of shape (m, min(n_neighbors, n))
        Positions in E, the nearest first; of rows as near, those that stand first.

    See Also
    --------
    skal.query.NeighborIndex : Remembers its answers, and may be approximate.

    Notes
    -----
    Cost: O(n m d) in matrix products a few rows at a time, and m heaps of n_neighbors.

    Examples
    --------
    >>> from skal.query.functional import nearest_rows
    >>> nearest_rows([[0.0], [2.0], [3.0]], [[2.9], [0.0]], n_neighbors=2)
    array([[2, 1],
           [0, 1]])
    """
    check_int("n_neighbors", n_neighbors)
    return search(Points(check_table("E", E)), queries, n_neighbors)


def search(points, queries, n_neighbors):
    """Find the nearest of some points to each query, as nearest_rows does."""
    queries = check_table("queries", queries)
    if queries.shape[1] != points.E.shape[1]:
        raise ValueError(
            f"queries must have the {points.E.shape[1]} columns of E, got "
            f"{queries.shape[1]}. Give both in the same features."
        )
    k = min(n_neighbors, len(points))
    found = np.empty((queries.shape[0], k), np.int64)
    around = points.like(queries)
    for some in gen_batches(len(around), _QUERIES):
        found[some] = _search(points, around.take(some), k)
    return found


def _search(points, queries, k):
    """Find the k nearest points to each of a few centred queries: (m, k)."""
    m = queries.shape[0]
    kept = [Nearest(k) for _ in range(m)]
    limit = np.full(m, np.inf, points.dtype)
    for rows in points.tiles(m):
        far = points.squared(rows, queries)  # (tile, m)
        hits = (far <= limit).T
        for j in np.flatnonzero(hits.any(axis=1)):
            at = np.flatnonzero(hits[j])
            limit[j] = kept[j].add(far[at, j], at + rows.start)
    return np.stack([one.positions() for one in kept])


class Nearest:
    """The k smallest distances met so far, and whose they are.

    Those that come are gathered and sorted out now and then.
    """

    def __init__(self, k):
        self.k, self.size, self.limit = k, 0, np.inf
        self.far, self.at = [], []

    def add(self, far, at):
        """Take in distances; return the largest that still counts."""
        self.far.append(far)
        self.at.append(at)
        self.size += len(far)
        if self.size >= 2 * self.k or (self.size >= self.k and self.limit == np.inf):
            self._sort_out()
        return self.limit

    def positions(self):
        """Return whose distances are smallest, in their order."""
        self._sort_out()
        return self.at[0]

    def _sort_out(self):
        far, at = np.concatenate(self.far), np.concatenate(self.at)
        if len(far) > self.k:
            border = np.partition(far, self.k - 1)[self.k - 1]
            near = far <= border  # ties at the border are settled by position
            far, at = far[near], at[near]
        order = np.lexsort([at, far])[: self.k]
        self.far, self.at, self.size = [far[order]], [at[order]], len(order)
        if self.size == self.k:
            self.limit = far[order[-1]]
