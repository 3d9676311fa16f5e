"""Several labels a row: y says of each whether a row has it, where that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from skal._checks import check_classes
from skal._data import as_array, is_hole
from skal.nets._criterion import mean_of_row
from skal.nets._objective import Objective, as_weights

if TYPE_CHECKING:
    from collections.abc import Callable


def read_indicator(y, positions):
    """Return y (n, L) as float: 1, 0, or NaN where it is not known.

    A row that counts must have a label that is known.
    """
    y = as_array(y, regression=True)
    if y.ndim != 2:
        raise ValueError(
            "y must hold a column a label, 0 or 1, of shape (n_rows, n_labels), got "
            f"shape {y.shape}. For one label a row use criterion='cross_entropy'."
        )
    if y.dtype.kind == "O":
        y = np.where(np.frompyfunc(is_hole, 1, 1)(y).astype(bool), np.nan, y)
    y = y.astype(np.float32)
    known = y[positions]
    strange = ~(np.isnan(known) | (known == 0) | (known == 1))
    if strange.any():
        raise ValueError(
            "y must hold 0, 1, or NaN where a label is not known, got "
            f"{np.unique(known[strange]).tolist()}."
        )
    n_empty = int(np.isnan(known).all(axis=1).sum())
    if n_empty:
        raise ValueError(
            f"y must hold a known label in each row, got {n_empty} of {len(known)} "
            "rows with none. Leave these out."
        )
    return y


def classes_of_each(n_labels, given):
    """Return the classes of each label; ``given`` may name the labels."""
    check_classes(given)
    names = None if given is None else list(given)
    if names is not None and len(names) != n_labels:
        raise ValueError(
            f"classes must name the {n_labels} labels that y has, got {len(names)}: "
            f"{names}."
        )
    return [np.array([0, 1]) for _ in range(n_labels)]


def several_labels(y, weights, positions, classes, class_weight, losses, smoothing):
    """Return the Objective of an indicator y (n, L)."""
    if y.shape[1] != len(classes):
        raise ValueError(
            f"y must hold {len(classes)} labels a row, as in the first fit, got "
            f"{y.shape[1]}."
        )
    known = y[positions]
    per_class = weights_of_labels(class_weight, known)
    holes = np.isnan(known)
    scale = None
    if per_class is not None or holes.any():
        counts = np.where(holes, 0.0, 1.0)
        if per_class is not None:
            counts *= np.where(known == 1, per_class[1], per_class[0])
        if not counts.any():
            raise ValueError(
                "class_weight must leave a label of y some weight, got "
                f"{class_weight!r}."
            )
        given = None if weights is None else weights[positions]
        scale = float(np.average(counts.sum(axis=1), weights=given))
    return Objective(
        torch.from_numpy(y),
        as_weights(weights, positions),
        width=y.shape[1],
        losses=LabelLosses(losses, smoothing, scale, per_class),
        classes=False,
    )


def weights_of_labels(class_weight, known):
    """Return the weight of 0 and of 1 for each label (2, L), None where all are 1.

    "balanced" lets both count alike in each label, among the rows where it is known. A
    dict is for every label, a list has one for each.
    """
    if class_weight is None:
        return None
    n_labels = known.shape[1]
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.stack([(known == value).sum(axis=0) for value in (0, 1)])
        both = counts.sum(axis=0) / (2 * np.maximum(counts, 1))
        return np.where(counts > 0, both, 1.0)
    one = isinstance(class_weight, dict)
    each = [class_weight] * n_labels if one else class_weight
    if not isinstance(each, list) or not all(isinstance(w, dict) for w in each):
        raise ValueError(
            "class_weight must be 'balanced', a dict, or a list of dicts, one a label, "
            f"got {class_weight!r}."
        )
    if len(each) != n_labels or any(set(w) - {0, 1} for w in each):
        raise ValueError(
            f"class_weight must weigh 0 and 1, for each of {n_labels} labels where it "
            f"is a list, got {class_weight!r}."
        )
    return np.array([[float(w.get(value, 1)) for w in each] for value in (0, 1)])


@dataclass
class LabelLosses:
    """The loss of each row: that of its known labels, each counting alike.

    Attributes
    ----------
    losses : callable
        Gives the loss of each label (m, L), or where nothing is missing and all
        classes count alike that of each row (m,).
    smoothing : float
        The share of each label that is spread over 0 and 1.
    scale : float or None
        The known labels of a row in the mean, by their weight; None where all are.
    per_class : ndarray of shape (2, L) or None
        The weight of 0 and of 1.
    """

    losses: Callable[..., torch.Tensor]
    smoothing: float
    scale: float | None
    per_class: np.ndarray | None

    def __call__(self, outputs, targets, *, exact=False):
        """Return the losses (m,) of outputs (m, L) and targets (m, L)."""
        known = ~targets.isnan()
        wanted = torch.where(known, targets, 0.0)
        smoothing = 0.0 if exact else self.smoothing
        smoothed = wanted * (1 - smoothing) + smoothing / 2 if smoothing else wanted
        values = self.losses(outputs, smoothed)
        if self.scale is None:
            return mean_of_row(values)
        if values.shape != targets.shape:
            raise ValueError(
                "criterion must give a loss for each label (n, L) where labels are "
                "missing or class_weight is set, got shape "
                f"{tuple(values.shape)} for targets of shape {tuple(targets.shape)}."
            )
        counts = known.to(values.dtype)
        if self.per_class is not None:
            weigh = torch.as_tensor(self.per_class, dtype=values.dtype)
            weigh = weigh.to(values.device)
            counts = counts * torch.where(wanted == 1, weigh[1], weigh[0])
        return (values * counts).sum(dim=1) / self.scale
