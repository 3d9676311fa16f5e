"""Greedy picks by the pairs of rows that get nearer, where they are few enough to keep.

Then a pick costs no distance, and no look at rows whose first gain was too small.
"""

from __future__ import annotations

import numpy as np

#: So many of the rows that gain most at first are looked at, twice as many if need be.
_FIRST_AMONG = 128
#: What another order of summing may do to a gain, as a share of it.
_SUMMING = 1e-9


def greedy_of_pairs(n_picks, rng, reference, pairs, gains):
    """Pick the row of the largest gain again and again, where gains can only fall.

    ``gains`` are those without a pick. A row stays out of sight while its own is below
    the best.
    """
    n, picks = len(gains), np.empty(n_picks, np.int64)
    among = Among(min(n, _FIRST_AMONG), reference, pairs, gains)
    held = gains[among.rows]
    for k in range(n_picks):
        best = max(held.max(), 0)  # all may have been picked
        rounding = reference.rounding(best)
        while among.may_lack(best - rounding):
            among = Among(min(n, 2 * len(among.rows)), reference, pairs, gains)
            held = among.gains(picks[:k]) if k else gains[among.rows]
            best = max(held.max(), 0)
            rounding = reference.rounding(best)
        if best <= rounding:
            left = np.delete(np.arange(n), picks[:k])
            picks[k:] = rng.permutation(left)[: n_picks - k]
            break
        tied = np.flatnonzero(held >= best - rounding)
        picks[k] = among.rows[tied[0] if len(tied) == 1 else rng.choice(tied)]
        among.add(picks[k])
        held = among.gains(picks[: k + 1])
    return picks


class Among:
    """The rows that gained most at first, and the pairs that one of them is in."""

    def __init__(self, size, reference, pairs, gains):
        n = len(gains)
        order = np.argpartition(gains, [n - size - 1, n - size] if size < n else 0)
        self.rows = np.sort(order[n - size :])
        self.left_out = gains[order[n - size - 1]] if size < n else -np.inf
        self.place = np.full(n, -1)
        self.place[self.rows] = np.arange(size)
        row, which, near = pairs
        which = self.place[which]
        at = np.flatnonzero(which >= 0)
        self.row, self.which, self.near = row[at], which[at], near[at]
        self.level, self.weights = reference.level, reference.weights[self.row]

    def may_lack(self, best):
        """Tell whether a row left out may gain as much as the best."""
        return self.left_out * (1 + _SUMMING) >= best

    def add(self, pick):
        """Take a pick into account."""
        at = np.flatnonzero(self.which == self.place[pick])
        row = self.row[at]
        self.level[row] = np.maximum(self.level[row], self.near[at])

    def gains(self, picks):
        """Tell the gain of each row but the picks: (size,)."""
        nearer = self.near - self.level[self.row]
        found = of_pairs(nearer, self.weights, self.which, len(self.rows))
        found[self.place[picks]] = -np.inf
        return found


def of_pairs(nearer, weights, which, k):
    """Sum up what pairs of rows and candidates contribute, the latter by number: (k,).

    ``nearer`` is overwritten.
    """
    np.maximum(nearer, 0, out=nearer)
    nearer *= weights
    return np.bincount(which, nearer, k)
