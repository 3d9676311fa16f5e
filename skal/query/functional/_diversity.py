"""Uncertain rows that are apart: clusters weighted or narrowed by uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._clustering import kmeans, kmeans_sampling
from skal.query.functional._gradient import check_finite_pair, check_rows
from skal.query.functional._inputs import (
    by_blocks,
    check_batch,
    check_pool,
    check_weights,
)
from skal.query.functional._order import top_n
from skal.query.functional._uncertainty import (
    margin,
    mean_over_labels,
    plain_entropy,
)

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def clue(
    proba: ArrayLike,
    E: Any,
    n_instances: int,
    *,
    temperature: float = 1.0,
    multilabel: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Cluster the pool by embedding and entropy, and pick the middle of each cluster.

    Rows count in the means by the entropy of their probabilities, so that clusters
    gather where the model is unsure.

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings.
    n_instances : int
        How many rows to pick.
    temperature : float, default=1.0
        Above 1 probabilities are softened before the entropy is taken, which weighs
        rows more evenly; below 1 they are sharpened.
    multilabel : bool, default=False
        Whether the columns of ``proba`` are the chances of C labels, of which a row may
        carry several: the entropy is then the
        mean over the labels.
    random_state : int, RandomState instance or None, default=None
        Draws the first means, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, the heaviest cluster first.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If the arrays do not fit together, a number is not finite or the temperature is
        not above 0.

    See Also
    --------
    weighted_kmeans : Clusters the most uncertain rows only.
    kmeans_sampling : Any weights, or none.

    Notes
    -----
    Costs O(n C + n k d) a step of the clustering, for k picks; O(n + k d) memory.

    References
    ----------
    Prabhu, V., Chandrasekaran, A., Saenko, K., Hoffman, J. (2021). Active domain
    adaptation via clustering uncertainty-weighted embeddings. ICCV. arXiv:2010.08666

    Examples
    --------
    >>> from skal.query.functional import clue
    >>> proba = [[0.5, 0.5], [1.0, 0.0], [0.6, 0.4], [1.0, 0.0]]
    >>> sorted(clue(proba, [[0.0], [1.0], [8.0], [9.0]], 2, random_state=0).tolist())
    [0, 2]
    """
    p, E = check_finite_pair(proba, E)
    if not check_number("temperature", temperature) > 0:
        raise ValueError(f"temperature must be above 0, got {temperature!r}.")
    if multilabel:
        weights = mean_over_labels(lambda q: _softened_entropy(q, temperature), p)
    else:
        weights = by_blocks(lambda block: _softened_entropy(block, temperature), p)
    weights = np.maximum(weights, 0)
    return kmeans_sampling(
        E,
        n_instances,
        sample_weight=weights if weights.any() else None,
        random_state=random_state,
    )


def _softened_entropy(block, temperature):
    """Entropy of probabilities at a temperature; block is (m, C)."""
    if temperature == 1:
        return plain_entropy(block)
    block = (block / block.max(axis=1, keepdims=True)) ** (1 / temperature)
    return plain_entropy(block / block.sum(axis=1, keepdims=True))


def weighted_kmeans(
    scores: ArrayLike,
    E: Any,
    n_instances: int,
    *,
    beta: float = 10.0,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    """Cluster the rows of highest score, and pick the middle of each cluster.

    The beta k best rows are grouped in k clusters, in whose means they count by their
    score.

    Parameters
    ----------
    scores : array-like of shape (n,)
        How much each row is wanted, from 0; one minus the margin in the paper.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings.
    n_instances : int
        How many rows to pick: k.
    beta : float, default=10.0
        How many times as many rows to cluster, at least 1.
    random_state : int, RandomState instance or None, default=None
        Draws the first means, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, the heaviest cluster first.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If a score is negative or there is not one a row.

    See Also
    --------
    clue : Clusters the whole pool.
    cluster_margin : Draws from small clusters first.

    Notes
    -----
    Costs O(n) for the best rows and O(beta k^2 d) a step of the clustering, whatever
    the size of the pool.

    References
    ----------
    Zhdanov, F. (2019). Diverse mini-batch active learning. arXiv:1901.05954

    Examples
    --------
    >>> from skal.query.functional import weighted_kmeans
    >>> E = [[0.0], [0.1], [9.0], [5.0]]
    >>> picked = weighted_kmeans([0.9, 0.8, 0.7, 0.1], E, 2, beta=1.5, random_state=0)
    >>> sorted(picked.tolist())
    [0, 2]
    """
    E, _ = check_pool(E, n_instances)
    check_rows("scores", np.asarray(scores), "E", E)
    weights = check_weights("scores", scores, E.shape[0])
    rng = as_random_state(random_state)
    best = _shortlist(weights, n_instances, beta, "beta", rng)
    weights = weights[best]
    few = kmeans_sampling(
        E[best],
        n_instances,
        sample_weight=weights if weights.any() else None,
        random_state=rng,
    )
    return best[few]


def cluster_margin(
    proba: ArrayLike,
    E: Any,
    n_instances: int,
    *,
    shortlist: float = 10.0,
    n_clusters: int | None = None,
    multilabel: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    """Draw rows of small margin from clusters in turn, small clusters first.

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings.
    n_instances : int
        How many rows to pick.
    shortlist : float, default=10.0
        How many times as many rows of the smallest margins to cluster, at least 1.
    n_clusters : int, default=None
        How many clusters to look for; None looks for as many as rows are picked.
    multilabel : bool, default=False
        Whether the columns of ``proba`` are the chances of C labels, of which a row may
        carry several: the margin is then the mean
        over the labels.
    random_state : int, RandomState instance or None, default=None
        Draws the first means and the rows of a cluster, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool: one row of each cluster, then another one of each.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If the arrays do not fit together, a number is not finite or a parameter is out
        of range.

    See Also
    --------
    weighted_kmeans : Picks the middle of each cluster.

    Notes
    -----
    Costs O(n C) for the margins and O(s k^2 d) a step of the clustering, for k picks
    and clusters and a shortlist of s k. The authors cluster the whole pool once, by
    average linkage, and reuse the clusters; here k-means groups the shortlist anew,
    so that no query depends on another and no n^2 distances are needed.

    References
    ----------
    Citovsky, G., DeSalvo, G., Gentile, C., Karydas, L., Rajagopalan, A.,
    Rostamizadeh, A., Kumar, S. (2021). Batch active learning at scale. NeurIPS.
    arXiv:2107.14263

    Examples
    --------
    >>> from skal.query.functional import cluster_margin
    >>> proba = [[0.5, 0.5], [0.6, 0.4], [0.7, 0.3], [1.0, 0.0]]
    >>> E = [[0.0], [0.1], [9.0], [9.1]]
    >>> cluster_margin(proba, E, 1, shortlist=3, n_clusters=2, random_state=0)
    array([2])
    """
    p, E = check_finite_pair(proba, E)
    check_batch(n_instances, len(p))
    size = n_instances if n_clusters is None else check_int("n_clusters", n_clusters)
    rng = as_random_state(random_state)
    lead = mean_over_labels(margin, p) if multilabel else margin(p)
    best = _shortlist(-lead, n_instances, shortlist, "shortlist", rng)
    labels = kmeans(E[best], min(size, len(best)), random_state=rng)[1]
    return best[_in_turn(labels, rng)[:n_instances]]


def _shortlist(scores, n_instances, times, name, rng):
    """Return the positions of so many times n_instances rows of the highest scores."""
    size = min(check_number(name, times, minimum=1) * n_instances, len(scores))
    return top_n(scores, round(size), rng)


def _in_turn(labels, rng):
    """Order rows by their turn in their cluster, small clusters first, all by lot."""
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    starts = np.cumsum(sizes) - sizes
    turn = np.arange(len(order)) - starts[labels[order]]
    lot = rng.permutation(len(sizes))
    return order[np.lexsort([lot[labels[order]], sizes[labels[order]], turn])]
