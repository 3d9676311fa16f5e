"""Labels as lines of JSON, a line a record."""

from __future__ import annotations

import json

from skal.label._formats._record import as_row


def write(records, path):
    """Write records; what is not known is left out."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            row = {n: cell for n, cell in as_row(record).items() if cell is not None}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read(path):
    """Yield each line as a dict."""
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _row(line, number, path)


def _row(line, number, path):
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r} must hold a JSON object a line, got in line {number}: "
            f"{error}."
        ) from error
    if not isinstance(row, dict):
        raise ValueError(
            f"{str(path)!r} must hold a JSON object a line, got in line {number} "
            f"{line.strip()[:40]!r}."
        )
    return row
