"""LabelStore: what was said of which row by whom, and none of it ever lost."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from skal.label import _backups
from skal.label._database import Database, make_private_folder
from skal.label._events import (
    COLUMNS,
    VERDICTS,
    Event,
    check_text,
    checked_event,
    columns_of,
    says_the_same,
)
from skal.label._items import match
from skal.label._leases import LEND, RENEW, Lease
from skal.label._meta import Meta
from skal.label._schema import migrate
from skal.label._undo import Turn, stacks

if TYPE_CHECKING:
    from os import PathLike
    from typing import Any, Self

#: A backup is made whenever so many events are new.
EVENTS_A_BACKUP = 500


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


class LabelStore:
    """Keep every label that was ever given, in one SQLite file.

    Nothing is changed or deleted: corrections and undos are events of their own, and
    what counts today is a view of all that happened. What a call has acknowledged
    outlives the process and the power supply. Threads and processes may share a store.

    Parameters
    ----------
    path : path-like or None, default=None
        The file, or one to be, that nobody but its owner may read; so is its folder,
        where that is made too. None keeps all in memory.

    Attributes
    ----------
    meta : dict-like
        What else is to be known of a project, by name; values go through JSON.
    path : Path or None
        The file.

    See Also
    --------
    LabelSession : Asks, and writes the answers to a store.

    Notes
    -----
    To append costs one write to disk, about 4 ms, whatever the number of events.

    Examples
    --------
    >>> from skal.label import Event, LabelStore
    >>> store = LabelStore()
    >>> added, moved, gone = store.set_items([("a.png", "sha256:1f"), ("b.png", "")])
    >>> store.append([Event(added[0], "ann", "label", "cat")])
    [1]
    >>> [(row.item, row.value) for row in store.current()]
    [(1, 'cat')]
    >>> store.undo("ann").value, store.current()
    ('cat', [])
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        if self.path is not None:
            if not self.path.parent.exists():  # another's folder is left as it is
                make_private_folder(self.path.parent)
            if self.path.exists():
                _backups.check_sound(self.path)
        self._database = Database(self.path)
        try:
            migrate(self._database, self.backup)
        except BaseException:
            self._database.close()
            raise
        self.meta = Meta(self._database)
        self._written = self.last_seq()
        self._backed_up = _backups.last_seq_in_copies(self.path)

    @staticmethod
    def restore(path: str | PathLike[str]) -> Path:
        """Go back to the newest sound backup; the file of today is kept beside it.

        Parameters
        ----------
        path : path-like
            The file of the store, which nobody may have open.

        Returns
        -------
        Path
            The backup that was taken.
        """
        return _backups.restore(Path(path))

    # Rows -------------------------------------------------------------------------

    def set_items(
        self, items: Iterable[tuple[str, str]], *, by: str = "content"
    ) -> tuple[list[int], list[int], list[int]]:
        """Say which rows the pool has now.

        Parameters
        ----------
        items : iterable of (str, str)
            Id and digest of each row. Ids are unique.
        by : {"content", "id"}, default="content"
            What makes a row the same row: its content, wherever it lies, or its id.

        Returns
        -------
        added, moved, gone : list of int
            The numbers of rows that are new, that have another id than before, and
            that are no longer there. Nothing that was said of them is lost, and a
            row that comes back is known again.
        """
        now = list(items)
        check_unique(id for id, _ in now)
        with self._database.transaction() as connection:
            known = self.items()
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
            added = self._add_items(connection, new)
        return added, list(matching.moved), list(matching.gone)

    def _add_items(self, connection, pairs):
        """Add rows, and return their numbers."""
        stamp = time.time()
        return [
            connection.execute(
                "INSERT INTO item (id, digest, added) VALUES (?, ?, ?)", (*pair, stamp)
            ).lastrowid
            for pair in pairs
        ]

    def items(self) -> list[StoredItem]:
        """Return every row that was ever in the pool.

        Returns
        -------
        list of StoredItem
            In the order in which they came.
        """
        found = self._database.rows(
            "SELECT item, id, digest, present FROM item ORDER BY item"
        )
        return [
            StoredItem(item, id, digest, bool(present))
            for item, id, digest, present in found
        ]

    # Events -----------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> list[int]:
        """Add events, all of them or none.

        Parameters
        ----------
        events : list of Event
            One that is there already, by its name, is not added again, so that
            whoever heard no answer may ask again.

        Returns
        -------
        list of int
            Their places in the store.

        Raises
        ------
        ValueError
            If an event is not whole, or another one has its name.
        """
        events = [checked_event(event) for event in events]
        with self._database.transaction() as connection:
            seqs = [self._insert(connection, event) for event in events]
        self._back_up_in_time(max(seqs, default=0))
        return seqs

    def _insert(self, connection, event):
        known = self._event_named(event.event)
        if known is not None:
            if not says_the_same(event, known):
                raise ValueError(
                    f"event must be a name of its own, got {event.event!r}, which "
                    f"names a {known.kind} by {known.annotator!r}. Draw a new UUID."
                )
            return known.seq
        self._check_references(connection, event)
        connection.execute(
            "INSERT OR IGNORE INTO annotator (name, added) VALUES (?, ?)",
            (event.annotator, time.time()),
        )
        seq = connection.execute(INSERT, columns_of(event)).lastrowid
        if event.kind in VERDICTS:
            connection.execute(
                "DELETE FROM lease WHERE item = ? AND annotator = ?",
                (event.item, event.annotator),
            )
        return seq

    def _check_references(self, connection, event):
        if event.item is not None:
            self._check_item(connection, event.item)
        if event.target is not None and not self._named(event.target):
            raise ValueError(
                f"target must name an event or a batch in the store, got "
                f"{event.target!r}."
            )

    def _check_item(self, connection, item):
        found = connection.execute("SELECT 1 FROM item WHERE item = ?", (item,))
        if found.fetchone() is None:
            raise ValueError(
                f"item must be the number of a row in the store, got {item!r}. "
                "set_items makes rows known."
            )

    def _event_named(self, name):
        found = self._select("WHERE event = ?", (name,))
        return found[0] if found else None

    def _named(self, name):
        """Return the events that a name stands for: one, or those of a batch."""
        return self._select("WHERE event = ? OR batch = ? ORDER BY seq", (name, name))

    def _select(self, where, params):
        return [Event(*row) for row in self._database.rows(SELECT + where, params)]

    def events(
        self,
        after: int = 0,
        *,
        annotator: str | None = None,
        limit: int | None = None,
        item: int | None = None,
    ) -> list[Event]:
        """Return what happened, in order.

        Parameters
        ----------
        after : int, default=0
            Leave out the events up to this place.
        annotator : str or None, default=None
            Those of one person.
        limit : int or None, default=None
            So many at most.
        item : int or None, default=None
            Those of one row.

        Returns
        -------
        list of Event
            Undone ones too.
        """
        where, params = "WHERE seq > ?", list[int | str]([int(after)])
        if annotator is not None:
            where += " AND annotator = ?"
            params.append(annotator)
        if item is not None:
            where += " AND item = ?"
            params.append(int(item))
        params.append(-1 if limit is None else int(limit))
        return self._select(f"{where} ORDER BY seq LIMIT ?", params)

    def current(self) -> list[Event]:
        """Return what counts today: the last word of each person on each row.

        Returns
        -------
        list of Event
            Labels, skips and discards, in order.
        """
        return self._select("WHERE seq IN (SELECT seq FROM current) ORDER BY seq", ())

    def last_seq(self) -> int:
        """Return the place of the last event, 0 where there is none.

        Returns
        -------
        int
            The number of events.
        """
        found = self._database.rows("SELECT max(seq) FROM event")
        return found[0][0] or 0

    # Undo and redo ----------------------------------------------------------------

    def undo(
        self, annotator: str, event: str | None = None, *, id: str | None = None
    ) -> Event | None:
        """Take back the last thing that a person did.

        Parameters
        ----------
        annotator : str
            The person.
        event : str or None, default=None
            What to take back, where it is not the last: an event, or a batch.
        id : str or None, default=None
            The name of the undo itself: to ask for it again takes back nothing more.

        Returns
        -------
        Event or None
            What was taken back, the first event of a batch; None if there is nothing.
        """
        return self._turn("undo", annotator, event, id)

    def redo(self, annotator: str, *, id: str | None = None) -> Event | None:
        """Bring back what a person took back last, unless they did something since.

        Parameters
        ----------
        annotator : str
            The person.
        id : str or None, default=None
            The name of the redo itself.

        Returns
        -------
        Event or None
            What was brought back; None if there is nothing.
        """
        return self._turn("redo", annotator, None, id)

    def _turn(self, kind, annotator, event, id):
        check_text("annotator", annotator, most=100)
        with self._database.transaction() as connection:
            known = None if id is None else self._event_named(id)
            if known is not None:
                return self._told(known, kind, annotator)
            done, undone = stacks(self._turns(annotator))
            names = done if kind == "undo" else undone
            if event is not None:
                names = self._checked_target(event, names)
            if not names:
                return None
            acts = self._named(names[-1])
            item = acts[0].item if len(acts) == 1 else None
            turn = Event(
                item, annotator, kind, target=names[-1], event=id or str(uuid4())
            )
            self._insert(connection, checked_event(turn))
            for act in acts:
                self._hand_back(connection, kind, act)
        return acts[0]

    def _turns(self, annotator):
        """Return what decides on undo and redo: event, batch, kind and target."""
        found = self._database.rows(
            "SELECT event, batch, kind, target FROM event WHERE annotator = ? "
            "ORDER BY seq",
            (annotator,),
        )
        return [Turn(*row) for row in found]

    def _told(self, known, kind, annotator):
        """Return what a known undo has taken back."""
        if (known.kind, known.annotator) != (kind, annotator):
            raise ValueError(
                f"id must be a name of its own, got {known.event!r}, which names a "
                f"{known.kind} by {known.annotator!r}. Draw a new UUID."
            )
        return self._named(known.target)[0]

    def _checked_target(self, event, names):
        if event not in names:
            raise ValueError(
                f"event must name something that this person did and that is not "
                f"undone, got {event!r}."
            )
        return [event]

    def _hand_back(self, connection, kind, act):
        """Lend a row whose answer is undone to the same person again, as it came up."""
        if act.kind not in VERDICTS:
            return
        if kind == "redo":
            connection.execute(
                "DELETE FROM lease WHERE item = ? AND annotator = ?",
                (act.item, act.annotator),
            )
            return
        if act.batch is not None or act.source in ("batch", "import", "given"):
            return
        lease = Lease(act.item, act.annotator, time.time() + 600, act.source)
        lease = replace(
            lease,
            rank=act.rank,
            score=act.score,
            model=act.model,
            p_select=act.p_select,
            predicted=act.predicted,
        )
        first = -time.time()  # before all others, the one undone last at the head
        connection.execute(
            LEND + " ON CONFLICT (item) DO NOTHING", (*astuple(lease), first)
        )

    # Leases -----------------------------------------------------------------------

    def lease(
        self,
        annotator: str,
        wanted: Sequence[Lease | int] | Callable[[dict[int, Lease]], Sequence[Lease]],
        seconds: float = 600,
    ) -> list[Lease]:
        """Lend rows to a person, so that nobody else is asked for them meanwhile.

        Parameters
        ----------
        annotator : str
            The person.
        wanted : list, or callable
            The rows, or a function of the leases that hold now, by row, that returns
            them. No other lease is given between its look and ours.
        seconds : float, default=600
            How long; after that others may have them.

        Returns
        -------
        list of Lease
            The rows that the person has now, of those wanted; rows that somebody else
            holds are left out.
        """
        check_text("annotator", annotator, most=100)
        with self._database.transaction() as connection:
            held, now = self.leases(of=annotator), time.time()
            chosen = wanted(held) if callable(wanted) else wanted
            lent: list[Lease] = []
            for wish in chosen:
                lease = wish if isinstance(wish, Lease) else Lease(int(wish))
                if held.get(lease.item, lease).annotator not in ("", annotator):
                    continue
                self._check_item(connection, lease.item)
                lease = replace(lease, annotator=annotator, until=now + seconds)
                given = now + len(lent) * 1e-6
                connection.execute(LEND + RENEW, (*astuple(lease), given))
                lent.append(lease)
        return lent

    def leases(self, *, of: str | None = None) -> dict[int, Lease]:
        """Return the leases that hold now.

        Parameters
        ----------
        of : str or None, default=None
            A person whose leases count even after their time, as long as nobody else
            has the row.

        Returns
        -------
        dict of int to Lease
            By row, in the order in which they were given.
        """
        found = self._database.rows(
            "SELECT * FROM lease WHERE until > ? OR annotator IS ? ORDER BY given",
            (time.time(), of),
        )
        return {row["item"]: Lease(*row[:-1]) for row in found}

    def release(self, annotator: str, items: Iterable[int] | None = None) -> None:
        """Give rows back before their time.

        Parameters
        ----------
        annotator : str
            Who has them.
        items : iterable of int or None, default=None
            The rows; None gives back all that the person has.
        """
        with self._database.transaction() as connection:
            if items is None:
                connection.execute("DELETE FROM lease WHERE annotator = ?", [annotator])
                return
            connection.executemany(
                "DELETE FROM lease WHERE annotator = ? AND item = ?",
                [(annotator, int(item)) for item in items],
            )

    # People -----------------------------------------------------------------------

    def add_annotator(self, name: str) -> str:
        """Make a person known and give them a new token.

        Parameters
        ----------
        name : str
            The name.

        Returns
        -------
        str
            The token, of 256 bits. It is shown this once: the store keeps a hash.
        """
        check_text("name", name, most=100)
        token = secrets.token_urlsafe(32)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO annotator (name, token_hash, added) VALUES (?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET token_hash = excluded.token_hash",
                (name, hash_of(token), time.time()),
            )
        return token

    def annotator_of(self, token: str) -> str | None:
        """Return whose token this is.

        Parameters
        ----------
        token : str
            A token.

        Returns
        -------
        str or None
            The name; None for a token that nobody has.
        """
        found = self._database.rows(
            "SELECT name FROM annotator WHERE token_hash = ?", (hash_of(token),)
        )
        return found[0]["name"] if found else None

    def annotators(self) -> list[str]:
        """Return everybody who said something, or has a token.

        Returns
        -------
        list of str
            In the order in which they came.
        """
        found = self._database.rows("SELECT name FROM annotator ORDER BY rowid")
        return [row["name"] for row in found]

    # The file ---------------------------------------------------------------------

    def backup(self) -> Path | None:
        """Copy the store to ``backups/`` beside it; five copies are kept.

        Returns
        -------
        Path or None
            The new copy; None for a store in memory.
        """
        return _backups.back_up(self._database)

    def _back_up_in_time(self, seq):
        self._written = max(self._written, seq)
        if self._written - self._backed_up >= EVENTS_A_BACKUP:
            self._backed_up = self._written
            self.backup()

    def close(self) -> None:
        """Make a backup if anything is new, and close the file."""
        if self._database.is_closed:
            return
        try:
            if self._written > self._backed_up:
                self._backed_up = self._written
                self.backup()
        finally:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError(
            "store must stay in its process, got an attempt to pickle or copy it. "
            "Open LabelStore(path) there instead."
        )


INSERT = "INSERT INTO event ({}) VALUES ({})".format(
    ", ".join(COLUMNS), ", ".join(f":{name}" for name in COLUMNS)
)
SELECT = f"SELECT {', '.join(COLUMNS)}, seq FROM event "


def hash_of(token):
    return hashlib.sha256(token.encode()).hexdigest()


def check_unique(ids):
    """Refuse ids that name two rows."""
    seen = set()
    for id in ids:
        check_text("ids", id)
        if id in seen:
            raise ValueError(f"ids must be unique, got {id!r} twice.")
        seen.add(id)
