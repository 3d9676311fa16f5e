"""Which keyword arguments reach the estimator inside, and which rows of them."""

from __future__ import annotations

from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object, process_routing
from sklearn.utils.validation import has_fit_parameter

from skal._data import n_rows, take_rows


def routed(learner, method, params):
    """Return the keyword arguments that reach the estimator's method."""
    params = {name: value for name, value in params.items() if value is not None}
    if params and get_config()["enable_metadata_routing"]:
        return process_routing(learner, method, **params).estimator[method]
    return params


def groups_param(estimator, groups):
    """Return groups as a keyword argument of an estimator's fit; none if it takes none.

    Without metadata routing a Pipeline hands them to its last step by name.
    """
    if not get_config()["enable_metadata_routing"]:
        if isinstance(estimator, Pipeline):
            name, last = estimator.steps[-1]
            inner = groups_param(last, groups)
            return {f"{name}__{key}": value for key, value in inner.items()}
        if has_fit_parameter(estimator, "groups"):
            return {"groups": groups}
    request = get_routing_for_object(estimator)
    return {"groups": groups} if request.consumes("fit", ["groups"]) else {}


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
