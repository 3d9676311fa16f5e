"""Probabilities and the labels they are about, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def checked_predictions(
    y_true: ArrayLike, y_proba: ArrayLike, labels: ArrayLike | None
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the column of each row's label, and probabilities of shape (n, C)."""
    proba = _checked_proba(y_proba)
    y_true = np.asarray(y_true)
    if y_true.shape != (len(proba),) or len(proba) == 0:
        raise ValueError(
            f"y_true must hold one label for each row of y_proba, got shapes "
            f"{y_true.shape} and {proba.shape}."
        )
    columns = _columns(y_true, proba.shape[1], labels)
    place = {label: column for column, label in enumerate(columns)}
    codes = np.array([place.get(label, -1) for label in y_true.tolist()])
    if (codes < 0).any():
        raise ValueError(
            f"y_true must hold labels among {columns}, got "
            f"{y_true[codes < 0][0].item()!r}. Pass labels=, the classes_ of the model."
        )
    return codes, proba


def _checked_proba(y_proba):
    proba = np.asarray(y_proba)
    if proba.dtype.kind != "f":
        proba = proba.astype(np.float64)
    if proba.ndim == 1:  # the probability of the greater of two labels
        proba = np.column_stack([1 - proba, proba])
    if proba.ndim != 2:
        raise ValueError(
            f"y_proba must be of shape (n_samples, n_classes), got {proba.shape}."
        )
    valid = (proba >= 0) & (proba <= 1 + 1e-3)  # so that NaN is not valid
    if not valid.all() or not np.allclose(proba.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "y_proba must hold probabilities that sum to 1 in each row, got others. "
            "Pass what predict_proba returns."
        )
    return proba


def _columns(y_true, width, labels):
    """Return the label of each column of the probabilities."""
    columns = np.unique(y_true) if labels is None else np.asarray(labels)
    if labels is None and width == 2 and np.isin(columns.astype(object), [0, 1]).all():
        columns = np.array([0, 1])
    if columns.shape != (width,) or len(set(columns.tolist())) < width:
        got = "None" if labels is None else repr(columns.tolist())
        raise ValueError(
            f"labels must name the {width} columns of y_proba, got {got} with "
            f"{len(np.unique(y_true))} different labels in y_true. Pass labels=, the "
            "classes_ of the model."
        )
    return columns.tolist()
