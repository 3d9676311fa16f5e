"""What an experiment counts: rows, or cells of rows where a strategy asks for these."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from skal._loop import cells_asked, exceeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skal import ActiveLearner

#: The parameters of a learner that count what is asked for.
COUNTS = ("n_labels", "n_initial", "batch_size")


def cells_a_row(strategies: dict[str, Any]) -> int:
    """Return how many labels a row counts as: its cells, 1 where nobody asks for cells.

    Parameters
    ----------
    strategies : dict of str to strategy
        What is compared, by name.

    Returns
    -------
    int
        The same for all strategies, so that their curves count the same.
    """
    asked = {name: cells_asked(one) for name, one in strategies.items()}
    sizes = {name: one.n_parts for name, one in asked.items() if one is not None}
    if len({*sizes.values()}) > 1:
        raise ValueError(
            "strategies must ask for cells of grids that have as many, got "
            f"{', '.join(f'{n} for {name!r}' for name, n in sizes.items())}. Compare "
            "them in experiments of their own."
        )
    return max(sizes.values(), default=1)


def check_counts(strategies: dict[str, Any], counts: dict[str, Any]) -> None:
    """Refuse numbers of cells that are no whole rows, where rows are asked for too.

    Parameters
    ----------
    strategies : dict of str to strategy
        What is compared, by name.
    counts : dict of str to object
        Parameters of a learner that count cells.
    """
    n_cells = cells_a_row(strategies)
    whole = [name for name, one in strategies.items() if cells_asked(one) is None]
    for name in COUNTS if whole and n_cells > 1 else ():
        # A share is rounded up to cells in some curves, to whole rows in others.
        sizes = [n for n in np.ravel(counts[name]).tolist() if not is_all(n)]
        if any(size % n_cells for size in sizes):
            raise ValueError(
                f"{name} must be a multiple of {n_cells}, the cells of a row, where "
                f"{whole[0]!r} asks for whole rows beside strategies that ask for "
                f"cells, got {counts[name]!r}."
            )


def check_cells(
    name: str, learner: ActiveLearner, y: NDArray[Any], pool: NDArray[np.int64]
) -> None:
    """Refuse labels of which there are no such cells as a learner is to ask for.

    Parameters
    ----------
    name : str
        Of the data set.
    learner : ActiveLearner
        It may ask for cells.
    y : ndarray of shape (n_samples, ...)
        The labels of all rows.
    pool : ndarray of int
        Which of them are the pool.
    """
    cells = cells_asked(learner.query_strategy)
    if cells is None:
        return
    known = replace(cells, mark=learner.missing_label).known(y[pool])
    if exceeds(learner.n_labels, n_known := int(known.sum())):
        raise ValueError(
            f"n_labels must be at most {n_known}, the cells of the pool of {name!r} of "
            f"which a unit is known, got {learner.n_labels}."
        )


def counts_for(strategy: Any, counts: dict[str, Any], n_cells: int) -> dict[str, Any]:
    """Return parameters of a learner that count what its strategy asks for.

    Parameters
    ----------
    strategy : strategy
        Asks for cells, or for rows.
    counts : dict of str to object
        The parameters, which count cells where a row has more than one.
    n_cells : int
        How many labels a row counts as.

    Returns
    -------
    dict of str to object
        The parameters; a share stays one.
    """
    if labels_a_pick(strategy, n_cells) == 1:
        return counts
    return {
        name: _in_rows(value, n_cells) if name in COUNTS else value
        for name, value in counts.items()
    }


def labels_a_pick(strategy: Any, n_cells: int) -> int:
    """Return how many labels a thing that a strategy asks for counts as."""
    return n_cells if cells_asked(strategy) is None else 1


def is_all(size: float) -> bool:
    """Tell whether a number of labels is the share that takes them all."""
    return isinstance(size, float) and size == 1


def _in_rows(value, n_cells):
    if isinstance(value, Integral):
        return int(value) // n_cells
    return value if np.ndim(value) == 0 else [size // n_cells for size in value]
