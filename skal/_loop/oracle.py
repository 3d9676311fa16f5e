"""A pool whose labels are hidden until they are asked for."""

from dataclasses import dataclass, replace

import numpy as np

from skal._data import Labels, n_rows, take_rows
from skal._loop.training_set import TrainingSet
from skal._meta import row_weights, slice_params


@dataclass(frozen=True)
class Oracle:
    """A pool whose labels are revealed on demand."""

    X: object
    y: np.ndarray
    params: dict
    labels: Labels
    use_unlabeled: bool = False
    knows_all: bool = False

    def __post_init__(self):
        """Refuse weights that do not belong to the rows."""
        row_weights(self.params.get("sample_weight"), n_rows(self.X))

    def reveal(self, order, *, copy=True):
        """Return the rows at ``order`` with their labels, to train on.

        A copy does not change when the caller reuses a buffer or appends to a list.
        """
        n = n_rows(self.X)
        if not copy and len(order) == n and not isinstance(self.X, list):
            return TrainingSet(self.X, self.y, self.params, self.labels)
        training = TrainingSet(
            take_rows(self.X, order),
            self.y[order],
            slice_params(self.params, order, n),
            self.labels,
        )
        if not self.use_unlabeled:
            return training
        codes = np.full(n, -1)
        codes[order] = self.labels.encode(training.y)
        truth = self.labels.encode(self.y) if self.knows_all else None
        return replace(training, whole=(self.X, codes, self.params), truth=truth)
