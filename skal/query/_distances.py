"""Euclidean distances between many rows, a few rows at a time.

Embeddings are dense or CSR; no array of pool rows by labelled rows is ever made.
"""

import numpy as np
import scipy.sparse as sp
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import gen_batches

#: Rows and columns of a tile of distances between pool and labelled rows.
_TILE = 512
#: Numbers of a block of rows: small enough to stay in cache.
_BLOCK = 2**17
#: Up to so many features distances are differences; beyond, a matrix product.
_FEW_FEATURES = 16


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
            tile = np.prod([_distances(A[rows], B[some]) for A, B in spaces], axis=0)
            np.minimum(nearest[rows], tile.min(axis=1), out=nearest[rows])
    return nearest


def _distances(A, B):
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
