"""A run against a hidden oracle that is asked for single labels of rows."""

from dataclasses import replace
from itertools import islice
from time import perf_counter

import numpy as np

from skal._loop.loop import Purchase
from skal._loop.simulation import Simulation
from skal._loop.units import first_of_each, first_units, open_units


class UnitSimulation(Simulation):
    """The rounds of one fit with a budget of single labels.

    The first round asks for whole rows, as ``initial`` picks them, up to ``n_initial``
    labels, so that the last may be known in part.

    Attributes
    ----------
    order : ndarray of int64
        The rows of which something has been revealed, the first first.
    labeled_iter : ndarray of int of shape (n, L)
        The round in which each label was revealed, -1 for those that were not.
    """

    def __init__(self, loop, oracle, budget, n_initial, batch_size):
        super().__init__(loop, oracle, budget, n_initial, batch_size)
        self._askable = oracle.labels.parts.known(oracle.y)
        self.labeled_iter = np.full(self._askable.shape, -1)

    def _most(self):
        return self.budget.amount

    @property
    def n_known(self):
        """How many labels have been revealed."""
        return np.count_nonzero(self.labeled_iter >= 0)

    @property
    def is_spent(self):
        """Whether the budget has been spent."""
        return self.n_known == self.budget.amount

    @property
    def open(self):
        """What may be asked: what is hidden, and known to the oracle."""
        return (self.labeled_iter < 0) & self._askable

    def first_purchase(self):
        """Ask for the first labels, row by row."""
        started = perf_counter()
        pairs = np.array([*islice(self._more(self.order), self.n_initial)])
        return Purchase(pairs, query_time=perf_counter() - started)

    def _more(self, known):
        begun = (self.labeled_iter >= 0).any(axis=1)
        return first_units(self._ask_first, self.open, begun, self.n_initial)

    def next_purchase(self):
        """Ask for a batch; let the stopping rule look at the model that asked."""
        started = perf_counter()
        chosen, view = open_units(self.oracle.pool, self.open), self.state.view()
        size = min(self._usual_size(), self.budget.amount - self.n_known)
        picks, info = self.loop.ask_units(view, chosen, size)
        seconds = perf_counter() - started
        purchase = Purchase(chosen.at(picks), query_time=seconds, info=info)
        rows = first_of_each(picks[:, 0])
        self.state = self.loop.measure(self.state, view, chosen.rows, rows)
        return purchase

    def _learn(self, purchase):
        round = 0 if self.state is None else self.state.round + 1
        rows = first_of_each(purchase.rows[:, 0])
        new = rows[~np.isin(rows, self.order)]
        self.order = np.concatenate([self.order, new])
        self.labeled_iter[tuple(purchase.rows.T)] = round
        if round == 0:  # more may have been asked for than at first
            known = np.argwhere(self.labeled_iter[self.order] >= 0)
            pairs = np.column_stack([self.order[known[:, 0]], known[:, 1]])
            purchase = replace(purchase, rows=pairs)
        labeled_iter = self.labeled_iter.copy()
        state = self.loop.train(
            self._revealed(), purchase, labeled_iter, self.order, self.state
        )
        self.state = replace(state, termination="interrupted")  # until it ends
        return self.state

    def _revealed(self):
        """Return the rows begun, and what is known of them."""
        training, known = self.oracle.reveal(self.order), self.labeled_iter[self.order]
        return training.with_y(training.labels.parts.only(training.y, known >= 0))
