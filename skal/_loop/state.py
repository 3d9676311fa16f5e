"""The fitted state of a learner: a record, replaced whole after each round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from skal._loop.history import told_columns
from skal._loop.training_set import TrainingSet
from skal._loop.units import stage_of
from skal._model import ModelView
from skal._seed import stream

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from skal._data import Labels


@dataclass(frozen=True)
class State:
    """What a run has come to after a round.

    ``rounds`` are the records of the rounds, for the history; ``models`` the estimator
    of each round with the labels that it answers in, None where they are not kept.
    ``labeled_iter`` and ``termination`` are the learner's attributes of those names;
    ``places`` says where in the first of them each row of the training set stands.
    """

    estimator: Any
    training: TrainingSet
    seed: int
    round: int
    labeled_iter: NDArray[np.int64]
    places: NDArray[np.int64]
    rounds: tuple[dict[str, Any], ...]
    models: tuple[tuple[Any, Labels], ...] | None = None
    termination: str | None = None

    @property
    def labels(self) -> Labels:
        """The kind of target and the classes that are known."""
        return self.training.labels

    @classmethod
    def of(cls, learner: Any) -> State:
        """Return the state of a fitted learner, of which it holds the attributes."""
        fitted = vars(learner)
        models = None
        if "estimators_" in fitted:
            kept = zip(fitted["estimators_"], fitted["_stages"], strict=True)
            models = tuple(kept)
        return cls(
            estimator=fitted["estimator_"],
            training=TrainingSet.of(learner),
            seed=fitted["seed_"],
            round=fitted["n_iter_"],
            labeled_iter=fitted["labeled_iter_"],
            places=fitted["_places"],
            rounds=fitted["_rounds"],
            models=models,
            termination=fitted["termination_condition_"],
        )

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of a learner in this state, by their names."""
        attributes = {
            **self.training.attributes(),
            "estimator_": self.estimator,
            "seed_": self.seed,
            "labeled_iter_": self.labeled_iter,
            "n_iter_": self.round,
            "termination_condition_": self.termination,
            "_places": self.places,
            "_rounds": self.rounds,
        }
        if self.labels.classes is not None:
            attributes["classes_"] = self.labels.classes
        if self.models is not None:
            attributes["estimators_"] = [estimator for estimator, _ in self.models]
            attributes["_stages"] = [labels for _, labels in self.models]
        return attributes

    def view(self) -> ModelView:
        """Return the view of the fitted model for the next query."""
        known = self.training.in_scope()
        return ModelView._of_learner(
            self.estimator,
            self.labels,
            X_training=known.X,
            y_training=known.y,
            X_rejected=self.training.X_rejected,
            is_rejected=self.training.is_rejected,
            # Built for those who read it.
            history=partial(
                told_columns, self.rounds, self.places, len(self.labeled_iter)
            ),
            round=self.round,
            random_state=partial(stream, self.seed, self.round + 1, "samples"),
        )

    def with_measure(self, record: Any) -> State:
        """Return the state with what a stopping rule measured on its model."""
        last = {**self.rounds[-1], "stopping": record}
        return replace(self, rounds=(*self.rounds[:-1], last))

    def stages(self):
        """Yield the state as it was after each round, where the models were kept."""
        models, since = self.models or (), self.labeled_iter[self.places]
        for round, (estimator, labels) in enumerate(models):
            training, rows = stage_of(self.training, since, round, labels)
            yield replace(
                self,
                estimator=estimator,
                training=training,
                round=round,
                places=self.places[rows],
                labeled_iter=np.where(self.labeled_iter > round, -1, self.labeled_iter),
                rounds=self.rounds[: round + 1],
                models=models[: round + 1],
            )
