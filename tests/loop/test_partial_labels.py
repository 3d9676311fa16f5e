"""Rows of which some labels are known are labelled for those."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.nets import MLPNetClassifier
from skal.posterior import EnsembleClassifier


@pytest.fixture(scope="module")
def pool():
    """Return X (90, 5) and Y (90, 3), of which every third row misses one label."""
    X, Y = make_multilabel_classification(90, 5, n_classes=3, random_state=0)
    Y = Y.astype(float)
    rows = np.arange(0, 90, 3)
    Y[rows, rows % 3] = np.nan
    return X, Y


@pytest.fixture(scope="module")
def net():
    return MLPNetClassifier(criterion="bce", hidden=(8,), max_steps=6)


def learner(estimator, **params):
    return ActiveLearner(estimator, "margin", random_state=0, **params)


def assert_alike(model, other, X):
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))


def test_fit_trains_on_rows_known_in_part_and_skips_those_not_known(net, pool):
    X, Y = pool
    Y = Y.copy()
    Y[60:] = np.nan
    fitted = learner(net.set_params(random_state=0)).fit(X, Y)
    np.testing.assert_array_equal(fitted.y_training_, Y[:60])
    assert_alike(fitted, net.fit(X[:60], Y[:60]), X)


def test_the_mark_of_a_missing_label_holds_inside_a_row(net, pool):
    X, Y = pool
    expected = learner(net).fit(X, Y)
    marked = np.where(np.isnan(Y), -1, Y).astype(int)
    assert_alike(learner(net).fit(X, marked), expected, X)


@pytest.mark.parametrize("wrap", ["pipeline", "ensemble"])
def test_what_is_around_a_net_hands_rows_on(net, pool, wrap):
    X, Y = pool
    around = EnsembleClassifier(net, n_members=2)
    if wrap == "pipeline":
        around = make_pipeline(StandardScaler(), net)
    assert learner(around).fit(X, Y).predict_proba(X).shape == Y.shape


def test_a_person_may_know_some_labels_of_a_row(net, pool):
    X, Y = pool
    live = learner(net).teach(X[1:3], Y[1:3].astype(int))
    live.teach(X[[0]], Y[[0]])
    np.testing.assert_array_equal(live.y_training_, Y[[1, 2, 0]])
    live.correct([0], [[1, np.nan, 0]])
    np.testing.assert_array_equal(live.y_training_[0], [1, np.nan, 0])
    live.teach(X[4:5], [[1, 0, 1]])  # a whole row after rows in part
    assert pickle.loads(pickle.dumps(live)).query(X, 2)[0].shape == (2,)


def test_a_simulation_reveals_what_is_known_as_a_person_would(net, pool):
    X, Y = pool
    simulated = learner(net, n_labels=24, n_initial=12, batch_size=6).fit(X, Y)
    live, left = learner(net, n_initial=12, batch_size=6), np.arange(len(X))
    while len(left) > len(X) - 24:
        asked, _ = live.query(X, candidates=left)
        live.teach(X[asked], Y[asked])
        left = np.setdiff1d(left, asked)
    np.testing.assert_array_equal(simulated.y_training_, live.y_training_)
    assert np.isnan(simulated.y_training_).any()
    assert_alike(simulated, live, X)


def test_an_estimator_that_needs_whole_rows_says_what_does_not(pool):
    X, Y = pool
    for estimator in (
        MultiOutputClassifier(LogisticRegression()),
        MLPNetClassifier(max_steps=1),
    ):
        with pytest.raises(ValueError, match="a net with criterion='bce'"):
            learner(estimator).fit(X, Y)


def test_labels_known_in_part_are_zero_or_one(net, pool):
    X, Y = pool
    with pytest.raises(ValueError, match="y must be one label a row, or a binary"):
        learner(net).fit(X, Y * 2)
