"""One item after the other, compared with group by group until it has a home."""

from __future__ import annotations

from collections import Counter

import numpy as np

from skal.cluster._distances import squared_distances
from skal.cluster._doubtful import doubtful_homes
from skal.cluster._exact import group_index
from skal.cluster._strategy import PairStrategy

#: So many members of a group are tried where nobody can tell.
_TRIES = 3
#: Of more loose items, and of more members of groups, some are drawn.
_LOOSE, _MEMBERS = 1024, 4096


class NeighbourhoodPairs(PairStrategy):
    """Take the item farthest from all known groups, and ask group by group, near first.

    Far items open new groups early; after a yes all pairs of the item are known. A
    perfect oracle needs at most as many questions as there are groups for each item,
    and with a good embedding one or two. Where answers are noisy, the item whose group
    is least certain is compared with members of its likeliest groups.

    See Also
    --------
    EntropyPairs : Looks at all pairs.

    Notes
    -----
    Cost: O(u p d) for u items that are not settled, at most 1 024, and p that are, at
    most 4 096. Where nobody can tell, up to three members of a group are tried.

    The farthest item first is the exploration of Basu et al.; to ask by group, the
    likeliest first, is from Xiong et al., whose score of items (doubt for an expected
    answer) is not used.

    References
    ----------
    Basu, S., Banerjee, A., Mooney, R. J. (2004). Active semi-supervision for pairwise
    constrained clustering. SDM. doi:10.1137/1.9781611972740.31

    Xiong, S., Azimi, J., Fern, X. Z. (2014). Active learning of constraints for
    semi-supervised clustering. IEEE TKDE 26(1). doi:10.1109/TKDE.2013.22

    Examples
    --------
    >>> from skal.cluster import ActiveClusterer
    >>> clusterer = ActiveClusterer(query_strategy="neighbourhood", random_state=0)
    >>> clusterer.fit([[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]).n_queries_
    3
    """

    alias = "neighbourhood"

    def _query(self, view, n_pairs, rng):
        if view.closure is None:
            return doubtful_homes(view, n_pairs, rng)
        return unsettled_homes(view, n_pairs, rng)


def unsettled_homes(view, n_pairs, rng):
    """Pair items without a group with the groups they may still join."""
    closure = view.closure
    unclear = unclear_answers(view)
    groups = closure.groups if len(closure.groups) else middle(view, unclear, rng)
    place = group_index(closure, groups)
    loose = one_of_each(closure, np.flatnonzero(place < 0), unclear, rng)
    known = some_of_each(place, rng)
    if len(loose) == 0:
        return []
    far = squared_distances(view.centers[loose], view.centers[known])
    started = closure.refusals[closure.component[loose]][:, groups].sum(axis=1) > 0
    order = np.lexsort([rng.permutation(len(loose)), -far.min(axis=1), ~started])
    queues = []
    for which in order:
        queue = homes(view, loose[which], known, place, far[which], unclear)
        queues += [queue] if queue else []
        if len(queues) == n_pairs:
            break
    return taking_turns(queues)[:n_pairs]


def unclear_answers(view):
    """Count, for each two components, the answers that told nothing for sure."""
    told = view.closure.implies(view.pairs)
    sides = np.sort(view.closure.component[view.pairs[~told]], axis=1)
    return Counter(map(tuple, sides.tolist()))


def middle(view, unclear, rng):
    """Return the component that the first group begins with, in the middle of all."""
    centre = np.average(view.centers, axis=0, weights=view.sizes)
    far = ((view.centers - centre) ** 2).sum(axis=1)
    n_components = len(view.closure.sizes)
    unknown = n_unclear(unclear, n_components) >= min(_TRIES, n_components - 1)
    component = view.closure.component
    order = np.lexsort([rng.permutation(len(far)), far, unknown[component]])
    return component[order[:1]]


def n_unclear(unclear, n_components):
    """Count the unclear answers about each component."""
    count = np.zeros(n_components, int)
    for pair, times in unclear.items():
        count[list(pair)] += times
    return count


def one_of_each(closure, items, unclear, rng):
    """Return an item of each component, but for those of which nobody can tell."""
    items = rng.permutation(items)
    first = np.unique(closure.component[items], return_index=True)[1]
    items = items[np.sort(first)]
    hopeless = n_unclear(unclear, len(closure.sizes)) >= _TRIES
    hopeless &= np.diff(closure.refusals.indptr) == 0
    return items[~hopeless[closure.component[items]]][:_LOOSE]


def some_of_each(place, rng):
    """Return items of the groups: all, or as many of each where they are many."""
    known = rng.permutation(np.flatnonzero(place >= 0))
    if len(known) <= _MEMBERS:
        return np.sort(known)
    order = known[np.argsort(place[known], kind="stable")]
    starts = np.searchsorted(place[order], place[order])
    share = max(1, _MEMBERS // (place.max() + 1))
    return np.sort(order[np.arange(len(order)) - starts < share])


def homes(view, item, known, place, far, unclear):
    """List the pairs of an item with a member of each group it may join, near first."""
    closure = view.closure
    own = closure.component[item]
    pairs = np.column_stack([np.full(len(known), item), known])
    allowed = view.may_ask(pairs)
    queue, met = [], set()
    for which in np.argsort(far, kind="stable"):
        group = place[known[which]]
        if group in met or not allowed[which]:
            continue
        met.add(group)
        sides = tuple(sorted((int(own), int(closure.component[known[which]]))))
        if unclear[sides] < _TRIES:
            queue.append(pairs[which])
    return queue


def taking_turns(queues):
    """Return the first of each queue, then the second of each, and so on."""
    longest = max(map(len, queues), default=0)
    return [
        queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)
    ]
