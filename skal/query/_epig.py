"""EPIG: ask for labels that help the predictions."""

from typing import Any

import numpy as np

from skal._checks import check_int
from skal._data import as_rows, n_rows
from skal._model import check_n_samples
from skal.query._base import QueryStrategy
from skal.query._classes import learnt
from skal.query.functional import epig
from skal.query.functional._order import draw_rows, top_n


class EPIG(QueryStrategy):
    r"""Pick the rows whose labels would tell most about the labels of target rows.

    BALD wants to know the model, also where nobody will ask it. The expected
    predictive information gain counts only what a label tells about predictions: odd
    rows, that no others are like, score low. With J target rows a row scores, in nats,

    .. math:: \tfrac{1}{J} \sum_j I(y; y_j)

    Parameters
    ----------
    X_target : array-like of shape (n_targets, ...), default=None
        Rows that are to be predicted well, such as unlabelled rows from where the
        model will be used. None draws rows from the pool.
    n_targets : int, default=200
        How many rows to draw where ``X_target`` is None.
    n_samples : int, default=None
        How many posterior draws or members to ask; None takes the estimator's own
        number.

    See Also
    --------
    BALD : Counts all that a label tells about the model.
    BatchBALD : Takes care that a batch does not ask the same thing many times.
    skal.query.functional.epig : The formula on plain arrays.

    Notes
    -----
    Cost: O(n J C^2 S) for n rows, J targets, C classes and S draws, in matrix products
    on tiles of the joint probabilities of each row and each target, after the passes of
    BALD. The samples of the targets are held, those of a large pool are not. Needs
    samples, the same draws for every row: a net with dropout, a posterior, a forest,
    bagging or soft voting. On multilabel targets it is the mean over the labels.

    References
    ----------
    Bickford Smith, F., Kirsch, A., Farquhar, S., Gal, Y., Foster, A., Rainforth, T.
    (2023). Prediction-oriented Bayesian active learning. AISTATS. arXiv:2304.08151

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import EPIG
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(20, random_state=0).fit(X[::10], y[::10])
    >>> indices, info = EPIG(X_target=X[100:])(forest, X, 5, random_state=0)
    >>> indices.min() >= 50
    np.True_
    """

    alias = "epig"
    needs = frozenset({"samples"})
    target_types = frozenset({"multiclass", "multilabel"})

    def __init__(
        self,
        X_target: Any = None,
        n_targets: int = 200,
        n_samples: int | None = None,
    ) -> None:
        self.X_target = X_target
        self.n_targets = n_targets
        self.n_samples = n_samples

    def _check_params(self):
        if self.X_target is not None and n_rows(self.X_target) == 0:
            raise ValueError("X_target must have at least one row, got none.")
        check_int("n_targets", self.n_targets)
        check_n_samples(self.n_samples)

    def _query(self, view, rows, n_instances, rng):
        n_samples = self.n_samples
        drawn = view.sample_proba(self._targets(rows, rng), n_samples)
        targets = learnt(view, drawn)
        score = _epig_of_labels if view.target_type == "multilabel" else epig

        def score_block(samples):
            return score(learnt(view, samples), targets)

        scores = view.reduce_samples(score_block, rows, n_samples)
        picked = top_n(scores, n_instances, rng)
        return picked, {"score": scores[picked]}

    def _targets(self, rows, rng):
        """Return the user's target rows, or draw some of the pool."""
        if self.X_target is not None:
            return as_rows(self.X_target)
        drawn = draw_rows(len(rows), min(self.n_targets, len(rows)), rng)
        drawn.sort()  # read in the pool's order
        return rows.take(drawn)


def _epig_of_labels(samples, targets):
    """Mean over the labels; samples are (S, m, L) chances that a label is present."""
    by_label = [
        epig(_present_or_not(samples[:, :, j]), _present_or_not(targets[:, :, j]))
        for j in range(samples.shape[2])
    ]
    return np.mean(by_label, axis=0)


def _present_or_not(proba):
    """Return the two-class distribution of one label."""
    return np.clip(np.stack([1 - proba, proba], axis=-1), 0, 1)
