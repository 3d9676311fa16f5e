"""Taking the place of every dropout call that a module makes, in execution order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

if TYPE_CHECKING:
    from torch import Tensor

#: Modules call these; the rest are what they are made of, which a forward may call too.
FUNCTIONAL = {
    F.dropout: "dropout",
    F.dropout1d: "feature",
    F.dropout2d: "feature",
    F.dropout3d: "feature",
    F.alpha_dropout: "alpha",
    F.feature_alpha_dropout: "feature_alpha",
}
BUILTIN = {
    torch.dropout: ("dropout", False),
    torch.dropout_: ("dropout", True),
    torch.feature_dropout: ("feature", False),
    torch.feature_dropout_: ("feature", True),
    torch.alpha_dropout: ("alpha", False),
    torch.alpha_dropout_: ("alpha", True),
    torch.feature_alpha_dropout: ("feature_alpha", False),
    torch.feature_alpha_dropout_: ("feature_alpha", True),
}
#: With so many dimensions these take dimension 0 for channels of a single row.
ONE_ROW = {F.dropout1d: 2, F.dropout3d: 4}
#: The value that alpha dropout sets a dropped unit to, before it rescales.
DROPPED_ALPHA = -1.7580993408473766


class Dropout(NamedTuple):
    """One call of a dropout function, whichever it was."""

    kind: str
    p: float
    on: bool
    inplace: bool

    def mask_shape(self, x: Tensor) -> tuple[int, ...]:
        """Return the shape of a mask: one for all rows, which are dimension 0."""
        if self.kind.startswith("feature"):
            return (1, x.shape[1], *(1 for _ in x.shape[2:]))
        return (1, *x.shape[1:])

    def drop(self, x: Tensor, keep: Tensor, *, inplace: bool = False) -> Tensor:
        """Drop the units of x where ``keep`` is 0, and rescale the others."""
        keep = keep.to(x.dtype)
        if self.p == 1:
            scale, shift = keep * 0, None
        elif not self.kind.endswith("alpha"):
            scale, shift = keep / (1 - self.p), None
        else:  # Klambauer et al. (2017): the mean and the variance stay as they were
            a = ((DROPPED_ALPHA**2 * self.p + 1) * (1 - self.p)) ** -0.5
            scale = keep * a
            shift = ((1 - keep) - self.p) * (DROPPED_ALPHA * a)
        x = x.mul_(scale) if inplace else x * scale
        if shift is None:
            return x
        return x.add_(shift) if inplace else x + shift


def read_call(func, args, kwargs):
    """Return the input and the Dropout of a call, None if it is another function."""
    if func in FUNCTIONAL:  # they hand over all but the input by name
        call = Dropout(
            FUNCTIONAL[func], kwargs["p"], kwargs["training"], kwargs["inplace"]
        )
        x = args[0]
        if ONE_ROW.get(func) == x.ndim:
            raise TypeError(
                f"{func.__name__} must see rows as dimension 0, got a tensor of shape "
                f"{tuple(x.shape)}, which it takes for channels. Use torch.nn.Dropout."
            )
        return x, call
    if func in BUILTIN:
        given = dict(zip(("input", "p", "train"), args, strict=False)) | kwargs
        kind, inplace = BUILTIN[func]
        return given["input"], Dropout(kind, given["p"], given["train"], inplace)
    return None


class DropoutCalls(TorchFunctionMode):
    """Notes the dropout calls of a forward pass, and makes none of them.

    Attributes
    ----------
    seen : list of (Dropout, shape)
        The calls in execution order and the shape of what each was to drop from.
    """

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        # A set of functions is asked first: most calls are something else.
        found = read_call(func, args, kwargs) if func in DROPOUTS else None
        if found is None:
            return self.other(func, args, kwargs)
        x, call = found
        self.seen.append((call, tuple(x.shape)))
        return self.dropout(x, call, len(self.seen) - 1)

    def dropout(self, x, call, number):
        """Answer dropout call ``number`` of this pass."""
        return x

    def other(self, func, args, kwargs):
        """Answer any other call."""
        return func(*args, **kwargs)


DROPOUTS = {*FUNCTIONAL, *BUILTIN}


class FixedMasks(DropoutCalls):
    """Drops what fixed masks say, as the module itself would.

    Parameters
    ----------
    keep : callable
        Takes the number of a call, the call and a shape; returns the mask, 1 where a
        unit is kept and 0 where it is dropped, or None to drop nothing.
    """

    def __init__(self, keep):
        super().__init__()
        self.keep = keep

    def dropout(self, x, call, number):
        keep = self.keep(number, call, x)
        return x if keep is None else call.drop(x, keep, inplace=call.inplace)


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

    def dropout(self, x, call, number):
        keep = self.keep(number, call, x)
        if keep is None:
            return x
        self.masked = True
        if call.kind != "dropout" or x.ndim != 2:
            return self.measured(call.drop(x, keep))
        promise = Promise(x, call, keep, number)
        # Another object for the same numbers, held so that its id stays its own.
        handle = x.view_as(x)
        self.promises[id(handle)] = handle, promise
        return handle

    def other(self, func, args, kwargs):
        if not self.promises:
            return self.measured(func(*args, **kwargs))
        if func is F.linear and args and id(args[0]) in self.promises:
            promise = self.promises[id(args[0])][1]
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
            raise NotImplementedError("weights that differ between draws")
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
