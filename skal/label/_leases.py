"""Lease: a row that one person has been asked for; and who has which one now."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

from skal.label._events import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from skal.label._database import Database
    from skal.label._events import Event
    from skal.label._stored_items import ItemTable

#: Seconds after which others may have a row.
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A row that one person has been asked for, and how it came up.

    Parameters
    ----------
    item : int
        The number of the row.
    annotator : str, default=""
        Who has it; the store writes it.
    until : float, default=0.0
        When others may have it, in seconds since the epoch; the store writes it.
    source : str or None, default=None
        How it came up, as in :class:`Event`; so are the others.
    rank : int or None, default=None
        Its place in the ranking.
    score : float or None, default=None
        How much the strategy wants it.
    model : int or None, default=None
        The model that ranked it.
    p_select : float or None, default=None
        The chance with which a random draw took it.
    predicted : str or None, default=None
        What the model takes it for.

    See Also
    --------
    LabelStore.lease : Lends rows.

    Examples
    --------
    >>> from skal.label import LabelStore
    >>> store = LabelStore()
    >>> _ = store.set_items([("a.png", ""), ("b.png", "")])
    >>> [lease.item for lease in store.lease("ann", [1])]
    [1]
    >>> [lease.item for lease in store.lease("bob", [1, 2])]
    [2]
    """

    item: int
    annotator: str = ""
    until: float = 0.0
    source: str | None = None
    rank: int | None = None
    score: float | None = None
    model: int | None = None
    p_select: float | None = None
    predicted: str | None = None


_LEASE = (*Lease.__dataclass_fields__, "given")
LEND = "INSERT INTO lease ({}) VALUES ({})".format(
    ", ".join(_LEASE), ", ".join("?" * len(_LEASE))
)
#: A lease that is renewed keeps its place among those of the same person.
RENEW = (
    " ON CONFLICT (item) DO UPDATE SET given = iif("
    "lease.annotator = excluded.annotator, lease.given, excluded.given), "
) + ", ".join(f"{name} = excluded.{name}" for name in _LEASE[1:-1])


def as_before(event: Event) -> Lease:
    """Return a lease of a row as it came up before: audit rows stay audit rows."""
    assert event.item is not None
    return Lease(event.item, **{name: getattr(event, name) for name in ORIGIN})


class LeaseTable:
    """Who has which row now."""

    def __init__(self, database: Database, items: ItemTable) -> None:
        self._database = database
        self._items = items

    def lend(
        self,
        annotator: str,
        wanted: Sequence[Lease | int] | Callable[[dict[int, Lease]], Sequence[Lease]],
        seconds: float,
    ) -> list[Lease]:
        """Lend rows to a person, but those that somebody else holds."""
        with self._database.transaction() as connection:
            held, now = self.held(annotator), time.time()
            chosen = wanted(held) if callable(wanted) else wanted
            lent: list[Lease] = []
            for wish in chosen:
                lease = wish if isinstance(wish, Lease) else Lease(int(wish))
                if held.get(lease.item, lease).annotator not in ("", annotator):
                    continue
                self._items.check(lease.item)
                lease = replace(lease, annotator=annotator, until=now + seconds)
                given = now + len(lent) * 1e-6
                connection.execute(LEND + RENEW, (*astuple(lease), given))
                lent.append(lease)
        return lent

    def lend_again(self, event: Event) -> None:
        """Lend a row to whoever gave this answer, as it came up, before all others."""
        now = time.time()
        lease = replace(
            as_before(event), annotator=event.annotator, until=now + SECONDS
        )
        with self._database.transaction() as connection:
            # The one undone last goes to the head.
            connection.execute(
                LEND + " ON CONFLICT (item) DO NOTHING", (*astuple(lease), -now)
            )

    def held(self, of: str | None = None) -> dict[int, Lease]:
        """Return the leases that hold now; those of one person do until taken."""
        found = self._database.rows(
            "SELECT * FROM lease WHERE until > ? OR annotator IS ? ORDER BY given",
            (time.time(), of),
        )
        return {row["item"]: Lease(*row[:-1]) for row in found}

    def release(self, annotator: str, items: Iterable[int] | None) -> None:
        """Let a person have rows no longer; None for all of theirs."""
        with self._database.transaction() as connection:
            if items is None:
                connection.execute("DELETE FROM lease WHERE annotator = ?", [annotator])
                return
            connection.executemany(
                "DELETE FROM lease WHERE annotator = ? AND item = ?",
                [(annotator, int(item)) for item in items],
            )
