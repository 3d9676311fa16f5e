"""A run against a hidden oracle, a round at a time: ask, reveal, train."""

from dataclasses import replace
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np

from skal._data import Rows, n_rows
from skal._loop.batch_sizes import rounds_for, size_in_round
from skal._loop.few_labels import FewLabelsError
from skal._loop.initial import go_on
from skal._loop.loop import Purchase


class Simulation:
    """The rounds of one fit with a budget, on the two steps of the live loop.

    Whoever steps it decides what happens between the steps: ``first_purchase``, then
    ``learn`` and ``next_purchase`` in turn, while the budget is not spent.

    Parameters
    ----------
    loop : Loop
        Asks and trains.
    oracle : Oracle
        The pool with its hidden labels.
    budget : int
        How many of them may be revealed.
    n_initial : int
        How many are revealed in the first round.
    batch_size : int or sequence of int
        How many are revealed in each later round.

    Attributes
    ----------
    state : State or None
        What the run has come to; None before the first round has been learnt.
    """

    def __init__(self, loop, oracle, budget, n_initial, batch_size):
        self.loop = loop
        self.oracle = oracle
        self.budget = budget
        self.n_initial = min(n_initial, budget)
        self.batch_size = batch_size
        self.order = np.empty(0, np.int64)
        self.labeled_iter = np.full(n_rows(oracle.X), -1)
        self.state: Any = None  # or the State after the last round

    @property
    def n_rounds(self):
        """The most rounds there can be."""
        return 1 + rounds_for(self.batch_size, self.budget - self.n_initial)

    @property
    def is_spent(self):
        """Whether every label of the budget has been revealed."""
        return len(self.order) == self.budget

    @property
    def is_enough(self):
        """Whether the stopping rule says so, by what it has measured."""
        return self.loop.is_enough(self.state)

    def first_purchase(self):
        """Ask for the first rows; go on while they hold one class."""
        started = perf_counter()
        first = self._ask_first(self.n_initial)
        known = self.oracle.in_scope(first)
        is_multiclass = self.oracle.labels.target_type == "multiclass"
        if is_multiclass and np.all(known == known[:1]):
            taken = np.isin(np.arange(len(self.oracle.y)), first)
            more = go_on(self._ask_first, taken, self.n_initial)
            more = islice(more, self.budget - len(first))
            first = np.append(first, [*up_to_another(known, more, self.oracle)])
        seconds = perf_counter() - started
        return Purchase(first.astype(np.int64), query_time=seconds)

    def _ask_first(self, size):
        """Return the rows that a first round of some size asks for."""
        labels, rows = self.oracle.labels, Rows(self.oracle.X)
        return self.loop.ask_first(rows, size, labels, self.oracle.strata)[0]

    def next_purchase(self):
        """Ask for a batch; let the stopping rule look at the model that asked."""
        started = perf_counter()
        candidates = np.flatnonzero(self.labeled_iter < 0)
        size = min(self._usual_size(), self.budget - len(self.order))
        rows, view = Rows(self.oracle.X, candidates), self.state.view()
        picks, info = self.loop.ask(view, rows, size)
        seconds = perf_counter() - started
        purchase = Purchase(candidates[picks], query_time=seconds, info=info)
        self.state = self.loop.measure(self.state, view, rows, picks)
        return purchase

    def _usual_size(self):
        """Return how much the next round asks for, if there is so much."""
        return size_in_round(self.batch_size, self.state.round + 1)

    def learn(self, purchase):
        """Reveal the labels of a purchase and train; return the new state.

        First labels that the estimator cannot be fitted on are followed by more.
        """
        more = None
        while True:
            try:
                return self._learn(purchase)
            except FewLabelsError:
                if self.state is not None or self.is_spent:
                    raise
            more = self._more() if more is None else more
            purchase = replace(purchase, rows=np.array([next(more)]))

    def _more(self):
        """Yield what is asked for where the first round was not enough."""
        return go_on(self._ask_first, self.labeled_iter == 0, self.n_initial)

    def _learn(self, purchase):
        round = 0 if self.state is None else self.state.round + 1
        self.order = np.concatenate([self.order, purchase.rows])
        self.labeled_iter[purchase.rows] = round
        training = self.oracle.reveal(self.order)
        if round == 0:  # more may have been asked for than at first
            purchase = replace(purchase, rows=self.order)
        labeled_iter = self.labeled_iter.copy()
        state = self.loop.train(
            training, purchase, labeled_iter, self.order, self.state
        )
        self.state = replace(state, termination="interrupted")  # until it ends
        return self.state


def up_to_another(known, rows, oracle):
    """Yield rows up to the first that has another label than those known.

    These are all of one class, or none: rejected rows have none.
    """
    for row in rows:
        yield row
        known = np.append(known[:1], oracle.in_scope([row]))
        if np.any(known != known[:1]):
            return
