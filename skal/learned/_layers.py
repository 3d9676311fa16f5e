"""What a scorer is made of, checked: layers of numbers, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from skal._checks import check_above_zero, check_int
from skal.learned._features import CANDIDATE_FEATURES, SCHEMA, STATE_FEATURES


def as_hidden(hidden):
    """Return the widths of layers, if they are a list of integers."""
    if isinstance(hidden, str) or not isinstance(hidden, Iterable):
        raise TypeError(
            f"hidden must be a list of widths, one a layer, got {hidden!r}. Write "
            "(32,) for one layer of 32."
        )
    return [check_int("hidden", width) for width in hidden]


def as_layers(weights):
    """Return the layers as pairs of arrays, if they are finite numbers."""
    layers: Any = list(weights) if isinstance(weights, Iterable) else [()]
    if not all(isinstance(layer, tuple | list) and len(layer) == 2 for layer in layers):
        raise TypeError(
            "weights must be a list of (matrix, offset), one pair a layer, got "
            f"{type(weights).__name__}. load_scorer reads them from a file."
        )
    layers = [(np.asarray(W), np.asarray(b)) for W, b in layers]
    for array in (array for layer in layers for array in layer):
        if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise ValueError(
                f"weights must be finite numbers, got {array.dtype} with "
                f"{np.size(array)} of them. Train the scorer again."
            )
    return layers


def check_widths(weights):
    """Refuse layers that do not fit together, or do not end in one number."""
    widths = [len(CANDIDATE_FEATURES) + len(STATE_FEATURES)]
    for W, b in weights:
        if b.ndim != 1 or W.shape != (widths[-1], len(b)):
            raise ValueError(
                f"weights must begin with {widths[0]} features and take what the layer "
                f"before gives, {widths[-1]} numbers, got a matrix of {W.shape} with "
                f"offsets of {b.shape}."
            )
        widths.append(len(b))
    if widths[-1] != 1 or len(widths) < 2:
        raise ValueError(
            f"weights must end in one number a row, got layers of {widths[1:]}."
        )


def as_about(about):
    """Return what is known of a scorer, if what is used of it makes sense."""
    if not isinstance(about, dict):
        raise TypeError(f"about must be a dict or None, got {about!r}.")
    about = {"schema": SCHEMA, **about}
    check_schema(about)
    for key in ("name", "estimator"):
        if not isinstance(about.get(key, ""), str | None):
            raise TypeError(f"{key} must be a string, got {about[key]!r}.")
    if about.get("horizon") is not None:
        check_above_zero("horizon", about["horizon"])
    return about


def check_schema(about):
    """Refuse features of another version."""
    if about["schema"] != SCHEMA:
        raise ValueError(
            f"about must be of schema {SCHEMA}, got {about['schema']!r}: the scorer "
            "was trained on features of another version of skal. Train it again."
        )
