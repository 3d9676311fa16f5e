"""Which rows hold NaN or infinity, told beside the error that they have led to."""

from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp

from skal._data.reading import blocks
from skal._data.stretch import Stretch
from skal._data.targets import is_hole

#: So many rows are named.
_FEW = 10


@contextmanager
def naming_holes(X, positions=None, name="X"):
    """Add to a ValueError which rows of X, at sorted positions, hold NaN."""
    try:
        yield
    except ValueError as error:
        if X is not None and not hasattr(error, "__notes__"):
            rows = rows_with_holes(X, positions)
            if isinstance(X, Stretch):
                rows = rows + X.start
            if len(rows):
                error.add_note(f"{name} holds NaN or infinity in {in_words(rows)}.")
        raise


def rows_with_holes(X, positions=None):
    """Return the positions in X of the rows that hold NaN, None or infinity."""
    found = []
    for data, keep, where in blocks(X, positions):
        holes = holes_of(data)
        holes = holes if keep is None else holes[keep]
        at = np.flatnonzero(holes) + where.start
        found.append(at if positions is None else positions[at])
    return np.concatenate(found) if found else np.empty(0, int)


def holes_of(data):
    """Tell of each row of arrays, CSR, frames and lists whether it holds a hole."""
    if hasattr(data, "parts"):
        return np.any([holes_of(part) for part in data.parts.values()], axis=0)
    if sp.issparse(data):
        rows = data.tocoo()
        return np.bincount(rows.row, ~np.isfinite(rows.data), data.shape[0]) > 0
    try:
        values = np.asarray(data)
    except (TypeError, ValueError):  # rows of several shapes
        return np.zeros(len(data), bool)
    if values.dtype.kind == "f":
        holes = ~np.isfinite(values)
    elif values.dtype.kind == "O":
        holes = np.array([is_hole(v) is True for v in values.flat], bool)
    else:
        return np.zeros(len(values), bool)
    return holes.reshape(len(values), -1).any(axis=1)


def in_words(rows):
    """Name the first rows, and count the others."""
    few = ", ".join(map(str, rows[:_FEW].tolist()))
    more = f" and {len(rows) - _FEW} more" if len(rows) > _FEW else ""
    return f"row{'s' if len(rows) > 1 else ''} {few}{more}"
