"""Ask a person for rows: what the queue chooses, lent to them, as items."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from skal.label._item import Item
from skal.label._leases import Lease
from skal.label._queue import Queue, Ranking

if TYPE_CHECKING:
    from skal.label._derived import Derived
    from skal.label._state import State


class Asker:
    """Asks people for the rows that the newest model wants, and the audit.

    Parameters
    ----------
    state : State
        The rows and their labels.
    derived : Derived
        What the models say.
    """

    def __init__(self, state: State, derived: Derived) -> None:
        self._state = state
        self._derived = derived
        self._ranked: Ranking | None = None
        meta = state.store.meta
        self.seed, self.audit = meta["seed"], meta["audit"]
        self.repeat = meta["repeat"]

    def ask(self, n: int, who: str) -> list[Item]:
        """Return up to n rows for a person."""
        ranking = self._ranking()  # to read a long one takes time: nobody waits for it
        state = self._state

        def choose(held):
            state.sync()
            queue = Queue(
                state.ledger,
                state.pool,
                ranking,
                held,
                self.seed,
                self.audit,
                self.repeat,
            )
            return self._with_guess(queue.choose(who, n))

        with state.lock:
            return [self._item(lease) for lease in state.store.lease(who, choose)]

    def ask_for(self, items: list[int], who: str) -> list[Item]:
        """Return those of some rows that a person may be asked for."""
        state = self._state

        def choose(held):
            state.sync()
            pool, is_open = state.pool, state.ledger.open
            shut = set(pool.numbers_reserved().tolist())
            free = [one for one in items if one in pool and is_open[one]]
            # What the person was asked for before came up as it did then.
            leases = [held.get(one, Lease(one, source="search")) for one in free]
            return self._with_guess([one for one in leases if one.item not in shut])

        with state.lock:
            return [self._item(lease) for lease in state.store.lease(who, choose)]

    def _ranking(self) -> Ranking:
        """Return what the newest model wants; read once a model."""
        model = self._derived.model()
        if model is None:
            return Ranking(np.empty(0, int), np.empty(0))
        if self._ranked is None or self._ranked.model != model["version"]:
            items, scores = self._derived.ranking()
            there = items < len(self._state.ledger.open)  # not of rows yet to come
            source = "initial" if model["info"].get("cold") else "strategy"
            self._ranked = Ranking(
                items[there], scores[there], model["version"], source
            )
        return self._ranked

    def _with_guess(self, leases: list[Lease]) -> list[Lease]:
        """Note what the model takes new rows for, before anybody says."""
        new = [lease.item for lease in leases if lease.predicted is None]
        said = self._derived.predictions(new) if new else {}
        return [
            replace(lease, predicted=said[lease.item][0])
            if lease.item in said and lease.predicted is None
            else lease
            for lease in leases
        ]

    def _item(self, lease):
        pool = self._state.pool
        position = pool.position(lease.item)
        return Item(
            pool.ids[position],
            lease.item,
            pool.show(position),
            lease.rank,
            lease.score,
            lease.source,
            self._state.names.value_of(lease.predicted),
        )
