"""Criteria of regressors: their names, and those that read outputs as Gaussians."""

from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from skal.nets._criterion import read_criterion
from skal.nets._gaussian import gaussian_nll, is_gaussian

#: The criteria that have a name.
NAMED = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "gaussian_nll": gaussian_nll,
}


def number_losses(criterion, options):
    """Return the losses of a criterion; torch's own Gaussian one goes by its name.

    It wants a variance beside the outputs, which skal finds in them.
    """
    if is_gaussian(criterion):
        if isinstance(criterion, nn.Module):
            options = {"eps": criterion.eps, "full": criterion.full, **options}
        criterion = "gaussian_nll"
    return read_criterion(criterion, NAMED, options)
