"""Which rows are near to all the others: greedy facility location and herding."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_pool, check_weights

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Rows whose gain is computed in one go, over the pool and while picking.
_CANDIDATES = 1024
_FIRST_CANDIDATES = 64
#: Pairs of a tile are picked out if at most one in so many gets nearer.
_FEW = 8
#: So many of them are kept while picking.
_KEPT = 2**17
#: Large pools: reference rows of the first look at all rows, how many times as many
#: there must be for it to pay, and how many candidates it leaves.
_FIRST_LOOK = 500
_WORTH_A_LOOK = 4
_SHORTLIST = 512
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
    memory. With 2 000 reference rows or more, but not all, the gain of every row is
    measured on 500 of them, and on all only that of the 512 rows that promise most at
    each pick.

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
    (points, known), rng = around_one_centre(E, labeled), as_random_state(random_state)
    # From cold every row is farther than any two can be.
    cold = 4 * points.norms.max()
    both = references(Reference, points, weights, n_reference, rng, known, cold)
    return lazy_greedy(n_instances, rng, *both)


class Reference:
    """The rows that picks are to be near to: how near they are, and how much it counts.

    Pairs of rows are compared by how close they are, minus the squared distance here,
    and only the few that get nearer than their nearest pick cost more: nearness is
    minus the distance. ``close`` is how close the reference rows are to their nearest
    pick so far and ``level`` how near, ``pool_close`` how close all rows are to their
    nearest label.
    """

    #: How near a row is to itself.
    itself = 0.0
    #: All pairs that get nearer if one is picked: row, candidate and nearness.
    pairs: Any = None

    def __init__(self, pool, weights, some=None):
        n = len(pool)
        weights = np.ones(n) if weights is None else weights
        self.pool, self.points, self.some = pool, pool, some
        self.picks: list[int] = []
        self.weights = shares(weights).astype(pool.dtype)
        # What the row itself counts for: known, where others are only a sample.
        self.own = np.zeros(n, pool.dtype)
        if some is not None:
            self.points = Points(pool.E[some], pool.centre)
            self.own, self.weights = self.weights, shares(weights[some])
            self.weights = self.weights.astype(pool.dtype)
            self.own[some] -= self.weights

    def start(self, pool_close):
        """Take the labelled rows into account, by how close each row is to one."""
        self.pool_close = pool_close
        self.close = pool_close.copy() if self.some is None else pool_close[self.some]
        self.level = self.nearness(self.close.copy())

    def scaled(self, squared):
        """Return how close rows at squared distances are."""
        return -squared

    def closeness(self, points, rows, others):
        """Return how close some rows are to other centred rows: (m, k)."""
        close = points.scaled(rows, others, -1)
        close += points.slack[rows, np.newaxis]  # copies are at distance 0
        return close

    def nearness(self, close):
        """Return how near rows are that are so close, in place."""
        np.minimum(close, 0, out=close)
        np.negative(close, out=close)
        return np.negative(np.sqrt(close, out=close), out=close)

    def first_gains(self):
        """Compute the gain of every row, and keep the pairs it comes from if few."""
        n = len(self.pool)
        gains, n_kept = np.empty(n), 0
        kept: Any = []
        for start in range(0, n, _CANDIDATES):
            candidates = slice(start, min(start + _CANDIDATES, n))
            gains[candidates], pairs = self.gains_and_pairs(candidates)
            n_kept += sum(len(row) for row, _, _ in pairs) if pairs else 0
            if kept is not None and (pairs is None or n_kept > _KEPT):
                kept = None
            if kept is not None:
                kept += [(row, which + start, near) for row, which, near in pairs]
        if kept is not None and self.some is None:
            self.pairs = tuple(map(np.concatenate, zip(*kept, strict=True)))
        return gains

    def gains(self, candidates):
        """Tell how much nearer to the rows some of the pool would be: (k,)."""
        return self.gains_and_pairs(candidates)[0]

    def gains_and_pairs(self, candidates):
        """Tell the same, and which pairs get nearer; None where they are many."""
        others = self.pool.take(candidates)
        pairs: Any = []
        k = others.shape[0]
        gains = np.zeros(k)
        for rows in self.points.tiles(k):
            close = self.closeness(self.points, rows, others)
            nearer = close > self.close[rows, np.newaxis]
            if _FEW * np.count_nonzero(nearer) > nearer.size:
                near = self.nearness(close)
                near -= self.level[rows, np.newaxis]
                np.maximum(near, 0, out=near)
                gains += self.weights[rows] @ near
                pairs = None
                continue
            at = np.flatnonzero(nearer)
            row, which = np.divmod(at, k)
            row += rows.start
            near = self.nearness(close.ravel()[at])
            gains += self.of_pairs(row, which, near, k)
            if pairs is not None:
                pairs.append((row, which, near))
        if self.some is not None:
            close = self.pool_close[candidates]
            if self.picks:
                picks = self.pool.take(self.picks)
                of_picks = self.closeness(self.pool, candidates, picks)
                close = np.maximum(close, of_picks.max(axis=1))
            level = self.nearness(close.copy())
            gains += self.own[candidates] * (self.itself - level)
        return gains, pairs

    def of_pairs(self, row, which, near, k):
        """Sum up what pairs of rows and candidates contribute: (k,)."""
        nearer = near - self.level[row]
        np.maximum(nearer, 0, out=nearer)
        nearer *= self.weights[row]
        return np.bincount(which, nearer, k)

    def add(self, pick):
        """Take a pick into account."""
        self.picks.append(pick)
        others = self.pool.take([pick])
        for rows in self.points.tiles():
            close = self.closeness(self.points, rows, others)[:, 0]
            np.maximum(self.close[rows], close, out=self.close[rows])
        self.level = self.nearness(self.close.copy())

    def add_of_pairs(self, pick):
        """Do the same by the pairs kept, and tell the gain of every row."""
        row, which, near = self.pairs
        at = np.flatnonzero(which == pick)
        self.level[row[at]] = np.maximum(self.level[row[at]], near[at])
        return self.of_pairs(row, which, near, len(self.pool))

    def rounding(self, best):
        """Tell what rounding may do to a gain next to the best one."""
        ulps = _ULPS * np.finfo(self.level.dtype).eps / np.sqrt(len(self.points))
        return ulps * (best + abs(float(self.weights @ self.level)))


def references(make, pool, weights, n_reference, rng, known, cold):
    """Return the rows that count, and some of them for a first look at large pools."""
    n = len(pool)
    weights = check_weights("weights", weights, n)
    some: list[Any] = [None]
    if n_reference is not None and check_int("n_reference", n_reference) < n:
        drawn = rng.choice(n, n_reference, replace=False)
        some = [np.sort(drawn)]
        if n_reference >= _WORTH_A_LOOK * _FIRST_LOOK:
            some.append(np.sort(drawn[:_FIRST_LOOK]))
    both = [make(pool, weights, rows) for rows in some]
    if known is None:
        squared = np.full(n, cold, pool.dtype)
    else:
        squared = pool.nearest(known.take(slice(None)))[1]
    for reference in both:
        reference.start(reference.scaled(squared))
    return both


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
    memory. With 2 000 reference rows or more, but not all, the gain of every row is
    measured on 500 of them, and on all only that of the 512 rows that promise most at
    each pick: 10 to 50 picks of 20 000 rows of noise or in clouds gain at least 99 % of
    what they gain over random ones without this look. What a row covers of itself is
    always exact; of the rest, 5 000 of 20 000 rows of little more than noise, which is
    the hardest case, tell so much that 100 picks gain 90 % of what exact ones gain over
    random ones (2 000 rows: 77 %).

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
    points, known = around_one_centre(E, labeled)
    if bandwidth is None:
        bandwidth = spread(points)
    return herd(
        points, n_instances, weights, known, bandwidth, n_reference, random_state
    )


def around_one_centre(E, labeled):
    """Return the rows of the pool as points, and the labelled ones if there are any."""
    points = Points(E)
    return points, None if labeled is None else points.like(labeled)


def herd(points, n_instances, weights, known, bandwidth, n_reference, random_state):
    """Pick points as max_herding does."""
    rng = as_random_state(random_state)
    scale = points.dtype.type(-0.5 / check_bandwidth(bandwidth) ** 2)
    make = partial(KernelReference, scale)
    both = references(make, points, weights, n_reference, rng, known, np.inf)
    return lazy_greedy(n_instances, rng, *both)


class KernelReference(Reference):
    """The same with a Gaussian kernel for nearness, 0 without a pick."""

    itself = 1.0

    def __init__(self, scale, *args):
        super().__init__(*args)
        self.scale = scale

    def scaled(self, squared):
        """Return how close rows at squared distances are."""
        return self.scale * squared

    def closeness(self, points, rows, others):
        """Return how close some rows are to other centred rows: (m, k)."""
        return points.scaled(rows, others, self.scale)

    def nearness(self, close):
        """Return how near rows are that are so close, in place."""
        np.minimum(close, 0, out=close)
        return np.exp(close, out=close)


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


def lazy_greedy(n_picks, rng, reference, look=None):
    """Pick the row of the largest gain again and again, where gains can only fall.

    A look at few reference rows tells which candidates are worth all of them.
    """
    n = len(reference.pool)
    if look is None:
        gains, rows = reference.first_gains(), np.arange(n)
    else:
        gains, rough = np.full(n, np.inf), look.first_gains()
        order = rng.permutation(n)  # no tie is cut off by its position
    picks = np.empty(n_picks, np.int64)
    for k in range(n_picks):
        if look is not None:
            rows = best_rows(look, rough, order, k > 0)
            refresh_best(reference, gains, rows)
        elif k and reference.pairs is None:
            refresh_best(reference, gains, rows)
        held = gains if look is None else gains[rows]
        best = held.max()
        rounding = reference.rounding(best)
        if best <= rounding:
            left = np.flatnonzero(gains > -np.inf)
            picks[k:] = rng.permutation(left)[: n_picks - k]
            break
        picks[k] = rng.choice(rows[held >= best - rounding])
        gains[picks[k]] = -np.inf
        if reference.pairs is not None:
            gains = reference.add_of_pairs(picks[k])
            gains[picks[: k + 1]] = -np.inf
            continue
        reference.add(picks[k])
        if look is not None:
            rough[picks[k]] = -np.inf
            look.add(picks[k])
    return picks


def best_rows(look, gains, order, stale):
    """Return the rows that promise most, ascending, their gains computed anew."""
    if stale:
        refresh_best(look, gains, order, _SHORTLIST)
    best = np.argpartition(gains[order], -_SHORTLIST)[-_SHORTLIST:]
    return np.sort(order[best])


def refresh_best(reference, gains, rows, n_best=1):
    """Compute gains anew, largest bounds first, until none left can be among the best.

    Only some rows can be; the others keep what they have.
    """
    held = gains[rows]
    stale = held > -np.inf
    fresh, bar, size = np.empty(0), -np.inf, max(n_best, _FIRST_CANDIDATES)
    while len(hopeful := np.flatnonzero(stale & (held >= bar))):
        if len(hopeful) > size:
            hopeful = hopeful[np.argpartition(held[hopeful], -size)[-size:]]
        held[hopeful] = reference.gains(rows[hopeful])
        stale[hopeful] = False
        fresh = np.append(fresh, held[hopeful])
        if len(fresh) >= n_best:
            fresh = np.partition(fresh, -n_best)[-n_best:]
            bar = fresh[0] - reference.rounding(fresh[0])
        size = min(2 * size, _CANDIDATES)
    gains[rows] = held


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
    E, labeled = check_pool(E, n_instances, labeled)
    points, known = around_one_centre(E, labeled)
    if bandwidth is None:
        bandwidth = spread(points)
        if known is not None:
            bandwidth = min(bandwidth, least_distance(known))
    return herd(
        points, n_instances, uncertainty, known, bandwidth, n_reference, random_state
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
