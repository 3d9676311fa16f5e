"""StoredItem: a row as the store knows it; and the table that they are kept in."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skal.label._events import check_text
from skal.label._items import match

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skal.label._database import Database


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A row as the store knows it.

    Parameters
    ----------
    item : int
        Its number, which never changes.
    id : str
        What its user calls it.
    digest : str
        A hash of its content.
    present : bool
        Whether it is in the pool today.

    See Also
    --------
    LabelStore.items : Lists them.

    Examples
    --------
    >>> from skal.label import LabelStore
    >>> store = LabelStore()
    >>> _ = store.set_items([("a.png", "sha256:1f")])
    >>> store.items()
    [StoredItem(item=1, id='a.png', digest='sha256:1f', present=True)]
    """

    item: int
    id: str
    digest: str
    present: bool


class ItemTable:
    """The rows that were ever in the pool."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(
        self, items: Iterable[tuple[str, str]], by: str
    ) -> tuple[list[int], list[int], list[int]]:
        """Write which rows there are now; return those added, moved and gone."""
        now = list(items)
        check_unique(id for id, _ in now)
        with self._database.transaction() as connection:
            known = self.all()
            matching = match(known, now, by=by)
            pairs = list(zip(matching.items, now, strict=True))
            same = {(row.item, row.id, row.digest) for row in known if row.present}
            changed = [
                (id, digest, item)
                for item, (id, digest) in pairs
                if item is not None and (item, id, digest) not in same
            ]
            # First all that leave their ids, so that rows may swap theirs.
            leaving = [*matching.gone, *(item for *_, item in changed)]
            connection.executemany(
                "UPDATE item SET present = 0 WHERE item = ?",
                [(item,) for item in leaving],
            )
            connection.executemany(
                "UPDATE item SET id = ?, digest = ?, present = 1 WHERE item = ?",
                changed,
            )
            new = [pair for item, pair in pairs if item is None]
            added = self._add(connection, new)
        return added, list(matching.moved), list(matching.gone)

    def _add(self, connection, pairs):
        """Add rows, and return their numbers."""
        stamp = time.time()
        return [
            connection.execute(
                "INSERT INTO item (id, digest, added) VALUES (?, ?, ?)", (*pair, stamp)
            ).lastrowid
            for pair in pairs
        ]

    def all(self) -> list[StoredItem]:
        """Return every row, in the order in which they came."""
        found = self._database.rows(
            "SELECT item, id, digest, present FROM item ORDER BY item"
        )
        return [
            StoredItem(item, id, digest, bool(present))
            for item, id, digest, present in found
        ]

    def check(self, item: int) -> None:
        """Refuse the number of no row."""
        if not self._database.rows("SELECT 1 FROM item WHERE item = ?", (item,)):
            raise ValueError(
                f"item must be the number of a row in the store, got {item!r}. "
                "set_items makes rows known."
            )


def check_unique(ids):
    """Refuse ids that name two rows."""
    seen = set()
    for id in ids:
        check_text("ids", id)
        if id in seen:
            raise ValueError(f"ids must be unique, got {id!r} twice.")
        seen.add(id)
