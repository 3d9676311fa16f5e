"""PreferenceLearner finds out what is better, and asks little for it."""

import pickle
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal.cluster import (
    ActiveClusterer,
    DOptimalPairs,
    EntropyPairs,
    PreferenceLearner,
    ThompsonPairs,
)
from skal.cluster._bradley_terry import Utilities
from skal.cluster._order import PartialOrder

OVER = pytest.mark.parametrize("over", ["features", "items"])
STRATEGIES = pytest.mark.parametrize("strategy", ["d_optimal", "thompson", "uniform"])


def wished(n=30, d=4, seed=0):
    """Return rows, and utilities that are linear in them."""
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d)
    return X, X @ rng.randn(d)


@parametrize_with_checks([PreferenceLearner(n_queries=5)])
def test_scikit_learn_takes_it_for_an_estimator(estimator, check):
    check(estimator)


# The belief -----------------------------------------------------------------------


def some_answers(n, rng, m=12):
    pairs = np.array([rng.choice(n, 2, replace=False) for _ in range(m)])
    return pairs, rng.uniform(-1, 1, m)


@OVER
def test_utilities_are_the_most_probable_ones(over, rng):
    """Against scipy's own minimum of the posterior written out."""
    X = rng.randn(9, 3)
    pairs, values = some_answers(8, rng)  # nobody asks about item 8
    Z = X if over == "features" else np.eye(9)

    def surprise(weights):
        z = (Z[pairs[:, 0]] - Z[pairs[:, 1]]) @ weights
        wins = (1 + values) / 2
        loss = -wins * np.log(expit(z)) - (1 - wins) * np.log(expit(-z))
        return loss.sum() + weights @ weights / 2 / 4

    best = minimize(surprise, np.zeros(Z.shape[1]), tol=1e-12).x
    given = X if over == "features" else None
    belief = Utilities.of(9, given, 2.0, pairs, values)
    np.testing.assert_allclose(belief.mean, Z @ best, atol=1e-4)


def covariance_written_out(Z, pairs, belief, variance):
    B = Z[pairs[:, 0]] - Z[pairs[:, 1]]
    chance = expit(belief.mean[pairs[:, 0]] - belief.mean[pairs[:, 1]])
    curvature = chance * (1 - chance)
    precision = (B.T * curvature) @ B + np.eye(Z.shape[1]) / variance
    return Z @ np.linalg.inv(precision) @ Z.T


@OVER
def test_the_belief_is_laplaces(over, rng):
    X = rng.randn(9, 3)
    pairs, values = some_answers(8, rng)
    Z = X if over == "features" else np.eye(9)
    belief = Utilities.of(9, X if over == "features" else None, 2.0, pairs, values)
    expected = covariance_written_out(Z, pairs, belief, 4)
    some = np.array([7, 8, 0, 3])
    np.testing.assert_allclose(belief.covariance(some), expected[np.ix_(some, some)])
    np.testing.assert_allclose(belief.std() ** 2, expected.diagonal())


@OVER
def test_draws_have_the_mean_and_covariance_of_the_belief(over, rng):
    X = rng.randn(6, 3)
    pairs, values = some_answers(5, rng)
    belief = Utilities.of(6, X if over == "features" else None, 1.5, pairs, values)
    draws = belief.sample(40_000, rng)
    np.testing.assert_allclose(draws.mean(axis=0), belief.mean, atol=0.05)
    expected = belief.covariance(np.arange(6))
    np.testing.assert_allclose(np.cov(draws.T), expected, atol=0.12)


def test_one_answer_by_hand():
    """Of two items, one better: u = -u' solves u = s² (1 - p), p = 1 / (1 + e^-2u)."""
    learner = PreferenceLearner(over="items", prior_scale=1.0).fit(["a", "b"])
    learner.teach([[0, 1]], [True])
    u = learner.scores_[0]
    assert u == pytest.approx(1 - expit(2 * u))
    np.testing.assert_allclose(learner.scores_, [u, -u])
    assert learner.rank().tolist() == [0, 1]
    p = learner.pair_proba([[0, 1], [1, 0]])
    assert 0.5 < p[0] < expit(2 * u)  # less sure than the mode is
    assert p.sum() == pytest.approx(1)


@OVER
def test_answers_between_yes_and_no(over):
    X = [[0.0], [1.0]]
    learner = PreferenceLearner(over=over, prior_scale=1.0).fit(X)
    sure = clone(learner).fit(X).teach([[1, 0]], [1.0]).scores_
    likely = clone(learner).fit(X).teach([[1, 0]], [0.5]).scores_
    same = clone(learner).fit(X).teach([[1, 0]], [0.0]).scores_
    unknown = clone(learner).fit(X).teach([[1, 0]], [None])
    assert sure[1] > likely[1] > same[1] == 0
    assert (unknown.scores_ == 0).all()
    assert unknown.n_queries_ == 1
    assert len(unknown.query()) == 0  # not asked again


# The order ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_what_chains_imply_against_reachability_by_hand(seed):
    rng = np.random.RandomState(seed)
    n, m = 12, [4, 8, 12, 16, 24, 40][seed]
    pairs = np.array([rng.choice(n, 2, replace=False) for _ in range(m)]) + 100
    values = rng.choice([-1, 1, 1, 0.5, np.nan], m)
    reach = np.zeros((n, n), bool)
    for (i, j), value in zip(pairs - 100, values, strict=True):
        if abs(value) == 1:
            reach[(i, j) if value == 1 else (j, i)] = True
    for k in range(n):
        reach |= np.outer(reach[:, k], reach[k])
    every = np.array([(i, j) for i in range(n) for j in range(n) if i != j])
    expected = reach[tuple(every.T)] ^ reach[tuple(every[:, ::-1].T)]
    found = PartialOrder(pairs, values).implies(every + 100)
    np.testing.assert_array_equal(found, expected)


def test_a_long_chain_is_no_trouble():
    n = 3000
    chain = np.column_stack([np.arange(n - 1), np.arange(1, n)])
    order = PartialOrder(chain, np.ones(n - 1))
    assert order.implies(np.array([[0, n - 1], [n - 1, 0], [17, 4]])).all()


@OVER
@STRATEGIES
def test_nothing_is_asked_twice_or_implied_until_everything_is_known(over, strategy):
    X, utility = wished(9)
    asked = []

    def oracle(i, j):
        asked.append(frozenset((i, j)))
        better = {(a, b) for a, b in known if utility[a] > utility[b]}
        chain = {i, j}
        for start, end in ((i, j), (j, i)):
            reached = {start}
            for _ in range(9):
                reached |= {b for a, b in better if a in reached}
            assert end not in reached, f"{chain} is implied"
        known.extend([(i, j), (j, i)])
        return bool(utility[i] > utility[j])

    known = []
    learner = PreferenceLearner(strategy, over=over, n_queries=None, random_state=0)
    learner.fit(X, oracle=oracle)
    assert len(set(asked)) == len(asked) == learner.n_queries_ <= 36
    assert len(learner.query(5)) == 0


def test_a_circle_implies_nothing():
    learner = PreferenceLearner("uniform", over="items", random_state=0)
    learner.fit(range(4)).teach([[0, 1], [1, 2], [2, 0], [0, 3]], [True] * 4)
    # 3 is below the whole circle: what is left is nothing
    assert len(learner.query(9)) == 0
    learner.fit(range(4)).teach([[0, 1], [1, 2], [2, 3], [3, 0]], [True] * 4)
    assert {frozenset(p) for p in learner.query(9).tolist()} == {
        frozenset((0, 2)),
        frozenset((1, 3)),
    }


# The strategies -------------------------------------------------------------------


def test_d_optimal_pairs_shrink_the_determinant_most(rng):
    """Each pair of a batch is the best of all, given those before it."""
    X, utility = wished(8, 3)
    learner = PreferenceLearner(DOptimalPairs(), n_queries=6, random_state=0)
    learner.fit(X, utility)
    batch = learner.query(3)
    belief = learner._belief
    precision = np.linalg.inv(belief._solve(np.eye(3)))
    open_pairs = {frozenset(pair) for pair in combinations(range(8), 2)}
    order = PartialOrder(learner.pairs_, learner.answers_)
    open_pairs -= {frozenset(p) for p in learner.pairs_.tolist()}
    open_pairs = {p for p in open_pairs if not order.implies(np.array([[*p]]))[0]}

    def information(pair):
        i, j = pair
        d = belief.Z[i] - belief.Z[j]
        chance = expit(belief.mean[i] - belief.mean[j])
        return chance * (1 - chance) * np.outer(d, d)

    for pair in batch.tolist():
        gains = {
            other: np.linalg.slogdet(precision + information(other))[1]
            for other in open_pairs
        }
        assert gains[frozenset(pair)] == pytest.approx(max(gains.values()))
        precision = precision + information(pair)
        open_pairs.remove(frozenset(pair))


def test_d_optimal_compares_a_sample_of_many_items_and_finds_what_is_left():
    X, utility = wished(24)
    learner = PreferenceLearner(
        DOptimalPairs(n_candidates=5), over="items", n_queries=None, batch_size=3
    )
    learner.fit(X, utility)
    every = np.array([*combinations(range(24), 2)])
    assert PartialOrder(learner.pairs_, learner.answers_).implies(every).all()
    assert len(learner.query()) == 0


def test_thompson_finds_the_best_and_leaves_the_others_alone():
    X, utility = wished(60)
    learner = PreferenceLearner("thompson", n_queries=25, random_state=0)
    learner.fit(X, utility)
    top = set(np.argsort(-utility)[:3])
    assert learner.rank()[0] in top
    asked = utility[learner.pairs_[8:]]
    assert asked.mean() > utility.mean() + utility.std()


def test_moving_the_rows_moves_the_pairs():
    """Where nothing ties, chance has no say: three answers make all pairs differ."""
    X, utility = wished(12)
    given = [[0, 1], [2, 3], [4, 5]]
    order = np.random.RandomState(3).permutation(12)
    place = np.argsort(order)
    learner = PreferenceLearner(random_state=0).fit(X)
    moved = PreferenceLearner(random_state=1).fit(X[order])
    answers = [utility[i] > utility[j] for i, j in given]
    asked = learner.teach(given, answers).query(4)
    asked_moved = order[moved.teach(place[given], answers).query(4)]
    np.testing.assert_array_equal(np.sort(asked), np.sort(asked_moved))


def best_by_tau(strategy, n, noise, seed, over="features"):
    X, utility = wished(200, 10, seed)
    rng = np.random.RandomState(seed)

    def oracle(i, j):
        odds = 2 * (utility[i] - utility[j]) / utility.std()
        return rng.uniform() < expit(odds) if noise else bool(odds > 0)

    learner = PreferenceLearner(strategy, over=over, n_queries=n, random_state=seed)
    return kendalltau(learner.fit(X, oracle=oracle).scores_, utility).statistic


@pytest.mark.long
def test_a_third_of_the_answers_order_200_items_as_well_as_random_pairs():
    assert best_by_tau("d_optimal", 50, False, 0) > best_by_tau(
        "uniform", 150, False, 0
    )


@pytest.mark.long
@pytest.mark.parametrize("noise", [False, True])
def test_half_the_answers_order_200_items_as_well_as_random_pairs(noise):
    """Exact answers, and such as Bradley and Terry would give at two deviations."""
    seeds = range(2)
    random = np.mean([best_by_tau("uniform", 300, noise, seed) for seed in seeds])
    asked = np.mean([best_by_tau("d_optimal", 150, noise, seed) for seed in seeds])
    assert asked > random > 0.8


# The loop -------------------------------------------------------------------------


@OVER
@STRATEGIES
def test_a_simulation_is_a_live_run_pickled_at_every_step(over, strategy):
    X, utility = wished()
    options = {"over": over, "batch_size": 3, "random_state": 5}
    simulated = PreferenceLearner(strategy, n_queries=20, **options).fit(X, utility)
    live = PreferenceLearner(strategy, **options).fit(X)
    while live.n_queries_ < 20:
        n = min(3, 20 - live.n_queries_)
        pairs = live.query(n)
        live = pickle.loads(pickle.dumps(live))
        np.testing.assert_array_equal(live.query(n), pairs)  # asked again, the same
        live.teach(pairs, [utility[i] > utility[j] for i, j in pairs])
    np.testing.assert_array_equal(live.pairs_, simulated.pairs_)
    np.testing.assert_array_equal(live.scores_, simulated.scores_)
    assert simulated.history_["n_queries"].tolist() == [3, 6, 9, 12, 15, 18, 20]
    np.testing.assert_array_equal(
        np.concatenate(list(simulated.history_["pairs"])), simulated.pairs_
    )


@STRATEGIES
def test_the_same_seed_asks_the_same_and_the_global_one_is_left_alone(strategy):
    X, utility = wished()
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    learner = PreferenceLearner(strategy, over="items", n_queries=10, random_state=3)
    first = learner.fit(X, utility).pairs_
    np.testing.assert_array_equal(clone(learner).fit(X, utility).pairs_, first)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    other = clone(learner).set_params(random_state=4).fit(X, utility).pairs_
    assert (other != first).any()


def test_a_failing_teach_or_oracle_loses_nothing():
    X, utility = wished()
    learner = PreferenceLearner(n_queries=4, random_state=0).fit(X, utility)
    before = pickle.dumps(learner)
    for pairs, answers, error, match in (
        ([[0, 30]], [True], ValueError, r"pairs must be positions in \[0, 29\]"),
        ([[3, 3]], [True], ValueError, "pairs must be of two different rows"),
        ([[0, 1], [1, 2]], [True], ValueError, "one answer for each of the 2 pairs"),
        ([[0, 1], [1, 2]], [True, "yes"], TypeError, "got 'yes'"),
        ([[0, 1], [1, 2]], [True, 3], ValueError, "got 3"),
    ):
        with pytest.raises(error, match=match):
            learner.teach(pairs, answers)
        assert pickle.dumps(learner) == before

    def tired(i, j):
        if len(told) == 3:
            raise KeyboardInterrupt
        told.append((i, j))
        return True

    told = []
    with pytest.raises(KeyboardInterrupt):
        learner.fit(X, oracle=tired)
    assert [tuple(pair) for pair in learner.pairs_] == told


def test_equal_and_unknown_utilities():
    y = [1.0, 1.0, np.nan]
    learner = PreferenceLearner(over="items", n_queries=None, random_state=0)
    learner.fit(range(3), y)
    by_pair = dict(
        zip(map(frozenset, learner.pairs_.tolist()), learner.answers_, strict=True)
    )
    assert by_pair[frozenset((0, 1))] == 0
    assert np.isnan(by_pair[frozenset((1, 2))])


def test_new_rows_have_utilities_over_features():
    X, utility = wished(200)
    learner = PreferenceLearner(n_queries=40, random_state=0).fit(
        X[:100], utility[:100]
    )
    np.testing.assert_allclose(learner.predict(X[:100]), learner.scores_)
    assert learner.score(X[100:], utility[100:]) > 0.85
    ranked = utility[100:][learner.rank(X[100:])]
    assert ranked[:10].mean() > ranked[-10:].mean()
    items = PreferenceLearner(over="items").fit(X)
    assert not hasattr(items, "predict")
    with pytest.raises(
        AttributeError, match="Fit with over='features', or read scores_"
    ):
        items.rank(X)


def test_the_unit_of_the_features_does_not_matter():
    X, utility = wished()
    small = PreferenceLearner(n_queries=8, random_state=0).fit(X, utility)
    large = PreferenceLearner(n_queries=8, random_state=0).fit(1024 * X + 7, utility)
    np.testing.assert_array_equal(small.pairs_, large.pairs_)
    np.testing.assert_allclose(small.scores_, large.scores_)


def test_it_is_tuned_and_piped_as_any_estimator():
    X, utility = wished(60)
    pipe = make_pipeline(StandardScaler(), PreferenceLearner(n_queries=15))
    grid = {"preferencelearner__query_strategy": ["d_optimal", "uniform"]}
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(X, utility)
    assert search.best_score_ > 0.5


def test_a_fit_that_fails_leaves_an_unfitted_learner_unfitted():
    """It used to pass for fitted, and failed by an attribute it did not have."""
    X, _ = wished()
    learner = PreferenceLearner()
    with pytest.raises(TypeError, match="must hold utilities"):
        learner.fit(X, ["a"] * 30)
    with pytest.raises(NotFittedError):
        learner.query()
    with pytest.raises(ValueError, match="X must hold at least one item"):
        PreferenceLearner(over="items").fit([])


def test_what_was_learnt_over_features_is_gone_over_items():
    X, utility = wished()
    learner = PreferenceLearner(n_queries=4, random_state=0).fit(X, utility)
    learner.set_params(over="items").fit(X)
    assert learner.coef_ is None
    learner.set_params(over="features")
    with pytest.raises(AttributeError, match="has no attribute 'predict'"):
        learner.predict(X)
    assert learner.fit(X, utility).predict(X).shape == (30,)


def test_what_it_needs_is_said_before_any_work():
    X, utility = wished()

    def never(i, j):
        raise AssertionError("asked before the check")

    for params, error, match in (
        ({"over": "rows"}, ValueError, "over must be one of 'features', 'items'"),
        ({"prior_scale": 0}, ValueError, "prior_scale must be above 0, got 0"),
        ({"n_queries": -1}, ValueError, "n_queries must be at least 0, got -1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        (
            {"query_strategy": "d_optimum"},
            ValueError,
            "must be one of 'd_optimal', 'thompson', 'uniform', got 'd_optimum'",
        ),
        (
            {"query_strategy": EntropyPairs()},
            ValueError,
            r"that asks for preferences, got EntropyPairs\(\)\. Use one of 'd_optimal'",
        ),
        (
            {"query_strategy": DOptimalPairs(1)},
            ValueError,
            "n_candidates must be at least 2, got 1",
        ),
    ):
        with pytest.raises(error, match=match):
            PreferenceLearner(**params).fit(X, oracle=never)
        with pytest.raises(error, match=match):
            PreferenceLearner(**params).fit(X)
    with pytest.raises(ValueError, match="asks for groups, got ThompsonPairs"):
        ActiveClusterer(query_strategy=ThompsonPairs()).fit(X)
    with pytest.raises(ValueError, match="y and oracle must not be given together"):
        PreferenceLearner().fit(X, utility, oracle=never)
    with pytest.raises(TypeError, match="y must hold utilities, which are numbers"):
        PreferenceLearner().fit(X, ["a"] * 30)
    with pytest.raises(NotFittedError):
        PreferenceLearner().query()
    with pytest.raises(NotFittedError):
        PreferenceLearner().teach([[0, 1]], [True])
