"""A learner that asks for single labels of rows: pairs take the place of rows."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from skal import ActiveLearner
from skal.exceptions import PoolExhaustedError
from skal.multilabel import BinaryRelevance
from skal.nets import MLPNetClassifier
from skal.query import LabelUncertainty, Margin, RandomLabels
from skal.stopping import OverallUncertainty

SIZES = {"n_initial": 10, "batch_size": 7, "random_state": 0}


class Picky(LogisticRegression):
    """Cannot be fitted on fewer than four rows of a class."""

    def fit(self, X, y):
        if min(np.bincount(y, minlength=2)) < 4:
            raise ValueError("too few rows of a class")
        return super().fit(X, y)


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(120, n_classes=3, random_state=0)


def learner(strategy=None, estimator=None, **params):
    strategy = LabelUncertainty() if strategy is None else strategy
    estimator = BinaryRelevance() if estimator is None else estimator
    return ActiveLearner(estimator, strategy, **{**SIZES, **params})


def answers(Y, pairs):
    """Return y with what is asked, a row a pair, NaN elsewhere."""
    y = np.full((len(pairs), Y.shape[1]), np.nan)
    y[np.arange(len(pairs)), pairs[:, 1]] = Y[tuple(pairs.T)]
    return y


def live_run(live, X, Y, budget, *, by_row=False):
    """Ask and teach until so many labels are known; pickle in between."""
    open = ~np.isnan(Y.astype(float))
    left = budget
    while left:
        first = live.n_initial if left == budget else live.batch_size
        waits = left < budget and not hasattr(live, "estimator_")
        pairs, rows = live.query(X, 1 if waits else min(first, left), candidates=open)
        np.testing.assert_array_equal(rows, X[pairs[:, 0]])
        again, _ = live.query(X, len(pairs), candidates=open)
        np.testing.assert_array_equal(pairs, again)
        live, y = pickle.loads(pickle.dumps(live)), answers(Y, pairs)
        if by_row:  # all answers about a row at once
            names, at = np.unique(pairs[:, 0], return_inverse=True)
            whole = np.full((len(names), Y.shape[1]), np.nan)
            whole[at, pairs[:, 1]] = Y[tuple(pairs.T)]
            rows, y = X[names], whole
        live.teach(rows, y)
        open[tuple(pairs.T)] = False
        left -= len(pairs)
    return live


# Simulation is live -------------------------------------------------------------


@pytest.mark.parametrize(
    "strategy",
    [LabelUncertainty(), LabelUncertainty(max_per_row=1), RandomLabels()],
    ids=["doubt", "spread", "random"],
)
def test_a_simulation_asks_and_ends_as_a_live_run(data, strategy):
    X, Y = data
    simulated = learner(strategy, n_labels=64).fit(X, Y)
    live = live_run(learner(strategy), X, Y, 64)
    for asked, also in zip(
        simulated.history_["indices"], live.history_["pool_indices"], strict=True
    ):
        np.testing.assert_array_equal(asked, also)
    for name in ("X_training_", "y_training_"):
        np.testing.assert_array_equal(getattr(simulated, name), getattr(live, name))
    np.testing.assert_array_equal(simulated.predict_proba(X), live.predict_proba(X))
    for name in ("n_labels", "score"):
        for one, other in zip(
            simulated.history_[name], live.history_[name], strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_the_answers_about_a_row_may_come_at_once(data):
    X, Y = data
    simulated = learner(n_labels=45).fit(X, Y)
    live = live_run(learner(), X, Y, 45, by_row=True)
    np.testing.assert_allclose(
        simulated.predict_proba(X), live.predict_proba(X), atol=1e-3
    )
    known = ~np.isnan(live.y_training_)
    assert known.sum() == 45
    assert len(np.unique(live.X_training_, axis=0)) == len(live.X_training_)


def test_a_first_round_that_allows_of_no_model_goes_on_label_by_label(data):
    X, Y = data
    picky = BinaryRelevance(Picky())
    simulated = learner(estimator=picky, n_labels=60).fit(X, Y)
    assert len(simulated.history_["indices"][0]) > 10
    with pytest.warns(UserWarning, match="There is no model yet"):
        live = live_run(learner(estimator=picky), X, Y, 60)
    np.testing.assert_array_equal(simulated.y_training_, live.y_training_)
    for asked, also in zip(
        simulated.history_["indices"], live.history_["pool_indices"], strict=True
    ):
        np.testing.assert_array_equal(asked, also)


def test_labels_known_in_part_that_are_few_allow_of_no_model_yet(data):
    """They were counted as NaN, so that the error of the estimator came through."""
    X, Y = data
    y = Y[:9].astype(float)
    y[np.arange(9), np.arange(9) % 3] = np.nan
    picky = BinaryRelevance(Picky())
    with pytest.warns(UserWarning, match="There is no model yet.*few rows: of 9"):
        live = learner(estimator=picky).teach(X[:9], y)
    unknown = np.ones(Y.shape, bool)
    unknown[:9] = np.isnan(y)
    pairs, _ = live.query(X, candidates=unknown)
    assert pairs.tolist() == [[0, 0]]  # rows begun are finished first
    with pytest.warns(UserWarning, match="There is no model yet.*few rows: of 8"):
        live.forget([8])
    assert live.y_training_.shape == (8, 3)
    live.teach(X[9:80], Y[9:80])
    assert live.history_["n_labels"].tolist() == [16 + 71 * 3]
    again, _ = live.query(X, 2)
    assert again.shape == (2, 2)


def test_equal_rows_of_a_pool_stay_rows_of_their_own(data):
    X, Y = data
    X = np.concatenate([X[:20], X[:20]])
    Y = np.concatenate([Y[:20], Y[:20]])
    simulated = learner(RandomLabels(), n_labels=90).fit(X, Y)
    live = live_run(learner(RandomLabels()), X, Y, 90)
    np.testing.assert_array_equal(simulated.y_training_, live.y_training_)
    assert len(live.y_training_) > len(np.unique(live.X_training_, axis=0))


# What a simulation counts ---------------------------------------------------------


def test_budget_batches_and_history_count_labels(data):
    X, Y = data
    fitted = learner(n_labels=38).fit(X, Y)
    assert fitted.history_["n_labels"].tolist() == [10, 17, 24, 31, 38]
    assert fitted.termination_condition_ == "n_labels"
    rounds = fitted.history_["indices"]
    assert [pairs.shape for pairs in rounds] == [(10, 2), *[(7, 2)] * 4]
    assert fitted.labeled_iter_.shape == Y.shape
    for number, pairs in enumerate(rounds):
        assert (fitted.labeled_iter_[tuple(pairs.T)] == number).all()
    assert np.count_nonzero(fitted.labeled_iter_ >= 0) == 38
    known = ~np.isnan(fitted.y_training_)
    assert known.sum() == 38
    rows = list(dict.fromkeys(np.concatenate(rounds)[:, 0].tolist()))
    np.testing.assert_array_equal(fitted.X_training_, X[rows])
    np.testing.assert_array_equal(fitted.y_training_[known], Y[rows][known])


def test_labels_that_nobody_asked_for_do_not_matter(data):
    X, Y = data
    for strategy in (LabelUncertainty(), LabelUncertainty(max_per_row=1)):
        fitted = learner(strategy, n_labels=45).fit(X, Y)
        other = np.where(fitted.labeled_iter_ < 0, 1 - Y, Y)
        again = learner(strategy, n_labels=45).fit(X, other)
        np.testing.assert_array_equal(fitted.labeled_iter_, again.labeled_iter_)
        np.testing.assert_array_equal(fitted.y_training_, again.y_training_)


def test_the_first_round_takes_whole_rows_but_for_the_last(data):
    X, Y = data
    pairs = learner(n_labels=10).fit(X, Y).history_["indices"][0]
    rows = pairs[:, 0].reshape(-1)
    assert np.unique(rows[:9]).size == 3
    assert pairs[:, 1].tolist() == [0, 1, 2] * 3 + [0]
    few = learner(n_labels=2).fit(X, Y)
    assert few.history_["n_labels"].tolist() == [2]


def test_a_share_is_one_of_the_labels_and_more_than_there_are_exhaust_them(data):
    X, Y = data[0][:20], data[1][:20]
    assert learner(n_labels=0.5).fit(X, Y).history_["n_labels"][-1] == 30
    whole = learner(RandomLabels(), n_labels=100).fit(X, Y)
    assert whole.termination_condition_ == "exhausted"
    assert not np.isnan(whole.y_training_).any()
    assert (whole.labeled_iter_ >= 0).all()


def test_what_the_oracle_does_not_know_is_not_asked(data):
    X, Y = data[0], data[1].astype(float)
    rng = np.random.RandomState(0)
    Y[np.arange(120), rng.randint(3, size=120)] = np.nan
    for strategy in (LabelUncertainty(), RandomLabels()):
        fitted = learner(strategy, n_labels=1.0, batch_size=60).fit(X, Y)
        assert fitted.history_["n_labels"][-1] == 240
        np.testing.assert_array_equal(fitted.labeled_iter_ < 0, np.isnan(Y))


def test_a_rule_stops_and_stages_are_what_was_known(data):
    X, Y = data
    rule = OverallUncertainty(threshold=0.9)
    fitted = learner(
        n_labels=200, n_initial=30, stopping=rule, store_estimators=True
    ).fit(X, Y)
    assert fitted.termination_condition_ == "stopping"
    fitted.set_params(stopping=None)
    fitted = learner(n_labels=31, store_estimators=True).fit(X, Y)
    stages = [*fitted.staged()]
    for stage, n, proba in zip(
        stages, [10, 17, 24, 31], fitted.staged_predict_proba(X), strict=True
    ):
        known = ~np.isnan(stage.y_training_)
        assert known.sum() == n == np.count_nonzero(stage.labeled_iter_ >= 0)
        model = BinaryRelevance().fit(stage.X_training_, stage.y_training_)
        np.testing.assert_allclose(model.predict_proba(X), proba)


def test_it_is_scored_and_searched_like_any_classifier(data):
    X, Y = data
    assert cross_val_score(learner(n_labels=30), X, Y, cv=2).shape == (2,)
    grid = {"query_strategy__max_per_row": [None, 1]}
    search = GridSearchCV(learner(n_labels=30), grid, cv=2).fit(X, Y)
    assert search.best_estimator_.history_["n_labels"][-1] == 30


def test_a_net_learns_from_single_labels(data):
    X, Y = data
    net = MLPNetClassifier(criterion="bce", hidden=(4,), max_steps=3)
    fitted = learner(estimator=net, n_labels=24).fit(X, Y)
    assert fitted.history_["n_labels"].tolist() == [10, 17, 24]


# Live -----------------------------------------------------------------------------


def test_fit_takes_labels_known_in_part_and_a_row_asked_again_joins_its_own(data):
    X, Y = data
    partly = Y.astype(float)
    partly[10:] = np.nan
    partly[:10, 1] = np.nan
    live = learner().fit(X, partly)
    assert live.labeled_iter_.shape == (120, 3)
    assert live.history_["n_labels"].tolist() == [20]
    pairs, rows = live.query(X, 12, candidates=np.isnan(partly) & (Y >= 0))
    open = np.zeros(Y.shape, bool)
    open[:10, 1] = True
    pairs, rows = live.query(X, 10, candidates=open)
    live.teach(rows, answers(Y, pairs))
    assert len(live.X_training_) == 10
    np.testing.assert_array_equal(live.y_training_, Y[:10])
    assert (live.labeled_iter_[:10, 1] == 1).all()
    assert live.history_["n_labels"].tolist() == [20, 30]
    assert live.n_iter_ == 1


def test_rows_that_nobody_asked_for_join_by_what_they_hold_where_that_is_wanted(data):
    X, Y = data
    first = np.where(np.arange(3) < 2, Y[:8], np.nan)
    rest = np.where(np.arange(3) < 2, np.nan, Y[:8])
    twice = learner().teach(X[:8], first).teach(X[:8], rest)
    assert len(twice.X_training_) == 16
    once = learner().teach(X[:8], first).teach(X[:8], rest, on_repeat="replace")
    np.testing.assert_array_equal(once.y_training_, Y[:8])
    np.testing.assert_array_equal(once.labeled_iter_, [[0, 0, 1]] * 8)
    assert once.history_["pool_indices"][1].tolist() == [[-1, 2]] * 8
    with pytest.raises(ValueError, match="X must hold rows that were not taught"):
        learner().teach(X[:8], first).teach(X[:8], rest, on_repeat="error")


def test_more_answers_than_were_asked_for_are_taken_and_the_rest_waits(data):
    X, Y = data
    live = learner(RandomLabels()).teach(X[:10], Y[:10])
    pairs, rows = live.query(X[10:], 4)
    y = answers(Y[10:], pairs)
    y[0] = Y[10:][pairs[0, 0]]  # the whole row
    live.teach(rows[:2], y[:2])
    asked = live.history_["pool_indices"][-1]
    assert {tuple(pair) for pair in pairs[:2]} <= {tuple(pair) for pair in asked}
    assert np.count_nonzero(asked[:, 0] < 0) == 2
    live.teach(rows[2:], y[2:])
    np.testing.assert_array_equal(live.history_["pool_indices"][-1], pairs[2:])


def test_labels_are_corrected_and_forgotten(data):
    X, Y = data
    live = live_run(learner(), X, Y, 24)
    n_rows = len(live.X_training_)
    live.correct([0], [[1, np.nan, 0]])
    np.testing.assert_array_equal(live.y_training_[0], [1, np.nan, 0])
    assert live.labeled_iter_[0].tolist() == [0, -1, 0]
    known = ~np.isnan(live.y_training_)
    assert live.history_["n_labels"][-1] == known.sum()
    fresh = BinaryRelevance().fit(live.X_training_, live.y_training_)
    np.testing.assert_allclose(live.predict_proba(X), fresh.predict_proba(X))
    live.forget([1]).forget([0])
    assert len(live.X_training_) == n_rows - 2
    assert live.history_["n_labels"][-1] == np.sum(~np.isnan(live.y_training_))
    assert np.count_nonzero(live.labeled_iter_ >= 0) == live.history_["n_labels"][-1]
    first = live.history_["indices"][0]
    assert set(first[:, 0]) >= {-1, 0}
    assert (first[first[:, 0] >= 0, 0] < n_rows - 2).all()
    pairs, _ = live.query(X, 3)
    assert pairs.shape == (3, 2)


def test_rows_gone_stay_gone_when_others_are_forgotten_later(data):
    """The second forget used to name the last row in the place of rows gone before."""
    X, Y = data
    live = ActiveLearner(BinaryRelevance(), Margin(), random_state=0)
    live.teach(X[:4], Y[:4]).forget([0]).forget([0])
    assert live.history_["indices"][0].tolist() == [-1, -1, 0, 1]


def test_a_failing_teach_changes_nothing(data):
    X, Y = data
    live = live_run(learner(), X, Y, 17)
    pairs, rows = live.query(X, 3)
    before = pickle.dumps(live.y_training_)
    with pytest.raises(ValueError, match="binary"):
        live.teach(rows, answers(Y, pairs) * 2 + 1)
    assert pickle.dumps(live.y_training_) == before
    live.teach(rows, answers(Y, pairs))
    np.testing.assert_array_equal(live.history_["pool_indices"][-1], pairs)


def test_candidates_are_rows_or_a_mask_of_labels(data):
    X, Y = data
    live = learner()
    for candidates in (None, [0, 1]):
        with pytest.raises(ValueError, match=r"candidates must be a mask of shape"):
            live.query(X, 3, candidates=candidates)
    live.teach(X[:10], Y[:10])
    pairs, _ = live.query(X, 9, candidates=[20, 30, 40])
    assert {*pairs[:, 0]} == {20, 30, 40}
    with pytest.raises(PoolExhaustedError, match="at most 9, the number of candidates"):
        live.query(X, 10, candidates=[20, 30, 40])
    for mask in (np.ones((120, 2), bool), np.ones((119, 3), bool), np.ones((120, 3))):
        with pytest.raises(ValueError, match=r"mask of shape \(120, 3\)"):
            live.query(X, 1, candidates=mask)
    assert not hasattr(live, "score_pool")


def test_rounds_of_rows_and_of_labels_do_not_mix(data):
    X, Y = data
    live = ActiveLearner(BinaryRelevance(), Margin(), random_state=0)
    live.teach(X[:10], Y[:10]).set_params(query_strategy=LabelUncertainty())
    with pytest.raises(ValueError, match="query_strategy must ask for rows, as the"):
        live.query(X, 2)
    live = learner().teach(X[:10], Y[:10]).set_params(query_strategy=Margin())
    with pytest.raises(ValueError, match="must ask for single labels of rows, as"):
        live.teach(X[10:12], Y[10:12])


def test_targets_and_estimators_that_do_not_serve_are_refused_before_any_work(data):
    X, Y = data
    for n_labels in (None, 20):
        with pytest.raises(TypeError, match="needs multilabel targets, got multiclass"):
            learner(n_labels=n_labels).fit(X, Y[:, 0])
        with pytest.raises(TypeError, match="takes labels known in part, got Logistic"):
            learner(estimator=LogisticRegression(), n_labels=n_labels).fit(X, Y)
    with pytest.raises(ValueError, match="reject_label must be None where single"):
        learner(reject_label=-2).fit(X, Y)
    alone = learner(estimator=LogisticRegression())
    with pytest.raises(TypeError, match="takes labels known in part"):
        alone.teach(X[:5], Y[:5])
    with pytest.raises(TypeError, match="takes labels known in part"):
        alone.query(X, 3, candidates=np.ones(Y.shape, bool))
