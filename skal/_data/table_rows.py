"""Rows of an Arrow table in pieces: its batches, or the row groups of Parquet files."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from skal._data.columns import check_columns, rows_of_table
from skal._data.stored_rows import StoredRows

if TYPE_CHECKING:
    from typing import Any


class TableRows(StoredRows):
    """Rows of a table in pieces.

    Parameters
    ----------
    X : object
        What holds them.
    schema : pyarrow.Schema
        Its columns. Several are rows of a frame; see ``rows_of_table``.
    lengths : sequence of int
        The rows of each piece.
    row_bytes : float
        What a row takes, about.
    """

    def __init__(self, X: Any, schema: Any, lengths: Any, row_bytes: float) -> None:
        self.edges = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        super().__init__(X, int(self.edges[-1]), row_bytes)
        check_columns(schema)
        self.schema = schema

    def _rising(self, positions):
        import pyarrow as pa

        of = np.searchsorted(self.edges, positions, side="right") - 1
        numbers, firsts = np.unique(of, return_index=True)
        parts = []
        for k, where in zip(numbers, np.split(positions, firsts[1:]), strict=False):
            piece, inside = self._piece(int(k)), where - self.edges[k]
            dense = inside[-1] + 1 - inside[0] == len(inside)
            if dense and (len(numbers) == 1 or len(inside) == len(piece)):
                parts.append(piece.slice(inside[0], len(inside)))
            else:  # a slice would keep the piece in memory
                parts.append(piece.take(inside))
        table = pa.concat_tables(parts) if parts else self.schema.empty_table()
        return rows_of_table(table, positions)

    @abstractmethod
    def _piece(self, k: int) -> Any:
        """Return a piece as a table."""


class ArrowRows(TableRows):
    """Rows of an Arrow table, in memory or in a file that is mapped into it."""

    def __init__(self, X):
        self._batches = X.to_batches()
        lengths = [len(batch) for batch in self._batches]
        super().__init__(X, X.schema, lengths, X.nbytes / max(1, len(X)))

    def _piece(self, k):
        import pyarrow as pa

        return pa.Table.from_batches([self._batches[k]])


class ParquetRows(TableRows):
    """Rows of a pyarrow data set: Parquet files, by row group, or others, by file.

    The row group read last stays in memory.
    """

    def __init__(self, X):
        try:
            files = [*X.get_fragments()]
        except ValueError as error:  # filtered: whose rows have no positions
            raise ValueError(
                "X must be a data set without a filter, got one with a filter. Pass "
                "X.to_table(), or where that is too much for memory "
                "skal.datasets.embed_to(path, X.to_batches(), embedder)."
            ) from error
        pieces = [piece for file in files for piece in pieces_of(file)]
        self._pieces = [piece for piece, _ in pieces]
        super().__init__(X, X.schema, [n for _, n in pieces], row_bytes(X.schema))

    def _piece(self, k):
        known, table = self._last
        if known != k:
            self._last, table = (None, None), None  # not two at once
            table = self._pieces[k].to_table(schema=self.schema)
            self._last = k, table
        return table


def pieces_of(file):
    """Return the row groups of a Parquet file, of another the whole, and their rows."""
    if not hasattr(file, "split_by_row_group"):
        return [(file, file.count_rows())]
    return [
        (group, group.row_groups[0].num_rows) for group in file.split_by_row_group()
    ]


def row_bytes(schema):
    """Return what a row takes in memory, about."""
    sizes = []
    for kind in schema.types:
        n_values = 1
        while hasattr(kind, "list_size"):
            n_values, kind = n_values * max(kind.list_size, 1), kind.value_type
        try:
            sizes.append(n_values * kind.bit_width / 8)
        except ValueError:  # texts and the like have no width
            sizes.append(100)
    return sum(sizes)
