"""Standardize: a first layer that brings its inputs to mean 0 and spread 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable


class Standardize(nn.Module):
    """Bring each channel, or each column of a table, to mean 0 and spread 1.

    A fixed layer, put first in a network: the nets of skal measure the mean and the
    standard deviation of the rows of their first fit before they train. So the inputs
    need no scaling by hand, and what was measured travels with the weights.

    Parameters
    ----------
    n_features : int
        Columns of a table (n, n_features), or channels of images
        (n, n_features, height, width).

    See Also
    --------
    NetClassifier : Measures the layer wherever it stands in its module.

    Notes
    -----
    A feature that never varies is only shifted. The layer has no weights to train.

    Examples
    --------
    >>> import torch
    >>> from skal.nets import Standardize
    >>> layer = Standardize(1)
    >>> layer.measure([torch.tensor([[1.0], [3.0]])])
    >>> layer(torch.tensor([[5.0]]))
    tensor([[3.]])
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("std", torch.ones(n_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Standardize a batch.

        Parameters
        ----------
        x : Tensor of shape (n, n_features, ...)
            The batch.

        Returns
        -------
        Tensor of the same shape
            The batch at mean 0 and spread 1.
        """
        shape = (-1, *[1] * (x.ndim - 2))
        return (x - self.mean.view(shape)) / self.std.view(shape)

    def measure(self, batches: Iterable[torch.Tensor]) -> None:
        """Set the mean and the standard deviation to those of some rows.

        Parameters
        ----------
        batches : iterable of Tensor of shape (n, n_features, ...)
            The rows, in batches of any size.

        Raises
        ------
        TypeError
            If they hold whole numbers or booleans, which are ids or a mask.
        """
        # In double precision, about the mean of the first batch: no digits are lost.
        count, shift = 0, None
        total = square = torch.zeros(())
        for batch in batches:
            check_numbers(batch)
            x = batch.double().transpose(0, 1).flatten(1)  # (n_features, values)
            shift = x.mean(dim=1) if shift is None else shift
            x = x - shift[:, None]
            count += x.shape[1]
            total = total + x.sum(dim=1)
            square = square + x.square().sum(dim=1)
        if shift is None:
            raise ValueError("batches must hold at least one batch, got none.")
        mean = total / count
        std = (square / count - mean.square()).clamp(min=0).sqrt()
        # What rounding leaves of a constant is no spread.
        constant = std <= 1e-7 * (1 + (shift + mean).abs())
        self.mean.copy_(shift + mean)
        self.std.copy_(torch.where(constant, torch.ones_like(std), std))


def check_numbers(batch):
    """Refuse ids and masks, which have no mean."""
    if not batch.is_floating_point():
        raise TypeError(
            f"Standardize must be handed numbers, got {batch.dtype}, which holds ids "
            "or a mask. Put it after the embedding, or leave it out."
        )
