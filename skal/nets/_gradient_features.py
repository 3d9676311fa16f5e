"""Gradient features: what a row would teach each layer, sketched to a few numbers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from skal.nets._module import first_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
#: Numbers that the sketch of one layer may hold at once.
_NUMBERS = 2**22


def sketch_gradients(
    module: nn.Module, batch: Tensor, n_outputs: int, n_features: int, seed: int
) -> Tensor:
    r"""Return the sketched gradients of a module's outputs in its weights.

    The gradient of an output in the weights of a linear layer is the outer product of
    the layer's input, with a 1 for the bias, and the output's gradient in what the
    layer gives. For Gaussian matrices A and B of each layer l the features are

    .. math:: \tfrac{1}{\sqrt m} \sum_l \sum_o (A_l (z_l, 1)) \circ (B_{lo} \, g_{lo})

    whose inner products are, in the mean, those of the gradients, summed over layers
    and outputs. A convolution is a linear layer at each of its places.

    Parameters
    ----------
    module : torch.nn.Module
        In eval mode. Its Linear and convolution layers count that are to be trained.
    batch : Tensor of shape (m, ...)
        Rows as the module takes them.
    n_outputs : int
        How many of its outputs count, from the first.
    n_features : int
        The number of features.
    seed : int
        Fixes the matrices.

    Returns
    -------
    Tensor of shape (m, n_features)
        The features, float32.

    Raises
    ------
    TypeError
        If no such layer takes part.
    """
    layers = [
        layer
        for layer in module.modules()
        if isinstance(layer, (nn.Linear, *_CONVOLUTIONS)) and layer.weight.requires_grad
    ]
    with _tapped(layers) as calls, _whole_gradients(module):
        outputs = first_of(module(batch))[:, :n_outputs].float().sum(dim=0)
        calls = [call for call in calls if call.output.requires_grad]
        if not calls:
            raise TypeError(
                "module must have a torch.nn.Linear or convolution layer that is "
                f"trained to have gradient features, got {type(module).__name__}. Use "
                'features="last".'
            )
        taps = [call.output for call in calls]
        each = [
            torch.autograd.grad(output, taps, retain_graph=True, allow_unused=True)
            for output in outputs
        ]
    features = torch.zeros(len(batch), n_features, device=outputs.device)
    with torch.no_grad():
        for call, gradients in zip(calls, zip(*each, strict=True), strict=True):
            sketch = Sketch(call.layer, layers.index(call.layer), n_features, seed)
            for o, gradient in enumerate(gradients):
                if gradient is not None:
                    sketch.add(features, call.input, gradient, o)
    return features / n_features**0.5


class Call(NamedTuple):
    """A call of a layer: what it was handed and what it gave."""

    layer: nn.Module
    input: Tensor
    output: Tensor


@contextmanager
def _tapped(layers) -> Iterator[list[Call]]:
    """Note the calls of layers; what they give goes on as a copy, to be changed."""
    calls: list[Call] = []

    def note(layer, args, kwargs, output):
        calls.append(Call(layer, args[0] if args else kwargs["input"], output))
        return output.clone()

    hooks = [layer.register_forward_hook(note, with_kwargs=True) for layer in layers]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _whole_gradients(module):
    """Let gradients be taken in eval mode; cuDNN gives none of recurrent layers."""
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in module.modules())
    enabled = torch.backends.cudnn.enabled and not recurrent
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.backends.cudnn.flags(enabled=enabled),
    ):
        yield


class Sketch:
    """The random matrices of one layer, in the shape of its weights.

    A has a row for each feature, as if they were the layer's outputs, and B one for
    each feature and output. Each group of a convolution has matrices of its own.
    """

    def __init__(self, layer, number, n_features, seed):
        self.layer, self.n_features = layer, n_features
        self.key = [seed, number]
        self.groups = getattr(layer, "groups", 1)
        weight = layer.weight
        rows = self.groups * n_features
        self.A = self._draw((rows, *weight.shape[1:]), 0)
        self.bias = None if layer.bias is None else self._draw((rows,), 1)
        self.width = len(weight) // self.groups
        self.flat = isinstance(layer, nn.Linear)

    def add(self, features, z, gradient, output):
        """Add the features of one call and one output of the module to all."""
        B = self._draw((self.groups * self.n_features, self.width), 2 + output)
        places = gradient[0].numel() // len(self.layer.weight)
        size = max(1, _NUMBERS // (self.groups * self.n_features * places))
        for start in range(0, len(features), size):
            rows = slice(start, start + size)
            both = self._inputs(z[rows]) * self._outputs(gradient[rows], B)
            both = both.reshape(len(both), self.groups, self.n_features, -1)
            features[rows] += both.sum(dim=(1, 3))

    def _inputs(self, z):
        """Return A (z, 1) at each place: (m, groups * n_features, places)."""
        z = z.float()
        if self.flat:
            z = z.reshape(len(z), -1, z.shape[-1])  # (m, places, inputs)
            return F.linear(z, self.A, self.bias).transpose(1, 2)
        return self.layer._conv_forward(z, self.A, self.bias).flatten(2)

    def _outputs(self, gradient, B):
        """Return B g at each place, in the same shape."""
        g = gradient.float()
        if self.flat:  # the outputs of a linear layer stand last
            g = g.reshape(len(g), -1, g.shape[-1]).transpose(1, 2)
        return F.conv1d(g.flatten(2), B.unsqueeze(2), groups=self.groups)

    def _draw(self, shape, what):
        """Draw a Gaussian matrix, on the CPU, so that all devices get the same."""
        seeds = np.random.SeedSequence([*self.key, what])
        generator = torch.Generator().manual_seed(int(seeds.generate_state(1)[0]))
        return torch.randn(shape, generator=generator).to(self.layer.weight.device)
