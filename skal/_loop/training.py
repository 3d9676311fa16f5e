"""How the estimator of a round is made, fitted and checked."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skal._checks import name_of
from skal._data import naming_holes, take_rows
from skal._loop.few_labels import few_labels
from skal._model import ModelView, is_ensemble, provides
from skal._seed import seeds_for, stream


def next_estimator(loop, training, before):
    """Return the estimator to fit and the training set in the codes that it knows.

    It is seeded, and warm where that is wanted.
    """
    template, round = loop.estimator, 0 if before is None else before.round + 1
    warm = loop.warm_start and before is not None
    warm = warm and not brings_a_class(training, before.training)
    if warm and before.labels.learnt is not None:
        training = training.without_gaps()
    estimator = deepcopy(before.estimator) if warm else clone(template)
    rng = stream(loop.seed, round, "fit")
    params = {**seeds_for(template, rng), **training.named_params(template)}
    if loop.warm_start:
        params[warm_start_param(template)] = True
    return (estimator.set_params(**params) if params else estimator), training


def brings_a_class(training, before):
    """Tell whether a training set holds a class that the last model did not see."""
    if training.labels.target_type != "multiclass":
        return before.labels.learnt is not None
    return not np.array_equal(np.unique(training.y), np.unique(before.y_in_scope))


def fit(estimator, training, template):
    """Fit; return the model and the training set in the codes that it was taught.

    Where labels that are alike, or few of a class, are why it fails, say the way out.
    """
    X, codes, params = training.for_estimator()
    try:
        with naming_holes(X, name="X (its labelled rows, in order)"):
            estimator.fit(X, codes, **params)
    except Exception as error:
        if training.has_gaps and isinstance(error, ValueError | LookupError):
            again = fit_without_gaps(estimator, training, template)
            if again is not None:
                return again
        few = few_labels(estimator, training, template, error)
        if few is None:
            raise
        raise few from error
    return estimator, training


def fit_without_gaps(estimator, training, template):
    """Fit on codes 0..k-1 of the k classes so far, as fit does; None if that fails too.

    XGBClassifier and networks as wide as that want them. Whoever learns codes of his
    own, as told to or frozen, does not count.
    """
    training = training.without_gaps()
    X, codes, params = training.for_estimator()
    try:
        estimator = clone(estimator).set_params(**training.named_params(template))
        estimator.fit(X, codes, **params)
    except Exception:
        return None
    own = getattr(estimator, "classes_", codes)
    return (estimator, training) if np.isin(own, codes).all() else None


def check_codes(estimator, training):
    """Refuse a model that answers in labels of its own, as a frozen one does."""
    own, labels = getattr(estimator, "classes_", None), training.labels
    if labels.target_type != "multiclass" or own is None or isinstance(own, list):
        return
    if training.whole is not None and -1 in own:
        raise ValueError(
            f"use_unlabeled must be False for {name_of(estimator)}, which takes the "
            "code -1 of unlabelled rows for a class, got True."
        )
    if not np.isin(own, np.arange(labels.n_codes)).all():
        raise ValueError(
            f"estimator must learn the codes 0 to {labels.n_codes - 1}, got "
            f"{name_of(estimator)} with the classes {np.asarray(own).tolist()}. Use an "
            "estimator that is not frozen, or that was fitted on codes."
        )


def check_answers(estimator, training):
    """Refuse a model whose training has diverged, while the last one is there."""
    view = ModelView._of_learner(estimator, training.labels)
    if training.labels.target_type == "structured":
        if provides(estimator, "units"):
            view.predict_units(take_rows(training.X, np.arange(1)))
    elif hasattr(estimator, "predict_proba"):
        view.predict_proba(take_rows(training.X, np.arange(min(10, len(training.y)))))


def warm_start_param(estimator):
    """Return the name of the parameter that makes an estimator go on from its weights.

    Ensembles take warm_start to mean "add members", which is something else.
    """
    prefix = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    model = estimator[-1] if prefix else estimator
    params = model.get_params(deep=False)
    grows = "n_estimators" in params or is_ensemble(model)
    if "warm_start" not in params or grows:
        raise ValueError(
            "warm_start must be False for an estimator that cannot go on from its "
            f"weights, got True with {name_of(model)}."
        )
    return f"{prefix}warm_start"
