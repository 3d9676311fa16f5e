"""Pools that lie elsewhere: rows scored where they lie, the best merged in a tree."""

from __future__ import annotations

from copy import copy

import numpy as np

from skal._data import DaskRows, Rows, travelling
from skal.query._picks import describe

#: So many lists of the best are merged at a time.
_FAN_IN = 8


def check_reach(strategy, X, name="X_pool"):
    """Refuse, before any work, a strategy that would have to hold a pool elsewhere."""
    if isinstance(X, DaskRows) and not strategy._by_blocks:
        raise TypeError(
            f"{name} must be in memory for {describe(strategy)}, which looks at the "
            "rows as a whole, got a pool on dask. Use Shortlist around a strategy of "
            "rows, which draws n_candidates of them for it, a strategy with separable "
            f"scores, such as Margin or BALD, or {name}.compute() where it fits."
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

    if not is_rising(rows.indices):
        return np.arange(len(rows)), scores_by_blocks(strategy, view, rows)
    best, merge = delayed(best_of), delayed(merged)
    with travelling((strategy, view)) as task:
        lists = [
            best(task, parts, span, where.start, n)
            for parts, span, where in rows.X.stretches(rows.indices)
        ]
        while len(lists) > 1:
            groups = [lists[i : i + _FAN_IN] for i in range(0, len(lists), _FAN_IN)]
            lists = [merge(group, n) for group in groups]
        return lists[0].compute()


def scores_by_blocks(strategy, view, rows):
    """Return the score of every row, computed where the rows lie."""
    from dask import compute, delayed

    if not is_rising(rows.indices):
        rising, places = np.unique(rows.indices, return_inverse=True)
        return scores_by_blocks(strategy, view, Rows(rows.X, rising))[places]
    score = delayed(scored)
    with travelling((strategy, view)) as task:
        stretches = rows.X.stretches(rows.indices)
        scores = compute(*(score(task, parts, span) for parts, span, _ in stretches))
    return np.concatenate(scores)


def is_rising(positions):
    """Tell whether positions rise, as None, which is all of them, does."""
    return positions is None or bool(np.all(positions[1:] > positions[:-1]))


def best_of(task, parts, span, first, n):
    """Return the places, from ``first`` on, and scores of the best of a stretch."""
    scores = scored(task, parts, span)
    return kept(np.arange(first, first + len(scores)), scores, n)


def scored(task, parts, span):
    """Score rows of a stretch, by a view that remembers nothing of the others."""
    strategy, view = task
    rows = Rows(span.stretch(parts), span.positions())
    return strategy._checked(strategy._score(copy(view), rows), rows)


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
