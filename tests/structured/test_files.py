"""Rows in a file are answered for in chunks, their units row by row."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator

from skal import ActiveLearner
from skal.query import Aggregate

LENGTHS = np.random.RandomState(0).randint(0, 5, size=90)


class Tagger(BaseEstimator):
    """Tags as many words as the first number of a row says, by the second."""

    def fit(self, X, y):
        self.n_rows_ = len(X)
        return self

    def predict_units(self, X):
        chances = [np.full(int(row[0]), row[1]) for row in X]
        return [np.column_stack([p, 1 - p]) for p in chances]

    def predict(self, X):
        return [
            ["a" if a > b else "b" for a, b in row] for row in self.predict_units(X)
        ]


def test_units_of_rows_in_a_file_are_those_of_rows_in_memory(tmp_path):
    zarr = pytest.importorskip("zarr")
    X = np.column_stack([LENGTHS, np.linspace(0, 1, 90)])
    file = zarr.create_array(
        str(tmp_path / "pool.zarr"), shape=X.shape, chunks=(20, 2), dtype=X.dtype
    )
    file[:] = X
    y = Tagger().fit(X, None).predict(X)
    learner = ActiveLearner(Tagger(), Aggregate(), n_labels=30, random_state=0)
    learner.fit(X, y)
    other = ActiveLearner(Tagger(), Aggregate(), n_labels=30, random_state=0)
    other.fit(file, y)
    assert_array_equal(other.labeled_iter_, learner.labeled_iter_)
    assert other.predict(file) == learner.predict(X)
    units, expected = other.predict_units(file), learner.predict_units(X)
    assert len(units) == len(expected) == 90
    for mine, plain in zip(units, expected, strict=True):
        assert_array_equal(mine, plain)
