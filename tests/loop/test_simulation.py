"""The loop beside the learner: its state as a record, its simulation step by step."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal._data import Labels
from skal._loop.loop import Loop
from skal._loop.oracle import Oracle
from skal._loop.simulation import Simulation
from skal._loop.state import State
from skal.query import QueryStrategy
from skal.stopping import OverallUncertainty


def simulation(X, y, learner, budget):
    """Return the simulation of a learner's run, which knows no learner."""
    loop = Loop(
        learner.estimator,
        learner.seed_,
        query_strategy=learner.query_strategy,
        stopping=learner.stopping,
    )
    oracle = Oracle(X, y, {}, Labels("multiclass", np.unique(y)))
    return Simulation(loop, oracle, budget, learner.n_initial, learner.batch_size)


@pytest.mark.parametrize("stopping", [None, OverallUncertainty(1e-9)])
def test_a_simulation_stepped_by_hand_is_the_learners_run(blobs, stopping):
    X, y = blobs
    learner = ActiveLearner(
        RandomForestClassifier(5),
        n_labels=37,
        n_initial=8,
        batch_size=[5, 12],
        stopping=stopping,
        random_state=0,
    ).fit(X, y)
    run = simulation(X, y, learner, 37)
    states = [run.learn(run.first_purchase())]
    while not run.is_spent:
        purchase = run.next_purchase()
        assert not run.is_enough
        states.append(run.learn(purchase))
    assert [len(state.training.y) for state in states] == [8, 13, 25, 37]
    assert len(states) == run.n_rounds
    assert_array_equal(run.state.labeled_iter, learner.labeled_iter_)
    assert_array_equal(run.state.training.y, learner.y_training_)
    assert_array_equal(
        run.state.estimator.predict_proba(X), learner.estimator_.predict_proba(X)
    )
    for record, indices in zip(
        run.state.rounds, learner.history_["indices"], strict=True
    ):
        assert_array_equal(record["indices"], indices)


def test_a_state_does_not_change_when_the_run_goes_on(blobs):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), n_labels=10, random_state=0).fit(X, y)
    run = simulation(X, y, learner, 30)
    first = run.learn(run.first_purchase())
    before = first.labeled_iter.copy(), first.training.y.copy(), first.rounds
    run.learn(run.next_purchase())
    assert_array_equal(first.labeled_iter, before[0])
    assert_array_equal(first.training.y, before[1])
    assert first.rounds == before[2]
    assert len(run.state.rounds) == 2


@pytest.mark.parametrize("keep", [False, True])
def test_a_learner_holds_what_its_state_says_and_no_more(blobs, keep):
    X, y = blobs
    learner = ActiveLearner(n_labels=30, store_estimators=keep, random_state=0)
    learner.fit(X, y)
    attributes = State.of(learner).attributes()
    assert attributes.keys() == vars(learner).keys() - learner.get_params().keys()
    assert all(
        value is vars(learner)[name]
        for name, value in attributes.items()
        if name not in {"estimators_", "_stages"}  # made anew: the record is frozen
    )
    assert ("estimators_" in attributes) == keep


class Record(dict):
    """The record of a round that counts how often it is read."""

    reads = 0

    def get(self, *args):
        Record.reads += 1
        return super().get(*args)

    def __getitem__(self, name):
        Record.reads += 1
        return super().__getitem__(name)


class Historian(QueryStrategy):
    """Takes the first rows and tells how many labels each round had had."""

    def _query(self, view, rows, n_instances, rng):
        assert view.history is view.history  # built once
        return range(n_instances), {"seen": view.history["n_labels"].tolist()}


def test_a_query_does_not_read_the_rounds_before_it(blobs, monkeypatch):
    """It used to build the history anew: a cost that grew with each round."""
    X, y = blobs
    learner = ActiveLearner(None, "margin", n_labels=50, random_state=0).fit(X, y)
    learner._rounds = tuple(map(Record, learner._rounds))
    monkeypatch.setattr(Record, "reads", 0)
    learner.query(X)
    learner.score_pool(X)
    assert Record.reads == 0
    learner.set_params(query_strategy=Historian()).query(X)
    assert Record.reads > 0  # whoever asks for it gets it


def test_a_strategy_reads_the_history_that_the_learner_has(blobs):
    X, y = blobs
    learner = ActiveLearner(None, Historian(), n_labels=40, random_state=0).fit(X, y)
    told = [info.get("seen") for info in learner.history_["info"]]
    assert told == [None, [10], [10, 20], [10, 20, 30]]


def test_the_stages_of_a_learner_are_the_runs_that_ended_there(blobs):
    X, y = blobs
    weights = np.linspace(0.5, 2, len(y))
    learner = ActiveLearner(
        LogisticRegression(), n_labels=30, store_estimators=True, random_state=0
    ).fit(X, y, sample_weight=weights)
    for budget, stage in zip([10, 20, 30], learner.staged(), strict=True):
        shorter = ActiveLearner(
            LogisticRegression(), n_labels=budget, store_estimators=True, random_state=0
        ).fit(X, y, sample_weight=weights)
        assert_array_equal(stage.predict_proba(X), shorter.predict_proba(X))
        assert_array_equal(stage.labeled_iter_, shorter.labeled_iter_)
        assert_array_equal(stage.history_["n_labels"], shorter.history_["n_labels"])
        assert_array_equal(stage.query(X)[0], shorter.query(X)[0])
        stage.teach(X[:2], y[:2], sample_weight=weights[:2])
        shorter.teach(X[:2], y[:2], sample_weight=weights[:2])
        assert_array_equal(stage.predict_proba(X), shorter.predict_proba(X))
    assert learner.n_iter_ == 2  # the stages are copies


def test_there_are_no_stages_where_no_models_are_kept(blobs):
    learner = ActiveLearner(n_labels=30, random_state=0).fit(*blobs)
    assert not hasattr(learner, "staged")
