"""The rows, what was said of them and the classes, as they stand now."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from skal.label._item import as_id
from skal.label._pool import Pool
from skal.label._spellings import ClassNames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np

    from skal.label._events import Event
    from skal.label._ledger import Ledger
    from skal.label._sources import Source
    from skal.label._store import LabelStore


class State:
    """What the parts of a session share, and the lock around it.

    Parameters
    ----------
    store : LabelStore
        Of a project that knows its classes, its seed and its share for the audit.
    ledger : Ledger
        What counts, as far as it is known.
    source : Source
        The rows.

    Attributes
    ----------
    pool : Pool
        The rows.
    names : ClassNames
        The classes.
    lock : RLock
        Held by whoever looks twice, or writes.
    """

    def __init__(self, store: LabelStore, ledger: Ledger, source: Source) -> None:
        self.store = store
        self.ledger = ledger
        self.lock = threading.RLock()
        self._first_classes = store.meta["classes"]
        self.names = ClassNames(self._first_classes)
        self.set_rows(source)

    def set_rows(self, source: Source, present: np.ndarray | None = None) -> None:
        """Take a source for the pool, or those of its rows that are present."""
        meta = self.store.meta
        self.pool = Pool(
            source, self.store, present, audit=meta["audit"], seed=meta["seed"]
        )
        self.sync()

    def sync(self) -> None:
        """Take in what others have said since; a look at the disk, no more."""
        with self.lock:
            self.ledger.grow(int(self.pool.items.max(initial=0)))
            self.ledger.update(self.store.events(self.ledger.seq))
            added = self.ledger.classes
            if added != self.names.added:
                self.names = ClassNames(self._first_classes, added)

    def number(self, id: Any) -> int:
        """Return the number of a row; refuse an id that is not in the pool."""
        return self.pool.number(as_id(id))

    def class_name(self, value: Any) -> str:
        """Return a class as it is stored; refuse one that is not known."""
        self.sync()
        return self.names.check(value)

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Write events, and know them."""
        with self.lock:
            seqs = self.store.append(events)
            self.sync()
        return [
            replace(event, seq=seq) for event, seq in zip(events, seqs, strict=True)
        ]
