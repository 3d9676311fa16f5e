"""How much each row counts in a fit, whatever the fit passes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing

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
        If they are no weights of rows.
    """
    while estimator is not None and not isinstance(estimator, FrozenEstimator):
        if isinstance(estimator, Pipeline):
            params = _of_last_step(estimator, params)
            estimator = estimator.steps[-1][1]
        else:
            estimator = getattr(estimator, "estimator", None)
    weight = params.get("sample_weight")
    if weight is None:
        return None
    weight = np.asarray(weight, dtype=float)
    if weight.ndim > 1:
        raise ValueError(
            "sample_weight must be 1-D, a weight for each row, got shape "
            f"{weight.shape}."
        )
    return np.full(n_rows, float(weight)) if weight.ndim == 0 else weight


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


def counting(weight: NDArray[np.float64] | None, n_rows: int) -> NDArray[np.bool_]:
    """Tell of each row whether it counts at all: one of weight 0 is as if absent."""
    return np.ones(n_rows, dtype=bool) if weight is None else weight != 0
