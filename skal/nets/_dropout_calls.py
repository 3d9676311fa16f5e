"""Taking the place of every dropout call that a module makes, in execution order."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from skal.nets import _attention, _chance, _recurrent
from skal.nets._dropout import Dropout

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


def read_call(func, args, kwargs):
    """Return the input and the Dropout of a call."""
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
    given = dict(zip(("input", "p", "train"), args, strict=False)) | kwargs
    kind, inplace = BUILTIN[func]
    return given["input"], Dropout(kind, given["p"], given["train"], inplace)


def answer_dropout(mode, func, args, kwargs):
    """Answer a call of a dropout function."""
    x, call = read_call(func, args, kwargs)
    return mode.dropout(x, call._replace(on=call.on and mode.attention_on))


#: Who answers which function. Most calls are of something else.
ANSWERS = {
    **dict.fromkeys((*FUNCTIONAL, *BUILTIN), answer_dropout),
    **_attention.ANSWERS,
    **_recurrent.ANSWERS,
    **_chance.ANSWERS,
}


class DropoutCalls(TorchFunctionMode):
    """Notes the dropout calls of a forward pass, and makes none of them.

    Attributes
    ----------
    seen : list of (Dropout, Tensor)
        The calls in execution order and what each was to drop from.
    number : int
        That of the next call.
    attention_on : bool
        False inside an attention layer that is in evaluation mode.
    of_layer : bool
        Whether a layer without weights is running, whose random numbers count.
    flops : int
        The work of what torch does not count.
    """

    def __init__(self):
        super().__init__()
        self.seen = []
        self.number = 0
        self.attention_on = True
        self.of_layer = False
        self.flops = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        answer = ANSWERS.get(func)
        if answer is None:
            return self.other(func, args, kwargs)
        return answer(self, func, args, kwargs)

    def meet(self, call, x):
        """Meet the next call; return it, and its mask or None to drop nothing."""
        self.seen.append((call, x))
        self.number += 1
        return call, None

    def dropout(self, x, call):
        """Answer a call that drops units of x."""
        call, keep = self.meet(call, x)
        return x if keep is None else call.drop(x, keep, inplace=call.inplace)

    def other(self, func, args, kwargs):
        """Answer any other call."""
        return func(*args, **kwargs)

    def filled(self, x, values, *, into):
        """Return numbers that were drawn, written to x if they are to go there."""
        return x.copy_(values) if into else values

    def measured(self, result):
        """Take note of a result that torch is not asked for."""
        return result

    def differs(self, what):
        """Take note of masks that are not of one shape for all batches."""


class FixedMasks(DropoutCalls):
    """Drops what fixed masks say, as the module itself would.

    Parameters
    ----------
    keep : callable
        Takes the number of a call and what it drops from; returns the call and its
        mask, 1 where a unit is kept and 0 where it is dropped, or None to drop nothing.
    """

    def __init__(self, keep):
        super().__init__()
        self.keep = keep

    def meet(self, call, x):
        found = self.keep(self.number, x)
        self.number += 1
        return (call, None) if found is None else found
