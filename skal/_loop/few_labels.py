"""Labels that an estimator cannot be fitted on, for there are too few."""

import numpy as np
from sklearn.base import clone

from skal._checks import name_of
from skal._data import take_rows
from skal._meta import slice_params

#: From so many rows on a class is not rare. Folds are 5, as a rule, or 10.
_MANY = 10


class FewLabelsError(ValueError):
    """An estimator can be fitted on more labels, but not on these."""


def in_scope(training):
    """Return the rows of a training set that were not rejected; refuse to have none."""
    known = training.in_scope()
    if len(known.y) == 0:
        raise FewLabelsError(
            "A model needs rows that belong to a class, and all "
            f"{len(training.y)} were rejected (reject_label="
            f"{training.rejects.label!r}). In a "
            "simulation, raise n_labels; in a live loop, teach keeps such rows until "
            "there are others."
        )
    return known


def few_labels(estimator, training, template, error):
    """Build the error for a fit that failed on few labels; None if not for that."""
    if training.is_constant:
        fits = fits_two_classes(estimator, training)
        return alike(estimator, training, error) if fits else None
    few = few_of(training) if isinstance(error, ValueError) else {}
    if few and fits_repeated(estimator, training, template):
        return rare(estimator, training, few, error)
    return None


def alike(estimator, training, error):
    """Build the error for labels that are the same in every row."""
    one, stratified = training.y.tolist()[0], ""
    what, other = f"labels that do not vary: each row has {one}", "are others"
    if training.labels.target_type == "multiclass":
        what = f"labels of one class: all {len(training.y)} are {one!r}"
        other, stratified = "is another class", ' or set initial="stratified"'
    return FewLabelsError(
        f"{name_of(estimator)} failed on {what} ({error}). In a simulation, raise "
        f"n_labels{stratified}; in a live loop, teach keeps such labels until there "
        f"{other}."
    )


def rare(estimator, training, few, error):
    """Build the error for classes or labels of which there are few rows."""
    kind = "classes" if training.labels.target_type == "multiclass" else "labels"
    counts = ", ".join(f"{n} of {label!r}" for label, n in few.items())
    return FewLabelsError(
        f"{name_of(estimator)} failed on {kind} with few rows: of {len(training.y)} "
        f"there are {counts} ({error}). Label more rows of these {kind}, begin with "
        "more labels, or let it hold out fewer: a lower cv= where it has one, or "
        "another estimator."
    )


def few_of(training):
    """Return how many rows the classes have, or the labels, that have few."""
    labels, y = training.labels, training.y
    if labels.target_type == "multiclass":
        names, counts = np.unique(y, return_counts=True)
    elif labels.target_type == "multilabel":
        names, known = labels.classes, np.sum(~np.isnan(y), axis=0)
        present = np.nansum(y, axis=0).astype(int)
        counts = np.minimum(present, known - present)  # absent may be rare too
    else:
        return {}
    scarce = (counts < _MANY) & (counts > 0)
    return dict(zip(names[scarce].tolist(), counts[scarce].tolist(), strict=True))


def fits_repeated(estimator, training, template):
    """Tell whether an estimator can be fitted on the same rows, each many times."""
    training = training.without_gaps() if training.has_gaps else training
    named = training.named_params(template)
    codes = training.labels.encode(training.y)
    return fits_many(clone(estimator).set_params(**named), training, codes)


def fits_two_classes(estimator, training):
    """Tell whether an estimator can be fitted on the same rows, each in two classes."""
    zeros = np.zeros(training.y.shape, int)  # of several labels a row all, or none
    return fits_many(clone(estimator), training, np.concatenate([zeros, zeros + 1]))


def fits_many(model, training, codes):
    """Tell whether a model can be fitted on codes of the rows in turn, time and again.

    The pool around them, if there is one, is left out.
    """
    codes = np.concatenate([codes] * _MANY)
    rows = np.resize(np.arange(len(training.y)), len(codes))
    params = slice_params(training.params, rows, len(training.y))
    try:
        model.fit(take_rows(training.X, rows), codes, **params)
    except Exception:
        return False
    return True
