"""Ask where much of the pool is far from every label: batches for regression."""

from __future__ import annotations

from skal.query import functional
from skal.query._base import QueryStrategy
from skal.query._features import check_features, features_of


class _OfFeatures(QueryStrategy):
    """A choice by distances between what rows would teach."""

    needs = frozenset({"embed"})
    uses = frozenset({"gradients"})

    def __init__(self, features: str = "all", n_features: int = 512) -> None:
        self.features = features
        self.n_features = n_features

    def _check_params(self):
        check_features(self)


class LCMD(_OfFeatures):
    r"""Pick the farthest row of the largest cluster around a label, for regression.

    Largest cluster maximum distance. A row far from every label may be an outlier, of
    which nothing follows for others; a cluster holds many rows. Each row belongs to the
    nearest labelled or picked row, and the cluster of the largest
    :math:`\sum_n \|\phi_n - c(n)\|^2` gives its farthest row. On networks
    :math:`\phi` is what a row would teach the weights, so that rows are apart where the
    network, not X, tells them apart.

    Parameters
    ----------
    features : {"all", "last"}, default="all"
        Of a network, the gradient features of all its layers, or the embedding, which
        is the gradient in its last layer. Where the model is no network with
        ``gradient_features``, and before it is fitted, they are embeddings.
    n_features : int, default=512
        How many numbers the gradient features are sketched to.

    See Also
    --------
    CoreSet : The farthest row of all, outliers first.
    KMeansPlusPlus : Draws rows instead.
    GreedySampling : Distances in the target too.
    skal.query.functional.lcmd : The same on plain arrays.

    Notes
    -----
    Cost: O(n m d) for n rows, m labelled ones and d features, then O(n d) a pick at
    most: half a second for 100 of 50 000 rows by 128 features. Gradient features cost
    one pass forward and one back for each output. Memory is O(n) beyond the features.
    Serves classifiers too, where the outputs are the scores of the classes, and as
    ``initial=``, where it starts with the row nearest to the mean of the pool.

    References
    ----------
    Holzmüller, D., Zaverkin, V., Kästner, J., Steinwart, I. (2023). A framework and
    benchmark for deep batch active learning for regression. JMLR 24. arXiv:2203.09410

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skal import ActiveLearner
    >>> from skal.nets import NetRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = NetRegressor(max_steps=50, random_state=0)
    >>> learner = ActiveLearner(net, "lcmd", random_state=0).fit(X[:50], y[:50])
    >>> len(learner.query(X[50:], n_instances=3)[0])
    3
    """

    alias = "lcmd"

    def _query(self, view, rows, n_instances, rng):
        E, labeled = features_of(self, view, rows)
        return functional.lcmd(E, n_instances, labeled=labeled, random_state=rng)


class KMeansPlusPlus(_OfFeatures):
    r"""Draw rows far apart in what they would teach: BADGE's idea for regression.

    A row is drawn with a chance in proportion to its squared distance to the nearest
    labelled or drawn row, as k-means++ draws its centres. BADGE draws so among
    gradients that depend on a predicted class; without classes the gradients of the
    outputs take their place, and the labelled rows are the first centres.

    Parameters
    ----------
    features : {"all", "last"}, default="all"
        Of a network, the gradient features of all its layers, or the embedding, which
        is the gradient in its last layer. Where the model is no network with
        ``gradient_features``, and before it is fitted, they are embeddings.
    n_features : int, default=512
        How many numbers the gradient features are sketched to.

    See Also
    --------
    BADGE : For classifiers, whose doubt it reads too.
    LCMD : Makes the same choice without chance.
    skal.query.functional.kmeans_plus_plus : The same on plain arrays.

    Notes
    -----
    Cost: O(n (m + k) d) for n rows, m labelled ones, k picks and d features, in matrix
    products. Gradient features cost one pass forward and one back for each output.
    Memory is O(n) beyond the features. Serves classifiers too, and as ``initial=``.

    References
    ----------
    Holzmüller, D., Zaverkin, V., Kästner, J., Steinwart, I. (2023). A framework and
    benchmark for deep batch active learning for regression. JMLR 24. arXiv:2203.09410

    Ash, J. T., Zhang, C., Krishnamurthy, A., Langford, J., Agarwal, A. (2020). Deep
    batch active learning by diverse, uncertain gradient lower bounds. ICLR.
    arXiv:1906.03671

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skal import ActiveLearner
    >>> from skal.nets import NetRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = NetRegressor(max_steps=50, random_state=0)
    >>> learner = ActiveLearner(net, "kmeans_plus_plus", random_state=0)
    >>> len(learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)[0])
    3
    """

    alias = "kmeans_plus_plus"

    def _query(self, view, rows, n_instances, rng):
        E, labeled = features_of(self, view, rows)
        return functional.kmeans_plus_plus(
            E, n_instances, labeled=labeled, random_state=rng
        )
