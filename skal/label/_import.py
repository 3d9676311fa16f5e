"""Labels that others made, brought into a project after a look at what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from skal._checks import check_choice, nearest_first
from skal.label._digests import digest_of_bytes
from skal.label._events import Event
from skal.label._formats import FORMATS, format_of, read_records
from skal.label._import_look import Look
from skal.label._label_studio import records_of
from skal.label._shelf import opened

if TYPE_CHECKING:
    from typing import Any

    from skal.label._import_report import ImportReport

#: Columns of which a file must have one to say anything.
SAID = ("label", "kind", "note")


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
        look = Look(shelf, path, annotator, rename or {})
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
