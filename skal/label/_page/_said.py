"""What a person says on a page: written down once, however often it is sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from skal._checks import nearest_first
from skal.label._spellings import folded

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Said:
    """Write down labels, skips, notes and undos.

    Parameters
    ----------
    session : LabelSession
        Takes them.
    shown : Shown
        Knows the rows by their numbers.
    """

    def __init__(self, session, shown):
        self.session = session
        self._shown = shown
        self._takers: dict[str, Callable[..., Any]] = {
            "label": self._label,
            "skip": partial(self._verdict, session.skip),
            "discard": partial(self._verdict, session.discard),
            "note": self._note,
            "batch": self._label_all,
            "undo": self.undo,
            "redo": self.redo,
        }

    def events(self, annotator, events):
        """Write down what a page sends, in its order; a bad one stops no other."""
        saved, refused = [], []
        for event in check_events(events):
            name = str(event.get("event"))
            try:
                self._take(annotator, **event)
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                said = str(error.args[0] if error.args else error)
                refused.append({"event": name, "error": said})
            else:
                saved.append(name)
        return {"saved": saved, "refused": refused}

    def _take(self, annotator, kind, event, **said):
        if kind not in self._takers:
            words = ", ".join(nearest_first(str(kind), self._takers))
            raise ValueError(f"kind must be one of {words}, got {kind!r}.")
        self._takers[kind](annotator, event=event, **said)

    def _label(self, annotator, event, item, value, lead_ms=None, source=None):
        more = {} if source is None else {"source": one_of_page(source)}
        self.session.label(
            self._shown.id(item),
            class_of(value, self.session.classes),
            annotator=annotator,
            event=event,
            lead_ms=lead_ms,
            **more,
        )

    def _verdict(
        self, say, annotator, event, item, value=None, lead_ms=None, source=None
    ):
        say(self._shown.id(item), annotator=annotator, event=event, lead_ms=lead_ms)

    def _note(self, annotator, event, item, value, lead_ms=None):
        self.session.note(self._shown.id(item), value, annotator=annotator, event=event)

    def _label_all(self, annotator, event, value, items, wrong=(), lead_ms=None):
        one = class_of(value, self.session.classes)
        self.session.label_many(
            {self._shown.id(item): one for item in items},
            source="batch",
            annotator=annotator,
            event=event,
        )

    def batch(self, annotator, label, right, wrong=(), event=None):
        event = event or str(uuid4())
        self._label_all(annotator, event, label, right, wrong)
        return {"saved": [event], "n": len(right)}

    def undo(self, annotator, event=None, target=None, **said):
        undone = self.session.store.undo(annotator, target, id=event)
        return self._told(undone)

    def redo(self, annotator, event=None, target=None, **said):
        return self._told(self.session.store.redo(annotator, id=event))

    def _told(self, event):
        if event is None:
            return {"event": None}
        told = {"event": event.event, "item": event.item, "kind": event.kind}
        return {**told, "value": event.value}

    def add_class(self, annotator, name, sure=False):
        name = str(name).strip()
        near = near_class(name, self.session.classes)
        if near is not None and not sure:
            return {"near": near}
        self.session.add_class(name, near=bool(sure), annotator=annotator)
        return {"classes": [str(one) for one in self.session.classes]}


def check_events(events):
    """Refuse what is not a list of objects."""
    if not isinstance(events, list) or not all(isinstance(one, dict) for one in events):
        raise ValueError(f"events must be a list of objects, got {events!r:.80}.")
    return events


def one_of_page(source):
    """Return the way a row came up, as far as a page may claim it."""
    if source not in ("search", "again"):
        raise ValueError(f"source must be 'search' or 'again', got {source!r}.")
    return source


def class_of(name, classes):
    """Return the class of a name; what is not one is for the session to refuse."""
    named = {str(one): one for one in classes}
    return named.get(name, name)


def near_class(name, classes):
    """Return the class that a person would take for this one, which is another.

    Blanks are left out altogether: the page asks where the session would only warn.
    """
    key = "".join(folded(name).split())
    for one in map(str, classes):
        if one != name and "".join(folded(one).split()) == key:
            return one
    return None
