"""Rows in order of their scores, or at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


#: Pools up to this size are shuffled; of larger ones rows are drawn one by one.
_SHUFFLE = 2**16


def draw_rows(n, size, rng):
    """Draw different rows of n; the first of a longer draw are the shorter draw."""
    if n <= _SHUFFLE:
        return rng.permutation(n)[:size]
    drawn = np.empty(0, np.int64)
    while len(drawn) < size:
        drawn = np.append(drawn, rng.randint(n, size=max(size - len(drawn), 1024)))
        drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return drawn[:size]


def at_most(groups, k):
    """Return positions in their order, those after k of their group at the end."""
    place = places_in(groups)
    return np.concatenate([np.flatnonzero(place < k), np.flatnonzero(place >= k)])


def places_in(groups):
    """Return the place of each position among those of its group, from 0."""
    by_group = np.argsort(groups, kind="stable")
    sorted_groups = groups[by_group]
    starts = np.searchsorted(sorted_groups, sorted_groups)
    place = np.empty(len(groups), np.int64)
    place[by_group] = np.arange(len(groups)) - starts
    return place


def top_n(
    scores: NDArray[Any], n: int, rng: np.random.RandomState
) -> NDArray[np.int64]:
    """Find the highest scores, best first, with ties in random order.

    Parameters
    ----------
    scores : ndarray of float of shape (n_rows,)
        Higher is better.
    n : int
        How many to find, at most n_rows.
    rng : RandomState
        Chooses and orders equal scores, uniformly.

    Returns
    -------
    ndarray of int64 of shape (n,)
        Positions of the scores.

    See Also
    --------
    ScoreStrategy : Does this with the scores of a subclass.

    Notes
    -----
    Costs O(n_rows) for a partition, plus a sort of n.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.query import top_n
    >>> top_n(np.array([0.1, 0.9, 0.5]), 2, np.random.RandomState(0))
    array([1, 2])
    """
    size = len(scores)
    if n < size:
        threshold = np.partition(scores, size - n)[size - n]
        above = np.flatnonzero(scores > threshold)
        level = np.flatnonzero(scores == threshold)
        level = rng.permutation(level)[: n - len(above)]
        chosen = np.concatenate([above, level])
    else:
        chosen = np.arange(size)
    chosen = rng.permutation(chosen)  # so that a stable sort leaves ties at random
    return chosen[np.argsort(-scores[chosen], kind="stable")]
