"""Recurrent layers one after another, with a mask from outside between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from skal.nets._dropout import Dropout, OneByOneError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from torch import Tensor


class Recurrent(NamedTuple):
    """A call of torch.lstm, torch.gru, torch.rnn_tanh or torch.rnn_relu.

    ``sizes`` are the rows of each step where those are packed, else None.
    """

    func: Callable
    x: Tensor
    sizes: Tensor | None
    states: tuple[Tensor, ...]
    params: list[Tensor]
    biases: bool
    n_layers: int
    p: float
    on: bool
    both_ways: bool
    rows_first: bool

    def layers(self, first: int, n_layers: int) -> Layers:
        """Return some of the layers."""
        each = len(self.params) // self.n_layers
        params = self.params[first * each : (first + n_layers) * each]
        options = self.biases, self.both_ways, self.rows_first
        return Layers(self.func, self.sizes, params, n_layers, *options)

    def states_of(self, number: int) -> list[Tensor]:
        """Return the first states of one of the layers."""
        ways = 2 if self.both_ways else 1
        return [state[number * ways : (number + 1) * ways] for state in self.states]


def read_recurrent(func: Any, args: Any) -> Recurrent:
    """Return the call as a Recurrent."""
    args = list(args)
    sizes = args.pop(1) if len(args) == 9 and not isinstance(args[3], bool) else None
    x, states, *rest = args

    states = (states,) if isinstance(states, torch.Tensor) else tuple(states)
    rows_first = rest.pop() if sizes is None else False
    return Recurrent._make([func, x, sizes, states, *rest, rows_first])


def answer_recurrent(mode, func, args, kwargs):
    """Answer a call of a recurrent network: a layer at a time, dropout between two."""
    if kwargs:
        return mode.other(func, args, kwargs)
    call = read_recurrent(func, args)
    steps = call.x.shape[:-1].numel()
    mode.flops += 2 * steps * sum(w.numel() for w in call.params if w.ndim == 2)
    if call.p == 0 or call.n_layers == 1:
        all_layers = call.layers(0, call.n_layers)
        output, *states = OfAllDraws.apply(all_layers, call.x, *call.states)
        return mode.measured(output), *states
    x, states = call.x, []
    for number in range(call.n_layers):
        if number:
            x = _between(mode, x, call)
        x, *last = OfAllDraws.apply(call.layers(number, 1), x, *call.states_of(number))
        mode.measured(x)
        states.append(last)
    return x, *(torch.cat(parts) for parts in zip(*states, strict=True))


def _between(mode, x, call):
    """Drop from what a layer hands to the next."""
    dropout = Dropout("dropout", call.p, call.on)
    if call.sizes is None:
        return mode.dropout(x, dropout)
    mode.differs("packed sequences, whose batches have steps of their own")
    # One row's mask holds for as many as have the step.
    dropout, keep = mode.meet(dropout, x.new_empty(len(call.sizes), x.shape[1]))
    if keep is None:
        return x
    return dropout.drop(x, keep.repeat_interleave(call.sizes.to(keep.device), dim=0))


class Layers(NamedTuple):
    """One layer, or several without dropout between them."""

    func: Callable
    sizes: Tensor | None
    params: list[Tensor]
    n_layers: int
    biases: bool
    both_ways: bool
    rows_first: bool

    def __call__(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of all steps, and the last states."""
        first: Any = states if len(states) == 2 else states[0]
        options = (self.params, self.biases, self.n_layers, 0.0, False, self.both_ways)
        if self.sizes is not None:
            return self.func(x, self.sizes, first, *options)
        return self.func(x, first, *options, self.rows_first)


class OfAllDraws(torch.autograd.Function):
    """Recurrent layers, for which the rows of several draws are so many rows."""

    @staticmethod
    def forward(layers, x, *states):
        """Run the layers."""
        return layers(x, *states)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep nothing: there is no backward pass."""

    @staticmethod
    def vmap(info, in_dims, layers, x, *states):
        """Run the layers once for all draws."""
        if layers.sizes is not None:
            raise OneByOneError("packed sequences")
        dims = (0 if layers.rows_first else 1, *(1 for _ in states))
        folded = [
            _with_draws(tensor, of_draws, dim, info.batch_size).flatten(dim, dim + 1)
            for tensor, of_draws, dim in zip(
                (x, *states), in_dims[1:], dims, strict=True
            )
        ]
        outputs = layers(*folded)
        parts = zip(outputs, dims, strict=True)
        shape = (info.batch_size, -1)
        return tuple(part.unflatten(dim, shape) for part, dim in parts), dims


def _with_draws(tensor, of_draws, dim, n_draws):
    """Return a tensor with the draws in a dimension of their own, ``dim``."""
    if of_draws is not None:
        return tensor.movedim(of_draws, dim)
    tensor = tensor.unsqueeze(dim)
    return tensor.expand(*tensor.shape[:dim], n_draws, *tensor.shape[dim + 1 :])


ANSWERS = dict.fromkeys(
    (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu), answer_recurrent
)
