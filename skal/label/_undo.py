"""Which of a person's actions undo takes back, and redo brings back, next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from skal.label._events import ACTIONS, VERDICTS, Event, checked_event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skal.label._database import Database
    from skal.label._leases import LeaseTable
    from skal.label._log import EventLog


class Undo:
    """Takes back what a person did, and brings it back, as events of their own."""

    def __init__(self, database: Database, log: EventLog, leases: LeaseTable) -> None:
        self._database = database
        self._log = log
        self._leases = leases

    def turn(
        self, kind: str, annotator: str, target: str | None, name: str | None
    ) -> Event | None:
        """Undo or redo, the last thing where no target is given; return its event."""
        with self._database.transaction():
            known = None if name is None else self._log.event(name)
            if known is not None:
                return self._told(known, kind, annotator)
            done, undone = stacks(self._turns(annotator))
            names = done if kind == "undo" else undone
            if target is not None:
                names = checked_target(target, names)
            if not names:
                return None
            acts = self._log.named(names[-1])
            item = acts[0].item if len(acts) == 1 else None
            turn = Event(
                item, annotator, kind, target=names[-1], event=name or str(uuid4())
            )
            self._log.add(checked_event(turn))
            for act in acts:
                self._hand_back(kind, act)
        return acts[0]

    def _told(self, known, kind, annotator):
        """Return what a known undo has taken back."""
        if (known.kind, known.annotator) != (kind, annotator):
            raise ValueError(
                f"id must be a name of its own, got {known.event!r}, which names a "
                f"{known.kind} by {known.annotator!r}. Draw a new UUID."
            )
        return self._log.named(known.target)[0]

    def _turns(self, annotator):
        """Return what decides on undo and redo: event, batch, kind and target."""
        found = self._database.rows(
            "SELECT event, batch, kind, target FROM event WHERE annotator = ? "
            "ORDER BY seq",
            (annotator,),
        )
        return [Turn(*row) for row in found]

    def _hand_back(self, kind, act):
        """Lend a row whose answer is undone to the same person again, as it came up."""
        if act.kind not in VERDICTS:
            return
        if kind == "redo":
            self._leases.release(act.annotator, [act.item])
        elif act.batch is None and act.source not in ("batch", "import", "given"):
            self._leases.lend_again(act)


def checked_target(target, names):
    if target not in names:
        raise ValueError(
            f"event must name something that this person did and that is not "
            f"undone, got {target!r}."
        )
    return [target]


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
