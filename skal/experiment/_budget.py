"""Budgets that a pool can pay for, and that leave something to choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skal._loop import budget_of, exceeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal.experiment._data import Data


def check_budget(
    name: str,
    data: Data,
    pool: NDArray[np.int64],
    n_labels: Any,
    n_initial: int,
    n_cells: int = 1,
) -> None:
    """Refuse a budget that a pool is too small for, or that leaves no choice.

    Parameters
    ----------
    name : str
        Of the data set.
    data : Data
        Its rows.
    pool : ndarray of int64
        Which of them are the pool.
    n_labels, n_initial : float, int
        As in the experiment.
    n_cells : int, default=1
        How many labels a row counts as.
    """
    n_pool, costs = len(pool) * n_cells, data.beside(pool).get("costs")
    if exceeds(n_labels, n_pool, costs):
        most = f"{n_pool}," if costs is None else f"{costs.sum():g}, the cost of"
        most += " the cells of" if n_cells > 1 and costs is None else ""
        raise ValueError(
            f"n_labels must be at most {most} the pool of {name!r}, got {n_labels}."
        )
    budget = budget_of(n_labels, n_pool, costs)
    if costs is None and n_initial >= budget:
        raise ValueError(
            f"n_initial must be less than the {budget} labels to buy on {name!r}, "
            f"got {n_initial}. Leave some labels to choose."
        )
    if costs is not None:
        least = np.sort(costs)[:n_initial].sum()
        if n_initial >= n_pool or least >= budget:
            raise ValueError(
                f"n_initial must be rows that cost less than {budget:g}, the budget on "
                f"{name!r}, got {n_initial}, which cost {least:g} or more. Leave some "
                "labels to choose."
            )
