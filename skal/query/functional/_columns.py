"""Columns of a large matrix, computed when asked for and kept while there is room."""

from typing import Any

import numpy as np


class Columns:
    """How near some rows are to all reference rows: computed once while there is room.

    Parameters
    ----------
    compute : callable
        Takes k positions, returns an array of shape (n_reference, k).
    n_columns : int
        How many positions there are.
    n_kept : int
        How many columns are kept at most; then all are forgotten.
    """

    def __init__(self, compute, n_columns, n_kept):
        self.compute, self.n_kept = compute, n_kept
        self.slots = np.full(n_columns, -1, np.int32)
        self.n_filled = 0
        self.kept: Any = None  # (n_kept, r), made once r is known

    def of(self, positions):
        """Return the columns of at most ``n_kept`` positions, as rows: (k, r)."""
        new = positions[self.slots[positions] < 0]
        if self.n_filled + len(new) > self.n_kept:
            self.slots[:], self.n_filled, new = -1, 0, positions
        if len(new):
            self._fill(new)
        return self.kept[self.slots[positions]]

    def _fill(self, new):
        columns = self.compute(new).T
        if self.kept is None:
            self.kept = np.empty((self.n_kept, columns.shape[1]), columns.dtype)
        end = self.n_filled + len(new)
        self.kept[self.n_filled : end] = columns
        self.slots[new] = np.arange(self.n_filled, end)
        self.n_filled = end
