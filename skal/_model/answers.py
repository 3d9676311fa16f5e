"""How to get embeddings, head probabilities and samples out of any estimator.

One order for every question: the estimator's own method; through a Pipeline, the
transformers and then the last step; the model inside a search or a wrapper; the
members of a forest, a bagging or a soft voting ensemble; else a TypeError that says
what would serve.
"""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp

from skal._model.layers import opened, split
from skal._model.members import find_members, first, gives_std, numeric
from skal._model.needs import lacking


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
        std = sample_predict(estimator, X, n_samples, seed).std(axis=0)
    return std if std.ndim == 1 else std.mean(axis=1)


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
