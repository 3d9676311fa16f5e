"""A class for each unit of a row, its pixels or steps: targets and losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from skal._meta import weights_of_classes
from skal.nets._objective import Objective, as_weights
from skal.nets._one_label import codes_of

if TYPE_CHECKING:
    from collections.abc import Callable

#: Stands in y where the class of a unit is not known.
UNKNOWN = -1
#: Whole numbers of so many bytes are enough for codes of classes.
_CODES = np.int16


def read_units(y, positions):
    """Return y (n, ...) as whole numbers, -1 where the class of a unit is not known.

    A row that counts must have a unit that is known.
    """
    if y.dtype.kind not in "iub":
        as_numbers = "np.nan_to_num(y, nan=-1)" if y.dtype.kind == "f" else "y"
        raise ValueError(
            "y must hold whole numbers, the class of each pixel (or step) and -1 where "
            f"it is not known, got {y.dtype}. Use {as_numbers}.astype(int)."
        )
    if y.ndim < 2:
        raise ValueError(
            "y must hold a class for each pixel (n_rows, height, width), or step "
            f"(n_rows, length), got shape {y.shape}. NetClassifier learns one label a "
            "row."
        )
    if y.dtype.kind != "i":
        y = y.astype(np.int64)
    known = y[positions]
    if known.min(initial=0) < UNKNOWN:
        raise ValueError(
            f"y must hold classes of at least 0, or -1, got {known.min()}."
        )
    n_empty = int((known == UNKNOWN).all(axis=tuple(range(1, y.ndim))).sum())
    if n_empty:
        raise ValueError(
            f"y must hold a known class in each row, got {n_empty} of {len(known)} "
            "rows with none. Leave these out."
        )
    return y


def stacked(y):
    """Return targets that are an array of their own for each row as one array."""
    apart = isinstance(y, np.ndarray) and y.dtype == object
    if not apart and not isinstance(y, list | tuple):
        return y
    shapes = sorted({np.shape(row) for row in y})
    if len(shapes) > 1:
        raise ValueError(
            f"y must hold targets of one shape for all rows, got {shapes[:3]}."
        )
    return np.stack([np.asarray(row) for row in y])


def check_sizes(y, shape):
    """Refuse masks that are not as large as the images (C, H, W) are."""
    if y.shape[1:] != shape[1:]:
        raise ValueError(
            f"y must hold a class for each pixel of X, {('n', *shape[1:])}, got shape "
            f"{y.shape}."
        )


def known_units(y):
    """Return the classes of the units that are known (k,)."""
    return y[y != UNKNOWN]


def unit_labels(y, weights, positions, classes, class_weight, losses):
    """Return the Objective of a class for each unit, y (n, ...)."""
    known = y[positions]
    codes = np.full(y.shape, UNKNOWN, dtype=_CODES)
    rows = np.full(known.shape, UNKNOWN, dtype=_CODES)
    rows[known != UNKNOWN] = codes_of(known_units(known), classes)
    codes[positions] = rows
    n_units = np.bincount(np.ravel(rows) - UNKNOWN, minlength=len(classes) + 1)[1:]
    per_class = weights_of_classes(class_weight, classes, n_units)
    counts = np.append(per_class, 0.0)[rows]  # 0 for the unknown, at -1
    if not counts.any():
        raise ValueError(
            f"class_weight must leave a class of y some weight, got {class_weight!r}."
        )
    given = None if weights is None else weights[positions]
    scale = np.average(counts.reshape(len(rows), -1).sum(axis=1), weights=given)
    return Objective(
        torch.from_numpy(codes),
        as_weights(weights, positions),
        width=len(classes),
        losses=UnitLosses(losses, float(scale), per_class),
        classes=False,
        units=y.shape[1:],
    )


@dataclass
class UnitLosses:
    """The loss of each row: that of its known units, each counting alike.

    A criterion sees units as it else sees rows: scores (k, C) and codes (k,).

    Attributes
    ----------
    losses : callable
        Gives the loss of each unit (k,), or one number for all.
    scale : float
        The weight of the known units of a row, in the mean.
    per_class : ndarray of shape (C,)
        The weight of each class.
    """

    losses: Callable[..., torch.Tensor]
    scale: float
    per_class: np.ndarray

    def __call__(self, outputs, targets, *, exact=False):
        """Return the losses (m,) of outputs (m, C, ...) and targets (m, ...)."""
        scores = outputs.movedim(1, -1).reshape(-1, outputs.shape[1])  # (units, C)
        codes = targets.reshape(-1).long()
        known = codes != UNKNOWN
        if not known.any():  # an augmentation may move all that is known out of sight
            return 0 * outputs.flatten(1).sum(dim=1)
        scores, codes = scores[known], codes[known]
        values = self.losses(scores, codes, exact=exact)
        if values.shape != codes.shape:
            return self._of_all(values)
        weigh = torch.as_tensor(self.per_class, dtype=values.dtype).to(values.device)
        of_rows = values.new_zeros(known.shape)
        of_rows[known] = values * weigh[codes]
        return of_rows.reshape(len(targets), -1).sum(dim=1) / self.scale

    def _of_all(self, values):
        """Return what a criterion gives for all units at once: one number."""
        if values.shape != () or (self.per_class != 1).any():
            raise ValueError(
                "criterion must give a loss for each unit, or one number where no "
                f"class_weight is set, got shape {tuple(values.shape)}."
            )
        return values
