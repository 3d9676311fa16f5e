"""The model as it would be, had it been fitted on other labels."""

from copy import copy

import numpy as np
from sklearn.base import clone

from skal._model import ModelView
from skal._seed import fork_torch, seeds_for


def refitted(view, X, y):
    """Return the view of a clone of a view's model, fitted on rows and their labels.

    What the clone draws hangs on the view's seed alone, so that clones differ by
    what they are fitted on. Labels are as the user writes them; the clone sees the
    codes that the model saw. Metadata, such as sample weights, a view does not know.
    """
    model = clone(view.estimator)
    model.set_params(**seeds_for(model, np.random.RandomState(view.seed)))
    with fork_torch(view.seed, view.round, "refit"):
        model.fit(X, view._labels.encode(y) if view._encoded else y)
    context = {
        "X_training": X,
        "y_training": y,
        "random_state": view.seed,
        "history": view._history,
        "round": view.round,
    }
    if view._encoded:
        return ModelView._of_learner(model, view._labels, **context)
    classes = None if view.target_type == "regression" else view.classes_
    return ModelView(model, classes=classes, **context)


def unfitted(view):
    """Return what ``refitted`` reads of a view, and no more: it goes to processes."""
    view.seed  # noqa: B018 (drawn here, once for all of them)
    bare = copy(view)
    bare.estimator = clone(view.estimator)
    bare.X_training = bare.y_training = None
    bare.history = {}
    return bare
