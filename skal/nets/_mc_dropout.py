"""MC dropout: the logits of a network under many dropout masks, its trunk run once."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from skal._checks import check_choice, check_int
from skal.nets._dropout import Rows
from skal.nets._dropout_calls import FixedMasks
from skal.nets._dropout_draws import draw_by_place, draw_in_order
from skal.nets._dropout_network import Made, Network, find_dropouts
from skal.nets._fused_masks import FusedMasks
from skal.nets._tensor_set import is_padded, row_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from numpy.typing import NDArray
    from torch import Tensor
    from torch.nn import Module

    from skal.nets._dropout import Dropout

#: What the draws of one chunk may hold at once in one layer. More is slower: large
#: blocks of memory leave the cache and are cleared by the system every time.
_CHUNK_BYTES = 2**23
#: The trunk is run once where it does at least this share of the work.
_TRUNK_SHARE = 0.1
#: How far the draws in one go may be off one pass a draw, in units of the largest
#: logit: rounding, not another answer.
_ROUNDING = {torch.float32: 1e-4, torch.float64: 1e-9}
_COARSE_ROUNDING = 5e-2


def sample_logits(
    module: Module,
    batches: Iterable[Tensor],
    n_samples: int,
    seed: int,
    dropout: str = "all",
) -> Iterator[Tensor]:
    """Yield the logits of every batch under ``n_samples`` draws of dropout masks.

    Draw s of dropout call j is fixed by (``seed``, s, j): one mask for all rows, which
    are dimension 0 of every batch. Where rows are padded, it is so for each place of a
    row, however long the others of its batch are. The module is left as it is, its
    training mode and buffers included, and so is the global random state.

    Parameters
    ----------
    module : torch.nn.Module
        Takes a batch, returns logits (m, n_classes), or a tuple of which they are the
        first.
    batches : iterable of Tensor
        Batches as the module takes them.
    n_samples : int
        The number of draws S.
    seed : int
        Fixes the masks.
    dropout : {"all", "last"}, default="all"
        Which dropout calls to make: all of them, or the last alone.

    Yields
    ------
    Tensor of shape (S, m, n_classes)
        The logits of each batch.

    Raises
    ------
    TypeError
        If the module has no dropout, or some that cannot be intercepted.
    """
    check_int("n_samples", n_samples)
    check_choice("dropout", dropout, ("all", "last"))
    plan, planned = None, None
    for batch in batches:
        with _no_gradients():
            shape = row_shape(batch)
            if plan is None or shape != planned:  # sequences are as long as the longest
                network = Network(module, batch)
                made = find_dropouts(network, batch, dropout)
                draws = _Draws(made, n_samples, seed, is_padded(batch))
                plan, planned = _plan(network, draws, batch), shape
            logits = plan(batch)
        yield logits


@contextmanager
def _no_gradients():
    """Do without gradients, but know when a tensor is changed."""
    with torch.inference_mode(False), torch.no_grad():
        yield


class LastDropout(NamedTuple):
    """The last dropout of a network, where nothing is between it and the head."""

    number: int
    call: Dropout
    width: int
    padded: bool = False

    def masks(self, n_samples: int, seed: int) -> NDArray[Any]:
        """Return (S, width): by what the inputs of the head are multiplied.

        The masks are those of ``sample_logits`` with ``dropout="last"``.
        """
        units = torch.ones(1, self.width)
        made = Made(self.call, Rows(), self.number, units.shape)
        draws = _Draws({0: made}, n_samples, seed, self.padded)
        masks = draws.stacked({0: units})[0]
        return self.call.drop(units, masks[:, 0]).numpy()


def last_dropout(module: Module, batch: Tensor, head: Module) -> LastDropout | None:
    """Find the last dropout if it is the head's input, else None.

    Parameters
    ----------
    module : torch.nn.Module
        Takes a batch.
    batch : Tensor
        One row at least.
    head : torch.nn.Linear
        The last layer of the module.

    Returns
    -------
    LastDropout or None
        What ``masks`` can be asked of.
    """
    with _no_gradients():
        network = Network(module, batch)
        found = find_dropouts(network, batch, "last")
        padded = is_padded(batch)
        mode = FusedMasks(_Draws(found, 1, 0, padded).of(0))
        network(batch[:1], mode)
    ((number, made),) = found.items()
    if mode.linear.get(number) is not head.weight:
        return None
    return LastDropout(made.key, made.call, made.shape[1], padded)


# The draws ----------------------------------------------------------------------


class _Draws:
    """The masks of every draw: S of them for each dropout call that is made.

    Those of ``padded`` rows do not depend on how long a batch is.
    """

    def __init__(self, made, n_samples, seed, padded=False):
        self.made = made
        self.n_samples = n_samples
        self.seed = seed
        self.draw = draw_by_place if padded else draw_in_order

    def mask(self, draw, number, x):
        """Return the mask of one draw for a call, as it is for every row."""
        call, rows, key, _ = self.made[number]
        seeds = np.random.SeedSequence([self.seed, draw, key])
        seed = int(seeds.generate_state(1, np.uint64)[0])
        # On the CPU, so that every device gets the same draws.
        mask = call.mask_of(self.draw(call.kind, call.mask_shape(x, rows), seed))
        return mask.to(x.device, x.dtype)

    def spread(self, number, x, mask):
        """Return a call and its mask for the rows of x."""
        call, rows, *_ = self.made[number]
        return call, rows.spread(mask, x.shape)

    def of(self, draw):
        """Return a function that gives the calls and masks of one draw."""

        def keep(number, x):
            if number not in self.made:
                return None
            return self.spread(number, x, self.mask(draw, number, x))

        return keep

    def stacked(self, inputs):
        """Return {number: (S, 1, ...)} for inputs {number: x}."""
        return {
            number: torch.stack(
                [self.mask(draw, number, x) for draw in range(self.n_samples)]
            )
            for number, x in inputs.items()
        }


# How to run it ------------------------------------------------------------------


def _plan(network, draws, batch):
    """Choose how to run the draws; return a function of a batch."""
    row = batch[:1]
    one_by_one = _OneByOne(network, draws)
    try:
        seen = _look(network, draws, row)
        if seen.trunk_share < _TRUNK_SHARE:
            return one_by_one
        row_bytes = draws.n_samples * seen.largest * batch.element_size()
        chunk_size = max(1, _CHUNK_BYTES // row_bytes)
        at_once = _AtOnce(network, draws, draws.stacked(seen.inputs), chunk_size)
        logits = at_once(row)
    except (RuntimeError, ValueError):  # OneByOneError, and what vmap cannot do
        return one_by_one
    return at_once if _agree(logits, one_by_one(row)) else one_by_one


class _Look(NamedTuple):
    """What one row tells about the cost of a pass."""

    inputs: dict
    trunk_share: float
    largest: int


def _look(network, draws, row):
    """Run one row under one draw; note the masked calls and the work before them."""
    counter = FlopCounterMode(display=False)
    masks_of_one = draws.of(0)
    inputs, before = {}, []

    def keep(number, x):
        found = masks_of_one(number, x)
        if found is not None:
            inputs[number] = x
            before.append(counter.get_total_flops() + mode.flops)
        return found

    mode = FusedMasks(keep)
    with counter:
        network(row, mode)
    total = max(counter.get_total_flops() + mode.flops, 1)
    return _Look(inputs, before[0] / total, max(mode.largest, 1))


def _agree(logits, expected):
    """Tell whether all draws in one go give what one pass a draw gives."""
    unit = _ROUNDING.get(expected.dtype, _COARSE_ROUNDING)
    tolerance = unit * float(expected.abs().max().clamp(min=1e-3))
    return logits.shape == expected.shape and torch.allclose(
        logits, expected, rtol=0, atol=tolerance, equal_nan=True
    )


class _OneByOne:
    """One full pass a draw."""

    def __init__(self, network, draws):
        self.network = network
        self.draws = draws

    def __call__(self, batch):
        return torch.stack(
            [self.one(batch, draw) for draw in range(self.draws.n_samples)]
        )

    def one(self, batch, draw):
        """Return the logits of one draw."""
        return self.network(batch, FixedMasks(self.draws.of(draw)))


class _AtOnce:
    """All draws in one pass: what comes before the first mask runs once.

    Only tensors that depend on a mask have a dimension for the draws, which
    ``torch.vmap`` adds. Rows are taken in chunks, so that those tensors stay small.
    """

    def __init__(self, network, draws, masks, chunk_size):
        self.network = network
        self.draws = draws
        self.masks = masks
        self.chunk_size = chunk_size

    def __call__(self, batch):
        with warnings.catch_warnings():  # an operation may go draw by draw
            warnings.filterwarnings("ignore", "There is a performance drop")
            parts = [
                torch.vmap(lambda masks, rows=rows: self.one(masks, rows))(self.masks)
                for rows in batch.split(self.chunk_size)
            ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def one(self, masks, batch):
        """Return the logits under the masks of one draw."""

        def keep(number, x):
            mask = masks.get(number)
            return None if mask is None else self.draws.spread(number, x, mask)

        mode = FusedMasks(keep)
        return mode.kept(self.network(batch, mode))
