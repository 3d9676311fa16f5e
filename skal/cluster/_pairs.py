"""Pairs of rows, and what people answer about them, checked."""

from __future__ import annotations

import numpy as np


def check_pairs(name, pairs, n):
    """Return pairs of positions in n rows as an array of shape (n_pairs, 2)."""
    if pairs is None:
        return np.empty((0, 2), np.int64)
    pairs = np.asarray(pairs)
    if pairs.size == 0 and pairs.ndim <= 2:
        return np.empty((0, 2), np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(
            f"{name} must be of shape (n_pairs, 2), got shape {pairs.shape}. Write a "
            "single pair as [[i, j]]."
        )
    if pairs.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must hold positions of rows, which are integers, got "
            f"{pairs.dtype}."
        )
    outside = (pairs < 0) | (pairs >= n)
    if outside.any():
        bad = pairs[outside.any(axis=1)][0].tolist()
        raise ValueError(f"{name} must be positions from 0 to {n - 1}, got {bad}.")
    same = pairs[:, 0] == pairs[:, 1]
    if same.any():
        bad = pairs[same][0].tolist()
        raise ValueError(f"{name} must be pairs of two different rows, got {bad}.")
    return pairs.astype(np.int64)
