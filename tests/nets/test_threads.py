"""Nets repeat in threads too, though torch has one random state a process."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from torch import nn

from skal import ActiveLearner
from skal.nets import NetClassifier


@pytest.fixture(scope="module")
def dropping():
    """Return a net that draws at every step."""
    return NetClassifier(
        nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)),
        max_steps=30,
    )


def in_threads(function, seeds):
    with ThreadPoolExecutor(len(seeds)) as threads:
        return list(threads.map(function, seeds))


def test_nets_that_train_in_threads_draw_what_they_draw_alone(blobs, dropping):
    """Their draws were mixed: torch was seeded by one in the middle of the other."""
    X, y = blobs[0].astype(np.float32), blobs[1]

    def proba(seed):
        net = clone(dropping).set_params(random_state=seed).fit(X[:40], y[:40])
        return net.predict_proba(X[:9]), net.sample_proba(X[:9], 3, random_state=seed)

    for alone, beside in zip(
        map(proba, range(4)), in_threads(proba, range(4)), strict=True
    ):
        # torch parts sums of floats by the cores that a thread is given.
        np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)
        np.testing.assert_allclose(alone[1], beside[1], atol=1e-5)


@pytest.mark.long
def test_learners_around_nets_pick_in_threads_what_they_pick_alone(blobs, dropping):
    X, y = blobs[0].astype(np.float32), blobs[1]

    def picks(seed):
        learner = ActiveLearner(
            clone(dropping).set_params(max_steps=8),
            "bald",
            n_labels=16,
            n_initial=6,
            batch_size=5,
            random_state=seed,
        )
        return learner.fit(X, y).labeled_iter_

    for alone, beside in zip(
        map(picks, range(3)), in_threads(picks, range(3)), strict=True
    ):
        np.testing.assert_array_equal(alone, beside)
