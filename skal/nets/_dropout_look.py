"""A look at the dropout calls of a network: which layers make them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from skal._seed import alone_with_torch
from skal.nets._dropout import CHANCE
from skal.nets._dropout_calls import DropoutCalls

if TYPE_CHECKING:
    from collections.abc import Iterator

WAY_OUT = (
    "Use LaplaceClassifier or EnsembleClassifier of skal.posterior, which need no "
    "dropout"
)


def look(module, run, strict=True):
    """Run a module with every dropout intercepted: nothing may be left to chance."""
    probe = Look()
    device = next((p.device for p in module.parameters() if p.is_cuda), None)
    devices = [] if device is None else [device]
    with alone_with_torch(), torch.random.fork_rng(devices):
        before = _random_states(devices)
        with probe.watching(module):
            run(probe)
        after = _random_states(devices)
        if strict and _differ(before, after):
            name = _layer_left_to_chance(module, run, devices)
            raise TypeError(
                f"MC dropout needs to set the masks, but {name} draws random numbers "
                "that are no dropout layer's. Draw them in a layer of its own without "
                f'weights, take dropout="last", or do without them. {WAY_OUT}.'
            )
    return probe


class Look(DropoutCalls):
    """Notes the layer of each call too, and the calls of layers that draw."""

    def __init__(self):
        super().__init__()
        self.path = []
        self.layers = []
        self.n_calls = {}

    def meet(self, call, x):
        self.layers.append(self.path[-1])
        return super().meet(call, x)

    @contextmanager
    def watching(self, module) -> Iterator[None]:
        """Know which layer is running."""
        hooks = []
        for name, layer in module.named_modules():
            words = f"{type(layer).__name__} {name!r}" if name else type(layer).__name__
            enter, leave = self._enter(words), self._leave(name)
            hooks.append(layer.register_forward_pre_hook(enter))
            hooks.append(layer.register_forward_hook(leave))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, words):
        def enter(layer, _):
            self.path.append(words)
            self.of_layer = _is_weightless(layer)
            layer.calls_begin = self.number

        return enter

    def _leave(self, name):
        def leave(layer, *_):
            self.path.pop()
            calls = [call for call, _ in self.seen[layer.calls_begin :]]
            if self.of_layer and any(call.kind in CHANCE for call in calls):
                self.n_calls[name] = len(calls)
            self.of_layer = False

        return leave


def _is_weightless(layer):
    state = (*layer.children(), *layer.parameters(), *layer.buffers())
    return len(state) == 0


def _layer_left_to_chance(module, run, devices):
    """Return the name of the innermost layer that moves the global random state."""
    found: list[str] = []
    states: list[list[torch.Tensor]] = []

    def leave(layer, *_, name):
        if not found and _differ(states.pop(), _random_states(devices)):
            found.append(f"{type(layer).__name__} {name!r}".removesuffix(" ''"))

    hooks = []
    for name, layer in module.named_modules():
        enter = lambda *_: states.append(_random_states(devices))  # noqa: E731
        hooks.append(layer.register_forward_pre_hook(enter))
        hooks.append(
            layer.register_forward_hook(lambda *a, name=name: leave(*a, name=name))
        )
    probe = Look()
    try:
        with probe.watching(module):
            run(probe)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else type(module).__name__


def _random_states(devices):
    states = [torch.random.get_rng_state()]
    return states + [torch.cuda.get_rng_state(device) for device in devices]


def _differ(before, after):
    return any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
