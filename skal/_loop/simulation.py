"""A run against a hidden oracle, a round at a time: ask, reveal, train."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from skal._data import n_rows
from skal._loop.batch_sizes import rounds_for, size_in_round
from skal._loop.budget import Budget
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
    budget : float
        How many of them may be revealed, or what these may cost.
    n_initial : int
        How many are revealed in the first round.
    batch_size : int or sequence of int
        How many are revealed in each later round.

    Attributes
    ----------
    n_most : int
        How many labels the budget can buy at most.
    affordable : ndarray of int64
        The rows that it can buy at all.
    order : ndarray of int64
        The rows whose labels have been revealed, the first first.
    state : State or None
        What the run has come to; None before the first round has been learnt.
    """

    def __init__(self, loop, oracle, budget, n_initial, batch_size):
        self.loop = loop
        self.oracle = oracle
        self.budget = Budget(budget, oracle.costs)
        self.n_most = self._most()
        self.n_initial = min(n_initial, self.n_most)
        self.batch_size = batch_size
        self.affordable = self.budget.payable(budget, np.ones(n_rows(oracle.X), bool))
        self.order = np.empty(0, np.int64)
        self.labeled_iter = np.full(n_rows(oracle.X), -1)
        self.state: Any = None  # or the State after the last round

    def _most(self):
        """Return how many labels the budget can buy at most."""
        return self.budget.most(self.budget.amount, n_rows(self.oracle.X))

    @property
    def n_rounds(self):
        """The most rounds there can be; None where the costs leave it open."""
        if self.budget.cheapest < self.budget.dearest:
            return None
        return 1 + rounds_for(self.batch_size, self.n_most - self.n_initial)

    @property
    def is_spent(self):
        """Whether what is left of the budget cannot pay for any hidden label."""
        left = self.budget.left(self.order)
        if not self.budget.pays(left, self.budget.cheapest):
            return True
        return len(self.budget.payable(left, self.labeled_iter < 0)) == 0

    @property
    def is_enough(self):
        """Whether the stopping rule says so, by what it has measured."""
        return self.loop.is_enough(self.state)

    def first_purchase(self):
        """Ask for the first rows; go on while they hold one class."""
        started = perf_counter()
        first = self.affordable[self._ask_first(self.n_initial)]
        first = np.array([*self.budget.within(first, self.budget.amount)])
        known = self.oracle.in_scope(first)
        is_multiclass = self.oracle.labels.target_type == "multiclass"
        if is_multiclass and np.all(known == known[:1]):
            more = self._more(first)
            first = np.append(first, [*up_to_another(known, more, self.oracle)])
        seconds = perf_counter() - started
        return Purchase(first.astype(np.int64), query_time=seconds)

    def _ask_first(self, size):
        """Return the affordable rows that a first round of a size asks for."""
        rows, strata = self.oracle.pool, self.oracle.strata
        if len(self.affordable) < len(rows):
            rows, strata = rows.take(self.affordable), strata[self.affordable]
        return self.loop.ask_first(rows, size, self.oracle.labels, strata)[0]

    def _more(self, known):
        """Yield what is asked for where the rows known are not enough for a model."""
        queue = go_on(self._ask_first, np.isin(self.affordable, known), self.n_initial)
        rows = (self.affordable[at] for at in queue)
        return self.budget.within(rows, self.budget.left(known))

    def next_purchase(self):
        """Ask for a batch; let the stopping rule look at the model that asked.

        Of a batch that costs more than what is left, the best that it pays for are
        bought.
        """
        started = perf_counter()
        left, usual = self.budget.left(self.order), self._usual_size()
        candidates = self.budget.payable(left, self.labeled_iter < 0)
        size = self.budget.most(left, min(usual, len(candidates)), candidates)
        rows, view = self.oracle.pool.take(candidates), self.state.view()
        picks, info = self.loop.ask(view, rows, size)
        asked = candidates[picks]
        bought = np.array([*self.budget.within(asked, left)])
        info = told_of(info, np.isin(asked, bought))
        seconds = perf_counter() - started
        purchase = Purchase(bought, query_time=seconds, info=info)
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
            more = self._more(self.order) if more is None else more
            purchase = replace(purchase, rows=np.array([next(more)]))

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


def told_of(info, kept):
    """Return what a strategy told, with the scores of the picks that were kept."""
    score = info.get("score")
    if kept.all() or not isinstance(score, np.ndarray) or len(score) != len(kept):
        return info
    return {**info, "score": score[kept]}


def up_to_another(known, rows, oracle):
    """Yield rows up to the first that has another label than those known.

    These are all of one class, or none: rejected rows have none.
    """
    for row in rows:
        yield row
        known = np.append(known[:1], oracle.in_scope([row]))
        if np.any(known != known[:1]):
            return
