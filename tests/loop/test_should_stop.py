"""A stopping rule judges a live loop as it judges the simulation of it."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from skal import ActiveLearner
from skal.stopping import (
    All,
    ClassificationChange,
    KappaAverage,
    MaxConfidence,
    OverallUncertainty,
    ValidationPlateau,
)


def live_until_enough(learner, X, y):
    """Query and teach until the rule says so, pickled and asked twice every round."""
    asked, free = [], np.ones(len(y), bool)
    while free.any():
        learner = pickle.loads(pickle.dumps(learner))
        learner.query(X, candidates=free)
        rows, X_rows = learner.query(X, candidates=free)
        if learner.should_stop_:
            break
        learner.teach(X_rows, y[rows])
        free[rows] = False
        asked.append(rows.tolist())
    return learner, asked


def rules(X, y):
    return {
        "kappa": KappaAverage(0.9),
        "sure": MaxConfidence(0.66),
        "plateau": ValidationPlateau(X[:100], y[:100], patience=2),
        "both": All(
            [("change", ClassificationChange(0.05)), ("pool", OverallUncertainty(0.9))]
        ),
    }


@pytest.mark.parametrize("name", ["kappa", "sure", "plateau", "both"])
def test_a_live_loop_should_stop_where_its_simulation_stops(blobs, name):
    X, y = blobs[0][:150], blobs[1][:150]
    learner = ActiveLearner(
        GaussianNB(),
        "margin",
        stopping=rules(X, y)[name],
        classes=[0, 1, 2],
        random_state=1,
    )
    simulated = clone(learner).set_params(n_labels=140).fit(X, y)
    live, asked = live_until_enough(learner, X, y)
    assert simulated.termination_condition_ == "stopping"
    assert asked == [rows.tolist() for rows in simulated.history_["indices"]]
    ours, theirs = (each.history_["stopping"].tolist() for each in (live, simulated))
    assert pickle.dumps(ours) == pickle.dumps(theirs) or str(ours) == str(theirs)
    assert simulated.should_stop_
    np.testing.assert_array_equal(live.predict(X), simulated.predict(X))


def test_nothing_says_stop_before_there_is_something_to_judge(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), stopping=MaxConfidence(9), random_state=0)
    assert learner.should_stop_ is False
    learner.query(X)
    learner.teach(X[:9], y[:9])
    assert learner.should_stop_ is False
    learner.query(X, candidates=np.arange(9, 300))
    assert learner.should_stop_ is True
    assert learner.set_params(stopping=None).should_stop_ is False


def test_a_corrected_model_is_judged_after_the_next_query(blobs):
    """What was measured on the model before stayed, and its verdict."""
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), stopping=MaxConfidence(9), random_state=0)
    learner.teach(X[:9], y[:9]).query(X)
    for amend in (
        lambda: learner.correct([0], [1 - y[0]]),
        lambda: learner.forget([0]),
    ):
        assert learner.should_stop_
        amend()
        assert learner.history_["stopping"].tolist() == [None]
        assert not learner.should_stop_
        learner.query(X)
        assert learner.history_["stopping"].tolist() != [None]


def test_a_rule_that_cannot_serve_is_refused_in_a_query_and_changes_nothing(blobs):
    X, y = blobs
    for estimator, target in ((LinearSVC(), y), (Ridge(), X[:, 0])):
        learner = ActiveLearner(estimator, "random", stopping=MaxConfidence())
        learner.fit(X[:30], target[:30])
        before = pickle.dumps(vars(learner))
        with pytest.raises(
            TypeError, match=r"needs class prob|must be a rule for regr"
        ):
            learner.query(X)
        assert pickle.dumps(vars(learner)) == before


def test_a_pool_that_grows_does_not_end_a_live_loop(blobs):
    X, y = blobs
    rule = KappaAverage(0.5, window=1)
    learner = ActiveLearner(LogisticRegression(), stopping=rule, random_state=0)
    learner.teach(X[:20], y[:20])
    verdicts = []
    for round, size in enumerate([200, 200, 300, 300]):
        start = 20 + 10 * round
        learner.query(X[:size], 5, candidates=np.arange(start, size))
        verdicts.append(learner.should_stop_)
        learner.teach(X[start : start + 10], y[start : start + 10])
    assert verdicts == [False, True, False, True]
