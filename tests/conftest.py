"""Data that the tests share; read-only, so that nobody can alter it unnoticed."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.model_selection import train_test_split


@pytest.fixture
def rng():
    """Return a seeded random state, fresh for each test."""
    return np.random.RandomState(0)


@pytest.fixture(scope="session")
def digits():
    """Return X_train, X_test, y_train, y_test of the digits, scaled to [0, 1]."""
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)
    return read_only(*split)


@pytest.fixture(scope="session")
def blobs():
    """Return X, y: 300 points in the plane in three overlapping classes."""
    return read_only(*make_blobs(300, centers=3, cluster_std=2.0, random_state=0))


def read_only(*arrays):
    for array in arrays:
        array.setflags(write=False)
    return arrays
