"""Ask for rows that stand out from the labelled ones."""

from __future__ import annotations

from skal._checks import check_int, check_number
from skal.query import functional
from skal.query._base import QueryStrategy, ScoreStrategy
from skal.query._labeled import check_labels, labeled_of


class ContrastiveAL(ScoreStrategy):
    r"""Pick rows that the model tells apart from labelled rows close by.

    Where neighbours in the embedding get unlike predictions runs a boundary that is
    little known. Over the K labelled rows l nearest to a row n it scores

    .. math:: \tfrac{1}{K} \sum_l \mathrm{KL}(p_l \| p_n)

    Parameters
    ----------
    n_neighbors : int, default=10
        K; all labelled rows where there are fewer.

    See Also
    --------
    DiscriminativeAL : Looks at the embedding alone.
    skal.query.functional.contrastive : The formula on plain arrays.

    Notes
    -----
    Cost: O(n m (d + C)) for n rows, m labelled ones, d features and C classes, after
    one pass of the model over the pool and the labelled rows. Needs at least one
    labelled row. K labelled rows are neighbours only where labels are dense: with few
    labels take K from 1 to 3, or confident rows far from every label score highest.

    References
    ----------
    Margatina, K., Vernikos, G., Barrault, L., Aletras, N. (2021). Active learning by
    acquiring contrastive examples. EMNLP. arXiv:2109.03764

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "contrastive", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "contrastive"
    needs = frozenset({"proba", "embed", "labels"})
    target_types = frozenset({"multiclass"})

    def __init__(self, n_neighbors: int = 10) -> None:
        self.n_neighbors = n_neighbors

    def _check_params(self):
        check_int("n_neighbors", self.n_neighbors)

    def _score(self, view, rows):
        check_labels(self, view)
        return functional.contrastive(
            view.predict_proba(rows),
            view.embed(rows),
            view.predict_proba(view.X_training),
            view.embed(view.X_training),
            n_neighbors=self.n_neighbors,
        )


class DiscriminativeAL(QueryStrategy):
    """Pick rows that are easily told from the labelled ones.

    When labelled rows and pool cannot be told apart, the labels represent the pool. A
    logistic regression on the embedding learns to tell them, and the rows most surely
    of the pool are picked. They count as labelled then, and it learns anew, so that the
    batch does not repeat itself.

    Parameters
    ----------
    n_sub_batches : int, default=10
        In how many parts to pick the batch.
    max_rows : int, default=10000
        Of a larger pool the regression learns from so many rows drawn at random.
    regularization : float, default=0.01
        Weight of the squared norm of the coefficients, on features scaled by one number
        to a mean square of 1, beside the mean loss.

    See Also
    --------
    ContrastiveAL : Looks at the probabilities too.
    skal.query.functional.discriminative : The same on plain arrays.

    Notes
    -----
    Cost: O(s (r i + n) d) for n rows, d features, s parts, r rows to learn from and i
    iterations, after one pass of the model over pool and labelled rows. Reads no
    predictions, so that it serves any estimator and any target; needs at least one
    labelled row.

    References
    ----------
    Gissin, D., Shalev-Shwartz, S. (2019). Discriminative active learning.
    arXiv:1907.06347

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> X, y = load_digits(return_X_y=True)
    >>> learner = ActiveLearner(LogisticRegression(), "discriminative", random_state=0)
    >>> indices, rows = learner.fit(X[:50], y[:50]).query(X[50:], n_instances=3)
    >>> len(indices)
    3
    """

    alias = "discriminative"
    needs = frozenset({"embed", "labels"})

    def __init__(
        self,
        n_sub_batches: int = 10,
        max_rows: int = 10_000,
        regularization: float = 0.01,
    ) -> None:
        self.n_sub_batches = n_sub_batches
        self.max_rows = max_rows
        self.regularization = regularization

    def _check_params(self):
        check_int("n_sub_batches", self.n_sub_batches)
        check_int("max_rows", self.max_rows)
        check_number("regularization", self.regularization, minimum=0)

    def _query(self, view, rows, n_instances, rng):
        check_labels(self, view)
        return functional.discriminative(
            view.embed(rows),
            n_instances,
            labeled_of(view),
            n_sub_batches=self.n_sub_batches,
            max_rows=self.max_rows,
            regularization=self.regularization,
            random_state=rng,
        )
