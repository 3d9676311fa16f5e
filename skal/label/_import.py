"""Labels that others made, brought into a project after a look at what they are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from uuid import uuid4

from skal._checks import check_choice, nearest_first
from skal.label._digests import digest_of_bytes
from skal.label._events import Event, checked_event
from skal.label._formats import FORMATS, Record, format_of, read_records
from skal.label._label_studio import records_of
from skal.label._places import Places
from skal.label._shelf import opened

#: How many of each kind a report names.
NAMED = 5
#: Columns of which a file must have one to say anything.
SAID = ("label", "kind", "note")


class Conflict(NamedTuple):
    """A record that speaks against what is in the project.

    Parameters
    ----------
    place : str
        Where it stands in the file.
    id : str
        The row.
    annotator : str
        Who said both.
    here : str
        What the project has.
    there : str
        What the file says.
    """

    place: str
    id: str
    annotator: str
    here: str
    there: str


@dataclass
class ImportReport:
    """What a file would bring, or has brought, into a project.

    Parameters
    ----------
    path : Path
        The file.
    n_read : int
        Records that say something.
    matched : int
        Those whose row is in the project.
    same : int
        Those of them that the project holds already.
    new : int
        Those of them that are written, or would be.
    unknown_ids : list of str
        Rows that the project does not have.
    changed : list of str
        Rows that hold something else than they did when the file was made.
    unknown_classes : dict of str to int
        Classes that the project does not have, and how often they come.
    conflicts : list of Conflict
        What the same people have said otherwise in the project.
    problems : list of str
        Rows of the file that cannot be read.
    batches : dict of str to str
        The name of what was written of each person, which is one undo of theirs; empty
        if nothing was.

    See Also
    --------
    import_labels : Makes it.
    undo_import : Takes back the whole import.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skal.label import ImportReport
    >>> print(ImportReport(Path("labels.csv"), n_read=2, matched=2, same=2))
    labels.csv: 2 labels, skips and discards
      2 match rows of the project
      2 of them are there already
      0 are new
    """

    path: Path
    n_read: int = 0
    matched: int = 0
    same: int = 0
    new: int = 0
    unknown_ids: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unknown_classes: dict[str, int] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    batches: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Tell it in words, the first few of each kind by name."""
        clashes = [
            f"{c.id!r} by {c.annotator}: {c.here} here, {c.there} there"
            for c in self.conflicts
        ]
        classes = [f"{name!r} ({n} times)" for name, n in self.unknown_classes.items()]
        lines = [
            f"{self.path}: {self.n_read} labels, skips and discards",
            f"  {self.matched} match rows of the project",
            f"  {self.same} of them are there already",
            f"  {self.new} are new",
            *_named("unknown rows", [repr(name) for name in self.unknown_ids]),
            *_named("rows that hold something else now", map(repr, self.changed)),
            *_named("unknown classes", classes),
            *_named("conflicts", clashes),
            *_named("rows that cannot be read", self.problems),
        ]
        return "\n".join(lines)


def _named(what, names):
    names = list(names)
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"  {len(names)} {what}: {', '.join(names[:NAMED])}{more}"


def import_labels(
    project: Any,
    path: Any,
    *,
    fmt: str | None = None,
    dry_run: bool = False,
    annotator: str = "me",
    add_classes: bool = False,
    replace_conflicts: bool = False,
    columns: dict[str, str] | None = None,
    rename: dict[str, str] | None = None,
    from_name: str | None = None,
) -> ImportReport:
    """Bring labels from a file into a project; ``undo_import`` takes them back.

    Rows are found by their id, and by their content where they have moved. Everything
    is looked at before anything is written. Left out, and reported, are rows that the
    project does not have, rows that hold something else than when the file was made,
    and what contradicts a label that the same person has given. What a person said is
    one undo of theirs, and of nobody else.

    Parameters
    ----------
    project : LabelSession or path-like
        The project, or its folder.
    path : path-like
        A CSV, JSONL or Parquet file, an export of Label Studio, or a folder of images
        with a folder a class.
    fmt : {"csv", "imagefolder", "jsonl", "label-studio", "parquet"}, default=None
        The format; by default the ending says it.
    dry_run : bool, default=False
        Look and report only.
    annotator : str, default="me"
        Who said what the file ascribes to nobody.
    add_classes : bool, default=False
        Add classes that the project does not have. By default they are an error.
    replace_conflicts : bool, default=False
        Take the file's word where it contradicts the project's, as a correction.
    columns : dict of str to str, default=None
        What the file calls "id", "label", "text" and others, where it differs.
    rename : dict of str to str, default=None
        The project's names of classes that the file calls otherwise.
    from_name : str, default=None
        The choice to read, where annotations of Label Studio hold several.

    Returns
    -------
    ImportReport
        What was found, and written.

    Raises
    ------
    ValueError
        If the file cannot be read, or names classes that the project does not have.
        Nothing is written then.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"path must be a file or a folder, got {str(path)!r}.")
    fmt = check_choice("fmt", fmt or format_of(path), FORMATS)
    with opened(project) as shelf:
        look = _Look(shelf, path, annotator, rename or {})
        events = look.events(_records(path, fmt, columns, from_name), replace_conflicts)
        if dry_run:
            return look.report
        _write(shelf, look.report, events, add_classes)
        return look.report


def undo_import(project: Any) -> int:
    """Take the last import back, of all people; what was said since stays.

    Parameters
    ----------
    project : LabelSession or path-like
        The project, or its folder.

    Returns
    -------
    int
        How many labels, skips and discards of it counted until now.
    """
    with opened(project) as shelf:
        said = (word for row in shelf.ledger().said.values() for word in row.values())
        brought = [word for word in said if word.source == "import" and word.batch]
        if not brought:
            return 0
        last = import_of(max(brought, key=lambda word: word.seq or 0))
        events = shelf.store.events()
        turns = {event.target: event.kind for event in events if event.target}
        batches = {e.batch: e.annotator for e in events if import_of(e) == last}
        undos = [
            Event(None, who, "undo", target=batch)
            for batch, who in batches.items()
            if turns.get(batch) != "undo"
        ]
        shelf.store.append(undos)  # of all people, or of none
        return sum(import_of(word) == last for word in brought)


def import_of(event: Event) -> str | None:
    """Return the name of the import that brought an event, of all its batches.

    Those of before have one batch for all people.
    """
    return event.batch and (event.batch.rpartition("/")[0] or event.batch)


def _records(path, fmt, columns, from_name):
    """Yield (place, record, problem) of a file of any format."""
    if fmt == "label-studio":
        try:
            tasks = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise ValueError(f"{str(path)!r} must hold JSON: {error}.") from error
        yield from records_of(tasks, from_name)
        return
    for place, record, file in read_records(path, fmt, columns, SAID):
        if record is None:
            yield place, None, file
        elif isinstance(file, Path) and record.digest is None:
            yield (
                place,
                replace(record, digest=digest_of_bytes(file.read_bytes())),
                None,
            )
        else:
            yield place, record, None


class _Look:
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


def _write(shelf, report, events, add_classes):
    """Write all in one transaction, if the classes are known or may be added.

    There is a batch a person, so that nobody's undo takes back what others said.
    """
    new, names = list(report.unknown_classes), shelf.class_names()
    if new and not add_classes:
        known = nearest_first(new[0], names.names)[:3] if names.names else []
        raise ValueError(
            f"label must be a class of the project, got {', '.join(map(repr, new))}; "
            f"nearest are {', '.join(map(repr, known)) or 'none, for it has none'}. "
            "Give other names with rename= (--rename), or make them classes with "
            "add_classes=True (--add-classes)."
        )
    classes = []
    for name in new:  # each is looked at beside those before it
        classes.append(Event(None, "import", "class", names.check_new(name)))
        names.add(name)
    if events:
        whole, people = uuid4(), dict.fromkeys(event.annotator for event in events)
        report.batches = {who: f"{whole}/{n}" for n, who in enumerate(people, 1)}
        named = [replace(one, batch=report.batches[one.annotator]) for one in events]
        shelf.store.append([*classes, *named])
