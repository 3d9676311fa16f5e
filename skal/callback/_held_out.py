"""Score held-out rows after every round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.callback import ScoringMonitor
from sklearn.metrics import check_scoring

from skal._data import check_apart, check_groups, n_rows

if TYPE_CHECKING:
    from typing import Any


class HeldOutMonitor(ScoringMonitor):
    """Score the learner on held-out rows at the end of every round.

    :class:`sklearn.callback.ScoringMonitor` scores the rows that an estimator is being
    fitted on, which for an active learner are few, and chosen for being hard. This
    monitor scores the rows it was given instead, so that a learning curve comes out of
    one ``fit``, without keeping a model a round. Inside a search it scores the same
    rows for every candidate and fold, at any ``n_jobs``.

    Parameters
    ----------
    X_test : array-like of shape (n_test, ...)
        The held-out rows, in any form the learner accepts: at the end of a Pipeline,
        as its other steps have transformed them.
    y_test : array-like of shape (n_test,) or (n_test, n_outputs)
        Their labels. They are never shown to the learner.
    scoring : str, callable, list, tuple, dict or None, default=None
        What to measure, as in :class:`~sklearn.model_selection.GridSearchCV`: one
        measure, or several at once. None takes the learner's own ``score``.
    groups : array-like of shape (n_test,), default=None
        The group of each held-out row: its patient, drive or document. None of them may
        be the group of a row that the learner may be trained on, whose ``fit`` is told
        groups too.

    Attributes
    ----------
    X_test, y_test, scoring, groups : object
        The parameters, as given.

    Raises
    ------
    ValueError
        If there are no held-out rows, or ``X_test``, ``y_test`` and ``groups`` differ
        in length. When a learner is fitted, if a group of its rows is among the
        held-out rows, or its ``fit`` was told no groups.

    See Also
    --------
    skal.plotting.LabelCurveDisplay : Draw learning curves.
    skal.metrics.labels_to_reach : Labels needed for a given score.
    sklearn.callback.ProgressBar : Show how far a search or a learner has come.

    Notes
    -----
    Costs one prediction of ``X_test`` a round. The rows of ``get_logs().data`` hold
    the scores and, for a learner, ``n_labels``: the labels that the scored model was
    trained on, and ``cost``, what they cost, where that is known. A single score is
    named by its string, else ``"score"``.

    Under ``n_jobs`` the held-out rows travel to the workers with each task.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.callback import HeldOutMonitor
    >>> X, y = load_iris(return_X_y=True)
    >>> monitor = HeldOutMonitor(X[1::2], y[1::2], scoring="accuracy")
    >>> learner = ActiveLearner(LogisticRegression(max_iter=500), n_labels=30)
    >>> _ = learner.set_callbacks(monitor).fit(X[::2], y[::2])
    >>> [row["n_labels"] for row in monitor.get_logs().data]
    [10, 20, 30]
    """

    def __init__(
        self, X_test: Any, y_test: Any, *, scoring: Any = None, groups: Any = None
    ) -> None:
        n_test, n_answers = n_rows(X_test), n_rows(y_test)
        if n_test != n_answers:
            raise ValueError(
                f"y_test must hold one label for each of the {n_test} rows of X_test, "
                f"got {n_answers} labels. Split X and y together, as train_test_split "
                f"does."
            )
        if n_test == 0:
            raise ValueError(
                "X_test must hold at least one row, got 0 rows. Hold out some rows "
                "that the learner will not see."
            )
        if groups is not None:
            groups = check_groups(groups, n_test)
        super().__init__(scoring=_RoundScorer(scoring, groups))
        self.X_test = X_test
        self.y_test = y_test
        self.scoring = scoring
        self.groups = groups

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, metadata: Any = None
    ) -> None:
        """Refuse rows to learn from that share a group with the held-out rows.

        Parameters
        ----------
        estimator : estimator
            The estimator being fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        metadata : dict, default=None
            What a learner was told of its rows at the beginning of ``fit``.
        """
        super().on_fit_task_begin(estimator, context)
        if self.groups is not None and metadata is not None:
            check_apart(self.groups, _told(metadata.get("groups")))

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Score the held-out rows.

        Parameters
        ----------
        estimator : estimator
            The estimator being fitted.
        context : sklearn.callback.CallbackContext
            The task that has ended: a round, for a learner.
        fitted_estimator : estimator, default=None
            The estimator as of this task; without it nothing is scored.
        """
        super().on_fit_task_end(
            estimator,
            context,
            X=self.X_test,
            y=self.y_test,
            fitted_estimator=fitted_estimator,
        )


class _RoundScorer:
    """Scores by name, and what they were reached with: labels, and their cost."""

    def __init__(self, scoring, groups):
        self.scoring = scoring
        self.groups = groups

    def __call__(self, estimator, X, y):
        if self.groups is not None:
            learnt = getattr(estimator, "groups_training_", None)
            check_apart(self.groups, _told(learnt))
        scores = check_scoring(estimator, self.scoring)(estimator, X, y)
        if not isinstance(scores, dict):
            name = self.scoring if isinstance(self.scoring, str) else "score"
            scores = {name: scores}
        if hasattr(estimator, "y_training_"):
            scores = {**scores, "n_labels": n_rows(estimator.y_training_)}
        if hasattr(estimator, "costs_training_"):
            scores = {**scores, "cost": float(np.sum(estimator.costs_training_))}
        return scores


def _told(groups):
    """Return the groups of rows to learn from, which must have been given."""
    if groups is None:
        raise ValueError(
            "groups must be given to fit as well as to HeldOutMonitor, got none there. "
            "Pass fit(X, y, groups=...), the group of each row of X."
        )
    return groups
