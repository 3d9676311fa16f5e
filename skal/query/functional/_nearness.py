"""Rows that bring all others nearer to a pick, taken greedily: gains, and a queue."""

from __future__ import annotations

from typing import Any

import numpy as np

from skal._checks import check_int
from skal.query.functional._candidates import (
    _MIDDLES,
    _NEAR,
    candidates_near,
    first_candidates,
    is_large,
)
from skal.query.functional._columns import Columns
from skal.query.functional._distances import Points, slices
from skal.query.functional._inputs import check_weights
from skal.query.functional._near_pairs import greedy_of_pairs, of_pairs

#: Rows whose gain is computed in one go, over the pool and while picking.
_CANDIDATES = 1024
_FIRST_CANDIDATES = 32
#: Pairs of a tile are picked out if at most one in so many gets nearer.
_FEW = 8
#: So many of them are kept while picking.
_KEPT = 2**16
#: Large pools: reference rows of the first look at all rows, how many times as many
#: there must be for it to pay, and how many candidates it leaves.
_FIRST_LOOK = 500
_WORTH_A_LOOK = 4
_SHORTLIST = 1024
#: The next look is due when the best candidate gains less than this share of what the
#: best one gained at the last look: no row gains more than that since.
_AS_GOOD = 0.8
#: Pairs with reference rows that are summed up in one go, where they are a sample.
_AT_ONCE = 2**18
#: Numbers of them that are kept at most, and no more than half of what the pool has.
_ROOM = 2**24
#: Nearer than this share of the mean distance, rows draw no pick any stronger.
_CLOSE = 0.1
#: Rounding errors of a gain, in units of the last digit of what it is a mean of.
_ULPS = 8


def lazy_greedy(n_picks, rng, rows, reference, look=None):
    """Pick the row of the largest gain again and again, where gains can only fall.

    Only ``rows`` can be picked. A look at few reference rows tells which of them are
    worth all of them.
    """
    n = len(reference.pool)
    gains = np.full(n, -np.inf)
    if look is None:
        if len(rows) == n:
            gains = reference.first_gains()
        else:
            gains[rows] = reference.gains(rows)
        best, due = gains.max(), -np.inf
        if reference.pairs is not None:
            return greedy_of_pairs(n_picks, rng, reference, reference.pairs, gains)
    else:
        gains[rows], rough = np.inf, np.full(n, -np.inf)
        rough[rows] = look.gains(rows)
        best, due = -np.inf, np.inf
        order = rng.permutation(rows)  # no tie is cut off by its position
    picks = np.empty(n_picks, np.int64)
    for k in range(n_picks):
        if k:
            best = refresh_best(reference, gains, rows)
        if best < due:
            rows = best_rows(look, rough, order, k > 0)
            best = refresh_best(reference, gains, rows)
            due = _AS_GOOD * best
        rounding = reference.rounding(best)
        if best <= rounding:
            left = np.flatnonzero(gains > -np.inf)
            picks[k:] = rng.permutation(left)[: n_picks - k]
            break
        picks[k] = rng.choice(rows[gains[rows] >= best - rounding])
        gains[picks[k]] = -np.inf
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

    Only some rows can be; the others keep what they have. Return the best gain.
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
    return held.max()


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
        self.pool, self.points, self.some = pool, pool, some
        self.weights = weights.astype(pool.dtype)
        # What the row itself counts for: known, where others are only a sample.
        self.own = np.zeros(len(pool), pool.dtype)
        if some is not None:
            self.points = Points(pool.E[some], pool.centre, keep=True)
            self.n_at_once = max(1, _AT_ONCE // len(some))
            room = max(self.n_at_once, min(_ROOM, pool.E.size // 2) // len(some))
            self.columns = Columns(self.nearness_to, len(pool), min(len(pool), room))
            self.own, self.weights = self.weights, shares(weights[some])
            self.weights = self.weights.astype(pool.dtype)
            self.own[some] -= self.weights

    def alone(self):
        """Tell what each row counts for itself, if the only label were in the middle.

        Outliers count for much where distance does, unsure rows where they are weights.
        """
        in_the_middle = self.nearness(self.scaled(self.pool.norms))
        return self.own * (self.itself - in_the_middle)

    def start(self, squared):
        """Take the labels alone into account, by the squared distances to them."""
        self.picks: list[int] = []
        self.pool_close = self.scaled(squared)
        whole = self.some is None
        self.close = self.pool_close.copy() if whole else self.pool_close[self.some]
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

    def pull(self, near):
        """Tell how much rows so near draw a pick towards them, in which it gains."""
        return 1 / np.maximum(-near, _CLOSE * -near.mean() or 1)

    def first_gains(self):
        """Compute the gain of every row, and keep the pairs it comes from if few."""
        n = len(self.pool)
        gains = np.empty(n)
        kept: Any = [] if self.some is None else None
        room = _KEPT
        for start in range(0, n, _CANDIDATES):
            candidates = slice(start, min(start + _CANDIDATES, n))
            to_keep = None if kept is None else room
            gains[candidates], pairs = self.gains_and_pairs(candidates, to_keep)
            if pairs is None:
                kept = None
                continue
            room -= sum(len(row) for row, _, _ in pairs)
            kept += [(row, which + start, near) for row, which, near in pairs]
        if kept is not None:
            self.pairs = tuple(map(np.concatenate, zip(*kept, strict=True)))
        return gains

    def gains(self, candidates):
        """Tell how much nearer to the rows some of the pool would be: (k,)."""
        if self.some is None:
            return self.gains_and_pairs(candidates)[0]
        gains = self.own_gains(candidates)
        for part in slices(len(candidates), self.n_at_once):
            nearer = self.columns.of(candidates[part])
            nearer -= self.level
            gains[part] += np.maximum(nearer, 0, out=nearer) @ self.weights
        return gains

    def nearness_to(self, candidates):
        """Tell how near the rows are to some of the pool: (r, k)."""
        others = self.pool.take(candidates)
        return self.nearness(self.closeness(self.points, slice(None), others))

    def own_gains(self, candidates):
        """Tell what some rows of the pool count for themselves: (k,)."""
        close = self.pool_close[candidates]
        if self.picks:
            picks = self.pool.take(self.picks)
            of_picks = self.closeness(self.pool, candidates, picks)
            close = np.maximum(close, of_picks.max(axis=1))
        level = self.nearness(close.copy())
        return (self.own[candidates] * (self.itself - level)).astype(float)

    def gains_and_pairs(self, candidates, room=None):
        """Tell the same, and which pairs get nearer; None where there is no room."""
        others = self.pool.take(candidates)
        pairs: Any = None if room is None else []
        gains = np.zeros(others.shape[0])
        for rows in self.points.tiles(len(gains)):
            of_tile, found = self.of_tile(rows, others)
            gains += of_tile
            if pairs is None or found is None:
                pairs = None
                continue
            room -= len(found[0])
            pairs = [*pairs, found] if room >= 0 else None
        if self.some is not None:
            gains += self.own_gains(candidates)
        return gains, pairs

    def of_tile(self, rows, others):
        """Sum up what some rows contribute: (k,), and the pairs if few get nearer."""
        k = others.shape[0]
        close = self.closeness(self.points, rows, others)
        nearer = close > self.close[rows, np.newaxis]
        if _FEW * np.count_nonzero(nearer) > nearer.size:
            near = self.nearness(close)
            near -= self.level[rows, np.newaxis]
            np.maximum(near, 0, out=near)
            return self.weights[rows] @ near, None
        at = np.flatnonzero(nearer)
        row, which = np.divmod(at, k)
        row += rows.start
        near = self.nearness(close.ravel()[at])
        nearer = near - self.level[row]
        of_tile = of_pairs(nearer, self.weights[row], which, k)
        return of_tile, (row, which, near)

    def add(self, pick):
        """Take a pick into account."""
        self.picks.append(pick)
        if self.some is not None:
            near = self.columns.of(np.array([pick]))[0]
            self.level = np.maximum(self.level, near)
            return
        others = self.pool.take([pick])
        for rows in self.points.tiles():
            close = self.closeness(self.points, rows, others)[:, 0]
            np.maximum(self.close[rows], close, out=self.close[rows])
        self.level = self.nearness(self.close.copy())

    def rounding(self, best):
        """Tell what rounding may do to a gain next to the best one."""
        ulps = _ULPS * np.finfo(self.level.dtype).eps / np.sqrt(len(self.points))
        return ulps * (best + abs(float(self.weights @ self.level)))


class KernelReference(Reference):
    """The same with a Gaussian kernel for nearness, 0 without a pick."""

    itself = 1.0

    def __init__(self, scale, *args):
        super().__init__(*args)
        self.scale = scale

    def scaled(self, squared):
        """Return how close rows at squared distances are."""
        return self.scale * squared

    def pull(self, near):
        """Tell how much rows so near draw a pick towards them, in which it gains."""
        return near

    def closeness(self, points, rows, others):
        """Return how close some rows are to other centred rows: (m, k)."""
        return points.scaled(rows, others, self.scale)

    def nearness(self, close):
        """Return how near rows are that are so close, in place."""
        np.minimum(close, 0, out=close)
        return np.exp(close, out=close)


def greedy(make, pool, n_picks, weights, n_reference, rng, known, cold):
    """Pick rows that are near to the others, by the kind of reference rows to make.

    ``cold`` is the squared distance of any row to a label where there is none.
    """
    n = len(pool)
    weights = check_weights("weights", weights, n)
    weights = shares(np.ones(n) if weights is None else weights)
    some: list[Any] = [None]
    if n_reference is not None and check_int("n_reference", n_reference) < n:
        drawn = rng.choice(n, n_reference, replace=False)
        some = [np.sort(drawn)]
        if n_reference >= _WORTH_A_LOOK * _FIRST_LOOK:
            some.append(np.sort(drawn[:_FIRST_LOOK]))
    both, rows = [make(pool, weights, drawn) for drawn in some], np.arange(n)
    if len(both) == 2 and is_large(n, n_picks, n_reference):
        reference, look = both
        rows = first_candidates(reference)
        start(both, rows, known, cold)
        picks = lazy_greedy(min(n_picks, _MIDDLES), rng, rows, look)
        near = candidates_near(reference, picks, _NEAR * n_picks)
        rows = np.union1d(rows, near)
    start(both, rows, known, cold)
    return lazy_greedy(n_picks, rng, rows, *both)


def start(references, rows, known, cold):
    """Tell reference rows how near the labels are to those rows that may be picked."""
    pool = references[0].pool
    squared = np.full(len(pool), cold, pool.dtype)
    if known is not None:
        some = pool if len(rows) == len(pool) else Points(pool.E[rows], pool.centre)
        squared[rows] = some.nearest(known.take(slice(None)))[1]
    for reference in references:
        reference.start(squared)


def shares(weights):
    """Return weights that add up to 1, or are all 0."""
    total = weights.sum(dtype=float)
    return weights / total if total > 0 else weights
