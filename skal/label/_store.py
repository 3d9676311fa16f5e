"""LabelStore: what was said of which row by whom, and none of it ever lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skal.label import _backups
from skal.label._database import Database
from skal.label._events import check_text, checked_event
from skal.label._leases import SECONDS, LeaseTable
from skal.label._log import EventLog
from skal.label._meta import Meta
from skal.label._people import People
from skal.label._private import make_private_folder
from skal.label._schema import migrate
from skal.label._stored_items import ItemTable
from skal.label._undo import Undo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from os import PathLike
    from typing import Any, Self

    from skal.label._events import Event
    from skal.label._leases import Lease
    from skal.label._stored_items import StoredItem


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
    To append costs one write to disk, whatever the number of events.

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
        self._items = ItemTable(self._database)
        self._people = People(self._database)
        self._leases = LeaseTable(self._database, self._items)
        self._log = EventLog(self._database, self._items, self._people, self._leases)
        self._undo = Undo(self._database, self._log, self._leases)
        self._backups = _backups.Backups(self._database, self.last_seq())

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
        return self._items.set(items, by)

    def items(self) -> list[StoredItem]:
        """Return every row that was ever in the pool.

        Returns
        -------
        list of StoredItem
            In the order in which they came.
        """
        return self._items.all()

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
        with self._database.transaction():
            seqs = [self._log.add(event) for event in events]
        self._backups.written(max(seqs, default=0))
        return seqs

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
        return self._log.after(after, annotator, limit, item)

    def current(self) -> list[Event]:
        """Return what counts today: the last word of each person on each row.

        Returns
        -------
        list of Event
            Labels, skips and discards, in order.
        """
        return self._log.current()

    def last_seq(self) -> int:
        """Return the place of the last event, 0 where there is none.

        Returns
        -------
        int
            The number of events.
        """
        return self._log.last_seq()

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
        check_text("annotator", annotator, most=100)
        return self._undo.turn("undo", annotator, event, id)

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
        check_text("annotator", annotator, most=100)
        return self._undo.turn("redo", annotator, None, id)

    # Leases -----------------------------------------------------------------------

    def lease(
        self,
        annotator: str,
        wanted: Sequence[Lease | int] | Callable[[dict[int, Lease]], Sequence[Lease]],
        seconds: float = SECONDS,
    ) -> list[Lease]:
        """Lend rows to a person, so that nobody else is asked for them meanwhile.

        Parameters
        ----------
        annotator : str
            The person.
        wanted : list, or callable
            The rows, or a function of the leases that hold now, by row, that returns
            them. No other lease is given between its look and ours.
        seconds : float, default=600.0
            How long; after that others may have them.

        Returns
        -------
        list of Lease
            The rows that the person has now, of those wanted; rows that somebody else
            holds are left out.
        """
        check_text("annotator", annotator, most=100)
        return self._leases.lend(annotator, wanted, seconds)

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
        return self._leases.held(of)

    def release(self, annotator: str, items: Iterable[int] | None = None) -> None:
        """Give rows back before their time.

        Parameters
        ----------
        annotator : str
            Who has them.
        items : iterable of int or None, default=None
            The rows; None gives back all that the person has.
        """
        self._leases.release(annotator, items)

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
        return self._people.new_token(name)

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
        return self._people.with_token(token)

    def annotators(self) -> list[str]:
        """Return everybody who said something, or has a token.

        Returns
        -------
        list of str
            In the order in which they came.
        """
        return self._people.names()

    # The file ---------------------------------------------------------------------

    def backup(self) -> Path | None:
        """Copy the store to ``backups/`` beside it; five copies are kept.

        Returns
        -------
        Path or None
            The new copy; None for a store in memory.
        """
        return _backups.back_up(self._database)

    def close(self) -> None:
        """Make a backup if anything is new, and close the file."""
        if self._database.is_closed:
            return
        try:
            self._backups.finish()
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
