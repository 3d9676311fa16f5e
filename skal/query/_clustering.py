"""Strategies that pick by clusters of the pool."""

from __future__ import annotations

from skal._checks import check_choice, check_int
from skal._model import flatten
from skal.query import functional
from skal.query._base import QueryStrategy
from skal.query._labeled import labeled_of


class KMeansBoundary(QueryStrategy):
    r"""Pick rows between two clusters: those hardest to tell apart without labels.

    The pool is clustered, and the rows picked whose distances to the nearest mean and
    to the second nearest differ least.

    Parameters
    ----------
    n_clusters : int, default=12
        How many clusters to look for; tune it with ``query_strategy__n_clusters``.
    space : {"embedding", "input"}, default="embedding"
        Whether to cluster the embeddings or X itself.

    See Also
    --------
    KMeansSampling : Rows in the middle of clusters.
    Margin : Rows between two classes, by the model.
    skal.query.functional.kmeans_boundary : The same on plain arrays.

    Notes
    -----
    Cost: O(n c d) a step for n rows, c clusters and d features; beyond 16 384 rows the
    clusters are fitted to a sample, and then for two steps to all. O(n) memory. Needs
    embeddings, with ``space="input"`` nothing. Serves as ``initial=`` too, though rows
    between clusters seldom make good first labels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import KMeansBoundary
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = KMeansBoundary(n_clusters=10)
    >>> learner = ActiveLearner(query_strategy=strategy, n_labels=30, random_state=0)
    >>> learner.fit(X / 16, y).n_iter_
    2
    """

    alias = "kmeans_boundary"

    def __init__(self, n_clusters: int = 12, space: str = "embedding") -> None:
        self.n_clusters = n_clusters
        self.space = space

    @property
    def needs(self) -> frozenset[str]:
        """What the space reads."""
        reads = {"embedding": {"embed"}, "input": set()}
        return frozenset(reads[check_choice("space", self.space, reads)])

    def _check_params(self):
        check_int("n_clusters", self.n_clusters)

    def _query(self, view, rows, n_instances, rng):
        E = view.embed(rows) if self.needs else flatten(rows.data())
        return functional.kmeans_boundary(
            E, n_instances, n_clusters=self.n_clusters, random_state=rng
        )


class KMeansSampling(QueryStrategy):
    """Find as many clusters as rows are wanted, and pick the middle row of each.

    See Also
    --------
    TypiClust : The densest row of clusters without a label.
    FacilityLocation : Looks at the labelled rows too.
    skal.query.functional.kmeans_sampling : The same on plain arrays, with weights.

    Notes
    -----
    Cost: O(n k d) a step for n rows, k picks and d features; clusters of large pools
    are fitted to a sample, and then for two steps to all. O(n + k d) memory. Needs
    embeddings. It does not look at labels: each batch is spread over the whole pool
    again. Serves as ``initial=`` too.

    References
    ----------
    Zhdanov, F. (2019). Diverse mini-batch active learning. arXiv:1901.05954

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> from skal.query import KMeansSampling
    >>> learner = ActiveLearner(initial=KMeansSampling(), random_state=0)
    >>> learner.query([[0.0], [0.1], [0.2], [9.0]], n_instances=2)[0]
    array([1, 3])
    """

    alias = "kmeans_sampling"
    needs = frozenset({"embed"})

    def _query(self, view, rows, n_instances, rng):
        return functional.kmeans_sampling(
            view.embed(rows), n_instances, random_state=rng
        )


class TypiClust(QueryStrategy):
    """Pick the most typical row of the largest clusters without a label.

    With few labels, typical rows teach more than uncertain ones. The pool is split into
    as many clusters as there are labelled and wanted rows; those with the fewest labels
    give first, the larger of equals, each its row of the least mean distance to its
    nearest neighbours.

    Parameters
    ----------
    n_neighbors : int, default=20
        How many neighbours in the cluster; half the cluster if that is fewer.
    max_clusters : int, default=500
        The most clusters to look for.
    min_cluster_size : int, default=5
        Clusters of fewer rows are left for last.

    See Also
    --------
    ProbCover : Dense regions without clusters.
    KMeansSampling : The middle row of each cluster.
    skal.query.functional.typiclust : The same on plain arrays.

    Notes
    -----
    Cost: O(n c d) a step for n rows, c clusters and d features, and O(s^2 d) for each
    cluster of s rows that is picked from, about a quarter of it from 512 rows on. O(n +
    c d) memory. Needs embeddings, best those of a self-supervised net. Serves as
    ``initial=`` too.

    References
    ----------
    Hacohen, G., Dekel, A., Weinshall, D. (2022). Active learning on a budget: opposite
    strategies suit high and low budgets. ICML. arXiv:2202.02794

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import TypiClust
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(initial=TypiClust(), random_state=0)
    >>> first, _ = learner.query(X, n_instances=10)
    >>> len(set(y[first])) > 7
    True
    """

    alias = "typiclust"
    needs = frozenset({"embed"})

    def __init__(
        self,
        n_neighbors: int = 20,
        max_clusters: int = 500,
        min_cluster_size: int = 5,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.max_clusters = max_clusters
        self.min_cluster_size = min_cluster_size

    def _check_params(self):
        check_int("n_neighbors", self.n_neighbors)
        check_int("max_clusters", self.max_clusters)
        check_int("min_cluster_size", self.min_cluster_size)

    def _query(self, view, rows, n_instances, rng):
        return functional.typiclust(
            view.embed(rows),
            n_instances,
            labeled=labeled_of(view),
            n_neighbors=self.n_neighbors,
            max_clusters=self.max_clusters,
            min_cluster_size=self.min_cluster_size,
            random_state=rng,
        )
