"""Which rows of a large pool are worth comparing with thousands of others."""

import numpy as np

#: Rows that may be picked, unless more are wanted or compared with.
_CANDIDATES = 20_480
_A_PICK = 32
_A_REFERENCE_ROW = 4
#: One in so many is there because it counts for much by itself.
_ALONE = 8


def n_candidates(n_picks, n_reference):
    """Tell how many rows of a pool may be picked."""
    return max(_CANDIDATES, _A_PICK * n_picks, _A_REFERENCE_ROW * n_reference)


def candidates_of(anchors, size):
    """Find the rows that promise most around each of a few anchors, and by themselves.

    All anchors get as many rows, as long as there are so many to which they are the
    nearest: rows that gain most before any pick may all be in one place.

    Parameters
    ----------
    anchors : Reference
        Few rows of the pool, which know how near the labels are.
    size : int
        How many rows to find, less than the pool has.

    Returns
    -------
    ndarray of int64 of shape (n_found,)
        Positions, ascending; a little more than ``size``.
    """
    pool, few = anchors.pool, anchors.points.take(slice(None))
    gains = np.empty(len(pool), pool.dtype)
    around = np.empty(len(pool), np.uint8)
    for rows in pool.tiles(len(few)):
        close = anchors.closeness(pool, rows, few)  # (m, n_anchors)
        around[rows] = close.argmax(axis=1)
        near = anchors.nearness(close)
        near -= anchors.level
        gains[rows] = np.maximum(near, 0, out=near) @ anchors.weights
    alone = np.argpartition(anchors.alone(), -(size // _ALONE))[-(size // _ALONE) :]
    return np.union1d(best_of_each(around, gains, size), alone)


def best_of_each(groups, values, size):
    """Return the rows of the largest values, as many of each group as it has."""
    order = np.argsort(-values)
    order = order[np.argsort(groups[order], kind="stable")]
    n_rows = np.bincount(groups)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    return order[np.argpartition(rank, size)[:size]]
