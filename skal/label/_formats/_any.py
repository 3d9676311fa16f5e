"""Which file holds which format, and the reading of any of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from skal._checks import check_choice
from skal.label._formats import _csv, _image_folder, _jsonl, _parquet
from skal.label._formats._record import Record, from_row

#: How the file of a format ends; a folder has no ending.
FILE_ENDINGS = {
    "csv": ".csv",
    "imagefolder": "",
    "jsonl": ".jsonl",
    "label-studio": ".json",
    "parquet": ".parquet",
}
FORMATS = tuple(FILE_ENDINGS)
FLAT = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet, "imagefolder": _image_folder}


def format_of(path: Path) -> str:
    """Tell the format of a file or folder by its name."""
    if path.is_dir():
        return "imagefolder"
    endings = {ending: name for name, ending in FILE_ENDINGS.items() if ending}
    endings |= {".ndjson": "jsonl", ".pq": "parquet"}
    if path.suffix.lower() not in endings:
        raise ValueError(
            f"path must end in {', '.join(sorted(endings))} or be a folder of images, "
            f"got {str(path)!r}. Rename it, or name the format."
        )
    return endings[path.suffix.lower()]


def write_records(records: Any, path: Path, to: str, **options: Any) -> None:
    """Write records to a new file; one of the flat formats, or a folder of images.

    Parameters
    ----------
    records : iterable of Record
        What to write; with their files for "imagefolder".
    path : Path
        The file or folder.
    to : {"csv", "imagefolder", "jsonl", "parquet"}
        The format.
    **options : dict
        Options of the format.
    """
    FLAT[check_choice("to", to, tuple(FLAT))].write(records, path, **options)


def read_records(
    path: Path,
    fmt: str,
    columns: dict[str, str] | None = None,
    needs: Sequence[str] = (),
) -> Iterator[tuple[str, Record | None, Path | str | None]]:
    """Read a flat file or a folder of images, record by record.

    Parameters
    ----------
    path : Path
        The file or folder.
    fmt : {"csv", "imagefolder", "jsonl", "parquet"}
        The format.
    columns : dict, default=None
        The file's names of "id", "label" and others, where they differ.
    needs : sequence of str, default=()
        Columns of which a file that has rows must have one.

    Yields
    ------
    tuple
        The place in the file, in words; the record, and the file of its image. A row
        that is no record comes as None, with what is wrong in place of the file.

    Raises
    ------
    ValueError
        At the end, if no row has a column that was named, or any that is needed.
    """
    columns, seen = columns or {}, dict[str, None]()
    place = "image" if fmt == "imagefolder" else "row"
    for number, row in enumerate(FLAT[fmt].read(path), start=1):
        file = row.pop("file", None)
        seen |= dict.fromkeys(row)
        try:
            record = from_row(_named(row, columns))
        except ValueError as error:
            yield f"{place} {number}", None, str(error)
        else:
            yield f"{place} {number}", record, file
    _check_seen(path, list(seen), columns, needs)


def _named(row, columns):
    """Give columns our names; one of the file's that has such a name is another."""
    others = {name: cell for name, cell in row.items() if name not in columns}
    ours = {name: row[theirs] for name, theirs in columns.items() if theirs in row}
    return {**others, **ours}


def _check_seen(path, seen, columns, needs):
    """Refuse names of columns that a file has not, and a file without any it needs."""
    words = ", ".join(map(repr, seen))
    for name, theirs in columns.items():
        if seen and theirs not in seen:
            raise ValueError(
                f"{name} must name a column of {str(path)!r}, which has {words}, got "
                f"{theirs!r}."
            )
    if seen and needs and not {*needs} & {*seen, *columns}:
        raise ValueError(
            f"{str(path)!r} must have a column {' or '.join(needs)}, got {words}. Say "
            f'what it is called with columns={{"{needs[0]}": ...}} (--{needs[0]}).'
        )
