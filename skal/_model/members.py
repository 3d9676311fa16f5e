"""An ensemble's members, each as a function of X."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_regressor
from sklearn.utils import check_array

from skal._checks import name_of
from skal._data import multilabel_proba, spread
from skal._model.known_types import is_voting


def ask_members(ensemble, X, n_samples, method="draw"):
    """Return the answers of the first n_samples members, stacked.

    Members give (n, C) probabilities or votes in a classifier's columns, (n,) or
    (n, n_outputs) predictions in a regressor.
    """
    members = first_members(list_members(ensemble), n_samples, ensemble)
    X = X if is_voting(ensemble) else unframed(X)  # as the ensemble hands it on
    return np.stack([getattr(member, method)(X) for member in members])


def first_members(members, n_samples, ensemble):
    """Return the first n_samples members; an ensemble has no more than it has."""
    if n_samples is None:
        return members
    if n_samples > len(members):
        raise ValueError(
            f"n_samples must be at most {len(members)}, the number of members of "
            f"{name_of(ensemble)}, got {n_samples}."
        )
    return members[:n_samples]


def list_members(ensemble):
    """List the members of a fitted forest, bagging or voting ensemble."""
    models = ensemble.estimators_
    columns = getattr(ensemble, "estimators_features_", [None] * len(models))
    if is_regressor(ensemble):
        return [Member(*both) for both in zip(models, columns, strict=True)]
    return [
        ClassMember(*both, ensemble.classes_)
        for both in zip(models, columns, strict=True)
    ]


class Member:
    """One regressor of an ensemble, on its own columns of X."""

    def __init__(self, model, columns):
        self.model = model
        self.columns = columns

    def columns_of(self, X):
        every = self.columns is None or np.array_equal(
            self.columns, np.arange(X.shape[1])
        )
        return X if every else X[:, self.columns]

    def draw(self, X):
        """Predict each row."""
        return np.asarray(self.model.predict(self.columns_of(X)))


class ClassMember(Member):
    """One classifier of an ensemble; its columns are spread over the ensemble's."""

    def __init__(self, model, columns, classes):
        super().__init__(model, columns)
        self.classes = classes

    def draw(self, X):
        """Return the probability of each class, a vote where there is none."""
        if not hasattr(self.model, "predict_proba"):
            return self.vote(X)
        proba = self.model.predict_proba(self.columns_of(X))
        if isinstance(self.classes, list):
            return multilabel_proba(proba, self.classes).astype(np.float32)
        proba, width = np.asarray(proba, np.float32), len(self.classes)
        if proba.shape[1] == width:
            return proba
        return spread(proba, self.model.classes_.astype(int), width, fill=0)

    def vote(self, X):
        """Return 1 for the predicted class, 0 for the others."""
        codes = np.asarray(self.model.predict(self.columns_of(X))).astype(int)
        return np.eye(len(self.classes), dtype=np.float32)[codes]


def unframed(X):
    """Return X as an array or CSR: what an ensemble hands to its members."""
    if hasattr(X, "to_numpy"):  # as scikit-learn does, where values are missing too
        return check_array(
            X,
            accept_sparse=("csr", "csc"),
            dtype=None,
            ensure_all_finite=False,
            ensure_2d=False,
            allow_nd=True,
            ensure_min_samples=0,
            ensure_min_features=0,
        )
    return X if sp.issparse(X) else np.asarray(X)
