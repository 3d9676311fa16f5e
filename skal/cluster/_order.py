"""What exact comparisons imply: what is better than the better is better, too."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PartialOrder:
    """Which of two items answers have shown to be better, if only by a chain of others.

    Where the chain goes both ways, answers contradict each other there, and nothing is
    implied: such items are a knot, and between knots the order is a graph without
    circles. What is below and above a knot are the bits of a number.

    Parameters
    ----------
    pairs : ndarray of int of shape (m, 2)
        What was compared.
    values : ndarray of float of shape (m,)
        Of these, 1 (the first is better) and -1 (the second) say something for sure.
    """

    def __init__(self, pairs: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        exact = np.isin(values, (-1, 1))
        pairs = np.where(
            values[exact, np.newaxis] == 1, pairs[exact], pairs[exact, ::-1]
        )
        self.items, places = np.unique(pairs, return_inverse=True)
        ends = tuple(places.reshape(-1, 2).T)  # better, worse
        shape = (len(self.items),) * 2
        graph = sparse.coo_array((np.ones(len(pairs)), ends), shape=shape)
        self.n_knots, self.knot_of = sparse.csgraph.connected_components(
            graph, connection="strong"
        )
        worse: dict[int, set[int]] = {knot: set() for knot in range(self.n_knots)}
        for high, low in self.knot_of[np.column_stack(ends)].tolist():
            if high != low:
                worse[high].add(low)
        self.below, self.above = reached(worse)

    def implies(self, pairs):
        """Tell of each pair whether answers say which one is better: (k,)."""
        implied = np.zeros(len(pairs), bool)
        if len(self.items) == 0:
            return implied
        at = np.minimum(np.searchsorted(self.items, pairs), len(self.items) - 1)
        known = np.flatnonzero((self.items[at] == pairs).all(axis=1))
        first, second = self.knot_of[at[known]].T
        sources, row = np.unique(first, return_inverse=True)
        settled = [self._settled(source) for source in sources]
        if settled:
            implied[known] = np.array(settled)[row, second]
        return implied

    def _settled(self, knot):
        """Return which knots are known to be better or worse than one: (n_knots,)."""
        bits = self.below[knot] | self.above[knot]
        packed = bits.to_bytes(-(-self.n_knots // 8), "little")
        flags = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
        return flags[: self.n_knots].astype(bool)


def reached(worse):
    """Return as bits, for each node of a graph without circles, what is below, above.

    Parameters
    ----------
    worse : dict of int to set of int
        The nodes 0 to n - 1, and those right below each.

    Returns
    -------
    below, above : list of int of length n
        Bit j of number i says whether j is below i, or above it.
    """
    lowest_first = [*TopologicalSorter(worse).static_order()]
    below, above = [0] * len(worse), [0] * len(worse)
    for node in lowest_first:
        for low in worse[node]:
            below[node] |= below[low] | 1 << low
    for node in reversed(lowest_first):
        for low in worse[node]:
            above[low] |= above[node] | 1 << node
    return below, above
