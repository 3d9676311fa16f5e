"""What a learner reads: rows, what y says of them, and the classes that are known."""

from __future__ import annotations

from dataclasses import replace

from sklearn.utils import get_tags, indexable

from skal._data import (
    DaskRows,
    check_alike,
    check_pool,
    computed,
    learn_labels,
    n_rows,
    read_structured,
    read_with_rejects,
    warn_of_mark,
)
from skal._loop.amended import without_lost
from skal._loop.spelling import warn_of_spelling
from skal._loop.state import State
from skal._loop.units import asks_units
from skal._meta import takes_partial_labels
from skal._model import is_structured
from skal.query import as_strategy


def read_data(learner, X, y):
    """Return X and what y says, as a Target."""
    if y is None:
        raise ValueError(
            "ActiveLearner requires y to be passed, but the target y is None."
        )
    X, y = indexable(check_pool(X), computed(y))
    if learner.use_unlabeled and isinstance(X, DaskRows):
        raise ValueError(
            "use_unlabeled must be False for a pool on dask, got True. A model "
            "that learns from unlabelled rows needs them all: pass X.compute()."
        )
    if n_rows(X) == 0:
        raise ValueError("X must hold at least one row, got 0.")
    return X, read_y(learner, y)


def read_y(learner, y):
    """Return what y says, as a Target."""
    template = learner._template()
    if is_structured(template):
        return read_structured(y, learner.missing_label)
    kind, partly = get_tags(template).estimator_type, takes_partial_labels(template)
    return read_with_rejects(
        y,
        learner.missing_label,
        kind,
        learner.classes,
        partly=partly,
        reject_label=learner.reject_label,
    )


def check_target(learner, labels):
    """Refuse a kind of target that the learner's parameters do not serve."""
    if asks_units(learner.query_strategy):
        strategy = as_strategy(learner.query_strategy)
        strategy.check(learner._template(), labels.target_type)
    if learner.use_unlabeled and labels.target_type != "multiclass":
        raise ValueError(
            f"use_unlabeled must be False for {labels.target_type} targets, got True. "
            "What learns from unlabelled rows predicts one class a row."
        )


def first_labels(learner, target):
    """Return the Labels that know what a first y says."""
    labels = learn_labels(target, learner.classes, learner.missing_label)
    return with_cells(learner, labels)


def labels_after(learner, told, target):
    """Return the Labels that know what was known and the new y.

    ``told`` is the training set so far, or None.
    """
    nothing = told is None or len(told.y_in_scope) == 0  # is known of classes yet
    if nothing or learner.classes is not None:
        labels = first_labels(learner, target)
    elif target.kind != told.labels.target_type:
        raise ValueError(
            f"y must hold {told.labels.target_type} targets as before, got "
            f"{target.kind} ones."
        )
    else:
        if target.known.any() and target.kind != "structured":
            check_alike(told.y, target.y)
        labels = with_cells(learner, told.labels.with_new(target))
    if learner.classes is None and (nothing or not told.labels.marked):
        warn_of_mark(labels, learner.missing_label, stacklevel=4)
    return labels


def with_cells(learner, labels):
    """Return Labels that know the cells of rows, where these are asked for."""
    if labels.target_type != "structured" or not asks_units(learner.query_strategy):
        return labels
    cells = as_strategy(learner.query_strategy)._cells(learner.missing_label)
    return replace(labels, cells=cells)


def with_spelt_classes(learner, training, live, *, in_place=True):
    """Let a training set forget classes without a label; warn of like spellings.

    ``in_place`` tells whether the new model takes the place of the last of ``live``.
    """
    if learner.classes is not None:
        return training
    labels, known = training.labels, ()
    if live.so_far is not None:
        told, state = live.so_far.training, live.so_far
        state = state if isinstance(state, State) else None
        before, after = told.y_in_scope, training.y_in_scope
        labels = without_lost(labels, before, after, state, in_place)
        known = told.labels.classes
    if labels.target_type == "multiclass":
        warn_of_spelling(labels.classes, known, stacklevel=4)
    return replace(training, labels=labels)
