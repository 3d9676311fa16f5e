"""Autoencoder: the module of a VAE, whose output is the loss of each row."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch
from torch import nn

from skal.nets import Standardize, check_widths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

#: Maps are halved while they are at least so large.
_WORTH_HALVING = 4
#: The least noise of a row, in standard deviations: rows that the code holds whole
#: would else take it, and the loss, towards minus infinity.
_LEAST_LOG_NOISE = -3.0


class Autoencoder(nn.Module):
    """Rows to codes and back: convolutions for images, layers of ReLU for flat rows.

    What it returns of a batch is minus the evidence bound of each row, (n, 1): in
    training of a code drawn for it, else of the mean of its code.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        n_components: int,
        hidden: int,
        channels: Sequence[int],
        beta: float,
    ) -> None:
        super().__init__()
        check_widths("channels", channels)
        self.beta = beta
        self.standardize = Standardize(input_shape[0])
        build = images if len(input_shape) == 3 else flat_rows
        encoder, decoder = build(input_shape, n_components, hidden, channels)
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.log_noise = nn.Parameter(torch.zeros(()))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the loss (n, 1) of each row, in units of standardized values."""
        x = self.standardize(rows)
        mean, log_variance = self.encoder(x).float().chunk(2, dim=1)
        code = mean
        if self.training:
            code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        gap = (self.decoder(code).float() - x).flatten(1)  # (n, d)
        log_noise = self.log_noise.clamp(min=_LEAST_LOG_NOISE)
        far = gap.square().sum(dim=1) / (2 * (2 * log_noise).exp())
        wide = gap.shape[1] * log_noise
        surprise = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1)
        return (far + wide + self.beta * surprise / 2)[:, None]

    def codes(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the standard deviation of the code of each row."""
        mean, log_variance = self.encoder(self.standardize(rows)).chunk(2, dim=1)
        return mean, (log_variance / 2).exp()

    def rows(self, codes: Tensor) -> Tensor:
        """Return the row that each code stands for, in the units of the input."""
        x = self.decoder(codes)
        shape = (-1, *[1] * (x.ndim - 2))
        return x * self.standardize.std.view(shape) + self.standardize.mean.view(shape)


def flat_rows(input_shape, n_components, hidden, channels):
    """Return the layers of encoder and decoder for flat rows."""
    width = prod(input_shape)
    encoder = [nn.Linear(width, hidden), nn.ReLU()]
    encoder += [nn.Linear(hidden, hidden), nn.ReLU()]
    decoder = [nn.Linear(n_components, hidden), nn.ReLU()]
    decoder += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, width)]
    return [*encoder, nn.Linear(hidden, 2 * n_components)], decoder


def images(input_shape, n_components, hidden, channels):
    """Return the layers of encoder and decoder for images (C, H, W)."""
    depth, *size = input_shape
    steps = []  # the depth and the size of the map before each convolution
    for wider in channels:
        steps.append((depth, tuple(size), wider, min(size) >= _WORTH_HALVING))
        if steps[-1][-1]:
            size = [(side + 1) // 2 for side in size]
        depth = wider
    encoder: list[nn.Module] = []
    for before, _, after, halved in steps:
        encoder += [nn.Conv2d(before, after, 3, 1 + halved, padding=1), nn.ReLU()]
    width = depth * prod(size)
    encoder += [nn.Flatten(), nn.Linear(width, hidden), nn.ReLU()]
    decoder: list[nn.Module] = [nn.Linear(n_components, hidden), nn.ReLU()]
    decoder += [nn.Linear(hidden, width), nn.ReLU(), nn.Unflatten(1, (depth, *size))]
    for before, larger, after, halved in reversed(steps):
        if halved:
            decoder.append(nn.Upsample(larger))
        decoder += [nn.Conv2d(after, before, 3, padding=1), nn.ReLU()]
    return [*encoder, nn.Linear(hidden, 2 * n_components)], decoder[:-1]
