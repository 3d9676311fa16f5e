"""Which learner serves which kind of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal import ActiveLearner
from skal.query import UnitStrategy, as_strategy

if TYPE_CHECKING:
    from typing import Any

#: Before there are labels: spread over what there is, the densest places first.
INITIAL = "typiclust"


def default_learner(kind: str, random_state: int | None = None) -> ActiveLearner:
    """Return the learner that serves a kind of rows with no word from the user.

    A linear model on features that were made of all rows without labels: TF-IDF for
    texts, edges and colours for images, normal scores and marks for tables. It asks
    by skal's default, :class:`~skal.query.Auto`.

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

    # Features of texts and images are of one scale. Images have no net by default for
    # its cost: from 100 labels a CNNClassifier on 32 by 32 pixels took 57 seconds of
    # one core, this .03. Which is right more often is open: on one split each the net
    # had 97.4 % to 96.7 % on digits, 25.4 % to 27.9 % on CIFAR-10.
    if kind in ("text", "image"):
        C = {"text": 10.0, "image": 3.0}[kind]
        estimator: Any = LogisticRegression(C=C, max_iter=1000)
    else:
        estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return ActiveLearner(estimator, initial=INITIAL, random_state=random_state)


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
        if learner.n_labels is not None:
            raise ValueError(
                "learner must have n_labels=None, got "
                f"{learner.n_labels!r}: a person answers, nobody simulates."
            )
        if isinstance(as_strategy(learner.query_strategy), UnitStrategy):
            raise ValueError(
                "learner must ask for rows, of which the page shows one at a time, got "
                f"query_strategy={learner.query_strategy!r}, which asks for single "
                'labels of them. Use a strategy of rows, such as "mmc".'
            )
        return learner
    if isinstance(learner, type) or not hasattr(learner, "fit"):
        raise TypeError(
            "learner must be an ActiveLearner, an estimator with fit, or None, got "
            f"{learner!r}."
        )
    return ActiveLearner(learner, random_state=random_state)
