"""The estimator that None stands for scales columns, and takes what it took."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits

from skal import ActiveLearner


@pytest.mark.parametrize("made_into", [np.asarray, sp.csr_matrix, list])
def test_columns_of_any_unit_are_as_good(blobs, made_into):
    X, y = blobs
    units = np.geomspace(1e-3, 1e3, X.shape[1])
    plain, scaled = (
        ActiveLearner(None, "random", random_state=0).fit(made_into(rows), y)
        for rows in (X, X * units)
    )
    same = plain.predict(made_into(X)) == scaled.predict(made_into(X * units))
    assert same.mean() > 0.97


def test_columns_of_one_unit_keep_what_they_are_to_each_other():
    """A pixel that hardly varied among ten rows counted as much as all others."""
    X, y = load_digits(return_X_y=True)
    model = ActiveLearner(random_state=0).fit(X[:10], y[:10]).estimator_
    scales = model[0].scaler_.scale_
    assert np.ptp(scales) == 0
    assert scales[0] == pytest.approx(
        np.sqrt(X[:10].var(axis=0)[X[:10].any(0)].mean()), rel=0.1
    )


def test_a_column_that_never_varied_is_no_clue_beside_others_of_own_units():
    rng = np.random.default_rng(0)
    X = rng.normal([5, 5000, 1], [1, 1000, 0], (40, 3))
    y = (X[:, 0] > 5).astype(int)
    learner = ActiveLearner(random_state=0).fit(X, y)
    far = X + np.array([0, 0, 1e6])
    np.testing.assert_array_equal(learner.predict_proba(far), learner.predict_proba(X))


def test_weights_of_rows_reach_the_regression(blobs):
    X, y = blobs
    weights = np.where(y == 0, 100.0, 1.0)
    plain, weighted = (
        ActiveLearner(random_state=0).fit(X, y, **params)
        for params in ({}, {"sample_weight": weights})
    )
    more = weighted.predict_proba(X)[:, 0].mean()
    assert more > plain.predict_proba(X)[:, 0].mean() + 0.01
