"""Test rows that share no group with the pool, and hold each class at its share."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How often each group may change sides.
PASSES = 3


def split_by_group(
    groups: NDArray[np.int64],
    codes: NDArray[np.int64],
    test_size: float,
    rng: np.random.RandomState,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw whole groups for the test rows, one by one, where that brings them nearer.

    Parameters
    ----------
    groups : ndarray of shape (n_samples,)
        Group of each row, 0 to n_groups - 1.
    codes : ndarray of shape (n_samples,)
        Class of each row, from 0; zeros where there are none.
    test_size : int or float
        Rows, or the share of rows, to hold out: as near as groups allow.
    rng : RandomState
        Draws the order of the groups.

    Returns
    -------
    pool, test : ndarray of int64
        Positions of the rows, in their order.
    """
    n_groups, n_classes = groups.max() + 1, codes.max() + 1
    if n_groups < 2:
        raise ValueError("groups must be two or more, got one.")
    share = test_size / len(groups) if isinstance(test_size, Integral) else test_size
    if not 0 < share < 1:
        raise ValueError(f"test_size must be rows or a share of them, got {test_size}.")
    counts = np.bincount(groups * n_classes + codes, minlength=n_groups * n_classes)
    counts = counts.reshape(n_groups, n_classes)
    counts = np.c_[counts, counts.sum(axis=1)]  # (G, C + 1), the last of all classes
    shares = counts / counts.sum(axis=0)  # a rare class weighs as much as a common one
    lacking = np.full(n_classes + 1, share)  # what the test rows are to hold yet
    held_out = np.zeros(n_groups, dtype=bool)
    for group in np.tile(rng.permutation(n_groups), PASSES):
        after = lacking + (shares[group] if held_out[group] else -shares[group])
        if after @ after < lacking @ lacking:
            held_out[group], lacking = not held_out[group], after
    if not held_out.any():  # each is far larger than the test rows are to be
        held_out[counts[:, -1].argmin()] = True
    if held_out.all():
        held_out[counts[:, -1].argmin()] = False
    test = held_out[groups]
    return np.flatnonzero(~test), np.flatnonzero(test)
