"""A run against a hidden oracle: ask, reveal, train, until enough."""

from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from skal._data import Rows, n_rows
from skal._loop.batch_sizes import rounds_for, size_in_round
from skal._loop.initial import resolve_initial, until_two_classes
from skal._seed import draw_seed
from skal.query import as_strategy


@dataclass(frozen=True)
class Purchase:
    """The rows of one round: positions in X, and what is known of how they came."""

    rows: np.ndarray
    query_time: float
    info: dict = field(default_factory=dict)


class Simulation:
    """The rounds of one fit with a budget, on the two steps of the live loop.

    Parameters
    ----------
    learner : ActiveLearner
        Asks, trains, and keeps what comes of each round.
    oracle : Oracle
        The pool with its hidden labels.
    budget : int
        How many of them may be revealed.
    """

    def __init__(self, learner, oracle, budget):
        self.learner = learner
        self.oracle = oracle
        self.budget = budget
        self.n_initial = min(learner.n_initial, budget)
        self.seed = draw_seed(learner.random_state)
        self.order = np.empty(0, np.int64)
        self.labeled_iter = np.full(n_rows(oracle.X), -1)

    @property
    def n_rounds(self):
        """The most rounds there can be."""
        return 1 + rounds_for(self.learner.batch_size, self.budget - self.n_initial)

    def run(self, context):
        """Go on until the budget, a callback or the stopping rule says enough."""
        purchase, round = self.first_purchase(), 0
        while True:
            halt = self.learn(purchase, round, context)
            if len(self.order) == self.budget:
                return "n_labels"
            if halt:
                return "callback"
            round += 1
            purchase, enough = self.next_purchase(round)
            if enough:
                return "stopping"

    def first_purchase(self):
        """Ask for the first rows; go on while they hold one class."""
        started = perf_counter()
        labels = self.oracle.labels
        initial = self.learner.initial
        strategy = resolve_initial(initial, self.oracle.y, labels.target_type)
        rows = Rows(self.oracle.X)

        def ask(size):
            view = self.learner._cold_view(labels, self.seed)
            return self.learner._ask(strategy, view, rows, size, self.seed, 0)[0]

        first = ask(self.n_initial)
        if labels.target_type == "multiclass":
            first = until_two_classes(
                first, self.oracle.y, self.budget, lambda: ask(self.budget)
            )
        return Purchase(first, perf_counter() - started)

    def next_purchase(self, round):
        """Ask for a batch; let the stopping rule look at the model that asked."""
        started = perf_counter()
        candidates = np.flatnonzero(self.labeled_iter < 0)
        usual = size_in_round(self.learner.batch_size, round)
        size = min(usual, self.budget - len(self.order))
        rows, view = Rows(self.oracle.X, candidates), self.learner._view()
        strategy = as_strategy(self.learner.query_strategy)
        picks, info = self.learner._ask(strategy, view, rows, size, self.seed, round)
        purchase = Purchase(candidates[picks], perf_counter() - started, info)
        return purchase, self.learner._is_enough(view, rows, picks)

    def learn(self, purchase, round, context):
        """Reveal the labels of a purchase, train, commit; tell if a callback halts."""
        learner = self.learner
        step = context.subcontext(task_name="round")
        step.call_on_fit_task_begin(estimator=learner)
        self.order = np.concatenate([self.order, purchase.rows])
        self.labeled_iter[purchase.rows] = round
        state = learner._train(self.oracle.reveal(self.order), self.seed, round)
        state["labeled_iter_"] = self.labeled_iter.copy()
        state["termination_condition_"] = "interrupted"
        learner._commit(state, purchase.rows, purchase.query_time, purchase.info)
        return step.call_on_fit_task_end(
            estimator=learner,
            X=learner.X_training_,
            y=learner.y_training_,
            reconstruction_attributes=dict,
        )
