"""Tasks for Label Studio: rows, what the model says of them, and what people said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from skal.label._formats import Record
from skal.label._formats._record import FIELD, as_date
from skal.label._label_studio._config import LabelConfig

#: Fields of a task that hold what skal needs to know its row again.
ID, DIGEST, SAID = "skal_id", "skal_digest", "skal_said"
#: What Label Studio serves files of the disk under.
LOCAL_FILES = "/data/local-files/?d="


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
