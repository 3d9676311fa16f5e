"""The one class or label that a strategy is after, and what is known of it."""

from __future__ import annotations

import numpy as np

from skal._data import as_rows
from skal.query._classes import learnt_columns
from skal.query._labeled import check_labels


def target_columns(strategy, view):
    """Return where the target stands among the model's classes; empty: unknown yet.

    Without a target these are the classes with the fewest labels, all that tie.
    """
    learnt = learnt_columns(view)
    learnt = np.arange(len(view.classes_)) if learnt is None else np.asarray(learnt)
    if strategy.target is None:
        check_labels(strategy, view)
        counts = label_counts(view)[learnt]
        return learnt[counts == counts.min()]
    columns = np.flatnonzero(view.classes_ == strategy.target)
    if len(columns) == 0 and view.target_type == "multilabel":
        raise ValueError(
            f"target must be the number of a label, from 0 to {len(view.classes_) - 1},"
            f" got {strategy.target!r}."
        )
    return np.intersect1d(columns, learnt)


def label_counts(view):
    """Count the labels of each class, or the rows that have each label."""
    if view.target_type == "multilabel":
        return np.nansum(np.asarray(view.y_training, float), axis=0)
    codes = np.searchsorted(view.classes_, view.y_training)
    return np.bincount(codes, minlength=len(view.classes_))


def is_target(view, target):
    """Tell which of the labelled rows are of the target: (n_labels,) booleans.

    Without a target it is the class with the fewest labels, the first that ties.
    """
    y = np.asarray(view.y_training)
    if target is not None:
        return (y[:, target] == 1) if y.ndim == 2 else (y == target)
    counts = label_counts(view).astype(float)
    counts[counts == 0] = np.inf  # a class nobody has met yet
    rarest = counts.argmin()
    return (y[:, rarest] == 1) if y.ndim == 2 else (y == view.classes_[rarest])


def check_target(target, name="target"):
    """Refuse a target that no label can be."""
    if target is not None and np.ndim(target) != 0:
        raise TypeError(
            f"{name} must be one label, or the number of a label for multilabel "
            f"targets, or None, got {target!r}."
        )


def embed_like(view, rows, others):
    """Embed rows from anywhere as those of the pool are, of the same width."""
    embed = view._embedding_of(rows.X)
    return embed(as_rows(others).data())
