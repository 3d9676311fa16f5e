"""Which rows are near to all the others: greedy facility location and herding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import gen_batches

from skal._checks import check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_pool, check_weights

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Rows whose gain is computed in one go, over the pool and while picking.
_CANDIDATES = 512
_FIRST_CANDIDATES = 64
#: Nearness of so many pairs of rows is computed once, and kept while picking.
_KEPT = 2**20
#: Rounding errors of a gain, in units of the last digit of what it is a mean of.
_ULPS = 8


def facility_location(
    E: Any,
    n_instances: int,
    *,
    weights: ArrayLike | None = None,
    labeled: Any = None,
    n_reference: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the rows that bring all rows nearest to a pick, one at a time.

    Each pick takes most off :math:`\sum_n w_n \min_m \|e_n - e_m\|` over the labelled
    and picked rows m: the first is the medoid of the pool.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    weights : array-like of shape (n,), default=None
        How much it matters to be near each row, from 0 up.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    n_reference : int, default=None
        How many rows, drawn at random, the sum is over; None takes all.
    random_state : int, RandomState instance or None, default=None
        Draws the reference rows, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking. Rows that bring nothing nearer
        come last, in random order.

    See Also
    --------
    max_herding : The same with nearness that fades with distance.
    k_center_greedy : Brings down the largest distance instead of the mean.

    Notes
    -----
    Costs O(n r d) for r reference rows, and after that little more than what must be
    known of the best rows: a gain can only fall, so an old one is a bound. O(n)
    memory.

    References
    ----------
    Minoux, M. (1978). Accelerated greedy algorithms for maximizing submodular set
    functions. Optimization Techniques. doi:10.1007/BFb0006528

    Examples
    --------
    >>> from skal.query.functional import facility_location
    >>> facility_location([[0.0], [0.1], [0.2], [9.0], [-8.0]], 3)
    array([1, 3, 4])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    points, rng = Points(E), as_random_state(random_state)
    reference = Reference(points, weights, n_reference, rng)
    # From cold every row is farther than any two can be.
    reference.start(labeled, -2 * np.sqrt(points.norms.max()))
    return lazy_greedy(reference, n_instances, rng)


class Reference:
    """The rows that picks are to be near to: how near they are, and how much it counts.

    Nearness is minus the distance here; ``level`` is that of the reference rows to
    their nearest pick so far, ``pool_level`` that of all rows to their nearest label.
    """

    #: How near a row is to itself.
    itself = 0.0
    #: The nearness of all rows of a small pool to each other: (n, n).
    kept: Any = None

    def __init__(self, pool, weights, n_reference, rng):
        n = len(pool)
        weights = check_weights("weights", weights, n)
        weights = np.ones(n) if weights is None else weights
        self.pool, self.points = pool, pool
        self.picks: list[int] = []
        self.weights = shares(weights).astype(pool.dtype)
        # What the row itself counts for: known, where others are only a sample.
        self.own = np.zeros(n, pool.dtype)
        if n_reference is not None and check_int("n_reference", n_reference) < n:
            some = np.sort(rng.choice(n, n_reference, replace=False))
            self.points = Points(pool.E[some], pool.centre)
            self.own, self.weights = self.weights, shares(weights[some])
            self.weights = self.weights.astype(pool.dtype)
            self.own[some] -= self.weights

    def start(self, labeled, cold):
        """Take the labelled rows into account; without any, all is as near as cold."""
        if labeled is None:
            self.level = np.full(len(self.points), cold, self.pool.dtype)
            self.pool_level = np.full(len(self.pool), cold, self.pool.dtype)
            return
        known = self.pool.like(labeled).take(slice(None))
        self.level = self.of_squared(self.points.nearest(known)[1])
        self.pool_level = self.level
        if self.points is not self.pool:
            self.pool_level = self.of_squared(self.pool.nearest(known)[1])

    def of_squared(self, squared):
        """Return the nearness at squared distances."""
        return -np.sqrt(squared)

    def nearness(self, points, rows, others):
        """Return the nearness of some rows to other centred rows: (m, k)."""
        near = points.squared(rows, others)
        near -= points.slack[rows, np.newaxis]  # copies are at distance 0
        np.maximum(near, 0, out=near)
        return np.negative(np.sqrt(near, out=near), out=near)

    def keep(self):
        """Compute the nearness of all pairs at once, where they are few."""
        if self.points is self.pool and len(self.pool) ** 2 <= _KEPT:
            every = slice(None)
            self.kept = self.nearness(self.points, every, self.pool.take(every))

    def gains(self, candidates):
        """Tell how much nearer to the rows some of the pool would be: (k,)."""
        if self.kept is not None:
            nearer = self.kept[candidates] - self.level
            return (np.maximum(nearer, 0, out=nearer) @ self.weights).astype(float)
        others = self.pool.take(candidates)
        gains = np.zeros(others.shape[0])
        for rows in self.points.tiles(others.shape[0]):
            nearer = self.nearness(self.points, rows, others)
            nearer -= self.level[rows, np.newaxis]
            np.maximum(nearer, 0, out=nearer)
            gains += self.weights[rows] @ nearer
        if self.points is self.pool:
            return gains
        level = self.pool_level[candidates]
        if self.picks:
            picks = self.pool.take(self.picks)
            near = self.nearness(self.pool, candidates, picks)
            level = np.maximum(level, near.max(axis=1))
        return gains + self.own[candidates] * (self.itself - level)

    def add(self, pick):
        """Take a pick into account."""
        self.picks.append(pick)
        if self.kept is not None:
            np.maximum(self.level, self.kept[pick], out=self.level)
            return
        others = self.pool.take([pick])
        for rows in self.points.tiles():
            near = self.nearness(self.points, rows, others)[:, 0]
            np.maximum(self.level[rows], near, out=self.level[rows])

    def rounding(self, best):
        """Tell what rounding may do to a gain next to the best one."""
        ulps = _ULPS * np.finfo(self.level.dtype).eps / np.sqrt(len(self.points))
        return ulps * (best + abs(float(self.weights @ self.level)))


def shares(weights):
    """Return weights that add up to 1, or are all 0."""
    total = weights.sum(dtype=float)
    return weights / total if total > 0 else weights


def max_herding(
    E: Any,
    n_instances: int,
    *,
    weights: ArrayLike | None = None,
    labeled: Any = None,
    bandwidth: float | None = None,
    n_reference: int | None = 5000,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the rows that cover the pool best under a Gaussian kernel, one at a time.

    Each pick adds most to :math:`\sum_n w_n \max_m k(e_n, e_m)` over the labelled and
    picked rows m, with :math:`k(e, e') = \exp(-\|e - e'\|^2 / 2 \sigma^2)`: balls
    without an edge, and without a radius to hit.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    weights : array-like of shape (n,), default=None
        How much it matters to cover each row, from 0 up.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    bandwidth : float, default=None
        The bandwidth. None takes the root mean square distance of the rows to their
        mean, which is 1 for rows of length 1 spread around 0.
    n_reference : int, default=5000
        How many rows, drawn at random, the sum is over; None takes all.
    random_state : int, RandomState instance or None, default=None
        Draws the reference rows, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking. Rows that cover nothing more
        come last, in random order.

    See Also
    --------
    facility_location : The same with distances.
    uherding : Covers best where the model is unsure.
    prob_cover : Balls of one radius.

    Notes
    -----
    Costs O(n r d) for r reference rows, and after that little more than what must be
    known of the best rows: a gain can only fall, so an old one is a bound. O(n)
    memory. What a row covers of itself is always exact; of the rest, 5 000 of 20 000
    rows of little more than noise, which is the hardest case, tell so much that 100
    picks gain 90 % of what exact ones gain over random ones (2 000 rows: 77 %).

    References
    ----------
    Bae, W., Noh, J., Sutherland, D. J. (2024). Generalized coverage for more robust
    low-budget active learning. ECCV. arXiv:2407.12212

    Examples
    --------
    >>> from skal.query.functional import max_herding
    >>> max_herding([[0.0], [0.1], [0.2], [9.0]], 2, bandwidth=1.0)
    array([1, 3])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    points, rng = Points(E), as_random_state(random_state)
    if bandwidth is None:
        bandwidth = spread(points)
    scale = -0.5 / check_bandwidth(bandwidth) ** 2
    reference = KernelReference(points, weights, n_reference, rng)
    reference.scale = points.dtype.type(scale)
    reference.start(labeled, 0)
    return lazy_greedy(reference, n_instances, rng)


class KernelReference(Reference):
    """The same with a Gaussian kernel for nearness, 0 without a pick."""

    itself = 1.0
    scale: Any

    def of_squared(self, squared):
        """Return the nearness at squared distances."""
        return np.exp(self.scale * squared)

    def nearness(self, points, rows, others):
        """Return the nearness of some rows to other centred rows: (m, k)."""
        exponent = points.squared(rows, others, self.scale)
        return np.exp(exponent, out=exponent)


def check_bandwidth(bandwidth):
    """Return the bandwidth if it is a number above 0."""
    if check_number("bandwidth", bandwidth, minimum=0) == 0:
        raise ValueError(
            "bandwidth must be above 0, got 0. None works one out from the rows."
        )
    return bandwidth


def spread(points):
    """Return the root mean square distance of the rows to their mean, 1 if it is 0."""
    mean = np.asarray(points.E.mean(axis=0, dtype=np.float64)).ravel() - points.centre
    return float(np.sqrt(max(points.norms.mean(dtype=float) - mean @ mean, 0))) or 1.0


def lazy_greedy(reference, n_picks, rng):
    """Pick the row of the largest gain again and again, where gains can only fall."""
    reference.keep()
    gains = np.empty(len(reference.pool))  # exact at first, then bounds
    for rows in gen_batches(len(gains), _CANDIDATES):
        gains[rows] = reference.gains(rows)
    picks = np.empty(n_picks, np.int64)
    for k in range(n_picks):
        best = gains.max() if k == 0 else refresh_best(reference, gains)
        rounding = reference.rounding(best)
        if best <= rounding:
            left = np.flatnonzero(gains > -np.inf)
            picks[k:] = rng.permutation(left)[: n_picks - k]
            break
        picks[k] = rng.choice(np.flatnonzero(gains >= best - rounding))
        gains[picks[k]] = -np.inf
        reference.add(picks[k])
    return picks


def refresh_best(reference, gains):
    """Compute gains anew, largest bounds first, until none left can be the best."""
    stale = gains > -np.inf
    best, bar, size = -np.inf, -np.inf, _FIRST_CANDIDATES
    while len(hopeful := np.flatnonzero(stale & (gains >= bar))):
        if len(hopeful) > size:
            hopeful = hopeful[np.argpartition(gains[hopeful], -size)[-size:]]
        gains[hopeful] = reference.gains(hopeful)
        stale[hopeful] = False
        best = max(best, gains[hopeful].max())
        bar = best - reference.rounding(best)
        size = min(2 * size, _CANDIDATES)
    return best


def uherding(
    E: Any,
    uncertainty: ArrayLike,
    n_instances: int,
    *,
    labeled: Any = None,
    bandwidth: float | None = None,
    n_reference: int | None = 5000,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the rows that cover best where the model is unsure, one at a time.

    Each pick adds most to :math:`\sum_n u_n \max_m k(e_n, e_m)`, as
    :func:`max_herding` does with the uncertainty for weights. The bandwidth follows
    the labels: as they get dense it shrinks, a pick covers little but itself, and
    the most uncertain rows are taken.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    uncertainty : array-like of shape (n,)
        How unsure the model is of each row, from 0 up.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    bandwidth : float, default=None
        The bandwidth. None takes the least distance between two labelled rows that
        differ, at most the default of :func:`max_herding`.
    n_reference : int, default=5000
        How many rows, drawn at random, the sum is over; None takes all.
    random_state : int, RandomState instance or None, default=None
        Draws the reference rows, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    See Also
    --------
    max_herding : Covers the whole pool evenly.

    Notes
    -----
    Costs O(m^2 d) for m labelled rows beyond what :func:`max_herding` does.

    References
    ----------
    Bae, W., Oliveira, G. L., Sutherland, D. J. (2025). Uncertainty herding: one active
    learning method for all label budgets. ICLR. arXiv:2412.20644

    Examples
    --------
    >>> from skal.query.functional import uherding
    >>> uherding([[0.0], [0.1], [0.2], [9.0]], [0.1, 0.1, 0.1, 1.0], 2)
    array([3, 1])
    """
    table, known = check_pool(E, n_instances, labeled)
    if bandwidth is None and known is not None:
        points = Points(table)
        bandwidth = min(spread(points), least_distance(points.like(known)))
    return max_herding(
        table,
        n_instances,
        weights=uncertainty,
        labeled=known,
        bandwidth=bandwidth,
        n_reference=n_reference,
        random_state=random_state,
    )


def least_distance(points):
    """Return the least distance between two rows that differ, inf if none do."""
    least = np.inf
    others = points.take(slice(None))
    for rows in points.tiles(others.shape[0]):
        squared = points.squared(rows, others)
        differs = squared > points.slack[rows, np.newaxis]
        least = min(least, squared.min(initial=np.inf, where=differs))
    return float(np.sqrt(least))
