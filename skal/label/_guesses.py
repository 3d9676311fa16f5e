"""What the newest model says of each row, as records in which nobody has spoken yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skal.label._formats import Record


def guesses(store: Any, derived: Any) -> Iterator[tuple[int, Record]]:
    """Yield each row that is there, by number, with what the model says of it.

    Parameters
    ----------
    store : LabelStore
        The rows.
    derived : Derived
        What the model says.

    Yields
    ------
    tuple of (int, Record)
        In the order of the store.
    """
    model = derived.model()
    items, _ = derived.ranking()
    # Places, not scores: strategies have scores of any scale, and some have none.
    priority = {int(item): 1 - i / len(items) for i, item in enumerate(items)}
    said = derived.predictions()
    for row in store.items():
        if not row.present:
            continue
        blank = Record(row.id, priority=priority.get(row.item), digest=row.digest)
        if row.item in said:
            label, confidence = said[row.item]
            blank = blank.guessed(label, confidence, model["version"])
        yield row.item, blank
