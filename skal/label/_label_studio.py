"""Labels in the words of Label Studio: its labelling config, tasks and annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

from skal.label._formats import Record
from skal.label._formats._record import FIELD, as_date, from_date

#: The tag that shows a row of each kind, and the field of the task that it reads.
SHOWN_BY = {
    "image": ("Image", "image"),
    "table": ("Table", "row"),
    "text": ("Text", "text"),
}
KIND_OF = {"HyperText": "text"} | {tag: kind for kind, (tag, _) in SHOWN_BY.items()}
#: Fields of a task that hold what skal needs to know its row again.
ID, DIGEST, SAID = "skal_id", "skal_digest", "skal_said"
#: What Label Studio serves files of the disk under.
LOCAL_FILES = "/data/local-files/?d="


@dataclass(frozen=True)
class LabelConfig:
    """What a labelling config of Label Studio says of one choice between classes.

    Parameters
    ----------
    kind : {"image", "table", "text"}
        What a person sees.
    choices : tuple of str
        The classes.
    from_name, to_name : str
        The names of the choice and of what it is about; every result holds them.
    field : str
        The field of a task's data that is shown.
    """

    kind: str
    choices: tuple[str, ...]
    from_name: str = "choice"
    to_name: str = "item"
    field: str = ""

    @classmethod
    def of(cls, kind: str, classes: Iterable[str]) -> LabelConfig:
        """Make the config of a project."""
        field = SHOWN_BY[kind][1]
        return cls(kind, tuple(map(str, classes)), to_name=field, field=field)

    @classmethod
    def parse(cls, xml: str, from_name: str | None = None) -> LabelConfig:
        """Read a labelling config; the names in it are the user's, never assumed.

        Parameters
        ----------
        xml : str
            The config, as Label Studio shows and sends it.
        from_name : str, default=None
            Which choice to take, where there are several.

        Returns
        -------
        LabelConfig
            What it says.
        """
        root = _tree(xml)
        shown = {tag.get("name"): tag for tag in root.iter() if tag.tag in KIND_OF}
        choices = [
            tag
            for tag in root.iter("Choices")
            if tag.get("toName") in shown and from_name in (None, tag.get("name"))
        ]
        if len(choices) != 1:
            names = [tag.get("name") for tag in root.iter("Choices")]
            raise ValueError(
                "label_config must hold one <Choices> for an image, a text or a table, "
                f"got {names}. Name the one to use by from_name."
            )
        to = shown[choices[0].get("toName")]
        return cls(
            KIND_OF[to.tag],
            tuple(tag.get("alias") or tag.get("value", "") for tag in choices[0]),
            choices[0].get("name", ""),
            to.get("name", ""),
            (to.get("value") or to.get("valueList") or "").removeprefix("$"),
        )

    def xml(self) -> str:
        """Write the config for Label Studio's settings."""
        view = ElementTree.Element("View")
        tag = SHOWN_BY[self.kind][0]
        ElementTree.SubElement(view, tag, name=self.to_name, value=f"${self.field}")
        names = {"name": self.from_name, "toName": self.to_name, "choice": "single"}
        choices = ElementTree.SubElement(view, "Choices", names)
        for value in self.choices:
            ElementTree.SubElement(choices, "Choice", value=value)
        ElementTree.indent(view)
        return ElementTree.tostring(view, encoding="unicode") + "\n"

    def result(self, label: str, **more: Any) -> dict[str, Any]:
        """Write one choice of a class."""
        return {
            "from_name": self.from_name,
            "to_name": self.to_name,
            "type": "choices",
            "value": {"choices": [label]},
            **more,
        }


def _tree(xml):
    """Parse a config; one that defines entities could be made to fill the memory."""
    if "<!" in xml.replace("<!--", ""):
        raise ValueError(
            "label_config must hold tags alone, got a document type or the like. "
            "Copy it from the settings of the project."
        )
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise ValueError(f"label_config must be XML, got {xml[:60]!r}: {error}.") from (
            error
        )


def tasks(
    records: Iterable[Record], config: LabelConfig, image_prefix: str = LOCAL_FILES
) -> list[dict[str, Any]]:
    """Write tasks for Label Studio's import, one for all records of a row.

    Parameters
    ----------
    records : iterable of Record
        What is known; the records of a row follow each other.
    config : LabelConfig
        The names to use.
    image_prefix : str
        What stands before the path of an image.

    Returns
    -------
    list of dict
        The tasks, with predictions and annotations where there are some.
    """
    made: dict[str | None, dict[str, Any]] = {}
    for record in records:
        if record.id not in made:
            made[record.id] = _task(record, config, image_prefix)
        if record.kind is not None:
            task = made[record.id]
            task["data"][SAID].append(_said(record))
            task["annotations"].append(_annotation(record, config))
    return list(made.values())


def _task(record, config, image_prefix):
    """Write a row without what people said of it."""
    data = {config.field: _shown(record, config, image_prefix)}
    data |= {ID: record.id, DIGEST: record.digest, SAID: []}
    guess = prediction(record, config)
    return {"data": data, "predictions": [guess] if guess else [], "annotations": []}


def _shown(record, config, image_prefix):
    """Return what Label Studio shows of a row."""
    if config.kind == "image":
        return image_prefix + quote(record.content.get("path", record.id))
    if config.kind == "text":
        return record.content.get("text", "")
    return {name.removeprefix(FIELD): cell for name, cell in record.content.items()}


def prediction(record: Record, config: LabelConfig) -> dict[str, Any] | None:
    """Write what the model takes a row for; None where it has not said.

    Label Studio asks for low scores first, so the score is 1 less the priority. How
    sure the model is stands with the choice.
    """
    if record.prediction is None:
        return None
    more = {} if record.confidence is None else {"score": record.confidence}
    return {
        "model_version": version_name(record.model),
        "score": score_of(record.priority),
        "result": [config.result(record.prediction, **more)],
    }


def version_name(version: int | None) -> str:
    """Name a model as Label Studio compares it."""
    return f"skal-{version or 0}"


def score_of(priority: float | None) -> float:
    """Turn a priority into a score of which low ones come first."""
    return round(1 - (priority or 0), 9)


def _said(record):
    """Keep who said what: Label Studio gives imported annotations to the importer."""
    known = {
        "annotator": record.annotator,
        "kind": record.kind,
        "label": record.label,
        "source": record.source,
        "note": record.note,
        "time": None if record.time is None else as_date(record.time),
    }
    return {name: value for name, value in known.items() if value is not None}


def _annotation(record, config):
    """Write what one person said; who, is left out, for an unknown user is an error."""
    result = [config.result(record.label)] if record.kind == "label" else []
    annotation = {"was_cancelled": not result, "ground_truth": False, "result": result}
    if record.lead_ms is not None:
        annotation["lead_time"] = record.lead_ms / 1000
    return annotation


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
