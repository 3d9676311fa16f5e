"""CSV, JSONL and Parquet files: their rows as columns of values."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
#: Characters of a row; a longer one is refused before it fills the memory.
MAX_ROW = 32 * 2**20
#: Bytes that a Parquet file may unpack to; a small one may say any size.
MAX_UNPACKED = 8 * 2**30


def read_rows(path: Path) -> dict[str, list[Any]]:
    """Read a file of rows.

    Parameters
    ----------
    path : Path
        A CSV (with a line of names), TSV, JSONL or Parquet file.

    Returns
    -------
    dict of str to list
        The values of each column, None where there is none.

    Raises
    ------
    ValueError
        If the file cannot be read, a row is too long, or there is none.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"source must be a folder of images or a file ending in "
            f"{', '.join(SUFFIXES)}, got {str(path)!r}."
        )
    if not path.is_file():
        raise ValueError(f"source must be a file or a folder, got {str(path)!r}.")
    if suffix == ".parquet":
        columns = _read_parquet(path)
    else:
        try:
            columns = _read_text(path, suffix)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"source must be in UTF-8, got {str(path)!r} with other bytes. Save it "
                "in UTF-8."
            ) from error
    if not columns or not len(next(iter(columns.values()))):
        raise ValueError(f"source must hold at least one row, got {str(path)!r}.")
    return columns


def _read_text(path, suffix):
    with open(path, encoding="utf-8-sig", newline="") as file:
        if suffix in (".jsonl", ".ndjson"):
            return _columns_of_objects(_objects(file, path))
        return _read_csv(file, path, suffix)


def _read_csv(file, path, suffix):
    delimiter = "\t" if suffix == ".tsv" else _delimiter(file)
    limit = csv.field_size_limit(MAX_ROW)  # of the whole process
    try:
        reader = csv.reader(_short_lines(file, path), delimiter=delimiter)
        names = next(reader, [])
        _check_names(names, path)
        rows = [_whole_row(row, names, reader, path) for row in reader if row]
    except csv.Error as error:
        raise ValueError(
            f"source must be a CSV file with rows of at most {MAX_ROW} characters, got "
            f"{str(path)!r}: {error}."
        ) from error
    finally:
        csv.field_size_limit(limit)
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {
        name: [value if value != "" else None for value in column]
        for name, column in zip(names, columns, strict=True)
    }


def _delimiter(file):
    """Return what stands between the names: the most frequent of comma and its kin."""
    head = file.readline(MAX_ROW)
    file.seek(0)
    return max(",;\t", key=head.count)


def _check_names(names, path):
    seen = set()
    for name in names:
        if not name or name in seen:
            raise ValueError(
                f"source must name its columns in its first line, each once, got "
                f"{str(path)!r} with {name!r}{' twice' if name else ''}."
            )
        seen.add(name)


def _whole_row(row, names, reader, path):
    if len(row) > len(names):
        raise ValueError(
            f"source must have {len(names)} values a row, got {len(row)} in line "
            f"{reader.line_num} of {str(path)!r}."
        )
    return row + [""] * (len(names) - len(row))


def _short_lines(file, path) -> Iterator[str]:
    """Yield the lines of a file, none of them so long that it fills the memory."""
    number = 0
    while line := file.readline(MAX_ROW + 1):
        number += 1
        if len(line) > MAX_ROW:
            raise ValueError(
                f"source must have rows of at most {MAX_ROW} characters, got a longer "
                f"one in line {number} of {str(path)!r}. Cut it."
            )
        yield line


def _objects(file, path):
    for number, line in enumerate(_short_lines(file, path), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"source must hold a JSON object a line, got line {number} of "
                f"{str(path)!r}: {error}."
            ) from error
        if not isinstance(found, dict):
            raise ValueError(
                f"source must hold a JSON object a line, got a "
                f"{type(found).__name__} in line {number} of {str(path)!r}."
            )
        yield found


def _columns_of_objects(objects):
    """Return columns in the order in which they come up."""
    columns: dict[str, list[Any]] = {}
    for n, one in enumerate(objects):
        for name in one.keys() - columns.keys():
            columns[name] = [None] * n
        for name, column in columns.items():
            column.append(_flat(one.get(name)))
    return columns


def _flat(value):
    """Return a value as it stands in a cell."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def _read_parquet(path):
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError(
            'Parquet files need pyarrow: pip install "skal[label]".'
        ) from error
    try:
        file = pq.ParquetFile(path)
        groups = range(file.metadata.num_row_groups)
        size = sum(file.metadata.row_group(i).total_byte_size for i in groups)
        if size > MAX_UNPACKED:
            raise ValueError(
                f"source must unpack to at most {MAX_UNPACKED >> 30} GB, got "
                f"{str(path)!r} with {size >> 30} GB."
            )
        table = file.read()
    except (OSError, pa.ArrowException) as error:
        raise ValueError(
            f"source must be a Parquet file, got {str(path)!r}: {error}."
        ) from error
    _check_names(table.column_names, path)
    return {
        name: [_cell(value) for value in table[name].to_pylist()]
        for name in table.column_names
    }


def _cell(value):
    value = _flat(value) if not isinstance(value, bytes) else f"{len(value)} bytes"
    return value if isinstance(value, bool | int | float | str | None) else str(value)
