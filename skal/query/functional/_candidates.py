"""Which rows of a large pool are worth comparing with thousands of others."""

import numpy as np

from skal.query.functional._clustering import means_of

#: Pools of so many rows, or so many a pick and a reference row, are large.
_LARGE = 20_480
_A_PICK = 64
_A_REFERENCE_ROW = 4
#: Rows that are candidates because they count for much by themselves.
_ALONE = 2048
#: So many first picks are moved to the middle of what they cover, in so many steps,
#: and so many rows for each pick that is wanted are near one of them.
_MIDDLES = 256
_STEPS = 3
_NEAR = 32


def is_large(n, n_picks, n_reference):
    """Tell whether only some rows of a pool should be looked at closely."""
    return n > max(_LARGE, _A_PICK * n_picks, _A_REFERENCE_ROW * n_reference)


def first_candidates(reference):
    """Return the reference rows, and those that count most for themselves: (m,)."""
    size = min(_ALONE, len(reference.pool))
    return np.union1d(reference.some, np.argpartition(reference.alone(), -size)[-size:])


def candidates_near(reference, picks, size):
    """Find rows of the pool that promise more than first picks do.

    A row gains most where the reference rows that it brings nearer have their middle.

    Parameters
    ----------
    reference : Reference
        Rows of the pool, which know how near the labels are and of no pick.
    picks : ndarray of int64 of shape (k,)
        What was picked among few candidates, at a glance.
    size : int
        How many rows to find, as many around each pick as it has.

    Returns
    -------
    ndarray of int64 of shape (size,)
        Positions.
    """
    pool = reference.pool
    centers = pool.take(picks)
    centers = centers.toarray() if pool.is_sparse else centers
    for _ in range(_STEPS):
        centers = middles(reference, centers)
    which, squared = pool.nearest(centers)
    return best_of_each(which.astype(np.uint16), -squared, size)


def middles(reference, centers):
    """Move each center to the middle of the reference rows that are nearest to it."""
    points = reference.points
    near = reference.nearness(reference.closeness(points, slice(None), centers))
    which = near.argmax(axis=1)
    near = near[np.arange(len(which)), which]
    # Rows that have a label nearer draw no pick.
    weights = reference.weights * reference.pull(near) * (near > reference.level)
    return means_of(points, which, centers, weights)


def best_of_each(groups, values, size):
    """Return the rows of the largest values, as many of each group as it has."""
    order = np.argsort(-values)
    order = order[np.argsort(groups[order], kind="stable")]
    n_rows = np.bincount(groups)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    return order[np.argpartition(rank, size)[:size]]
