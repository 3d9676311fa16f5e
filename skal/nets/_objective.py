"""Objective: what a fit is to bring down, the loss of each row and its weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch

from skal._data import as_array
from skal._meta import row_weights
from skal.nets._sources import is_dataset, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: Rows on which a criterion is tried.
_FEW = 4


@dataclass(frozen=True)
class Objective:
    """Targets, and how far the outputs of a module are from them.

    Attributes
    ----------
    targets : Tensor of shape (n_rows, ...)
        A target for every row of X, those of weight 0 included.
    weights : Tensor of shape (n_rows,) or None
        They average to 1 over the rows of a weight above 0; None where all are 1.
    width : int
        Outputs that a row needs.
    losses : callable
        Takes outputs and targets of m rows; returns the loss (m,) of each. With
        ``exact=True`` it is that by which fits are compared.
    classes : bool
        Whether targets are codes of classes, whose shares a held-out part should keep.
    units : tuple of int
        The shape of what a row has such outputs for, pixels or steps; () for a row
        itself.
    """

    targets: torch.Tensor
    weights: torch.Tensor | None
    width: int
    losses: Callable[..., torch.Tensor]
    classes: bool
    units: tuple[int, ...] = ()

    def try_on(self, positions):
        """Ask for the losses of a few rows, before any work; refuse what cannot train.

        An error of the criterion comes with what it was called with.
        """
        few = self.targets[positions[:_FEW]]
        outputs = torch.zeros(len(few), self.width, *self.units, requires_grad=True)
        try:
            losses = self.losses(outputs, few)
        except Exception as error:
            error.add_note(
                f"criterion was called with outputs {tuple(outputs.shape)} and targets "
                f"{tuple(few.shape)} of {few.dtype}."
            )
            raise
        shape = tuple(getattr(losses, "shape", (None,)))
        if shape not in ((len(few),), ()) or not losses.requires_grad:
            raise ValueError(
                "criterion must give a loss for each row, or a number, made from the "
                f"outputs, got {losses!r} for {len(few)} rows."
            )
        if shape == () and self.weights is not None:
            raise ValueError(
                "criterion must give a loss for each row where rows or classes have "
                "weights, got one number. Let it take reduction='none', or leave out "
                "sample_weight and class_weight."
            )


def mean_loss(losses, weights):
    """Return the mean of the losses; the weights average to 1 over all rows."""
    return losses.mean() if weights is None else (losses * weights).mean()


def read_y(X, y, owner):
    """Return y as an array; a data set may hold it itself."""
    if y is None:
        if not is_dataset(X):
            raise ValueError(
                f"{owner} requires y to be passed, but the target y is None."
            )
        y = targets_of(X)
    if sp.issparse(y) or np.ma.is_masked(y):
        return as_array(y, regression=True)
    return y.detach().cpu().numpy() if isinstance(y, torch.Tensor) else np.asarray(y)


def check_lengths(inputs, y):
    """Refuse X and y of different length."""
    n_labels = len(y) if y.ndim else 0
    if n_labels != len(inputs):
        raise ValueError(
            f"X and y must have as many rows, got {len(inputs)} and {n_labels}."
        )


def read_weights(sample_weight, n_rows):
    """Return the weights and the positions of the rows whose weight is not zero."""
    weights = row_weights(sample_weight, n_rows)
    if weights is None:
        return None, np.arange(n_rows)
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise ValueError(
            "sample_weight must hold finite numbers of at least 0, got "
            f"{weights.min()!r}."
        )
    positions: NDArray[np.int64] = np.flatnonzero(weights)
    if len(positions) == 0:
        raise ValueError("sample_weight must leave at least one row, got only zeros.")
    return weights, positions


def as_weights(weights, positions):
    """Return weights as a tensor: they average to 1 over some rows, or None."""
    if weights is None:
        return None
    return torch.from_numpy(weights / weights[positions].mean()).float()
