"""The two steps of every run, live or simulated: ask, train."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from skal._loop.few_labels import in_scope
from skal._loop.history import recounted, round_record
from skal._loop.initial import resolve_initial
from skal._loop.state import State
from skal._loop.training import check_answers, check_codes, fit, next_estimator
from skal._model import ModelView, only_votes, sampled_before_training
from skal._seed import fork_torch, stream
from skal.query import as_strategy, ask, ask_units

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class Purchase:
    """The rows of one round, and what is known of how they came.

    ``source`` is "bought" by a simulation or "given" to fit, where ``rows`` are
    positions in X, or "taught", where they are positions in the training set, and
    ``pool_rows`` those in the pool that was asked, -1 for rows that nobody asked for.
    Where single labels are asked for, both are pairs of a position and a label.
    """

    rows: np.ndarray
    source: str = "bought"
    query_time: float = np.nan
    info: dict = field(default_factory=dict)
    pool_rows: np.ndarray | None = None


@dataclass(frozen=True)
class Loop:
    """What stays the same from round to round, and the steps that a round takes.

    A learner and a simulation walk the same steps, so that for the same seed they ask
    for the same rows and end in the same model. Every draw comes from a stream named by
    the seed, the round and the step. The fields are the learner's parameters, but for
    ``estimator``, which is never None, ``seed``, which is drawn, and ``is_asked``: the
    model of the first round will be asked, unless a callback halts.
    """

    estimator: Any
    seed: int
    query_strategy: Any = "auto"
    initial: Any = "random"
    stopping: Any = None
    warm_start: bool = False
    store_estimators: bool = False
    is_asked: bool = False

    def ask_first(self, rows, size, labels, y=None, known=0):
        """Pick the first rows, by a view that embeds and predicts nothing.

        Return positions in ``rows`` and what else the strategy told; ``y`` is given in
        simulations only. ``known`` are the labels there are, all of one class, where
        the rows are not the pool that was asked for these.
        """
        strategy = resolve_initial(self.initial, y, labels.target_type)
        random_state = partial(stream, self.seed, 0, "samples")
        view = ModelView._of_learner(
            self.estimator, labels, cold=True, random_state=random_state
        )
        purpose = f"query after {known}" if known else "query"
        return self._ask(strategy, view, rows, size, 0, purpose)

    def ask(self, view, rows, size):
        """Pick rows by the model of a view; return positions, and what was told."""
        strategy = as_strategy(self.query_strategy)
        picks, info = self._ask(strategy, view, rows, size, view.round + 1)
        if "samples" in strategy.needs and only_votes(view.estimator):
            info = {**info, "only_votes": True}
        return picks, info

    def ask_units(self, view, units, size):
        """Pick pairs of a row and a label by the model of a view, as ``ask`` does."""
        strategy, round = as_strategy(self.query_strategy), view.round + 1
        with fork_torch(self.seed, round, "query"):
            rng = stream(self.seed, round, "query")
            return ask_units(strategy, view, units.rows, units.open, size, rng)

    def _ask(self, strategy, view, rows, size, round, purpose="query"):
        with fork_torch(self.seed, round, purpose):
            return ask(strategy, view, rows, size, stream(self.seed, round, purpose))

    def measure(self, state, view, rows, picks):
        """Return the state with what the stopping rule measures on its model."""
        if self.stopping is None:
            return state
        with fork_torch(self.seed, state.round + 1, "query"):
            return state.with_measure(self.stopping.measure(view, rows, picks))

    def is_enough(self, state):
        """Let the stopping rule judge the run by what it has measured."""
        if self.stopping is None:
            return False
        measured = [record["stopping"] for record in state.rounds]
        known = [record for record in measured if record is not None]
        return bool(known) and bool(self.stopping.verdict(known)[2])

    def train(self, training, purchase, labeled_iter, places, before=None):
        """Fit a model to a training set that ends in a purchase; return the new state.

        ``before`` is the state to go on from; without it this is the first round.
        """
        round, rounds = (0, ()) if before is None else (before.round + 1, before.rounds)
        started = perf_counter()
        estimator, training = self._fitted(training, round, before)
        fit_time = perf_counter() - started
        record = round_record(purchase, fit_time, estimator, training)
        models = self._models(before, estimator, training)
        if before is not None:  # there is a good state to keep
            self._check(estimator, training, round)
        return State(
            estimator,
            training.without_pool(),
            self.seed,
            round,
            labeled_iter,
            places,
            rounds=(*rounds, record),
            models=models,
        )

    def train_again(self, training, state):
        """Fit the model of the last round anew; return the state with it.

        It is what it would have been, had the labels been these when it was fitted; a
        warm start goes on from its weights, not from those of the round before.
        """
        before = replace(state, round=state.round - 1) if state.round else None
        estimator, training = self._fitted(training, state.round, before)
        self._check(estimator, training, state.round)
        models = state.models and (*state.models[:-1], (estimator, training.labels))
        state = replace(
            state,
            estimator=estimator,
            training=training.without_pool(),
            models=models,
            rounds=recounted(state.rounds, estimator, training),
        )
        return state.with_measure(None)  # what the rule saw was the model before

    def _fitted(self, training, round, before):
        """Return the fitted estimator of a round, and the rows in codes it knows."""
        estimator, known = next_estimator(self, in_scope(training), before)
        with fork_torch(self.seed, round, "fit"), self._looked_at(estimator, round):
            estimator, known = fit(estimator, known, self.estimator)
        check_codes(estimator, known)
        return estimator, known.among(training)

    def _check(self, estimator, training, round):
        with fork_torch(self.seed, round, "check"):
            check_answers(estimator, training.in_scope())

    def _looked_at(self, estimator, round):
        """Let a net that a simulation will ask for samples fail before training."""
        if not self.is_asked or round > 0:  # nothing is asked of it yet, or it was
            return nullcontext()
        if not {"samples", "votes"} & as_strategy(self.query_strategy).needs:
            return nullcontext()
        return sampled_before_training(estimator)

    def _models(self, before, estimator, training):
        """Return the models of the rounds up to this one, None where none are kept."""
        if not self.store_estimators:
            return None
        models = () if before is None else before.models
        if models is None:
            raise ValueError(
                "store_estimators must be True from the first round on, got it after "
                f"{len(before.rounds)} rounds. Fit again, or leave it False."
            )
        return (*models, (estimator, training.labels))
