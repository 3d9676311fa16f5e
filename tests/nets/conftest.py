"""Data that the tests of nets share."""

import pytest
from sklearn.datasets import load_iris


@pytest.fixture(scope="session")
def iris():
    """Return the flowers, in the order of their classes."""
    return load_iris(return_X_y=True)
