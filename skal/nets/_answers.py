"""What a fitted net answers: outputs, embeddings, and samples by MC dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skal._checks import check_choice, check_int
from skal._seed import draw_seed
from skal.nets._batches import in_order
from skal.nets._bridge import Bridge
from skal.nets._building import first_of
from skal.nets._layout import check_finite
from skal.nets._placement import choose_device, inference_precision, is_on, place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Rows a pass. Larger batches leave the cache and are slower on a CPU.
_CHUNK = 256
#: Draws where no number is given.
_N_SAMPLES = 20


class _HeadReached(Exception):
    """Ends a pass at the last linear layer, whose input is all that is wanted."""


class Answers(Bridge):
    """The passes over rows that a fitted net makes, 256 at a time."""

    _head_name: str | None

    if TYPE_CHECKING:  # from Net, which knows the layout

        def _read(self, X: Any, *, reset: bool) -> Any: ...

    def _need_fit(self):
        check_is_fitted(self)

    def _ready(self):
        """Return the module on its device, in eval mode."""
        device = choose_device(self.device)
        if not is_on(self.module_, device):  # unpickled, or set_params(device=...)
            place(self.module_, device)
        return self.module_.eval(), device

    def _eval_batches(self, X) -> Iterator[torch.Tensor]:
        """Yield the rows of X, in order, as the module takes them."""
        source, layout = self._read(X, reset=False)
        _, device = self._ready()
        for where in in_order(len(source), _CHUNK):
            rows = source.take(where)
            check_finite(rows, type(self).__name__)
            yield layout.arrange(rows, device)

    def _head(self) -> nn.Linear:
        """Return the last linear layer, whose output is the module's."""
        if self._head_name is None:
            raise TypeError(
                f"module must end in a torch.nn.Linear to have embeddings and a head, "
                f"got {type(self.module_).__name__}, which ends in something else. "
                "Leave softmax to the net: return scores."
            )
        return self.module_.get_submodule(self._head_name)

    def _outputs(self, X) -> Iterator[torch.Tensor]:
        """Yield the module's output for each chunk of X, float32.

        Nothing is yielded inside a context of torch, which would hold for the caller
        until he asks for more.
        """
        for batch in self._eval_batches(X):
            with torch.no_grad():
                outputs = self._pass(batch)
            yield outputs.float()

    def _pass(self, batch):
        """Return the module's output for a batch; the head is always exact."""
        if self.bfloat16 and self._head_name is not None:
            return self._head()(self._trunk(batch))
        with inference_precision(self.bfloat16, batch.device):
            return first_of(self.module_(batch))

    def _head_outputs(self, E) -> Iterator[torch.Tensor]:
        """Yield the output of the head for each chunk of embeddings."""
        _, device = self._ready()
        head, E = self._head(), np.asarray(E)
        if len(E) == 0:
            raise ValueError(
                "E must hold at least one embedding, got none. Pass what embed returns."
            )
        for where in in_order(len(E), _CHUNK):
            rows = torch.from_numpy(np.array(E[where], dtype=np.float32))
            with torch.no_grad():
                outputs = head(rows.to(device))
            yield outputs

    def _trunk(self, batch):
        """Return the input of the last linear layer for a batch, float32."""
        kept = []

        def stop(_, inputs):
            kept.append(inputs[0])
            raise _HeadReached

        hook = self._head().register_forward_pre_hook(stop)
        try:
            with torch.no_grad(), inference_precision(self.bfloat16, batch.device):
                self.module_(batch)
        except _HeadReached:
            pass
        finally:
            hook.remove()
        return kept[0].float()

    def forward_iter(self, X, training=False, device="cpu"):
        """Yield the module's output for each chunk of rows, for skorch's ``forward``.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows as in ``fit``.
        training : bool, default=False
            Must be False; see ``sample_proba`` for dropout.
        device : str, default="cpu"
            Where the outputs go.

        Yields
        ------
        Tensor of shape (m, n_outputs)
            The outputs.
        """
        self._need_fit()
        if training:
            raise ValueError(
                "training must be False, got True. For dropout use sample_proba."
            )
        for outputs in self._outputs(X):
            yield outputs.to(device)

    def embed(self, X):
        """Return the embedding of each row: the input of the last linear layer.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)
            Rows as in ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_features) and float32
            The embeddings.

        Raises
        ------
        TypeError
            If the module does not end in a linear layer.
        """
        self._need_fit()
        self._head()
        return join(self._trunk(batch) for batch in self._eval_batches(X))

    def _sampled(self, X, n_samples, random_state, dropout):
        """Yield (S, m, n_outputs) outputs under dropout masks, for each chunk of X."""
        from skal.nets._mc_dropout import sample_logits

        self._need_fit()
        n_samples = _N_SAMPLES if n_samples is None else n_samples
        check_int("n_samples", n_samples)
        check_choice("dropout", dropout, ["all", "last"])
        seed = draw_seed(random_state)
        module, device = self._ready()
        batches = self._eval_batches(X)
        draws = sample_logits(module, batches, n_samples, seed, dropout)
        while True:
            with torch.no_grad(), inference_precision(self.bfloat16, device):
                outputs = next(draws, None)
            if outputs is None:
                return
            yield outputs.float()


def join(parts, axis=0):
    """Return tensors joined along an axis, as a numpy array."""
    return np.concatenate([part.detach().cpu().numpy() for part in parts], axis=axis)
