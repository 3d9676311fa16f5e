"""A first round that goes on, while no model can be fitted on its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skal._loop.loop import Purchase
from skal._loop.training_set import TrainingSet

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class FirstRound:
    """Taught labels that no model could be fitted on yet.

    ``error`` says why, in the call that has tried.
    """

    training: TrainingSet
    seed: int
    purchase: Purchase
    error: Exception | None = None

    @classmethod
    def of(cls, learner: Any) -> FirstRound:
        """Return the first round of a learner, of which it holds the attributes."""
        known = vars(learner)
        return cls(TrainingSet.of(learner), known["seed_"], known["_first"])

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of a learner that waits, by their names."""
        told = self.training.attributes()
        return {**told, "seed_": self.seed, "_first": self.purchase}


def goes_on(state):
    """Tell whether a learner knows no labels but taught ones of a single class."""
    simulated = state.termination is not None
    if simulated or state.round > 0 or not state.training.is_one_class:
        return False
    whole = len(state.labeled_iter) == len(state.training.y)
    return whole or state.rounds[0]["source"] == "taught"


def first_so_far(state):
    """Return the purchase of a first round that goes on, its rows as they are now."""
    record = state.rounds[0]
    if record["source"] != "taught":
        return Purchase(np.arange(len(state.places)), "taught", pool_rows=state.places)
    pool_rows = record["pool_indices"][record["indices"] >= 0]
    rows = np.arange(len(pool_rows))
    return Purchase(rows, "taught", record["query_time"], pool_rows=pool_rows)


def gone_on(purchase, more, n):
    """Return a first round's purchase that has gone on to n rows in all."""
    pool_rows = np.full(n, -1)
    pool_rows[purchase.rows] = purchase.pool_rows
    asked = more.pool_rows >= 0
    pool_rows[more.rows[asked]] = more.pool_rows[asked]
    known = [each.query_time for each in (purchase, more)]
    known = [seconds for seconds in known if not np.isnan(seconds)]
    seconds = float(sum(known)) if known else np.nan
    return Purchase(np.arange(n), "taught", seconds, pool_rows=pool_rows)
