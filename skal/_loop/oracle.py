"""A pool whose labels are hidden until they are asked for."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from skal._data import (
    DaskRows,
    Labels,
    Rejects,
    Rows,
    StoredRows,
    in_memory,
    is_stored,
    n_rows,
    take_grown,
    take_rows,
)
from skal._loop.beside import beside_at
from skal._loop.training_set import TrainingSet
from skal._meta import row_weights, slice_params


@dataclass(frozen=True)
class Oracle:
    """A pool whose labels are revealed on demand."""

    X: Any
    y: np.ndarray
    params: dict
    labels: Labels
    use_unlabeled: bool = False
    knows_all: bool = False
    rejects: Rejects | None = None
    beside: dict = field(default_factory=dict)

    @classmethod
    def of(
        cls, X, target, params, labels, beside, use_unlabeled=False, knows_all=False
    ):
        """Return the rows of X and what a target says of them."""
        return cls(
            X,
            target.y,
            params,
            labels,
            use_unlabeled,
            knows_all,
            target.rejects,
            beside,
        )

    def __post_init__(self):
        """Refuse weights that do not belong to the rows; hold a pool that is learnt."""
        row_weights(self.params.get("sample_weight"), n_rows(self.X))
        if self.use_unlabeled:
            object.__setattr__(self, "X", in_memory(self.X))

    def reveal(self, order, *, copy=True):
        """Return the rows at ``order`` with their labels, to train on.

        A copy does not change when the caller reuses a buffer or appends to a list.
        """
        n = n_rows(self.X)
        is_far = isinstance(self.X, DaskRows | StoredRows)
        copy = copy or is_far or is_stored(self.X) or isinstance(self.X, list)
        if not copy and len(order) == n:
            return TrainingSet(
                self.X,
                self.y,
                self.params,
                self.labels,
                rejects=self.rejects,
                beside=self.beside,
            )
        take = take_grown if is_far else take_rows
        training = TrainingSet(
            take(self.X, order),
            self.y[order],
            slice_params(self.params, order, n),
            self.labels,
            rejects=None if self.rejects is None else self.rejects.of(order),
            beside=beside_at(self.beside, order),
        )
        if not self.use_unlabeled:
            return training
        truth = self.labels.encode(self.y) if self.knows_all else None
        if truth is not None and self.rejects is not None:
            # Whatever a model takes a row of no class for is wrong.
            truth[self.rejects.rows] = self.labels.n_outputs
        return training.within(self.X, order, self.params, truth)

    @cached_property
    def pool(self):
        """The rows as strategies see them; groups and costs are checked once."""
        return Rows(self.X, **self.beside)

    @property
    def costs(self):
        """What each label costs; 1 where nobody has said."""
        costs = self.beside.get("costs")
        return np.broadcast_to(1, n_rows(self.X)) if costs is None else costs

    def in_scope(self, rows):
        """Return the labels of the rows, at some positions, that belong to a class."""
        if self.rejects is None:
            return self.y[rows]
        return self.y[rows][~self.rejects.rows[rows]]

    @property
    def strata(self):
        """What tells the classes of the rows apart; rejected rows are one more."""
        if self.rejects is None or self.labels.target_type != "multiclass":
            return self.y
        codes = self.labels.find(self.y)
        codes[self.rejects.rows] = self.labels.n_outputs
        return codes
