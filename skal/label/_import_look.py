"""What a file of labels says, compared with what a project holds."""

from __future__ import annotations

from dataclasses import replace
from time import time
from typing import TYPE_CHECKING

from skal.label._events import Event, checked_event
from skal.label._import_report import Conflict, ImportReport
from skal.label._places import Places

if TYPE_CHECKING:
    from skal.label._formats import Record


class Look:
    """Compare what a file says with what a project holds."""

    def __init__(self, shelf, path, annotator, rename):
        self.report = ImportReport(path)
        self.annotator = annotator
        self.rename = rename
        self.places = Places(shelf.store, shelf.match_by)
        self.ids = {row.item: row.id for row in shelf.store.items()}
        self.classes = set(shelf.class_names().names)
        self.here = shelf.ledger().said
        self.notes = shelf.notes()
        self.found: dict[str, set[int]] = {}

    def events(self, records, replace_conflicts):
        """Return the events to write, one verdict for each row and person."""
        news: dict[tuple[int, str], tuple[str, Record]] = {}
        notes: list[Event] = []
        for place, record, problem in records:
            if problem is not None:
                self.report.problems.append(f"{place}: {problem}")
            elif record.kind is not None or record.note is not None:
                self._place(place, record, news, notes)
        verdicts = [
            event
            for (item, who), (place, record) in news.items()
            for event in self._verdict(place, record, item, who, replace_conflicts)
        ]
        self.report.new = len(verdicts)
        return [*verdicts, *notes]

    def _place(self, place, record, news, notes):
        """Find the row of a record, and sort it in; of two, the later counts."""
        report, who = self.report, record.annotator or self.annotator
        record = replace(
            record, annotator=who, label=self.rename.get(record.label, record.label)
        )
        report.n_read += record.kind is not None
        item = self.places.find(record, self.found.setdefault(who, set()))
        if item is None:
            away = report.changed if self.places.changed(record) else report.unknown_ids
            away.append(record.id or record.content.get("text") or place)
            return
        report.matched += record.kind is not None
        if record.note not in (None, self.notes.get((item, who))):
            event = _event(item, who, record, kind="note", value=record.note)
            notes += self._sound(place, event)
        earlier = news.get((item, who))
        if record.kind is None or (earlier and _later(earlier[1], record)):
            return
        news[item, who] = place, record

    def _verdict(self, place, record, item, who, replace_conflicts):
        """Yield the event of a record, if it says something new."""
        here = self.here.get(item, {}).get(who)
        if here is not None and _word(here) == _word_of(record):
            self.report.same += 1
            return
        if here is not None:
            words = _said(*_word(here)), _said(*_word_of(record))
            self.report.conflicts.append(Conflict(place, self.ids[item], who, *words))
            if not replace_conflicts:
                return
        if record.kind == "label" and record.label not in self.classes:
            counts = self.report.unknown_classes
            counts[record.label] = counts.get(record.label, 0) + 1
        event = _event(item, who, record, kind=record.kind, value=record.label)
        yield from self._sound(place, event)

    def _sound(self, place, event):
        """Return the event in a list, or none if no store would take it."""
        try:
            return [checked_event(event)]
        except ValueError as error:
            self.report.problems.append(f"{place}: {error}")
            return []


def _later(one, other):
    """Tell whether one record is surely of a later time than another."""
    return None not in (one.time, other.time) and one.time > other.time


def _word(event):
    return event.kind, event.value if event.kind == "label" else None


def _word_of(record):
    return record.kind, record.label if record.kind == "label" else None


def _said(kind, label):
    return repr(label) if kind == "label" else kind


def _event(item, who, record, **said):
    when = time() if record.time is None else record.time
    lead = record.lead_ms if said["kind"] != "note" else None
    return Event(item, who, source="import", time=when, lead_ms=lead, **said)
