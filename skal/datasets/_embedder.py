"""What makes numbers of a batch of rows."""

from __future__ import annotations

import sys

import numpy as np
import scipy.sparse as sp

from skal._checks import name_of
from skal._model import as_view

_METHODS = ("embed", "transform", "encode")


def as_embedder(embedder):
    """Return a function from a batch of rows to an array (n, ...) of finite numbers."""
    if embedder is None:
        return lambda rows: as_numbers(rows, rows, "source")
    ask = answerer(embedder)

    def embed(rows):
        values = as_numbers(ask(rows), rows, "embedder")
        bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if len(bad):
            raise ValueError(
                "embedder must give finite numbers, got NaN or infinity for "
                f"{len(bad)} of {len(values)} rows from {name_of(embedder)}."
            )
        return values

    return embed


def answerer(embedder):
    """Return what of an embedder is called with a batch."""
    for method in _METHODS:
        if hasattr(embedder, method):
            return lambda rows: getattr(embedder, method)(in_numpy(rows))
    if is_module(embedder):
        if embedder.training:
            raise ValueError(
                "embedder must be a module in eval mode, got one in training mode. "
                "Call embedder.eval()."
            )
        return lambda rows: of_module(embedder, rows)
    if hasattr(embedder, "predict"):  # as a strategy would see its rows
        return lambda rows: as_view(embedder).embed(in_numpy(rows))
    if callable(embedder):
        return embedder
    raise TypeError(
        "embedder must be a fitted estimator or transformer, a module or a function of "
        f"a batch, got {embedder!r}."
    )


def is_module(embedder):
    """Tell whether an embedder is a module of torch, which is not imported to know."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(embedder, torch.nn.Module)


def of_module(module, rows):
    """Return what a module answers, asked where its weights lie, in their type."""
    import torch

    weight = next(module.parameters(), torch.zeros(0))
    rows = torch.as_tensor(rows, device=weight.device)
    rows = rows.to(weight.dtype) if rows.is_floating_point() else rows
    with torch.inference_mode():
        return module(rows)


def in_numpy(rows):
    """Return tensors as an array, anything else as it is."""
    return rows.detach().cpu().numpy() if hasattr(rows, "detach") else rows


def as_numbers(values, rows, name):
    """Return an answer about rows as an array of numbers (n, ...)."""
    values = in_numpy(values)
    values = np.asarray(values.toarray() if sp.issparse(values) else values)
    n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    if values.dtype.kind not in "fiub" or values.shape[:1] != (n_rows,):
        raise ValueError(
            f"{name} must give an array of numbers of shape ({n_rows}, ...) for "
            f"{n_rows} rows, got {values.dtype} of shape {values.shape}."
        )
    return values
