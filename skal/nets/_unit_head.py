"""The last layer of a network of many units, if it scores each unit by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from skal.nets._module import first_of

if TYPE_CHECKING:
    from torch import Tensor

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class UnitHead(NamedTuple):
    """The layer whose scores of each unit are linear in what it sees of this unit.

    Attributes
    ----------
    module : Module
        A linear layer, or a convolution of size 1.
    channels : int
        Where the channels of its input are.
    """

    module: nn.Module
    channels: int

    def units(self, maps: Tensor) -> Tensor:
        """Return what the layer sees of each unit, (units, d)."""
        maps = maps.movedim(self.channels, -1)
        return maps.reshape(-1, maps.shape[-1])


def find_unit_head(module: nn.Module, row: Tensor) -> UnitHead | None:
    """Run a row through; return the layer whose scores of units come out as they are.

    Noise stands in for the answers of layers meanwhile. None where the layer looks at
    other units too, where it answers more than once, or where something comes after it.
    """
    seen: list[tuple[UnitHead, Tensor]] = []
    generator = torch.Generator().manual_seed(0)

    def exchange(layer, _, out):
        # Noise shows what comes after, and scores of one row may not: ReLU leaves
        # those that are positive as they are.
        noise = torch.randn(out.shape, generator=generator).to(out)
        channels = 1 if isinstance(layer, _CONVOLUTIONS) else -1
        # A copy: what comes next may write into it.
        seen.append((UnitHead(layer, channels), noise.movedim(channels, -1).clone()))
        return noise

    hooks = [
        layer.register_forward_hook(exchange)
        for layer in module.modules()
        if isinstance(layer, (nn.Linear, *_CONVOLUTIONS))
    ]
    try:
        with torch.no_grad():
            output = first_of(module(row)).movedim(1, -1)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        return None
    head, scores = seen[-1]
    once = sum(other.module is head.module for other, _ in seen) == 1
    same = scores.shape == output.shape and torch.equal(scores, output)
    return head if once and same and is_pointwise(head.module) else None


def is_pointwise(layer: nn.Module) -> bool:
    """Tell whether a layer scores each place by what it sees of this place alone."""
    if isinstance(layer, nn.Linear):
        return True
    return (
        set(layer.kernel_size) == set(layer.stride) == {1}
        and layer.padding in ("same", "valid", (0,) * len(layer.kernel_size))
        and layer.groups == 1
    )
