"""Tables in files, and the libraries that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

from skal.experiment._leaks import leaking_columns
from skal.experiment._npz import read_arrays

if TYPE_CHECKING:
    from pathlib import Path

#: What the column of labels may be called in a CSV or parquet file.
LABEL_COLUMNS = ("target", "label", "class", "y")


def need_pandas() -> Any:
    """Import pandas, or say how to install it."""
    try:
        import pandas as pd
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'Experiments need pandas and pyarrow: pip install "skal[experiment]"'
        ) from error
    return pd


def read_table(path: Path) -> tuple[Any, ...]:
    """Read ``(X, y)``, or ``(X, y, X_test, y_test)`` from an npz file.

    Parameters
    ----------
    path : Path
        A CSV (with commas, semicolons or tabs) or parquet file with numeric columns
        and a column of labels, or an npz
        file with arrays ``X`` and ``y``, and perhaps ``X_test`` and ``y_test``.

    Returns
    -------
    tuple
        The arrays.
    """
    if path.suffix == ".npz":
        return _read_npz(path)
    pd = need_pandas()
    try:
        frame = _read_csv(pd, path) if path.suffix == ".csv" else pd.read_parquet(path)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error
    columns = [name for name in LABEL_COLUMNS if name in frame.columns]
    if not columns:
        raise ValueError(
            f"{str(path)!r} must have a column of labels called "
            f"{', '.join(map(repr, LABEL_COLUMNS))}, got the columns "
            f"{list(frame.columns)}. Rename it."
        )
    if len(frame) == 0:
        raise ValueError(f"{str(path)!r} must hold rows, got its columns alone.")
    if len(columns) > 1:
        raise ValueError(
            f"{str(path)!r} must have one column of labels, got "
            f"{', '.join(map(repr, columns))}. Drop or rename all but one."
        )
    y = frame.pop(columns[0])
    odd = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    if frame.shape[1] == 0:
        raise ValueError(
            f"{str(path)!r} must hold numbers beside the labels, got {columns[0]!r} "
            "alone."
        )
    if odd or frame.isna().any(axis=None) or y.isna().any():
        raise ValueError(
            f"{str(path)!r} must hold numbers beside the labels and no gaps, got "
            f"{odd or 'missing values'}. Prepare it in Python and pass (X, y)."
        )
    leaks = leaking_columns(frame, y.to_numpy())
    if leaks:
        words = "; ".join(f"{name!r}: {why}" for name, why in leaks.items())
        raise ValueError(
            f"{str(path)!r} must hold columns that do not give the labels in "
            f"{columns[0]!r} away, got {words}. Drop what is not known before a row is "
            "labelled; pass (X, y) in Python if all of it is."
        )
    return frame.to_numpy(dtype=float), y.to_numpy()


def _read_csv(pd, path):
    """Read a table whose columns stand between commas, semicolons or tabs."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline()
    separator = max(",;\t", key=head.count)
    marks = "." if separator == "," else ".,"  # 1,5 may be one and a half
    frames = [pd.read_csv(path, sep=separator, decimal=mark) for mark in marks]
    return max(frames, key=lambda frame: frame.select_dtypes("number").shape[1])


def _read_npz(path):
    if not is_zipfile(path):
        raise ValueError(
            f"{str(path)!r} cannot be read: it is no npz file. Write it with np.savez."
        )
    try:
        arrays = read_arrays(path)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}.") from error
    names = [name for name in ("X", "y", "X_test", "y_test") if name in arrays]
    if names not in (["X", "y"], ["X", "y", "X_test", "y_test"]):
        raise ValueError(
            f"{str(path)!r} must hold the arrays X and y, and X_test and y_test or "
            f"neither, got {sorted(arrays)}."
        )
    return tuple(arrays[name] for name in names)
