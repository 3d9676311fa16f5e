"""Answers about rows on dask, block by block, where the blocks lie."""

import numpy as np

from skal._data import DaskRows, computed, n_rows, travelling


def answered_by_blocks(model, method, X, params):
    """Return what a model answers about rows on dask, in memory.

    It travels once. With ``params``, some of which may hold a value a row, the rows are
    brought into memory, as scikit-learn would bring them.
    """
    if params:
        return getattr(model, method)(computed(X), **params)
    from dask import compute, delayed

    ask, blocks = delayed(answer), DaskRows(X).blocks
    with travelling(model) as node:
        parts = compute(*(ask(node, method, block) for block in blocks))
    known = [part for part in parts if part is not None]
    if not known:
        raise ValueError("X must hold at least one row, got empty blocks alone.")
    return np.concatenate(known)


def answer(model, method, rows):
    """Return what a model answers about the rows of a block, None where it is empty."""
    return getattr(model, method)(rows) if n_rows(rows) else None
