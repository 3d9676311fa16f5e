"""The largest cluster's farthest row: far from what is known, where the rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import gen_batches

from skal._seed import as_random_state
from skal.query.functional._coverage import most_central
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_pool
from skal.query.functional._seeding import draw_by_weight

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Clusters whose sums differ by less than this share are tied.
_TIE = 1e-6
#: Rows that a pick may move are looked at alone where they are at most this share.
_FEW = 1 / 3
#: Numbers of a block of such rows.
_BLOCK = 2**19


def lcmd(
    E: Any,
    n_instances: int,
    *,
    labeled: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the farthest row of the largest cluster, again and again.

    Each row belongs to the nearest of the labelled and picked rows, its centre. The
    cluster of the largest :math:`\sum_n \|e_n - c(n)\|^2` gives the row that is
    farthest from its centre c, and that row becomes a centre. From cold the first pick
    is the row nearest to the mean of the pool.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings or gradient features of the pool.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        The same of the labelled rows.
    random_state : int, RandomState instance or None, default=None
        Breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Different positions in the pool, in the order of picking. Once every row left
        is a copy of a centre, the rest is drawn evenly.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If E holds NaN or infinity, or ``labeled`` has other columns.

    See Also
    --------
    k_center_greedy : Takes the farthest row of all clusters.
    kmeans_plus_plus : Draws rows by their squared distance.

    Notes
    -----
    Costs O(n m d) for the labelled rows and at most O(n d) a pick: a row nearer to its
    centre than half the way from there to the pick stays where it is, and is not looked
    at. O(n) memory.

    References
    ----------
    Holzmüller, D., Zaverkin, V., Kästner, J., Steinwart, I. (2023). A framework and
    benchmark for deep batch active learning for regression. JMLR 24. arXiv:2203.09410

    Examples
    --------
    >>> from skal.query.functional import lcmd
    >>> E = [[1.0], [2.0], [3.0], [17.0]]
    >>> lcmd(E, 2, labeled=[[0.0], [13.0]])
    array([3, 2])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    rng, points = as_random_state(random_state), Points(E)
    picks: list[int] = []
    if labeled is None:
        picks.append(most_central(points, rng))
    clusters = Clusters(points, labeled, picks)
    while len(picks) < n_instances:
        pick = clusters.farthest_of_largest(rng)
        if pick is None:
            break
        picks.append(pick)
        clusters.add(pick)
    left = np.delete(np.arange(len(points)), picks)
    rest = draw_by_weight(left, None, n_instances - len(picks), rng)
    return np.concatenate([np.array(picks, np.int64), rest])


class Clusters:
    """Which centre each row is nearest to, and its squared distance from there."""

    def __init__(self, points, labeled, picks):
        self.points = points
        known = None if labeled is None else points.like(labeled)
        self.known = known
        self.picks = list(picks)  # centres after the labelled rows
        centres = points.take(picks) if known is None else known.take(slice(None))
        self.n_centres = centres.shape[0]
        self.which, self.squared = points.nearest(centres)
        self.squared[self.squared <= points.slack] = 0
        self.squared[self.picks] = 0

    def farthest_of_largest(self, rng):
        """Return the farthest row of the largest cluster, None if all are 0."""
        sums = np.bincount(self.which, self.squared)
        largest = sums.max()
        if largest == 0:
            return None
        cluster = rng.choice(np.flatnonzero(sums >= largest * (1 - _TIE)))
        members = np.flatnonzero(self.which == cluster)
        squared = self.squared[members]
        reach = squared + self.points.slack[members]
        return int(rng.choice(members[(reach >= squared.max()) & (squared > 0)]))

    def add(self, pick):
        """Make a row a centre, and give it the rows that are nearer to it."""
        centre = self.points.take([pick])
        for rows in self._movable(self._gaps(centre)):
            squared = self.points.squared(rows, centre)[:, 0]
            squared[squared <= self.points.slack[rows]] = 0
            nearer = squared < self.squared[rows]
            moved = np.flatnonzero(nearer) if isinstance(rows, slice) else rows[nearer]
            self.which[moved] = self.n_centres
            self.squared[moved] = squared[nearer]
        self.squared[pick] = 0
        self.picks.append(pick)
        self.n_centres += 1

    def _gaps(self, centre):
        """Squared distances of all centres to a new one."""
        gaps = [self.points.squared(self.picks, centre)[:, 0]] if self.picks else []
        if self.known is not None:
            gaps.insert(0, self.known.squared(slice(None), centre)[:, 0])
        return np.concatenate(gaps)

    def _movable(self, gaps):
        """Yield the rows that may be nearer to the new centre, all if they are many.

        The others are nearer to their own than half its distance from the new one.
        """
        reach = 4 * (self.squared + self.points.slack)
        rows = np.flatnonzero(gaps[self.which] < reach)
        if len(rows) > _FEW * len(self.points):
            yield slice(None)
            return
        for some in gen_batches(len(rows), max(64, _BLOCK // self.points.E.shape[1])):
            yield rows[some]
