"""A strategy's answer: positions, and what else it told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import name_of

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


def split_result(result: Any) -> tuple[NDArray[Any], dict[str, Any]]:
    """Split a strategy's answer into positions and what else it told.

    Parameters
    ----------
    result : array-like of int, or tuple
        A tuple is (positions, anything); the anything is kept if it is a dict. modAL's
        functions return positions, positions and rows, or positions and metrics.

    Returns
    -------
    positions : ndarray of shape (n_instances,)
        The positions, not checked.
    info : dict
        What else the strategy told; empty if nothing.

    See Also
    --------
    QueryStrategy : What a strategy returns.

    Examples
    --------
    >>> from skal.query import split_result
    >>> split_result(([4, 2], {"score": [0.9, 0.8]}))
    (array([4, 2]), {'score': [0.9, 0.8]})
    """
    positions: Any = result
    info: dict[str, Any] = {}
    if isinstance(result, tuple):
        positions = result[0] if result else []
        info = result[1] if len(result) > 1 and isinstance(result[1], dict) else {}
    try:
        return np.atleast_1d(np.asarray(positions)), info
    except ValueError:  # rows of different lengths; whoever checks will say so
        return np.array(positions, dtype=object), info


def scores_of(info, n):
    """Return the scores that a strategy told of its n picks, NaN if it told none."""
    try:
        scores = np.asarray(info.get("score"), dtype=float)
    except (TypeError, ValueError):  # of a plain function, that may tell anything
        scores = np.empty(0)
    return scores if scores.shape == (n,) else np.full(n, np.nan)


def from_zero(scores, base):
    """Count scores from the least that they can be, where the base knows it."""
    return scores if base.lowest is None else scores - base.lowest


def check_positions(positions, n_instances, n_rows, strategy):
    """Return positions as int64 if they are what a strategy promises."""
    promise = None
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        promise = f"whole numbers, got {positions.dtype} of shape {positions.shape}"
    elif len(positions) != n_instances:
        promise = f"{n_instances} rows, got {len(positions)}"
    elif positions.min() < 0 or positions.max() >= n_rows:
        promise = f"positions in [0, {n_rows - 1}], got {positions.min()} to "
        promise += f"{positions.max()}"
    elif len(np.unique(positions)) != n_instances:
        promise = f"{n_instances} different rows, got {len(np.unique(positions))}"
    if promise is not None:
        raise ValueError(f"The strategy {describe(strategy)} must return {promise}.")
    return positions.astype(np.int64)


def ask(strategy, view, rows, n_instances, random_state):
    """Let a strategy pick rows, and hold it to its promise.

    Return positions into the rows, and what else the strategy told. They are checked
    here although QueryStrategy checks them: a subclass may override ``__call__``.
    """
    result = strategy(view, rows, n_instances, random_state=random_state)
    positions, info = split_result(result)
    return check_positions(positions, n_instances, len(rows), strategy), info


def describe(strategy):
    """Return the name by which messages call a strategy or a function."""
    strategy = getattr(strategy, "func", strategy)  # a partial goes by its function
    return getattr(strategy, "__name__", None) or name_of(strategy)
