"""Groups from answers that do not contradict each other."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches

from skal.cluster._belief import Belief
from skal.cluster._distances import squared_distances
from skal.query.functional import k_center_greedy

#: Numbers of a block of distances.
_BLOCK = 2**20


def exact_belief(closure, items, n_clusters, rng):
    """Return the group of each item, and the chances of those not asked about enough.

    What the answers join is a group. A single item that they do not settle goes to the
    group of its nearest neighbour, of those that no answer excludes.
    """
    groups = groups_of(closure)
    if n_clusters is not None and len(groups) < n_clusters:
        return around_means(closure, groups, items, n_clusters, rng)
    if len(groups) == 0:
        return Belief(np.zeros(len(items), np.int64), np.ones((len(items), 1)))
    labels = group_index(closure, groups)
    loose = np.flatnonzero(labels < 0)
    chances = np.zeros((len(items), len(groups) + 1))
    known = np.flatnonzero(labels >= 0)
    chances[known, labels[known]] = 1
    if len(loose):
        squared = to_groups(items.centers, loose, known, labels[known], len(groups))
        squared[may_not_join(closure, groups, loose)] = np.inf
        chances[loose] = softened(squared)
        labels[loose] = nearest_or_new(squared, apart_from_each_other(closure, loose))
    return Belief(labels, chances)


def groups_of(closure):
    """Return the components that are groups: settled ones, and those of several items.

    Of two that nobody has compared each counts as a group.
    """
    several = np.flatnonzero(closure.sizes > 1)
    rest = several[~np.isin(several, closure.groups)]
    return np.concatenate([closure.groups, rest])


def group_index(closure, groups):
    """Return the place of each item's component among the groups, -1 for no group."""
    place = np.full(len(closure.sizes), -1)
    place[groups] = np.arange(len(groups))
    return place[closure.component]


def may_not_join(closure, groups, items):
    """Tell of items and groups whether answers keep them apart: (k, G)."""
    refused = closure.refusals[closure.component[items]][:, groups]
    return refused.toarray() > 0


def to_groups(centers, items, known, labels, n_groups):
    """Return squared distances of items to the nearest member of each group: (k, G)."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(n_groups))
    members = centers[known[order]]
    out = np.empty((len(items), n_groups))
    for rows in gen_batches(len(items), max(1, _BLOCK // len(known))):
        far = squared_distances(centers[items[rows]], members)
        out[rows] = np.minimum.reduceat(far, starts, axis=1)
    return out


def softened(squared):
    """Return chances (k, G + 1) from squared distances; the last is a new group's.

    They fall off as a Gaussian whose width is the usual distance to the nearest group;
    a new group is as likely as an average one.
    """
    n_groups = squared.shape[1]
    nearest = squared.min(axis=1, keepdims=True)
    finite = np.isfinite(nearest)
    width = nearest[finite].mean() if finite.any() else 1.0
    gap = np.where(np.isfinite(squared), squared - np.where(finite, nearest, 0), np.inf)
    chances = np.exp(-gap / (2 * width if width > 0 else 1))
    total = chances.sum(axis=1, keepdims=True)
    new = np.where(finite, 1 / (n_groups + 1), 1.0)
    chances *= np.divide(1 - new, total, out=np.zeros_like(total), where=total > 0)
    return np.hstack([chances, new])


def apart_from_each_other(closure, items):
    """Return which of some items were said to be apart: CSR of shape (k, k)."""
    component = closure.component[items]
    return closure.refusals[component][:, component]


def nearest_or_new(squared, apart):
    """Return the nearest group that an item may join, a new one where there is none.

    Of two items that are apart the one nearer to a group chooses first.
    """
    labels, n_groups = squared.argmin(axis=1), squared.shape[1]
    nearest = squared.min(axis=1)
    torn = np.flatnonzero((np.diff(apart.indptr) > 0) | ~np.isfinite(nearest))
    labels[torn] = -1
    for item in torn[np.argsort(nearest[torn], kind="stable")]:
        others = labels[apart.indices[apart.indptr[item] : apart.indptr[item + 1]]]
        open_to = squared[item].copy()
        open_to[others[(others >= 0) & (others < len(open_to))]] = np.inf
        labels[item] = open_to.argmin()
        if not np.isfinite(open_to[labels[item]]):
            labels[item], n_groups = n_groups, n_groups + 1
    return labels


def around_means(closure, groups, items, n_clusters, rng):
    """Find the groups that no answer has shown yet by k-means around those it has."""
    centers, sizes = items.centers, items.sizes
    labels = group_index(closure, groups)
    means = [
        np.average(centers[labels == place], axis=0, weights=sizes[labels == place])
        for place in range(len(groups))
    ]
    known = labels >= 0
    n_free = min(n_clusters - len(groups), np.count_nonzero(~known))
    free = centers[~known]
    seeds = None
    if len(groups) and n_free:
        far = k_center_greedy(free, n_free, labeled=np.array(means), random_state=rng)
        seeds = np.concatenate([np.array(means, centers.dtype), free[far]])
    elif len(groups):
        seeds = np.array(means, centers.dtype)
    n_found = n_free + len(groups)
    model = KMeans(
        n_found,
        init="k-means++" if seeds is None else seeds,
        n_init=5 if seeds is None else 1,
        random_state=rng,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # repeated items
        model.fit(centers, sample_weight=sizes)
    squared = model.transform(centers) ** 2
    squared[:, : len(groups)][may_not_join(closure, groups, np.arange(len(items)))] = (
        np.inf
    )
    chances = softened(squared)
    chances[known] = 0
    chances[known, labels[known]] = 1
    loose = np.flatnonzero(~known)
    apart = apart_from_each_other(closure, loose)
    labels[loose] = nearest_or_new(squared[loose], apart)
    return Belief(labels, chances)
