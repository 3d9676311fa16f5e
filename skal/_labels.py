"""Labels: what counts as missing, the full set of classes, and codes 0..K-1.

The estimator inside a learner sees codes, whatever the labels are; everything here
turns labels into codes, codes into labels, and an estimator's columns into columns
of the full set of classes.
"""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target


@dataclass(frozen=True)
class Labels:
    """The kind of target and the full set of classes.

    ``target_type`` is "multiclass", "multilabel" or "regression"; ``classes`` holds
    the sorted classes, the label numbers for multilabel, None for regression.
    """

    target_type: str
    classes: np.ndarray | None = None

    @property
    def n_outputs(self):
        """Width of predict_proba."""
        return 0 if self.classes is None else len(self.classes)

    def encode(self, y, *, unknown=False):
        """Turn labels into what the estimator sees.

        With ``unknown=True`` a label outside the classes gets the code K, which no
        prediction equals; else it is an error.
        """
        if self.target_type != "multiclass":
            return y
        codes = np.searchsorted(self.classes, y)
        codes[codes == self.n_outputs] = 0
        strange = self.classes[codes] != y
        if np.any(strange):
            if not unknown:
                strangers = np.unique(np.asarray(y)[strange]).tolist()
                raise ValueError(
                    f"y holds the labels {strangers}, which are not among the known "
                    f"classes {self.classes.tolist()}. Give every class in classes=."
                )
            codes[strange] = self.n_outputs
        return codes

    def decode(self, codes):
        """Turn the estimator's answers into labels."""
        if self.target_type != "multiclass":
            return codes
        return self.classes[np.asarray(codes, np.int64)]

    def pad_proba(self, proba, codes):
        """Spread an estimator's probability columns over all classes, as zeros."""
        if self.target_type == "multilabel":
            return multilabel_proba(proba)
        return spread(proba, codes, self.n_outputs, fill=0)

    def pad_decision(self, decision, codes):
        """Spread decision values; absent classes get the row minimum - 1."""
        if self.target_type != "multiclass":
            return decision
        if decision.ndim == 1 and self.n_outputs > 2 and len(codes) == 2:
            decision = np.column_stack([-decision, decision])
        if decision.ndim == 1 or decision.shape[1] != len(codes):
            return decision
        fill = decision.min(axis=1, keepdims=True) - 1
        return spread(decision, codes, self.n_outputs, fill=fill)

    def with_new(self, y):
        """Return Labels that know the classes in y too."""
        if self.target_type != "multiclass":
            return self
        return Labels("multiclass", np.union1d(self.classes, y))


def spread(values, codes, width, fill):
    """Put the columns of values at ``codes`` among ``width`` columns."""
    if codes is None or len(codes) == width:
        return values
    wide = np.empty((len(values), width), dtype=values.dtype)
    wide[:] = fill
    wide[:, codes] = values
    return wide


def multilabel_proba(proba):
    """Bring multilabel probabilities to (n, L): the chance of each label.

    scikit-learn's forests, neighbours and MultiOutputClassifier answer with a list of
    (n, 2) arrays, one a label. scikit-learn wants the chances of the other form
    strictly between 0 and 1, so 0 and 1 move by the smallest step there is.
    """
    if not isinstance(proba, list):
        return np.asarray(proba)
    chances = np.column_stack([chance_of_one(column) for column in proba])
    limits = np.finfo(chances.dtype)
    return np.clip(chances, limits.tiny, 1 - limits.epsneg)


def chance_of_one(proba):
    """Return the second column; a label never seen as 1 has none."""
    return proba[:, 1] if proba.shape[1] > 1 else np.zeros(len(proba), proba.dtype)


def as_target(y, *, regression):
    """Return y as an array; a column of class labels is flattened with a warning."""
    y = y.toarray() if sp.issparse(y) else np.asarray(y)
    if y.ndim == 0:
        raise ValueError(f"y must be an array of labels, got {y.item()!r}.")
    column = y.ndim == 2 and y.shape[1] == 1 and not regression
    return column_or_1d(y, warn=True) if column else y


def is_hole(value):
    """Tell whether one value of an object array is None, NaN, NaT or pandas' NA."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def join_targets(first, second):
    """Stack the targets of two batches, which must be of one kind."""
    words = [part.dtype.kind in "US" for part in (first, second)]
    if words[0] != words[1] or first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"y must hold labels like those before ({first.dtype}, shape "
            f"{first.shape}), got {second.dtype} of shape {second.shape}."
        )
    return np.concatenate([first, second])


def is_missing(y, missing_label, target_type=None):
    """Tell which rows of y carry no label.

    NaN and None are always missing; ``missing_label`` is too, except in regression.
    """
    holes = np.zeros(y.shape, dtype=bool)
    if y.dtype.kind == "f":
        holes |= np.isnan(y)
    elif y.dtype.kind == "O":
        holes |= np.array([is_hole(v) for v in y.flat], bool).reshape(y.shape)
    if missing_label is not None and target_type != "regression":
        same_kind = isinstance(missing_label, str) == (y.dtype.kind in "US")
        if y.dtype.kind == "O" or (same_kind and y.dtype.kind != "b"):
            holes |= np.asarray(y == missing_label, dtype=bool)
    if holes.ndim == 1:
        return holes
    if np.any(holes.any(axis=1) != holes.all(axis=1)):
        raise ValueError(
            "y must be labelled a whole row at a time, got rows with some outputs "
            "missing. Mark every output of an unlabelled row as missing."
        )
    return holes.all(axis=1)


def known_part(y, missing_label, estimator_type):
    """Split y into its known labels, ready to encode, and the mask of missing rows.

    Returns
    -------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    missing : ndarray of bool of shape (n_samples,)
    target_type : str or None
        None where no row is labelled.
    """
    regression = estimator_type == "regressor"
    y = as_target(y, regression=regression)
    missing = is_missing(y, missing_label, "regression" if regression else None)
    known = y[~missing]
    if regression:
        return (y.astype(float) if y.dtype == object else y), missing, "regression"
    if len(known) == 0:
        return y, missing, None
    if known.dtype.kind == "O" and known.ndim == 1:
        known = np.array(known.tolist())  # labels beside None or NaN become plain
    if known.dtype.kind == "f" and not np.all(np.isfinite(known)):
        raise ValueError("y must hold labels. Input y contains infinity.")
    if known.dtype.kind == "f" and np.all(known == np.floor(known)) and missing.any():
        known = known.astype(np.int64)  # integers that NaN had turned into floats
    if estimator_type is None and type_of_target(known).startswith("continuous"):
        return y, missing, "regression"
    check_classification_targets(known)
    target_type = "multiclass" if known.ndim == 1 else "multilabel"
    if target_type == "multilabel" and not np.all((known == 0) | (known == 1)):
        raise ValueError(
            "y must be one label a row, or a binary indicator of shape "
            f"(n_samples, n_labels), got {type_of_target(known)} targets."
        )
    if missing.any():
        full = np.zeros(y.shape, dtype=known.dtype)
        full[~missing] = known
        return full, missing, target_type
    return known, missing, target_type


def learn_labels(y, missing, target_type, classes, missing_label):
    """Build the Labels of a learner from ``classes=``, else from the known y."""
    if target_type == "regression":
        return Labels("regression")
    known = y[~missing]
    if target_type == "multilabel":
        return Labels("multilabel", np.arange(known.shape[1]))
    if classes is not None:
        return Labels("multiclass", np.unique(classes))
    found = np.unique(known)
    if missing.any() and len(found) == 1 and isinstance(missing_label, Integral):
        raise ValueError(
            f"y holds only class {found[0]!r} besides {missing_label}, which marks "
            f"unlabelled rows. Pass missing_label=None if {missing_label} is a class, "
            "or name every class in classes=."
        )
    return Labels("multiclass", found)
