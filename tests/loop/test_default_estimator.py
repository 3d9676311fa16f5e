"""The estimator that None stands for scales columns, and takes what it took."""

import numpy as np
import pytest
import scipy.sparse as sp

from skal import ActiveLearner


@pytest.mark.parametrize("made_into", [np.asarray, sp.csr_matrix, list])
def test_columns_of_any_unit_are_as_good(blobs, made_into):
    X, y = blobs
    units = np.geomspace(1e-3, 1e3, X.shape[1])
    plain, scaled = (
        ActiveLearner(None, "random", random_state=0).fit(made_into(rows), y)
        for rows in (X, X * units)
    )
    np.testing.assert_allclose(
        plain.predict_proba(made_into(X)),
        scaled.predict_proba(made_into(X * units)),
        atol=1e-3,
    )


def test_weights_of_rows_reach_the_regression(blobs):
    X, y = blobs
    weights = np.where(y == 0, 100.0, 1.0)
    plain, weighted = (
        ActiveLearner(random_state=0).fit(X, y, **params)
        for params in ({}, {"sample_weight": weights})
    )
    more = weighted.predict_proba(X)[:, 0].mean()
    assert more > plain.predict_proba(X)[:, 0].mean() + 0.01
