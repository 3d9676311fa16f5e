"""What a person did, act by act, to be looked back at and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.label._events import ACTIONS
from skal.label._page._shown import bounded
from skal.label._undo import stacks

if TYPE_CHECKING:
    from skal.label._events import Event


class Acts:
    """Tell the history of a person.

    Parameters
    ----------
    session : LabelSession
        Its store has the events.
    shown : Shown
        Turns rows into JSON.
    """

    def __init__(self, session, shown):
        self.session = session
        self._shown = shown

    def history(self, annotator, before=None, n=50):
        """Tell what a person did, the oldest first: n acts before a place."""
        events = self.session.store.events(annotator=annotator)
        undone = undone_of(events)
        acts = acts_of(events)
        if before is not None:
            acts = [one for one in acts if one[0].seq < before]
        chosen = acts[max(0, len(acts) - bounded(n)) :]
        told = [self._act(act, undone) for act in chosen]
        return {"events": told, "more": len(chosen) < len(acts)}

    def _act(self, act, undone):
        first = act[0]
        told = {
            "event": first.event,
            "seq": first.seq,
            "kind": first.kind,
            "value": first.value,
            "undone": (first.batch or first.event) in undone,
        }
        if first.batch is not None:
            items = [event.item for event in act]
            return {**told, "batch": first.batch, "items": items}
        try:
            return {**told, **self._shown.of(first.item)}
        except ValueError:  # no longer in the pool
            return {**told, "item": first.item, "show": None}


def acts_of(events):
    """Return what undo takes back at one go: an event, or those of a batch."""
    acts: dict[str, list[Event]] = {}
    for event in events:
        if event.kind in ACTIONS:
            acts.setdefault(event.batch or event.event, []).append(event)
    return list(acts.values())


def undone_of(events):
    """Return the names of the acts that are undone, redoable or not."""
    names = {act[0].batch or act[0].event for act in acts_of(events)}
    return names - set(stacks(events)[0])
