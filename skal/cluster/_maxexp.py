"""Pairs in triangles whose answers cannot all be right."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from skal.cluster._strategy import PairStrategy
from skal.cluster._uniform import first_different, random_pairs

#: Triangles drawn for a query, and for each pair of a large batch, and the most.
_TRIANGLES, _A_PAIR, _MOST = 2**12, 32, 2**18
#: The five ways to group three items: which of the pairs 12, 13, 23 are together.
_GROUPINGS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], bool)


class MaxExpPairs(PairStrategy):
    r"""Pick the weakest pair of the triangles that contradict themselves most.

    If 1 is with 2 and 2 with 3, then 1 is with 3. A triangle with log-odds :math:`s`
    costs :math:`c_g = \sum_{pairs} |s|` over the pairs that a grouping :math:`g` of its
    three items contradicts; those of the largest expected cost :math:`\sum_g p_g c_g`,
    :math:`p_g \propto e^{-c_g}`, cannot be right, and the pair of the smallest
    :math:`|s|` is the one to ask. Where none contradicts itself, pairs are random: the
    strategy is for noisy answers and a first clustering worth something.

    See Also
    --------
    EntropyPairs : Pairs whose answer is least certain, over all groups.

    Notes
    -----
    Cost: O(t log a) for t triangles, 4 096 or 32 a pair, and a answers. Triangles are
    drawn at random, half of them with two items of one group.

    References
    ----------
    Aronsson, L., Chehreghani, M. H. (2024). Correlation clustering with active learning
    of pairwise similarities. Transactions on Machine Learning Research.
    arXiv:2302.10295

    Examples
    --------
    >>> from skal.cluster import ActiveClusterer
    >>> clusterer = ActiveClusterer(query_strategy="maxexp", random_state=0)
    >>> clusterer.fit([[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]).labels_
    array([0, 0, 1, 1])
    """

    alias = "maxexp"

    def _query(self, view, n_pairs, rng):
        if view.n_items < 3:
            return random_pairs(view, n_pairs, rng)
        n_triangles = min(max(_TRIANGLES, _A_PAIR * n_pairs), _MOST)
        triangles = draw_triangles(view.labels, n_triangles, rng)
        sides = triangles[:, [[0, 1], [0, 2], [1, 2]]]  # (t, 3, 2)
        odds = view.log_odds(sides.reshape(-1, 2)).reshape(-1, 3)
        allowed = view.may_ask(sides.reshape(-1, 2)).reshape(-1, 3)
        weakness = np.where(allowed, np.abs(odds), np.inf)
        weakness += np.where(allowed, rng.uniform(0, 1e-9, weakness.shape), 0)
        weakest = weakness.argmin(axis=1)
        cost = costs(odds)  # (t, 5)
        usable = np.flatnonzero(allowed.any(axis=1) & (cost.min(axis=1) > 0))
        cost = (softmax(-cost[usable], axis=1) * cost[usable]).sum(axis=1)
        order = usable[np.lexsort([rng.permutation(len(usable)), -cost.round(9)])]
        found = first_different(np.sort(sides[order, weakest[order]], axis=1))
        if len(found) < n_pairs:
            more = random_pairs(view, n_pairs, rng)
            found = first_different(np.concatenate([found, more]))
        return found[:n_pairs]


def draw_triangles(labels, n_triangles, rng):
    """Draw triples of different items, half of them with two of one group: (t, 3)."""
    m = len(labels)
    drawn = rng.randint(m, size=(n_triangles, 3))
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max() + 2))
    half = n_triangles // 2
    of_first = labels[drawn[:half, 0]]
    low, high = starts[of_first], starts[of_first + 1]
    drawn[:half, 1] = order[low + (rng.uniform(size=half) * (high - low)).astype(int)]
    a, b, c = drawn.T
    return drawn[(a != b) & (b != c) & (a != c)]


def costs(odds):
    """Return how much of a triangle's odds each grouping contradicts: (t, 5)."""
    against = np.maximum(-odds, 0) @ _GROUPINGS.T.astype(float)
    return against + np.maximum(odds, 0) @ (~_GROUPINGS).T.astype(float)
