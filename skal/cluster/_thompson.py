"""Duels of those that may be the best."""

from __future__ import annotations

import numpy as np

from skal.cluster._strategy import PairStrategy


class ThompsonPairs(PairStrategy):
    """Pick duels of items that may be the best of all.

    Utilities are drawn twice from what is believed of them; the best item of the one
    draw meets the best other item of the other. What is surely not good is soon left
    alone, so that the best item is found with few comparisons, and little is learnt of
    the order of the others.

    See Also
    --------
    DOptimalPairs : For the order of all items.

    Notes
    -----
    Cost: O(n) for each pair of n items, after two draws.

    References
    ----------
    Wu, H., Liu, X. (2016). Double Thompson sampling for dueling bandits. NeurIPS.
    arXiv:1604.07101

    Examples
    --------
    >>> from skal.cluster import PreferenceLearner
    >>> X = [[0.0], [1.0], [2.0], [5.0]]
    >>> learner = PreferenceLearner("thompson", n_queries=3, random_state=0)
    >>> learner.fit(X, [0.0, 1.0, 2.0, 5.0]).rank()[0]
    np.int64(3)
    """

    alias = "thompson"
    asks = frozenset({"preferences"})

    def _query(self, view, n_pairs, rng):
        chosen = np.empty((0, 2), np.int64)
        for _ in range(n_pairs):
            duel = self._duel(view, chosen, *view.sample(2, rng))
            if duel is None:
                break
            chosen = np.concatenate([chosen, [duel]])
        return chosen

    def _duel(self, view, chosen, first, second):
        """Return the best open pair, by its first item, then by its second."""
        others = np.arange(view.n_items)
        first = first.copy()
        for _ in others:
            item = first.argmax()
            pairs = np.column_stack(np.broadcast_arrays(item, others))
            is_open = view.may_ask(pairs)
            is_open[chosen[chosen[:, 0] == item, 1]] = False
            is_open[chosen[chosen[:, 1] == item, 0]] = False
            if is_open.any():
                return item, np.where(is_open, second, -np.inf).argmax()
            first[item] = -np.inf
        return None
