"""Building the module of a net: its shapes filled in, its last layer found."""

from collections.abc import Mapping
from copy import deepcopy
from inspect import signature

import numpy as np
import torch
from torch import nn

from skal.nets._standardize import Standardize

#: Rows of which a module is asked twice.
N_LOOK = 8
#: How far two passes may be apart, in units of the largest answer, by rounding alone.
_ROUNDING = 1e-3


def facts_of(layout, n_outputs):
    """Return what a module may want to know, by the names it may ask by."""
    names = ("n_classes", "num_classes", "n_outputs")
    return {**layout.facts(), **dict.fromkeys(names, n_outputs)}


def build(module, given, facts):
    """Make the module: from a class or function, or as a copy of an instance.

    What its signature asks for by the name of a fact, and ``given`` does not hold, is
    filled in.
    """
    if isinstance(module, nn.Module):
        if not given:
            return deepcopy(module)
        module = type(module)
    if not callable(module):
        raise TypeError(
            f"module must be a torch.nn.Module, or a class or function that makes one, "
            f"got {module!r}."
        )
    wanted = signature(module).parameters
    known = {name: fact for name, fact in facts.items() if name in wanted}
    return module(**{**known, **given})


def check_widths(name, widths):
    """Refuse the widths of layers where they are no sequence."""
    if np.ndim(widths) != 1:
        raise TypeError(
            f"{name} must be a sequence of integers, one for each layer, got "
            f"{widths!r}. One layer is {name}=(64,)."
        )


def measure_inputs(module, batches, *, is_set):
    """Let the first Standardize layer measure the inputs; without one, do nothing.

    ``batches`` makes a generator of them. Where they are sets of tensors, each such
    layer measures what it is handed, in the order in which the module calls them.
    """
    layers = [one for one in module.modules() if isinstance(one, Standardize)]
    if not layers:
        return
    if not is_set:
        layers[0].measure(batches())
        return
    module.eval()
    for layer in in_order_of_calls(module, layers, next(batches())[:1]):
        layer.measure(input_of(layer, module, batch) for batch in batches())
    module.train()


def in_order_of_calls(module, layers, row):
    """Return the layers that a row passes, in the order in which it does."""
    called = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, _: called.append(layer))
        for layer in layers
    ]
    try:
        with torch.no_grad():
            module(row)
    finally:
        for hook in hooks:
            hook.remove()
    return list(dict.fromkeys(called))


class _LayerReached(Exception):
    """Ends a pass at a layer, whose input is all that is wanted."""


def input_of(layer, module, batch):
    """Return what a layer of a module sees of a batch; the pass ends there."""
    kept = []

    def stop(_, inputs):
        kept.append(inputs[0])
        raise _LayerReached

    hook = layer.register_forward_pre_hook(stop)
    try:
        with torch.no_grad():
            module(batch)
    except _LayerReached:
        pass
    finally:
        hook.remove()
    return kept[0]


def find_head(module, row, n_outputs, units=()):
    """Run a row through; return the name of the linear layer whose output comes out.

    None where the module does not end in one. What lazy layers infer, they infer here.
    """
    seen = []
    hooks = [
        layer.register_forward_hook(
            lambda _, __, out, name=name: seen.append((name, out))
        )
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear)
    ]
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            output = first_of(module(row))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    check_output(output, n_outputs, units)
    return seen[-1][0] if seen and seen[-1][1] is output else None


def check_repeats(module, rows):
    """Refuse a module that answers the same rows in eval mode otherwise each time.

    The passes draw from torch's random state, of which each finds another.
    """
    with torch.no_grad():
        first, second = (first_of(module(rows.clone())).float() for _ in range(2))
    gap = (second - first).abs().max()
    # Sums on a GPU may differ in their last bits; NaN is found by who asks for more.
    if gap > _ROUNDING * first.abs().max():
        raise ValueError(
            "module must answer alike whenever it is asked in eval mode, got answers "
            f"up to {float(gap):.2g} apart in two passes of the same rows. F.dropout "
            "is on unless it is told: write F.dropout(x, training=self.training), or "
            "use torch.nn.Dropout; draw other random numbers under `if self.training:`."
        )


def first_of(output):
    """Return the scores of a module that may return more beside them."""
    if isinstance(output, Mapping):  # of torchvision, of transformers
        return next((output[key] for key in ("out", "logits") if key in output), None)
    return output[0] if isinstance(output, tuple) else output


def check_output(output, n_outputs, units=()):
    """Refuse a module that does not return a score for each output, or each unit's."""
    shape = tuple(output.shape) if isinstance(output, torch.Tensor) else output
    if shape != (1, n_outputs, *units) and units:
        raise ValueError(
            f"module must return {n_outputs} scores for each unit that y has of a row, "
            f"{('n', n_outputs, *units)}, got {shape} for one row. Let it answer in "
            "the size of y, or pass y of the size in which it answers."
        )
    if shape != (1, n_outputs, *units):
        raise ValueError(
            f"module must return {n_outputs} scores a row (n, {n_outputs}), got "
            f"{shape} for one row. Take n_classes or n_outputs in its __init__, which "
            "are then filled in."
        )
