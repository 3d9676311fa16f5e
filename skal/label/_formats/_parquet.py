"""Labels in a Parquet file, for data frames of any kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from skal.label._formats._record import COLUMNS, NUMBERS, as_row


def need_pyarrow() -> Any:
    """Import pyarrow, or say how to install it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            'Parquet files need pyarrow: pip install "skal[experiment]"'
        ) from error
    return pyarrow


def write(records, path):
    """Write records, each column with the type of what it holds."""
    pyarrow = need_pyarrow()
    records = list(records)
    content = dict.fromkeys(name for record in records for name in record.content)
    rows = [{**as_row(record), "time": _when(record.time)} for record in records]
    kinds = {"time": pyarrow.timestamp("us", tz="UTC")} | {
        name: pyarrow.int64() if kind is int else pyarrow.float64()
        for name, kind in NUMBERS.items()
    }
    names = ["id", *content, *COLUMNS[1:]]
    schema = pyarrow.schema([(n, kinds.get(n, pyarrow.string())) for n in names])
    table = pyarrow.Table.from_pylist(rows, schema=schema)
    pyarrow.parquet.write_table(table, path)


def read(path):
    """Yield each row as a dict, a batch in memory at a time."""
    pyarrow = need_pyarrow()
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(4096):
                yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error


def _when(seconds):
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
