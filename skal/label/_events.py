"""What can happen to a label: the events that a store appends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from uuid import uuid4

from skal._checks import check_choice

#: What happens to a row, and of which the last one counts.
VERDICTS = ("label", "skip", "discard")
#: What a person's undo takes back, the last first.
ACTIONS = (*VERDICTS, "note")
KINDS = (*ACTIONS, "class", "undo", "redo")
#: How a row came to be labelled. Rows that were "asked" have one of the first three.
ASKED = ("initial", "strategy", "random")
SOURCES = (*ASKED, "again", "search", "batch", "import", "given")
#: Longest text of an event; a note is no place for a book.
MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person did: a label, a skip, an undo.

    Events are only ever added. A correction is another label, an undo an event of its
    own that names what it takes back.

    Parameters
    ----------
    item : int or None
        The number of the row in the store; None for events of no row.
    annotator : str
        Who did it.
    kind : {"label", "skip", "discard", "note", "class", "undo", "redo"}
        What was done.
    value : str or None, default=None
        The class, or the text of a note.
    target : str or None, default=None
        The event, or the batch, that an undo or redo speaks of.
    batch : str or None, default=None
        Names events that were done, and are undone, at one go.
    source : str or None, default=None
        How the row came up: "strategy", "random" (for the audit), "initial", "again",
        "search", "batch", "import" or "given".
    rank : int or None, default=None
        Place of the row in the ranking that it was asked from.
    score : float or None, default=None
        How much the strategy wanted it.
    model : int or None, default=None
        The model that ranked it.
    p_select : float or None, default=None
        The chance with which a random draw took this row.
    predicted : str or None, default=None
        What the model took the row for before anybody said.
    lead_ms : float or None, default=None
        Milliseconds from showing the row to the answer.
    time : float, default=now
        Seconds since the epoch.
    event : str, default=a new UUID
        The name of the event, chosen by whoever reports it: to report it again changes
        nothing.
    seq : int, default=0
        Its place in the store, from 1 on; 0 until it is there.

    See Also
    --------
    LabelStore : Keeps events.

    Examples
    --------
    >>> from skal.label import Event
    >>> event = Event(3, "ann", "label", "cat")
    >>> event.kind, event.value, len(event.event)
    ('label', 'cat', 36)
    """

    item: int | None
    annotator: str
    kind: str
    value: str | None = None
    target: str | None = None
    batch: str | None = None
    source: str | None = None
    rank: int | None = None
    score: float | None = None
    model: int | None = None
    p_select: float | None = None
    predicted: str | None = None
    lead_ms: float | None = None
    time: float = field(default_factory=time.time)
    event: str = field(default_factory=lambda: str(uuid4()))
    seq: int = 0


#: What tells how a row came up, of an event as of a lease.
ORIGIN = ("source", "rank", "score", "model", "p_select", "predicted")
_SAID = ("event", "item", "annotator", "kind", "value", "target", "batch")
COLUMNS = tuple(field.name for field in fields(Event) if field.name != "seq")
_NUMBERS = ("rank", "score", "model", "p_select", "lead_ms")


def says_the_same(event, other):
    """Tell whether an event is another, reported again."""
    return all(getattr(event, name) == getattr(other, name) for name in _SAID)


def columns_of(event):
    """Return the columns of the table of events, but for ``seq``."""
    return {name: getattr(event, name) for name in COLUMNS}


def checked_event(event):
    """Return an event as Python's own values; refuse one that no store should keep."""
    if not isinstance(event, Event):
        raise TypeError(f"events must be a list of Event, got {event!r}.")
    check_choice("kind", event.kind, KINDS)
    check_text("annotator", event.annotator, most=100)
    check_text("event", event.event, most=100)
    of_no_row = event.kind in ("class", "undo", "redo")
    if event.item is None and not of_no_row:
        raise ValueError(f"item must be the number of a row for a {event.kind}.")
    if event.item is not None and not is_number(event.item, Integral):
        raise TypeError(f"item must be the number of a row, got {event.item!r}.")
    if event.kind in ("label", "note", "class") or event.value is not None:
        check_text("value", event.value)
    if event.kind in ("undo", "redo"):
        check_text("target", event.target, most=100)
    elif event.target is not None:
        raise ValueError(f"target must be None for a {event.kind}, got it set.")
    if event.batch is not None:
        check_text("batch", event.batch, most=100)
    if event.source is not None:
        check_choice("source", event.source, SOURCES)
    numbers = {}
    for name in ("item", "time", *_NUMBERS):
        value = getattr(event, name)
        if value is not None or name == "time":
            numbers[name] = checked_number(name, value)
    return replace(event, **numbers)


def checked_number(name, value):
    """Return a number as SQLite keeps one: numpy's would become bytes there."""
    if not is_number(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    if not abs(value) < 2**63:  # NaN is not below it, either
        raise ValueError(f"{name} must be a finite number, got {value!r}.")
    return int(value) if isinstance(value, Integral) else float(value)


def check_text(name, value, most=MAX_TEXT):
    """Refuse what is no text, is empty, or is too long to be meant."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, got {value!r}.")
    if not value or "\0" in value:
        raise ValueError(f"{name} must be text of at least one letter, got {value!r}.")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"{name} must be text that UTF-8 can hold, got {value!r}.")
    if len(value) > most:
        raise ValueError(
            f"{name} must be at most {most} letters long, got {len(value)}."
        )


def is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)
