"""Which of a person's actions undo takes back, and redo brings back, next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from skal.label._events import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skal.label._events import Event


class Turn(NamedTuple):
    """What of an event decides on undo and redo."""

    event: str
    batch: str | None
    kind: str
    target: str | None


def stacks(events: Iterable[Event | Turn]) -> tuple[list[str], list[str]]:
    """Return what is done and what is undone, each with the next to go last.

    ``events`` are those of one person, in order. Events of a batch are one action, by
    the name of the batch. A new action ends what could be redone.
    """
    done: dict[str, None] = {}  # ordered sets
    undone: dict[str, None] = {}
    for event in events:
        name = event.batch or event.event
        if event.kind in ACTIONS:
            if name not in done:
                undone.clear()
            done[name] = None
        elif event.kind == "undo" and event.target in done:
            del done[event.target]
            undone[event.target] = None
        elif event.kind == "redo" and event.target in undone:
            del undone[event.target]
            done[event.target] = None
    return list(done), list(undone)
