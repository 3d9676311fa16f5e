"""UNet: a small network from images to scores of every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import interpolate

from skal.nets._cnn import HalvingMaxPool
from skal.nets._module import check_widths
from skal.nets._standardize import Standardize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class UNet(nn.Module):
    """Down to coarse maps and up again, each map beside the one it came from.

    Dropout is between the way down and the way up: what comes before it is computed
    once for all masks.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_outputs: int,
        channels: Sequence[int] = (16, 32, 64),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_widths("channels", channels)
        if len(channels) == 0:
            raise ValueError(f"channels must hold a width a level, got {channels!r}.")
        check_sides(input_shape[1:], len(channels) - 1)
        self.standardize = Standardize(input_shape[0])
        widths = [input_shape[0], *channels]
        self.down = nn.ModuleList(map(two_convolutions, widths, widths[1:]))
        self.pool = HalvingMaxPool()
        self.dropout = nn.Dropout2d(dropout)
        coarse, fine = channels[:0:-1], channels[-2::-1]
        # Narrowed before it is enlarged, which is the same and four times less work.
        self.narrow = nn.ModuleList(
            nn.Conv2d(before, width, 1)
            for before, width in zip(coarse, fine, strict=True)
        )
        self.up = nn.ModuleList(two_convolutions(2 * width, width) for width in fine)
        self.head = nn.Conv2d(channels[0], n_outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (n, n_outputs, H, W) of a batch of images."""
        x = self.standardize(x)
        maps: list[Tensor] = []
        for block in self.down:
            x = block(self.pool(x) if maps else x)
            maps.append(x)
        x = self.dropout(maps.pop())
        for narrow, block in zip(self.narrow, self.up, strict=True):
            beside = maps.pop()
            x = interpolate(narrow(x), size=beside.shape[-2:])
            x = block(torch.cat([beside, x], dim=1))
        return self.head(x)


def two_convolutions(before, width):
    """Return two convolutions with BatchNorm and ReLU."""
    layers: list[nn.Module] = []
    for size in (before, width):
        layers += [nn.Conv2d(size, width, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


def check_sides(sides, n_halvings):
    """Refuse images that are too small to be halved so often."""
    if min(sides) < 2**n_halvings:
        raise ValueError(
            f"channels must halve images of {sides} pixels at most down to one, got "
            f"{n_halvings + 1} levels. Give fewer."
        )
