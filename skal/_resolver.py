"""How to get embeddings, head probabilities and samples out of any estimator.

One order for every question: the estimator's own method; through a Pipeline, the
transformers and then the last step; the model inside a search or a wrapper; the
members of a forest, a bagging or a soft voting ensemble; else a TypeError that says
what would serve.
"""

import sys
import warnings
from inspect import signature

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skal._labels import multilabel_proba, spread
from skal._seed import seeds_for

#: What a strategy may need, in words, and what to do where the estimator lacks it.
NEEDS = {
    "proba": (
        "class probabilities (predict_proba)",
        "Use a probabilistic classifier, or wrap it in CalibratedClassifierCV",
    ),
    "embed": ("embeddings (embed)", "Use an estimator that takes numbers"),
    "samples": (
        "samples of predictions (sample_proba or members)",
        "Use a forest, BaggingClassifier or BaggingRegressor, a soft VotingClassifier, "
        "or an estimator with sample_proba",
    ),
    "head": (
        "probabilities of embeddings (head_proba)",
        "Use an estimator with predict_proba and no embed of its own, or with both "
        "embed and head_proba",
    ),
    "labels": ("labels", "Label some rows first"),
}


def name_of(estimator):
    """Return the name to call an estimator by in messages."""
    return type(estimator).__name__


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


def embed(estimator, X):
    """Return what the last layer sees: (n, d) float32, or CSR."""
    estimator = opened(estimator)
    if hasattr(estimator, "embed"):
        return as_embedding(estimator.embed(X))
    front, inner = split(estimator)
    if inner is None:
        return flatten(X)
    return embed(inner, X if front is None else front(X))


def splits_in_two(estimator):
    """Tell whether some layer has both an embed and a head_proba of its own."""
    while estimator is not None and not hasattr(estimator, "embed"):
        _, estimator = split(estimator)
    return estimator is not None and hasattr(estimator, "head_proba")


def head_proba(estimator, E):
    """Return the probabilities of embeddings, in the estimator's own columns."""
    estimator = opened(estimator)
    if hasattr(estimator, "head_proba"):
        return estimator.head_proba(E)
    if hasattr(estimator, "embed"):  # what is inside may embed otherwise
        raise lacking(estimator, "head")
    _, inner = split(estimator)
    if inner is not None:
        return head_proba(inner, E)
    if not hasattr(estimator, "predict_proba"):
        raise lacking(estimator, "head")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        return estimator.predict_proba(E)


def sample_proba(estimator, X, n_samples, seed):
    """Return (S, n, C) probabilities in the estimator's own columns, float32."""
    draws = _own_samples(estimator, X, "sample_proba", n_samples, seed)
    if draws is not None:
        return np.asarray(draws, np.float32)
    members, X = find_members(estimator, X)
    if members is None:
        raise lacking(estimator, "samples")
    members = first(members, n_samples, estimator)
    return np.stack([np.asarray(member(X), np.float32) for member in members])


def sample_predict(estimator, X, n_samples, seed):
    """Return (S, n) predictions of a regressor's members."""
    draws = _own_samples(estimator, X, "sample_predict", n_samples, seed)
    if draws is not None:
        return draws
    members, X = find_members(estimator, X)
    if members is None:
        raise lacking(estimator, "samples")
    return np.stack([member(X) for member in first(members, n_samples, estimator)])


def _own_samples(estimator, X, method, n_samples, seed):
    """Ask the first layer that has a sampling method of its own; None if none has."""
    while True:
        view = opened(estimator)
        if view is not estimator:
            return getattr(view._seeded(seed), method)(X, n_samples)
        if hasattr(estimator, method):
            sample = getattr(estimator, method)
            return sample(X, n_samples=n_samples, random_state=seed)
        front, inner = split(estimator)
        if inner is None:
            return None
        estimator, X = inner, X if front is None else front(X)


def predict_std(estimator, X, n_samples, seed):
    """Return the standard deviation of a regressor's prediction for each row."""
    view = opened(estimator)
    if view is not estimator:
        return view._seeded(seed).predict_std(X, n_samples)
    front, inner = split(estimator)
    if inner is not None:
        return predict_std(inner, X if front is None else front(X), n_samples, seed)
    if gives_std(estimator):
        std = estimator.predict(X, return_std=True)[1]
    else:
        from skal.query.functional import committee_std  # skal.query imports this file

        return committee_std(sample_predict(estimator, X, n_samples, seed))
    return std if std.ndim == 1 else std.mean(axis=1)


def gives_std(estimator):
    """Tell whether predict takes return_std."""
    predict = getattr(estimator, "predict", None)
    return predict is not None and "return_std" in signature(predict).parameters


def first(members, n_samples, estimator):
    """Return the first n_samples members; an ensemble has no more than it has."""
    if n_samples is None:
        return members
    if n_samples > len(members):
        raise ValueError(
            f"n_samples must be at most {len(members)}, the number of members of "
            f"{name_of(estimator)}, got {n_samples}."
        )
    return members[:n_samples]


def find_members(estimator, X):
    """Find an ensemble's members: functions of X in the layer that holds them.

    Returns
    -------
    members : list of callable or None
        Each answers (n, C) probabilities (classifiers) or predictions (regressors).
    X : object
        X as that layer sees it.
    """
    members = list_members(estimator)
    if members is not None:
        return members, X if sees_raw_rows(estimator) else numeric(X)
    front, inner = split(estimator)
    if inner is None:
        return None, X
    return find_members(inner, X if front is None else front(X))


def list_members(estimator):
    """List the members of a fitted forest, bagging or voting ensemble, else None."""
    if not is_committee(estimator):
        return None
    members = getattr(estimator, "estimators_", None)
    if members is None:
        return None
    subsets = getattr(estimator, "estimators_features_", [None] * len(members))
    if is_regressor(estimator):
        return [
            _Member(member, columns)
            for member, columns in zip(members, subsets, strict=True)
        ]
    return [
        _ProbaMember(member, columns, estimator.classes_)
        for member, columns in zip(members, subsets, strict=True)
    ]


class _Member:
    """One regressor of an ensemble, on its own columns of X."""

    def __init__(self, model, columns):
        self.model = model
        self.columns = columns

    def columns_of(self, X):
        every = self.columns is None or np.array_equal(
            self.columns, np.arange(X.shape[1])
        )
        return X if every else X[:, self.columns]

    def __call__(self, X):
        return self.model.predict(self.columns_of(X))


class _ProbaMember(_Member):
    """One classifier of an ensemble; its columns are spread over the ensemble's."""

    def __init__(self, model, columns, classes):
        super().__init__(model, columns)
        self.classes = classes

    def __call__(self, X):
        X = self.columns_of(X)
        width = len(self.classes)
        if not hasattr(self.model, "predict_proba"):  # a vote is all it has
            return np.eye(width)[self.model.predict(X).astype(int)]
        proba = self.model.predict_proba(X)
        if isinstance(self.classes, list):
            return multilabel_proba(proba, self.classes)
        if proba.shape[1] == width:
            return proba
        return spread(proba, self.model.classes_.astype(int), width, fill=0)


def is_committee(estimator):
    """Tell whether an ensemble's members are independent opinions of one question."""
    ensemble = sys.modules.get("sklearn.ensemble")
    if ensemble is None:  # then there is no instance of it
        return False
    if isinstance(estimator, ensemble.VotingClassifier):
        return estimator.voting == "soft"
    return isinstance(
        estimator,
        (
            ensemble.BaggingClassifier,
            ensemble.BaggingRegressor,
            ensemble.ExtraTreesClassifier,
            ensemble.ExtraTreesRegressor,
            ensemble.RandomForestClassifier,
            ensemble.RandomForestRegressor,
            ensemble.VotingRegressor,
        ),
    )


def sees_raw_rows(estimator):
    """Tell whether an ensemble hands X to its members as it came."""
    ensemble = sys.modules["sklearn.ensemble"]
    return isinstance(estimator, (ensemble.VotingClassifier, ensemble.VotingRegressor))


def provides(estimator, need):
    """Tell, fitted or not, whether an estimator can answer a strategy's need."""
    if need in ("embed", "labels"):
        return True
    proba = hasattr(estimator, "predict_proba") or is_default_stack(estimator)
    if need == "proba":
        return proba
    own, plain = {
        "head": (("head_proba",), proba),
        "samples": (("sample_proba", "sample_predict"), is_committee(estimator)),
    }[need]
    if any(hasattr(estimator, method) for method in own):
        return True
    if need == "head" and hasattr(
        estimator, "embed"
    ):  # what is inside embeds otherwise
        return False
    inner = wrapped(estimator)
    if inner is not None:
        return provides(inner, need)
    if need == "samples" and is_regressor(estimator):
        return plain or gives_std(estimator)
    return bool(plain)


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


#: What to do where a regressor lacks what a strategy needs.
REGRESSOR_WAY_OUT = {
    "proba": "For a regressor use CommitteeStd, GreedySampling or ExpectedModelChange",
    "head": "For a regressor use CommitteeStd, GreedySampling or ExpectedModelChange",
    "samples": (
        "Use a regressor with members (a forest, BaggingRegressor, VotingRegressor) or "
        "one whose predict takes return_std"
    ),
}


def lacking(estimator, need, strategy=None):
    """Build the TypeError for an estimator that cannot answer a need."""
    what, way_out = NEEDS[need]
    if is_regressor(estimator):
        way_out = REGRESSOR_WAY_OUT.get(need, way_out)
    who = "This query" if strategy is None else name_of(strategy)
    return TypeError(
        f"{who} needs {what}, which {name_of(estimator)} does not offer. {way_out}."
    )


def check_needs(strategy, estimator):
    """Raise the TypeError of the first need that the estimator cannot answer."""
    for need in sorted(strategy.needs):
        if need not in NEEDS:
            raise ValueError(
                f"needs must be a set of {', '.join(map(repr, NEEDS))}, got {need!r} "
                f"in {name_of(strategy)}."
            )
        if not provides(estimator, need):
            raise lacking(estimator, need, strategy)


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


def numeric(X):
    """Return X as an array or CSR: what an ensemble hands to its members."""
    if sp.issparse(X):
        return X
    return X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X)


def as_embedding(E):
    """Return an estimator's own embedding as (n, d) float32, or CSR."""
    if sp.issparse(E):
        return E.tocsr().astype(np.float32, copy=False)
    return np.asarray(E, dtype=np.float32)


def flatten(X):
    """Return X itself as (n, d) float32, CSR staying sparse."""
    if sp.issparse(X):
        return X.astype(np.float32)
    try:
        E = np.asarray(numeric(X), dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "X must be numeric to be its own embedding, got columns that are not. "
            "Put an encoder or a vectorizer before the estimator in a Pipeline."
        ) from error
    return E.reshape(len(E), -1)
