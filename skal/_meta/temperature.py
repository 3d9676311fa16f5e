"""Probabilities at a temperature, and the temperature at which labels are likeliest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Where a probability of zero is taken to be, as scikit-learn does.
_FLOOR = 1e-12


def at_temperature(
    proba: NDArray[Any], temperature: float, floor: float = _FLOOR
) -> NDArray[Any]:
    """Return probabilities to the power 1 / temperature, normalised in each row.

    Parameters
    ----------
    proba : ndarray of shape (..., n_classes)
        Probabilities.
    temperature : float
        Above 1 makes them less sure, below 1 surer.
    floor : float, default=1e-12
        Probabilities below count as that.

    Returns
    -------
    ndarray of shape (..., n_classes)
        The new probabilities, in the same type.
    """
    proba = np.asarray(proba)
    scaled = np.maximum(proba, proba.dtype.type(floor))
    np.log(scaled, out=scaled)
    scaled /= temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=-1, keepdims=True)
    return scaled


def find_temperature(
    proba: NDArray[Any],
    codes: NDArray[Any],
    weight: NDArray[np.float64] | None = None,
    *,
    log_bounds: tuple[float, float],
    prior_precision: float = 0.0,
    floor: float = _FLOOR,
) -> float:
    """Return the temperature at which the labels are likeliest.

    The negative log-likelihood is convex in 1/T, so that with a normal prior of log T
    there is one minimum to speak of.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Probabilities that were predicted.
    codes : ndarray of int of shape (n,)
        The columns of the true labels.
    weight : ndarray of shape (n,), default=None
        How much each row counts; None is 1.
    log_bounds : tuple of float
        Bounds of log T.
    prior_precision : float, default=0.0
        Of a normal prior of log T around 0, which counts about as much as so many
        rows; 0 is no prior.
    floor : float, default=1e-12
        Probabilities below count as that.

    Returns
    -------
    float
        The temperature; 1, no change, where there is no row.
    """
    if len(codes) == 0:
        return 1.0
    log_proba = np.log(np.maximum(proba, floor, dtype=np.float64))
    weight = np.ones(len(codes)) if weight is None else weight

    def loss(log_t):
        logits = log_proba * np.exp(-log_t)
        logits -= logits.max(axis=1, keepdims=True)
        chance = logits[np.arange(len(codes)), codes]
        surprise = np.log(np.exp(logits).sum(axis=1)) - chance
        return weight @ surprise + prior_precision * log_t**2 / 2

    best = minimize_scalar(loss, bounds=log_bounds, method="bounded")
    return float(np.exp(best.x))
