"""A network whose dropout calls are set from outside, and which of them are made."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import torch

from skal.nets._dropout import CHANCE, Dropout, Rows
from skal.nets._dropout_calls import DropoutCalls
from skal.nets._dropout_look import WAY_OUT, look
from skal.nets._module import first_of


class Network:
    """A copy of a module in evaluation mode; parameters, which stay, are shared.

    Layers without weights that draw their own random numbers in training, such as
    those of stochastic depth, may be left in training mode: see ``let_draw``.
    """

    def __init__(self, module, batch):
        shared = {id(parameter): parameter for parameter in module.parameters()}
        self.module = deepcopy(module, shared).eval()
        self.mode = DropoutCalls()
        self.made: dict[int, Made] | None = None
        row = batch[:1].clone()
        before = row._version
        with DropoutCalls() as calls:
            self.module(row)
        in_place = any(call.inplace for call, _ in calls.seen)
        self.writes_to_input = in_place or row._version > before

    def __call__(self, batch, mode):
        """Return the logits of a batch, which stays as it is."""
        self.mode = mode
        rows = batch.clone() if self.writes_to_input else batch
        with mode:
            return first_of(self.module(rows))

    def let_draw(self, n_calls):
        """Let layers draw as in training, where one of their calls is to be made.

        ``n_calls`` holds by the name of a layer how many calls a pass of it makes.
        """
        for name, number in n_calls.items():
            layer = self.module.get_submodule(name)
            layer.register_forward_pre_hook(self._before(number))
            layer.register_forward_hook(self._after)

    def _before(self, n_calls):
        def before(layer, _):
            first = self.mode.number
            layer.calls_end = first + n_calls
            layer.training = self.made is None or any(
                first <= number < layer.calls_end for number in self.made
            )
            self.mode.of_layer = layer.training

        return before

    def _after(self, layer, *_):
        self.mode.number, self.mode.of_layer = layer.calls_end, False


class Made(NamedTuple):
    """A dropout call that is to be made.

    ``key`` is what its masks depend on beside seed and draw, ``rows`` where the rows
    stand in what it drops from, ``shape`` that of one row.
    """

    call: Dropout
    rows: Rows
    key: int
    shape: tuple[int, ...]


def find_dropouts(network, batch, dropout) -> dict[int, Made]:
    """Return the dropout calls to make, by their numbers.

    Two rows, since BatchNorm cannot be trained on one.
    """
    row = batch[:1]
    rows = torch.cat([row, row])
    training = deepcopy(network.module).train()
    strict = dropout == "all"
    trained = look(training, lambda mode: _pass(training, rows, mode), strict)
    network.let_draw(trained.n_calls)
    two, one = (
        look(network.module, lambda mode, few=few: network(few, mode))
        for few in (rows, row)
    )
    numbers = _numbers(trained, two, dropout, type(network.module).__name__)
    keys = _keys(trained.seen)
    shift = len(two.seen) - len(trained.seen)
    network.made = {
        number: Made(
            trained.seen[number - shift][0],
            _rows(one, two, number),
            keys[number - shift] + shift,
            tuple(one.seen[number][1].shape),
        )
        for number in numbers
    }
    return network.made


def _pass(module, rows, mode):
    with mode:
        module(rows.clone())


def _numbers(trained, evaluated, dropout, name):
    """Return the numbers of the calls to make, as evaluation mode counts them."""
    calls = [call for call, _ in trained.seen]
    others = [call for call, _ in evaluated.seen]
    if dropout == "last":  # what comes before it does not matter
        n_same = _n_same_at_the_end(calls, others)
        calls_on = [i for i in range(-n_same, 0) if calls[i].on and calls[i].p > 0]
        if calls_on:
            return [calls_on[-1] + len(others)]
    if [call.kind for call in calls] != [call.kind for call in others]:
        raise TypeError(
            "module must call the same dropout layers in training and in evaluation "
            f"mode, got {len(calls)} and {len(others)} calls of {name}. Let the layer, "
            "or its training=, switch dropout off, not an if around it."
        )
    numbers = [number for number, call in enumerate(calls) if call.on and call.p > 0]
    if not numbers:
        raise TypeError(
            f"MC dropout needs a network with dropout, but {name} has none of p > 0. "
            f"Add torch.nn.Dropout to it. {WAY_OUT}."
        )
    return numbers


def _n_same_at_the_end(calls, others):
    """Return how many calls are of one kind, from the end."""
    pairs = zip(reversed(calls), reversed(others), strict=False)
    kinds = [call.kind == other.kind for call, other in pairs]
    return [*kinds, False].index(False)


def _keys(seen):
    """Return the number of each call among those that ever drop.

    Attention calls itself, whether it drops or not.
    """
    keys, key = [], 0
    for call, _ in seen:
        keys.append(key)
        key += call.kind != "attention" or call.p > 0
    return keys


def _rows(one, two, number):
    """Return where the rows stand in what a call drops from, or refuse the call."""
    (call, x), (_, twice) = one.seen[number], two.seen[number]
    if x.shape == twice.shape:
        return Rows(None, 0)
    pairs = enumerate(zip(x.shape, twice.shape, strict=True))
    dims = [dim for dim, (size, other) in pairs if size != other]
    fits = len(dims) == 1 and twice.shape[dims[0]] == 2 * x.shape[dims[0]]
    if fits and call.kind in CHANCE:
        fits = x.shape[dims[0]] == 1
    elif fits:
        again = torch.cat([x, x], dims[0])
        scale = float(x.abs().max()) if x.numel() else 0.0
        fits = torch.allclose(twice, again, rtol=0, atol=1e-3 * scale, equal_nan=True)
    if not fits:
        raise TypeError(
            "dropout must see the rows one after the other, got a tensor of shape "
            f"{tuple(twice.shape)} for a batch of 2, of shape {tuple(x.shape)} for one "
            f"of 1, in {two.layers[number]}. {WAY_OUT}."
        )
    return Rows(dims[0], x.shape[dims[0]])
