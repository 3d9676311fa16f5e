"""The typical rows of the clusters without a label."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal._seed import as_random_state
from skal.query.functional._clustering import cluster
from skal.query.functional._distances import Points, slices
from skal.query.functional._inputs import check_pool

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Rows of a cluster among which neighbours are looked for; more are sampled.
_NEIGHBOURHOOD = 2**13
#: Clusters of twice as many rows are first looked at: how near the rows are to so many
#: of them, or one in so many, tells which one in so many are compared with all.
_FIRST_LOOK = 256
_SHARE = 8
#: Mean distances count in steps of this share of the largest, so that copies tie.
_STEP = 1e-5
#: Columns of which only the least is looked at first.
_FOLD = 8


def typiclust(
    E: Any,
    n_instances: int,
    *,
    labeled: Any = None,
    n_neighbors: int = 20,
    max_clusters: int = 500,
    min_cluster_size: int = 5,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    """Pick the most typical row of each of the largest clusters without a label.

    The pool is split into as many clusters as there are labelled and wanted rows. They
    take turns, those with the fewest labels first and the larger of equals, and each
    gives its row of the least mean distance to its nearest neighbours.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    n_neighbors : int, default=20
        How many neighbours in the cluster; half the cluster if that is fewer.
    max_clusters : int, default=500
        The most clusters to look for.
    min_cluster_size : int, default=5
        Clusters of fewer rows are left for last.
    random_state : int, RandomState instance or None, default=None
        Draws the first means, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    See Also
    --------
    kmeans_sampling : The middle row of each cluster.
    prob_cover : Dense regions without clusters.

    Notes
    -----
    Costs O(n c d) a step for c clusters, see :func:`kmeans`, and O(s^2 d) for each
    cluster of s rows that is picked from. From 512 rows on that is about a quarter of
    it: an eighth of the rows (256 or more) tell which eighth of them are the most
    typical, and these are compared with all. Of pixels and clouds 92 to 100 % of
    the picks are those that all pairs give, and the others as typical within .2 %.
    Where rows differ in one or two directions alone, typicality is mostly chance: a
    pick is among the 2 % most typical rows, by up to 40 % farther from its neighbours
    than the first. Near copies in a large cluster may be missed where they are hardly
    more than ``n_neighbors``. Beyond 8 192 rows, neighbours are those among so many
    random ones. The clusters are those of the pool; the labelled rows are only
    assigned to them. O(n + c d) memory.

    References
    ----------
    Hacohen, G., Dekel, A., Weinshall, D. (2022). Active learning on a budget: opposite
    strategies suit high and low budgets. ICML. arXiv:2202.02794

    Examples
    --------
    >>> from skal.query.functional import typiclust
    >>> E = [[0.0], [0.2], [0.3], [9.0], [9.3], [9.4], [9.6]]
    >>> typiclust(E, 2, min_cluster_size=2, n_neighbors=2, random_state=0)
    array([5, 1])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    n_neighbors = check_int("n_neighbors", n_neighbors)
    min_cluster_size = check_int("min_cluster_size", min_cluster_size)
    points, rng = Points(E), as_random_state(random_state)
    n_labeled = 0 if labeled is None else labeled.shape[0]
    n_clusters = min(n_labeled + n_instances, check_int("max_clusters", max_clusters))
    centers, labels, _ = cluster(points, n_clusters, rng)
    n_labels = np.zeros(len(centers), int)
    if labeled is not None:
        known = points.like(labeled).nearest(centers)[0]
        n_labels = np.bincount(known, minlength=len(centers))

    members = split_by(labels, len(centers))
    sizes = np.array([len(rows) for rows in members])
    order = np.lexsort([rng.random_sample(len(sizes)), -sizes, n_labels])
    large = sizes[order] >= min_cluster_size
    queues: dict[int, NDArray[np.int64]] = {}
    picks: list[int] = []
    for chosen, depth in turns(sizes, (order[large], order[~large])):
        if chosen not in queues:
            queues[chosen] = by_typicality(points, members[chosen], n_neighbors, rng)
        picks.append(queues[chosen][depth])
        if len(picks) == n_instances:
            break
    return np.array(picks, np.int64)


def split_by(labels, n_labels):
    """Return the rows of each label."""
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=n_labels))
    return np.split(order, ends[:-1])


def turns(sizes, groups):
    """Yield clusters in turn and how many rows each has given, group after group."""
    for group in groups:
        for depth in count():
            left = group[sizes[group] > depth]
            if len(left) == 0:
                break
            for chosen in left:
                yield chosen, depth


def by_typicality(points, rows, n_neighbors, rng):
    """Sort the rows of a cluster by their mean distance to near ones.

    Those of a large one that are no good at first sight are left in that order.
    """
    rows = rng.permutation(rows)
    n, k = len(rows), max(1, min(n_neighbors, len(rows) // 2))
    inside = Points(points.E[rows], points.centre)
    good, rest = np.arange(n), np.arange(0)
    if n >= 2 * _FIRST_LOOK:
        many = min(n, _NEIGHBOURHOOD)
        few = max(_FIRST_LOOK, many // _SHARE)
        # As many rows lie around among few as their share of the neighbours.
        order = np.argsort(mean_distances(inside, good, few, -(-k * few // many)))
        good, rest = np.split(order, [n // _SHARE])
    means = mean_distances(inside, good, _NEIGHBOURHOOD, k)
    step = _STEP * means.max()
    order = np.argsort(means if step == 0 else np.round(means / step), kind="stable")
    return rows[np.concatenate([good[order], rest])]


def mean_distances(points, rows, n_others, k):
    """Tell the mean distance of some rows to the nearest k of the first so many.

    Where k are more than these are, it is that to all of them but one.
    """
    means = np.zeros(len(rows), points.dtype)
    if len(points) == 1:
        return means
    others = points.take(slice(0, n_others))
    k = min(k, others.shape[0] - 1)
    for some in slices(len(rows), points.tile_size(others.shape[0])):
        at = rows[some]
        squared = least(points.squared(at, others), k + 1)
        near = np.sqrt(np.maximum(squared - points.slack[at, np.newaxis], 0))
        # The nearest is the row itself, unless it is not among the others.
        outside = at >= others.shape[0]
        means[some] = (near.sum(axis=1) - outside * near.max(axis=1)) / k
    return means


def least(values, k):
    """Return the k least numbers of each row of a table, in no order: (m, k).

    They are among the k groups of columns whose least are least.
    """
    m, n = values.shape
    width = n // _FOLD
    if width <= k:
        return np.partition(values, k - 1, axis=1)[:, :k]
    groups = values[:, : _FOLD * width].reshape(m, _FOLD, width)
    best = np.argpartition(groups.min(axis=1), k - 1, axis=1)[:, np.newaxis, :k]
    few = np.take_along_axis(groups, best, axis=2).reshape(m, -1)
    few = np.concatenate([few, values[:, _FOLD * width :]], axis=1)
    return np.partition(few, k - 1, axis=1)[:, :k]
