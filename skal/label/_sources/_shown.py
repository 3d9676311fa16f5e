"""What a person is shown of a row: plain values, and no more than a page can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Characters of a text that are shown, and of one field of a table.
SHOWN_TEXT = 20_000
SHOWN_FIELD = 2_000
#: Columns that are shown.
SHOWN_FIELDS = 100


def shown_text(text: str) -> dict[str, Any]:
    """Return a text as it is shown, cut where it is too long.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    dict
        ``kind``, ``text``, and ``cut``, the characters left out, where there are any.
    """
    shown: dict[str, Any] = {"kind": "text", "text": text[:SHOWN_TEXT]}
    if len(text) > SHOWN_TEXT:
        shown["cut"] = len(text) - SHOWN_TEXT
    return shown


def shown_fields(fields: Mapping[str, Any], kind: str = "table") -> dict[str, Any]:
    """Return the fields of a row as they are shown.

    Parameters
    ----------
    fields : mapping
        Values by column.
    kind : str, default="table"
        What the row is.

    Returns
    -------
    dict
        ``kind``, ``fields`` and ``cut``, what is left out, where there is anything.
    """
    words = {name: _words(value) for name, value in list(fields.items())[:SHOWN_FIELDS]}
    cut = sum(max(0, len(value) - SHOWN_FIELD) for value in words.values())
    shown: dict[str, Any] = {"kind": kind}
    shown["fields"] = {name: value[:SHOWN_FIELD] for name, value in words.items()}
    if cut:
        shown["cut"] = cut
    if len(fields) > SHOWN_FIELDS:
        shown["cut_columns"] = len(fields) - SHOWN_FIELDS
    return shown


def _words(value):
    """Return a value as text; a gap is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
