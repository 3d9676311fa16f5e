"""Reading y: which rows carry a label, and what kind of target it is."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target


@dataclass(frozen=True)
class Target:
    """A target as it was given: labels where there are any, and where there are none.

    ``kind`` is "multiclass", "multilabel", "regression" or "structured", None where no
    row has a label. Where some of the several labels of a row are known, the others are
    NaN and the row is not missing. ``marked`` tells whether ``missing_label`` itself
    stands in y. ``rejects`` are the Rejects of y, where there is a label that rejects
    rows.
    """

    y: np.ndarray
    missing: np.ndarray
    kind: str | None
    marked: bool = False
    rejects: Any = None

    @property
    def known(self):
        """Which rows carry a label: they are neither missing nor rejected."""
        if self.rejects is None:
            return ~self.missing
        return ~(self.missing | self.rejects.rows)

    def like(self, known):
        """Return the target in the type of known labels, where that loses nothing."""
        if self.y.dtype == known.dtype or not {self.y.dtype.kind, known.dtype.kind} < {
            *"iuf"
        }:
            return self
        with np.errstate(invalid="ignore"):  # NaN among several labels is no integer
            y = self.y.astype(known.dtype)
        return replace(self, y=y) if np.array_equal(y, self.y) else self


def read_target(y, missing_label, estimator_type, classes=None, *, partly=False):
    """Read y for an estimator of a type ("classifier", "regressor" or None).

    Words that read like a mark are refused, unless they are among ``classes``. With
    ``partly`` some of the several labels of a row may be missing.
    """
    regression = estimator_type == "regressor"
    y = as_array(y, regression=regression)
    if y.ndim > 2:
        check_one_a_row(y)
    holes, marked = find_holes(y, missing_label, regression=regression)
    if partly and not regression and is_partly(holes):
        return Target(known_in_part(y, holes), holes.all(axis=1), "multilabel", marked)
    missing = whole_rows(holes)
    known = y[~missing]
    if regression:
        return Target(as_numbers(y, missing), missing, "regression")
    if len(known) == 0:
        return Target(y, missing, None, marked)
    known = plain(known, missing.any())
    if estimator_type is None and type_of_target(known).startswith("continuous"):
        return Target(as_numbers(y, missing), missing, "regression")
    check_one_a_row(known)
    check_words(known, missing_label, classes)
    kind = "multiclass" if known.ndim == 1 else "multilabel"
    if kind == "multilabel":
        check_indicator(known)
    if missing.any():
        full = np.zeros(y.shape, dtype=known.dtype)
        full[~missing] = known
        known = full
    return Target(known, missing, kind, marked)


def check_indicator(known):
    """Refuse several labels a row that are not 0 and 1."""
    if not np.all((known == 0) | (known == 1)):
        raise ValueError(
            "y must be one label a row, or a binary indicator of shape "
            f"(n_samples, n_labels), got {type_of_target(known)} targets."
        )


def is_partly(holes):
    """Tell whether some outputs of a row are missing, some not."""
    return holes.ndim == 2 and bool(np.any(holes.any(axis=1) != holes.all(axis=1)))


def check_one_a_row(known):
    """Refuse labels that are no classes; say what is for masks, boxes and tags."""
    try:
        check_classification_targets(known)
    except ValueError as error:
        if type_of_target(known) == "unknown":
            error.add_note(
                "Masks, boxes, tags and other labels of units of a row need an "
                "estimator with predict_units, sample_units or sample_boxes: see "
                "skal.structured.Units."
            )
        raise


def known_in_part(y, holes):
    """Return an indicator with NaN where a label is missing."""
    known = plain(y[~holes], beside_missing=True)
    check_indicator(known)
    full = np.full(y.shape, np.nan)
    full[~holes] = known
    return full


def as_array(y, *, regression):
    """Return y as an array; a column of class labels is flattened with a warning."""
    if sp.issparse(y):
        y = y.toarray()
    elif np.ma.is_masked(y):
        values = np.array(y.data, dtype=object)  # what lies under the mask is no label
        values[y.mask] = None
        y = values
    elif isinstance(y, (list, tuple)) and mixes_words(y):
        y = np.array(y, dtype=object)  # or NaN would become the word "nan"
    y = np.asarray(y)
    if y.ndim == 0:
        raise ValueError(f"y must be an array of labels, got {y.item()!r}.")
    column = y.ndim == 2 and y.shape[1] == 1 and not regression
    return column_or_1d(y, warn=True) if column else y


def mixes_words(y):
    """Tell whether a list holds words and something else."""
    words = [isinstance(value, str) for value in y]
    return any(words) and not all(words)


def find_missing(y, missing_label, *, regression):
    """Tell which rows carry no label, and whether missing_label itself occurs."""
    holes, marked = find_holes(y, missing_label, regression=regression)
    return whole_rows(holes), marked


def find_holes(y, missing_label, *, regression):
    """Tell which entries are missing, and whether missing_label itself occurs.

    NaN and None are always missing; ``missing_label`` is too, except in regression.
    """
    holes = np.zeros(y.shape, dtype=bool)
    if y.dtype.kind == "f":
        holes |= np.isnan(y)
    elif y.dtype.kind == "O":
        holes |= np.array([is_hole(value) for value in y.flat], bool).reshape(y.shape)
    marks = np.zeros(y.shape, dtype=bool)
    if missing_label is not None and not regression and y.dtype.kind != "b":
        word = isinstance(missing_label, str)
        if y.dtype.kind == "O" or word == (y.dtype.kind in "US"):
            marks[~holes] = y[~holes] == missing_label
    return holes | marks, bool(marks.any())


def check_unmarked(classes, missing_label):
    """Refuse ``classes`` that hold what marks a row without a label."""
    classes = as_array(list(classes), regression=False)
    missing, marked = find_missing(classes, missing_label, regression=False)
    if missing.any():
        mark = missing_label if marked else classes[missing].tolist()[0]
        way = f" Pass missing_label=None if {mark!r} is a class." if marked else ""
        raise ValueError(
            "classes must be labels, none of which marks a row without one, got "
            f"{mark!r} among {classes.tolist()}.{way}"
        )


def is_hole(value):
    """Tell whether one value of an object array is None, NaN, NaT or pandas' NA."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def whole_rows(holes):
    """Tell which rows are missing, where outputs must be missing together."""
    if holes.ndim == 1:
        return holes
    if is_partly(holes):
        raise ValueError(
            "y must be labelled a whole row at a time, got rows with some outputs "
            "missing. Mark every output of an unlabelled row as missing, or use a "
            "classifier that takes labels known in part, such as a net with "
            "criterion='bce'."
        )
    return holes.all(axis=1)


def plain(known, beside_missing):
    """Give known labels the type that they would have without missing ones."""
    if known.dtype.kind == "O":
        known = np.array(known.tolist())
    if known.dtype.kind == "f" and not np.all(np.isfinite(known)):
        raise ValueError("y must hold labels. Input y contains infinity.")
    if known.dtype.kind == "f" and beside_missing and np.all(known == np.floor(known)):
        known = known.astype(np.int64)  # NaN had turned the integers into floats
    return known


def as_numbers(y, missing):
    """Return the target of a regression, NaN where it is missing."""
    y = y.copy()  # it outlives the call
    if y.dtype != object:
        return y
    y[missing] = np.nan
    return y.astype(float)


#: What numpy and pandas write where a mark is put among words.
_MARKS_AS_WORDS = frozenset({"-1", "-1.0", "nan", "NaN", "None", "<NA>", "NaT"})


def check_words(known, missing_label, classes):
    """Refuse words that marks become among words, while nobody says what they are.

    A ``missing_label`` that is a word or None says so, and so do ``classes``.
    """
    said = missing_label is None or isinstance(missing_label, str)
    if known.dtype.kind != "U" or said:
        return
    words = {str(word) for word in np.unique(known)}
    marks = {*_MARKS_AS_WORDS, str(missing_label)}
    if known.dtype == np.dtype("U1") and "+" not in words:
        marks.add("-")  # all that is left of -1 in an array of single letters
    named = set() if classes is None else {str(name) for name in classes}
    read_alike = sorted((marks & words) - named)
    if read_alike:
        raise ValueError(
            f"y must hold labels, got the words {read_alike}, which read like marks of "
            f"rows without a label. Pass missing_label={read_alike[0]!r} if they are "
            "marks, missing_label=None if they are classes."
        )


def check_alike(first, second):
    """Refuse targets of two batches that are not of one kind."""
    words = [part.dtype.kind in "US" for part in (first, second)]
    if words[0] != words[1] or first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"y must hold labels like those before ({first.dtype}, shape "
            f"{first.shape}), got {second.dtype} of shape {second.shape}."
        )
