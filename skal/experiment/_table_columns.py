"""What the columns of a table hold: numbers, words for kinds, or texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

#: Columns with no more values than this are kinds, however few rows there are.
FEW = 20
#: Of as many words on average are texts made.
WORDS_OF_A_TEXT = 3


def sorted_columns(frame: DataFrame) -> tuple[DataFrame, dict[str, list[str]]]:
    """Give each column the type that says what it holds.

    Parameters
    ----------
    frame : DataFrame
        A table without its labels.

    Returns
    -------
    frame : DataFrame
        Floats, where gaps are NaN; categories; and texts, where gaps are empty.
        Columns of names, which differ from row to row, are left out.
    columns : dict of str to list of str
        "numbers", "categories", "texts", "left out" -> names of the columns.
    """
    found: dict[str, list[str]] = {}
    kept = {}
    for name in frame:
        kind, values = _read(frame[name])
        found.setdefault(kind, []).append(str(name))
        if kind != "left out":
            kept[name] = values
    order = ("numbers", "categories", "texts", "left out")
    columns = {kind: found[kind] for kind in order if kind in found}
    return type(frame)(kept, index=frame.index), columns


def _read(column: Series) -> tuple[str, Any]:
    """Return what a column holds, and its values in the type that says so."""
    numbers = _as_numbers(column)
    if numbers is not None:
        return "numbers", numbers
    words = column.where(column.isna(), column.astype(str)).astype(object)
    present = words.dropna()
    n_values = present.nunique()
    if n_values <= max(FEW, len(present) / 5):
        return "categories", words.where(words.notna(), np.nan).astype("category")
    if present.str.split().str.len().mean() >= WORDS_OF_A_TEXT:
        return "texts", words.where(words.notna(), "")
    if n_values > len(present) / 2:
        return "left out", None
    return "categories", words.where(words.notna(), np.nan).astype("category")


def _as_numbers(column: Series) -> NDArray[np.float64] | None:
    """Return a column as floats, days for dates; None where it holds words."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        since = column - pd.Timestamp(0, tz=column.dt.tz)
        return (since / pd.Timedelta(days=1)).to_numpy(float, na_value=np.nan)
    if pd.api.types.is_timedelta64_dtype(column):
        return (column / pd.Timedelta(days=1)).to_numpy(float, na_value=np.nan)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return None
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.isna().sum() > column.isna().sum():
        return None
    return numbers.to_numpy(float, na_value=np.nan)
