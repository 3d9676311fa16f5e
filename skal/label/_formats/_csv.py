"""Labels in a CSV file, a row a record."""

from __future__ import annotations

import csv
import re
import sys
from contextlib import contextmanager
from threading import Lock

from skal.label._formats._record import COLUMNS, as_row

#: Cells that a spreadsheet may run, those that already wear an apostrophe included.
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
#: The column that says so where formulas wear an apostrophe, which reading takes off.
NEUTRALISED = "neutralised"

_limit = Lock()


def write(records, path, *, neutralise_formulas=False):
    """Write records; texts that a spreadsheet would run can be made plain text."""
    rows = [as_row(record) for record in records]
    if neutralise_formulas:
        rows = [{**_neutral(row), NEUTRALISED: "yes"} for row in rows]
    write_table(rows, path, COLUMNS)


def write_table(rows, path, columns=()):
    """Write dicts as rows; ``columns`` are those of a table without rows."""
    names = [*dict.fromkeys(name for row in rows for name in row)] or columns
    with path.open("w", encoding="utf-8", newline="") as file:
        # Lines end in CR LF (RFC 4180): only then are cells quoted that hold a CR.
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def read(path):
    """Yield each row as a dict, with None for cells that are empty."""
    for row in _rows(path):
        if "" in row:
            raise ValueError(
                f"{str(path)!r} must have as many cells a row as columns, got "
                f"{row['']!r} beyond them."
            )
        filled = {name: cell or None for name, cell in row.items()}
        neutral = filled.pop(NEUTRALISED, None)
        yield _as_it_was(filled) if neutral else filled


def _rows(path):
    """Read a table whose cells stand between commas, semicolons or tabs."""
    try:
        with _long_cells(), path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            mark = max(",;\t", key=head.count)
            rows = csv.DictReader(file, delimiter=mark, restkey="", strict=True)
            _check_names(rows.fieldnames or [], path)
            return list(rows)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{str(path)!r} must be a table in UTF-8, with quotes around cells that "
            f"hold commas, quotes or lines: {error}."
        ) from error


def _check_names(names, path):
    """Refuse a name that two columns have: one would hide the other."""
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"{str(path)!r} must name each column once, got {name!r} twice."
            )


def _neutral(row):
    """Put an apostrophe before texts that a spreadsheet could take for formulas."""
    return {
        name: f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
        for name, cell in row.items()
    }


def _as_it_was(row):
    """Take the apostrophes off again."""
    return {
        name: cell[1:] if cell and cell[0] == "'" and FORMULA.match(cell) else cell
        for name, cell in row.items()
    }


@contextmanager
def _long_cells():
    """Let a cell be longer than 128 kB; the limit is one for the whole process."""
    with _limit:
        before = csv.field_size_limit(sys.maxsize)
        try:
            yield
        finally:
            csv.field_size_limit(before)
