"""Strategies that make batches of other strategies, and their formulas."""

import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import chisquare
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import (
    ClassBalanced,
    CommitteeStd,
    Deduplicate,
    DiverseBatch,
    GreedySampling,
    InformationDensity,
    KLDivergence,
    LeastConfidence,
    Margin,
    Mixture,
    QueryStrategy,
    RandomSampling,
    ScoreStrategy,
    Shortlist,
    StochasticBatch,
    split_result,
)
from skal.query._balance import share_out
from skal.query._mixture import draw_counts
from skal.query.functional import (
    information_density,
    margin,
    mmr,
    ranked_batch,
    stochastic_top_n,
)

METHODS = ["kmeans", "kcenter", "kmeans++", "facility_location", "mmr", "ranked"]


class FirstColumn(ScoreStrategy):
    """Scores a row by its first feature."""

    def _score(self, view, rows):
        return np.asarray(rows)[:, 0]


class InOrder(QueryStrategy):
    """Ranks rows as they come, and tells no score."""

    def _query(self, view, rows, n_instances, rng):
        return np.arange(n_instances)


class Counting(ClassifierMixin, BaseEstimator):
    """Counts the rows that pass through its body."""

    def __init__(self):
        self.classes_ = np.array([0, 1])
        self.n_rows = 0

    def fit(self, X, y):
        return self

    def embed(self, X):
        self.n_rows += len(X)
        return np.asarray(X, np.float32)

    def head_proba(self, E):
        p = 1 / (1 + np.exp(-np.asarray(E)[:, 0]))
        return np.column_stack([p, 1 - p])

    def predict_proba(self, X):
        return self.head_proba(self.embed(X))

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


@pytest.fixture(scope="module")
def view(digits):
    """Return the view of a model that knows 100 digits, whose labels are uneven."""
    X, _, y, _ = digits
    model = LogisticRegression(max_iter=1000).fit(X[:100], y[:100])
    return ModelView(model, X[:100], y[:100], random_state=0)


@pytest.fixture(scope="module")
def pool(digits):
    return digits[0][100:700]


def as_told(result):
    """Return positions and info, whether or not a strategy told any."""
    return result if isinstance(result, tuple) else (result, {})


# The formulas ------------------------------------------------------------------


def test_mmr_by_hand():
    # Mean 1.7, squared distances from it 2.89, 2.56, 10.89: v = 2 * 5.4467 = 10.893.
    # Then row 1 is worth .5 * .8 - .5 * exp(-.01 / v) = -.1, row 2 exactly
    # .5 * 0 - .5 * exp(-25 / v) = -.05.
    E, scores = [[0.0], [0.1], [5.0]], [1.0, 0.9, 0.5]
    assert mmr(E, scores, 3).tolist() == [0, 2, 1]
    assert mmr(E, scores, 3, diversity=0.4).tolist() == [0, 1, 2]
    assert mmr(E, scores, 3, diversity=0).tolist() == [0, 1, 2]


def test_mmr_keeps_off_labelled_rows():
    E, scores = [[0.0], [0.1], [5.0]], [1.0, 0.9, 0.8]
    assert mmr(E, scores, 1, diversity=0.8, labeled=[[0.05]]).tolist() == [2]


@pytest.mark.parametrize("with_labels", [False, True])
def test_mmr_against_the_plain_formula(rng, with_labels):
    E, scores = rng.normal(size=(60, 3)) + 100, rng.uniform(size=60)
    labeled = E[50:] + 0.1 if with_labels else None
    known = list(labeled) if with_labels else []
    gaps = E[:, np.newaxis] - E
    v = (gaps**2).sum(axis=2).mean()
    relevance = (scores - scores.min()) / np.ptp(scores)
    expected = []
    for _ in range(20):
        value = 0.4 * relevance
        if known:
            squared = ((E[:, np.newaxis] - np.array(known)) ** 2).sum(axis=2)
            value = value - 0.6 * np.exp(-squared / v).max(axis=1)
        value[expected] = -np.inf
        expected.append(int(value.argmax()))
        known.append(E[expected[-1]])
    assert mmr(E, scores, 20, diversity=0.6, labeled=labeled).tolist() == expected


@pytest.mark.parametrize("scores", [[1, 1, 1], [np.inf, 2, -np.inf], [-np.inf] * 3])
@pytest.mark.parametrize("E", [[[0.0], [1.0], [1.0]], [[2.0]] * 3])
def test_mmr_of_odd_scores_and_equal_rows(E, scores):
    assert sorted(mmr(E, scores, 3, random_state=0).tolist()) == [0, 1, 2]


def test_mmr_of_sparse_rows(rng):
    E, scores = rng.normal(size=(50, 4)) * (rng.uniform(size=(50, 4)) > 0.5), range(50)
    dense = mmr(E, scores, 10, labeled=E[:5] + 1)
    sparse = mmr(sp.csr_array(E), scores, 10, labeled=sp.csr_array(E[:5] + 1))
    assert np.array_equal(sparse, dense)


def test_ranked_batch_by_hand():
    # alpha = 3/4: row 2 is worth .75 * (1 - 1/5.8) + .25 * .3 = .70, the others at
    # most .75 * (1 - 1/1.2) + .25 * .5 = .25.
    E, scores = [[0.0], [0.1], [5.0]], [0.5, 0.4, 0.3]
    assert ranked_batch(E, scores, 3, labeled=[[0.2]]).tolist() == [2, 0, 1]
    many = np.full((997, 1), 0.2)
    assert ranked_batch(E, scores, 1, labeled=many).tolist() == [0]


def test_ranked_batch_without_labels_starts_with_the_best():
    assert ranked_batch([[0.0], [0.1], [5.0]], [0.1, 0.4, 0.3], 2).tolist() == [1, 2]


def test_the_pool_of_a_ranked_batch_may_be_larger_than_its_candidates():
    E, scores, labeled = [[0.0], [1.0]], [0.9, 0.0], [[-0.1]] * 3
    assert ranked_batch(E, scores, 1, labeled=labeled).tolist() == [0]
    picked = ranked_batch(E, scores, 1, labeled=labeled, n_unlabeled=100)
    assert picked.tolist() == [1]


def test_ranked_batches_are_those_of_modal(view, pool):
    batch = pytest.importorskip("modAL.batch")
    theirs = partial(batch.uncertainty_batch_sampling, n_jobs=1)
    ours = DiverseBatch(LeastConfidence(), shortlist=1000, method="ranked")
    expected = Shortlist(theirs, n_candidates=len(pool))(view, pool, 25)[0]
    assert as_told(ours(view, pool, 25))[0].tolist() == expected.tolist()


SCORES = np.array([0.0, 0.5, 1.0, 2.0, -1.0])


@pytest.mark.parametrize(
    ("method", "beta", "weights"),
    [
        ("power", 1, [0, 0.5, 1, 2, 0]),
        ("power", 3, [0, 0.125, 1, 8, 0]),
        ("softmax", 2, np.exp(2 * SCORES)),
        ("softrank", 1, [1 / 4, 1 / 3, 1 / 2, 1, 1 / 5]),
        ("softrank", 0.5, np.array([1 / 4, 1 / 3, 1 / 2, 1, 1 / 5]) ** 0.5),
    ],
)
def test_the_chances_of_a_stochastic_batch(rng, method, beta, weights):
    draws = np.array(
        [
            stochastic_top_n(SCORES, 2, method=method, beta=beta, random_state=rng)
            for _ in range(2000)
        ]
    )
    chances = np.asarray(weights, float) / np.sum(weights)
    assert_drawn(np.bincount(draws[:, 0], minlength=5), 2000 * chances)
    second = draws[draws[:, 0] == 3, 1]  # the chances of what is left
    chances[3] = 0
    assert_drawn(
        np.bincount(second, minlength=5), len(second) * chances / chances.sum()
    )


def assert_drawn(counts, expected):
    assert counts[expected == 0].sum() == 0
    possible = expected > 0
    assert chisquare(counts[possible], expected[possible]).pvalue > 1e-6


def test_a_stochastic_batch_is_always_full():
    drawn = [stochastic_top_n(SCORES, 5, random_state=seed) for seed in range(200)]
    assert all(sorted(batch) == list(range(5)) for batch in drawn)
    last = np.array(drawn)[:, 3:]  # no chance under power, so last, in any order
    assert {tuple(pair) for pair in last.tolist()} == {(0, 4), (4, 0)}
    nothing = stochastic_top_n(np.zeros(4), 4, random_state=0)
    assert sorted(nothing) == [0, 1, 2, 3]


@pytest.mark.parametrize("method", ["power", "softmax", "softrank"])
def test_a_cold_draw_takes_the_best(rng, method):
    scores = rng.permutation(np.arange(1.0, 101))
    drawn = stochastic_top_n(scores, 10, method=method, beta=1e6, random_state=rng)
    assert np.array_equal(drawn, np.argsort(-scores)[:10])


def test_equal_scores_share_their_ranks_evenly(rng):
    draws = [
        stochastic_top_n(np.ones(4), 1, method="softrank", beta=3, random_state=rng)[0]
        for _ in range(2000)
    ]
    assert_drawn(np.bincount(draws, minlength=4), np.full(4, 500.0))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: mmr([[0.0]], [1], 2), PoolExhaustedError, "at most 1, the number"),
        (
            lambda: mmr([[0.0]], [1, 2], 1),
            ValueError,
            "each of the 1 rows of E",
        ),
        (lambda: mmr([[0.0]], [1], 1, diversity=2), ValueError, "diversity must be in"),
        (
            lambda: ranked_batch([[0.0]], [1], 1, n_unlabeled=0),
            ValueError,
            "n_unlabeled must be at least 1",
        ),
        (
            lambda: stochastic_top_n([1], 1, method="tempered"),
            ValueError,
            "method must be one of",
        ),
        (lambda: stochastic_top_n([1], 1, beta=0), ValueError, "beta must be above 0"),
        (lambda: stochastic_top_n([1], 2), PoolExhaustedError, "at most 1"),
        (lambda: stochastic_top_n([np.nan, 1], 1), ValueError, "no NaN, got 1 among 2"),
        (lambda: mmr([[0.0]], [np.nan], 1), ValueError, "scores must hold no NaN"),
        (lambda: mmr([[np.nan]], [1], 1), ValueError, "E must hold finite numbers"),
        (lambda: ranked_batch([[np.inf]], [1], 1), ValueError, "E must hold finite"),
        (lambda: ranked_batch([[0.0]], [np.nan], 1), ValueError, "must hold no NaN"),
        (lambda: stochastic_top_n([[1]], 1), ValueError, r"of shape \(n,\)"),
    ],
)
def test_bad_arguments_of_the_formulas(call, error, match):
    with pytest.raises(error, match=match):
        call()


# DiverseBatch ------------------------------------------------------------------


@pytest.fixture
def knots():
    """Return 3 knots of 10 wanted rows, and 100 rows nobody wants, in any order."""
    rng = np.random.RandomState(3)
    centers = np.array([[5.0, 0, 0], [5.0, 9, 0], [5.0, 0, 9]])
    wanted = np.repeat(centers, 10, axis=0) + rng.normal(scale=0.01, size=(30, 3))
    others = rng.normal(size=(100, 3))
    order = rng.permutation(130)
    which = np.append(np.repeat([0, 1, 2], 10), np.full(100, -1))
    return np.concatenate([wanted, others])[order], which[order]


@pytest.fixture
def unlabeled():
    return ModelView(Counting())


@pytest.mark.parametrize("method", METHODS)
def test_a_diverse_batch_takes_one_of_each_knot(unlabeled, knots, method):
    X, which = knots
    # The score is the first feature; weights of .5 to 1 do not outweigh a distance.
    strategy = DiverseBatch(FirstColumn(), method=method)
    picked, info = strategy(unlabeled, X, 3, random_state=0)
    assert sorted(which[picked]) == [0, 1, 2]
    assert np.allclose(info["score"], X[picked, 0])


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"kmeans"}))
def test_labelled_rows_are_as_good_as_picked(knots, method):
    X, which = knots
    known = ModelView(Counting(), X[which == 1][:2], np.array([0, 1]))
    strategy = DiverseBatch(FirstColumn(), method=method, diversity=0.9)
    for seed in range(5):
        picked, _ = strategy(known, X, 2, random_state=seed)
        assert set(which[picked]) <= {-1, 0, 2}


@pytest.mark.parametrize("method", METHODS)
def test_a_shortlist_of_one_is_the_base(view, pool, method):
    picked, _ = DiverseBatch("entropy", shortlist=1, method=method)(view, pool, 20)
    assert set(picked) == set(as_told(DiverseBatch("entropy", 1)(view, pool, 20))[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_diverse_batch_stays_on_the_shortlist(view, pool, method):
    best = set(Margin()(view, pool, 40)[0])
    picked, _ = DiverseBatch(shortlist=4, method=method)(view, pool, 10)
    assert set(picked) <= best


def test_without_diversity_mmr_is_the_base(view, pool):
    strategy = DiverseBatch(method="mmr", diversity=0)
    expected = Margin()(view, pool, 15)[0]
    assert strategy(view, pool, 15)[0].tolist() == expected.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_a_base_that_tells_no_score_counts_by_its_order(unlabeled, knots, method):
    X, which = knots
    order = np.argsort(which < 0, kind="stable")
    picked, info = as_told(
        DiverseBatch(InOrder(), method=method)(unlabeled, X[order], 3, random_state=0)
    )
    assert sorted(which[order][picked]) == [0, 1, 2]
    assert info == {}


def test_the_scores_of_a_base_that_orders_otherwise_do_not_count(unlabeled):
    class Worst(FirstColumn):
        def _query(self, view, rows, n_instances, rng):
            picked, info = super()._query(view, rows, len(rows), rng)
            return picked[::-1][:n_instances], {"score": info["score"][::-1]}

    X = np.arange(20.0)[:, np.newaxis]
    picked, _ = DiverseBatch(Worst(), shortlist=20, method="mmr", diversity=0.0)(
        unlabeled, X, 3
    )
    assert picked.tolist() == [0, 1, 2]


def test_what_else_a_base_tells_is_handed_on(unlabeled):
    def telling(learner, X, n_instances=1):
        return np.arange(n_instances), {"rank": range(n_instances), "by": "order"}

    picked, info = DiverseBatch(telling, method="kcenter")(unlabeled, np.eye(40), 4)
    assert info["rank"].tolist() == picked.tolist()
    assert info["by"] == "order"


@pytest.mark.parametrize("method", METHODS)
def test_a_diverse_batch_costs_one_pass(rng, method):
    X = rng.normal(size=(500, 3))
    model = Counting()
    view = ModelView(model)
    DiverseBatch(Deduplicate(StochasticBatch()), 5, method)(view, X, 10)
    assert model.n_rows == 500


# StochasticBatch ---------------------------------------------------------------


def test_a_stochastic_batch_follows_the_scores_of_its_base(unlabeled, rng):
    X = np.log([[1.0], [2.0], [4.0], [8.0]])
    strategy = StochasticBatch(FirstColumn(), "softmax")
    draws = [strategy(unlabeled, X, 1, random_state=rng) for _ in range(2000)]
    counts = np.bincount([int(picked[0]) for picked, _ in draws], minlength=4)
    assert_drawn(counts, 2000 * np.array([1, 2, 4, 8]) / 15)
    assert all(info["score"] == X[picked, 0] for picked, info in draws)


def test_a_base_that_only_ranks_serves_softrank(unlabeled, rng):
    strategy = StochasticBatch(InOrder(), "softrank")
    X = np.zeros((4, 1))
    draws = [
        int(strategy(unlabeled, X, 1, random_state=rng)[0][0]) for _ in range(2000)
    ]
    chances = 1 / np.arange(1, 5)
    assert_drawn(np.bincount(draws, minlength=4), 2000 * chances / chances.sum())


@pytest.mark.parametrize("method", ["power", "softmax"])
@pytest.mark.parametrize("base", [InOrder(), Shortlist("margin"), "random"])
def test_a_base_that_does_not_score_is_refused(view, pool, method, base):
    with pytest.raises(TypeError, match=f"base must score rows for method='{method}'"):
        StochasticBatch(base, method)(view, pool, 3)


class Minus(Margin):
    """A distance below 0, of which nobody knows how low it falls."""

    lowest = None
    alias = None


def test_power_refuses_scores_below_zero(view, pool):
    with pytest.raises(ValueError, match=r'method="power".*from Minus.*softmax'):
        StochasticBatch(Minus())(view, pool, 3)


def test_scores_with_a_bound_count_from_it(view, pool):
    """Margin used to be refused, although 1 - margin is a score above 0."""
    with_bound = StochasticBatch("margin")(view, pool, 9, random_state=0)[0]
    scores = 1 - margin(view.predict_proba(pool))
    expected = stochastic_top_n(scores, 9, random_state=0)
    np.testing.assert_array_equal(with_bound, expected)
    found = InformationDensity("margin").score_samples(view, pool)
    expected = information_density(scores, view.embed(pool))
    np.testing.assert_allclose(found, expected)


def test_power_of_a_committee_that_agrees_draws_anything(rng):
    X, y = np.repeat([[0.0], [1.0]], 50, axis=0), np.repeat([0, 1], 50)
    forest = RandomForestClassifier(5, bootstrap=False, random_state=0).fit(X, y)
    strategy = StochasticBatch(KLDivergence())
    drawn = {int(strategy(forest, X, 1, random_state=rng)[0][0]) for _ in range(200)}
    assert len(drawn) > 50


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"method": "gumbel"}, "method must be one of"),
        ({"beta": 0}, "beta must be above 0 and finite, got 0.0"),
        ({"beta": np.inf}, "beta must be above 0 and finite, got inf"),
        ({"beta": -1}, r"beta must be in \[0, inf\]"),
    ],
)
def test_bad_parameters_of_a_stochastic_batch(view, pool, params, match):
    with pytest.raises(ValueError, match=match):
        StochasticBatch(**params)(view, pool, 3)


# Mixture -----------------------------------------------------------------------


class Third(QueryStrategy):
    """Picks, in order, rows whose last feature is its own."""

    def __init__(self, kind=0):
        self.kind = kind

    def _query(self, view, rows, n_instances, rng):
        X = np.asarray(rows)
        return np.lexsort([X[:, 0], X[:, 1] != self.kind])[:n_instances]


def thirds(n=60):
    return np.column_stack([np.arange(n), np.arange(n) % 3])


THREE = [("a", Third(0)), ("b", Third(1)), ("c", Third(2))]


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        (None, [6, 6, 6]),
        ([1, 1, 1], [6, 6, 6]),
        ([4, 4, 1], [8, 8, 2]),
        (np.array([0.0, 0.5, 0.5]), [0, 9, 9]),
    ],
)
def test_the_shares_of_a_mixture(unlabeled, weights, counts):
    picked, info = Mixture(THREE, weights)(unlabeled, thirds(), 18)
    assert np.bincount(picked % 3, minlength=3).tolist() == counts
    assert [info["base"].tolist().count(name) for name in "abc"] == counts
    assert np.array_equal(np.searchsorted(["a", "b", "c"], info["base"]), picked % 3)
    assert len(set(picked.tolist())) == 18


def test_each_part_of_a_mixture_keeps_the_shares(unlabeled):
    _, info = Mixture(THREE, [2, 1, 1])(unlabeled, thirds(), 20)
    for n in (4, 8, 12, 16):
        counts = [info["base"][:n].tolist().count(name) for name in "abc"]
        assert np.abs(np.array(counts) - [n / 2, n / 4, n / 4]).max() <= 1


def test_what_is_left_over_is_drawn(rng):
    shares = np.array([0.5, 0.3, 0.2])
    for n in (1, 2, 7):
        counts = np.array([draw_counts(shares, n, rng) for _ in range(2000)])
        assert np.all(counts.sum(axis=1) == n)
        assert np.all(np.abs(counts - n * shares) < 1)
        assert np.allclose(counts.mean(axis=0), n * shares, atol=0.06)


def test_strategies_of_a_mixture_never_pick_the_same_row(unlabeled):
    same = [("a", Third(0)), ("b", Third(0))]
    picked, _ = Mixture(same)(unlabeled, thirds(), 20)
    assert sorted(picked.tolist()) == list(range(0, 60, 3))


def late(round, n_labels):
    return [max(0, 2 - round), 0, n_labels]


@pytest.mark.parametrize("weights", [late, {0: [2, 0, 0], 6: [0, 0, 1]}])
def test_a_schedule_of_a_mixture(weights):
    mixture = pickle.loads(pickle.dumps(clone(Mixture(THREE, weights))))
    for n_labels, expected in ((0, {0}), (6, {2}), (9, {2})):
        X = np.zeros((n_labels, 2))
        view = ModelView(Counting(), X, np.zeros(n_labels), round=n_labels)
        picked, _ = mixture(view, thirds(), 6)
        assert set(picked % 3) == expected
    view = ModelView(Counting(), np.zeros((3, 2)), np.zeros(3), round=1)
    picked, _ = mixture(view, thirds(), 12)
    assert set(picked % 3) == {0, 2}


def test_a_dict_of_shares_is_a_straight_line_between():
    from skal.query._mixture import between

    knots = {100: [0, 1], 20: [1, 0]}
    assert np.allclose(between(knots, 60), [0.5, 0.5])
    assert np.allclose(between(knots, 5), [1, 0])
    assert np.allclose(between(knots, 1000), [0, 1])


def test_a_mixture_explores_less_with_more_labels(digits):
    X, _, y, _ = digits
    mixture = Mixture(weights={20: [1, 0], 100: [0, 1]})
    learner = ActiveLearner(
        LogisticRegression(max_iter=1000),
        mixture,
        n_labels=120,
        n_initial=20,
        batch_size=20,
        random_state=0,
    ).fit(X, y)
    used = [info["base"].tolist() for info in learner.history_["info"][1:]]
    counts = [names.count("explore") for names in used]
    assert counts == [20, 15, 10, 5, 0]


def test_members_of_a_mixture_are_set_by_name():
    mixture = Mixture([("far", RandomSampling()), ("near", Shortlist())])
    mixture.set_params(near__n_candidates=30, near__base="entropy")
    assert mixture.get_params()["near__n_candidates"] == 30
    assert clone(mixture).bases[1][1].n_candidates == 30
    mixture.set_params(far="margin")
    assert mixture.needs == {"proba", "decision"}
    assert Mixture().set_params(**Mixture().get_params()).bases is Mixture().bases


def test_parameters_of_a_member_that_is_only_named_are_refused():
    """It raised AttributeError: 'str' object has no attribute 'set_params'."""
    with pytest.raises(ValueError, match="'x' for 'exploit', which is 'margin' and"):
        Mixture().set_params(exploit__x=1)
    mixture = Mixture().set_params(exploit=Shortlist(), exploit__n_candidates=7)
    assert mixture.bases[1][1].n_candidates == 7


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"bases": [Margin()]}, TypeError, r"bases must be a list of \(name, object\)"),
        ({"bases": []}, ValueError, "bases must have at least one pair"),
        ({"bases": [("a__b", Margin())]}, ValueError, "bases must have unique names"),
        ({"bases": [("a", Margin)]}, TypeError, "a must be an instance, got the class"),
        ({"bases": [("a", "marginn")]}, ValueError, "a must be one of 'margin'"),
        ({"weights": [1]}, ValueError, "weights must give 2 shares"),
        ({"weights": [1, -1]}, ValueError, "none below 0"),
        ({"weights": [0, 0]}, ValueError, "not all of them 0"),
        ({"weights": [np.nan, 1]}, ValueError, "weights must give 2 shares"),
        ({"weights": "even"}, ValueError, "weights must give 2 shares"),
        ({"weights": {10: 1}}, ValueError, "weights must map numbers of labels"),
        ({"weights": {"a": [1, 0]}}, ValueError, "weights must map numbers of labels"),
        ({"weights": lambda round, n_labels: 3}, ValueError, "must give 2 shares"),
    ],
)
def test_bad_parameters_of_a_mixture(view, pool, params, error, match):
    with pytest.raises(error, match=match):
        Mixture(**params)(view, pool, 3)


# ClassBalanced -----------------------------------------------------------------


def test_places_go_to_the_class_with_the_fewest_labels(rng):
    predicted = np.repeat([0, 1, 2], [50, 2, 50])
    turns = share_out(np.array([10, 0, 8]), predicted, 8, rng)
    # Class 1 has two rows; then class 2 catches up with class 0, and they alternate.
    assert turns[:4].tolist() == [1, 1, 2, 2]
    assert np.bincount(turns).tolist() == [2, 2, 4]


def test_class_balance_in_an_uneven_pool(digits):
    X, _, y, _ = digits
    rare = np.flatnonzero((y > 2) | (np.arange(len(y)) % 12 == 0))
    X, y = X[rare], y[rare]
    counts = {}
    for strategy in ("margin", ClassBalanced()):
        learner = ActiveLearner(
            LogisticRegression(max_iter=1000),
            strategy,
            n_labels=120,
            n_initial=40,
            batch_size=20,
            initial="stratified",
            random_state=0,
        ).fit(X, y)
        bought = np.bincount(learner.y_training_, minlength=10)
        counts[str(strategy)] = bought[:3].sum() / (y < 3).sum()
    assert counts["ClassBalanced()"] > counts["margin"]


def test_a_class_is_picked_by_the_base(view, pool):
    picked, info = ClassBalanced("entropy")(view, pool, 30, random_state=0)
    predicted = view.predict_proba(pool).argmax(axis=1)
    scores = as_told(DiverseBatch("entropy", 1)(view, pool, len(pool)))
    by_row = dict(zip(scores[0].tolist(), scores[1]["score"], strict=True))
    for code in range(10):
        mine = picked[predicted[picked] == code]
        rest = np.setdiff1d(np.flatnonzero(predicted == code), mine)
        if len(mine) and len(rest):
            assert min(by_row[i] for i in mine) >= max(by_row[i] for i in rest)
    assert np.allclose(info["score"], [by_row[i] for i in picked])


def test_class_balance_of_a_base_that_only_ranks(view, pool):
    picked, info = as_told(ClassBalanced(InOrder())(view, pool, 30))
    assert len(set(picked.tolist())) == 30
    assert info == {}


def test_class_balance_is_for_one_label_a_row(rng):
    X, Y = rng.normal(size=(50, 3)), rng.randint(2, size=(50, 2))
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    with pytest.raises(TypeError, match="ClassBalanced needs one class a row"):
        ClassBalanced("random")(ModelView(forest, X, Y), X, 3)


# Deduplicate -------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_copies_are_asked_once(view, pool, metric):
    thrice = np.repeat(pool[:100], 3, axis=0)
    strategy = Deduplicate(threshold=0, metric=metric)
    picked, info = strategy(view, thrice, 40, random_state=0)
    expected = Margin()(view, pool[:100], 40)[1]["score"]
    assert len(set(picked // 3)) == 40
    assert np.allclose(info["score"], expected)
    top = Margin()(view, thrice, 40)[0]
    assert len(set(top // 3)) < 20


def test_near_copies_are_asked_once(view, pool, rng):
    noisy = np.repeat(pool[:100], 3, axis=0) + rng.normal(scale=0.01, size=(300, 64))
    picked, _ = Deduplicate(threshold=0.01)(view, noisy, 60)
    assert len(set(picked // 3)) == 60


def test_copies_of_labelled_rows_are_not_asked(view, pool):
    both = np.concatenate([pool[:50], view.X_training])
    picked, _ = Deduplicate(threshold=0)(view, both, 40)
    assert picked.max() < 50


def test_copies_fill_up_a_batch_that_lacks_rows(view, pool):
    thrice = np.repeat(pool[:10], 3, axis=0)
    picked, _ = Deduplicate(threshold=0)(view, thrice, 25)
    assert len(set(picked.tolist())) == 25
    assert sorted(picked[:10] // 3) == list(range(10))
    scores = Margin().score_samples(view, thrice)[picked[10:]]
    assert np.all(np.diff(scores) <= 0)


@pytest.mark.parametrize(
    ("metric", "threshold", "expected"),
    [
        ("cosine", 0.1, [0, 1, 2]),
        ("cosine", 0.21, [0, 2, 1]),  # row 1 is a copy of row 0
        ("cosine", 1.01, [0, 1, 2]),  # both are
        ("euclidean", 0.62, [0, 1, 2]),
        ("euclidean", 0.64, [0, 2, 1]),
    ],
)
def test_the_unit_of_the_threshold(unlabeled, metric, threshold, expected):
    # Cosine distances from row 0: .2 and 1; Euclidean ones: .632 and 1.345. Rows 1 and
    # 2 are .4, and .854, apart.
    X = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 0.9]])
    strategy = Deduplicate(FirstColumn(), threshold, metric)
    assert strategy(unlabeled, X, 3)[0].tolist() == expected


def test_deduplication_reads_no_more_than_it_must(rng):
    model, X = Counting(), rng.normal(size=(1000, 3))
    Deduplicate(FirstColumn(), threshold=1e-9)(ModelView(model), X, 10)
    assert model.n_rows == 10


@pytest.mark.parametrize(
    ("strategy", "error", "match"),
    [
        (Deduplicate(threshold=-1), ValueError, r"threshold must be in \[0, inf\]"),
        (Deduplicate(metric="manhattan"), ValueError, "metric must be one of"),
        (DiverseBatch(method="kmedoids"), ValueError, "method must be one of"),
        (DiverseBatch(diversity=2), ValueError, "diversity must be in"),
        (DiverseBatch(shortlist=0), ValueError, "shortlist must be at least 1"),
        (DiverseBatch("marginn"), ValueError, "base must be one of 'margin'"),
        (ClassBalanced(Margin), TypeError, "base must be an instance, got the class"),
    ],
)
def test_bad_parameters(view, pool, strategy, error, match):
    with pytest.raises(error, match=match):
        strategy(view, pool, 3)


@pytest.mark.parametrize("score", [0.5, "high", np.zeros(99), [[1], [2, 3]]])
@pytest.mark.parametrize(
    "wrap", [ClassBalanced, Deduplicate, DiverseBatch, lambda b: Mixture([("a", b)])]
)
def test_what_a_function_tells_that_is_no_score_a_row_is_not_taken_for_one(
    view, pool, wrap, score
):
    def first(learner, X, n_instances=1):
        return np.arange(n_instances), {"score": score}

    picked, info = split_result(wrap(first)(view, pool, 6, random_state=0))
    assert len(set(picked)) == 6
    assert not isinstance(wrap(first), DiverseBatch) or info["score"] is score
    assert isinstance(wrap(first), DiverseBatch) or "score" not in info


def test_lists_of_any_length_that_a_base_tells_follow_its_rows(view, pool):
    def first(learner, X, n_instances=1):
        return np.arange(n_instances), {"parts": [[i] * (i + 1) for i in range(12)]}

    picked, info = DiverseBatch(first, shortlist=4)(view, pool, 3, random_state=0)
    assert info["parts"] == [[i] * (i + 1) for i in picked]


# All of them -------------------------------------------------------------------

WRAPPERS = [DiverseBatch, StochasticBatch, ClassBalanced, Deduplicate]


@pytest.mark.parametrize(
    "strategy",
    [
        DiverseBatch(CommitteeStd(), method="mmr"),
        StochasticBatch(CommitteeStd()),
        Deduplicate(CommitteeStd(), metric="euclidean"),
        Mixture([("far", GreedySampling()), ("unsure", CommitteeStd())]),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_batches_for_a_regressor(rng, strategy):
    X = rng.normal(size=(200, 4))
    learner = ActiveLearner(
        RandomForestRegressor(5), strategy, n_labels=30, random_state=0
    )
    assert learner.fit(X, X[:, 0] ** 2).n_iter_ == 2


@pytest.mark.parametrize("wrapper", [DiverseBatch, StochasticBatch, Deduplicate])
def test_batches_for_many_labels_a_row(rng, wrapper):
    X = rng.normal(size=(200, 4))
    Y = (X[:, :3] > 0).astype(int)
    learner = ActiveLearner(
        RandomForestClassifier(5), wrapper("entropy"), n_labels=30, random_state=0
    )
    assert learner.fit(X, Y).n_iter_ == 2


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_needs_what_its_base_needs(wrapper):
    own = {"DiverseBatch": {"embed"}, "Deduplicate": {"embed"}}
    own = own.get(wrapper.__name__, {"proba"} & wrapper().needs - {"samples"})
    if wrapper is StochasticBatch:
        own = set()
    assert wrapper(KLDivergence()).needs == own | {"samples"}
    assert Mixture([("a", wrapper(KLDivergence())), ("b", "random")]).needs == (
        own | {"samples"}
    )


def test_a_need_of_the_base_is_checked_before_any_work(digits):
    learner = ActiveLearner(
        LogisticRegression(), DiverseBatch(Deduplicate(KLDivergence())), n_labels=50
    )
    with pytest.raises(TypeError, match=r"DiverseBatch needs samples.*members"):
        learner.fit(digits[0], digits[2])


def test_nested_parameters_are_tuned(digits):
    X, X_test, y, _ = digits
    learner = ActiveLearner(
        LogisticRegression(max_iter=500),
        DiverseBatch(StochasticBatch("entropy")),
        n_labels=40,
        n_initial=20,
        random_state=0,
    )
    grid = {
        "query_strategy__base__beta": [1, 8],
        "query_strategy__method": ["kmeans", "mmr"],
    }
    search = GridSearchCV(learner, grid, cv=2).fit(X[:300], y[:300])
    assert set(search.best_params_) == set(grid)
    mixture = Mixture([("a", "random"), ("b", DiverseBatch(Deduplicate("margin")))])
    learner.set_params(query_strategy=mixture)
    grid = {
        "query_strategy__b__base__threshold": [0.01, 0.1],
        "query_strategy__weights": [[1, 1], {20: [1, 0], 40: [0, 1]}],
    }
    search = GridSearchCV(learner, grid, cv=2).fit(X[:300], y[:300])
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(
        copy.query(X_test, 5)[0], search.best_estimator_.query(X_test, 5)[0]
    )


def test_scores_are_handed_on_two_deep(view, pool):
    strategy = Deduplicate(DiverseBatch(ClassBalanced("entropy"), 2), 0.001)
    picked, info = strategy(view, pool, 10, random_state=0)
    scores = as_told(ClassBalanced("entropy")(view, pool, len(pool)))
    by_row = dict(zip(scores[0].tolist(), scores[1]["score"], strict=True))
    assert np.allclose(info["score"], [by_row[i] for i in picked])
