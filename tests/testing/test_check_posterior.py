"""check_posterior: each broken promise is caught under its name; good ones pass."""

import random
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skal.testing import check_posterior, posterior_checks


class Posterior(ClassifierMixin, BaseEstimator):
    """A posterior of a third party: a classifier and noise on its weights."""

    def __init__(self, n_samples=5, scale=0.3, random_state=None):
        self.n_samples = n_samples
        self.scale = scale
        self.random_state = random_state

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_
        self.seed_ = 0 if self.random_state is None else self.random_state
        return self

    def noise(self, seed, draw):
        rng = np.random.default_rng([seed, draw])
        return self.scale * rng.normal(size=self.model_.coef_.shape)

    def draws(self, X, n_samples, seed):
        weights = [self.model_.coef_ + self.noise(seed, s) for s in range(n_samples)]
        logits = np.stack([X @ w.T + self.model_.intercept_ for w in weights])
        proba = np.exp(logits - logits.max(axis=2, keepdims=True))
        return (proba / proba.sum(axis=2, keepdims=True)).astype(np.float32)

    def sample_proba(self, X, n_samples=None, random_state=None):
        n_samples = self.n_samples if n_samples is None else n_samples
        if not isinstance(n_samples, int) or n_samples < 1:
            raise ValueError(f"n_samples must be a positive integer, got {n_samples}.")
        seed = self.seed_ if random_state is None else random_state
        return self.draws(X, n_samples, seed)

    def predict_proba(self, X):
        return Posterior.draws(self, X, self.n_samples, self.seed_).mean(axis=0)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def embed(self, X):
        return np.asarray(X, np.float32)

    def head_proba(self, E):
        return self.predict_proba(E)


class GivesRowsFirst(Posterior):
    def draws(self, X, n_samples, seed):
        return super().draws(X, n_samples, seed).swapaxes(0, 1)


class GivesDoubles(Posterior):
    def draws(self, X, n_samples, seed):
        return super().draws(X, n_samples, seed).astype(float)


class GivesLogits(Posterior):
    def draws(self, X, n_samples, seed):
        return np.log(super().draws(X, n_samples, seed))


class PredictsTheFirst(Posterior):
    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class ScalesTheRows(Posterior):
    def draws(self, X, n_samples, seed):
        X -= X.mean(axis=0)
        return super().draws(X, n_samples, seed)


class CountsItsCalls(Posterior):
    n_calls = 0

    def draws(self, X, n_samples, seed):
        self.n_calls += 1
        return super().draws(X, n_samples, seed)


class ChangesItsParameter(Posterior):
    def fit(self, X, y):
        self.scale = min(self.scale, 0.1)
        return super().fit(X, y)


class DrawsFromTheWorld(Posterior):
    def noise(self, seed, draw):
        random.random()
        return super().noise(seed, draw)


class IgnoresTheSeed(Posterior):
    entropy: ClassVar = np.random.default_rng()

    def draws(self, X, n_samples, seed):
        return super().draws(X, n_samples, int(self.entropy.integers(2**30)))


class DrawsForEachRow(Posterior):
    """Independent draws of the logits: equal rows get other samples."""

    def draws(self, X, n_samples, seed):
        rows = [
            Posterior.draws(self, X[[i]], n_samples, seed + i) for i in range(len(X))
        ]
        return np.concatenate(rows, axis=1)


class DrawsForEachChunk(Posterior):
    """Masks whose shape is that of the batch."""

    def draws(self, X, n_samples, seed):
        return super().draws(X, n_samples, seed + 1000 * len(X))


class PrefersTheFirstRows(Posterior):
    """The samples depend on where a row stands, from some row on."""

    def draws(self, X, n_samples, seed):
        samples = super().draws(X, n_samples, seed)
        samples[:, 21:] = samples[:, 21:][..., ::-1]
        return samples

    def predict_proba(self, X):
        return self.draws(X, self.n_samples, self.seed_).mean(axis=0)


class DrawsByNumber(Posterior):
    def draws(self, X, n_samples, seed):
        return super().draws(X, n_samples, seed + n_samples)


class PredictsThePlugIn(Posterior):
    def predict_proba(self, X):
        return self.model_.predict_proba(X)


class HasOneOpinion(Posterior):
    def noise(self, seed, draw):
        return 0.0

    def draws(self, X, n_samples, seed):
        return Posterior.draws(self, X, n_samples, seed)


class TakesAnyNumber(Posterior):
    def sample_proba(self, X, n_samples=None, random_state=None):
        n_samples = 5 if n_samples is None else max(1, int(n_samples))
        return super().sample_proba(X, n_samples, random_state)


class ReturnsWhatItHas(Posterior):
    def sample_proba(self, X, n_samples=None, random_state=None):
        if isinstance(n_samples, int):
            n_samples = min(n_samples, 5)
        return super().sample_proba(X, n_samples, random_state)


class HasAPlugInHead(Posterior):
    def head_proba(self, E):
        return self.model_.predict_proba(E)


class FitsByChance(Posterior):
    entropy: ClassVar = np.random.default_rng()

    def fit(self, X, y):
        super().fit(X, y)
        self.model_.coef_ += self.entropy.normal(size=self.model_.coef_.shape)
        return self


class HidesAParameter(Posterior):
    def __init__(self, n_samples=5, scale=0.3, random_state=None, *, power=None):
        super().__init__(n_samples, scale, random_state)
        self.power = power or 1


class ForgetsItsSeed(Posterior):
    def __getstate__(self):
        return {**super().__getstate__(), "seed_": 99}


class NeedsNumbers(Posterior):
    def predict(self, X):
        return super().predict(X) + 0

    def fit(self, X, y):
        return super().fit(X, np.asarray(y) + 0)


BROKEN = {
    GivesRowsFirst: "shapes",
    GivesDoubles: "shapes",
    GivesLogits: "probabilities",
    PredictsTheFirst: "predictions",
    ScalesTheRows: "inputs_untouched",
    CountsItsCalls: "model_untouched",
    ChangesItsParameter: "parameters_untouched",
    DrawsFromTheWorld: "global_random_state",
    IgnoresTheSeed: "reproducible",
    DrawsForEachRow: "same_draws_for_every_row",
    DrawsForEachChunk: "chunks",
    PrefersTheFirstRows: "row_order",
    DrawsByNumber: "prefix",
    PredictsThePlugIn: "mean_of_samples",
    HasOneOpinion: "disagreement",
    TakesAnyNumber: "n_samples_checked",
    ReturnsWhatItHas: "n_samples_checked",
    HasAPlugInHead: "embeddings",
    FitsByChance: "fit_reproducible",
    HidesAParameter: "cloning",
    ForgetsItsSeed: "pickling",
    NeedsNumbers: "label_names",
}


@pytest.fixture(autouse=True)
def world_restored():
    before = random.getstate()
    yield
    random.setstate(before)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_promise_is_named(broken):
    message = rf"{broken.__name__}\(.*\) breaks the law '{BROKEN[broken]}' \("
    with pytest.raises(AssertionError, match=message):
        check_posterior(broken(random_state=0))


def test_every_law_is_broken_by_some_posterior():
    laws = {name for name, _ in posterior_checks(Posterior())}
    assert set(BROKEN.values()) == laws


def test_a_posterior_of_a_third_party_passes():
    check_posterior(Posterior())


def test_the_author_may_give_the_rows_and_a_tolerance():
    X, y = load_iris(return_X_y=True)
    check_posterior(Posterior(), X, y, tolerance=1e-4)


def test_the_rows_must_be_enough_and_labelled():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="X and y must be given together"):
        check_posterior(Posterior(), X)
    with pytest.raises(AssertionError, match="X must have at least 40 rows, got 39"):
        check_posterior(Posterior(), X[:39], y[:39])
