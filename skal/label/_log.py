"""The events of a store: added in order, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.label._events import (
    COLUMNS,
    VERDICTS,
    Event,
    columns_of,
    says_the_same,
)

if TYPE_CHECKING:
    from skal.label._database import Database
    from skal.label._leases import LeaseTable
    from skal.label._people import People
    from skal.label._stored_items import ItemTable

INSERT = "INSERT INTO event ({}) VALUES ({})".format(
    ", ".join(COLUMNS), ", ".join(f":{name}" for name in COLUMNS)
)
SELECT = f"SELECT {', '.join(COLUMNS)}, seq FROM event "


class EventLog:
    """All that happened, by place, and by name of an event or of a batch."""

    def __init__(
        self, database: Database, items: ItemTable, people: People, leases: LeaseTable
    ) -> None:
        self._database = database
        self._items = items
        self._people = people
        self._leases = leases

    def add(self, event: Event) -> int:
        """Add an event unless it is there, and return its place.

        It must have been checked. A verdict ends the lease that asked for it.
        """
        with self._database.transaction() as connection:
            known = self.event(event.event)
            if known is not None:
                if not says_the_same(event, known):
                    raise ValueError(
                        f"event must be a name of its own, got {event.event!r}, which "
                        f"names a {known.kind} by {known.annotator!r}. Draw a new UUID."
                    )
                return known.seq
            self._check_references(event)
            self._people.know(event.annotator)
            seq = connection.execute(INSERT, columns_of(event)).lastrowid
            assert seq is not None  # of an INSERT
            if event.item is not None and event.kind in VERDICTS:
                self._leases.release(event.annotator, [event.item])
            return seq

    def _check_references(self, event):
        if event.item is not None:
            self._items.check(event.item)
        if event.target is not None and not self.named(event.target):
            raise ValueError(
                f"target must name an event or a batch in the store, got "
                f"{event.target!r}."
            )

    def event(self, name: str) -> Event | None:
        """Return an event by its name."""
        found = self._select("WHERE event = ?", (name,))
        return found[0] if found else None

    def named(self, name: str) -> list[Event]:
        """Return the events that a name stands for: one, or those of a batch."""
        return self._select("WHERE event = ? OR batch = ? ORDER BY seq", (name, name))

    def after(
        self, seq: int, annotator: str | None, limit: int | None, item: int | None
    ) -> list[Event]:
        """Return what happened since, of one person or row where these are given."""
        where, params = "WHERE seq > ?", list[int | str]([int(seq)])
        if annotator is not None:
            where += " AND annotator = ?"
            params.append(annotator)
        if item is not None:
            where += " AND item = ?"
            params.append(int(item))
        params.append(-1 if limit is None else int(limit))
        return self._select(f"{where} ORDER BY seq LIMIT ?", params)

    def current(self) -> list[Event]:
        """Return the last word of each person on each row."""
        return self._select("WHERE seq IN (SELECT seq FROM current) ORDER BY seq", ())

    def last_seq(self) -> int:
        """Return the place of the last event, 0 where there is none."""
        return self._database.rows("SELECT max(seq) FROM event")[0][0] or 0

    def _select(self, where, params):
        return [Event(*row) for row in self._database.rows(SELECT + where, params)]
