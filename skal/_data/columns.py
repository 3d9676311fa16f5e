"""Columns of an Arrow table as rows that an estimator takes."""

from __future__ import annotations

import numpy as np


def check_columns(schema):
    """Refuse a table without a column, or with one that no estimator takes."""
    if len(schema) == 0:
        raise ValueError("X must have a column at least, got none.")
    if len(schema) == 1 and kind_of(schema.types[0]) is None:
        raise TypeError(
            "X must hold numbers, texts or lists of them, got the column "
            f"{schema.names[0]!r} of {schema.types[0]}. Make numbers of it in one "
            "pass: skal.datasets.embed_to(path, source, embedder)."
        )


def rows_of_table(table, positions):
    """Return a table as rows: a frame, or what its only column holds.

    Lists of numbers, of one length or shape, are an array; texts and lists of ids, of
    several lengths, are a list. ``positions`` say where in the pool the rows stand:
    they are the index of a frame that brings none.
    """
    kind = kind_of(table.schema.types[0]) if table.num_columns == 1 else "numbers"
    if kind == "numbers":
        return frame_of(table, positions)
    column = table.column(0)
    if kind == "arrays":
        return array_of(column, table.column_names[0], positions)
    return column.to_pylist()


def kind_of(kind):
    """Tell what rows of an Arrow type are; None for what no estimator takes."""
    import pyarrow.types as t

    kind = getattr(kind, "storage_type", kind)  # of tensors
    kind = kind.value_type if t.is_dictionary(kind) else kind
    if is_text(kind):
        return "texts"
    if is_list(kind):
        value, ragged = kind.value_type, not t.is_fixed_size_list(kind)
        if ragged and (t.is_integer(value) or is_text(value)):
            return "ids"  # of words, or words
        while is_list(value):
            value = value.value_type
        return "arrays" if is_number(value) else None
    return "numbers" if is_number(kind) or t.is_temporal(kind) else None


def is_text(kind):
    """Tell whether a type is one of texts."""
    return str(kind) in ("string", "large_string", "string_view")


def is_list(kind):
    """Tell whether a type is one of lists."""
    import pyarrow.types as t

    return t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind)


def is_number(kind):
    """Tell whether a type is one of numbers."""
    import pyarrow.types as t

    exact = t.is_integer(kind) or t.is_boolean(kind) or t.is_decimal(kind)
    return exact or t.is_floating(kind)


def frame_of(table, positions):
    """Return a table as a frame of pandas."""
    import pandas as pd

    frame = table.to_pandas()
    if isinstance(frame.index, pd.RangeIndex):
        frame.index = pd.Index(positions)
    return frame


def array_of(column, name, positions):
    """Return a column of lists, nested or not, as an array (n, ...)."""
    values = column.combine_chunks()
    if hasattr(values, "to_numpy_ndarray"):  # tensors, which may be transposed
        return values.to_numpy_ndarray()
    values, shape = getattr(values, "storage", values), [len(column)]
    while is_list(values.type):
        widths = widths_of(values)
        differing = np.flatnonzero(widths != widths[:1])
        if len(differing):
            row = positions[differing[0] * len(positions) // len(widths)]
            raise ValueError(
                f"X must have lists of one length in the column {name!r}, as in row "
                f"{positions[0]}, of {widths[0]}, got another in row {row}."
            )
        shape.append(int(widths[0]) if len(widths) else 0)
        values = values.flatten()
    return values.to_numpy(zero_copy_only=False).reshape(shape)


def widths_of(lists):
    """Return how many values each list holds, -1 where there is none."""
    import pyarrow.compute as pc

    widths = pc.fill_null(pc.list_value_length(lists), -1)
    return widths.to_numpy(zero_copy_only=False)
