"""Inputs: X as the module takes it, laid out alike in every fit and every pass."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from skal.nets._batches import in_order
from skal.nets._layout import Layout, check_finite, check_kind
from skal.nets._sources import is_dataset, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Inputs:
    """The rows of a source, as a module takes them.

    Attributes
    ----------
    source : ArraySource or DatasetSource
        The rows as they came.
    layout : Layout
        What becomes of each.
    owner : str
        Whose rows they are, for what errors say.
    """

    source: Any
    layout: Layout
    owner: str

    def __len__(self):
        return len(self.source)

    def take(self, where, device):
        """Return the rows at positions, or in a slice."""
        return self.layout.arrange(self.source.take(where), device)

    def batches(self, device) -> Iterator[torch.Tensor]:
        """Yield all rows in order, refusing NaN and infinity."""
        for where in in_order(len(self)):
            rows = self.source.take(where)
            check_finite(rows, self.owner)
            yield self.layout.arrange(rows, device)

    def batches_of(self, positions, device) -> Iterator[torch.Tensor]:
        """Yield the rows at some positions, unchecked."""
        for where in in_order(len(positions)):
            yield self.take(positions[where], device)

    def check_finite(self, positions):
        """Refuse NaN and infinity in the rows at some positions."""
        for where in in_order(len(positions)):
            check_finite(self.source.take(positions[where]), self.owner)


def read(estimator, X, arrange, layout=None):
    """Read X for an estimator: the first time, or as the rows that it was fitted on.

    Parameters
    ----------
    estimator : estimator
        Remembers the number and the names of the columns of its first rows.
    X : array-like, sparse matrix, tensor, frame or torch Dataset
        The rows.
    arrange : callable
        Takes the shape of a row as it comes; returns that which the module sees.
    layout : Layout, default=None
        That of the first rows, where they have been read.

    Returns
    -------
    Inputs
        The rows of X.
    """
    first = layout is None
    source = open_source(checked(estimator, X, reset=first))
    shape = source.row_shape
    if not first and shape == (prod(layout.shape),):  # flat rows fit in any shape
        seen = Layout(layout.shape, source.pixels)
    else:
        seen = Layout(arrange(shape), source.pixels)
    if not first:
        layout.check(seen)
    return Inputs(source, seen, type(estimator).__name__)


def checked(estimator, X, *, reset):
    """Return X as an array, a sparse matrix, a tensor or a data set."""
    if is_dataset(X):
        return X
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    if not isinstance(X, torch.Tensor) and len(X.shape) <= 2:
        return validate_data(
            estimator, X, reset=reset, accept_sparse="csr", ensure_all_finite=False
        )
    X = X if isinstance(X, torch.Tensor) else np.asarray(X)
    check_kind(X)
    if X.ndim < 2 or len(X) == 0:
        raise ValueError(
            f"X must hold at least one row, got shape {tuple(X.shape)}. A "
            "single row needs a dimension in front."
        )
    if reset:
        vars(estimator).pop("feature_names_in_", None)
    return X
