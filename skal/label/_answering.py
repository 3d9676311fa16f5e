"""What a person says of rows: labels, skips, corrections, and taking them back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from skal.label._events import Event, check_text
from skal.label._item import Item

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from skal.label._ledger import Ledger
    from skal.label._pool import Pool
    from skal.label._spellings import ClassNames
    from skal.label._store import LabelStore


class Answering:
    """The half of a session that takes answers.

    All that can be wrong with an answer is found before anything is written, and what
    is written goes to the store in one transaction.
    """

    store: LabelStore
    pool: Pool
    annotator: str
    _lock: threading.RLock
    _ledger: Ledger
    _names: ClassNames

    def _sync(self) -> None:
        """Take in what others have said since."""
        raise NotImplementedError

    def label(
        self,
        id: Any,
        value: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
        source: str | None = None,
    ) -> Event:
        """Say what a row is; whether it was asked for does not matter.

        Parameters
        ----------
        id : str, int or Item
            The row.
        value : object
            Its class. A label that the person gave before is replaced, and stays in
            the record.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.
        source : str or None, default=None
            How the row came up, where it was not asked for: "search" or "given".

        Returns
        -------
        Event
            As it stands in the store.

        Raises
        ------
        ValueError
            If there is no such row or class; near ones are named.
        """
        name = self._known_class(value)
        return self._say("label", id, name, annotator, event, lead_ms, source)

    def relabel(
        self,
        id: Any,
        value: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
        source: str | None = None,
    ) -> Event:
        """Correct the label of a row.

        Parameters
        ----------
        id : str, int or Item
            The row; it must have a label.
        value : object
            The right class.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.
        source : str or None, default=None
            How the row came up; None keeps how it came up before.

        Returns
        -------
        Event
            As it stands in the store.
        """
        name = self._known_class(value)
        with self._lock:
            self._sync()
            if self._number(id) not in self._ledger.labels:
                raise ValueError(
                    f"id must be that of a row with a label, got {as_id(id)!r}. Use "
                    "label for its first."
                )
            return self._say("label", id, name, annotator, event, lead_ms, source)

    def label_many(
        self,
        labels: Mapping[Any, Any] | Iterable[Any],
        value: Any = None,
        *,
        source: str = "batch",
        annotator: str | None = None,
        event: str | None = None,
    ) -> list[Event]:
        """Label many rows at one go: all or none, and one undo takes all back.

        Parameters
        ----------
        labels : dict, or list of ids
            Classes by id; or ids.
        value : object or list, default=None
            For a list of ids, the class of all, or a list with one for each.
        source : str, default="batch"
            How rows came up that the person was not asked for: "batch", "search",
            "import" or "given".
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID for the batch; to report it again changes nothing.

        Returns
        -------
        list of Event
            As they stand in the store.
        """
        pairs = pairs_of(labels, value)
        batch = str(uuid4()) if event is None else event
        check_text("event", batch, most=60)
        with self._lock:
            self._sync()
            names = [self._known_class(value) for _, value in pairs]
            items = [self._number(id) for id, _ in pairs]
            if len(set(items)) < len(items):
                raise ValueError("labels must name each row once, got one twice.")
            who = self._person(annotator)
            leases = self.store.leases(of=who)
            events = [
                Event(
                    item,
                    who,
                    "label",
                    name,
                    batch=batch,
                    event=f"{batch}:{item}",
                    **self._origin(item, who, source, leases),
                )
                for item, name in zip(items, names, strict=True)
            ]
            return self._append(events)

    def skip(
        self,
        id: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
    ) -> Event:
        """Say that you are not sure; the row comes again when nothing else is left.

        Parameters
        ----------
        id : str, int or Item
            The row.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.

        Returns
        -------
        Event
            As it stands in the store.
        """
        return self._say("skip", id, None, annotator, event, lead_ms)

    def discard(
        self,
        id: Any,
        *,
        annotator: str | None = None,
        event: str | None = None,
        lead_ms: float | None = None,
    ) -> Event:
        """Throw a row out: it is no row of this kind at all, and is not asked again.

        Parameters
        ----------
        id : str, int or Item
            The row.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.
        lead_ms : float or None, default=None
            Milliseconds from showing the row to the answer.

        Returns
        -------
        Event
            As it stands in the store.
        """
        return self._say("discard", id, None, annotator, event, lead_ms)

    def note(
        self,
        id: Any,
        text: str,
        *,
        annotator: str | None = None,
        event: str | None = None,
    ) -> Event:
        """Keep a remark on a row.

        Parameters
        ----------
        id : str, int or Item
            The row.
        text : str
            The remark.
        annotator : str or None, default=None
            Whose.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.

        Returns
        -------
        Event
            As it stands in the store.
        """
        return self._say("note", id, text, annotator, event)

    def undo(
        self,
        annotator: str | None = None,
        *,
        target: str | None = None,
        event: str | None = None,
    ) -> Event | None:
        """Take back the last thing that a person did, as often as you like.

        Parameters
        ----------
        annotator : str or None, default=None
            The person.
        target : str or None, default=None
            An event or batch to take back, where it is not the last.
        event : str or None, default=None
            A UUID of the undo itself; to report it again takes back nothing more.

        Returns
        -------
        Event or None
            What was taken back, the first of a batch; None if there is nothing. The
            row is asked next.
        """
        with self._lock:
            undone = self.store.undo(self._person(annotator), target, id=event)
            self._sync()
        return undone

    def redo(
        self, annotator: str | None = None, *, event: str | None = None
    ) -> Event | None:
        """Bring back what was taken back last, unless something was done since.

        Parameters
        ----------
        annotator : str or None, default=None
            The person.
        event : str or None, default=None
            A UUID of the redo itself; to report it again brings back nothing more.

        Returns
        -------
        Event or None
            What was brought back; None if there is nothing.
        """
        with self._lock:
            redone = self.store.redo(self._person(annotator), id=event)
            self._sync()
        return redone

    def add_class(
        self,
        name: Any,
        *,
        near: bool = False,
        annotator: str | None = None,
        event: str | None = None,
    ) -> Any:
        """Make a class that was not thought of at the start.

        Parameters
        ----------
        name : object
            The class.
        near : bool, default=False
            Take one that differs from another in case or spaces alone.
        annotator : str or None, default=None
            Who says so.
        event : str or None, default=None
            A UUID; to report the same event again changes nothing.

        Returns
        -------
        object
            The class, as ``classes`` holds it.

        Raises
        ------
        ValueError
            If there is one that differs in case or spaces alone.
        """
        with self._lock:
            self._sync()
            text = self._names.check_new(name, near)
            if text not in self._names.names:
                who = self._person(annotator)
                self._append(
                    [Event(None, who, "class", text, event=event or str(uuid4()))]
                )
            return self._names.value_of(text)

    def remove_class(self, name: Any, *, annotator: str | None = None) -> None:
        """Take back a class that was added by mistake.

        Parameters
        ----------
        name : object
            The class.
        annotator : str or None, default=None
            Who says so.

        Raises
        ------
        ValueError
            If a row has it now, or it was there from the start.
        """
        with self._lock:
            text = self._known_class(name)
            said = [one for row in self._ledger.said.values() for one in row.values()]
            n_rows = sum(one.kind == "label" and one.value == text for one in said)
            if n_rows:
                raise ValueError(
                    f"name must be a class that no row has, got {name!r}, which "
                    f"{n_rows} have. Label these anew first."
                )
            added = self._ledger.class_events.items()
            names = [event for event, value in added if value == text]
            if not names:
                raise ValueError(
                    "name must be a class that was added, got "
                    f"{name!r}, which was there from the start."
                )
            who = self._person(annotator)
            self._append([Event(None, who, "undo", target=event) for event in names])

    def _say(
        self, kind, id, value, annotator=None, event=None, lead_ms=None, source=None
    ):
        annotator = self._person(annotator)
        with self._lock:
            self._sync()
            item = self._number(id)
            leases = self.store.leases(of=annotator)
            origin = self._origin(item, annotator, source, leases)
            happened = Event(
                item,
                annotator,
                kind,
                value,
                lead_ms=lead_ms,
                event=str(uuid4()) if event is None else event,
                **({} if kind == "note" else origin),
            )
            return self._append([happened])[0]

    def _origin(self, item, annotator, source, leases):
        """Return how a row came up: as the person was asked for it, or as before."""
        names = "source", "rank", "score", "model", "p_select", "predicted"
        lease = leases.get(item)
        before = self._ledger.said.get(item, {})
        if lease is not None and lease.annotator == annotator and lease.source:
            known: Any = lease
        elif source is None:
            known = before.get(annotator) or self._ledger.labels.get(item)
        else:
            known = None
        if known is None:
            return {"source": source or "given"}
        if known is not lease and known.source == "again":
            return {"source": source or "given"}  # nobody was asked another time
        return {name: getattr(known, name) for name in names}

    def _append(self, events):
        """Write events, and know them."""
        with self._lock:
            seqs = self.store.append(events)
            self._sync()
        return [
            replace(event, seq=seq) for event, seq in zip(events, seqs, strict=True)
        ]

    def _person(self, annotator):
        if annotator is None:
            return self.annotator
        check_text("annotator", annotator, most=100)
        return annotator

    def _known_class(self, value):
        self._sync()
        return self._names.check(value)

    def _number(self, id):
        return self.pool.number(as_id(id))


def pairs_of(labels, value):
    """Return pairs of id and class, of whatever label_many was given."""
    if isinstance(labels, Mapping):
        if value is not None:
            raise ValueError(
                f"value must be None where labels is a dict, got {value!r}."
            )
        return list(labels.items())
    ids = as_ids(labels, "labels")
    value = list(value) if isinstance(value, Iterator) else value
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        return [(id, value) for id in ids]
    if len(value) != len(ids):
        raise ValueError(
            f"value must be one class, or one for each of {len(ids)} ids, got "
            f"{len(value)}."
        )
    return list(zip(ids, value, strict=True))


def as_ids(ids, name="ids"):
    if isinstance(ids, (str, bytes)) or not hasattr(ids, "__iter__"):
        raise TypeError(f"{name} must be a list of ids, got {ids!r}.")
    return list(ids)


def as_id(id):
    return id.id if isinstance(id, Item) else id
