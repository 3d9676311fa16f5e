"""Super-instances: small groups of alike rows, which are asked about as one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import gen_batches

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Rows at most that means are fitted to, from how many starts, for how many steps.
_SAMPLE, _STARTS, _STEPS = 2**14, 3, 100
#: Rows whose distances to their centre are computed at once.
_BLOCK = 4096


@dataclass(frozen=True)
class Items:
    """What is asked about: super-instances, each with a row that stands for it.

    Attributes
    ----------
    centers : ndarray of shape (m, d)
        The mean of each.
    rows : ndarray of int64 of shape (m,)
        The position in X of the row that stands for it, the nearest to the mean.
    of_row : ndarray of int64 of shape (n,)
        The super-instance of each row.
    parent : ndarray of int64 of shape (m,)
        The super-instance that each was part of before; itself for the first ones.
    """

    centers: NDArray[Any]
    rows: NDArray[np.int64]
    of_row: NDArray[np.int64]
    parent: NDArray[np.int64]

    @classmethod
    def find(cls, E, n_items, rng):
        """Find super-instances by k-means; at most as many as rows are different."""
        n = E.shape[0]
        if n_items >= n:
            return cls(_dense(E), np.arange(n), np.arange(n), np.arange(n))
        centers = means_of_alike(E, n_items, rng)
        used, of_row = np.unique(nearest(E, centers), return_inverse=True)
        centers = centers[used]
        rows = nearest_rows(E, centers, of_row)
        return cls(centers, rows, of_row, np.arange(len(rows)))

    def __len__(self):
        return len(self.rows)

    @property
    def sizes(self):
        """How many rows each stands for."""
        return np.bincount(self.of_row, minlength=len(self))

    def with_rows(self, E, rows):
        """Return items in which each of some rows stands for an item.

        A row that was one of many in an item becomes an item of its own.
        """
        new = np.unique(rows)
        new = new[self.rows[self.of_row[new]] != new]
        if len(new) == 0:
            return self
        of_row = self.of_row.copy()
        of_row[new] = len(self) + np.arange(len(new))
        return Items(
            np.concatenate([self.centers, _dense(E[new])]),
            np.concatenate([self.rows, new]),
            of_row,
            np.concatenate([self.parent, self.of_row[new]]),
        )

    def of_row_among(self, n_items):
        """Return the item of each row when there were only the first n_items."""
        of_row = self.of_row
        while len(of_row) and of_row.max() >= n_items:
            of_row = np.where(of_row < n_items, of_row, self.parent[of_row])
        return of_row

    def predict(self, E):
        """Return the nearest item of each of some rows."""
        return nearest(E, self.centers)


def means_of_alike(E, n_means, rng):
    """Return the means of alike rows: (m, d); fewer if fewer rows are different."""
    if E.shape[0] > max(_SAMPLE, 4 * n_means):
        size = max(_SAMPLE, 4 * n_means)
        E = E[np.sort(rng.choice(E.shape[0], size, replace=False))]
    model = KMeans(n_means, n_init=_STARTS, max_iter=_STEPS, random_state=rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # repeated rows
        return model.fit(E).cluster_centers_


def nearest(E, centers):
    """Return which centre is nearest to each row: (n,)."""
    if sp.issparse(E):
        centers = sp.csr_matrix(centers)
    return pairwise_distances_argmin(E, centers)


def nearest_rows(E, centers, labels):
    """Return the row nearest to each centre, of those labelled with it."""
    squared = np.empty(len(labels))
    for rows in gen_batches(len(labels), _BLOCK):
        gap = _dense(E[rows]) - centers[labels[rows]]
        squared[rows] = np.einsum("ij,ij->i", gap, gap)
    order = np.lexsort([squared, labels])
    return order[np.unique(labels[order], return_index=True)[1]]


def _dense(E):
    """Return rows as a plain array."""
    return E.toarray() if sp.issparse(E) else np.asarray(E)
