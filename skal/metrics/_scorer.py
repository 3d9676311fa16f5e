"""A learning curve as one score, for searches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline

from skal.metrics._curves import area_under_learning_curve

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class CurveScorer:
    """Score a learner by its whole learning curve, not by its last model.

    Pass it to a search as ``scoring=``: a strategy that is good early and late beats
    one that only ends well. The score is the area under the learner's curve on the
    held-out rows (:func:`area_under_learning_curve`).

    Parameters
    ----------
    scoring : str or callable, default=None
        A scikit-learn scorer for the model of each round; None uses the ``score`` of
        the learner.
    start : float, default=None
        Where the range of label counts begins; None takes each curve's first point.
    stop : float, default=None
        Where it ends; None takes each curve's last point. Set both where the search
        changes how many labels are bought.

    See Also
    --------
    area_under_learning_curve : The number itself.
    skal.ActiveLearner.staged_score : The scores it is made of.

    Notes
    -----
    Scores as many models as there are rounds. The learner must keep them:
    ``store_estimators=True``. A learner at the end of a Pipeline is found.
    With ``n_labels=None`` the curve is one point and the area its score.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.metrics import CurveScorer
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), n_labels=30,
    ...     store_estimators=True, random_state=0)
    >>> X, y = load_iris(return_X_y=True)
    >>> area = CurveScorer("neg_log_loss")(learner.fit(X, y), X, y)
    """

    scoring: Any = None
    start: float | None = None
    stop: float | None = None

    def __call__(self, learner: Any, X: Any, y: Any) -> float:
        """Return the area under the curve of a fitted learner on held-out rows.

        Parameters
        ----------
        learner : ActiveLearner or Pipeline that ends in one
            Fitted with ``store_estimators=True``.
        X : array-like of shape (n_samples, ...)
            Held-out rows.
        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        float
            The area.

        Raises
        ------
        ValueError
            If the learner has not kept its models.
        """
        learner, X = at_the_end(learner, X)
        if not learner.store_estimators:
            raise ValueError(
                "store_estimators must be True for a CurveScorer, got False. Pass "
                "ActiveLearner(..., store_estimators=True)."
            )
        return area_under_learning_curve(
            learner.history_["n_labels"],
            list(self._scores(learner, X, y)),
            start=self.start,
            stop=self.stop,
        )

    def _scores(self, learner, X, y):
        if self.scoring is None:
            return learner.staged_score(X, y)
        scorer = check_scoring(scoring=self.scoring)
        return (scorer(stage, X, y) for stage in learner.staged())


def at_the_end(learner, X):
    """Find the learner at the end of a Pipeline, and X as it sees it."""
    if not isinstance(learner, Pipeline):
        return learner, X
    return learner[-1], learner[:-1].transform(X) if len(learner) > 1 else X
