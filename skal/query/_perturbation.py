"""Ask for rows whose prediction does not survive a disturbance of their embedding."""

from __future__ import annotations

from skal._checks import check_int, check_number
from skal.query import functional
from skal.query._base import QueryStrategy
from skal.query._labeled import check_labels


class DropQuery(QueryStrategy):
    """Pick, from clusters, rows whose prediction dropout on the embedding changes.

    The features of a good embedding are redundant: a row whose prediction hangs on few
    of them is uncertain. In each pass features are set to 0 at random; the rows whose
    prediction changes in more than half of the passes are grouped into as many clusters
    as rows are wanted, and the row nearest to each mean is picked.

    Parameters
    ----------
    n_passes : int, default=3
        How many times to draw.
    dropout : float, default=0.75
        The chance that a feature is set to 0, below 1.

    See Also
    --------
    ALFAMix : Moves embeddings towards other classes.
    skal.query.functional.drop_query : The same on plain arrays.

    Notes
    -----
    Cost: O(n d) a pass and O(q k d) a step for n rows, q that change, k picks and d
    features: one pass of the model over the pool, n_passes + 1 of its head alone, for
    which features are drawn, and the steps of the clustering. Needs an estimator with
    ``head_proba``, or one without an ``embed`` of its own: then features of X itself
    are set to 0.

    References
    ----------
    Gupte, S. R., Aklilu, J., Nirschl, J. J., Yeung-Levy, S. (2024). Revisiting active
    learning in the era of vision foundation models. TMLR. arXiv:2401.14555

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "drop_query", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "drop_query"
    needs = frozenset({"embed", "head"})
    target_types = frozenset({"multiclass"})

    def __init__(self, n_passes: int = 3, dropout: float = 0.75) -> None:
        self.n_passes = n_passes
        self.dropout = dropout

    def _check_params(self):
        check_int("n_passes", self.n_passes)
        if check_number("dropout", self.dropout, minimum=0) >= 1:
            raise ValueError(f"dropout must be below 1, got {self.dropout!r}.")

    def _query(self, view, rows, n_instances, rng):
        return functional.drop_query(
            view.head_proba,
            view.embed(rows),
            n_instances,
            n_passes=self.n_passes,
            dropout=self.dropout,
            random_state=rng,
        )


class ALFAMix(QueryStrategy):
    r"""Pick, from clusters, rows whose prediction a mix with a labelled class changes.

    A row whose embedding needs only a little of another class to change the prediction
    has features that the model does not know well. Embeddings are mixed with the mean
    of the labelled rows of each class, feature by feature along the gradient of the
    loss, ever further until enough predictions change. Their rows are grouped into as
    many clusters as rows are wanted, and the row nearest to each mean is picked.

    See Also
    --------
    DropQuery : Disturbs embeddings at random.
    skal.query.functional.alfa_mix : The same on plain arrays, with the formula.

    Notes
    -----
    Cost: O(6 C n d) and O(q k d) a step for n rows, q that change, k picks, C classes
    and d features, the steps being those of the clustering, after one pass of the model
    over pool and labelled rows, and with up to 6 C passes of its head alone. Needs at
    least one labelled row, and an estimator with ``head_proba`` or without an ``embed``
    of its own. The gradient comes from probabilities alone, by a linear fit of their
    logarithms: exact for a softmax on a linear last layer, an approximation for other
    heads.

    References
    ----------
    Parvaneh, A., Abbasnejad, E., Teney, D., Haffari, R., van den Hengel, A., Shi, J. Q.
    (2022). Active learning by feature mixing. CVPR. arXiv:2203.07249

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "alfa_mix", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "alfa_mix"
    needs = frozenset({"embed", "head", "labels"})
    target_types = frozenset({"multiclass"})

    def _query(self, view, rows, n_instances, rng):
        check_labels(self, view)
        return functional.alfa_mix(
            view.head_proba,
            view.embed(rows),
            n_instances,
            view.embed(view.X_training),
            view.y_training,
            random_state=rng,
        )
