"""Rows that were looked at and belong to no class: a reject label in y."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from skal._data.targets import as_array, check_alike, read_target


@dataclass(frozen=True)
class Rejects:
    """Which rows of a target were rejected, and by what label.

    Where one was, the target holds a label that is there only to fill the place.
    """

    label: Any
    rows: np.ndarray

    def of(self, positions):
        """Return what holds for the rows at some positions, or of a mask."""
        return replace(self, rows=self.rows[positions])

    def shown(self, y):
        """Return a target with the reject label in its place.

        It is of the labels' type, or of objects where that cannot hold the label.
        """
        if not self.rows.any():
            return y
        mark = np.asarray(mark_in(y, self.label))
        words = [part.dtype.kind == "U" for part in (y, mark)]
        alike = words[0] == words[1] and y.dtype.kind != "b"
        y = y.astype(np.promote_types(y.dtype, mark.dtype) if alike else object)
        y[self.rows] = mark.item()
        return y


def read_with_rejects(
    y, missing_label, estimator_type, classes=None, *, partly=False, reject_label=None
):
    """Read y as ``read_target`` does; rows that hold the reject label are rejected.

    Of several labels a row all must be the reject label, or none.
    """
    if reject_label is None:
        return read_target(y, missing_label, estimator_type, classes, partly=partly)
    y = as_array(y, regression=estimator_type == "regressor")
    rows = find_rejects(y, reject_label, classes)
    known = read_target(y[~rows], missing_label, estimator_type, classes, partly=partly)
    missing = np.zeros(len(y), bool)
    missing[~rows] = known.missing
    kind = known.kind
    if kind is None and rows.any():  # nothing says more than the shape
        kind = "multiclass" if y.ndim == 1 else "multilabel"
    full = np.full(y.shape, reject_label)
    if not known.missing.all():
        full = filled(known.y[~known.missing], len(y))
        full[~rows] = known.y
    rejects = Rejects(reject_label, rows)
    return replace(known, y=full, missing=missing, kind=kind, rejects=rejects)


def filled(labels, n):
    """Return n labels that are there only to fill places, of the type of others."""
    return np.repeat(labels[:1], n, axis=0)


def find_rejects(y, reject_label, classes=None):
    """Tell which rows of an array of labels hold the reject label."""
    holds = np.zeros(y.shape, bool)
    mark = mark_in(y, reject_label)
    if y.dtype.kind == "O":
        same = [is_same(value, mark) for value in y.flat]
        holds = np.array(same, bool).reshape(y.shape)
    elif isinstance(mark, str) == (y.dtype.kind == "U"):
        holds = y == mark if y.dtype.kind != "b" else holds
    elif y.dtype.kind == "U":
        check_not_spelt(y, reject_label, classes)
    if holds.ndim == 1:
        return holds
    rows = holds.all(axis=1)
    if np.any(rows != holds.any(axis=1)):
        raise ValueError(
            f"y must reject a row as a whole, got {reject_label!r} for some outputs of "
            f"{np.sum(rows != holds.any(axis=1))} rows. Write it for every output, or "
            "for none."
        )
    return rows


def is_same(value, mark):
    """Tell whether a value of an object array is the reject label."""
    if isinstance(value, (bool, np.bool_)):
        return False
    kind = str if isinstance(mark, str) else Real
    return isinstance(value, kind) and value == mark


def mark_in(y, reject_label):
    """Return the reject label as an array of labels would hold it."""
    if isinstance(reject_label, str):
        return str(reject_label)
    whole = y.dtype.kind in "iuO" and float(reject_label).is_integer()
    return int(reject_label) if whole else reject_label


def check_not_spelt(y, reject_label, classes):
    """Refuse words that a number has become among words."""
    word = str(reject_label)
    named = () if classes is None else list(classes)
    if word not in named and np.any(y == word):
        raise ValueError(
            f"y must hold labels, got the word {word!r}, which reads like "
            f"reject_label={reject_label!r}. Pass reject_label={word!r} if it rejects "
            "rows, and name it in classes= if it is a class."
        )


def check_reject_label(reject_label, missing_label, classes, *, regression):
    """Refuse a reject label that is no label, or that means something else already."""
    if reject_label is None:
        return
    is_word = isinstance(reject_label, str)
    if not is_word and (
        not isinstance(reject_label, Real) or isinstance(reject_label, (bool, np.bool_))
    ):
        raise TypeError(
            f"reject_label must be a word, a number or None, got {reject_label!r}."
        )
    if not is_word and not np.isfinite(reject_label):
        raise ValueError(
            f"reject_label must be a word or a finite number, got {reject_label!r}. "
            "NaN marks rows that nobody has looked at."
        )
    if regression:
        return
    if is_same(reject_label, missing_label):
        raise ValueError(
            "reject_label must differ from missing_label, got "
            f"{reject_label!r} for both. The one says that a row belongs to no class, "
            "the other that nobody has looked at it."
        )
    named = () if classes is None else list(classes)
    if any(is_same(name, reject_label) for name in named):
        raise ValueError(
            f"reject_label must be none of classes, got {reject_label!r} among "
            f"{named}. A row is of a class, or of none."
        )


def join_with_rejects(first, second):
    """Stack two batches of labels, each a pair of y and its Rejects or None.

    A batch of nothing but rejects has no type of its own.
    """
    (y, rejects), (more, others) = first, second
    if rejects is not None and rejects.rows.all() and len(more):
        y = filled(more, len(y))
    elif others is not None and others.rows.all() and len(y):
        more = filled(y, len(more))
    check_alike(y, more)
    return np.concatenate([y, more]), joined_rejects(rejects, len(y), others, len(more))


def joined_rejects(first, n_first, second, n_second):
    """Return the Rejects of two batches in one; the label is the one given last."""
    if first is None and second is None:
        return None
    rows = [
        np.zeros(n, bool) if rejects is None else rejects.rows
        for rejects, n in ((first, n_first), (second, n_second))
    ]
    label = first.label if second is None else second.label
    return Rejects(label, np.concatenate(rows))
