"""Data that the tests share; read-only, so that nobody can alter it unnoticed."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression
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


@pytest.fixture(scope="session")
def pixels():
    """Return X, y: 40 images of 4 x 5 pixels, labelled 1 where they are bright."""
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(40, 4, 5))
    return read_only(X, (X + rng.normal(0, 0.1, X.shape) > 0.5).astype(int))


@pytest.fixture(scope="session")
def two_of_three(blobs):
    """Return a model that has seen the classes 0 and 2 only, and its rows."""
    X, y = blobs
    seen = y != 1
    return LogisticRegression().fit(X[seen], y[seen]), X


@pytest.fixture(scope="session")
def torch():
    """Import torch before the test starts: its first import seeds it."""
    return pytest.importorskip("torch")


@pytest.fixture
def seeded_torch(torch):
    """Draw from a seeded torch, and leave its global state as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def dask_here():
    """Let dask compute in this thread, block after block."""
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler="synchronous"):
        yield


def read_only(*arrays):
    for array in arrays:
        array.setflags(write=False)
    return arrays
