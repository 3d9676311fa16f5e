"""Outputs that are Gaussians: a mean and a variance for each target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import nn
from torch.nn import functional as F

from skal._seed import stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What a variance is at least, in standard units.
_FLOOR = 1e-6


class PredictedVariance(NamedTuple):
    """The variance of a prediction in its two parts, which add up to it.

    Attributes
    ----------
    aleatoric : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The noise of the targets themselves, which no more rows will take away.
    epistemic : ndarray of the same shape
        What the model does not know, which more rows would tell it.
    """

    aleatoric: NDArray[Any]
    epistemic: NDArray[Any]


def is_gaussian(criterion):
    """Tell whether a criterion reads outputs as means and variances."""
    return (
        (isinstance(criterion, str) and criterion == "gaussian_nll")
        or criterion is nn.GaussianNLLLoss
        or isinstance(criterion, nn.GaussianNLLLoss)
    )


def floor_of(criterion, options):
    """Return the least variance that a Gaussian criterion allows, in standard units."""
    return float(options.get("eps", getattr(criterion, "eps", _FLOOR)))


def gaussian_nll(outputs, targets, *, eps=_FLOOR, full=False, reduction="none"):
    """Return the negative log-likelihood of targets (m, T) under outputs (m, 2 T)."""
    mean, variance = in_two(outputs, eps)
    return F.gaussian_nll_loss(
        mean, targets, variance, full=full, eps=eps, reduction=reduction
    )


def in_two(outputs, floor):
    """Return the means and the variances (..., T) that outputs (..., 2 T) stand for.

    A softplus keeps a variance above 0 (Lakshminarayanan et al., 2017).
    """
    mean, raw = outputs.chunk(2, dim=-1)
    return mean, F.softplus(raw) + floor


def gaussian_noise(shape, seed):
    """Return standard normal (S, n, ...): draw s is fixed by the seed and s."""
    draws = (stream(seed, s, "label noise") for s in range(shape[0]))
    return np.stack([rng.standard_normal(shape[1:]) for rng in draws])


def no_noise(what):
    """Build the error for a net that is asked for noise, but predicts none."""
    return ValueError(
        f"{what} a net that predicts noise, got one that does not. Fit it with "
        "criterion='gaussian_nll'."
    )
