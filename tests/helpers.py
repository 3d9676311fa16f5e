"""What several test modules share; fixtures are in ``conftest.py``."""

import os
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator
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


class Brightness(BaseEstimator):
    """Says that a pixel is 1 the brighter it is, from pixels labelled 0 and 1."""

    def fit(self, X, y):
        self.seen_ = X, y
        self.middle_ = X[y == 1].mean() / 2 + X[y == 0].mean() / 2
        return self

    def predict(self, X):
        return (self.middle_ < X).astype(int)

    def score(self, X, y):
        return float((self.predict(X) == y)[y >= 0].mean())

    def predict_units(self, X):
        one = 1 / (1 + np.exp(20 * (self.middle_ - X)))
        return np.stack([1 - one, one], axis=-1)

    def sample_units(self, X, n_samples=None, random_state=None):
        moves = np.random.RandomState(random_state).normal(0, 0.1, n_samples or 4)
        return np.stack([self.predict_units(X + move) for move in moves])


class Tagger(BaseEstimator):
    """Tags each token of a text by whether its length was tagged 1 before."""

    def fit(self, X, y):
        assert isinstance(y, list)
        tags = [each for tagged in y for each in tagged]
        lengths = [len(token) for text in X for token in text]
        self.rate_ = {
            k: np.mean([t for t, n in zip(tags, lengths, strict=True) if n == k])
            for k in {*lengths}
        }
        return self

    def predict(self, X):
        return [[int(p[1] > 0.5) for p in text] for text in self.predict_units(X)]

    def score(self, X, y):
        pairs = zip(self.predict(X), y, strict=True)
        return float(np.mean([np.mean(np.equal(*pair)) for pair in pairs]))

    def predict_units(self, X):
        units = []
        for text in X:
            one = np.array([self.rate_.get(len(token), 0.5) for token in text])
            units.append(np.column_stack([1 - one, one]).reshape(-1, 2))
        return units


def import_hugging_face():
    """Return the library of data sets; skip the test without, for this folder's own.

    Tests of the data sets lie in a folder that is found by the same name.
    """
    pytest.importorskip("datasets.arrow_dataset")
    return pytest.importorskip("datasets")
