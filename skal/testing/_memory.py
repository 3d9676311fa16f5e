"""The law about memory: no (n, n), (n, n_classes * d) or (n, n_instances) array."""

import gc
import tracemalloc

import numpy as np
from sklearn.base import clone, is_regressor

from skal._model import provides
from skal.testing._defaults import N_CLASSES, N_LABELED, several_labels
from skal.testing._needs import PREDICTIONS

BIG_POOLS = (5000, 50_000)
BIG_FEATURES = 64
BIG_BATCH = 250
#: What a query may allocate beyond the model's own answers: a multiple of X, and room
#: for buffers of fixed size.
TIMES_X = 2
BUFFERS = 2**22


def memory(trial):
    """Take at most twice the memory of X beyond the model's own answers."""
    for X_training, y_training, X in big_pools(trial):
        assert_lean(trial, X_training, y_training, X)


def assert_lean(trial, X_training, y_training, X):
    """Make sure that a query of a pool keeps its limit."""
    fitted = clone(trial.estimator).fit(X_training, y_training)
    n_instances = min(BIG_BATCH, len(X) // 2)

    def view():
        return trial.view(fitted, X_training, y_training)

    reads = trial.strategy.needs | trial.strategy.uses
    own = peak_memory(lambda: answers(view(), X, reads))
    used = peak_memory(lambda: trial.ask(n_instances, X, model=view()))
    limit = own + TIMES_X * X.nbytes + BUFFERS
    assert used <= limit, (
        f"{n_instances} of {X.shape[0]} rows by {X.shape[1]} features took "
        f"{used / 1e6:.1f} MB, at most {limit / 1e6:.1f} MB are allowed: "
        f"{TIMES_X} x {X.nbytes / 1e6:.1f} MB of X, {own / 1e6:.1f} MB of the "
        f"model's answers and {BUFFERS / 1e6:.1f} MB of buffers."
    )


def big_pools(trial):
    """Make up a pool, then one ten times as big; the author's X is taken as it is.

    The smaller one goes first, so that an (n, n) array is caught while it still fits.
    """
    if trial.own_data:
        own = (trial.X_training, trial.y_training, trial.X_pool)
        return [own] if trial.plain else []
    rng = np.random.default_rng(trial.seed)
    y = rng.permutation(np.arange(N_LABELED) % N_CLASSES)
    if is_regressor(trial.estimator):
        target = y + rng.random(N_LABELED)
    elif trial.y_training.ndim == 2:
        target = several_labels(draw_rows(rng, N_LABELED))
    else:
        target = y
    X_training = draw_rows(rng, N_LABELED) + y[:, np.newaxis].astype(np.float32)
    return [(X_training, target, draw_rows(rng, n) + 2) for n in BIG_POOLS]


def draw_rows(rng, n_rows):
    """Draw rows of float32 noise."""
    return rng.standard_normal((n_rows, BIG_FEATURES), dtype=np.float32)


def answers(view, X, needs):
    """Ask a view for everything that a strategy needs of it, and hold it."""
    held = [view.predict(X)] if needs & PREDICTIONS or not needs else []
    if "proba" in needs or ("decision" in needs and hasattr(view, "predict_proba")):
        held.append(view.predict_proba(X))
    elif "decision" in needs:
        held.append(view.decision_function(X))
    if "embed" in needs:
        held.append(view.embed(X))
    if "samples" in needs and hasattr(view, "classes_"):
        held.append(view.reduce_samples(lambda samples: samples[0, :, 0], X))
    elif "samples" in needs:
        draws = provides(view.estimator, "draws")  # or a deviation alone
        held.append(view.sample_predict(X) if draws else view.predict_std(X))
    if "votes" in needs:
        held.append(view.reduce_votes(lambda samples: samples[0, :, 0], X))
    if "units" in needs and view.target_type == "structured":
        held.append(view.predict_units(X))
    if "unit_samples" in needs:
        held.append(view.reduce_unit_samples(lambda draws: draws[0, ..., 0, 0], X))
    if "boxes" in needs:
        held.append(view.sample_boxes(X))
    return held


def peak_memory(call):
    """Return the peak of what Python and numpy allocate during a call, in bytes."""
    gc.collect()
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not tracing:
            tracemalloc.stop()
