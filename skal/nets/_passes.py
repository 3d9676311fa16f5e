"""Passes: rows through a fitted module, and what comes out on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from skal.nets._batches import in_order
from skal.nets._device import choose_device, inference_precision, is_on, place
from skal.nets._module import first_of, input_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from torch import nn

    from skal.nets._inputs import Inputs
    from skal.nets._mc_dropout import LastDropout
    from skal.nets._unit_head import UnitHead


class Passes:
    """Batches of rows through a module in eval mode, 256 rows at a time.

    What ``net.passes()`` returns, and all that others may ask of a net beside what
    every estimator answers. Nothing is yielded inside a context of torch, which would
    hold for the caller until he asks for more.

    Parameters
    ----------
    module : torch.nn.Module
        It is moved to the device, and put in eval mode.
    read : callable
        Returns the Inputs of X.
    head_name : str or None
        The name of the linear layer that the module ends in, if it does.
    device : str
        Where to compute; "auto" takes a GPU where there is one.
    bfloat16 : bool
        Whether to compute in bfloat16, the head excepted.

    Attributes
    ----------
    module : torch.nn.Module
        The module, ready.
    device : torch.device
        Where it is.
    """

    def __init__(
        self,
        module: nn.Module,
        read: Callable[[Any], Inputs],
        head_name: str | None,
        device: str,
        bfloat16: bool,
    ) -> None:
        self.device = choose_device(device)
        if not is_on(module, self.device):  # unpickled, or set_params(device=...)
            place(module, self.device)
        self.module = module.eval()
        self._read = read
        self._head_name = head_name
        self._bfloat16 = bfloat16

    @property
    def head(self) -> nn.Linear:
        """The last linear layer, whose output is the module's.

        Raises
        ------
        TypeError
            If the module does not end in one.
        """
        if self._head_name is None:
            raise TypeError(
                f"module must end in a torch.nn.Linear to have embeddings and a head, "
                f"got {type(self.module).__name__}, which ends in something else. "
                "Leave softmax to the net: return scores."
            )
        return self.module.get_submodule(self._head_name)

    def batches(self, X: Any) -> Iterator[torch.Tensor]:
        """Yield the rows of X, in order, as the module takes them."""
        yield from self._read(X).batches(self.device)

    def outputs(self, X: Any) -> Iterator[torch.Tensor]:
        """Yield the module's output (m, n_outputs) for each batch of X, float32."""
        for batch in self.batches(X):
            with torch.no_grad():
                outputs = self._pass(batch)
            yield outputs.float()

    def embeddings(self, X: Any) -> Iterator[torch.Tensor]:
        """Yield the input (m, d) of the head for each batch of X, float32."""
        return self.inputs_of(self.head, X)

    def inputs_of(self, layer: nn.Module, X: Any) -> Iterator[torch.Tensor]:
        """Yield what a layer of the module sees of each batch of X, float32."""
        return (self._input_of(layer, batch) for batch in self.batches(X))

    def head_outputs(self, E: Any) -> Iterator[torch.Tensor]:
        """Yield the output (m, n_outputs) of the head for each batch of embeddings."""
        head, E = self.head, np.asarray(E)
        if len(E) == 0:
            raise ValueError(
                "E must hold at least one embedding, got none. Pass what embed returns."
            )
        for where in in_order(len(E)):
            rows = torch.from_numpy(np.array(E[where], dtype=np.float32))
            with torch.no_grad():
                outputs = head(rows.to(self.device))
            yield outputs

    def dropout_outputs(
        self, X: Any, n_samples: int, seed: int, dropout: str
    ) -> Iterator[torch.Tensor]:
        """Yield outputs (S, m, n_outputs) under dropout masks for each batch of X.

        A TypeError says that the module has no dropout, or some that cannot be set
        from outside; the first batch is enough to know.
        """
        from skal.nets._mc_dropout import sample_logits

        draws = sample_logits(self.module, self.batches(X), n_samples, seed, dropout)
        while True:
            with torch.no_grad(), self._precision():
                outputs = next(draws, None)
            if outputs is None:
                return
            yield outputs.float()

    def gradients(
        self, X: Any, n_outputs: int, n_features: int, seed: int
    ) -> Iterator[torch.Tensor]:
        """Yield the gradient features (m, n_features) of each batch of X, float32."""
        from skal.nets._gradient_features import sketch_gradients

        return (
            sketch_gradients(self.module, batch, n_outputs, n_features, seed)
            for batch in self.batches(X)
        )

    def dropout_before_head(self, X: Any) -> LastDropout | None:
        """Return the last dropout if the head reads its output, else None.

        One row of X is passed, to see it.
        """
        from skal.nets._mc_dropout import last_dropout

        return last_dropout(self.module, next(self.batches(X)), self.head)

    def unit_head(self, X: Any) -> UnitHead:
        """Return the last layer of a module that scores the units of rows.

        One row of X is passed, to see it.

        Raises
        ------
        TypeError
            If no layer scores each unit by itself, and its scores come out.
        """
        from skal.nets._unit_head import find_unit_head

        head = find_unit_head(self.module, next(self.batches(X))[:1])
        if head is None:
            raise TypeError(
                "module must end in a layer that scores each pixel by itself, a "
                "convolution of size 1 or a torch.nn.Linear over the channels, got "
                f"{type(self.module).__name__}, which ends in something else. Use "
                "MCDropoutCommittee or EnsembleClassifier."
            )
        return head

    def _pass(self, batch):
        """Return the module's output for a batch; the head is always exact."""
        if self._bfloat16 and self._head_name is not None:
            return self.head(self._input_of(self.head, batch))
        with self._precision():
            return first_of(self.module(batch))

    def _input_of(self, head, batch):
        """Return what the head sees of a batch, float32."""
        with self._precision():
            return input_of(head, self.module, batch).float()

    def _precision(self):
        return inference_precision(self._bfloat16, self.device)


def join(parts, axis=0):
    """Return tensors joined along an axis, as a numpy array."""
    return np.concatenate([part.detach().cpu().numpy() for part in parts], axis=axis)
