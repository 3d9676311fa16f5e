"""One cell of an experiment: a strategy, an estimator, a data set and a seed."""

from __future__ import annotations

import traceback
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from skal._seed import draw_seed, stream
from skal.experiment._environment import PeakMemory, environment
from skal.experiment._limits import OutOfTime, limited_threads, time_limit
from skal.experiment._measures import (
    ENTROPIES,
    N_REJECTED,
    Answers,
    class_entropy,
    measure,
    resolve_metrics,
    roc,
)
from skal.experiment._near_copies import near_copies
from skal.experiment._oracle import seeing
from skal.experiment._units import UnitAnswers, default_metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal import ActiveLearner
    from skal.experiment._data import Data


#: Why a cell has failed that took its process along twice.
DIED = "WorkerDied: the process was killed, most often for its memory."


@dataclass(frozen=True)
class Settings:
    """What all cells of an experiment share."""

    test_size: Any
    pool_size: int | None
    metrics: Any
    details_at: tuple[int, ...]
    n_validation: int
    n_threads: int


@dataclass(frozen=True)
class Cell:
    """What one run of the loop is made of; ``key`` is the hash of all of it.

    ``labels_a_pick`` is how many labels a thing that the strategy asks for counts as.
    """

    key: str
    data: str
    estimator: str
    strategy: str
    seed: int
    learner: ActiveLearner
    settings: Settings
    labels_a_pick: int = 1

    @property
    def name(self) -> dict[str, Any]:
        """Where the cell lies in the grid."""
        return {
            "data": self.data,
            "estimator": self.estimator,
            "strategy": self.strategy,
            "seed": self.seed,
        }


def run_cell(cell: Cell, data: Data, limit: float | None) -> dict[str, dict[str, Any]]:
    """Run one cell, and say what came of it.

    Parameters
    ----------
    cell : Cell
        What to run.
    data : Data
        Its rows.
    limit : float or None
        Seconds it may take.

    Returns
    -------
    dict of str to dict
        ``record``, what does not depend on the machine, and ``timings``; or
        ``failure``.
    """
    try:
        with (
            warnings.catch_warnings(record=True) as caught,
            limited_threads(cell.settings.n_threads),
            time_limit(limit) as clock,
        ):
            recorder = Recorder(cell, data, clock)
            record = recorder.run()
            clock.check()  # estimators that catch everything have caught OutOfTime
            seconds = clock.seconds
        timings = {
            "seconds": seconds,
            **recorder.timings,
            "warnings": _counted(caught),
            "environment": environment(cell.settings.n_threads),
        }
    except OutOfTime:
        return out_of_time(cell, limit)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too ends the cell, not the run
        text = "".join(traceback.format_exception(error))
        return failed(cell, f"{type(error).__name__}: {_said(error)}", text)
    return {"record": record, "timings": timings}


def out_of_time(cell: Cell, limit: float | None) -> dict[str, dict[str, Any]]:
    """Report a cell whose time was up."""
    return failed(cell, f"TimeLimit: the cell took longer than {limit:g} s.")


def failed(cell: Cell, reason: str, text: str = "") -> dict[str, dict[str, Any]]:
    """Report a cell that came to nothing."""
    return {"failure": {**cell.name, "reason": reason, "traceback": text}}


def _said(error):
    """Return the text of an error; its ``__str__`` may be no better than the rest."""
    try:
        return str(error)
    except Exception:
        return "it cannot say what"


def _counted(caught):
    """Count the warnings that say the same."""
    counts: dict[str, int] = {}
    for one in caught:
        text = f"{one.category.__name__}: {one.message}"
        counts[text] = counts.get(text, 0) + 1
    return counts


class Recorder:
    """A callback of the learner that measures each round as it ends.

    Parameters
    ----------
    cell : Cell
        What to run.
    data : Data
        Its rows.
    clock : Clock
        Says when the time is up.
    """

    def __init__(self, cell, data, clock):
        settings = cell.settings
        self.cell, self.clock, self.classes = cell, clock, data.classes
        self.data = data
        self.split = data.split(cell.seed, settings.test_size, settings.pool_size)
        metrics = settings.metrics
        if metrics is None and data.units:
            metrics = default_metrics(data, cell.learner._template())
        self.measures = resolve_metrics(metrics, data.target_type, data.positive)
        self.rows: list[dict[str, float]] = []
        self.counts: list[list[int]] = []
        self.details: dict[str, Any] = {}
        self.peaks: list[float] = []
        self.waiting = sorted(settings.details_at)

    def run(self):
        """Run the loop; return what does not depend on the machine."""
        self.memory = PeakMemory()
        self.learner = learner = seeded(self.cell, self.data)
        strategy = seeing(learner.query_strategy, self.split.y_pool)
        learner.query_strategy = strategy
        learner.set_callbacks(self)
        learner.fit(self.split.X_pool, self.split.y_pool, **self.split.beside)
        return {
            **self.cell.name,
            "key": self.cell.key,
            "classes": None if self.classes is None else self.classes.tolist(),
            "n_pool": len(self.split.pool),
            "n_test": len(self.split.y_test),
            "near_copies": near_copies(self.data, self.split),
            "termination": learner.termination_condition_,
            "n_labels": self.n_labels(learner).tolist(),
            **self.spent(learner),
            "metrics": {
                name: [plain(row[name]) for row in self.rows] for name in self.rows[0]
            },
            "asked": self.asked(learner.history_["indices"]),
            "asked_counts": self.counts,
            "details": self.with_last(learner),
        }

    @property
    def timings(self):
        """What depends on the machine, with an entry a round."""
        history = self.learner.history_
        return {
            "query_seconds": [plain(value) for value in history["query_time"]],
            "fit_seconds": [plain(value) for value in history["fit_time"]],
            "peak_memory": [plain(value) for value in self.peaks],
        }

    def n_labels(self, learner):
        """Return every label spent so far, those for validation included."""
        asked = learner.history_["n_labels"] * self.cell.labels_a_pick
        return asked + self.cell.settings.n_validation

    def spent(self, learner):
        """Return what the labels cost so far, where they cost something."""
        if self.data.costs is None:
            return {}
        return {"cost": learner.history_["cost"].tolist()}

    def asked(self, rounds) -> list[list[Any]]:
        """Return what was asked in each round: positions in the whole data.

        Where cells of rows were asked for, pairs of such a position and a cell.
        """
        pool = self.split.pool
        return [
            pool[picks].tolist()
            if picks.ndim == 1
            else np.column_stack([pool[picks[:, 0]], picks[:, 1]]).tolist()
            for picks in rounds
        ]

    # The callback ---------------------------------------------------------------

    def setup(self, estimator, context):
        """Do nothing: the recorder is made for one fit."""

    def on_fit_task_begin(self, estimator, context):
        """Stop here when the time is up."""
        self.clock.check()

    def on_fit_task_end(self, estimator, context):
        """Measure the model of the round that has ended."""
        if context.task_name != "round":
            return
        self.peaks.append(self.memory.peak())
        learner = self.learner
        told = UnitAnswers if self.data.units else Answers
        answers = told(learner, self.split.X_test, self.split.y_test)
        row = measure(self.measures, answers)
        if self.classes is not None:
            row.update(self.entropies(learner))
            self.keep_details(learner, answers)
        if self.data.reject is not None:
            row[N_REJECTED] = learner.history_["n_rejected"][-1]
        self.rows.append(row)
        self.memory.reset()

    def teardown(self, estimator, context):
        """Do nothing."""

    def entropies(self, learner):
        """Return how even the classes are among the labels of the round, and of all."""
        last = np.flatnonzero(learner.labeled_iter_ == learner.n_iter_)
        counts = np.array(
            [
                class_counts(labels[self.data.in_scope(labels)], self.classes)
                for labels in (self.split.y_pool[last], learner.y_training_)
            ]
        )
        self.counts.append(counts[0].tolist())
        return dict(
            zip(
                ENTROPIES,
                map(class_entropy, counts),
                strict=True,
            )
        )

    def keep_details(self, learner, answers):
        """Keep the confusion matrix and the ROC curves where they are wanted."""
        self.last = answers
        n_labels = len(learner.y_training_) + self.cell.settings.n_validation
        if self.waiting and n_labels >= self.waiting[0]:
            self.waiting = [count for count in self.waiting if count > n_labels]
            self.details[str(n_labels)] = details(answers)

    def with_last(self, learner):
        """Return the details, those of the last round among them."""
        if self.classes is None:
            return {}
        return {**self.details, str(self.n_labels(learner)[-1]): details(self.last)}


def seeded(cell: Cell, data: Data) -> ActiveLearner:
    """Return the learner of a cell; a seed's learners draw the same first rows."""
    learner = clone(cell.learner)
    learner.random_state = draw_seed(stream(cell.seed, 0, "learner"))
    if learner.classes is None and data.classes is not None:
        learner.classes = data.classes
    if data.reject is not None:
        learner.reject_label = data.reject
    return learner


def class_counts(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Count how often each class occurs."""
    return np.bincount(np.searchsorted(classes, labels), minlength=len(classes))


def details(answers: Answers) -> dict[str, Any]:
    """Return what is too large to keep of every round."""
    curves = None
    if answers.proba is not None:
        rates = roc(answers.codes, answers.proba)
        curves = [  # a class that is not there, or that all rows have, has no curve
            [None] * len(row) if np.isnan(row).any() else row.round(6).tolist()
            for row in rates
        ]
    return {"confusion": answers.confusion.tolist(), "roc": curves}


def plain(value: float) -> float | None:
    """Return a number as JSON knows it: what is not finite becomes None."""
    value = float(value)
    return value if np.isfinite(value) else None
