"""What a row may be worth to whoever looks for the largest value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erfcx, ndtr

from skal._checks import check_number
from skal.query.functional._inputs import check_array

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


#: So many deviations from the mean, chances are below the smallest double.
_FAR = 40.0


def expected_improvement(
    mean: ArrayLike, std: ArrayLike, best: float, *, tradeoff: float = 0.0
) -> NDArray[Any]:
    r"""Measure by how much a row is expected to be above the best value so far.

    With :math:`z = (\mu - y^* - \xi) / \sigma` a row scores

    .. math:: E[\max(0, f - y^* - \xi)] = \sigma \left( z \Phi(z) + \phi(z) \right)

    Parameters
    ----------
    mean, std : array-like of shape (n,)
        Mean and standard deviation of the prediction for each row.
    best : float
        The largest value so far, :math:`y^*`.
    tradeoff : float, default=0.0
        What an improvement must exceed to count, :math:`\xi`, in the units of the
        target: the larger, the more the spread counts.

    Returns
    -------
    ndarray of float of shape (n,)
        From 0, in the units of the target. Without a spread it is the improvement of
        the mean, or 0.

    Raises
    ------
    ValueError
        If mean and std are not of one shape (n,), or a std is below 0.

    See Also
    --------
    probability_of_improvement : Whether, not by how much.
    upper_confidence_bound : Mean and spread, without the best value.

    References
    ----------
    Jones, D. R., Schonlau, M., Welch, W. J. (1998). Efficient global optimization of
    expensive black-box functions. Journal of Global Optimization 13.
    doi:10.1023/A:1008306431147

    Examples
    --------
    >>> from skal.query.functional import expected_improvement
    >>> expected_improvement([1.0, 0.0, 2.0], [1.0, 1.0, 0.0], best=1.0).round(3)
    array([0.399, 0.083, 1.   ])
    """
    gain, spread = _gain(mean, std, best, tradeoff)
    z = _in_deviations(gain, spread)
    below = np.minimum(z, 0)  # where the two terms cancel: by the scaled tail
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    tail = density * (1 + below * np.sqrt(np.pi / 2) * erfcx(-below / np.sqrt(2)))
    value = np.where(z < 0, spread * tail, gain * ndtr(z) + spread * density)
    return np.maximum(np.where(spread > 0, value, gain), 0)


def probability_of_improvement(
    mean: ArrayLike, std: ArrayLike, best: float, *, tradeoff: float = 0.0
) -> NDArray[Any]:
    r"""Measure how probably a row is above the best value so far.

    .. math:: P(f > y^* + \xi) = \Phi\left( (\mu - y^* - \xi) / \sigma \right)

    Parameters
    ----------
    mean, std : array-like of shape (n,)
        Mean and standard deviation of the prediction for each row.
    best : float
        The largest value so far, :math:`y^*`.
    tradeoff : float, default=0.0
        What an improvement must exceed to count, :math:`\xi`, in the units of the
        target.

    Returns
    -------
    ndarray of float of shape (n,)
        From 0 to 1. Without a spread it is 1 where the mean exceeds the best, else 0.

    Raises
    ------
    ValueError
        If mean and std are not of one shape (n,), or a std is below 0.

    See Also
    --------
    expected_improvement : By how much, too.

    References
    ----------
    Kushner, H. J. (1964). A new method of locating the maximum point of an arbitrary
    multipeak curve in the presence of noise. Journal of Basic Engineering 86.
    doi:10.1115/1.3653121

    Examples
    --------
    >>> from skal.query.functional import probability_of_improvement
    >>> probability_of_improvement([1.0, 0.0, 2.0], [1.0, 1.0, 0.0], best=1.0).round(3)
    array([0.5  , 0.159, 1.   ])
    """
    gain, spread = _gain(mean, std, best, tradeoff)
    return np.where(spread > 0, ndtr(_in_deviations(gain, spread)), gain > 0)


def upper_confidence_bound(
    mean: ArrayLike, std: ArrayLike, *, beta: float = 1.0
) -> NDArray[Any]:
    r"""Measure the largest value that a row may plausibly have.

    .. math:: \mu + \beta \sigma

    Parameters
    ----------
    mean, std : array-like of shape (n,)
        Mean and standard deviation of the prediction for each row.
    beta : float, default=1.0
        Weight of the standard deviation, from 0 (none).

    Returns
    -------
    ndarray of float of shape (n,)
        In the units of the target.

    Raises
    ------
    ValueError
        If mean and std are not of one shape (n,), a std is below 0, or beta is.

    See Also
    --------
    expected_improvement : Knows what has been found.

    References
    ----------
    Srinivas, N., Krause, A., Kakade, S., Seeger, M. (2010). Gaussian process
    optimization in the bandit setting: no regret and experimental design. ICML.
    arXiv:0912.3995

    Examples
    --------
    >>> from skal.query.functional import upper_confidence_bound
    >>> upper_confidence_bound([1.0, 0.0], [0.5, 2.0], beta=2.0)
    array([2., 4.])
    """
    center, spread = _check_beliefs(mean, std)
    return center + check_number("beta", beta, minimum=0) * spread


def _gain(mean, std, best, tradeoff):
    """Return by how much each mean exceeds what is to be exceeded, and the std."""
    mean, std = _check_beliefs(mean, std)
    return mean - check_number("best", best) - check_number("tradeoff", tradeoff), std


def _in_deviations(gain, std):
    """Return a gain in standard deviations, within what a density tells from 0."""
    with np.errstate(over="ignore"):
        return np.clip(gain / np.where(std > 0, std, 1), -_FAR, _FAR)


def _check_beliefs(mean, std):
    """Return mean and std as (n,) arrays of double precision."""
    mean, std = (
        check_array(name, np.atleast_1d(values)[..., np.newaxis], 2, "(n,)")[:, 0]
        for name, values in (("mean", mean), ("std", std))
    )
    if mean.shape != std.shape:
        raise ValueError(
            "mean and std must have one number a row each, got shapes "
            f"{mean.shape} and {std.shape}."
        )
    if (std < 0).any():
        raise ValueError(f"std must be 0 or more, got {std.min()}.")
    return mean.astype(np.float64), std.astype(np.float64)
