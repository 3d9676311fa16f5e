"""ExpectedImprovement and its kin look for the best row, as modAL's optimisers do."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, ModelView
from skal.query import (
    ExpectedImprovement,
    ProbabilityOfImprovement,
    Shortlist,
    UpperConfidenceBound,
)
from skal.query.functional import (
    expected_improvement,
    probability_of_improvement,
    upper_confidence_bound,
)

SEARCHES = [ExpectedImprovement, ProbabilityOfImprovement, UpperConfidenceBound]
each_search = pytest.mark.parametrize("search", SEARCHES)


@pytest.fixture
def hills(rng):
    """A pool on a line, and a target with several maxima."""
    X = np.sort(rng.uniform(0, 10, size=120))[:, np.newaxis]
    return X, np.sin(X[:, 0]) + X[:, 0] / 10


def process():
    return GaussianProcessRegressor(optimizer=None, alpha=1e-6)


def view_of(model, X, y, n=12):
    return ModelView(model.fit(X[:n], y[:n]), X[:n], y[:n], random_state=0)


# The formulas ------------------------------------------------------------------


@pytest.mark.parametrize("tradeoff", [0.0, 0.7])
def test_expected_improvement_is_the_mean_of_what_exceeds_the_best(tradeoff, rng):
    mean, std, best = rng.normal(size=9), rng.uniform(0.1, 2, size=9), 0.4
    found = expected_improvement(mean, std, best, tradeoff=tradeoff)
    threshold = best + tradeoff
    for m, s, value in zip(mean, std, found, strict=True):
        exceeds = norm(m, s).expect(above(threshold), lb=threshold)
        assert value == pytest.approx(exceeds, rel=1e-5, abs=1e-9)
    chances = probability_of_improvement(mean, std, best, tradeoff=tradeoff)
    np.testing.assert_allclose(chances, norm.sf(threshold, mean, std))


def above(threshold):
    return lambda f: f - threshold


def test_far_below_the_best_the_order_is_kept():
    """The two terms of the formula cancel there, and their difference is rounding."""
    z = -np.arange(1.0, 38.0)
    scores = expected_improvement(z, np.ones(len(z)), 0.0)
    assert (np.diff(scores) < 0).all()
    assert (scores > 0).all()
    asymptotic = norm.pdf(z) / z**2  # times 1 - 3 / z^2 and less
    np.testing.assert_allclose(scores[-8:], asymptotic[-8:], rtol=4e-3)


def test_without_a_spread_the_mean_decides():
    mean, std = [0.0, 1.0, 3.0], np.zeros(3)
    np.testing.assert_array_equal(expected_improvement(mean, std, 1.0), [0, 0, 2])
    np.testing.assert_array_equal(probability_of_improvement(mean, std, 1.0), [0, 0, 1])
    np.testing.assert_array_equal(upper_confidence_bound(mean, std), mean)
    tiny = np.full(3, 1e-310)  # its reciprocal is no number
    found = expected_improvement(mean, tiny, 1.0)
    np.testing.assert_allclose(found, [0, 0, 2], atol=1e-300)
    np.testing.assert_allclose(probability_of_improvement(mean, tiny, 1.0), [0, 0.5, 1])


def test_bad_arrays_are_refused():
    with pytest.raises(ValueError, match=r"mean and std must have one number a row"):
        upper_confidence_bound([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match=r"std must be 0 or more, got -1"):
        expected_improvement([1.0], [-1.0], 0.0)
    with pytest.raises(ValueError, match=r"mean must be an array of shape \(n,\)"):
        probability_of_improvement(np.ones((2, 2)), np.ones((2, 2)), 0.0)
    with pytest.raises(TypeError, match="std must be real numbers"):
        upper_confidence_bound([1.0], ["a"])
    with pytest.raises(TypeError, match="best must be a number"):
        expected_improvement([1.0], [1.0], None)
    with pytest.raises(ValueError, match=r"beta must be in \[0, inf\], got -1"):
        upper_confidence_bound([1.0], [1.0], beta=-1)


# The strategies ----------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [process(), BayesianRidge(), RandomForestRegressor(10, random_state=0)],
    ids=lambda model: type(model).__name__,
)
def test_they_read_mean_spread_and_best_label(model, hills):
    X, y = hills
    view = view_of(make_pipeline(StandardScaler(), model), X, y)
    mean, best = view.estimator.predict(X), y[:12].max()
    if isinstance(model, RandomForestRegressor):
        Z = view.estimator[0].transform(X)
        std = np.std([tree.predict(Z) for tree in model.estimators_], axis=0)
    else:
        std = view.estimator.predict(X, return_std=True)[1]
    expected = {
        ExpectedImprovement(0.1): expected_improvement(mean, std, best, tradeoff=0.1),
        ProbabilityOfImprovement(): probability_of_improvement(mean, std, best),
        UpperConfidenceBound(2.0): mean + 2 * std,
    }
    for strategy, scores in expected.items():
        found = strategy.score_samples(view, X)
        np.testing.assert_allclose(found, scores, rtol=1e-6, atol=1e-12)


@each_search
def test_the_least_of_a_target_is_the_largest_of_its_negative(search, hills):
    X, y = hills
    most = search().score_samples(view_of(process(), X, -y), X)
    least = search(maximize=False).score_samples(view_of(process(), X, y), X)
    np.testing.assert_allclose(least, most, rtol=1e-6, atol=1e-12)


def test_draws_of_a_network_serve(torch, hills):
    from skal.nets import NetRegressor

    X, y = hills
    X, y = X.astype(np.float32), y.astype(np.float32)
    net = NetRegressor(max_steps=20, random_state=0)
    view = view_of(net, X, y)
    best = float(y[:12].max())
    draws = view.sample_predict(X, 8)
    expected = expected_improvement(net.predict(X), draws.std(axis=0), best)
    found = ExpectedImprovement(n_samples=8).score_samples(view, X)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("maximize", [True, False])
@each_search
def test_a_search_finds_the_best_row(search, maximize, hills):
    X, y = hills
    learner = ActiveLearner(
        process(),
        search(maximize=maximize),
        n_initial=4,
        n_labels=20,
        batch_size=1,
        random_state=0,
    ).fit(X, y)
    found = learner.y_training_
    if maximize:
        assert found.max() >= np.sort(y)[-3]
    else:
        assert found.min() <= np.sort(y)[2]


@each_search
def test_several_targets_have_no_best_row(search, hills):
    X, y = hills
    Y = np.column_stack([y, -y])
    view = view_of(RandomForestRegressor(3, random_state=0), X, Y)
    match = rf"{search.__name__} needs one target, got 2\. Optimise one of them"
    with pytest.raises(ValueError, match=match):
        search()(view, X, 1)


def test_a_target_of_one_column_serves(hills):
    X, y = hills
    tall = view_of(RandomForestRegressor(5, random_state=0), X, y)
    tall.y_training = tall.y_training[:, np.newaxis]
    flat = view_of(RandomForestRegressor(5, random_state=0), X, y)
    strategy = ExpectedImprovement()
    np.testing.assert_array_equal(
        strategy.score_samples(tall, X), strategy.score_samples(flat, X)
    )


def test_what_they_cannot_serve_is_refused(hills):
    X, y = hills
    match = r"needs samples.*Ridge.*return_std"
    for search in SEARCHES:
        with pytest.raises(TypeError, match=match):
            search().check(Ridge(), "regression")
    with pytest.raises(TypeError, match=r"ExpectedImprovement needs labels"):
        ExpectedImprovement()(process().fit(X, y), X)
    assert len(UpperConfidenceBound()(process().fit(X, y), X)[0]) == 1
    with pytest.raises(TypeError, match=r"maximize must be True or False, got 'min'"):
        ExpectedImprovement(maximize="min").check(process(), "regression")
    with pytest.raises(TypeError, match="needs samples"):
        Shortlist("expected_improvement").check(LinearRegression(), "regression")


# Beside modAL ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["EI", "PI", "UCB"])
def test_scores_and_picks_are_those_of_modal(name, hills):
    acquisition = pytest.importorskip(
        "modAL.acquisition", reason="the extra 'modal' is not installed"
    )
    X, y = hills
    ours, options = {
        "EI": (ExpectedImprovement(0.05), {"tradeoff": 0.05}),
        "PI": (ProbabilityOfImprovement(0.05), {"tradeoff": 0.05}),
        "UCB": (UpperConfidenceBound(1.5), {"beta": 1.5}),
    }[name]
    peer = Optimizer(process(), X[::15], y[::15])
    view = ModelView(peer.model, X[::15], y[::15])
    expected = getattr(acquisition, f"optimizer_{name}")(peer, X, **options)
    np.testing.assert_allclose(ours.score_samples(view, X), expected, atol=1e-9)
    theirs = getattr(acquisition, f"max_{name}")(peer, X, n_instances=5, **options)
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    assert set(ours(view, X, 5, random_state=0)[0]) == set(theirs)


class Optimizer:
    """What modAL's functions read of its BayesianOptimizer, whose own teach fails."""

    def __init__(self, model, X, y):
        self.model = model.fit(X, y)
        self.y_max = y.max()

    def predict(self, X, return_std=False):
        return self.model.predict(X, return_std=return_std)
