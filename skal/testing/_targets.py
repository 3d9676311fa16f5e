"""Laws about the kind of target: what is declared is served, the rest refused first."""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

from skal import ModelView
from skal._data import take_rows
from skal.query import QueryStrategy
from skal.testing._defaults import (
    N_LABELED,
    forest,
    made_up_data,
    several_labels,
    unit_forest,
)
from skal.testing._needs import PREDICTIONS
from skal.testing._trial import strategies_in

TARGET_TYPES = frozenset({"multiclass", "multilabel", "regression", "structured"})
#: What no model gives of a kind of target.
NOT_OF = {
    "regression": {"proba", "decision", "head"},
    "structured": {"proba", "decision", "head", "samples", "votes"},
}
#: How many rows there are to choose from.
_N_ROWS = 200


def declared_targets(trial):
    """Serve every kind of target in target_types, and refuse the others."""
    strategy = trial.strategy
    kinds = strategy.target_types
    assert isinstance(kinds, frozenset), f"target_types must be a frozenset: {kinds!r}."
    strange = sorted(map(str, kinds - TARGET_TYPES))
    known = sorted(TARGET_TYPES)
    assert not strange, f"target_types holds {strange}; the known words are {known}."
    bases = strategies_in(strategy)[1:]
    if getattr(type(strategy), "target_types", None) is QueryStrategy.target_types:
        kinds = kinds.intersection(*(base.target_types for base in bases))  # unsaid
    for base in bases:
        lacking = sorted(kinds - base.target_types)
        assert not lacking, f"it declares {lacking}, which its base {base!r} does not."
    for setting in settings_of(trial):
        answer = partial(strategy, setting.view, setting.X, 10, random_state=trial.seed)
        error = error_of(answer)
        if setting.kind not in kinds:
            what = f"it does not declare {setting.kind} targets"
            assert error is not None, f"{what}, yet it answered for them."
        elif error is not None:
            what = f"it declares {setting.kind} targets, yet it raised"
            raise AssertionError(f"{what} {error!r}") from error


def check_before_any_work(trial):
    """Let check refuse what is not served, without fitting anything."""
    strategy = trial.strategy
    template = unfittable(trial.estimator)
    own_kind = trial.view().target_type
    for kind in sorted(TARGET_TYPES):
        error = error_of(partial(strategy.check, template, kind))
        if kind not in strategy.target_types:
            what = f"check must raise TypeError for {kind} targets, it raised"
            assert isinstance(error, TypeError), f"{what} {error!r}."
        elif kind == own_kind:
            assert error is None, f"check refused what is served: {error!r}."
        if kind in strategy.target_types and strategy.needs & PREDICTIONS:
            bare = BareRegressor() if kind == "regression" else BareClassifier()
            error = error_of(partial(strategy.check, bare, kind))
            what = "check must raise TypeError for an estimator that only predicts"
            assert isinstance(error, TypeError), f"{what}, it raised {error!r}."


@dataclass
class Setting:
    """A kind of target, a model of it, and rows to choose from."""

    kind: str
    view: ModelView
    X: Any


def settings_of(trial):
    """Yield the kinds of target to try, each with a model that gives what is needed.

    The author's own model and data are of one kind, and a function declares nothing.
    """
    own = trial.view()
    yield Setting(own.target_type, own, take_rows(trial.X_pool, np.arange(_N_ROWS)))
    if trial.own_data or trial.own_estimator or trial.asks_a_function:
        return
    for kind in sorted(TARGET_TYPES - {own.target_type}):
        if trial.strategy.needs & NOT_OF.get(kind, set()):
            continue
        model, X, y = trained_on(kind, trial.seed)
        known = X[:N_LABELED].copy(), y[:N_LABELED].copy()
        view = ModelView(model, *known, random_state=trial.seed)
        yield Setting(kind, view, X[N_LABELED : N_LABELED + _N_ROWS].copy())


@lru_cache(maxsize=4)
def trained_on(kind, seed):
    """Return a forest that is fitted to a kind of target, and its data."""
    X, y = made_up_data(kind == "regression", seed)
    if kind in ("multilabel", "structured"):
        y = several_labels(X)
    structured = kind == "structured"
    model = unit_forest(seed) if structured else forest(kind == "regression", seed)
    return model.fit(X[:N_LABELED], y[:N_LABELED]), X, y


def error_of(call):
    """Return the TypeError or ValueError that a call raises, or None."""
    try:
        call()
    except (TypeError, ValueError) as error:
        return error
    return None


def unfittable(estimator):
    """Return a clone of which no copy can be fitted."""

    def fit(self, *args, **params):
        raise AssertionError("check must not fit the estimator.")

    kind = type(estimator)
    names = {"fit": fit, "__module__": kind.__module__}
    template = clone(estimator)
    template.__class__ = type(kind.__name__, (kind,), names)
    return template


class BareClassifier(ClassifierMixin, BaseEstimator):
    """Predicts labels and nothing else."""

    def fit(self, X, y):
        """Raise: a check fits nothing."""
        raise AssertionError("check must not fit the estimator.")

    def predict(self, X):
        """Predict nothing."""


class BareRegressor(RegressorMixin, BaseEstimator):
    """Predicts numbers and nothing else."""

    fit, predict = BareClassifier.fit, BareClassifier.predict
