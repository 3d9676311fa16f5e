"""Columns in units of their own are brought to one scale, others are left alone."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA

from skal.query.functional import common_units, units_differ
from skal.query.functional._scale import reach_of_columns


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_columns_in_units_of_their_own_spread_alike_after(load):
    X, _ = load(return_X_y=True)
    assert units_differ(X)
    scaled, labeled = common_units(X, X[:7])
    bulk = np.quantile(scaled, 0.95, axis=0) - np.quantile(scaled, 0.05, axis=0)
    np.testing.assert_allclose(bulk, 1, rtol=1e-4)
    np.testing.assert_array_equal(labeled, scaled[:7])


def test_pixels_components_and_flowers_are_left_alone():
    digits, _ = load_digits(return_X_y=True)
    components = PCA(20, random_state=0).fit_transform(digits)
    for X in (digits, components, load_iris().data):
        assert not units_differ(X)
        np.testing.assert_array_equal(common_units(X)[0], X)


def test_two_columns_are_enough_to_differ():
    X = np.random.default_rng(0).normal([1, 1000], [1, 500], (50, 2))
    assert units_differ(X)


def test_an_outlier_does_not_make_all_others_alike():
    X = np.random.default_rng(0).normal([1, 1000], [1, 500], (50, 2))
    X[0] = 1e9
    scaled, _ = common_units(X)
    assert scaled.max() <= 2
    assert np.ptp(scaled[1:], axis=0).min() > 0.9


def test_a_column_that_does_not_vary_and_sparse_rows_are_no_trouble():
    X = np.column_stack([np.arange(9.0), 1000 * np.arange(9.0), np.full(9, 7.0)])
    assert np.isfinite(common_units(X)[0]).all()
    rows = sp.csr_array(X)
    assert common_units(rows)[0].nnz == rows.nnz


@pytest.mark.parametrize("n", [1, 2, 7, 40, 101])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_spread_is_between_numpys_quantiles(n, dtype):
    X = np.random.default_rng(n).normal(size=(n, 4)).astype(dtype)
    X[n // 2, 1] = np.nan
    expected = np.quantile(X, [0.05, 0.5, 0.95], axis=0)
    low, middle, spread = reach_of_columns(X)
    np.testing.assert_array_equal(middle, expected[1])
    np.testing.assert_array_equal(low, expected[0])
    np.testing.assert_array_equal(spread, expected[2] - expected[0])
