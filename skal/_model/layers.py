"""What an estimator is made of: a transform in front, and the model inside."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skal._checks import name_of
from skal._data import in_memory
from skal._model.known_types import asks_many, keeps_no_model
from skal._seed import seeds_for


def peel(estimator):
    """Take one layer off: the transform in front (or None) and the model inside.

    Before a fit the model is the template that will be cloned. It is None where
    nothing is wrapped, or where many models are fitted.
    """
    if isinstance(estimator, Pipeline):
        return front_of(estimator), estimator[-1]
    inner = inside(estimator)
    chooses_columns = inner is not None and hasattr(estimator, "support_")
    return estimator.transform if chooses_columns else None, inner


def descend(estimator, stop, X=None):
    """Go from layer to layer inwards until one stops it, or to the innermost.

    Returns
    -------
    layer : estimator
        The outermost for which ``stop(layer)``, else the innermost.
    X : object
        X as that layer sees it, None if it was not given.
    """
    while not stop(estimator):
        front, inner = peel(estimator)
        if inner is None:
            break
        estimator, X = inner, X if X is None or front is None else front(X)
    return estimator, X


def find_layer(estimator, attribute, X=None):
    """Find the layer of an estimator that has an attribute, and X as it sees it.

    Returns
    -------
    layer : estimator or None
        The outermost that has the attribute; None if none has.
    X : object
        X as that layer sees it, or the innermost; None if it was not given.
    """
    layer, X = descend(estimator, lambda layer: hasattr(layer, attribute), X)
    return (layer if hasattr(layer, attribute) else None), X


def front_of(pipeline):
    """Return the transform before a Pipeline's last step, None if there is none.

    Samplers of imbalanced-learn act in fit alone.
    """
    n_steps = len(pipeline) - 1
    while n_steps and is_sampler(pipeline[n_steps - 1]):
        n_steps -= 1
    return (lambda X: pipeline[:n_steps].transform(X)) if n_steps else None


def is_sampler(step):
    """Tell whether a step of a Pipeline draws rows instead of transforming them."""
    return hasattr(step, "fit_resample")


def inside(estimator):
    """Return the model inside a wrapper: the fitted one, before a fit the template."""
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    if not is_learner(estimator):
        if asks_many(estimator) or keeps_no_model(estimator):
            return None
        if hasattr(estimator, "best_estimator_"):
            return estimator.best_estimator_
        if hasattr(estimator, "estimators_"):
            return None
    if hasattr(estimator, "estimator_"):
        return estimator.estimator_
    template = getattr(estimator, "estimator", None)
    if not (hasattr(template, "fit") and hasattr(estimator, "fit")):
        return None
    return None if is_fitted(estimator) else template


def is_fitted(estimator):
    """Tell whether an estimator has been fitted."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def is_learner(estimator):
    """Tell whether an estimator is a learner, whose view pads and decodes."""
    return hasattr(estimator, "__skal_view__")


def is_default_stack(estimator):
    """Tell whether a stack will end in its default, a logistic regression."""
    default = getattr(estimator, "final_estimator", estimator) is None
    return default and is_classifier(estimator)


def cold_front(estimator, X, seed):
    """Fit a clone of a Pipeline's transformers on X, without labels; None if none."""
    pipeline, _ = descend(
        estimator, lambda layer: isinstance(layer, Pipeline) and len(layer) > 1
    )
    if not isinstance(pipeline, Pipeline) or front_of(pipeline) is None:
        return None
    front = clone(pipeline[:-1])
    front.steps = [named for named in front.steps if not is_sampler(named[1])]
    for name, step in front.steps:
        if get_tags(step).target_tags.required:
            raise TypeError(
                f"{name_of(step)} ({name!r}) needs labels to be fitted, but none is "
                "known yet. As initial= give a strategy that needs no embedding, such "
                'as "random".'
            )
    front.set_params(**seeds_for(front, np.random.RandomState(seed)))
    return front.fit(in_memory(X))
