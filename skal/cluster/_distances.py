"""Squared Euclidean distances between two sets of centres."""

from __future__ import annotations

import numpy as np


def squared_distances(A, B):
    """Return squared distances between dense rows: (m, k)."""
    centre = B.mean(axis=0)  # or large offsets would cost digits
    A, B = A - centre, B - centre
    far = A @ (-2 * B.T)
    far += np.einsum("ij,ij->i", A, A)[:, np.newaxis]
    far += np.einsum("ij,ij->i", B, B)
    return np.maximum(far, 0, out=far)
