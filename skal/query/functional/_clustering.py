"""Clusters of the pool, and which rows stand for them or between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skal._checks import check_int
from skal._seed import as_random_state
from skal.query.functional._coverage import farthest_first
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_pool, check_table, check_weights
from skal.query.functional._seeding import draw_far

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Rows a cluster, and rows in all, of the sample that clusters are first fitted to.
_SAMPLE_PER_CLUSTER = 32
_SAMPLE = 2**14
#: Steps on the sample, and on the whole pool afterwards.
_SAMPLE_STEPS = 20
_POOL_STEPS = 2
#: Steps end when at most this share of the rows change their cluster.
_SETTLED = 1e-3
#: Distances count in steps of so many last digits, so that equal rows tie.
_STEP = 32


def kmeans(
    E: Any,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Find clusters of rows around their means.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Rows.
    n_clusters : int
        How many clusters to look for; there are fewer if fewer rows are different.
    sample_weight : array-like of shape (n,), default=None
        How much each row counts, from 0 up.
    random_state : int, RandomState instance or None, default=None
        Draws the first means.

    Returns
    -------
    centers : ndarray of shape (n_found, d)
        The means of the clusters.
    labels : ndarray of int32 of shape (n,)
        The cluster of each row.

    See Also
    --------
    kmeans_plus_plus : The draw of the first means.
    kmeans_sampling : The row nearest to each mean.

    Notes
    -----
    Costs O(n k d) a step for k clusters. The means are drawn by k-means++ and moved for
    at most 20 steps on a sample of max(16 384, 32 k) rows, and then for 2 on all rows
    where the sample was smaller. O(n + k d) memory. Made for queries, where speed
    counts and a rough fit does: scikit-learn's KMeans converges further.

    References
    ----------
    Lloyd, S. (1982). Least squares quantization in PCM. IEEE Transactions on
    Information Theory 28(2). doi:10.1109/TIT.1982.1056489

    Examples
    --------
    >>> from skal.query.functional import kmeans
    >>> centers, labels = kmeans([[0.0], [0.2], [9.0]], 2, random_state=0)
    >>> sorted(centers.ravel().round(1).tolist())
    [0.1, 9.0]
    """
    E = check_table("E", E)
    weights = check_weights("sample_weight", sample_weight, E.shape[0])
    points, rng = Points(E), as_random_state(random_state)
    n_clusters = check_int("n_clusters", n_clusters)
    centers, labels, _ = cluster(points, n_clusters, rng, weights)
    return centers + points.centre, labels


def cluster(points, n_clusters, rng, weights=None):
    """Return centred means, the cluster of each row, and squared distances to it."""
    size = max(_SAMPLE, _SAMPLE_PER_CLUSTER * n_clusters)
    usable = np.arange(len(points)) if weights is None else np.flatnonzero(weights)
    if len(usable) <= size:
        centers = draw_centers(points, n_clusters, rng, weights)
        return lloyd(points, centers, _SAMPLE_STEPS, weights)
    some = np.sort(rng.choice(usable, size, replace=False))
    sample = Points(points.E[some], points.centre)
    of_sample = None if weights is None else weights[some]
    centers = draw_centers(sample, n_clusters, rng, of_sample)
    centers = lloyd(sample, centers, _SAMPLE_STEPS, of_sample)[0]
    return lloyd(points, centers, _POOL_STEPS, weights)


def draw_centers(points, n_clusters, rng, weights):
    """Draw different rows by k-means++: fewer if there are no more."""
    drawn = draw_far(points, None, weights, min(n_clusters, len(points)), rng)
    centers = points.take(drawn)
    return centers.toarray() if points.is_sparse else centers


def lloyd(points, centers, n_steps, weights):
    """Move means to the mean of the rows nearest to them, again and again."""
    labels, squared = points.nearest(centers)
    for _ in range(n_steps):
        centers = means_of(points, labels, centers, weights)
        before = labels
        labels, squared = points.nearest(centers)
        if np.count_nonzero(labels != before) <= _SETTLED * len(points):
            break
    return centers, labels, squared


def means_of(points, labels, centers, weights):
    """Return the weighted mean of each cluster; one without weight stays in place."""
    k = len(centers)
    weights = np.ones(len(points), points.dtype) if weights is None else weights
    sums = np.zeros(centers.shape)
    for rows in points.tiles():
        block = points.take(rows)
        m = block.shape[0]
        member = (weights[rows], labels[rows], np.arange(m + 1))
        part = sp.csr_array(member, (m, k)).T @ block
        sums += part.toarray() if sp.issparse(part) else part
    totals = np.bincount(labels, weights, minlength=k)[:, np.newaxis]
    means = np.divide(sums, totals, out=centers.astype(float), where=totals > 0)
    return means.astype(points.dtype)


def kmeans_sampling(
    E: Any,
    n_instances: int,
    *,
    sample_weight: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    """Find as many clusters as rows are wanted, and pick the middle row of each.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    sample_weight : array-like of shape (n,), default=None
        How much each row counts in the means, from 0 up: with the uncertainty of the
        rows the clusters gather where the model is unsure.
    random_state : int, RandomState instance or None, default=None
        Draws the first means, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool: of each cluster, heaviest first, the row nearest to its
        mean. If fewer rows are different, the farthest from those picked fill up.

    See Also
    --------
    facility_location : Rows near to all others, without means.
    typiclust : The densest row of a cluster instead of the middle one.

    Notes
    -----
    Costs O(n k d) a step; see :func:`kmeans`.

    References
    ----------
    Zhdanov, F. (2019). Diverse mini-batch active learning. arXiv:1901.05954

    Examples
    --------
    >>> from skal.query.functional import kmeans_sampling
    >>> kmeans_sampling([[0.0], [0.1], [0.2], [9.0]], 2, random_state=0)
    array([1, 3])
    """
    E, _ = check_pool(E, n_instances)
    weights = check_weights("sample_weight", sample_weight, E.shape[0])
    points, rng = Points(E), as_random_state(random_state)
    centers, labels, squared = cluster(points, n_instances, rng, weights)
    heaviness = np.bincount(labels, weights, minlength=len(centers))
    middles = middle_rows(labels, squared, points.slack, rng)
    order = rng.permutation(len(middles))
    order = order[np.argsort(-heaviness[labels[middles[order]]], kind="stable")]
    picked = middles[order][:n_instances]
    nearest = points.nearest(points.take(picked))[1]
    nearest[picked] = -np.inf
    rest = farthest_first(points, nearest, n_instances - len(picked), rng)
    return np.concatenate([picked, rest])


def middle_rows(labels, squared, slack, rng):
    """Return the row nearest to the mean of each cluster that has rows."""
    least = np.full(labels.max() + 1, np.inf, squared.dtype)
    np.minimum.at(least, labels, squared)
    tied = rng.permutation(np.flatnonzero(squared - slack <= least[labels]))
    return tied[np.unique(labels[tied], return_index=True)[1]]


def kmeans_boundary(
    E: Any,
    n_instances: int,
    *,
    n_clusters: int = 12,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the rows that lie between two clusters.

    They are those whose distances to the nearest mean and to the second nearest
    differ least.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    n_clusters : int, default=12
        How many clusters to look for.
    random_state : int, RandomState instance or None, default=None
        Draws the first means, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, those of the smallest difference first.

    See Also
    --------
    kmeans_sampling : Rows in the middle of clusters.

    Notes
    -----
    Costs O(n k d) a step for k clusters; see :func:`kmeans`.

    Examples
    --------
    >>> from skal.query.functional import kmeans_boundary
    >>> kmeans_boundary([[0.0], [1.0], [4.8], [9.0], [9.5]], 1, n_clusters=2)
    array([2])
    """
    E, _ = check_pool(E, n_instances)
    points, rng = Points(E), as_random_state(random_state)
    centers, _, _ = cluster(points, check_int("n_clusters", n_clusters, 2), rng)
    gaps = gap_to_second(points, centers)
    order = rng.permutation(len(gaps))
    if n_instances < len(gaps):
        order = order[np.argpartition(gaps[order], n_instances - 1)[:n_instances]]
    return order[np.argsort(gaps[order], kind="stable")]


def gap_to_second(points, centers):
    """Tell how much farther the second mean is, in steps that rounding cannot take."""
    gaps = np.zeros(len(points), points.dtype)
    if len(centers) == 1:
        return gaps
    for rows in points.tiles(len(centers)):
        squared = points.squared(rows, centers) - points.slack[rows, np.newaxis]
        two = np.sqrt(np.maximum(np.partition(squared, 1, axis=1)[:, :2], 0))
        gaps[rows] = two[:, 1] - two[:, 0]
    step = _STEP * np.finfo(points.dtype).eps * np.sqrt(points.norms.mean())
    return gaps if step == 0 else np.round(gaps / step)
