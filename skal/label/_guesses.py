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
    version = model.version if model else None
    ranking = derived.ranking()
    # Places, not scores: strategies have scores of any scale, and some have none.
    priority = {row.item: 1 - i / len(ranking) for i, row in enumerate(ranking)}
    said = {guess.item: guess for guess in derived.predictions()}
    for row in store.items():
        if not row.present:
            continue
        guess = said.get(row.item)
        yield (
            row.item,
            Record(
                row.id,
                prediction=guess.label if guess else None,
                confidence=guess.confidence if guess else None,
                model=version if guess else None,
                priority=priority.get(row.item),
                digest=row.digest,
            ),
        )
