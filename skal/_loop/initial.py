"""The first labels: which rows to reveal before there is a model to ask."""

import numpy as np

from skal._checks import name_of, nearest_first
from skal._model import NEEDS, OF_ROWS
from skal.query import QueryStrategy, UnitStrategy, as_strategy, get_strategy_names

_NEEDS_A_MODEL = frozenset(NEEDS) - OF_ROWS - {"embed"}


class Stratified(QueryStrategy):
    """Rows in the proportions of y, one of each class first: for simulations only."""

    _by_blocks = True

    def __init__(self, y=None):
        self.y = y

    def _query(self, view, rows, n_instances, rng):
        _, classes, counts = np.unique(self.y, return_inverse=True, return_counts=True)
        order = rng.permutation(len(rows))
        order = order[np.argsort(classes[order], kind="stable")]
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        rank = np.arange(len(order)) - starts  # place of each row within its class
        turn = (rank + rng.uniform(size=len(order))) / np.repeat(counts, counts)
        if n_instances >= len(counts):
            turn[rank == 0] -= 1
        return order[np.argsort(turn)[:n_instances]]


def resolve_initial(initial, y=None, target_type="multiclass"):
    """Return the strategy that ``initial=`` names; y is given in simulations only."""
    if isinstance(initial, str) and initial == "stratified":
        if y is None:
            raise ValueError(
                'initial must be "random" or a strategy in a live loop, got '
                "'stratified', which needs the labels of the whole pool."
            )
        if target_type != "multiclass":
            raise ValueError(
                'initial must be "random" or a strategy for '
                f"{target_type} targets, got 'stratified', which needs classes."
            )
        return Stratified(y)
    if isinstance(initial, str) and initial not in get_strategy_names():
        words = ", ".join(map(repr, nearest_first(initial, initial_words())))
        raise ValueError(f"initial must be one of {words}, got {initial!r}.")
    strategy = as_strategy(initial, "initial")
    unmet = sorted(strategy._first_needs & _NEEDS_A_MODEL)
    if unmet:
        raise ValueError(
            "initial must be a strategy that needs no model and no labels, got "
            f"{name_of(strategy)}, which needs {', '.join(unmet)}. "
            'Use "random" or a strategy of the pool alone.'
        )
    return strategy


def initial_words():
    """List the names that serve before the first label."""
    served = [
        name
        for name in get_strategy_names()
        if not as_strategy(name).needs & _NEEDS_A_MODEL
        and not isinstance(as_strategy(name), UnitStrategy)
    ]
    return [*served, "stratified"]


def go_on(ask, taken, n_initial):
    """Yield the rows to ask for one by one, while those before hold one class.

    ``ask(size)`` returns the rows that a first round of so many would ask for. How
    long the lists are, twice as long as the last, follows from the number of rows that
    are ``taken``: stepwise or at one go, the rows are the same.
    """
    taken, known, reach = taken.copy(), int(taken.sum()), n_initial
    while known < len(taken):
        while reach <= known:
            reach *= 2
        for row in ask(min(reach, len(taken))):
            if not taken[row] and known < reach:
                taken[row], known = True, known + 1
                yield row
