"""Rows in memory, and more rows behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal._data import concat_rows, n_rows
from skal.label._sources import MemorySource
from skal.label._sources._given import as_rows, ids_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    import numpy as np


def joined_by(
    source: Any, present: np.ndarray, X: Any, ids: Iterable[Any] | None
) -> tuple[MemorySource, list[str]]:
    """Return a source with more rows behind its own, and the ids of these.

    A row that is no longer present gives its id free.
    """
    if not isinstance(source, MemorySource):
        raise ValueError(
            "X must join rows in memory, but the rows of this project are files. Put "
            "them there and use rescan()."
        )
    names: Any = ids_of(X) if ids is None else list(ids)
    X = as_rows(X)
    joined = concat_rows(source.X, X)  # complains of rows of another kind
    if names is None:
        names = range(len(source.ids), len(source.ids) + n_rows(X))
    more = MemorySource(X, names, source.kind, as_given=source.as_given)
    kept = [
        id if there else f"{id} (removed {i})"
        for i, (id, there) in enumerate(zip(source.ids, present.tolist(), strict=True))
    ]
    whole = MemorySource(
        joined, [*kept, *more.ids], source.kind, as_given=source.as_given
    )
    whole.match_by = source.match_by
    return whole, list(more.ids)
