"""MC dropout: the logits of a network under many dropout masks, its trunk run once."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy, deepcopy
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from skal._checks import check_choice, check_int
from skal._seed import alone_with_torch
from skal.nets._dropout_calls import Dropout, DropoutCalls, FixedMasks, FusedMasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from numpy.typing import NDArray
    from torch import Tensor
    from torch.nn import Module

#: What the draws of one chunk may hold at once in one layer. More is slower: large
#: blocks of memory leave the cache and are cleared by the system every time.
_CHUNK_BYTES = 2**23
#: The trunk is run once where it does at least this share of the work.
_TRUNK_SHARE = 0.1
#: How far the draws in one go may be off one pass a draw, in units of the largest
#: logit: rounding, not another answer.
_ROUNDING = {torch.float32: 1e-4, torch.float64: 1e-9}
_COARSE_ROUNDING = 5e-2

WAY_OUT = (
    "Use LaplaceClassifier or EnsembleClassifier of skal.posterior, which need no "
    "dropout"
)


def sample_logits(
    module: Module,
    batches: Iterable[Tensor],
    n_samples: int,
    seed: int,
    dropout: str = "all",
) -> Iterator[Tensor]:
    """Yield the logits of every batch under ``n_samples`` draws of dropout masks.

    Draw s of dropout call j is fixed by (``seed``, s, j): one mask for all rows, which
    are dimension 0 of every batch. The module is left as it is, its training mode and
    buffers included, and so is the global random state.

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
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        return
    with _no_gradients():
        network = _Network(module, first[:1])
        draws = _Draws(_dropouts_of(network, first, dropout), n_samples, seed)
        plan = _plan(network, draws, first)
    for batch in chain([first], batches):
        with _no_gradients():
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

    def masks(self, n_samples: int, seed: int) -> NDArray[Any]:
        """Return (S, width): by what the inputs of the head are multiplied.

        The masks are those of ``sample_logits`` with ``dropout="last"``.
        """
        draws = _Draws([self.number], n_samples, seed)
        units = torch.ones(1, self.width)
        masks = draws.stacked({self.number: (self.call, units)})[self.number]
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
        network = _Network(module, batch[:1])
        (number,) = _dropouts_of(network, batch, "last")
        mode = FusedMasks(_Draws([number], 1, 0).of(0))
        with mode:
            network(batch[:1])
    if mode.linear.get(number) is not head.weight:
        return None
    call, shape = mode.seen[number]
    return LastDropout(number, call, shape[1])


class _Network:
    """A copy of a module in evaluation mode; parameters, which stay, are shared."""

    def __init__(self, module, row):
        shared = {id(parameter): parameter for parameter in module.parameters()}
        self.module = deepcopy(module, shared).eval()
        row = row.clone()
        before = row._version
        with DropoutCalls() as calls:
            self.module(row)
        in_place = any(call.inplace for call, _ in calls.seen)
        self.writes_to_input = in_place or row._version > before

    def __call__(self, batch):
        """Return the logits of a batch, which stays as it is."""
        output = self.module(batch.clone() if self.writes_to_input else batch)
        return output[0] if isinstance(output, tuple) else output

    def training(self):
        """Return a copy in training mode."""
        network = copy(self)
        network.module = deepcopy(self.module).train()
        return network


# Which dropout there is ---------------------------------------------------------


def _dropouts_of(network, batch, dropout):
    """Return the numbers of the dropout calls to make, each a key of a mask.

    Two rows, since BatchNorm cannot be trained on one.
    """
    rows = torch.cat([batch[:1], batch[:1]])
    training = DropoutCalls()
    _without_chance(network.training(), rows, training)
    evaluating = DropoutCalls()
    _without_chance(network, rows[:1], evaluating)
    _check_rows(training, 2)
    _check_rows(evaluating, 1)
    calls = [call for call, _ in training.seen]
    in_evaluation = [call for call, _ in evaluating.seen]
    if [call[:2] for call in calls] != [call[:2] for call in in_evaluation]:
        raise TypeError(
            "module must call the same dropout layers in training and in evaluation "
            f"mode, got {len(calls)} and {len(in_evaluation)} calls. Let the layer, "
            "or its training=, switch dropout off, not an if around it."
        )
    numbers = [number for number, call in enumerate(calls) if call.on and call.p > 0]
    if not numbers:
        raise TypeError(
            "MC dropout needs a network with dropout, but this one has none of p > 0. "
            f"Add torch.nn.Dropout to it. {WAY_OUT}."
        )
    return numbers if dropout == "all" else numbers[-1:]


def _without_chance(network, rows, mode):
    """Run a network with every dropout intercepted: nothing may be left to chance."""
    devices = [rows.device] if rows.is_cuda else []
    with alone_with_torch(), torch.random.fork_rng(devices):
        before = _random_states(devices)
        with mode:
            network(rows)
        after = _random_states(devices)
    if any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)):
        raise TypeError(
            "MC dropout needs to set the masks, but this network draws random numbers "
            "that are no dropout layer's: dropout inside an RNN or inside "
            f"scaled_dot_product_attention, stochastic depth or noise. {WAY_OUT}."
        )


def _random_states(devices):
    states = [torch.random.get_rng_state()]
    return states + [torch.cuda.get_rng_state(device) for device in devices]


def _check_rows(mode, n_rows):
    """Refuse a dropout whose dimension 0 is not the rows: they share a mask."""
    for call, shape in mode.seen:
        if call.on and call.p > 0 and (not shape or shape[0] != n_rows):
            raise TypeError(
                f"dropout must see rows as dimension 0, got a tensor of shape {shape} "
                f"for a batch of {n_rows}. {WAY_OUT}."
            )


# The draws ----------------------------------------------------------------------


class _Draws:
    """The masks of every draw: S of them for each dropout call that is made."""

    def __init__(self, numbers, n_samples, seed):
        self.numbers = numbers
        self.n_samples = n_samples
        self.seed = seed

    def mask(self, draw, number, call, x):
        """Return the mask of one draw, None for a call that is not made."""
        if number not in self.numbers:
            return None
        key = np.random.SeedSequence([self.seed, draw, number])
        generator = torch.Generator()
        generator.manual_seed(int(key.generate_state(1, np.uint64)[0]))
        # On the CPU, so that every device gets the same draws.
        uniform = torch.rand(call.mask_shape(x), generator=generator)
        return (uniform >= call.p).to(x.device, x.dtype)

    def of(self, draw):
        """Return a function that gives the masks of one draw."""
        return lambda number, call, x: self.mask(draw, number, call, x)

    def stacked(self, calls):
        """Return {number: (S, 1, ...)} for calls and inputs {number: (call, x)}."""
        return {
            number: torch.stack(
                [self.mask(draw, number, call, x) for draw in range(self.n_samples)]
            )
            for number, (call, x) in calls.items()
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
        at_once = _AtOnce(network, draws.stacked(seen.calls), chunk_size)
        logits = at_once(row)
    except (RuntimeError, NotImplementedError, ValueError):  # what vmap cannot do
        return one_by_one
    return at_once if _agree(logits, one_by_one(row)) else one_by_one


class _Look(NamedTuple):
    """What one row tells about the cost of a pass."""

    calls: dict
    trunk_share: float
    largest: int


def _look(network, draws, row):
    """Run one row under one draw; note the masked calls and the work before them."""
    counter = FlopCounterMode(display=False)
    calls, before = {}, []

    def keep(number, call, x):
        mask = draws.mask(0, number, call, x)
        if mask is not None:
            calls[number] = call, x
            before.append(counter.get_total_flops())
        return mask

    mode = FusedMasks(keep)
    with counter, mode:
        network(row)
    total = max(counter.get_total_flops(), 1)
    return _Look(calls, before[0] / total, max(mode.largest, 1))


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
        with FixedMasks(self.draws.of(draw)):
            return self.network(batch)


class _AtOnce:
    """All draws in one pass: what comes before the first mask runs once.

    Only tensors that depend on a mask have a dimension for the draws, which
    ``torch.vmap`` adds. Rows are taken in chunks, so that those tensors stay small.
    """

    def __init__(self, network, masks, chunk_size):
        self.network = network
        self.masks = masks
        self.chunk_size = chunk_size

    def __call__(self, batch):
        chunks = batch.split(self.chunk_size)
        parts = [torch.vmap(lambda m, x=x: self.one(m, x))(self.masks) for x in chunks]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def one(self, masks, batch):
        """Return the logits under the masks of one draw."""
        mode = FusedMasks(lambda number, call, x: masks.get(number))
        with mode:
            logits = self.network(batch)
        return mode.kept(logits)
