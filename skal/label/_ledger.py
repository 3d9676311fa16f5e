"""What counts today for each row, kept up with the events as they come."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from skal.label._events import ASKED, VERDICTS, Event

if TYPE_CHECKING:
    from collections.abc import Iterable


class Ledger:
    """The view ``current`` in memory, brought forward event by event.

    Attributes
    ----------
    seq : int
        The last event it knows.
    said : dict of int to dict of str to Event
        The word of each person on each row that counts today.
    labels : dict of int to Event
        The label of each row that has one, in the order in which rows got theirs.
    open : ndarray of bool
        By number of a row: whether it is neither labelled nor discarded.
    drawn : dict of int to str
        How each row came up that was asked and answered, by the first answer.
    n_asked : Counter
        How many rows came up in each way, repeats among them.
    class_events : dict of str to str
        Which event added which class, taken back or not.
    """

    def __init__(self) -> None:
        self.seq, self.time = 0, 0.0
        self.said: dict[int, dict[str, Event]] = {}
        self.labels: dict[int, Event] = {}
        self.open = np.ones(0, bool)
        self.drawn: dict[int, str] = {}
        self.n_asked: Counter[str] = Counter()
        self.class_events: dict[str, str] = {}
        self._changes: list[int] = []
        self._skips: dict[str, dict[int, int]] = defaultdict(dict)
        self._spoken: dict[tuple[int, str], list[Event]] = defaultdict(list)
        self._undone: set[str] = set()
        self._named: dict[str, set[tuple[int, str]]] = defaultdict(set)

    def update(self, events: Iterable[Event]) -> None:
        """Take in what has happened since."""
        for event in events:
            self.seq, self.time = event.seq, event.time
            if event.kind in VERDICTS:
                self._hear(event)
            elif event.target is not None:
                self._turn(event)
            elif event.kind == "class":
                self.class_events[event.event] = str(event.value)

    def grow(self, n_items: int) -> None:
        """Know of rows up to this number."""
        more = n_items + 1 - len(self.open)
        if more > 0:
            self.open = np.append(self.open, np.ones(max(more, len(self.open)), bool))

    @property
    def classes(self) -> list[str]:
        """The classes that were added, in order, less those taken back.

        An undo may give a row the label of a class that was taken back meanwhile; then
        it is a class again.
        """
        added = self.class_events
        kept = {name for event, name in added.items() if event not in self._undone}
        if len(kept) < len({*added.values()}):
            kept |= {str(label.value) for label in self.labels_said()}
        return [name for name in dict.fromkeys(added.values()) if name in kept]

    def labels_said(self) -> list[Event]:
        """Return the label of each person on each row that counts today."""
        said = (event for row in self.said.values() for event in row.values())
        return [event for event in said if event.kind == "label"]

    def is_undone(self, event: Event) -> bool:
        """Tell whether an event, or its batch, was taken back."""
        return not self._undone.isdisjoint((event.event, event.batch))

    def n_changes(self, after: int) -> int:
        """Count what has been said since an event, but for skips and notes."""
        return len(self._changes) - bisect_right(self._changes, after)

    def skipped_by(self, annotator: str) -> list[int]:
        """Return the open rows that a person was not sure of, the oldest skip first."""
        skips = self._skips.get(annotator, {})
        return [
            item for item in sorted(skips, key=skips.__getitem__) if self.open[item]
        ]

    def said_again(self) -> list[tuple[str, str, str]]:
        """List who was asked again for a row of theirs, and both their answers."""
        found = []
        for (_, annotator), spoken in self._spoken.items():
            labels = [
                event
                for event in spoken
                if event.kind == "label" and not self.is_undone(event)
            ]
            answers: list[Event] = []  # a correction takes the place of its answer
            for event in labels:
                if event.source != "again":
                    del answers[-1:]
                answers.append(event)
            for before, after in pairwise(answers):
                found.append((annotator, str(before.value), str(after.value)))
        return found

    def _hear(self, event):
        pair = event.item, event.annotator
        self._spoken[pair].append(event)
        for name in (event.event, event.batch):
            if name is not None:
                self._named[name].add(pair)
        if event.source in ASKED and event.item not in self.drawn:
            self.drawn[event.item] = event.source
            self.n_asked[event.source] += 1
        elif event.source == "again":
            self.n_asked["again"] += 1
        if event.kind != "skip":
            self._changes.append(event.seq)
        self._settle(*pair)

    def _turn(self, event):
        self._changes.append(event.seq)
        if event.kind == "undo":
            self._undone.add(event.target)
        else:
            self._undone.discard(event.target)
        for pair in sorted(self._named.get(event.target, ())):
            self._settle(*pair)

    def _settle(self, item, annotator):
        """Find the last word of a person on a row, and what it makes of the row."""
        said = self.said.setdefault(item, {})
        said.pop(annotator, None)
        for event in reversed(self._spoken[item, annotator]):
            if not self.is_undone(event):
                said[annotator] = event
                break
        last = said.get(annotator)
        if last is not None and last.kind == "skip":
            self._skips[annotator][item] = last.seq
        else:
            self._skips[annotator].pop(item, None)
        self.grow(item)
        label, before = majority(said.values()), self.labels.get(item)
        if label is None:
            self.labels.pop(item, None)
            if not said:
                del self.said[item]
        elif before is not label:
            self.labels[item] = label
        out = any(event.kind == "discard" for event in said.values())
        self.open[item] = label is None and not out


def majority(said):
    """Return the label that most people gave, of ties the one given last.

    None where nobody gave one, or anybody threw the row out.
    """
    if any(event.kind == "discard" for event in said):
        return None
    votes = defaultdict(list)
    for event in said:
        if event.kind == "label":
            votes[event.value].append(event)
    if not votes:
        return None
    last = {value: max(given, key=seq_of) for value, given in votes.items()}
    most = max(votes, key=lambda value: (len(votes[value]), last[value].seq))
    return last[most]


def seq_of(event):
    return event.seq
