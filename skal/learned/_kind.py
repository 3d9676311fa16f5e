"""The kind of model that a scorer was trained with: the class of the innermost."""

from __future__ import annotations

from skal._checks import name_of
from skal._model import peel


def innermost(estimator):
    """Return the model inside Pipelines, searches and other wrappers."""
    inner = peel(estimator)[1]
    return estimator if inner is None else innermost(inner)


def kind_of(estimator):
    """Return the name of the class of the innermost model."""
    return name_of(innermost(estimator))


def is_kind(estimator, kind):
    """Tell whether the innermost model is of a class of that name, or below it."""
    return kind in {one.__name__ for one in type(innermost(estimator)).__mro__}
