"""Rows, ids and labels as users give them, made what a source keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def ids_of(X: Any) -> Any:
    """Return the index of a frame or of one of its columns, else None.

    Parameters
    ----------
    X : array, CSR matrix, frame, column or list
        The rows.

    Returns
    -------
    index or None
        The names.
    """
    return X.index if hasattr(X, "iloc") else None


def as_rows(X: Any) -> Any:
    """Return rows of texts as a list, with empty ones in gaps; all else as it is.

    Parameters
    ----------
    X : array, CSR matrix, frame, column or list
        The rows.

    Returns
    -------
    array, CSR matrix, frame or list
        A column of a frame that holds no texts becomes an array of one column.
    """
    is_column = hasattr(X, "iloc") and X.ndim == 1
    if not (is_column or isinstance(X, list | tuple)):
        return X
    values = [known(value) for value in X]
    if any(isinstance(value, str) for value in values):
        return ["" if _is_gap(value) else value for value in values]
    return X.to_numpy()[:, None] if is_column else X


def check_ids(ids: Sequence[str], n: int) -> None:
    """Refuse ids that are too few, too many, or not unique.

    Parameters
    ----------
    ids : sequence of str
        The ids.
    n : int
        How many rows there are.
    """
    if len(ids) != n:
        raise ValueError(f"ids must hold one for each of {n} rows, got {len(ids)}.")
    if len(set(ids)) < n:
        seen: set[str] = set()
        twice = next(one for one in ids if one in seen or seen.add(one))  # type: ignore[func-returns-value]
        raise ValueError(
            f"ids must be unique, got {twice!r} more than once. Leave them out to go "
            "by position, or by the index of a frame; reset_index() makes that unique."
        )


def known_label(label: Any) -> str | None:
    """Return a label as text, None where there is none.

    Parameters
    ----------
    label : object
        A label, None, NaN or blanks.

    Returns
    -------
    str or None
        The label.
    """
    label = known(label)
    if label is None or label != label or not str(label).strip():
        return None
    return str(label)


def _is_gap(value):
    return value is None or (isinstance(value, float) and value != value)


def known(value):
    """Return a value, None for the NA of pandas, which compares with nothing."""
    return None if type(value).__name__ == "NAType" else value
