"""Tables in files, and the libraries that read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

from skal._checks import nearest_first
from skal.experiment._leaks import leaking_columns
from skal.experiment._npz import read_arrays
from skal.experiment._table_columns import sorted_columns

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


@dataclass(frozen=True)
class Table:
    """What a file holds; ``columns`` says of what kind they are where it matters.

    ``beside`` holds columns that say something of rows and are none of their features,
    such as their groups; ``y_name`` is what the labels are called, ``columns`` is None
    for numbers without gaps.
    """

    X: Any
    y: Any
    X_test: Any = None
    y_test: Any = None
    beside: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, list[str]] | None = None
    y_name: str = "y"


def read_table(
    path: Path, target: str | None = None, beside: dict[str, str] | None = None
) -> Table:
    """Read rows and labels.

    Parameters
    ----------
    path : Path
        A CSV (with commas, semicolons or tabs) or parquet file with a column of
        labels, or an npz file with arrays ``X`` and ``y``, and perhaps ``X_test`` and
        ``y_test``.
    target : str, default=None
        The column or array of labels. None looks for one that is called so.
    beside : dict of str to str, default=None
        Columns, or arrays of an npz file, by what they say of the rows: "groups",
        "costs".

    Returns
    -------
    Table
        The arrays; a frame where there are words or gaps.
    """
    if path.suffix == ".npz":
        return _read_npz(path, target, beside or {})
    frame = _read_frame(path)
    y_name = _label_column(path, frame, target)
    if len(frame) == 0:
        raise ValueError(f"{str(path)!r} must hold rows, got its columns alone.")
    y = frame.pop(y_name)
    apart = _taken_out(beside or {}, frame, path)
    apart = {kind: column.to_numpy() for kind, column in apart.items()}
    if y.isna().any():
        raise ValueError(
            f"{str(path)!r} must hold every label in {y_name!r}, got {y.isna().sum()} "
            "missing. Leave those rows out."
        )
    X, columns = _features(path, frame, y, y_name)
    return Table(X, y.to_numpy(), beside=apart, columns=columns, y_name=y_name)


def _read_frame(path):
    pd = need_pandas()
    try:
        return _read_csv(pd, path) if path.suffix == ".csv" else pd.read_parquet(path)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error


def _features(path, frame, y, y_name):
    """Return what to learn from, and of what kind its columns are."""
    if frame.shape[1] == 0:
        raise ValueError(
            f"{str(path)!r} must hold columns beside the labels, got {y_name!r} alone."
        )
    X, columns = sorted_columns(frame)
    if X.shape[1] == 0:
        names = ", ".join(map(repr, columns["left out"]))
        raise ValueError(
            f"{str(path)!r} must hold columns to learn from, got {names}, which differ "
            "from row to row."
        )
    _refuse_leaks(path, X, y, y_name)
    if set(columns) == {"numbers"} and not X.isna().any(axis=None):
        return X.to_numpy(dtype=float), None
    return X, columns


def _label_column(path, frame, target):
    """Return the name of the column of labels, which is unmistakable."""
    if target is not None:
        return _known("target", target, frame.columns, path)
    columns = [name for name in LABEL_COLUMNS if name in frame.columns]
    if not columns:
        raise ValueError(
            f"{str(path)!r} must have a column of labels called "
            f"{', '.join(map(repr, LABEL_COLUMNS))}, got the columns "
            f"{list(frame.columns)}. Name it with target=, or --target."
        )
    if len(columns) > 1:
        raise ValueError(
            f"{str(path)!r} must have one column of labels, got "
            f"{', '.join(map(repr, columns))}. Drop or rename all but one."
        )
    return columns[0]


def _known(parameter, name, names, path):
    """Return a name that a file holds, or say which are like it."""
    if name not in list(names):
        words = ", ".join(map(repr, nearest_first(name, map(str, names))[:8]))
        what = "an array" if path.suffix == ".npz" else "a column"
        raise ValueError(
            f"{parameter} must name {what} of {str(path)!r}, such as {words}, got "
            f"{name!r}."
        )
    return name


def _refuse_leaks(path, frame, y, y_name):
    """Refuse columns from which the labels can be read."""
    leaks = leaking_columns(frame, y.to_numpy())
    if leaks:
        words = "; ".join(f"{name!r}: {why}" for name, why in leaks.items())
        raise ValueError(
            f"{str(path)!r} must hold columns that do not give the labels in "
            f"{y_name!r} away, got {words}. Drop what is not known before a row is "
            "labelled; pass (X, y) in Python if all of it is."
        )


def _read_csv(pd, path):
    """Read a table whose columns stand between commas, semicolons or tabs."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline()
    separator = max(",;\t", key=head.count)
    marks = "." if separator == "," else ".,"  # 1,5 may be one and a half
    frames = [
        pd.read_csv(path, sep=separator, decimal=mark, na_values=["?"])
        for mark in marks
    ]
    return max(frames, key=lambda frame: frame.select_dtypes("number").shape[1])


def _taken_out(beside, table, path):
    """Take columns that are no features out of a table; one may serve twice."""
    names = {
        kind: _known(kind, name, getattr(table, "columns", table), path)
        for kind, name in beside.items()
    }
    columns = {name: table.pop(name) for name in set(names.values())}
    return {kind: columns[name] for kind, name in names.items()}


def _read_npz(path, target, beside):
    if not is_zipfile(path):
        raise ValueError(
            f"{str(path)!r} cannot be read: it is no npz file. Write it with np.savez."
        )
    try:
        arrays = read_arrays(path)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}.") from error
    y = "y" if target is None else _known("target", target, arrays, path)
    of_test = {kind: arrays.pop(f"{one}_test", None) for kind, one in beside.items()}
    apart = _taken_out(beside, arrays, path)
    if of_test.get("groups") is not None:
        apart["groups"] = apart["groups"], of_test["groups"]
    wanted = ["X", y, "X_test", f"{y}_test"]
    names = [name for name in wanted if name in arrays]
    if names not in (wanted[:2], wanted):
        raise ValueError(
            f"{str(path)!r} must hold the arrays X and {y}, and X_test and {y}_test or "
            f"neither, got {sorted(arrays)}."
        )
    X, labels, *test = (arrays[name] for name in names)
    X_test, y_test = test or (None, None)
    return Table(X, labels, X_test, y_test, beside=apart, y_name=y)
