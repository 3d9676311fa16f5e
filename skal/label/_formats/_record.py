"""One thing that somebody said of one row, and what the model takes the row for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

#: What may be said of a row; an empty kind is a row of which nobody has said anything.
KINDS = ("label", "skip", "discard")
#: Columns of what a person sees of a table's row begin so, whatever the table calls it.
FIELD = "data."


@dataclass(frozen=True)
class Record:
    """What one annotator said of one row.

    Parameters
    ----------
    id : str or None
        The row's name for the user: a path, the value of an id column, a position.
        None where a file names rows by their content alone.
    kind : {"label", "skip", "discard"} or None
        None is a row of which nobody has said anything yet.
    label : str or None
        The class, for the kind "label".
    annotator : str or None
        Who said it.
    time : float or None
        When, in seconds since 1970.
    lead_ms : float or None
        How long it took, in milliseconds.
    source : str or None
        Why the row was asked, as the store has it: "strategy", "random", ...
    note : str or None
        What the annotator wrote beside it.
    discarded_by : str or None
        Who threw the row out, which no model is trained on then, whatever others say;
        names with commas between.
    prediction, confidence, model : str, float, int or None
        What the newest model takes the row for, how sure it is, and its version.
    priority : float or None
        How much the row is wanted, 1 the most and 0 the least; None if not ranked.
    digest : str or None
        The hash of the row's content.
    content : dict
        What a person sees: ``{"text": ...}``, ``{"path": ...}``, or a table's fields
        with ``data.`` before their names.
    """

    id: str | None
    kind: str | None = None
    label: str | None = None
    annotator: str | None = None
    time: float | None = None
    lead_ms: float | None = None
    source: str | None = None
    note: str | None = None
    discarded_by: str | None = None
    prediction: str | None = None
    confidence: float | None = None
    model: int | None = None
    priority: float | None = None
    digest: str | None = None
    content: Mapping[str, Any] = field(default_factory=dict)

    def guessed(self, prediction: str, confidence: float, model: int) -> Record:
        """Return the record with what a model says."""
        return replace(self, prediction=prediction, confidence=confidence, model=model)


#: The columns of a flat file, in order; the content stands behind the id.
COLUMNS = tuple(part.name for part in fields(Record) if part.name != "content")
NUMBERS = {"lead_ms": float, "confidence": float, "priority": float, "model": int}


def as_row(record):
    """Make a record a flat dict of words and numbers; the time becomes a date."""
    row = {name: getattr(record, name) for name in COLUMNS}
    if record.time is not None:
        row["time"] = as_date(record.time)
    return {"id": row.pop("id"), **record.content, **row}


def from_row(row):
    """Make a record of a flat dict, in which empty cells are missing.

    Raises
    ------
    ValueError
        If a cell is not what its column says.
    """
    given = {name: _plain(cell) for name, cell in row.items() if not _is_gap(cell)}
    known = {name: _cell(name, given[name]) for name in COLUMNS if name in given}
    content = {name: str(cell) for name, cell in given.items() if is_content(name)}
    if "kind" not in known and known.get("label") is not None:
        known["kind"] = "label"
    _check(known)
    return Record(**{"id": content.get("path"), **known, "content": content})


def is_content(name):
    """Tell whether a column shows what a person sees."""
    return name in ("text", "path") or str(name).startswith(FIELD)


def as_date(seconds):
    """Write a time as a date in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def from_date(date):
    """Read a date, or a number of seconds since 1970."""
    if not isinstance(date, (int, float)):
        when = date if hasattr(date, "tzinfo") else datetime.fromisoformat(str(date))
        date = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    if not 0 <= date < 1e11:
        raise ValueError(f"time must be a date since 1970, got {date!r}.")
    return float(date)


def _is_gap(cell):
    """Tell whether a cell is empty; tables of numbers write NaN."""
    return cell is None or cell != cell


def _plain(cell):
    """Write whole numbers without a point: gaps make a column of them one of floats."""
    whole = isinstance(cell, float) and cell.is_integer()
    return int(cell) if whole else cell


def _cell(name, cell):
    """Read one cell."""
    try:
        if name == "time":
            return from_date(cell)
        number = NUMBERS.get(name, str)(cell)
    except (TypeError, ValueError, OverflowError) as error:
        what = "a date" if name == "time" else "a number"
        raise ValueError(f"{name} must be {what}, got {cell!r}.") from error
    if isinstance(number, float) and not isfinite(number):
        raise ValueError(f"{name} must be a number, got {cell!r}.")
    return number


def _check(known):
    """Refuse a kind that nobody can say, and a label without a class."""
    kind = known.get("kind")
    if kind not in (None, *KINDS):
        words = ", ".join(map(repr, KINDS))
        raise ValueError(f"kind must be one of {words}, got {kind!r}.")
    if kind == "label" and known.get("label") is None:
        raise ValueError("label must be the name of a class, got an empty cell.")
