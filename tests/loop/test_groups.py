"""Rows may come in groups: strategies read them, estimators split by them."""

import pickle
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skal import ActiveLearner
from skal.multilabel import BinaryRelevance
from skal.query import Bandit, PerCost, PerGroup, QueryStrategy, UnitStrategy

GROUPS = np.arange(300) // 5  # sixty of five rows


def learner_of(strategy=None, **params):
    strategy = PerGroup() if strategy is None else strategy
    defaults = {"estimator": GaussianNB(), "random_state": 0}
    return ActiveLearner(**{**defaults, "query_strategy": strategy, **params})


# A simulation is a live run -------------------------------------------------------


def live_run(learner, X, y, groups, n_labels):
    """Play a live run, pickled and asked twice every round."""
    hidden = np.ones(len(X), bool)
    while (n := n_labels - np.sum(~hidden)) > 0:
        learner = pickle.loads(pickle.dumps(learner))
        size = None if n >= learner.batch_size else n
        learner.query(X, size, candidates=hidden, groups=groups)
        left = np.flatnonzero(hidden)
        indices, rows = learner.query(X, size, candidates=left, groups=groups)
        learner.teach(rows, y[indices], groups=groups[indices])
        hidden[indices] = False
    return learner


LIVE = {
    "margin": learner_of(n_initial=15),
    "a batch strategy": learner_of(PerGroup("core_set", 2), n_initial=15),
    "at first too": learner_of(initial=PerGroup("typiclust"), n_initial=15),
    "a bandit": learner_of(Bandit([("a", PerGroup()), ("b", "random")]), n_initial=15),
    "a warm start": learner_of(
        estimator=SGDClassifier(loss="log_loss", max_iter=5, tol=None),
        warm_start=True,
        n_initial=15,
    ),
    "one label at first": learner_of(estimator=LogisticRegression(), n_initial=1),
}


@pytest.mark.parametrize("case", LIVE)
def test_a_simulation_with_groups_is_a_live_run(blobs, case):
    X, y = blobs
    simulated = clone(LIVE[case]).set_params(n_labels=46).fit(X, y, groups=GROUPS)
    live = live_run(clone(LIVE[case]), X, y, GROUPS, 46)
    asked = live.history_["pool_indices"]
    for ours, theirs in zip(asked, simulated.history_["indices"], strict=True):
        assert_array_equal(ours, theirs)
    assert_array_equal(live.groups_training_, simulated.groups_training_)
    assert_array_equal(live.groups_training_, GROUPS[np.concatenate(asked)])
    assert_array_equal(live.predict_proba(X), simulated.predict_proba(X))


def test_candidates_leave_the_groups_of_the_pool_where_they_are(blobs):
    X, y = blobs
    learner = learner_of().fit(X[:50], y[:50], groups=GROUPS[:50])
    for candidates in (np.arange(100, 140), np.arange(300) >= 290):
        indices, _ = learner.query(X, 2, candidates=candidates, groups=GROUPS)
        assert len(np.unique(GROUPS[indices])) == 2
        again, _ = learner.query(X[candidates], 2, groups=GROUPS[candidates])
        assert_array_equal(np.arange(300)[candidates][again], indices)


def test_a_first_round_of_one_class_goes_on_with_its_groups():
    X = np.arange(60.0)[:, None]
    y, groups = (np.arange(60) == 37).astype(int), np.arange(60) // 3
    learner = learner_of(
        estimator=LogisticRegression(), initial=PerGroup("random"), n_initial=2
    )
    simulated = clone(learner).set_params(n_labels=59).fit(X, y, groups=groups)
    asked = simulated.history_["indices"][0]
    live = live_run(clone(learner), X, y, groups, len(asked))
    assert_array_equal(live.history_["pool_indices"][0], asked)
    assert_array_equal(live.groups_training_, groups[asked])


# What reads groups ----------------------------------------------------------------


class Spy(QueryStrategy):
    """Notes what it is told of its candidates."""

    seen: ClassVar = []

    def _query(self, view, rows, n_instances, rng):
        self.seen.append((rows.positions(), rows.groups, rows.costs))
        return np.arange(n_instances)


def test_strategies_read_what_belongs_to_their_candidates(blobs):
    X, y = blobs
    Spy.seen.clear()
    costs = 1 + np.arange(300) % 7
    learner = learner_of(Spy(), n_labels=60).fit(X, y, groups=GROUPS, costs=costs)
    learner.query(X, 2, candidates=[9, 8, 200], groups=GROUPS, costs=costs)
    assert Spy.seen[-1][0].tolist() == [8, 9, 200]
    for positions, groups, prices in Spy.seen:
        assert_array_equal(groups, GROUPS[positions])
        assert_array_equal(prices, costs[positions])
    learner_of(Spy(), n_labels=20).fit(X, y)
    assert Spy.seen[-1][1:] == (None, None)


def test_groups_reach_a_search_that_splits_by_them(blobs):
    X, y = blobs
    seen = []

    class Watched(GroupKFold):
        def split(self, X, y=None, groups=None):
            seen.append(groups)
            return super().split(X, y, groups)

    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=Watched(3))
    learner = learner_of(estimator=search, n_initial=20, n_labels=40)
    learner.fit(X, y, groups=GROUPS)
    for groups, n in zip(seen, (20, 30, 40), strict=True):
        assert_array_equal(groups, learner.groups_training_[:n])
    learner.teach(X[:4], y[:4], groups=GROUPS[:4])
    assert_array_equal(seen[-1], learner.groups_training_)
    pipe = make_pipeline(StandardScaler(), search)
    given = learner_of("margin", estimator=pipe).fit(X, y, groups=GROUPS)
    assert_array_equal(seen[-1], GROUPS)
    with config_context(enable_metadata_routing=True):
        for estimator in (search, pipe):
            seen.clear()
            given = learner_of("margin", estimator=estimator)
            given.fit(X, y, groups=GROUPS)
            assert_array_equal(seen[-1], GROUPS)


def test_a_search_that_does_not_split_by_groups_is_given_none(blobs):
    """KFold warns that it ignores groups."""
    X, y = blobs
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3)
    learner = learner_of(estimator=search, n_initial=20, n_labels=30)
    assert learner.fit(X, y, groups=GROUPS).n_iter_ == 1


def test_an_estimator_whose_fit_names_groups_is_given_them(blobs):
    class Grouped(GaussianNB):
        def fit(self, X, y, groups=None):
            self.groups_ = groups
            return super().fit(X, y)

    X, y = blobs
    learner = learner_of(estimator=Grouped(), n_labels=30).fit(X, y, groups=GROUPS)
    assert_array_equal(learner.estimator_.groups_, learner.groups_training_)


def test_groups_stay_beside_unlabelled_rows(blobs):
    X, y = blobs
    learner = learner_of(
        estimator=SelfTrainingClassifier(GaussianNB()), use_unlabeled=True, n_labels=30
    ).fit(X, y, groups=GROUPS)
    asked = np.concatenate(learner.history_["indices"])
    assert_array_equal(learner.groups_training_, GROUPS[asked])


def test_a_routed_cross_validation_hands_groups_to_the_learner(blobs):
    X, y = blobs
    learner = learner_of(n_labels=40)
    with config_context(enable_metadata_routing=True):
        told = cross_validate(
            learner,
            X,
            y,
            params={"groups": GROUPS, "costs": np.full(300, 2.0)},
            cv=GroupKFold(3),
            return_estimator=True,
            error_score="raise",
        )
        for fitted in told["estimator"]:
            assert fitted.costs_training_.sum() == 40
            assert len(fitted.groups_training_) == 20
        with pytest.raises(ValueError, match="groups must be none of the training"):
            cross_validate(
                learner,
                X,
                y,
                params={"groups": GROUPS},
                cv=GroupShuffleSplit(2, random_state=0).split(X, y, np.arange(300)),
                error_score="raise",
            )


# Groups that leak -----------------------------------------------------------------


def test_a_score_refuses_groups_that_were_learnt_from(blobs):
    X, y = blobs
    test = GROUPS >= 40
    learner = learner_of(n_labels=60).fit(X[~test], y[~test], groups=GROUPS[~test])
    expected = learner.score(X[test], y[test])
    assert learner.score(X[test], y[test], groups=GROUPS[test]) == expected
    leaky = GROUPS.copy()
    leaky[299] = learner.groups_training_[0]
    with pytest.raises(ValueError, match=r"got 1 that are, such as \d+\. Hold out"):
        learner.score(X[test], y[test], groups=leaky[test])
    with pytest.raises(ValueError, match="each of 100 rows"):
        learner.score(X[test], y[test], groups=GROUPS)
    plain = learner_of("margin").fit(X, y)
    with pytest.raises(ValueError, match="groups must be given to fit and teach"):
        plain.score(X, y, groups=GROUPS)


def test_weights_still_reach_the_score(blobs):
    X, y = blobs
    learner = learner_of("margin").fit(X[:200], y[:200], groups=GROUPS[:200])
    weight = np.where(y[200:] == 0, 1.0, 0.0)
    scored = learner.score(X[200:], y[200:], weight, groups=GROUPS[200:])
    assert scored == np.mean(learner.predict(X[200:])[y[200:] == 0] == 0)


# What was taught, amended ---------------------------------------------------------


def test_groups_follow_rows_that_are_corrected_repeated_and_taken_back():
    X, y = np.arange(6.0)[:, None], np.array([0, 1, 0, 1, 0, 1])
    learner = learner_of("margin")
    learner.teach(X[:4], y[:4], groups=["a", "b", "c", "d"])
    learner.teach(X[4:], y[4:], groups=pd.Series(["eve", "f"]))
    assert learner.groups_training_.tolist() == ["a", "b", "c", "d", "eve", "f"]
    learner.correct([1], [0]).forget([0, 4])
    assert learner.groups_training_.tolist() == ["b", "c", "d", "f"]
    learner.teach(X[2:3], y[2:3], groups=["new"], on_repeat="replace")
    assert learner.groups_training_.tolist() == ["b", "new", "d", "f"]
    learner.teach(X[[0, 5]], [0, None], groups=["x", "y"])  # a row without a label
    assert learner.groups_training_.tolist() == ["b", "new", "d", "f", "x"]
    learner.teach(X[:1], [1], groups=[7])  # stays the number that it is
    assert learner.groups_training_.tolist()[-2:] == ["x", 7]


def test_stages_and_pickles_know_the_groups_of_their_rows(blobs):
    X, y = blobs
    learner = learner_of(n_labels=30, store_estimators=True).fit(X, y, groups=GROUPS)
    learner = pickle.loads(pickle.dumps(learner))
    for stage, n in zip(learner.staged(), (10, 20, 30), strict=True):
        assert_array_equal(stage.groups_training_, learner.groups_training_[:n])


class OfGroups(UnitStrategy):
    """Asks for the labels of the first groups."""

    needs = frozenset({"groups"})

    def _query_units(self, view, rows, open, n_instances, rng):
        pairs = np.argwhere(open)
        order = np.argsort(rows.groups[pairs[:, 0]], kind="stable")
        return pairs[order[:n_instances]]


def test_single_labels_keep_the_groups_of_their_rows(blobs):
    X, _ = blobs
    Y, groups = (X > 0).astype(int), -GROUPS
    learner = ActiveLearner(
        BinaryRelevance(), OfGroups(), n_initial=8, batch_size=6, random_state=0
    )
    with pytest.raises(ValueError, match="groups must be given for OfGroups"):
        clone(learner).set_params(n_labels=20).fit(X, Y)
    simulated = clone(learner).set_params(n_labels=20).fit(X, Y, groups=groups)
    live, hidden = clone(learner), np.ones(Y.shape, bool)
    for _ in range(3):
        live = pickle.loads(pickle.dumps(live))
        pairs, rows = live.query(X, candidates=hidden, groups=groups)
        told = np.full((len(pairs), 2), np.nan)
        told[np.arange(len(pairs)), pairs[:, 1]] = Y[tuple(pairs.T)]
        live.teach(rows, told, groups=groups[pairs[:, 0]])
        hidden[tuple(pairs.T)] = False
    for ours, theirs in zip(
        live.history_["pool_indices"], simulated.history_["indices"], strict=True
    ):
        assert_array_equal(ours, theirs)
    assert_array_equal(live.groups_training_, simulated.groups_training_)
    assert len(live.groups_training_) == len(live.X_training_)


# What is refused ------------------------------------------------------------------

BAD_GROUPS = {
    "wrong length": (GROUPS[:7], r"each of 300 rows, got shape \(7,\)"),
    "a word": ("patient", r"got shape \(\)"),
    "a matrix": (GROUPS.reshape(-1, 1), r"got shape \(300, 1\)"),
    "NaN": (np.r_[np.nan, GROUPS[1:]], "got 1 missing. Give a row that is of"),
    "None": ([None, *GROUPS[1:]], "got 1 missing"),
}


@pytest.mark.parametrize("case", BAD_GROUPS)
def test_groups_that_are_none_are_refused_before_any_work(blobs, case):
    X, y = blobs
    groups, match = BAD_GROUPS[case]
    learner = learner_of()
    with pytest.raises(ValueError, match=match):
        clone(learner).set_params(n_labels=30).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match=match):
        learner.query(X, 5, groups=groups)
    with pytest.raises(ValueError, match=match):
        learner.teach(X, y, groups=groups)
    assert "seed_" not in vars(learner)


class Untouchable(GaussianNB):
    def fit(self, X, y, sample_weight=None):
        raise AssertionError("nothing may be fitted")


@pytest.mark.parametrize("name", ["groups", "costs"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_a_strategy_reads_and_nobody_has_given_is_missed_first(
    blobs, name, wrapped
):
    X, y = blobs
    strategy = {"groups": PerGroup(), "costs": PerCost()}[name]
    strategy = Bandit([("a", "random"), ("b", strategy)]) if wrapped else strategy
    match = f"{name} must be given for .*, which reads them, got None. Pass {name}="
    for place in ("query_strategy", "initial"):
        learner = learner_of("margin", estimator=Untouchable(), n_labels=30)
        if place == "initial" and name == "costs":
            continue  # it needs a model
        inside = PerGroup("random") if place == "initial" else strategy
        with pytest.raises(ValueError, match=match):
            learner.set_params(**{place: inside}).fit(X, y)
    learner = learner_of(strategy)
    with pytest.raises(ValueError, match=match):
        learner.query(X, 5)
    learner.fit(X[:50], y[:50], groups=GROUPS[:50])
    with pytest.raises(ValueError, match=match):
        learner.query(X, 5)


def test_groups_are_given_in_every_round_or_in_none(blobs):
    X, y = blobs
    learner = learner_of("margin").fit(X[:50], y[:50], groups=GROUPS[:50])
    with pytest.raises(ValueError, match="groups must be given for the new rows too"):
        learner.teach(X[50:60], y[50:60])
    plain = learner_of("margin").fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="groups must be given from the first round"):
        plain.teach(X[50:60], y[50:60], groups=GROUPS[50:60])
    assert not hasattr(plain, "groups_training_")


def test_a_pool_is_scored_with_its_costs(blobs):
    X, y = blobs
    learner = learner_of(PerCost("entropy")).fit(X[:50], y[:50], costs=1)
    plain = learner_of("entropy").fit(X[:50], y[:50]).score_pool(X)
    costs = 1 + np.arange(300) % 3
    assert_array_equal(learner.score_pool(X, costs=costs), plain / costs)
    with pytest.raises(ValueError, match="costs must be given for PerCost"):
        learner.score_pool(X)
