"""What several test modules share; fixtures are in ``conftest.py``."""

import os
import sys
import tracemalloc
from pathlib import Path

import numpy as np
from sklearn.naive_bayes import GaussianNB


class Witness(GaussianNB):
    """Keeps what it was fitted on; from ``limit`` rows on it raises ``error``."""

    def __init__(self, limit=None, error=None):
        super().__init__()
        self.limit = limit
        self.error = error

    def fit(self, X, y, **params):
        if self.limit is not None and len(X) >= self.limit:
            raise self.error
        self.seen_ = X, y, params
        return super().fit(X[y >= 0], y[y >= 0])


def in_order(learner, X, n_instances=1):
    """Pick the first rows, in the manner of modAL."""
    return np.arange(n_instances)


def flat(X):
    """Return images as rows."""
    return X.reshape(len(X), -1)


def draws(rng, n_draws, n, n_classes, dtype=float):
    """Return random distributions, of which some hold zeros and ones."""
    samples = rng.dirichlet(np.full(n_classes, 0.3), size=(n_draws, n))
    samples[:, ::5] = np.eye(n_classes)[samples[:, ::5].argmax(axis=2)]
    return samples.astype(dtype)


def members_of(forest, X):
    """Return what each tree of a forest answers, of shape (n_trees, n, n_classes)."""
    trees = [tree.predict_proba(X) for tree in forest.estimators_]
    return np.array(trees, np.float32)


def sorted_margin(proba):
    """Return the best probability less the second, found by sorting."""
    ordered = np.sort(proba, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def peak_bytes(function, *args, **kwargs):
    """Return the most that Python and numpy held at once during a call."""
    tracemalloc.start()
    try:
        function(*args, **kwargs)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def run_skal(*arguments):
    """Call the ``skal`` command; return its exit code and output."""
    from typer.testing import CliRunner

    from skal.cli import app

    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    return runner.invoke(app, list(map(str, arguments)))


def is_alive(pid):
    """Tell whether a process is there; one that nobody has waited for is dead."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it has gone just now, or the system has no such files
        return sys.platform != "linux"
    return stat.rpartition(")")[2].split()[0] != "Z"
