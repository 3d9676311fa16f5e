"""Columns of values as a frame, for pipelines that take one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.label._sources._columns import as_numbers, is_gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def as_frame(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return a frame whose columns of numbers are numbers.

    Parameters
    ----------
    columns : mapping of str to sequence
        The values of each column.

    Returns
    -------
    pandas.DataFrame
        NaN and None where there is no value.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            'input="rows" needs pandas for tables: pip install "skal[label]".'
        ) from error
    made = {}
    for name, values in columns.items():
        gaps = np.array([is_gap(value) for value in values])
        numbers = as_numbers(values, gaps)
        words = [None if gap else str(v) for v, gap in zip(values, gaps, strict=True)]
        made[name] = words if numbers is None else numbers
    return pd.DataFrame(made)
