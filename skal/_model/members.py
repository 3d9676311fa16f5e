"""An ensemble's members, each as a function of X."""

from __future__ import annotations

import sys
from inspect import signature

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_regressor

from skal._checks import name_of
from skal._data import multilabel_proba, spread
from skal._model.layers import split


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


def numeric(X):
    """Return X as an array or CSR: what an ensemble hands to its members."""
    if sp.issparse(X):
        return X
    return X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X)
