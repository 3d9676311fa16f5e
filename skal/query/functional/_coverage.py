"""Which rows cover the pool, so that no row is far from a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import gen_batches

from skal._seed import as_random_state
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_pool

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Rows whose distances are kept exact while farthest rows are picked.
_FRONT = 512
#: Of a large pool the front holds one row of so many.
_FRONT_SHARE = 64
#: Numbers of a tile of distances to picks.
_TILE = 2**19


def k_center_greedy(
    E: Any,
    n_instances: int,
    *,
    labeled: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the row farthest from everything labelled or picked, again and again.

    Each pick is :math:`\arg\max_n \min_m \|e_n - e_m\|` over the labelled and picked
    rows m, which brings the largest distance of any row to its nearest label down to
    at most twice the best that is possible. From cold the first pick is the row
    nearest to the mean of the pool.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    random_state : int, RandomState instance or None, default=None
        Breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If E holds NaN or infinity, or ``labeled`` has other columns.

    See Also
    --------
    facility_location : Brings down the mean distance instead of the largest.

    Notes
    -----
    Costs O(n m d) for the labelled rows. A distance to the nearest pick can only fall,
    so an old one is a bound: picks are made among the rows of the largest bounds, and
    others are brought up to date only when one of them might be farther. The picks are
    those of the plain algorithm, up to ties. O(n) memory.

    References
    ----------
    Sener, O., Savarese, S. (2018). Active learning for convolutional neural networks:
    a core-set approach. ICLR. arXiv:1708.00489

    Examples
    --------
    >>> from skal.query.functional import k_center_greedy
    >>> E = [[0.0], [1.0], [2.0], [9.0]]
    >>> k_center_greedy(E, 2, labeled=[[0.0]])
    array([3, 2])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    rng, points = as_random_state(random_state), Points(E)
    if labeled is not None:
        nearest = points.nearest(points.like(labeled).take(slice(None)))[1]
        return farthest_first(points, nearest, n_instances, rng)
    first = most_central(points, rng)
    nearest = points.nearest(points.take([first]))[1]
    nearest[first] = -np.inf
    others = farthest_first(points, nearest, n_instances - 1, rng)
    return np.append(first, others)


def most_central(points, rng):
    """Return the row nearest to the mean of the pool; ties at random."""
    mean = points.E.mean(axis=0, dtype=np.float64).reshape(1, -1)
    away = points.squared(slice(None), np.asarray(mean - points.centre, points.dtype))
    away = away[:, 0]
    return rng.choice(np.flatnonzero(away - points.slack <= away.min()))


def farthest_first(points, nearest, n_picks, rng):
    """Pick the farthest row again and again, given squared distances to the known.

    ``nearest`` is -inf for rows not to be picked, and is changed.
    """
    picks = np.empty(n_picks, np.int64)
    if n_picks == 0:
        return picks
    front = Front(points, nearest, picks)
    for k in range(n_picks):
        picks[k] = rng.choice(front.farthest(k))
        front.picked(k)
    return picks


class Front:
    """The rows that may be the farthest, their distances exact; others have bounds.

    Distances can only fall. A row stays outside while its bound, rounding allowed for,
    is below the largest distance inside.
    """

    def __init__(self, points, nearest, picks):
        self.points, self.nearest, self.picks = points, nearest, picks
        self.seen = np.zeros(len(points), np.int32)  # picks that a bound knows of
        self.size = max(_FRONT, len(points) // _FRONT_SHARE)
        self.refill(0)

    def farthest(self, k):
        """Return the rows that tie for the largest distance to the first k picks."""
        while (best := self.nearest[self.rows].max()) < self.cut:
            self.refill(k)
        bound = self.nearest[self.rows] + self.points.slack[self.rows]
        return self.rows[bound >= best]

    def refill(self, k):
        """Let in the rows of the largest bounds, and bring them up to date."""
        bound, n = self.nearest + self.points.slack, len(self.points)
        all_in = self.size >= n
        self.cut = -np.inf if all_in else np.partition(bound, -self.size)[-self.size]
        self.rows = np.flatnonzero(bound >= self.cut)
        stale = self.rows[self.seen[self.rows] < k]
        if len(stale):
            self.update(stale, k)
        else:  # more rows are within rounding of each other than fit in
            self.size *= 2
        self.inside = Points(self.points.E[self.rows], self.points.centre)

    def update(self, stale, k):
        """Bring some rows' distances up to date with the first k picks."""
        unseen = self.points.take(self.picks[self.seen[stale].min() : k])
        for some in gen_batches(len(stale), max(1, _TILE // unseen.shape[0])):
            rows = stale[some]
            distances = self.points.squared(rows, unseen).min(axis=1)
            self.nearest[rows] = np.minimum(self.nearest[rows], distances)
        self.seen[stale] = k

    def picked(self, k):
        """Note pick number k: it is never picked again, and rows inside draw nearer."""
        distances = self.inside.squared(slice(None), self.points.take(self.picks[[k]]))
        self.nearest[self.rows] = np.minimum(self.nearest[self.rows], distances[:, 0])
        self.nearest[self.picks[k]] = -np.inf
        self.seen[self.rows] = k + 1
