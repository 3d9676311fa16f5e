"""Which learner serves which kind of rows, and learners that a file describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal import ActiveLearner

if TYPE_CHECKING:
    from typing import Any


def default_learner(kind: str, random_state: int | None = None) -> ActiveLearner:
    """Return the learner that serves a kind of rows with no word from the user.

    Parameters
    ----------
    kind : {"image", "text", "table", "array"}
        What the rows are.
    random_state : int, default=None
        Seed.

    Returns
    -------
    ActiveLearner
        Not fitted.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(C=10.0 if kind == "text" else 1.0, max_iter=1000)
    estimator = model if kind == "text" else make_pipeline(StandardScaler(), model)
    return ActiveLearner(
        estimator, "margin", initial="max_herding", random_state=random_state
    )


def as_learner(learner: Any, kind: str, random_state: int | None = None) -> Any:
    """Return a learner: the default one for None, else an estimator is wrapped.

    Parameters
    ----------
    learner : ActiveLearner, estimator or None
        What the user gave.
    kind : {"image", "text", "table", "array"}
        What the rows are.
    random_state : int, default=None
        Seed of a learner that is made here.

    Returns
    -------
    ActiveLearner
        Not fitted by this.
    """
    if learner is None:
        return default_learner(kind, random_state)
    if isinstance(learner, ActiveLearner):
        return learner
    if isinstance(learner, type) or not hasattr(learner, "fit"):
        raise TypeError(
            "learner must be an ActiveLearner, an estimator with fit, or None, got "
            f"{learner!r}."
        )
    return ActiveLearner(learner, "margin", random_state=random_state)
