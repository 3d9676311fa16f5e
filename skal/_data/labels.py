"""Labels: what counts as missing, the full set of classes, and codes 0..K-1.

The estimator inside a learner sees codes, whatever the labels are; everything here
turns labels into codes, codes into labels, and an estimator's columns into columns
of the full set of classes.
"""

from dataclasses import dataclass, replace
from typing import Any
from warnings import warn

import numpy as np

from skal._data.parts import LabelParts


@dataclass(frozen=True)
class Labels:
    """The kind of target and the full set of classes.

    ``target_type`` is "multiclass", "multilabel", "regression" or "structured";
    ``classes`` holds the sorted classes, the label numbers for multilabel, None for
    the others: what a structured target holds is between y and the estimator.
    ``marked`` tells whether ``missing_label`` stood beside the labels. ``learnt`` are
    the places of the classes that an estimator was taught, where it counts these alone
    and its code j is the j-th of them; None where codes are places. For multilabel
    they are the labels that vary, and ``constant`` holds the values of the others.
    ``cells`` are the parts of rows that are asked for one by one, where they are not
    the several labels.
    """

    target_type: str
    classes: Any = None  # an array, or None
    marked: bool = False
    learnt: Any = None  # an array, or None
    constant: Any = None  # an array of a value a label, or None
    cells: Any = None  # GridParts, or None

    @property
    def parts(self):
        """The parts of a row, where these are asked for one by one."""
        return LabelParts() if self.cells is None else self.cells

    @property
    def n_outputs(self):
        """Width of predict_proba."""
        return 0 if self.classes is None else len(self.classes)

    @property
    def n_codes(self):
        """The number of codes that the estimator may see."""
        return self.n_outputs if self.learnt is None else len(self.learnt)

    def encode(self, y, *, unknown=False):
        """Turn labels into what the estimator sees.

        With ``unknown=True`` a label outside the classes gets the code K, which no
        prediction equals; else it is an error.
        """
        if self.target_type == "multilabel" and self.learnt is not None:
            return y[:, self.learnt]
        if self.target_type == "structured" and y.dtype == object:
            return y.tolist()
        if self.target_type != "multiclass":
            return y
        return self.codes_at(self.find(y, unknown=unknown))

    def codes_at(self, places):
        """Return the estimator's codes of places among the classes, K for others."""
        if self.learnt is None:
            return places
        codes = np.full(self.n_outputs + 1, self.n_outputs)
        codes[self.learnt] = np.arange(len(self.learnt))
        return codes[places]

    def places_of(self, codes):
        """Return where the estimator's codes stand among the classes."""
        codes = np.asarray(codes, np.int64)
        return codes if self.learnt is None else self.learnt[codes]

    @property
    def taught(self):
        """The Labels of which the estimator's codes are the places."""
        if self.learnt is None:
            return self
        return replace(self, classes=self.classes[self.learnt], learnt=None)

    def find(self, y, *, unknown=False):
        """Return where labels stand among the classes."""
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
        if self.target_type == "multilabel":
            return self.with_constant(np.asarray(codes))
        if self.target_type != "multiclass":
            return codes
        return self.classes[self.places_of(codes)]

    def with_constant(self, values):
        """Put the values (n, l) of the labels that vary beside those that do not."""
        if self.learnt is None:
            return values
        values = values.reshape(len(values), -1)
        wide = np.repeat(self.constant[None].astype(values.dtype), len(values), axis=0)
        wide[:, self.learnt] = values
        return wide

    def pad_proba(self, proba, places):
        """Spread an estimator's probability columns over all classes, as zeros.

        ``places`` are those of its columns; for multilabel a list of codes a label.
        """
        if self.target_type == "multilabel":
            return self.with_constant(multilabel_proba(proba, places))
        return spread(proba, places, self.n_outputs, fill=0)

    def pad_decision(self, decision, places):
        """Spread decision values; absent classes get the row minimum - 1.

        A label that every row had gets the row maximum + 1.
        """
        if self.target_type == "multilabel" and self.learnt is not None:
            decision = decision.reshape(len(decision), -1)
            wide = self.with_constant(decision)
            low = decision.min(axis=1, keepdims=True) - 1
            high = decision.max(axis=1, keepdims=True) + 1
            fixed = np.setdiff1d(self.classes, self.learnt)
            wide[:, fixed] = np.where(self.constant[fixed] > 0, high, low)
            return wide
        if self.target_type != "multiclass":
            return decision
        if decision.ndim == 1 and self.n_outputs > 2 and len(places) == 2:
            decision = np.column_stack([-decision, decision])
        if decision.ndim == 1 or decision.shape[1] != len(places):
            return decision
        fill = decision.min(axis=1, keepdims=True) - 1
        return spread(decision, places, self.n_outputs, fill=fill)

    def with_new(self, target):
        """Return Labels that know the classes of a target too."""
        if self.target_type != "multiclass":
            return replace(self, learnt=None, constant=None)
        known = target.y[target.known]
        classes = np.union1d(self.classes, known) if len(known) else self.classes
        return Labels("multiclass", classes, self.marked or target.marked)


def spread(values, codes, width, fill):
    """Put the columns of values at ``codes`` among ``width`` columns."""
    if codes is None or len(codes) == width:
        return values
    wide = np.empty((*values.shape[:-1], width), dtype=values.dtype)
    wide[...] = fill
    wide[..., codes] = values
    return wide


def multilabel_proba(proba, classes):
    """Bring multilabel probabilities to (n, L): the chance of each label.

    scikit-learn's forests, neighbours and MultiOutputClassifier answer with a list of
    (n, 2) arrays, one a label. scikit-learn wants the chances of the other form
    strictly between 0 and 1, so 0 and 1 move by the smallest step there is.
    """
    if not isinstance(proba, list):
        return np.asarray(proba)
    chances = np.column_stack(
        [chance_of_one(proba[j], classes[j]) for j in range(len(proba))]
    )
    limits = np.finfo(chances.dtype)
    return np.clip(chances, limits.tiny, 1 - limits.epsneg)


def chance_of_one(proba, classes):
    """Return the second column; a label that every row has or lacks is certain."""
    if proba.shape[1] > 1:
        return proba[:, 1]
    return np.full(len(proba), float(classes[0] == 1), proba.dtype)


def learn_labels(target, classes, missing_label=None):
    """Build the Labels of a learner from ``classes=``, else from the known y."""
    if target.kind in ("regression", "structured"):
        return Labels(target.kind)
    known = target.y[target.known]
    if target.kind == "multilabel":
        return Labels("multilabel", np.arange(known.shape[1]))
    if classes is not None:
        return Labels("multiclass", np.unique(list(classes)))
    found = np.unique(known)
    if target.marked and len(found) == 1 and not isinstance(missing_label, str):
        raise ValueError(
            f"y must hold labels of two classes, got {found.tolist()[0]!r} alone "
            f"besides {missing_label}, which marks unlabelled rows. Pass "
            f"missing_label=None if {missing_label} is a class; write None where a "
            "label is missing if it is not."
        )
    return Labels("multiclass", found, target.marked)


def warn_of_mark(labels, missing_label, stacklevel):
    """Say that -1 marks rows, where it may well be the third class beside 0 and 1."""
    if (
        not labels.marked
        or missing_label != -1
        or labels.classes.dtype.kind not in "iu"
    ):
        return
    if np.array_equal(labels.classes, [0, 1]):
        warn(
            'y holds -1, 0 and 1, of which -1 was taken for "unlabelled". If it is a '
            "class, pass missing_label=None; if it is not, classes=[0, 1] says so.",
            stacklevel=stacklevel,
        )
