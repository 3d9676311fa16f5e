"""How sure a model may say it is: probabilities set right by the audit."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any


def temperature_of(proba: Any, codes: Any) -> float:
    """Return the temperature that makes probabilities as sure as they are right.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        What the model says of the rows of the audit.
    codes : ndarray of int of shape (n,)
        Which class each is.

    Returns
    -------
    float
        1 leaves them as they are (Guo et al., 2017, ICML).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = np.log(np.maximum(proba, 1e-12))
    rows = np.arange(len(codes))

    def loss(log_temperature):
        return -log_softmax(logits / exp(log_temperature), axis=1)[rows, codes].mean()

    return float(exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def at_temperature(proba: Any, temperature: float) -> Any:
    """Return probabilities at a temperature.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Probabilities.
    temperature : float
        Above 1 makes them less sure.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Probabilities.
    """
    from scipy.special import softmax

    return softmax(np.log(np.maximum(proba, 1e-12)) / temperature, axis=1)
