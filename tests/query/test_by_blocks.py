"""Scores that are separable: the same rows from blocks as from a pool in memory."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from skal import ModelView, Rows
from skal import query as strategies
from skal._data import as_rows
from skal.query import (
    BALD,
    Auto,
    DiverseBatch,
    Find,
    LinearCombination,
    Margin,
    Mixture,
    RandomSampling,
    RandomTail,
    Schedule,
    ScoreStrategy,
    Shortlist,
    StochasticBatch,
    TypiClust,
)
from skal.query._by_blocks import kept, merged

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

SEPARABLE = sorted(
    name
    for name in strategies.__all__
    if isinstance(cls := getattr(strategies, name), type)
    and issubclass(cls, ScoreStrategy)
    and cls is not ScoreStrategy
    and cls().separable
)


pytestmark = pytest.mark.usefixtures("dask_here")


@pytest.fixture(scope="module")
def pool():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(6000, 5)).round(1)  # many rows tie
    X[3000:4000] = X[:1000]
    return X


def view_for(strategy, X):
    """Return the view of a model that a strategy serves, fitted to the first rows."""
    known, rng = X[:80], np.random.RandomState(1)
    if "multilabel" in strategy.target_types and len(strategy.target_types) == 1:
        _, Y = make_multilabel_classification(80, 5, n_classes=3, random_state=0)
        model = OneVsRestClassifier(LogisticRegression()).fit(known, Y)
        return ModelView(model, known, Y, random_state=0)
    if "regression" in strategy.target_types:
        y = known[:, 0] + rng.normal(size=80)
        model = RandomForestRegressor(5, random_state=0).fit(known, y)
        return ModelView(model, known, y, random_state=0)
    y = (known[:, 0] > 0).astype(int) + (known[:, 1] > 0.5)
    model = LogisticRegression()
    if {"samples", "votes"} & strategy.needs:
        model = RandomForestClassifier(5, min_samples_leaf=5, random_state=0)
    return ModelView(model.fit(known, y), known, y, random_state=0)


def test_the_separable_strategies():
    assert len(SEPARABLE) >= 17
    assert {"Margin", "BALD", "CommitteeStd", "Find", "MMC"} <= {*SEPARABLE}
    assert not {"InformationDensity", "ContrastiveAL"} & {*SEPARABLE}


@pytest.mark.parametrize("name", SEPARABLE)
def test_picks_and_scores_are_those_of_memory(name, pool):
    strategy = getattr(strategies, name)()
    rows = np.flatnonzero(np.arange(len(pool)) % 50)
    picked, info = strategy(
        view_for(strategy, pool), Rows(pool, rows), 40, random_state=3
    )
    scores = strategy.score_samples(view_for(strategy, pool), pool)
    for chunks in (6000, (1, 0, 2999, 0, 2500, 500)):
        there = da.from_array(pool, chunks=(chunks, 3))
        view = view_for(strategy, pool)
        far = Rows(as_rows(there).X, rows)
        got, told = strategy(view, far, 40, random_state=3)
        np.testing.assert_array_equal(got, picked)
        np.testing.assert_array_equal(told["score"], info["score"])
        np.testing.assert_array_equal(strategy.score_samples(view, there), scores)


@pytest.mark.parametrize("n_instances", [1, 2, 5999, 6000])
@pytest.mark.parametrize("chunks", [(6000,), (5, 5995), (1000,) * 6])
def test_ties_are_broken_by_the_same_draws(n_instances, chunks, pool):
    class First(ScoreStrategy):
        separable = True

        def _score(self, view, rows):
            return np.asarray(rows)[:, 0].round()

    model = LogisticRegression().fit(pool[:50], pool[:50, 0] > 0)
    there = da.from_array(pool, chunks=(chunks, 5))
    expected, _ = First()(model, pool, n_instances, random_state=7)
    picked, _ = First()(model, there, n_instances, random_state=7)
    np.testing.assert_array_equal(picked, expected)


def test_scores_that_all_tie_are_told_as_in_memory(pool):
    class Same(ScoreStrategy):
        separable = True

        def _score(self, view, rows):
            return np.zeros(len(rows))

    model = LogisticRegression().fit(pool[:50], pool[:50, 0] > 0)
    there = da.from_array(pool, chunks=(700, 5))
    expected, info = Same()(model, pool, 9, random_state=7)
    picked, told = Same()(model, there, 9, random_state=7)
    np.testing.assert_array_equal(picked, expected)
    assert info["tied"]
    assert told["tied"]


def test_the_best_of_parts_are_the_best_of_all(rng):
    scores = rng.randint(6, size=300).astype(float)
    for n in (1, 10, 299, 300):
        places = np.split(np.arange(300), [70, 140, 210])
        parts = [kept(place, scores[place], n) for place in places]
        found, values = merged([merged(parts[:2], n), merged(parts[2:], n)], n)
        np.testing.assert_array_equal(values, scores[found])
        least = np.sort(scores)[max(len(scores) - n - 1, 0)]
        np.testing.assert_array_equal(found, np.flatnonzero(scores >= least))


def test_rows_in_any_order_and_more_than_once(pool):
    order = np.array([5000, 3, 3, 17, 2999, 0] * 30)
    view, far = view_for(Margin(), pool), da.from_array(pool, chunks=(900, 5))
    there = Rows(as_rows(far).X, order)
    expected, _ = Margin()(view, Rows(pool, order), 20, random_state=0)
    picked, _ = Margin()(view, there, 20, random_state=0)
    np.testing.assert_array_equal(picked, expected)


@pytest.mark.parametrize(
    "strategy",
    [
        RandomSampling(),
        DiverseBatch(),
        DiverseBatch("entropy", method="kcenter"),
        LinearCombination(),
        StochasticBatch("margin", "softmax"),
        Mixture([("a", "random"), ("b", "margin")]),
        RandomTail("find", patience=3),
        Schedule([("a", "entropy"), ("b", "margin")], switch=2),
        Schedule(
            [("a", "random"), ("b", "margin")], switch=0, ramp=1000, unit="labels"
        ),
    ],
    ids=repr,
)
def test_strategies_around_them_pick_as_in_memory(strategy, pool):
    view = view_for(Margin(), pool)
    expected = strategy(view, pool, 12, random_state=3)
    got = strategy(view, da.from_array(pool, chunks=(900, 5)), 12, random_state=3)
    if isinstance(got, tuple):
        got, expected = got[0], expected[0]
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("base", ["typiclust", "uherding", "badge"])
def test_a_shortlist_shows_rows_in_memory_to_any_base(base, pool):
    view, strategy = view_for(Margin(), pool), Shortlist(base, 300)
    expected, _ = strategy(view, pool, 12, random_state=3)
    there = da.from_array(pool, chunks=(900, 5))
    picked, info = strategy(view, there, 12, random_state=3)
    np.testing.assert_array_equal(picked, expected)
    assert info["n_candidates"] == 300


def test_the_default_draws_a_shortlist(pool, monkeypatch):
    monkeypatch.setattr("skal.query._auto._N_DRAWN", 500)
    there = da.from_array(pool, chunks=(900, 5))
    picked, info = Auto()(view_for(Margin(), pool), there, 12, random_state=3)
    assert len(np.unique(picked)) == 12
    assert info["strategy"] == "uherding"
    assert info["n_candidates"] == 500


@pytest.mark.parametrize(
    "strategy",
    [
        TypiClust(),
        strategies.InformationDensity(),
        strategies.Deduplicate(),
        Mixture([("a", "typiclust"), ("b", "margin")]),
        LinearCombination(transform="rank"),
        Find(seeds=np.zeros((1, 5))),
        strategies.as_strategy(lambda learner, X, n_instances=1: [0]),
        strategies.LabelUncertainty(),
    ],
    ids=lambda s: type(s).__name__,
)
def test_what_looks_at_the_whole_is_refused_unread(strategy, pool):
    def unread(block):
        raise AssertionError

    there = da.from_array(pool, chunks=(900, 5)).map_blocks(unread, meta=pool[:0])
    with pytest.raises(TypeError, match=r"X_pool must be in memory for .*Shortlist"):
        strategy(view_for(Margin(), pool), there, 3)


def test_nan_is_refused_by_its_place_in_the_pool(pool):
    X = pool.copy()
    X[4567, 2] = np.nan
    there = da.from_array(X, chunks=(2000, 5))
    with pytest.raises(ValueError, match="NaN") as caught:
        Margin()(view_for(Margin(), pool), there, 3)
    assert "row 4567" in caught.value.__notes__[0]


@pytest.mark.parametrize("strategy", [BALD(), Margin()], ids=repr)
def test_threads_share_a_model_and_nothing_else(strategy, pool):
    view = view_for(strategy, pool)
    expected, _ = strategy(view, pool, 30, random_state=0)
    there = da.from_array(pool, chunks=(1024, 5))
    with dask.config.set(scheduler="threads", num_workers=4):
        picked, _ = strategy(view_for(strategy, pool), there, 30, random_state=0)
    np.testing.assert_array_equal(picked, expected)


def test_decision_values_serve_too(pool):
    model = LinearSVC(random_state=0).fit(pool[:80], pool[:80, 0] > 0)
    expected, _ = Margin()(model, pool, 9, random_state=0)
    picked, _ = Margin()(model, da.from_array(pool, chunks=(77, 5)), 9, random_state=0)
    np.testing.assert_array_equal(picked, expected)
