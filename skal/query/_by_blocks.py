"""Pools that lie elsewhere: rows scored where they lie, the best merged in a tree."""

from __future__ import annotations

from copy import copy

import numpy as np

from skal._checks import name_of
from skal._data import DaskRows, Rows

#: So many lists of the best are merged at a time.
_FAN_IN = 8


def check_reach(strategy, X):
    """Refuse, before any work, a strategy that would have to hold a pool elsewhere."""
    if isinstance(X, DaskRows) and not strategy._by_blocks:
        raise TypeError(
            f"X_pool must be in memory for {name_of(strategy)}, got a pool on dask. "
            "There go strategies whose scores are separable, such as Margin or BALD, "
            f"and Shortlist(...) around the others, which draws n_candidates rows for "
            "them."
        )


def best_by_blocks(strategy, view, rows, n):
    """Find the rows whose scores are the highest, in the pool's order.

    Among them are the best n + 1 and all that tie with the last of these: of them
    ``top_n`` finds the n that it would find among all, ties included, by the same
    draws.

    Returns
    -------
    places : ndarray of int64
        Positions in ``rows``.
    scores : ndarray of float
        Their scores.
    """
    from dask import delayed

    best, merge = delayed(best_of), delayed(merged)
    lists = [
        best(score, where.start, n) for score, where in scores_of(strategy, view, rows)
    ]
    while len(lists) > 1:
        groups = [lists[i : i + _FAN_IN] for i in range(0, len(lists), _FAN_IN)]
        lists = [merge(group, n) for group in groups]
    return lists[0].compute()


def scores_by_blocks(strategy, view, rows):
    """Return the score of every row, computed where the rows lie."""
    from dask import compute

    return np.concatenate(compute(*(s for s, _ in scores_of(strategy, view, rows))))


def scores_of(strategy, view, rows):
    """Yield the scores of each stretch, to be computed, and the places of its rows.

    The strategy and its model are one node of the graph: they travel once.
    """
    from dask import delayed

    view.seed  # noqa: B018 - drawn here, so that all draw the same samples
    task, score = delayed((strategy, view), traverse=False, pure=False), delayed(scored)
    for stretch, wanted, where in rows.X.stretches(rows.indices):
        yield score(task, stretch, wanted), where


def scored(task, stretch, wanted):
    """Score rows of a stretch, by a view that remembers nothing of the others."""
    strategy, view = task
    if wanted is None:
        wanted = np.arange(stretch.shape[0])
    rows = Rows(stretch, wanted)
    return strategy._checked(strategy._score(copy(view), rows), rows)


def best_of(scores, start, n):
    """Return the places and scores of the best, for scores from place ``start`` on."""
    return kept(np.arange(start, start + len(scores)), scores, n)


def merged(lists, n):
    """Return the best of several lists of places and scores."""
    places, scores = zip(*lists, strict=True)
    return kept(np.concatenate(places), np.concatenate(scores), n)


def kept(places, scores, n):
    """Keep the n + 1 highest scores, and those as high as the last of them."""
    if len(scores) <= n + 1:
        return places, scores
    least = np.partition(scores, len(scores) - n - 1)[len(scores) - n - 1]
    high = scores >= least
    return places[high], scores[high]
