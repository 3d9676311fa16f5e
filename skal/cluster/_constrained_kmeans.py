"""k-means for people who know of some pairs that they belong together, or do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.validation import check_is_fitted, validate_data

from skal._checks import check_int, check_number
from skal._seed import as_random_state
from skal.cluster._answers import check_pairs
from skal.cluster._pck_means import (
    PairedRows,
    fill_starts,
    neighbourhood_starts,
    squared_distances,
)

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import ArrayLike, NDArray


class ConstrainedKMeans(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    r"""Group rows by k-means, heeding pairs that belong together or apart.

    Soft, as in PCK-means: a violated pair has a price, and the sum of squared
    distances and prices is what gets small, so that a wrong pair does little harm:

    .. math:: \sum_i \lVert x_i - \mu_{l_i} \rVert^2
        + w \, \lvert \{(i, j) \in M : l_i \neq l_j\} \rvert
        + w \, \lvert \{(i, j) \in C : l_i = l_j\} \rvert

    Hard, as in COP-KMeans: rows that must-links join move as one, each to the nearest
    centre where no cannot-link is broken. Pairs may contradict each other, and finding
    groups that keep them all is a hard problem: what stays violated is told, never
    raised.

    Parameters
    ----------
    n_clusters : int, default=8
        How many groups.
    hard : bool, default=False
        Whether pairs come before distances, whatever these are.
    weight : float, default=1.0
        The price of a violated pair, in units of the mean squared distance of a row to
        the mean of all; 0 is plain k-means. ``hard=True`` does not read it.
    n_init : int, default=10
        How many starts, of which the best is kept: with the fewest violations if
        hard, then with the least sum. Every second one begins at rows that must-links
        join, the others anywhere.
    max_iter : int, default=300
        The most rounds of a start.
    random_state : int, RandomState instance or None, default=None
        Draws the starts, and the order in which rows with pairs choose.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centre of each group.
    labels_ : ndarray of int32 of shape (n_samples,)
        The group of each row.
    inertia_ : float
        The sum of squared distances of rows to their centres, without prices.
    n_violations_ : int
        How many of the given pairs are violated.
    violated_must_link_ : ndarray of shape (n_violated, 2)
        The must-links whose rows are in two groups.
    violated_cannot_link_ : ndarray of shape (n_violated, 2)
        The cannot-links whose rows are in one group.
    n_iter_ : int
        Rounds of the start that was kept.
    n_features_in_ : int
        How many features X had.
    feature_names_in_ : ndarray of str
        Their names, where X had names.

    See Also
    --------
    ActiveClusterer : Asks for pairs, and finds the number of groups.
    sklearn.cluster.KMeans : Without pairs.

    Notes
    -----
    Cost: O(n k d) a round and start, as for k-means, and a step in Python for each row
    with pairs that moves; memory O(n k).

    Hard assignments stay from round to round, so that the search ends; the original
    COP-KMeans assigns afresh each round, and gives up where a row has nowhere to go.

    ``predict`` knows no pairs: it takes the nearest centre, also for rows of ``fit``.

    References
    ----------
    .. [1] Basu, S., Banerjee, A., Mooney, R. J. (2004). Active semi-supervision for
       pairwise constrained clustering. SIAM International Conference on Data Mining.
       doi:10.1137/1.9781611972740.31

    .. [2] Wagstaff, K., Cardie, C., Rogers, S., Schroedl, S. (2001). Constrained
       k-means clustering with background knowledge. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from skal.cluster import ConstrainedKMeans
    >>> X = np.array([[0, 0], [0, 2], [3, 0], [3, 2.0]])
    >>> model = ConstrainedKMeans(2, random_state=0)
    >>> adjusted_rand_score(model.fit_predict(X), [0, 0, 1, 1])
    1.0
    >>> top_bottom = model.fit_predict(X, must_link=[[0, 2], [1, 3]])
    >>> adjusted_rand_score(top_bottom, [0, 1, 0, 1])
    1.0
    >>> model.n_violations_
    0
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        hard: bool = False,
        weight: float = 1.0,
        n_init: int = 10,
        max_iter: int = 300,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.hard = hard
        self.weight = weight
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        must_link: ArrayLike | None = None,
        cannot_link: ArrayLike | None = None,
    ) -> Self:
        """Group the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : object, default=None
            Not read.
        must_link : array-like of int of shape (n_pairs, 2), default=None
            Positions of rows that belong together. A pair given twice counts twice.
        cannot_link : array-like of int of shape (n_pairs, 2), default=None
            Positions of rows that belong to different groups.

        Returns
        -------
        ConstrainedKMeans
            The fitted clusterer.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter is out of bounds, pairs are no pairs of positions in X, or
            there are fewer rows than clusters.
        """
        self._check_params()
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32])
        n = X.shape[0]
        if n < self.n_clusters:
            raise ValueError(
                f"n_clusters must be at most the number of rows, n_samples={n}, got "
                f"{self.n_clusters}."
            )
        must = linked("must_link", must_link, n)
        cannot = linked("cannot_link", cannot_link, n)
        groups = joined(must, n)
        rows = self._paired_rows(X, must, cannot, groups)
        rng = as_random_state(self.random_state)
        near = neighbourhood_starts(X, groups, self.n_clusters)
        found = []
        for start in range(self.n_init):
            begin = near if start % 2 == 0 else near[:0]
            centers = fill_starts(X, begin, self.n_clusters, rng)
            result = rows.search(centers, rng, self.max_iter)
            found.append((self._price(rows, must, cannot, *result[:2]), result))
        (_, self.inertia_), (labels, centers, n_iter) = min(found, key=lambda f: f[0])
        self.labels_ = labels.astype(np.int32)
        self.cluster_centers_ = centers
        self.n_iter_ = n_iter
        self._n_features_out = self.n_clusters
        self.violated_must_link_ = must[~_together(labels, must)]
        self.violated_cannot_link_ = cannot[_together(labels, cannot)]
        self.n_violations_ = len(self.violated_must_link_) + len(
            self.violated_cannot_link_
        )
        return self

    def predict(self, X: Any) -> NDArray[np.int32]:
        """Return the group whose centre is nearest.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, new ones too.

        Returns
        -------
        ndarray of int32 of shape (n_samples,)
            The group of each row.
        """
        nearest = pairwise_distances_argmin(self._checked(X), self.cluster_centers_)
        return nearest.astype(np.int32)

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the distance of each row to each centre.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, new ones too.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            Euclidean distances.
        """
        return euclidean_distances(self._checked(X), self.cluster_centers_)

    def _checked(self, X):
        check_is_fitted(self)
        dtypes = [np.float64, np.float32]
        return validate_data(self, X, accept_sparse="csr", dtype=dtypes, reset=False)

    def _check_params(self):
        check_int("n_clusters", self.n_clusters)
        if not isinstance(self.hard, (bool, np.bool_)):
            raise TypeError(f"hard must be True or False, got {self.hard!r}.")
        check_number("weight", self.weight, minimum=0)
        check_int("n_init", self.n_init)
        check_int("max_iter", self.max_iter)

    def _paired_rows(self, X, must, cannot, groups):
        """Return the rows with their pairs, by the meaning that these have."""
        if self.hard:
            return PairedRows.of(X, must, cannot, groups, None)
        mean = np.asarray(X.mean(axis=0)).reshape(1, -1)
        unit = euclidean_distances(X, mean, squared=True).mean()
        price = self.weight * float(unit)
        return PairedRows.of(X, must, cannot, np.arange(X.shape[0]), price)

    def _price(self, rows, must, cannot, labels, centers):
        """Return what starts are compared by, and the sum of squared distances."""
        inertia = float(squared_distances(rows.X, labels, centers).sum())
        violated = (~_together(labels, must)).sum() + _together(labels, cannot).sum()
        if self.hard:
            return violated, inertia
        return inertia + rows.penalty * violated, inertia

    def __sklearn_tags__(self):
        """Sparse rows are taken as they are."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def linked(name, pairs, n):
    """Return pairs of positions in n rows, checked: (n_pairs, 2)."""
    return check_pairs(() if pairs is None else pairs, n, name)


def joined(pairs, n):
    """Return the group of each of n rows, where pairs join rows."""
    ones = np.ones(len(pairs), bool)
    graph = sparse.coo_array((ones, tuple(pairs.T)), shape=(n, n))
    return sparse.csgraph.connected_components(graph, directed=False)[1]


def _together(labels, pairs):
    return labels[pairs[:, 0]] == labels[pairs[:, 1]]
