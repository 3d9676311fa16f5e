"""Attention whose weights are dropped by a mask from outside."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from skal.nets._dropout import Dropout

if TYPE_CHECKING:
    from torch import Tensor

_ATTENTION = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


def answer_attention(mode, func, args, kwargs):
    """Answer a call of scaled_dot_product_attention."""
    given = dict(zip(_ATTENTION, args, strict=False)) | kwargs
    p = given.pop("dropout_p", 0.0)
    query, n_keys = given["query"], given["key"].shape[-2]
    # The query stands for the weights, whose shape it takes on: its rows are theirs.
    weights = query[..., :1].expand(*query.shape[:-1], n_keys)
    call = Dropout("attention", p, mode.attention_on)
    call, keep = mode.meet(call, weights)
    if keep is None:
        return mode.other(func, (), given)
    return mode.measured(attention(**given, drop=lambda w: call.drop(w, keep)))


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    drop,
) -> Tensor:
    """Return what scaled_dot_product_attention does; ``drop`` takes its weights."""
    if enable_gqa:
        n_heads = query.shape[-3]
        key = key.repeat_interleave(n_heads // key.shape[-3], -3)
        value = value.repeat_interleave(n_heads // value.shape[-3], -3)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = (query * scale) @ key.transpose(-2, -1)  # (..., queries, keys)
    if is_causal:
        attn_mask = torch.ones(
            scores.shape[-2:], dtype=torch.bool, device=scores.device
        ).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = torch.zeros_like(attn_mask, dtype=scores.dtype).masked_fill(
            ~attn_mask, -torch.inf
        )
    if attn_mask is not None:
        scores = scores + attn_mask
    weights = scores.softmax(-1)
    if attn_mask is not None:  # who may look at nothing sees nothing
        weights = weights.masked_fill((scores == -torch.inf).all(-1, True), 0)
    return drop(weights) @ value


def answer_multihead(mode, func, args, kwargs):
    """Answer a call of multi_head_attention_forward: its own steps, one by one."""
    code = func.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    given = dict(zip(names, args, strict=False)) | kwargs
    if not given["dropout_p"]:
        return mode.other(func, args, kwargs)
    # In training, so that its dropout is called: the mode says what becomes of it.
    mode.attention_on, given["training"] = given.get("training", True), True
    try:
        with mode:
            return _steps_of(func)(**given)
    finally:
        mode.attention_on = True


def _steps_of(func):
    """Return a function of torch that does not ask the mode first, but does its steps.

    A mode that answers a function as a whole is asked for it, not for its parts.
    """
    scope = {**func.__globals__, "has_torch_function": lambda _: False}
    steps = FunctionType(func.__code__, scope, func.__name__, func.__defaults__)
    steps.__kwdefaults__ = func.__kwdefaults__
    return steps


ANSWERS = {
    F.scaled_dot_product_attention: answer_attention,
    F.multi_head_attention_forward: answer_multihead,
}
