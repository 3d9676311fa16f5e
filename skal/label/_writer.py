"""What people say of rows and classes: checked, and written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from uuid import uuid4

from skal.label._events import ORIGIN, Event, check_text
from skal.label._item import as_id, as_ids

if TYPE_CHECKING:
    from typing import Any

    from skal.label._sources import Source
    from skal.label._state import State


class Writer:
    """Writes what people say.

    All that can be wrong with an answer is found before anything is written, and what
    is written goes to the store in one transaction.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def say(
        self,
        kind: str,
        id: Any,
        value: str | None,
        who: str,
        event: str | None = None,
        lead_ms: float | None = None,
        source: str | None = None,
    ) -> Event:
        """Write an answer, or a note, of which the value was checked."""
        state = self._state
        with state.lock:
            state.sync()
            item = state.number(id)
            leases = state.store.leases(of=who)
            origin = self._origin(item, who, source, leases)
            happened = Event(
                item,
                who,
                kind,
                value,
                lead_ms=lead_ms,
                event=str(uuid4()) if event is None else event,
                **({} if kind == "note" else origin),
            )
            return state.append([happened])[0]

    def label(self, id: Any, value: Any, *said: Any, again: bool = False) -> Event:
        """Write a label; with ``again`` the row must have one."""
        state = self._state
        name = state.class_name(value)
        with state.lock:
            state.sync()
            if again and state.number(id) not in state.ledger.labels:
                raise ValueError(
                    f"id must be that of a row with a label, got {as_id(id)!r}. Use "
                    "label for its first."
                )
            return self.say("label", id, name, *said)

    def label_many(
        self, labels: Any, value: Any, who: str, source: str, event: str | None
    ) -> list[Event]:
        """Write many labels, or none."""
        pairs = pairs_of(labels, value)
        batch = str(uuid4()) if event is None else event
        check_text("event", batch, most=60)
        state = self._state
        with state.lock:
            state.sync()
            names = [state.class_name(value) for _, value in pairs]
            items = [state.number(id) for id, _ in pairs]
            if len(set(items)) < len(items):
                raise ValueError("labels must name each row once, got one twice.")
            leases = state.store.leases(of=who)
            return state.append(
                [
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
            )

    def take_given(self, source: Source) -> None:
        """Keep the labels that came with the rows; what people said goes before."""
        state, batch, events = self._state, str(uuid4()), []
        for id, label in zip(source.ids, source.labels, strict=True):
            if label is None:
                continue
            item = state.number(id)
            said = state.ledger.said.get(item, {})
            same = "given" in said and said["given"].value == str(label)
            if same or any(who != "given" for who in said):
                continue
            name = state.names.check(label, "y")
            events.append(
                Event(item, "given", "label", name, batch=batch, source="given")
            )
        state.append(events)

    def _origin(self, item, who, source, leases):
        """Return how a row came up: as the person was asked for it, or as before."""
        ledger = self._state.ledger
        lease = leases.get(item)
        before = ledger.said.get(item, {})
        if lease is not None and lease.annotator == who and lease.source:
            known: Any = lease
        elif source is None:
            known = before.get(who) or ledger.labels.get(item)
        else:
            known = None
        if known is None:
            return {"source": source or "given"}
        if known is not lease and known.source == "again":
            return {"source": source or "given"}  # nobody was asked another time
        return {name: getattr(known, name) for name in ORIGIN}

    # Taking back ------------------------------------------------------------------

    def undo(self, who: str, target: str | None, event: str | None) -> Event | None:
        """Take back what a person did."""
        with self._state.lock:
            undone = self._state.store.undo(who, target, id=event)
            self._state.sync()
        return undone

    def redo(self, who: str, event: str | None) -> Event | None:
        """Bring back what a person took back."""
        with self._state.lock:
            redone = self._state.store.redo(who, id=event)
            self._state.sync()
        return redone

    # Classes ----------------------------------------------------------------------

    def add_class(
        self, name: Any, who: str, near: bool = False, event: str | None = None
    ) -> Any:
        """Make a class, and return it as its user would name it."""
        state = self._state
        with state.lock:
            state.sync()
            text = state.names.check_new(name, near)
            if text not in state.names.names:
                state.append(
                    [Event(None, who, "class", text, event=event or str(uuid4()))]
                )
            return state.names.value_of(text)

    def remove_class(self, name: Any, who: str) -> None:
        """Take back a class that was added, and that no row has."""
        state = self._state
        with state.lock:
            text = state.class_name(name)
            n_rows = sum(one.value == text for one in state.ledger.labels_said())
            if n_rows:
                raise ValueError(
                    f"name must be a class that no row has, got {name!r}, which "
                    f"{n_rows} have. Label these anew first."
                )
            added = state.ledger.class_events.items()
            names = [event for event, value in added if value == text]
            if not names:
                raise ValueError(
                    "name must be a class that was added, got "
                    f"{name!r}, which was there from the start."
                )
            state.append([Event(None, who, "undo", target=event) for event in names])


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
