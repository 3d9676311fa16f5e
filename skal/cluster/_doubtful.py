"""Items whose group is least certain, each with a member of a group it may be in."""

from __future__ import annotations

import numpy as np

from skal.cluster._entropy import log_entropy
from skal.cluster._uniform import first_different, random_pairs

#: Members of a group of which the one least often compared is taken.
_DRAWN = 8


def doubtful_homes(view, n_pairs, rng):
    """Pair items with members of groups, where it is least certain that they belong."""
    scores = log_entropy(np.asarray(view.chances[:, :-1]))  # (m, K)
    noise = rng.uniform(1e-12, 1, size=scores.shape)
    scores = scores - np.log(-np.log(noise)) if n_pairs > 1 else scores + 1e-6 * noise
    flat = scores.ravel()
    best = np.argsort(-flat, kind="stable")[: 2 * n_pairs + 64]
    items, groups = np.unravel_index(best[np.isfinite(flat[best])], scores.shape)
    pairs = np.column_stack([items, members(view, items, groups, rng)])
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    pairs = first_different(pairs[view.may_ask(pairs)])
    if len(pairs) < n_pairs:
        more = random_pairs(view, n_pairs, rng)
        pairs = first_different(np.concatenate([pairs, more]))
    return pairs[:n_pairs]


def members(view, items, groups, rng):
    """Return, for items and groups, a member seldom compared with the item: (k,)."""
    labels = view.labels
    order = np.argsort(labels, kind="stable")
    low = np.searchsorted(labels[order], groups)
    high = np.searchsorted(labels[order], groups, side="right")
    spot = rng.uniform(size=(len(items), _DRAWN)) * (high - low)[:, np.newaxis]
    drawn = order[np.minimum(low[:, np.newaxis] + spot.astype(int), len(order) - 1)]
    keys = np.sort(np.stack([np.broadcast_to(items[:, None], drawn.shape), drawn]), 0)
    keys = keys[0] * view.n_items + keys[1]
    asked, times = np.unique(
        view.pairs[:, 0] * view.n_items + view.pairs[:, 1], return_counts=True
    )
    place = np.searchsorted(asked, keys)
    often = np.append(times, 0)[np.minimum(place, len(asked))]
    often = np.where(
        np.append(asked, -1)[np.minimum(place, len(asked))] == keys, often, 0
    )
    often = often + np.where(drawn == items[:, None], np.inf, 0)
    return drawn[np.arange(len(items)), often.argmin(axis=1)]
