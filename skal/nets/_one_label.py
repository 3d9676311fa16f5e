"""One label a row: codes of classes as targets, and losses of scores for them."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from torch.nn.functional import cross_entropy, log_softmax, one_hot

from skal._checks import check_classes, check_number
from skal._meta import weights_by_class
from skal.nets._objective import Objective, as_weights


def read_labels(y, positions):
    """Return y as labels; those at some positions must be labels of classes."""
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] > 1):
        way_out = (
            "SegmentationNet for masks" if y.ndim > 2 else "criterion='bce' for several"
        )
        raise ValueError(
            "y must hold one label a row, a 1d array, got an array of shape "
            f"{y.shape}. Use {way_out}."
        )
    y = column_or_1d(y, warn=True)
    known = y[positions]
    assert_all_finite(known, input_name="y")
    check_classification_targets(known)
    return y


def classes_of(known, given):
    """Return the classes: those given, else those in y."""
    check_classes(given)
    return np.unique(known if given is None else np.asarray(list(given)))


def one_label(y, weights, positions, classes, class_weight, losses):
    """Return the Objective of labels y."""
    known = y[positions]
    codes = np.zeros(len(y), dtype=np.int64)
    codes[positions] = codes_of(known, classes)
    if class_weight is not None:
        balance = np.zeros(len(y))
        balance[positions] = weights_by_class(class_weight, known, classes)
        weights = balance if weights is None else weights * balance
        if not np.any(weights):
            raise ValueError(
                "class_weight must leave a row of y some weight, got "
                f"{class_weight!r}, which leaves none of {len(positions)}."
            )
    return Objective(
        torch.from_numpy(codes),
        as_weights(weights, positions),
        width=len(classes),
        losses=losses,
        classes=True,
    )


def codes_of(y, classes):
    """Return the place of each label among the classes."""
    codes = np.searchsorted(classes, y)
    codes[codes == len(classes)] = 0
    strange = classes[codes] != y
    if np.any(strange):
        raise ValueError(
            f"y must hold known classes, {classes.tolist()}, got "
            f"{np.unique(y[strange]).tolist()}. Give every class in classes=."
        )
    return codes


def focal(outputs, codes, *, gamma=2.0, label_smoothing=0.0, reduction="none"):
    r"""Return the focal loss of each row (Lin et al., 2017, eq. 4), several classes.

    Each class counts by how far its probability is from 1, so that rows that are right
    already count little; gamma = 0 is the cross-entropy.
    """
    if check_number("criterion__gamma", gamma, minimum=0) == 0:
        return cross_entropy(
            outputs, codes, reduction=reduction, label_smoothing=label_smoothing
        )
    log_p = log_softmax(outputs, dim=1)  # (m, C)
    # Never 0, where the power of a gamma below 1 has no gradient.
    doubt = (-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).tiny) ** gamma
    n_classes = outputs.shape[1]
    wanted = one_hot(codes, n_classes) * (1 - label_smoothing)
    values = -((wanted + label_smoothing / n_classes) * doubt * log_p).sum(dim=1)
    return values if reduction == "none" else getattr(values, reduction)()
