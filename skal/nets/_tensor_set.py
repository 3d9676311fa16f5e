"""TensorSet: a batch of rows that consist of several tensors, which travel as one."""

from __future__ import annotations

from functools import partial
from inspect import Parameter, signature
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from torch import Tensor, nn

#: The part that tells which of the padded values of a row are its own.
MASK = "mask"


class TensorSet:
    """Tensors of as many rows each, by the position or the name of an argument.

    Whoever sends batches through a module treats it as one tensor: it has a length, a
    device and slices. A module that :func:`accept_sets` has prepared takes it apart.

    Parameters
    ----------
    parts : dict of Tensor of shape (n_rows, ...)
        The tensors, by position or name.
    """

    def __init__(self, parts: dict[Any, Tensor]) -> None:
        self.parts = parts

    def map(self, f: Callable[[Tensor], Any]) -> TensorSet:
        """Return the set of what a function makes of each tensor."""
        return TensorSet({key: f(part) for key, part in self.parts.items()})

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._first)

    def __getitem__(self, where: Any) -> TensorSet:
        """Return some rows."""
        return self.map(lambda part: part[where])

    @property
    def _first(self):
        return next(iter(self.parts.values()))

    # What callers ask of a batch, as of a tensor.

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self._first.device

    @property
    def is_cuda(self) -> bool:
        """Whether the tensors are on a GPU of CUDA."""
        return self._first.is_cuda

    @property
    def _version(self):
        return sum(part._version for part in self.parts.values())

    def element_size(self) -> int:
        """Return the bytes of a number that a module computes with."""
        return 4

    def clone(self) -> TensorSet:
        """Return a copy."""
        return self.map(torch.Tensor.clone)

    def split(self, size: int) -> list[TensorSet]:
        """Return the rows in pieces."""
        return [self[i : i + size] for i in range(0, len(self), size)]

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        """Join sets part by part, where torch is asked to."""
        if function is not torch.cat:
            return NotImplemented
        sets, *others = args
        joined = {
            key: torch.cat([one.parts[key] for one in sets], *others, **(kwargs or {}))
            for key in sets[0].parts
        }
        return cls(joined)


def row_shape(batch: Any) -> tuple[Any, ...]:
    """Return the shape of a row of a batch, or those of its parts."""
    if isinstance(batch, TensorSet):
        return tuple(tuple(part.shape[1:]) for part in batch.parts.values())
    return tuple(batch.shape[1:])


def is_padded(batch: Any) -> bool:
    """Tell whether rows may be padded to those of their batch: a mask tells by what."""
    return isinstance(batch, TensorSet) and MASK in batch.parts


def accept_sets(module: nn.Module) -> None:
    """Let a module take a TensorSet: as positional and keyword arguments.

    A mask is left out where ``forward`` has no parameter of that name.
    """
    wanted = signature(module.forward).parameters
    takes_all = any(p.kind is Parameter.VAR_KEYWORD for p in wanted.values())
    takes_mask = MASK in wanted or takes_all
    module.register_forward_pre_hook(
        partial(_spread, takes_mask=takes_mask), with_kwargs=True
    )


def _spread(module, args, kwargs, *, takes_mask):
    if len(args) != 1 or not isinstance(args[0], TensorSet):
        return None
    parts = args[0].parts
    by_place = [parts[key] for key in sorted(k for k in parts if isinstance(k, int))]
    by_name = {key: part for key, part in parts.items() if isinstance(key, str)}
    if not takes_mask and by_place:
        by_name.pop(MASK, None)
    return tuple(by_place), {**by_name, **kwargs}
