"""Strategies that ask for single labels of rows."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.experiment import Experiment
from skal.multilabel import BinaryRelevance
from skal.nets import MLPNetClassifier
from skal.query import (
    LabelUncertainty,
    Mixture,
    RandomLabels,
    Shortlist,
    UnitStrategy,
    as_strategy,
)
from skal.testing import check_strategy


class Fixed(UnitStrategy):
    """Returns what it was given."""

    def __init__(self, pairs=None):
        self.pairs = pairs

    def _query_units(self, view, rows, open, n_instances, rng):
        return np.array(self.pairs)


STRATEGIES = {
    "label_uncertainty": LabelUncertainty(),
    "max_per_row": LabelUncertainty(max_per_row=1),
    "cardinality": LabelUncertainty(threshold="cardinality"),
    "random_labels": RandomLabels(),
}
each = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


@pytest.fixture(scope="module")
def data():
    X, Y = make_multilabel_classification(160, n_classes=4, random_state=0)
    Y = Y.astype(float)
    Y[np.random.RandomState(0).uniform(size=Y.shape) < 0.3] = np.nan
    return X, Y


@pytest.fixture(scope="module")
def view(data):
    X, Y = data
    return ModelView(BinaryRelevance().fit(X[:60], Y[:60]), X[:60], Y[:60])


@pytest.fixture(scope="module")
def pool(data):
    return data[0][60:]


def pairs_of(result):
    return result[0] if isinstance(result, tuple) else result


# Laws -------------------------------------------------------------------------


@each
@pytest.mark.parametrize("n", [1, 30, 200])
def test_pairs_are_different_open_and_as_many_as_asked(strategy, view, pool, n):
    open = np.random.RandomState(1).uniform(size=(100, 4)) < 0.6
    before = open.copy()
    pairs = pairs_of(strategy(view, pool, n, open=open, random_state=0))
    assert pairs.dtype == np.int64
    assert pairs.shape == (n, 2)
    assert len(np.unique(pairs, axis=0)) == n
    assert open[tuple(pairs.T)].all()
    np.testing.assert_array_equal(open, before)


@each
def test_all_that_is_open_may_be_asked(strategy, view, pool):
    pairs = pairs_of(strategy(view, pool, 400, random_state=0))
    assert len(np.unique(pairs, axis=0)) == 400
    with pytest.raises(PoolExhaustedError, match="at most 400, the number of pairs"):
        strategy(view, pool, 401)


@each
def test_a_seed_settles_the_pairs(strategy, view, pool):
    copy = pickle.loads(pickle.dumps(clone(strategy)))
    first, again = (
        pairs_of(each(view, pool, 20, random_state=3)) for each in (strategy, copy)
    )
    np.testing.assert_array_equal(first, again)
    assert clone(strategy).get_params() == strategy.get_params()


def test_the_order_of_rows_does_not_matter(view, pool):
    order = np.random.RandomState(0).permutation(len(pool))
    for strategy in (
        LabelUncertainty(),
        LabelUncertainty(2),
        LabelUncertainty(threshold="cardinality"),
    ):
        pairs = pairs_of(strategy(view, pool, 15, random_state=0))
        moved = pairs_of(strategy(view, pool[order], 15, random_state=0))
        np.testing.assert_array_equal(order[moved[:, 0]], pairs[:, 0])
        np.testing.assert_array_equal(moved[:, 1], pairs[:, 1])


# What is picked -----------------------------------------------------------------


def test_the_chances_nearest_to_a_half_come_first(view, pool):
    p = view.predict_proba(pool)
    expected = 1 - np.abs(2 * p - 1)
    pairs, info = LabelUncertainty()(view, pool, 400, random_state=0)
    np.testing.assert_allclose(
        expected[tuple(pairs.T)], np.sort(expected.ravel())[::-1]
    )
    np.testing.assert_allclose(info["score"], expected[tuple(pairs.T)])


def test_the_chances_nearest_to_a_threshold_come_first(view, pool):
    p = view.predict_proba(pool)
    half = LabelUncertainty()(view, pool, 40, random_state=0)[0]
    again = LabelUncertainty(threshold=0.5)(view, pool, 40, random_state=0)[0]
    np.testing.assert_array_equal(again, half)
    known = view.y_training  # each label varies
    share = np.mean((np.nansum(known, 0) + 1) / ((~np.isnan(known)).sum(0) + 2))
    for threshold, t in [(0.2, 0.2), ("cardinality", np.quantile(p, 1 - share))]:
        strategy = LabelUncertainty(threshold=threshold)
        pairs, info = strategy(view, pool, 400, random_state=0)
        apart = np.abs(p - t)
        np.testing.assert_allclose(apart[tuple(pairs.T)], np.sort(apart.ravel()))
        scores = 1 - np.sort(apart.ravel()) / max(t, 1 - t)
        np.testing.assert_allclose(info["score"], scores)


def test_by_cardinality_as_many_labels_are_present_as_in_the_rows_known():
    X, Y = make_multilabel_classification(300, n_classes=12, n_labels=1, random_state=1)
    Y[:60, 3] = 0  # its chance is that of the rule of succession
    view = ModelView(BinaryRelevance().fit(X[:60], Y[:60]), X[:60], Y[:60])
    rare = LabelUncertainty(threshold="cardinality")
    pairs, info = rare(view, X[60:], 2880, random_state=0)
    p = view.predict_proba(X[60:]).copy()
    p[:, 3] = 1 / 62
    t = p[tuple(pairs[0])]
    assert t < 0.45
    usual = (Y[:60].sum(axis=0) + 1).sum() / 62
    assert (p > t).sum(axis=1).mean() == pytest.approx(usual, abs=0.02)
    assert info["score"].max() <= 1


def test_a_threshold_needs_chances_and_that_by_cardinality_labels_too(data, view):
    X, Y = data
    model = BinaryRelevance(LinearSVC(random_state=0)).fit(X[:60], Y[:60])
    for threshold in (0.3, "cardinality"):
        with pytest.raises(TypeError, match=r"LabelUncertainty needs .*proba"):
            LabelUncertainty(threshold=threshold)(model, X[60:], 1)
    with pytest.raises(TypeError, match=r"LabelUncertainty needs .*labels"):
        LabelUncertainty(threshold="cardinality")(view.estimator, X[60:], 1)


def test_decision_values_serve_where_there_are_no_chances(data):
    X, Y = data
    model = BinaryRelevance(LinearSVC(random_state=0)).fit(X[:60], Y[:60])
    view = ModelView(model, X[:60], Y[:60])
    pairs, info = LabelUncertainty()(view, X[60:], 10, random_state=0)
    f = np.abs(model.decision_function(X[60:]))
    np.testing.assert_allclose(f[tuple(pairs.T)], np.sort(f.ravel())[:10])
    np.testing.assert_allclose(info["score"], 1 / (1 + np.sort(f.ravel())[:10]))


def test_a_row_is_asked_for_few_labels_while_there_are_others(view, pool):
    free = pairs_of(LabelUncertainty()(view, pool, 60, random_state=0))
    assert np.bincount(free[:, 0]).max() > 1
    pairs = pairs_of(LabelUncertainty(1)(view, pool, 60, random_state=0))
    assert np.bincount(pairs[:, 0]).max() == 1
    scores = 1 - np.abs(2 * view.predict_proba(pool) - 1)
    best = np.sort(scores.max(axis=1))[::-1]
    np.testing.assert_allclose(scores[tuple(pairs.T)], best[:60])
    pairs = pairs_of(LabelUncertainty(1)(view, pool, 130, random_state=0))
    counts = np.bincount(pairs[:, 0], minlength=100)
    assert sorted(pairs[:100, 0]) == [*range(100)]  # then a second of some
    assert counts.max() >= 2


def test_a_label_that_has_not_varied_is_asked_for_by_the_rule_of_succession():
    """It used to look certain in every row, so that it would never be asked again."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, 2))
    Y = np.column_stack([X[:, 0] > 0, np.zeros(40)]).astype(float)
    Y[3:, 1] = np.nan  # of three rows known none has it
    view = ModelView(BinaryRelevance().fit(X, Y), X, Y)
    pairs, info = LabelUncertainty()(view, X, 80, random_state=0)
    scores = info["score"][pairs[:, 1] == 1]
    np.testing.assert_allclose(scores, 1 - abs(2 * (0 + 1) / (3 + 2) - 1))


def test_random_labels_are_uniform_over_what_is_open(view, pool):
    open = np.zeros((100, 4), bool)
    open[:3, :2] = open[5, 3] = True
    counts = np.zeros(open.shape)
    for seed in range(1400):
        counts[
            tuple(RandomLabels()(view, pool, 1, open=open, random_state=seed)[0])
        ] += 1
    assert counts[~open].sum() == 0
    assert np.abs(counts[open] - 200).max() < 4 * np.sqrt(200)


def test_equal_scores_are_drawn(view):
    X = np.zeros((30, 20))
    drawn = {
        tuple(pairs_of(LabelUncertainty()(view, X, 1, random_state=seed))[0])
        for seed in range(40)
    }
    assert len({row for row, _ in drawn}) > 10
    assert len({unit for _, unit in drawn}) == 1


# What is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "match"),
    [
        ([0, 1], "pairs of whole numbers, got int64 of shape"),
        ([[0.0, 1.0], [1.0, 1.0]], "pairs of whole numbers, got float64"),
        ([[0, 1]], "2 pairs, got 1"),
        ([[0, 1], [0, 4]], "pairs within"),
        ([[0, 1], [-1, 0]], "pairs within"),
        ([[0, 1], [0, 1]], "2 different pairs, got 1"),
        ([[0, 1], [0, 0]], "pairs that may be asked, got 1 others"),
    ],
)
def test_a_strategy_is_held_to_its_promise(view, pool, pairs, match):
    open = np.ones((100, 4), bool)
    open[0, 0] = False
    with pytest.raises(ValueError, match=f"strategy Fixed must return {match}"):
        Fixed(pairs)(view, pool, 2, open=open)


def test_what_is_open_is_a_mask_of_rows_and_labels(view, pool):
    for open in (np.ones((100, 3), bool), np.ones((100, 4)), np.ones(100, bool)):
        with pytest.raises(
            ValueError, match=r"open must be a mask of shape \(100, 4\)"
        ):
            RandomLabels()(view, pool, 1, open=open)


@each
def test_an_estimator_must_take_labels_known_in_part(strategy):
    net = MLPNetClassifier(criterion="bce")
    strategy.check(net, "multilabel")
    strategy.check(BinaryRelevance(), "multilabel")
    with pytest.raises(TypeError, match=r"known in part, got MultiOutput.* Wrap it in"):
        strategy.check(MultiOutputClassifier(LogisticRegression()), "multilabel")
    for kind in ("multiclass", "regression"):
        with pytest.raises(TypeError, match=r"needs (multilabel targets|a)"):
            strategy.check(BinaryRelevance(), kind)


@pytest.mark.parametrize("value", [0, 1.5, "2"])
def test_max_per_row_is_a_number_of_labels(view, pool, value):
    with pytest.raises((TypeError, ValueError), match="max_per_row must be"):
        LabelUncertainty(max_per_row=value)(view, pool, 1)


@pytest.mark.parametrize("value", [0, 1.0, True, None, "half"])
def test_the_threshold_is_a_chance_or_the_cardinality(view, pool, value):
    match = "threshold must be a number between 0 and 1 or 'cardinality', got"
    with pytest.raises((TypeError, ValueError), match=match):
        LabelUncertainty(threshold=value)(view, pool, 1)


def test_what_takes_strategies_of_rows_refuses_those_of_labels(view, pool):
    match = "must be a strategy that picks rows, got .* parts of them"
    for strategy in ("random_labels", LabelUncertainty()):
        with pytest.raises(TypeError, match=f"base {match}"):
            Shortlist(strategy)(view, pool, 1)
        with pytest.raises(TypeError, match=match):
            Mixture([("a", "margin"), ("b", strategy)])(view, pool, 1)
        with pytest.raises(TypeError, match=f"initial {match}"):
            ActiveLearner(initial=strategy).query(pool, 1)
        with pytest.raises(TypeError, match=f"strategy {match}"):
            check_strategy(strategy)
        with pytest.raises(TypeError, match="needs multilabel targets"):
            Experiment(strategies=[strategy]).run()
    assert isinstance(as_strategy("label_uncertainty"), LabelUncertainty)
