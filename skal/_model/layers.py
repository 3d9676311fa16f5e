"""What an estimator is made of: a transform in front, and the model inside."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skal._checks import name_of
from skal._seed import seeds_for


def split(estimator):
    """Peel one layer off: the transform in front (or None) and the model inside.

    The model is None where nothing is wrapped.
    """
    if isinstance(estimator, Pipeline):
        front = estimator[:-1].transform if len(estimator) > 1 else None
        return front, estimator[-1]
    if isinstance(estimator, FrozenEstimator):
        return None, estimator.estimator
    if hasattr(estimator, "best_estimator_"):
        return None, estimator.best_estimator_
    if hasattr(estimator, "estimator_") and not hasattr(estimator, "estimators_"):
        front = estimator.transform if hasattr(estimator, "support_") else None
        return front, estimator.estimator_
    return None, None


def opened(estimator):
    """Return the view of a learner, which pads and decodes; others as they are."""
    view = getattr(estimator, "__skal_view__", None)
    return estimator if view is None else view()


def is_default_stack(estimator):
    """Tell whether a stack will end in its default, a logistic regression."""
    default = getattr(estimator, "final_estimator", estimator) is None
    return default and is_classifier(estimator)


def wrapped(estimator):
    """Return the model an estimator will answer with, before or after it is fitted."""
    if isinstance(estimator, Pipeline):
        return estimator[-1]
    module = type(estimator).__module__
    if module.startswith(("sklearn.ensemble", "sklearn.multi", "sklearn.calibration")):
        return None
    inner = getattr(estimator, "estimator", None)
    return inner if hasattr(inner, "fit") else None


def cold_front(estimator, X, seed):
    """Fit a clone of a Pipeline's transformers on X, without labels; None if none."""
    while not isinstance(estimator, Pipeline):
        estimator = wrapped(estimator)
        if estimator is None:
            return None
    if len(estimator) == 1:
        return cold_front(estimator[-1], X, seed)
    front = clone(estimator[:-1])
    for name, step in front.steps:
        if get_tags(step).target_tags.required:
            raise TypeError(
                f"{name_of(step)} ({name!r}) needs labels to be fitted, but none is "
                "known yet. As initial= give a strategy that needs no embedding, such "
                'as "random".'
            )
    front.set_params(**seeds_for(front, np.random.RandomState(seed)))
    return front.fit(X)
