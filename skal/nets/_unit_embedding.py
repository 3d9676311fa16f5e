"""The embedding of a row of many units: the deepest map of a network, pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

_CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)


class Deepest(NamedTuple):
    """The layer whose input is the embedding, and where the channels of it are."""

    name: str
    channels: int

    def pooled(self, maps: Tensor) -> Tensor:
        """Return the mean (m, d) over the places of maps."""
        maps = maps.movedim(self.channels, -1)
        return maps.reshape(len(maps), -1, maps.shape[-1]).mean(dim=1)


def find_deepest(module: nn.Module, row: Tensor) -> Deepest | None:
    """Return the last layer among those that see the fewest places of a row.

    In a U-Net it is the first on the way up, in torchvision's networks the last before
    the scores are enlarged. None where there is neither a convolution nor a linear
    layer that sees rows one by one.
    """
    seen: list[tuple[int, Deepest]] = []

    def note(name, channels):
        def hook(_, inputs):
            x = inputs[0]
            if x.ndim > 1 and len(x) == len(row):
                n_places = x[0].numel() // x.shape[channels]
                seen.append((n_places, Deepest(name, channels)))

        return hook

    hooks = [
        layer.register_forward_pre_hook(
            note(name, 1 if isinstance(layer, _CONVOLUTIONS) else -1)
        )
        for name, layer in module.named_modules()
        if isinstance(layer, (nn.Linear, *_CONVOLUTIONS))
    ]
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            module(row)
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    fewest = min((places for places, _ in seen), default=0)
    return next((found for n, found in reversed(seen) if n == fewest), None)
