"""What people said in Label Studio, read from its exports and webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from skal.label._formats import Record
from skal.label._formats._record import from_date
from skal.label._label_studio._tasks import DIGEST, ID, LOCAL_FILES, SAID


def records_of(
    tasks: Any, from_name: str | None = None
) -> Iterator[tuple[str, Record | None, str | None]]:
    """Read an export of Label Studio, JSON or JSON-MIN.

    Parameters
    ----------
    tasks : list of dict
        The export.
    from_name : str, default=None
        The choice to read, where annotations hold several.

    Yields
    ------
    tuple
        The place in the file, the record, and None; or, where it is none, None and
        what is wrong.
    """
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise ValueError(
            "The file must hold a list of tasks, got something else. Export the "
            "project as JSON."
        )
    for number, task in enumerate(tasks, start=1):
        place = f"task {task.get('id', number)}"
        try:
            found = list(_annotations_of(task, from_name))
        except ValueError as error:
            yield place, None, str(error)
            continue
        for annotation, data, said in found:
            try:
                yield place, annotation_record(annotation, data, from_name, said), None
            except ValueError as error:
                yield place, None, str(error)


def as_object(name: str, value: Any) -> dict[str, Any]:
    """Return a part of a task if it is an object.

    Parameters
    ----------
    name : str
        What it is.
    value : object
        The part.

    Returns
    -------
    dict
        The part.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object, got {type(value).__name__}.")
    return value


def data_of(task: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a task."""
    return as_object("data", task.get("data") or {})


def _objects(name, value):
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, got {type(value).__name__}.")
    return [as_object(f"an entry of {name}", entry) for entry in value]


def _annotations_of(task, from_name):
    """Yield the annotations of a task, each with its row and who made it."""
    if "data" not in task:
        yield _of_min(task, from_name or "choice")
        return
    said = _objects(SAID, data_of(task).get(SAID) or [])
    for annotation in _objects("annotations", task.get("annotations") or []):
        known = next((entry for entry in said if _is_said(annotation, entry)), None)
        if known is not None:
            said.remove(known)
        yield annotation, data_of(task), known


def _of_min(row, from_name):
    """Make an annotation of a row of JSON-MIN."""
    value = row.get(from_name)
    choices = value.get("choices", []) if isinstance(value, dict) else [value]
    result = {"type": "choices", "from_name": from_name, "value": {"choices": choices}}
    annotation = {
        "completed_by": row.get("annotator"),
        "created_at": row.get("created_at"),
        "lead_time": row.get("lead_time"),
        "was_cancelled": value is None,
        "result": [] if value is None else [result],
    }
    return annotation, row, {}


def _is_said(annotation, entry):
    """Tell whether an annotation is what skal wrote down when it exported."""
    if entry.get("kind") != "label":
        return bool(annotation.get("was_cancelled"))
    return entry.get("label") in _choices(annotation, None)


def _choices(annotation, from_name):
    """List the classes that an annotation chooses."""
    return [
        choice
        for result in _objects("result", annotation.get("result") or [])
        if result.get("type") == "choices"
        and from_name in (None, result.get("from_name"))
        for choice in as_object("value", result.get("value")).get("choices") or []
    ]


def annotation_record(
    annotation: dict[str, Any],
    data: dict[str, Any],
    from_name: str | None = None,
    said: dict[str, Any] | None = None,
) -> Record:
    """Read one annotation.

    Parameters
    ----------
    annotation : dict
        What Label Studio says of it.
    data : dict
        The data of its task.
    from_name : str, default=None
        The choice to read, where there are several.
    said : dict, default=None
        What skal said of it when it exported the task.

    Returns
    -------
    Record
        Who said what of which row.
    """
    said = said or {}
    cancelled = bool(annotation.get("was_cancelled"))
    choices = [] if cancelled else _choices(annotation, from_name)
    if not cancelled and not (len(choices) == 1 and isinstance(choices[0], str)):
        raise ValueError(f"An annotation must choose one class, got {choices}.")
    seconds = annotation.get("lead_time")
    if not isinstance(seconds, (int, float, type(None))):
        raise ValueError(f"lead_time must be a number, got {seconds!r}.")
    time = said.get("time") or annotation.get("created_at")
    record = replace(
        row_of(data),
        kind="skip" if cancelled else "label",
        label=None if cancelled else choices[0],
        annotator=said.get("annotator") or annotator_of(annotation.get("completed_by")),
        time=None if time is None else from_date(time),
        lead_ms=None if seconds is None else 1000 * seconds,
    )
    if cancelled and said.get("kind") == "discard":
        record = replace(record, kind="discard")
    source, note = (said.get(name) and str(said[name]) for name in ("source", "note"))
    return replace(record, source=source, note=note)


def annotator_of(completed_by: Any) -> str | None:
    """Name a user of Label Studio: by mail address where it says it, else by number."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    if completed_by is None:
        return None
    return str(completed_by) if "@" in str(completed_by) else f"user-{completed_by}"


def row_of(data: dict[str, Any]) -> Record:
    """Return what the data of a task says of its row.

    Parameters
    ----------
    data : dict
        Made by skal, or by somebody else.

    Returns
    -------
    Record
        Id and digest where it holds them, and what is shown.
    """
    name, digest = data.get(ID), data.get(DIGEST)
    return Record(
        None if name is None else str(name),
        digest=None if digest is None else str(digest),
        content=_content(data),
    )


def _content(data):
    """Find what a person sees in the data of a task that skal did not make."""
    content = {}
    for value in data.values():
        if isinstance(value, str) and value.startswith(LOCAL_FILES):
            content["path"] = parse_qs(urlsplit(value).query).get("d", [""])[0]
    if isinstance(data.get("text"), str):
        content["text"] = data["text"]
    return content
