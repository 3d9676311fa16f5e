"""Ask for rows whose labels would move the last layer far, and in many directions."""

from __future__ import annotations

from typing import ClassVar

from skal.query import functional
from skal.query._base import QueryStrategy, ScoreStrategy


class ExpectedGradientLength(ScoreStrategy):
    r"""Pick the rows whose labels are expected to move the last layer most.

    A label changes a model by the gradient of its loss; which label it will be is
    guessed from the probabilities. With h the embedding a row scores

    .. math:: \sum_y p_y \, \| p - e_y \| \, \| (h, 1) \|

    See Also
    --------
    BADGE : Spreads the batch out over the gradients.
    ExpectedModelChange : The same idea for regression.
    skal.query.functional.expected_gradient_length : The formula on plain arrays.

    Notes
    -----
    Cost: O(n (C + d)) for n rows, C classes and d features, after one pass of the model
    over the pool. Long embeddings score high: scale the features. It is exact for a
    softmax on a linear last layer, and a score of doubt times length for other models.

    References
    ----------
    Settles, B., Craven, M., Ray, S. (2007). Multiple-instance active learning. NIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import ExpectedGradientLength
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> ExpectedGradientLength().score_samples(model, X[[0, 133]]).round(2)
    array([0.33, 6.18])
    """

    alias = "expected_gradient_length"
    needs = frozenset({"proba", "embed"})
    target_types = frozenset({"multiclass"})
    separable = True

    def _score(self, view, rows):
        proba = view.predict_proba(rows)
        return functional.expected_gradient_length(proba, view.embed(rows))


class BADGE(QueryStrategy):
    r"""Pick rows whose gradients are long and point apart.

    The gradient that the predicted class would give the last layer,
    :math:`(p - e_{\hat y}) \otimes (h, 1)` with h the embedding, is long where the
    model is unsure, and two rows that would teach it the same have like gradients. The
    longest is picked first; each further row is drawn with a chance in proportion to
    its squared distance to the nearest gradient picked, as k-means++ draws its centres.

    See Also
    --------
    ExpectedGradientLength : The length alone.
    BAIT : Knows what the labelled rows have taught already.
    skal.query.functional.badge : The same on plain arrays.

    Notes
    -----
    Cost: O(n k (C + d)) for n rows, k picks, C classes and d features, in one matrix
    product for a few dozen picks, after one pass of the model over the pool. Distances
    come from residuals and embeddings, so that memory is O(n C), and never O(n C d).
    On multilabel targets the gradient is that of a logistic loss a label, its residual
    p - 1 where the label is predicted and p where it is not.

    References
    ----------
    Ash, J. T., Zhang, C., Krishnamurthy, A., Langford, J., Agarwal, A. (2020). Deep
    batch active learning by diverse, uncertain gradient lower bounds. ICLR.
    arXiv:1906.03671

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "badge", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "badge"
    _instead: ClassVar = {"regression": "KMeansPlusPlus, its form for regression"}
    needs = frozenset({"proba", "embed"})
    target_types = frozenset({"multiclass", "multilabel"})

    def _query(self, view, rows, n_instances, rng):
        proba = view.predict_proba(rows)
        return functional.badge(
            proba,
            view.embed(rows),
            n_instances,
            multilabel=view.target_type == "multilabel",
            random_state=rng,
        )
