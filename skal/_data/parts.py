"""The parts of rows that are asked for one by one: labels, or cells of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skal._data.structured import unknown_units

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class LabelParts:
    """The several labels of a row, NaN in y (n, L) where nobody has said."""

    words: ClassVar[str] = "single labels of rows"

    def labelled(self, y):
        """Tell which entries of y hold a label."""
        return ~np.isnan(y)

    def known(self, y):
        """Tell which parts of each row are known, (n, n_parts)."""
        return self.labelled(y)

    def only(self, y, known):
        """Return y without what is not known."""
        return np.where(known, y, np.nan)


@dataclass(frozen=True)
class GridParts:
    """The cells of a grid over the units of a row, in the order of the units.

    Units stand in an array y (n, ...), marked where nobody has said. A cell is known
    once one of its units is.
    """

    grid: tuple[int, ...]
    mark: Any = None

    @property
    def n_parts(self):
        """The number of cells."""
        return prod(self.grid)

    @property
    def words(self):
        """What is asked for, in words."""
        return f"cells of a grid of {' x '.join(map(str, self.grid))} over rows"

    def labelled(self, y):
        """Tell which units of y hold a label."""
        if y.dtype == object:
            raise ValueError(
                "y must be an array of shape (n_samples, ...) where cells of rows are "
                "asked for, got entries that differ in shape, or are no arrays."
            )
        if y.dtype.kind not in "biuf":
            raise ValueError(
                "y must hold numbers where cells of rows are asked for, the codes of "
                f"classes, got {y.dtype}, which cannot hold the mark {self.mark!r}."
            )
        return ~unknown_units(y, self.mark)

    def known(self, y):
        """Tell which cells of each row are known, (n, n_parts)."""
        labelled = self.labelled(y)
        parts = [
            labelled[:, *cell].reshape(len(y), -1).any(axis=1)
            for cell in cells_of(y.shape[1:], self.grid)
        ]
        return np.stack(parts, axis=1)

    def only(self, y, known):
        """Return y without what is not known."""
        if y.dtype.kind == "f":
            left = np.full_like(y, np.nan)
        else:  # which may be without a sign
            dtype = np.result_type(y.dtype, np.min_scalar_type(self.mark))
            left = np.full(y.shape, self.mark, dtype)
        for part, cell in enumerate(cells_of(y.shape[1:], self.grid)):
            rows = np.flatnonzero(known[:, part])
            left[rows, *cell] = y[rows, *cell]
        return left


def cells_of(shape, grid):
    """Return the cells of a grid over units of some shape, as tuples of slices."""
    if len(shape) < len(grid) or any(
        size < n for size, n in zip(shape, grid, strict=False)
    ):
        raise ValueError(
            f"grid must have at most as many cells as there are units, got {grid} for "
            f"units of shape {tuple(shape)}. Signals have one axis, grid=(8,)."
        )
    edges = [
        [size * i // n for i in range(n + 1)]
        for size, n in zip(shape, grid, strict=False)
    ]
    return [*product(*([slice(*ends) for ends in pairwise(axis)] for axis in edges))]
