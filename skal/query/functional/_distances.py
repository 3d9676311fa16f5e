"""Euclidean distances between many rows, a few rows at a time.

Embeddings are dense or CSR; no array of pool rows by labelled rows is ever made.
"""

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import gen_batches
from sklearn.utils.extmath import row_norms, safe_sparse_dot

#: Rows and columns of a tile of distances between pool and labelled rows.
_TILE = 512
#: Numbers of a block of rows: small enough to stay in cache.
_BLOCK = 2**17
#: Up to so many features distances are differences; beyond, a matrix product.
_FEW_FEATURES = 16
#: Numbers of a tile of products between the rows of :class:`Points`.
_PRODUCTS = 2**19
#: Fewer other rows than this, or than half the features, are worth no copy of the rows.
_FEW_OTHERS = 16
#: CSR rows count as so many numbers when tiles are cut.
_CSR_WIDTH = 16
#: Rounding errors of a squared distance, in units of the squared norm's last digit.
_ULPS = 8


def slices(n, size):
    """Yield slices of so many rows: scikit-learn's checks cost more than small ones."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def squared_norms(rows):
    """Return the squared norms of dense or CSR rows: (n,)."""
    if sp.issparse(rows):
        return row_norms(rows, squared=True)
    return np.einsum("ij,ij->i", rows, rows)


class Points:
    """Rows of embeddings, and the squared distances between them by BLAS.

    Squared distances come from inner products, with one factor centred, so that the
    rows are never copied and large offsets cost no digits. CSR rows stay sparse.

    Attributes
    ----------
    norms : ndarray of shape (n,)
        Squared distances from the centre: the mean of dense rows, 0 for CSR.
    slack : ndarray of shape (n,)
        What rounding may do to the squared distance of a row and another as near to
        the centre. Rows that differ by less are tied.
    """

    def __init__(self, E, centre=None, keep=False):
        self.E, self.n = E, E.shape[0]
        self.keep = keep  # the centred rows, to compare few with many again and again
        self.is_sparse = sp.issparse(E)
        self.dtype = np.result_type(E.dtype, np.float32)
        self.centre: Any = centre
        if centre is None:
            centre = np.zeros(E.shape[1]) if self.is_sparse else self.mean
            self.centre = centre.astype(self.dtype)  # CSR rows no one may shift
        self.norms = np.empty(self.n, self.dtype)
        with np.errstate(invalid="ignore", over="ignore"):
            for rows in self.tiles():
                self.norms[rows] = squared_norms(self.take(rows))
        if not np.isfinite(self.norms).all():
            self.refuse()
        offset = float(np.linalg.norm(self.centre))
        ulps = _ULPS * np.finfo(self.dtype).eps
        self.slack = ulps * (2 * self.norms + offset * np.sqrt(self.norms))

    def __len__(self):
        return self.n

    @cached_property
    def mean(self):
        """The mean of the rows: (d,), float64."""
        # Whoever squares it will say.
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(self.E.mean(axis=0, dtype=np.float64)).ravel()

    def refuse(self):
        """Say how many rows have no squared distance."""
        self.centre = np.zeros_like(self.centre)  # one NaN spreads over all
        n_bad = sum(
            self.take(rows).shape[0] - np.isfinite(row_norms(self.take(rows))).sum()
            for rows in self.tiles()
        )
        raise ValueError(
            "E must hold finite numbers, got NaN, infinity or numbers too large to "
            f"square in {n_bad} of {self.n} rows. Impute or scale them first."
        )

    def tiles(self, n_others=1):
        """Yield slices of rows, so few that products with n_others rows fit a tile."""
        return slices(self.n, self.tile_size(n_others))

    def tile_size(self, n_others):
        """Tell how many rows that are."""
        width = n_others
        if not self.keep:
            width = max(width, _CSR_WIDTH if self.is_sparse else self.E.shape[1])
        return max(64, _PRODUCTS // width)

    def take(self, rows):
        """Return some rows, centred: (m, d), CSR where the rows are."""
        rows = self.E[rows]
        return rows if self.is_sparse else rows - self.centre

    def like(self, E):
        """Return other rows as points around the same centre."""
        return Points(E, self.centre)

    def squared(self, rows, others, scale=1):
        """Return squared distances to other centred rows, scaled: (m, k)."""
        # BLAS may read beyond its rows, and report what lies there; all of these are
        # finite.
        with np.errstate(invalid="ignore"):
            far = self.scaled(rows, others, scale)
        return (np.maximum if scale > 0 else np.minimum)(far, 0, out=far)

    def scaled(self, rows, others, scale):
        """Return the same before rounding errors on the wrong side of 0 are cut off."""
        shift = squared_norms(others)
        n_few = 0 if self.keep else max(_FEW_OTHERS, self.E.shape[1] // 2)
        if self.is_sparse or len(others) < n_few:
            shift = scale * (shift + 2 * (others @ self.centre))
            factor = (others * (-2 * scale)).T
            far = safe_sparse_dot(self.E[rows], factor, dense_output=True)
            far += shift
            far += scale * self.norms[rows, np.newaxis]
            return far
        # The norms are two more columns: the product adds them on its way.
        left = self._extended[rows] if self.keep else self._extend(rows)
        right = np.empty((len(others), others.shape[1] + 2), self.dtype)
        np.multiply(others, -2 * scale, out=right[:, :-2])
        right[:, -2], right[:, -1] = scale, scale * shift
        # Columns of kept rows are what is looked at: they stay in one piece.
        return (right @ left.T).T if self.keep else left @ right.T

    @cached_property
    def _extended(self):
        return self._extend(slice(None))

    def _extend(self, rows):
        """Return some rows, centred, with their norm and a 1: (m, d + 2)."""
        E = self.E[rows]
        extended = np.empty((len(E), E.shape[1] + 2), self.dtype)
        np.subtract(E, self.centre, out=extended[:, :-2])
        extended[:, -2], extended[:, -1] = self.norms[rows], 1
        return extended

    def within(self, rows, others, squared_radius):
        """Tell which other centred rows lie within a radius of some rows: (m, k)."""
        products = safe_sparse_dot(self.E[rows], others.T, dense_output=True)
        products -= others @ self.centre + row_norms(others, squared=True) / 2
        return products >= (self.norms[rows, np.newaxis] - squared_radius) / 2

    def nearest(self, others):
        """Tell which of some centred rows is nearest to each row; how near, squared."""
        which = np.zeros(self.n, np.int32)
        squared = np.full(self.n, np.inf, self.dtype)
        for start in range(0, others.shape[0], _TILE):
            part = others[start : start + _TILE]
            # |x - c|^2 is least where x.c - |c|^2 / 2 is largest.
            shift = part @ self.centre + row_norms(part, squared=True) / 2
            for rows in self.tiles(part.shape[0]):
                products = safe_sparse_dot(self.E[rows], part.T, dense_output=True)
                products -= shift
                best = products.argmax(axis=1)
                of_best = products[np.arange(len(best)), best]
                tile = np.maximum(self.norms[rows] - 2 * of_best, 0)
                nearer = tile < squared[rows]
                squared[rows][nearer] = tile[nearer]
                which[rows][nearer] = best[nearer] + start
        return which, squared


def to_centroid(E):
    """Distances of the rows of E to their mean: (n,)."""
    centroid = np.asarray(E.mean(axis=0, dtype=np.float64))
    return to_row(E, centroid.reshape(1, -1))


def to_known(pool, known):
    """Smallest distance of each pool row to the known rows, tile by tile.

    Over several spaces the distance is the product of the distances.
    """
    nearest = np.full(pool[0].shape[0], np.inf)
    for some in gen_batches(known[0].shape[0], _TILE):
        for rows in gen_batches(len(nearest), _TILE):
            spaces = zip(pool, known, strict=True)
            tile = np.prod([distances(A[rows], B[some]) for A, B in spaces], axis=0)
            np.minimum(nearest[rows], tile.min(axis=1), out=nearest[rows])
    return nearest


def distances(A, B):
    """Distances between the rows of A and B: (n, m)."""
    if sp.issparse(A) or sp.issparse(B):
        return euclidean_distances(A, B)
    if A.shape[1] <= _FEW_FEATURES:
        return cdist(A, B)
    centre = B.mean(axis=0, dtype=np.float64)  # or large offsets would cost digits
    return euclidean_distances(A - centre, B - centre)


def to_row(E, row):
    """Distances of the rows of E to one row of shape (1, d): (n,)."""
    if sp.issparse(E):
        return euclidean_distances(E, row)[:, 0]
    out = np.empty(len(E))
    for rows in gen_batches(len(E), max(1, _BLOCK // E.shape[1])):
        gap = E[rows] - row
        np.sqrt(np.einsum("ij,ij->i", gap, gap), out=out[rows])
    return out
