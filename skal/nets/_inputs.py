"""Inputs: X as the module takes it, laid out alike in every fit and every pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from skal._checks import check_int
from skal._data import MultiInput, as_multi_input, check_pool, in_memory
from skal.nets._batches import ROWS_A_PASS, in_order
from skal.nets._dataset_source import DatasetSource
from skal.nets._layout import (
    Layout,
    SetLayout,
    check_finite,
    check_kind,
    otherwise,
)
from skal.nets._reading import ReadAhead, read_pieces
from skal.nets._sources import is_dataset, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Inputs:
    """The rows of a source, as a module takes them.

    Attributes
    ----------
    source : ArraySource, SequenceSource, SetSource or DatasetSource
        The rows as they came.
    layout : Layout or SetLayout
        What becomes of each.
    owner : str
        Whose rows they are, for what errors say.
    num_workers : int
        Processes that read a data set.
    at_once : int
        Rows of a pass.
    """

    source: Any
    layout: Any
    owner: str
    num_workers: int = 0
    at_once: int = ROWS_A_PASS

    def __len__(self):
        return len(self.source)

    def take(self, where, device):
        """Return the rows at positions, or in a slice."""
        return self.layout.arrange(self.source.take(where), device)

    def batches(self, device) -> Iterator[Any]:
        """Yield all rows in order, refusing NaN and infinity."""
        for rows in self._raw(self.in_order(len(self))):
            check_finite(rows, self.owner)
            yield self.layout.arrange(rows, device)

    def batches_of(self, positions, device) -> Iterator[Any]:
        """Yield the rows at some positions, unchecked."""
        for rows in self._raw_of(positions):
            yield self.layout.arrange(rows, device)

    def check_finite(self, positions):
        """Refuse NaN and infinity in the rows at some positions."""
        for rows in self._raw_of(positions):
            check_finite(rows, self.owner)

    def to_train_on(self, positions, stream=0):
        """Return what reads ahead the rows of a data set; None for arrays.

        What two streams of a fit draw at random is independent.
        """
        if not isinstance(self.source, DatasetSource):
            return None
        return ReadAhead(self.source, positions, self.num_workers, stream)

    def ways(self):
        """Return the rows as the module may take them: first as they are laid out."""
        other = None
        if not self.layout.is_set and not self.layout.ids:
            other = otherwise(self.source.row_shape, self.layout.shape)
        if other is None:
            return [self]
        return [self, replace(self, layout=replace(self.layout, shape=other))]

    def in_order(self, n_rows):
        """Yield slices of so many rows, a pass each."""
        return in_order(n_rows, self.at_once)

    def _raw_of(self, positions):
        places = self.in_order(len(positions))
        return self._raw(positions[where] for where in places)

    def _raw(self, pieces):
        if isinstance(self.source, DatasetSource):
            return read_pieces(self.source, pieces, self.num_workers)
        return map(self.source.take, pieces)


def read(estimator, X, arrange, layout=None):
    """Read X for an estimator: the first time, or as the rows that it was fitted on.

    Parameters
    ----------
    estimator : estimator
        Remembers the number and the names of the columns of its first rows. What it has
        of ``keep_integers``, ``num_workers``, ``module`` and ``input_shape`` counts.
    X : array-like, sparse matrix, tensor, frame, MultiInput or torch Dataset
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
    if isinstance(layout, SetLayout) and not is_dataset(X):
        X = as_multi_input(X)
        layout.check_is_set(X)
    keeps = bool(estimator.keep_integers)
    source = open_source(checked(estimator, X, reset=first, ids=keeps), keeps)
    seen = layout_of(source, arrange, layout)
    if first:
        check_taken(estimator, seen)
    else:
        layout.check(seen)
    n_workers = check_int("num_workers", estimator.num_workers, minimum=0)
    return Inputs(source, seen, type(estimator).__name__, n_workers)


def layout_of(source, arrange, known):
    """Return the layout of the rows of a source; rows as in fit are taken as there."""
    if not isinstance(known, Layout):
        return source.layout(arrange)

    def arranged(shape):
        if (1, *shape) == known.shape or shape == (known.size,):
            return known.shape  # a channel is put in front; flat rows fit in any shape
        return shape if shape == known.shape else arrange(shape)

    return known.same_kind(source.layout(arranged))


def with_ways_out(error, ways):
    """Add to the error of a module what rows it was shown, and what else there is."""
    shapes = [way.layout.shape for way in ways if isinstance(way.layout, Layout)]
    if len(shapes) > 1:
        error.add_note(f"module was tried on rows of the shapes {shapes}.")
    if ways[0].source.holds_whole_numbers and not ways[0].layout.ids:
        error.add_note(
            "X holds whole numbers, which reached the module as float32. Pass "
            "keep_integers=True if they are ids, as torch.nn.Embedding wants them."
        )
    return error


def check_taken(estimator, layout):
    """Refuse rows that only a module of the user's can take, or a reshaped one."""
    alone = isinstance(layout, Layout) and not layout.ids
    if alone:
        return
    what = f"{layout.words}" if isinstance(layout, SetLayout) else "rows of ids"
    if estimator.module is None:
        raise ValueError(
            f"X must hold rows of one tensor of numbers for {type(estimator).__name__}"
            f", got {what}. Give NetClassifier or NetRegressor a module of your own."
        )
    if estimator.input_shape is not None:
        raise ValueError(
            f"input_shape must be None for {what}, which go in as they are, got "
            f"{estimator.input_shape!r}."
        )


def checked(estimator, X, *, reset, ids=False):
    """Return X as an array, a sparse matrix, a tensor, a set, a list or a data set."""
    X = as_multi_input(in_memory(X))
    if ids and isinstance(X, list | tuple) and not is_dataset(X):
        return list(X)
    if is_dataset(X) or isinstance(X, MultiInput):
        if reset:
            vars(estimator).pop("feature_names_in_", None)
        return X
    if not hasattr(X, "__array__") and not issparse(X):
        check_pool(X)
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
