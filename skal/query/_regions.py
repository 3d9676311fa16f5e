"""Parts of images or signals: cells of a grid, in doubt or at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal._data import GridParts, cells_of
from skal.query._base import QueryStrategy
from skal.query._names import as_strategy
from skal.query._unit_scores import (
    as_it_is,
    check_unit_base,
    reduce_scores,
    unit_needs,
)
from skal.query._units import UnitStrategy, best_pairs, random_pairs
from skal.query.functional import aggregate
from skal.query.functional._aggregate import check_reduction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class _OfCells(UnitStrategy):
    """What strategies that ask for cells of a grid share."""

    target_types = frozenset({"structured"})
    grid: Any

    def _cells(self, mark=None):
        return GridParts(check_grid(self.grid), mark)

    def _check_takes_parts(self, estimator):
        """Take what answers for units: it says by its fit what it does with marks."""


class Regions(_OfCells):
    r"""Ask for the parts of images, or of signals, that the model is least sure of.

    Most of an image is often plain to see. A grid cuts each into cells, and a cell
    scores what its units score on the mean; the cells wanted most are asked for, from
    wherever in the pool they are, so that a person labels these and no more.

    Parameters
    ----------
    base : str or ScoreStrategy, default="entropy"
        What scores a unit, as in :class:`Aggregate`.
    grid : int or tuple of int, default=4
        How many cells there are along each axis of the units; a number is that for both
        axes of an image, and ``(8,)`` cuts signals of one axis. Cells are numbered in
        the order of the units, row by row.
    reduce : {"mean", "topk", "max", "sum", "quantile"}, default="mean"
        What becomes of the scores of a cell's units.
    topk : int or float, default=0.1
        How many are the largest: a number, or a share of the cell's units, rounded up.
    quantile : float, default=0.9
        Which quantile, from 0 to 1.
    max_per_row : int or None, default=None
        At most so many cells of a row in one batch, as long as there are other rows.

    See Also
    --------
    RandomRegions : The baseline.
    Aggregate : Asks for whole rows.
    skal.nets.SegmentationNet : Learns from images labelled in part.

    Notes
    -----
    Cost: O(N C) for N units in all and C classes, S times that for S draws, after one
    pass of the model, in chunks; a sort of the cells more with ``max_per_row``.

    A learner counts cells with it: in ``n_labels``, ``n_initial``, ``batch_size`` and
    ``history_["n_labels"]``. It asks for pairs of a row and a cell, and its y is an
    array (n, ...) in which units that nobody has labelled hold -1, or whatever
    ``missing_label`` is. The estimator must leave these out, as networks of skal do
    with -1. A cell is known once one of its units is. Rows must have units of one
    shape; a grid over fewer axes than they have leaves the last whole.

    References
    ----------
    Casanova, A., Pinheiro, P. O., Rostamzadeh, N., Pal, C. J. (2020). Reinforced active
    learning for image segmentation. ICLR. arXiv:2002.06583

    Mackowiak, R., Lenz, P., Ghori, O., Diego, F., Lange, O., Rother, C. (2018).
    CEREALS: cost-effective region-based active learning for semantic segmentation.
    BMVC. arXiv:1810.09726

    Examples
    --------
    >>> import numpy as np
    >>> from skal.query import Regions
    >>> class Pixels:
    ...     def predict_units(self, X):
    ...         return np.stack([X, 1 - X], axis=-1)  # (n, H, W, C)
    >>> X = np.full((2, 4, 4), 0.99)
    >>> X[1, :2, 2:] = 0.5  # in doubt: the second image, above on the right
    >>> Regions(grid=2)(Pixels(), X)[0]
    array([[1, 1]])
    """

    alias = "regions"

    def __init__(
        self,
        base: str | QueryStrategy = "entropy",
        grid: int | Sequence[int] = 4,
        *,
        reduce: str = "mean",
        topk: float = 0.1,
        quantile: float = 0.9,
        max_per_row: int | None = None,
    ) -> None:
        self.base = base
        self.grid = grid
        self.reduce = reduce
        self.topk = topk
        self.quantile = quantile
        self.max_per_row = max_per_row

    @property
    def needs(self) -> frozenset[str]:
        """Answers for units, in several draws where the base reads these."""
        return unit_needs(self._base())

    def _base(self) -> Any:
        return as_strategy(self.base, "base")

    def _check_params(self):
        check_unit_base(self._base())
        check_grid(self.grid)
        check_reduction(self.reduce, self.topk, self.quantile, None)
        if self.max_per_row is not None:
            check_int("max_per_row", self.max_per_row)

    def _query_units(self, view, rows, open, n_instances, rng):
        scores = self._scores(view, rows)
        return best_pairs(scores, open, n_instances, rng, self.max_per_row)

    def _scores(self, view, rows):
        """Return the score of each cell of each row, (n, n_cells)."""
        grid = check_grid(self.grid)

        def reduce(scores, proba):
            if isinstance(scores, list):
                return np.concatenate(
                    [self._of_cells(row[None], grid) for row in scores]
                )
            return self._of_cells(scores, grid)

        return view._once(
            ("cells", *as_it_is(self)),
            rows,
            lambda X: reduce_scores(view, self._base(), reduce, X),
        )

    def _of_cells(self, scores, grid):
        """Reduce the scores of units (m, ...) to those of cells, (m, n_cells)."""
        parts = [
            aggregate(
                scores[:, *cell],
                self.reduce,
                topk=self.topk,
                quantile=self.quantile,
            )
            for cell in cells_of(scores.shape[1:], grid)
        ]
        return np.stack(parts, axis=1)


class RandomRegions(_OfCells):
    """Ask for parts of images or signals at random: the baseline of such strategies.

    Parameters
    ----------
    grid : int or tuple of int, default=4
        How many cells there are along each axis of the units, as in :class:`Regions`.

    See Also
    --------
    Regions : Those in doubt.
    RandomSampling : Whole rows at random.

    Notes
    -----
    Cost: O(n G) for n rows of G cells. Needs nothing of the model.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.query import RandomRegions
    >>> class Pixels:
    ...     def predict_units(self, X):
    ...         return np.stack([X, 1 - X], axis=-1)
    >>> RandomRegions(grid=2)(Pixels(), np.zeros((9, 4, 4)), 5, random_state=0).shape
    (5, 2)
    """

    alias = "random_regions"

    def __init__(self, grid: int | Sequence[int] = 4) -> None:
        self.grid = grid

    def _check_params(self):
        check_grid(self.grid)

    def _query_units(self, view, rows, open, n_instances, rng):
        return random_pairs(open, n_instances, rng)


def check_grid(grid: Any) -> tuple[int, ...]:
    """Return a grid as a tuple of the number of cells along each axis."""
    if np.ndim(grid) == 0:
        return (check_int("grid", grid),) * 2
    sizes = tuple(check_int("grid", size) for size in grid)
    if not sizes:
        raise ValueError(f"grid must have at least one axis, got {grid!r}.")
    return sizes
