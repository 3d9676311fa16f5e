"""Answers about rows on dask, block by block, where the blocks lie."""

import numpy as np

from skal._data import DaskRows, computed, n_rows


def answered_by_blocks(model, method, X, params):
    """Return what a model answers about rows on dask, in memory.

    It travels once. With ``params``, some of which may hold a value a row, the rows are
    brought into memory, as scikit-learn would bring them.
    """
    if params:
        return getattr(model, method)(computed(X), **params)
    from dask import compute, delayed

    model, ask = delayed(model, traverse=False, pure=False), delayed(answer)
    parts = compute(*(ask(model, method, block) for block in DaskRows(X).blocks))
    known = [part for part in parts if part is not None]
    if not known:
        raise ValueError(
            f"X must hold at least one row, got {len(parts)} empty blocks"
        )
    return np.concatenate(known)


def answer(model, method, rows):
    """Return what a model answers about the rows of a block, None where it is empty."""
    return getattr(model, method)(rows) if n_rows(rows) else None
