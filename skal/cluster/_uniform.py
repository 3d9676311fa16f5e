"""Any two, whoever they are."""

from __future__ import annotations

import numpy as np

from skal.cluster._strategy import PairStrategy

#: Random pairs are drawn so many times before all are listed.
_TRIES = 8
#: Of up to so many items all pairs are listed.
_LISTED = 2048


class UniformPairs(PairStrategy):
    """Pick pairs at random, of those whose answer is not known: the baseline.

    See Also
    --------
    EntropyPairs : Those whose answer is least certain.

    Notes
    -----
    Cost: O(a log a) for a answers.

    Examples
    --------
    >>> from skal.cluster import ActiveClusterer
    >>> clusterer = ActiveClusterer(query_strategy="uniform", random_state=0)
    >>> clusterer.fit([[0.0], [1.0], [5.0]]).query(3).shape
    (3, 2)
    """

    alias = "uniform"
    asks = frozenset({"groups", "preferences"})

    def _query(self, view, n_pairs, rng):
        return random_pairs(view, n_pairs, rng)


def random_pairs(view, n_pairs, rng):
    """Draw different pairs that may be asked: (at most n_pairs, 2)."""
    kept = np.empty((0, 2), np.int64)
    for _ in range(_TRIES):
        drawn = np.sort(rng.randint(view.n_items, size=(4 * n_pairs + 32, 2)), axis=1)
        kept = first_different(np.concatenate([kept, drawn[view.may_ask(drawn)]]))
        if len(kept) >= n_pairs:
            return kept[:n_pairs]
    return rng.permutation(pairs_left(view))[:n_pairs]


def pairs_left(view):
    """List the pairs that may be asked; of many items one pair for two components."""
    items = np.arange(view.n_items)
    if view.n_items > _LISTED and view.closure is not None:
        items = np.unique(view.closure.component, return_index=True)[1]
    pairs = items[np.column_stack(np.triu_indices(len(items), 1))]
    return pairs[view.may_ask(pairs)]


def first_different(pairs):
    """Return each pair once, in the order of their first mention."""
    return pairs[np.sort(np.unique(pairs, axis=0, return_index=True)[1])]
