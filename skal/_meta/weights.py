"""How much each row counts in a fit, whatever the fit passes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import has_fit_parameter

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


def fit_weight(
    estimator: Any, params: dict[str, Any], n_rows: int
) -> NDArray[np.float64] | None:
    """Return the weights with which an estimator's last step is fitted.

    Parameters
    ----------
    estimator : estimator
        A Pipeline, something around one, or any other estimator.
    params : dict
        What its ``fit`` is given beside X and y.
    n_rows : int
        The number of rows.

    Returns
    -------
    ndarray of shape (n_rows,) or None
        The weights, None where all rows count alike.

    Raises
    ------
    ValueError
        If there is not one for each row.
    """
    while estimator is not None and not isinstance(estimator, FrozenEstimator):
        if isinstance(estimator, Pipeline):
            params = _of_last_step(estimator, params)
            estimator = estimator.steps[-1][1]
        else:
            estimator = getattr(estimator, "estimator", None)
    return row_weights(params.get("sample_weight"), n_rows)


def _of_last_step(pipeline, params):
    """Return the parameters that reach the fit of the last step."""
    name = pipeline.steps[-1][0]
    if not params:
        return {}
    if get_config()["enable_metadata_routing"]:
        return process_routing(pipeline, "fit", **params)[name]["fit"]
    start = f"{name}__"
    return {
        key.removeprefix(start): value
        for key, value in params.items()
        if key.startswith(start)
    }


def weight_name(estimator: Any) -> str | None:
    """Return the name by which fit takes weights of rows.

    Parameters
    ----------
    estimator : estimator
        A Pipeline, whose last step the weights are for, or any other estimator.

    Returns
    -------
    str or None
        The name; None if fit takes no weights.
    """
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_name(last)
        routing = get_config()["enable_metadata_routing"]
        return inner if inner is None or routing else f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None


def row_weights(weight: Any, n_rows: int) -> NDArray[np.float64] | None:
    """Return weights of rows as numbers, one a row.

    Parameters
    ----------
    weight : array-like of shape (n_rows,), float or None
        A number counts for every row.
    n_rows : int
        The number of rows.

    Returns
    -------
    ndarray of shape (n_rows,) or None
        The weights, None where none are given.

    Raises
    ------
    ValueError
        If there is not one for each row.
    """
    if weight is None:
        return None
    weights = np.asarray(weight, dtype=float)
    if weights.ndim == 0:
        weights = np.full(n_rows, float(weights))
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must hold a weight for each of the {n_rows} rows of X, got "
            f"shape {weights.shape}."
        )
    return weights


def counting(weight: NDArray[np.float64] | None, n_rows: int) -> NDArray[np.bool_]:
    """Tell of each row whether it counts at all: one of weight 0 is as if absent."""
    return np.ones(n_rows, dtype=bool) if weight is None else weight != 0


def weights_by_class(
    class_weight: Any, y: NDArray[Any], classes: NDArray[Any]
) -> NDArray[np.float64]:
    """Return how much each row counts by its class alone.

    Parameters
    ----------
    class_weight : dict or "balanced"
        As scikit-learn takes it; a dict may name classes that no row has, too.
    y : ndarray of shape (n_rows,)
        The classes of the rows.
    classes : ndarray of shape (n_classes,)
        Every class there is.

    Returns
    -------
    ndarray of shape (n_rows,)
        The weights.
    """
    if isinstance(class_weight, dict):
        absent = {*classes.tolist()} - {*np.unique(y).tolist()}
        class_weight = {
            name: weight for name, weight in class_weight.items() if name not in absent
        }
    return compute_sample_weight(class_weight, y)


def weights_of_classes(
    class_weight: Any, classes: NDArray[Any], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how much each class counts, where so many labels are of it.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        "balanced" lets all classes that occur count alike. A class that a dict leaves
        out counts 1.
    classes : ndarray of shape (n_classes,)
        Every class there is.
    counts : ndarray of shape (n_classes,)
        How many labels are of each.

    Returns
    -------
    ndarray of shape (n_classes,)
        The weights.

    Raises
    ------
    ValueError
        If ``class_weight`` is none of these, names another class, or holds a number
        that is not finite or below 0.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        share = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return np.where(counts > 0, share, 1.0)
    if not isinstance(class_weight, dict) or set(class_weight) - set(classes.tolist()):
        raise ValueError(
            "class_weight must be 'balanced', None or a dict of weights of classes, "
            f"{classes.tolist()}, got {class_weight!r}."
        )
    weights = np.array([float(class_weight.get(name, 1)) for name in classes.tolist()])
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(
            "class_weight must hold finite numbers of at least 0, got "
            f"{class_weight!r}."
        )
    return weights
