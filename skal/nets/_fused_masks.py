"""Dropping inside the linear layer that comes next, for all draws in one go."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.utils._pytree import tree_map

from skal.nets._dropout import OneByOneError
from skal.nets._dropout_calls import ANSWERS, FixedMasks


class FusedMasks(FixedMasks):
    """Drops what fixed masks say, inside the linear layer that comes next if one does.

    The result of a dropout stays a promise until something reads it. A linear layer
    that reads it multiplies only the units that are kept; anything else gets the
    product of units and mask. Nothing is changed in place.

    Attributes
    ----------
    largest : int
        The most numbers that a result after the first mask holds.
    linear : dict of int to Tensor
        The weights of the linear layer that read the units of a call, by its number.
    """

    def __init__(self, keep):
        super().__init__(keep)
        self.promises = {}
        self.masked = False
        self.largest = 0
        self.linear = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if self.promises and func in ANSWERS:
            args, kwargs = self.kept(args), self.kept(kwargs or {})
        return super().__torch_function__(func, types, args, kwargs)

    def meet(self, call, x):
        call, keep = super().meet(call, x)
        self.masked = self.masked or keep is not None
        return call, keep

    def dropout(self, x, call):
        number = self.number
        call, keep = self.meet(call, x)
        if keep is None:
            return x
        if call.kind != "dropout" or keep.shape != (1, *x.shape[1:]) or x.ndim != 2:
            return self.measured(call.drop(x, keep))
        return self.promised(x, Promise(x, call, keep, number))

    def promised(self, x, promise):
        """Return a tensor for which the promise stands in."""
        # Another object for the same numbers, held so that its id stays its own.
        handle = x.view_as(x)
        self.promises[id(handle)] = handle, promise
        return handle

    def filled(self, x, values, *, into):
        """Let the numbers stand in for x, which may not hold those of all draws."""
        if into:
            self.promises[id(x)] = x, Given(values)
            return x
        return values

    def differs(self, what):
        raise OneByOneError(what)

    def other(self, func, args, kwargs):
        if not self.promises:
            return self.measured(func(*args, **kwargs))
        if func is F.linear and args and id(args[0]) in self.promises:
            promise = self.promises[id(args[0])][1]
            if isinstance(promise, Promise):
                self.linear[promise.number] = args[1]
                return self.measured(promise.linear(*args[1:], **kwargs))
        return self.measured(func(*self.kept(args), **self.kept(kwargs)))

    def kept(self, tree):
        """Keep the promises among arguments or results."""
        return tree_map(
            lambda leaf: (
                self.promises[id(leaf)][1].kept() if id(leaf) in self.promises else leaf
            ),
            tree,
        )

    def measured(self, result):
        """Note the size of a result that depends on the masks."""
        if self.masked and isinstance(result, torch.Tensor):
            self.largest = max(self.largest, result.numel())
        return result


class Given:
    """Numbers that stand in for the tensor into which they were to be drawn."""

    def __init__(self, values):
        self.values = values

    def kept(self):
        """Return the numbers."""
        return self.values


class Promise:
    """The units of rows (m, d) of which a mask (1, d) keeps some."""

    def __init__(self, x, call, keep, number):
        self.number = number
        self.x = x
        self.call = call
        self.keep = keep
        self.version = version_of(x)
        self.product = None

    def kept(self):
        """Return the product of units and mask."""
        if self.product is None:
            self.check_unchanged()
            self.product = self.call.drop(self.x, self.keep)
        return self.product

    def linear(self, weight, bias=None):
        """Return a linear layer of the product."""
        self.check_unchanged()
        if self.product is not None:
            return F.linear(self.product, weight, bias)
        scale = 0.0 if self.call.p == 1 else 1 / (1 - self.call.p)
        x, weight, bias = autocast(self.x, weight * scale, bias)
        return _MaskedLinear.apply(x, self.keep.to(x.dtype), weight, bias)

    def check_unchanged(self):
        if version_of(self.x) != self.version:
            raise RuntimeError("The input of a dropout was changed in place after it.")


def version_of(tensor):
    """Return how often a tensor was changed in place, None where nobody counts."""
    return None if tensor.is_inference() else tensor._version


def autocast(x, *others):
    """Cast tensors as an autocast context would for a linear layer."""
    kind = x.device.type
    if not torch.is_autocast_enabled(kind):
        return x, *others
    dtype = torch.get_autocast_dtype(kind)
    return tuple(None if t is None else t.to(dtype) for t in (x, *others))


class _MaskedLinear(torch.autograd.Function):
    """A linear layer of rows (m, d) of which a mask (1, d) keeps some units.

    Under vmap the mask has S draws. Rows that are the same in all of them are not
    copied S times: each draw multiplies the columns that it keeps, so that a dropout
    rate p saves the share p of the work.
    """

    @staticmethod
    def forward(x, keep, weight, bias):
        """Multiply under one mask."""
        return F.linear(x, weight * keep, bias)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep nothing: there is no backward pass."""

    @staticmethod
    def vmap(info, in_dims, x, keep, weight, bias):
        """Multiply under the masks of all draws."""
        if in_dims[1:] != (0, None, None):
            raise OneByOneError("weights that differ between draws")
        if in_dims[0] is None and x.device.type == "cpu":
            return _linear_of_kept_columns(x, keep, weight.T, bias), 0
        x = x if in_dims[0] is None else x.movedim(in_dims[0], 0)
        out = torch.matmul(x, weight.T * keep.mT)
        return out if bias is None else out.add_(bias), 0


def _linear_of_kept_columns(x, keep, weight, bias):
    """Return (S, m, out) for rows (m, d), masks (S, 1, d) and weights (d, out)."""
    columns = x.T.contiguous()  # a column is kept or dropped as a whole: copy it whole
    weight = weight.contiguous()
    outputs = x.new_empty(len(keep), len(x), weight.shape[1])  # (S, m, out)
    for output, mask in zip(outputs, keep, strict=True):
        kept = mask[0].nonzero()[:, 0]
        x_kept = columns.index_select(0, kept).T
        torch.mm(x_kept, weight.index_select(0, kept), out=output)
    return outputs if bias is None else outputs.add_(bias)
