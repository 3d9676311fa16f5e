"""Ask for uncertain rows that are apart from each other in the embedding."""

from __future__ import annotations

from skal._checks import check_above_zero, check_choice, check_int, check_number
from skal.query import functional
from skal.query._base import QueryStrategy
from skal.query._uncertainty import UNCERTAINTIES, score_proba


class CLUE(QueryStrategy):
    r"""Cluster the pool where the model is unsure, and pick the middle of each cluster.

    The rows are grouped into as many clusters as are wanted. They count in the means by
    the entropy of their probabilities, so that clusters gather in uncertain regions and
    cover them; the row nearest to each mean is picked.

    Parameters
    ----------
    temperature : float, default=1.0
        Above 1 probabilities are softened before the entropy is taken, which weighs
        rows more evenly: diversity counts more. Below 1 uncertainty does.

    See Also
    --------
    WeightedKMeans : Clusters the most uncertain rows only.
    skal.query.functional.clue : The same on plain arrays.

    Notes
    -----
    Cost: O(n C + n k d) a step for n rows, k picks, C classes and d features, the steps
    being those of the clustering, after one pass of the model over the pool. On
    multilabel targets the entropy is the mean over the labels.

    References
    ----------
    Prabhu, V., Chandrasekaran, A., Saenko, K., Hoffman, J. (2021). Active domain
    adaptation via clustering uncertainty-weighted embeddings. ICCV. arXiv:2010.08666

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "clue", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "clue"
    needs = frozenset({"proba", "embed"})
    target_types = frozenset({"multiclass", "multilabel"})

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = temperature

    def _check_params(self):
        check_above_zero("temperature", self.temperature)

    def _query(self, view, rows, n_instances, rng):
        return functional.clue(
            view.predict_proba(rows),
            view.embed(rows),
            n_instances,
            temperature=self.temperature,
            multilabel=view.target_type == "multilabel",
            random_state=rng,
        )


class WeightedKMeans(QueryStrategy):
    """Cluster the most uncertain rows, and pick the middle of each cluster.

    Of the beta k most uncertain rows, which count by their uncertainty, k clusters are
    formed, and the row nearest to each mean is picked: uncertain rows without repeats.

    Parameters
    ----------
    beta : float, default=10.0
        How many times as many rows to cluster as to pick, at least 1: the larger, the
        more diversity counts.
    score : {"margin", "least_confidence", "entropy"}, default="margin"
        The uncertainty; that of the margin is one minus it.

    See Also
    --------
    CLUE : Clusters the whole pool.
    ClusterMargin : Draws from small clusters first.
    skal.query.functional.weighted_kmeans : The same on plain arrays, with any score.

    Notes
    -----
    Cost: O(n C) and O(beta k^2 d) a step for n rows, k picks, C classes and d features,
    the steps being those of the clustering, after one pass of the model over the pool.
    On multilabel targets the uncertainty is the mean over the labels.

    References
    ----------
    Zhdanov, F. (2019). Diverse mini-batch active learning. arXiv:1901.05954

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.query import WeightedKMeans
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), WeightedKMeans(), random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "weighted_kmeans"
    needs = frozenset({"proba", "embed"})
    target_types = frozenset({"multiclass", "multilabel"})

    def __init__(self, beta: float = 10.0, score: str = "margin") -> None:
        self.beta = beta
        self.score = score

    def _check_params(self):
        check_number("beta", self.beta, minimum=1)
        check_choice("score", self.score, UNCERTAINTIES)

    def _query(self, view, rows, n_instances, rng):
        return functional.weighted_kmeans(
            score_proba(UNCERTAINTIES[self.score], view, rows),
            view.embed(rows),
            n_instances,
            beta=self.beta,
            random_state=rng,
        )


class ClusterMargin(QueryStrategy):
    """Draw rows of small margin from clusters in turn, small clusters first.

    Uncertain rows gather in few regions. Taking one of each cluster, and another one of
    each only when all have given one, spreads even a large batch out; rare kinds of
    rows, in small clusters, come first.

    Parameters
    ----------
    shortlist : float, default=10.0
        How many times as many rows of the smallest margins to cluster as to pick, at
        least 1.
    n_clusters : int, default=None
        How many clusters to look for; None looks for as many as rows are picked.

    See Also
    --------
    WeightedKMeans : Picks the middle of each cluster.
    Margin : Without clusters.
    skal.query.functional.cluster_margin : The same on plain arrays.

    Notes
    -----
    Cost: O(n C) and O(s k^2 d) a step for n rows, k picks and clusters, a shortlist of
    s k, C classes and d features, the steps being those of the clustering, after one
    pass of the model over the pool. The authors cluster the pool once, by average
    linkage; here k-means groups the shortlist of each query anew.
    On multilabel targets the margin is the mean over the labels.

    References
    ----------
    Citovsky, G., DeSalvo, G., Gentile, C., Karydas, L., Rajagopalan, A.,
    Rostamizadeh, A., Kumar, S. (2021). Batch active learning at scale. NeurIPS.
    arXiv:2107.14263

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "cluster_margin", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "cluster_margin"
    needs = frozenset({"proba", "embed"})
    target_types = frozenset({"multiclass", "multilabel"})

    def __init__(self, shortlist: float = 10.0, n_clusters: int | None = None) -> None:
        self.shortlist = shortlist
        self.n_clusters = n_clusters

    def _check_params(self):
        check_number("shortlist", self.shortlist, minimum=1)
        if self.n_clusters is not None:
            check_int("n_clusters", self.n_clusters)

    def _query(self, view, rows, n_instances, rng):
        return functional.cluster_margin(
            view.predict_proba(rows),
            view.embed(rows),
            n_instances,
            shortlist=self.shortlist,
            n_clusters=self.n_clusters,
            multilabel=view.target_type == "multilabel",
            random_state=rng,
        )
