"""The rows of a session: which row of the source is which row of the store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import nearest_first
from skal.label._audit import reserved

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from skal.label._store import LabelStore


class Pool:
    """The rows that may be labelled, by position, by id and by number in the store.

    Parameters
    ----------
    source : source
        Has ``kind``, ``ids``, ``digests``, ``features()`` and ``show(position)``.
    store : LabelStore
        Told which rows there are.
    present : ndarray of bool, default=None
        Which rows of the source are in the pool; None for all.
    audit, seed : float and int
        Share of the rows that are kept for the audit, and the seed that tells which.

    Attributes
    ----------
    items : ndarray of int
        The number in the store of the row at each position; -1 for one removed.
    present : ndarray of bool
        Whether the row at a position is in the pool.
    reserved : ndarray of bool
        Whether the row at a position is kept for the audit.
    """

    def __init__(
        self,
        source: Any,
        store: LabelStore,
        present: np.ndarray | None = None,
        *,
        audit: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.source = source
        self._making = threading.Lock()
        self.present = np.ones(len(source.ids), bool) if present is None else present
        pairs = list(zip(source.ids, source.digests, strict=True))
        self.changes = store.set_items(
            (pairs[i] for i in self._there()), by=source.match_by
        )
        self.reserved = reserved(source.digests, audit, seed) & self.present
        numbers = {row.id: row.item for row in store.items() if row.present}
        self.items = np.full(len(pairs), -1)
        for i in self._there():
            self.items[i] = numbers[source.ids[i]]
        self._position = {int(self.items[i]): int(i) for i in self._there()}
        self._numbers = {source.ids[i]: int(self.items[i]) for i in self._there()}

    def _there(self):
        return np.flatnonzero(self.present)

    def numbers(self) -> np.ndarray:
        """Return the numbers of the rows in the pool."""
        return self.items[self.present]

    def numbers_reserved(self) -> np.ndarray:
        """Return the numbers of the rows that are kept for the audit."""
        return self.items[self.reserved]

    @property
    def kind(self) -> str:
        """What the rows are: "text", "table" or "image"."""
        return self.source.kind

    @property
    def ids(self) -> list[str]:
        """What users call the rows, by position."""
        return self.source.ids

    def __len__(self) -> int:
        return int(self.present.sum())

    def __contains__(self, item: object) -> bool:
        return item in self._position

    def features(self, derived: Any = None, progress: Any = None) -> Any:
        """Return the rows for the learner, by position; made once."""
        with self._making:
            return self.source.features(derived, progress)

    def show(self, position: int) -> dict[str, Any]:
        """Return what a person sees of a row."""
        return self.source.show(position)

    def position(self, item: int) -> int:
        """Return where a row of the store stands in the source."""
        return self._position[item]

    def positions(self, items: Iterable[Any]) -> np.ndarray:
        """Return where those rows stand that are in the pool."""
        known = self._position
        return np.array([known[item] for item in items if item in known], dtype=int)

    def id_of(self, item: int) -> str:
        """Return what users call a row of the store."""
        return self.ids[self._position[item]]

    def number(self, id: Any, name: str = "id") -> int:
        """Return the number of a row by its id."""
        number = self._numbers.get(str(id))
        if number is None:
            near = nearest_first(str(id), self._near(str(id)))[:3]
            hint = f" Near ones are {', '.join(map(repr, near))}." if near else ""
            raise ValueError(
                f"{name} must be the id of a row of the pool, got {id!r}.{hint} "
                "add_rows makes new rows known."
            )
        return number

    def _near(self, id):
        """Return ids to compare with, of a large pool those of the same beginning."""
        if len(self._numbers) <= 2_000:
            return list(self._numbers)
        return [known for known in self._numbers if known[:3] == id[:3]][:2_000]
