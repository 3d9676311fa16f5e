"""A parquet file of results that may be anybody's: no more than it should hold."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from skal.experiment._describe import as_json
from skal.experiment._table_files import need_pandas

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

#: Bytes that what is packed may unpack to.
MAX_PACKED = 2**29
#: Bytes that the columns may take, and the numbers in them.
MAX_COLUMNS = 2**32
#: The name of what is packed among the metadata.
NAME = b"skal"


def packed(rest: dict[str, Any]) -> bytes:
    """Pack what stands in no column.

    Raises
    ------
    ValueError
        If it is more than :func:`read_parquet` unpacks.
    """
    text = as_json(rest).encode()
    if len(text) > MAX_PACKED:
        raise ValueError(
            f"to_parquet must have at most {MAX_PACKED} bytes beside its table, got "
            f"{len(text)}. Select fewer cells."
        )
    return zlib.compress(text)


def read_parquet(path: Path) -> tuple[DataFrame, dict[str, Any]]:
    """Read a table of results, and what is packed beside it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    frame : DataFrame
        The columns of numbers, and the key of each row's cell.
    rest : dict
        The rest.

    Raises
    ------
    ValueError
        If it cannot be read, or would take more memory than it should.
    """
    need_pandas()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            # A word that all rows have is short in the file: it must stay so.
            parquet = pq.ParquetFile(file, read_dictionary=["key"])
            rest = _unpacked((parquet.schema_arrow.metadata or {})[NAME])
            return parquet.read(_checked(parquet)).to_pandas(), rest
    except (pa.ArrowException, KeyError, zlib.error, RecursionError) as error:
        raise ValueError(
            f"path must name a file that to_parquet wrote, got {str(path)!r}."
        ) from error


def _unpacked(content):
    reader = zlib.decompressobj()
    text = reader.decompress(content, MAX_PACKED + 1)
    if len(text) > MAX_PACKED:
        raise ValueError(
            f"path must name a file that unpacks to at most {MAX_PACKED} bytes, got "
            "more. to_parquet writes no such file."
        )
    if not reader.eof:
        raise zlib.error("It ends too early.")
    return json.loads(text)


def _checked(parquet):
    """Return the columns to read after a look at how long they are."""
    import pyarrow as pa

    fields = [*parquet.schema_arrow]
    names = [one.name for one in fields if one.name == "key" or not _is_text(one.type)]
    odd = [
        one.name
        for one in fields
        if one.name in names
        and not (
            pa.types.is_floating(one.type)
            or pa.types.is_integer(one.type)
            or (one.name == "asked" and pa.types.is_list(one.type))
            or (one.name == "key" and pa.types.is_dictionary(one.type))
        )
    ]
    groups = map(parquet.metadata.row_group, range(parquet.num_row_groups))
    columns = [one.column(i) for one in groups for i in range(one.num_columns)]
    size = sum(max(8 * one.num_values, one.total_uncompressed_size) for one in columns)
    if odd or size > MAX_COLUMNS:
        raise ValueError(
            f"path must name a file with columns of numbers that take at most "
            f"{MAX_COLUMNS} bytes, got {odd or size}. to_parquet writes no such file."
        )
    return names


def _is_text(kind):
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
