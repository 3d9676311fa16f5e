"""Which keyword arguments reach the estimator inside, and which rows of them."""

from __future__ import annotations

from sklearn import get_config
from sklearn.utils.metadata_routing import (
    process_routing,
)

from skal._data import n_rows, take_rows


def routed(learner, method, params):
    """Return the keyword arguments that reach the estimator's method."""
    params = {name: value for name, value in params.items() if value is not None}
    if params and get_config()["enable_metadata_routing"]:
        return process_routing(learner, method, **params).estimator[method]
    return params


def is_row_wise(value, n):
    """Tell whether a fit parameter holds one value a row."""
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__len__"):
        return False
    return getattr(value, "ndim", 1) > 0 and n_rows(value) == n


def slice_params(params, positions, n):
    """Take the rows at ``positions`` of every row-wise parameter."""
    return {
        name: take_rows(value, positions) if is_row_wise(value, n) else value
        for name, value in params.items()
    }
