"""Random numbers that a layer draws for itself, such as those of stochastic depth."""

from __future__ import annotations

from typing import Any

import torch

from skal.nets._dropout import Dropout

_BERNOULLI, _UNIFORM, _NORMAL = "bernoulli", "uniform", "normal"
#: What each draws, and whether into its first argument.
FUNCTIONS = {
    torch.bernoulli: (_BERNOULLI, False),
    torch.Tensor.bernoulli: (_BERNOULLI, False),
    torch.Tensor.bernoulli_: (_BERNOULLI, True),
    torch.rand: (_UNIFORM, False),
    torch.rand_like: (_UNIFORM, False),
    torch.Tensor.uniform_: (_UNIFORM, True),
    torch.randn: (_NORMAL, False),
    torch.randn_like: (_NORMAL, False),
    torch.Tensor.normal_: (_NORMAL, True),
}


def answer_chance(mode, func, args, kwargs):
    """Answer a call that draws numbers, if a layer without weights makes it."""
    if not mode.of_layer:
        return mode.other(func, args, kwargs)
    distribution, into = FUNCTIONS[func]
    kwargs = {name: value for name, value in kwargs.items() if name != "generator"}
    x = args[0] if into or func in _BY_EXAMPLE else _empty(func, args, kwargs)
    kind = _NORMAL if distribution == _NORMAL else _UNIFORM
    # What it makes of them is its own: there is no p to know.
    _, drawn = mode.meet(Dropout(kind, 1.0, True), x)
    drawn = x.new_zeros(()) if drawn is None else drawn
    values = _SHAPED[distribution](x, drawn, into, *args[1:], **kwargs)
    return mode.filled(x, values.expand(x.shape).clone(), into=into)


_BY_EXAMPLE = (torch.bernoulli, torch.Tensor.bernoulli)


def _empty(func, args, kwargs):
    """Return a tensor like that which would be drawn."""
    like = func in (torch.rand_like, torch.randn_like)
    return (torch.empty_like if like else torch.empty)(*args, **kwargs)


def _bernoulli(x, uniform, into, p=None):
    p = (0.5 if into else x) if p is None else p
    return (uniform < p).to(x.dtype)


def _uniform(x, uniform, into, *args, **kwargs):
    low, high = _two(args, kwargs, ("from", "to"), (0, 1)) if into else (0, 1)
    return low + (high - low) * uniform


def _normal(x, normal, into, *args, **kwargs):
    mean, std = _two(args, kwargs, ("mean", "std"), (0, 1)) if into else (0, 1)
    return mean + std * normal


def _two(args, kwargs, names, defaults):
    """Return two arguments, given by place or by name, or not at all."""
    given = dict(zip(names, args, strict=False)) | kwargs
    return [given.get(name, value) for name, value in zip(names, defaults, strict=True)]


_SHAPED: dict[str, Any] = {_BERNOULLI: _bernoulli, _UNIFORM: _uniform, _NORMAL: _normal}
ANSWERS = dict.fromkeys(FUNCTIONS, answer_chance)
