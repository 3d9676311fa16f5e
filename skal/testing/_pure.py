"""Laws about what stays as it was: the inputs, the model, the strategy, the world."""

import pickle
import random
import sys
from inspect import Parameter, signature

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone

from skal import ActiveLearner
from skal.query import ScoreStrategy
from skal.testing._trial import assert_same


def inputs_untouched(trial):
    """Leave the pool and the labelled rows as they are."""
    view = trial.view()
    inputs = {
        "X": trial.pool(trial.n_pool),
        "X_training": view.X_training,
        "y_training": view.y_training,
    }
    before = {name: joblib.hash(value) for name, value in inputs.items()}
    ask_everything(trial, view, inputs["X"])
    for name, value in inputs.items():
        assert joblib.hash(value) == before[name], f"{name} was changed."


def model_untouched(trial):
    """Leave the fitted model and its answers as they are."""
    fitted = clone(trial.estimator).fit(trial.X_training, trial.y_training)
    view = trial.view(fitted)
    expected = view.predict(trial.X_pool).copy()
    before, modes = state(fitted), torch_modes(fitted)
    ask_everything(trial, view, trial.X_pool)
    assert torch_modes(fitted) == modes, "a torch module changed its mode."
    assert np.array_equal(view.predict(trial.X_pool), expected), (
        "the remembered predictions were changed in place."
    )
    assert np.array_equal(trial.view(fitted).predict(trial.X_pool), expected), (
        "the model predicts differently after the query."
    )
    assert before is None or state(fitted) == before, "the estimator was changed."


def ask_everything(trial, view, X):
    """Use every public way into the strategy."""
    trial.ask(10, X, model=view)
    if isinstance(trial.strategy, ScoreStrategy):
        trial.strategy.score_samples(view, X)


def state(estimator):
    """Return the bytes of an estimator, None where pickling is not repeatable."""
    try:
        first, second = pickle.dumps(estimator), pickle.dumps(estimator)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return first if first == second else None


def torch_modes(estimator):
    """List the training modes of the torch modules inside an estimator."""
    if "torch" not in sys.modules:
        return []
    from torch.nn import Module

    if isinstance(estimator, Module):
        return [part.training for part in estimator.modules()]
    if isinstance(estimator, list | tuple):
        inner = estimator
    elif isinstance(estimator, BaseEstimator):
        inner = vars(estimator).values()
    else:
        return []
    return [mode for value in inner for mode in torch_modes(value)]


def parameters_untouched(trial):
    """Leave no trace of a query on the strategy."""
    before = attributes(trial.strategy)
    ask_everything(trial, trial.view(), trial.X_pool)
    trial.ask(100, trial.pool(200))
    after = attributes(trial.strategy)
    changed = [
        name for name in {**before, **after} if before.get(name) != after.get(name)
    ]
    assert not changed, f"changed by a query: {', '.join(changed)}."


def attributes(strategy):
    """Fingerprint what is stored on a strategy, and on the strategies inside it."""
    return {name: fingerprint(value) for name, value in vars(strategy).items()}


def fingerprint(value):
    """Return what is equal for equal values; identity where pickling fails."""
    try:
        return joblib.hash(value)
    except (pickle.PicklingError, AttributeError, TypeError):
        return id(value)


def global_random_state(trial):
    """Leave the global random states of random, numpy and torch alone."""
    before = global_states()
    trial.ask(10, seed=0)
    trial.strategy(trial.view(), trial.X_pool, 10)
    after = global_states()
    used = [name for name in before if before[name] != after[name]]
    assert not used, f"drawn from or seeded: the global state of {', '.join(used)}."


def global_states():
    """Fingerprint the global random states."""
    states = {
        "random": random.getstate(),
        "numpy": joblib.hash(np.random.get_state()),  # noqa: NPY002 (read, not drawn from)
    }
    if "torch" in sys.modules:
        import torch

        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


def cloning(trial):
    """Be a parameter object, for clone, pickle, repr, get_params and set_params."""
    strategy = trial.strategy
    assert_stores_parameters(type(strategy))
    params = strategy.get_params()
    copies = {
        "clone": clone(strategy),
        "set_params": clone(strategy).set_params(**params),
        "pickle": pickle.loads(pickle.dumps(strategy)),
    }
    expected = trial.ask(10)
    for name, copy in copies.items():
        assert set(copy.get_params()) == set(params), f"{name} changed get_params()."
        assert repr(copy) == repr(strategy), (
            f"repr after {name} is {copy!r}, was {strategy!r}."
        )
        assert_same(trial.ask(10, strategy=copy), expected, f"after {name}")


def assert_stores_parameters(kind):
    """Make sure that every parameter has a default, which is stored as it is."""
    defaults = {name: p.default for name, p in signature(kind).parameters.items()}
    lacking = [name for name, value in defaults.items() if value is Parameter.empty]
    assert not lacking, f"parameters without a default: {', '.join(lacking)}."
    stored = kind().get_params(deep=False)
    changed = [name for name, value in defaults.items() if stored[name] is not value]
    assert not changed, f"changed by __init__: {', '.join(changed)}."


def hidden_labels(trial):
    """Choose without regard to labels that were never revealed."""
    n_rows = min(800, trial.n_pool)
    X, y = trial.pool(n_rows), trial.y_pool[:n_rows].copy()
    learner = ActiveLearner(
        trial.estimator,
        trial.strategy,
        n_labels=80,
        n_initial=40,
        batch_size=20,
        random_state=trial.seed,
    )
    bought = clone(learner).fit(X, y).labeled_iter_
    hidden = np.flatnonzero(bought == -1)
    y[hidden] = y[np.random.RandomState(trial.seed).permutation(hidden)]
    n_moved = (clone(learner).fit(X, y).labeled_iter_ != bought).sum()
    assert n_moved == 0, (
        f"{n_moved} rows are bought in another round when hidden labels are permuted."
    )
