"""What every strategy inherits: names, functions, ties, errors, and the shortlist."""

from functools import partial
from inspect import isclass

import numpy as np
import pytest
from helpers import in_order
from scipy.stats import chisquare
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from skal import ActiveLearner, ModelView, Rows, query
from skal.exceptions import PoolExhaustedError
from skal.query import (
    CallableStrategy,
    Entropy,
    Margin,
    QueryStrategy,
    RandomSampling,
    ScoreStrategy,
    Shortlist,
    as_strategy,
    get_strategy_names,
)
from skal.query._base import NAMED
from skal.query._picks import ask, check_positions, describe, split_result
from skal.query.functional._order import draw_rows, top_n


class ByScore(ScoreStrategy):
    """Score rows by their first feature."""

    def _score(self, view, rows):
        return rows.data()[:, 0]


class Fixed(ScoreStrategy):
    """Give the same answer whatever is asked."""

    def __init__(self, scores=None):
        self.scores = scores

    def _score(self, view, rows):
        return self.scores


class Recorder(QueryStrategy):
    """Pick the first rows, and remember outside itself what it was shown."""

    seen = ()

    def _query(self, view, rows, n_instances, rng):
        Recorder.seen = (*Recorder.seen, rows.positions())
        return np.arange(n_instances), {"shown": len(rows)}


@pytest.fixture
def shown():
    """Return a function that lists what Recorder was shown during the test."""
    Recorder.seen = ()
    return lambda: Recorder.seen


@pytest.fixture(scope="module")
def model(blobs):
    return LogisticRegression().fit(*blobs)


# Names, strategies and functions ------------------------------------------------


@pytest.mark.parametrize("alias", get_strategy_names())
def test_a_name_makes_a_new_strategy_each_time(alias):
    strategy = as_strategy(alias)
    assert strategy.alias == alias
    assert type(strategy) is getattr(query, type(strategy).__name__)
    assert as_strategy(alias) is not strategy


def test_a_strategy_of_the_users_own_may_have_a_name():
    class Freshest(RandomSampling):
        alias = "freshest_of_all"

    assert type(as_strategy("freshest_of_all")) is Freshest
    assert "freshest_of_all" in get_strategy_names()
    del NAMED["freshest_of_all"]


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match=r"alias must be a name .* which is Margin's"):
        type("Other", (QueryStrategy,), {"alias": "margin"})
    assert type(as_strategy("margin")) is Margin


def is_strategy(name):
    thing = getattr(query, name)
    return isclass(thing) and issubclass(thing, QueryStrategy)


def test_every_strategy_but_the_wrappers_has_a_name():
    named = {type(as_strategy(name)).__name__ for name in get_strategy_names()}
    unnamed = {name for name in query.__all__ if is_strategy(name)} - named
    bases = {"CallableStrategy", "QueryStrategy", "ScoreStrategy", "UnitStrategy"}
    for name in unnamed - bases:
        # Their base is the choice that matters.
        assert {"base", "bases"} & getattr(query, name)().get_params().keys()


def test_a_strategy_is_used_as_it_is():
    strategy = Shortlist()
    assert as_strategy(strategy) is strategy


def test_a_function_is_wrapped():
    strategy = as_strategy(max)
    assert isinstance(strategy, CallableStrategy)
    assert strategy.function is max


def test_an_unknown_name_lists_the_known_ones_nearest_first():
    with pytest.raises(
        ValueError, match=r"query_strategy must be one of 'margin', .*, got 'margn'\."
    ):
        as_strategy("margn")


def test_a_class_is_refused_with_the_way_out():
    with pytest.raises(
        TypeError,
        match=r"base must be an instance, got the class Margin\. Write Margin\(\)\.",
    ):
        as_strategy(Margin, "base")


@pytest.mark.parametrize("value", [None, 3, [Margin()], {"margin": 1}])
def test_what_is_no_strategy_is_a_type_error(value):
    with pytest.raises(TypeError, match="initial must be a name, a query strategy or"):
        as_strategy(value, "initial")


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        (as_strategy(max), "max"),
        (Margin(), "Margin"),
        (as_strategy(partial(max, default=0)), "max"),
        (as_strategy(ByScore().score_samples), "score_samples"),
    ],
    ids=["function", "strategy", "partial", "method"],
)
def test_messages_call_a_strategy_by_a_name(strategy, name):
    assert describe(strategy) == name


def test_a_wrapped_function_can_be_cloned_and_shown():
    strategy = clone(CallableStrategy(max))
    assert strategy.function is max
    assert repr(strategy) == "CallableStrategy(max)"


# The call -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "strategy", [RandomSampling(), ByScore(), Shortlist(ByScore(), 50)], ids=repr
)
def test_positions_are_unique_integers_of_the_number_asked(strategy, blobs, model):
    result = strategy(model, blobs[0], 20, random_state=0)
    positions, _ = split_result(result)
    assert positions.dtype == np.int64
    assert len(np.unique(positions)) == len(positions) == 20


@pytest.mark.parametrize("n", [301, 10**9])
@pytest.mark.parametrize(
    "strategy", [RandomSampling(), Margin(), Shortlist(Margin(), 10)], ids=repr
)
def test_asking_for_more_than_there_is_is_an_error_of_its_own(
    strategy, n, blobs, model
):
    with pytest.raises(
        PoolExhaustedError, match=f"n_instances must be at most 300, .* got {n}"
    ):
        strategy(model, blobs[0], n)
    assert issubclass(PoolExhaustedError, ValueError)


def test_an_empty_pool_is_exhausted(model):
    with pytest.raises(PoolExhaustedError, match="at most 0"):
        RandomSampling()(model, np.empty((0, 2)), 1)


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError)]
)
def test_a_number_that_cannot_be_asked_for_is_named(n, error, blobs, model):
    with pytest.raises(error, match="n_instances must be"):
        RandomSampling()(model, blobs[0], n)


def test_the_same_seed_gives_the_same_rows(blobs, model):
    X, _ = blobs
    first, again, other = (
        RandomSampling()(model, X, 30, random_state=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_shorter_random_answer_begins_the_longer_one(blobs, model):
    X, _ = blobs
    np.testing.assert_array_equal(
        RandomSampling()(model, X, 5, random_state=3),
        RandomSampling()(model, X, 50, random_state=3)[:5],
    )


def test_a_learner_a_view_and_a_model_are_asked_alike(blobs):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), random_state=0).fit(X, y)
    model = LogisticRegression().fit(X, y)
    answers = [
        Margin()(one, X, 5, random_state=0)[0]
        for one in (learner, model, ModelView(model, X, y))
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_scores_come_with_the_positions(blobs, model):
    X, _ = blobs
    positions, info = ByScore()(model, X, 7, random_state=0)
    np.testing.assert_array_equal(info["score"], X[positions, 0])
    np.testing.assert_array_equal(info["score"], np.sort(X[:, 0])[::-1][:7])


def test_positions_count_within_the_rows_that_were_given(blobs, model):
    X, _ = blobs
    allowed = np.array([40, 7, 250, 90])
    positions, _ = ByScore()(model, Rows(X, allowed), 4, random_state=0)
    np.testing.assert_array_equal(positions, np.argsort(-X[allowed, 0]))


def test_score_samples_takes_integers_and_keeps_float32(model):
    X = np.zeros((3, 2))
    assert Fixed([1, 2, 3]).score_samples(model, X).dtype == float
    small = np.ones(3, np.float32)
    assert Fixed(small).score_samples(model, X).dtype == np.float32


@pytest.mark.parametrize("call", ["score_samples", "__call__"])
@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0, 2.0], r"Fixed must give one score a row, 3 in all, got shape \(2,\)"),
        (np.ones((3, 1)), r"one score a row, 3 in all, got shape \(3, 1\)"),
        (1.0, r"one score a row, 3 in all, got shape \(\)"),
        ([1.0, np.nan, np.nan], "Fixed gave NaN as the score of 2 of 3 rows"),
    ],
    ids=["short", "column", "scalar", "nan"],
)
def test_scores_that_cannot_be_are_named(call, scores, message, model):
    with pytest.raises(ValueError, match=message):
        getattr(Fixed(scores), call)(model, np.zeros((3, 2)))


def test_infinite_scores_are_first_and_last(model):
    scores = [0.0, -np.inf, np.inf, 1.0]
    positions, _ = Fixed(scores)(model, np.zeros((4, 2)), 4, random_state=0)
    np.testing.assert_array_equal(positions, [2, 3, 0, 1])


# The best, with ties at random --------------------------------------------------


def test_the_best_come_first(rng):
    scores = rng.permutation(1000) / 7
    np.testing.assert_array_equal(top_n(scores, 30, rng), np.argsort(-scores)[:30])


def test_all_rows_are_sorted_too(rng):
    scores = rng.permutation(50)
    np.testing.assert_array_equal(top_n(scores, 50, rng), np.argsort(-scores))


def test_rows_level_at_the_edge_are_drawn_uniformly(rng):
    """A stable sort, or noise that is negated, favours some of them."""
    scores = np.array([5.0, 1, 1, 1, 1, 0, 1, 1])
    counts = np.zeros(8)
    for _ in range(1400):
        picked = top_n(scores, 3, rng)
        assert picked[0] == 0
        counts[picked[1:]] += 1
    assert counts[5] == 0
    assert chisquare(counts[[1, 2, 3, 4, 6, 7]]).pvalue > 1e-4


def test_the_order_of_level_rows_is_uniform(rng):
    firsts = [top_n(np.zeros(5), 5, rng)[0] for _ in range(1000)]
    assert chisquare(np.bincount(firsts, minlength=5)).pvalue > 1e-4


def test_level_rows_above_the_edge_are_in_random_order(rng):
    firsts = [top_n(np.array([2.0, 2.0, 1.0, 0.0]), 3, rng)[0] for _ in range(400)]
    assert chisquare(np.bincount(firsts, minlength=2)).pvalue > 1e-4


def test_infinities_and_integers_can_be_level(rng):
    assert set(top_n(np.full(4, -np.inf), 4, rng)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(top_n(np.array([1, 3, 2]), 2, rng), [1, 2])


# What strategies return ---------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "positions", "info"),
    [
        ([3, 7], [3, 7], {}),
        (np.array([3, 7]), [3, 7], {}),
        (range(2), [0, 1], {}),
        (4, [4], {}),
        (np.int64(4), [4], {}),
        (([3, 7], {"score": 1}), [3, 7], {"score": 1}),
        (([3, 7], np.zeros((2, 5))), [3, 7], {}),
        (([3, 7],), [3, 7], {}),
        ((3, 7), [3], {}),
    ],
    ids=[
        "list",
        "array",
        "range",
        "int",
        "numpy int",
        "with info",
        "with rows",
        "one in a tuple",
        "two ints in a tuple",
    ],
)
def test_a_tuple_holds_positions_and_more_all_else_is_positions(
    result, positions, info
):
    found, told = split_result(result)
    np.testing.assert_array_equal(found, positions)
    assert told == info


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ([0, 1], "The strategy Margin must return 3 rows, got 2"),
        ([0, 1, 1], "must return 3 different rows, got 2"),
        ([0, 1, 5], r"must return positions in \[0, 4\], got 0 to 5"),
        ([-1, 0, 1], r"must return positions in \[0, 4\], got -1 to 1"),
        ([0.0, 1.0, 2.0], "must return whole numbers, got float64"),
        ([True, False, True], "must return whole numbers, got bool"),
        ([[0], [1], [2]], r"must return whole numbers, got int64 of shape \(3, 1\)"),
    ],
)
def test_a_broken_promise_is_named_with_the_strategy(positions, message):
    with pytest.raises(ValueError, match=message):
        check_positions(np.asarray(positions), 3, 5, Margin())


def test_positions_of_any_integer_type_become_int64():
    checked = check_positions(np.array([2, 0], np.uint8), 2, 5, Margin())
    assert checked.dtype == np.int64


# A shortlist --------------------------------------------------------------------


def test_the_base_sees_that_many_rows_of_the_pool_in_order(shown, blobs, model):
    Shortlist(Recorder(), 40)(model, blobs[0], 5, random_state=0)
    (positions,) = shown()
    assert len(positions) == 40
    assert np.all(np.diff(positions) > 0)


def test_the_base_sees_at_least_as_many_rows_as_are_asked_for(shown, blobs, model):
    Shortlist(Recorder(), 3)(model, blobs[0], 60, random_state=0)
    assert len(shown()[0]) == 60


def test_a_pool_smaller_than_the_shortlist_is_shown_whole(shown, blobs, model):
    Shortlist(Recorder(), 10**9)(model, blobs[0], 5, random_state=0)
    np.testing.assert_array_equal(shown()[0], np.arange(300))


def test_picks_are_positions_in_what_the_shortlist_was_given(shown, blobs, model):
    X, _ = blobs
    rows = Rows(X, np.arange(100, 200))
    picked, info = Shortlist(Recorder(), 30)(model, rows, 4, random_state=0)
    np.testing.assert_array_equal(rows.take(picked).positions(), shown()[0][:4])
    assert info == {"shown": 30}


def test_a_shortlist_of_everything_is_its_base(blobs, model):
    X, _ = blobs
    picked, _ = Shortlist("margin", 300)(model, X, 10, random_state=0)
    expected, _ = Margin()(model, X, 10, random_state=1)
    np.testing.assert_array_equal(picked, expected)


def test_every_row_is_as_likely_to_be_shortlisted(shown, model):
    X = np.zeros((20, 2))
    for seed in range(400):
        Shortlist(Recorder(), 5)(model, X, 1, random_state=seed)
    counts = np.bincount(np.concatenate(shown()), minlength=20)
    assert chisquare(counts).pvalue > 1e-4


def test_shortlists_nest_and_the_innermost_decides(shown, blobs, model):
    strategy = Shortlist(Shortlist(Recorder(), 10), 100)
    picked, info = strategy(model, blobs[0], 3, random_state=0)
    (inner,) = shown()
    assert info == {"shown": 10}
    np.testing.assert_array_equal(picked, inner[:3])


def test_a_shortlist_needs_what_its_base_needs():
    assert Shortlist("random").needs == frozenset()
    assert Shortlist(Shortlist("vote_entropy")).needs == frozenset({"votes"})
    assert Shortlist(max).needs == frozenset()


def test_a_shortlist_of_the_pool_alone_can_choose_the_first_rows(blobs):
    learner = ActiveLearner(initial=Shortlist("random", 20), random_state=0)
    assert len(learner.query(blobs[0], 6)[0]) == 6
    with pytest.raises(ValueError, match=r"initial must be .* got Shortlist, .* decis"):
        ActiveLearner(initial=Shortlist("margin")).query(blobs[0], 6)


def test_the_base_is_tuned_by_name():
    strategy = Shortlist(Shortlist("margin", 10), 20)
    strategy.set_params(base__base=Entropy(), base__n_candidates=15)
    assert isinstance(strategy.base.base, Entropy)
    assert strategy.get_params()["base__n_candidates"] == 15


@pytest.mark.parametrize(
    ("strategy", "error", "message"),
    [
        (Shortlist("margn"), ValueError, "base must be one of 'margin'"),
        (Shortlist(Margin), TypeError, "base must be an instance"),
        (Shortlist(None), TypeError, "base must be a name"),
        (Shortlist(n_candidates=0), ValueError, "n_candidates must be at least 1"),
        (Shortlist(n_candidates=9.5), TypeError, "n_candidates must be an integer"),
    ],
    ids=repr,
)
def test_a_shortlist_says_which_parameter_is_wrong(
    strategy, error, message, blobs, model
):
    with pytest.raises(error, match=message):
        strategy(model, blobs[0], 2)


def test_a_need_that_the_model_cannot_meet_is_named_before_any_work(blobs):
    X, y = blobs
    learner = ActiveLearner(LinearSVC(), Shortlist("entropy"), n_labels=20)
    with pytest.raises(TypeError, match=r"Shortlist needs class prob.* LinearSVC"):
        learner.fit(X, y)
    assert not hasattr(learner, "estimator_")


def test_a_function_in_a_shortlist_sees_and_answers_in_the_shortlist(blobs, model):
    X, _ = blobs
    seen = []

    def highest(learner, X, n_instances=1):
        seen.append(X)
        return np.argsort(-X[:, 0])[:n_instances]

    picked, _ = Shortlist(highest, 25)(model, X, 2, random_state=0)
    assert len(seen) == 1
    np.testing.assert_array_equal(X[picked, 0], np.sort(seen[0][:, 0])[::-1][:2])


def test_a_longer_draw_from_a_big_pool_begins_with_the_shorter(rng):
    n = 1_000_000
    for size in (10, 5000):
        short = draw_rows(n, size, np.random.RandomState(3))
        long = draw_rows(n, 20_000, np.random.RandomState(3))
        assert len(np.unique(long)) == 20_000
        np.testing.assert_array_equal(long[:size], short)
    assert abs(long.mean() / n - 0.5) < 0.02


def test_a_preset_number_of_rows_is_refused(blobs):
    """A partial's own n_instances used to be overridden without a word."""
    X, y = blobs
    preset = partial(in_order, n_instances=3)
    learner = ActiveLearner(query_strategy=preset, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"with n_instances=3. Set batch_size=3"):
        learner.query(X)
    assert len(learner.set_params(batch_size=3).query(X)[0]) == 3


def test_functions_see_padded_decisions(blobs):
    """They used to see the columns of the classes known so far."""
    X, y = blobs
    seen = []

    def watch(learner, X, n_instances=1):
        seen.append((learner.decision_function(X), learner.predict_log_proba(X)))
        return np.arange(n_instances)

    two = np.flatnonzero(y < 2)[:20]
    learner = ActiveLearner(query_strategy=watch, classes=[0, 1, 2], random_state=0)
    learner.teach(X[two], y[two]).query(X)
    assert [answer.shape for answer in seen[0]] == [(len(X), 3)] * 2


class Careless(RandomSampling):
    """Overrides what checks its picks, and answers whatever it was told to."""

    def __init__(self, answer=None):
        self.answer = answer

    def __call__(self, learner, X, n_instances=1, *, random_state=None):
        return self.answer


def test_asking_splits_the_answer_and_knows_its_positions():
    picks, told = ask(Careless(([4, 0], {"why": "so"})), None, range(5), 2, None)
    np.testing.assert_array_equal(picks, [4, 0])
    assert picks.dtype == np.int64
    assert told == {"why": "so"}


@pytest.mark.parametrize("answer", [[0, 0], [0], [0, 5], [0.0, 1.0]])
def test_asking_holds_a_strategy_to_its_promise(answer):
    with pytest.raises(ValueError, match="The strategy Careless must return"):
        ask(Careless(answer), None, range(5), 2, None)
