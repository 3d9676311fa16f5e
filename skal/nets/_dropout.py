"""Dropout: one call of one, what its mask looks like and what it does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

#: The value that alpha dropout sets a dropped unit to, before it rescales.
DROPPED_ALPHA = -1.7580993408473766
#: Draws that are no mask: of a layer that makes its own of them.
CHANCE = ("uniform", "normal")


class OneByOneError(RuntimeError):
    """The draws cannot go through the network in one pass; they can one by one."""


class Rows(NamedTuple):
    """Where a tensor has the rows of a batch: along ``dim``, ``each`` places a row.

    ``dim`` is None where it has none, as a weight does.
    """

    dim: int | None = 0
    each: int = 1

    def one(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of what belongs to one row."""
        if self.dim is None:
            return tuple(shape)
        return (*shape[: self.dim], self.each, *shape[self.dim + 1 :])

    def spread(self, mask: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the mask of one row so that it can be multiplied by that of all."""
        if self.dim is None or self.each == 1:
            return mask
        times = [1] * mask.ndim
        times[self.dim] = shape[self.dim] // self.each
        return mask.repeat(times)


class Dropout(NamedTuple):
    """One call of a dropout function, whichever it was."""

    kind: str
    p: float
    on: bool
    inplace: bool = False

    def mask_shape(self, x: Tensor, rows: Rows = Rows()) -> tuple[int, ...]:  # noqa: B008
        """Return the shape of a mask: that of one row, which all rows share."""
        shape = tuple(x.shape)
        if self.kind.startswith("feature"):
            shape = (*shape[:2], *(1 for _ in shape[2:]))
        return rows.one(shape)

    def mask_of(self, numbers: Tensor) -> Tensor:
        """Return a mask, 1 for what is kept, or the numbers that a layer asked for."""
        return numbers if self.kind in CHANCE else numbers >= self.p

    def drop(self, x: Tensor, keep: Tensor, *, inplace: bool = False) -> Tensor:
        """Drop the units of x where ``keep`` is 0, and rescale the others."""
        keep = keep.to(x.dtype)
        if self.p == 1:
            scale, shift = keep * 0, None
        elif not self.kind.endswith("alpha"):
            scale, shift = keep / (1 - self.p), None
        else:  # Klambauer et al. (2017): the mean and the variance stay as they were
            a = ((DROPPED_ALPHA**2 * self.p + 1) * (1 - self.p)) ** -0.5
            scale = keep * a
            shift = ((1 - keep) - self.p) * (DROPPED_ALPHA * a)
        x = x.mul_(scale) if inplace else x * scale
        if shift is None:
            return x
        return x.add_(shift) if inplace else x + shift
