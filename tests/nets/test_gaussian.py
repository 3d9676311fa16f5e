"""criterion="gaussian_nll": a net that predicts the noise of its targets."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from skal import ActiveLearner, ModelView
from skal.nets import NetRegressor
from skal.nets._gaussian import gaussian_nll
from skal.query import CommitteeStd


def softplus(x):
    return np.log1p(np.exp(x))


class Known(nn.Module):
    """Means that dropout switches on and off, and a variance that it leaves alone."""

    def __init__(self, slope=0.5, raw=-1.0):
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.slope = nn.Parameter(torch.tensor(slope))
        self.raw = nn.Parameter(torch.tensor(raw))

    def forward(self, x):
        mean = self.slope * self.dropout(x)  # (m, 1): nothing, or twice as much
        return torch.cat([mean, self.raw.expand_as(mean)], dim=1)


@pytest.fixture(scope="module")
def known():
    """Return a net that is left as it began, on targets of mean 0 and spread 10."""
    params = {"criterion": "gaussian_nll", "lr": 0.0, "weight_decay": 0.0}
    net = NetRegressor(Known, max_steps=1, random_state=0, **params)
    return net.fit([[1.0], [1.0]], [-10.0, 10.0])


def test_the_loss_is_the_negative_logarithm_of_the_density():
    outputs, y = np.array([[0.3, -1.0, 0.5, 2.0]]), np.array([[1.0, -2.0]])
    value = gaussian_nll(torch.tensor(outputs), torch.tensor(y), full=True)
    expected = -norm(outputs[:, :2], np.sqrt(softplus(outputs[:, 2:]) + 1e-6)).logpdf(y)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_the_noise_of_each_group_is_recovered():
    """Where both are free in a group, those of its rows are likeliest."""
    rng = np.random.RandomState(0)
    group = np.arange(400) % 2
    y = np.where(group, 5.0, 20.0) + rng.randn(400) * np.where(group, 0.5, 4.0)
    net = NetRegressor(
        nn.Linear,
        module__in_features=2,
        module__out_features=2,
        criterion="gaussian_nll",
        batch_size=400,
        lr=0.1,
        weight_decay=0.0,
        max_steps=250,
        random_state=0,
    )
    net.fit(np.eye(2)[group], y)
    mean, std = net.predict(np.eye(2), return_std=True)
    np.testing.assert_allclose(mean, [y[group == g].mean() for g in (0, 1)], rtol=0.02)
    np.testing.assert_allclose(std, [y[group == g].std() for g in (0, 1)], rtol=0.03)


def test_a_net_of_the_default_module_recovers_one_noise_level():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (600, 1))
    y = 3 * X[:, 0] + 0.5 * rng.randn(600)
    net = NetRegressor(criterion="gaussian_nll", max_steps=150, random_state=0)
    std = net.fit(X, y).predict(X, return_std=True)[1]
    assert std.mean() == pytest.approx(0.5, abs=0.1)


def test_the_two_kinds_of_uncertainty_are_told_apart(known):
    """Half of the masks leave out the mean, the others double it: its spread is x / 2.

    The variance that the net predicts is the same under all. Units are those of y.
    """
    X = np.array([[0.0], [1.0], [2.0]])
    aleatoric, epistemic = known.predict_variance(X, n_samples=2000, random_state=0)
    np.testing.assert_allclose(aleatoric, 100 * (softplus(-1.0) + 1e-6), rtol=1e-5)
    np.testing.assert_allclose(epistemic, 100 * (0.5 * X[:, 0]) ** 2, rtol=0.01)


def test_draws_spread_by_what_is_not_known_and_with_noise_by_all(known):
    X = np.array([[0.0], [1.0], [2.0]])
    parts = known.predict_variance(X, 600, random_state=0)
    means = known.sample_predict(X, 600, random_state=0)
    np.testing.assert_allclose(means.var(axis=0), parts.epistemic)
    targets = known.sample_predict(X, 600, random_state=0, noise=True)
    whole = parts.aleatoric + parts.epistemic
    np.testing.assert_allclose(targets.var(axis=0), whole, rtol=0.15)


def test_the_noise_of_draws_repeats_and_does_not_depend_on_their_number(known):
    X = np.ones((4, 1))
    long = known.sample_predict(X, 6, random_state=1, noise=True)
    np.testing.assert_array_equal(
        known.sample_predict(X, 3, random_state=1, noise=True), long[:3]
    )
    assert len(np.unique(long)) == long.size


def test_strategies_ask_for_what_is_not_known_not_for_noise(known):
    X = np.array([[0.0], [1.0], [2.0]])
    expected = known.sample_predict(X, random_state=3).std(axis=0)
    view = ModelView(known, random_state=np.random.RandomState(0))
    view._seed = 3
    np.testing.assert_allclose(view.predict_std(X), expected)
    scores = CommitteeStd().score_samples(known, X)
    assert scores.argmax() == 2
    assert scores[0] == 0


def test_a_learner_asks_by_it(known):
    X = np.linspace(-1, 1, 60)[:, None]
    net = NetRegressor(criterion="gaussian_nll", max_steps=5)
    learner = ActiveLearner(net, "committee_std", n_labels=30, random_state=0)
    assert learner.fit(X, X[:, 0]).predict(X).shape == (60,)


def test_several_targets_have_a_noise_each():
    rng = np.random.RandomState(0)
    X = rng.randn(50, 3)
    Y = np.column_stack([X[:, 0], 1000 * X[:, 1]])
    net = NetRegressor(criterion="gaussian_nll", max_steps=20, random_state=0).fit(X, Y)
    mean, std = net.predict(X, return_std=True)
    assert mean.shape == std.shape == Y.shape
    assert (std[:, 1] > 50 * std[:, 0]).all()
    assert net.sample_predict(X, 4, noise=True).shape == (4, *Y.shape)
    assert net.predict_variance(X, 4).aleatoric.shape == Y.shape


@pytest.mark.parametrize(
    ("criterion", "params"),
    [
        ("gaussian_nll", {"criterion__eps": 0.25}),
        (nn.GaussianNLLLoss(eps=0.25), {}),
        (nn.GaussianNLLLoss, {"criterion__eps": 0.25}),
    ],
)
def test_the_least_variance_can_be_set(criterion, params):
    net = NetRegressor(Known, criterion=criterion, module__raw=-50.0, lr=0.0, **params)
    net.set_params(max_steps=1, random_state=0).fit([[1.0], [1.0]], [-2.0, 2.0])
    std = net.predict([[1.0]], return_std=True)[1]
    np.testing.assert_allclose(std, 2 * 0.5, rtol=1e-5)


def test_early_stopping_and_weights_work():
    rng = np.random.RandomState(0)
    X = rng.randn(80, 2)
    params = {"early_stopping": True, "max_steps": 30, "random_state": 0}
    net = NetRegressor(criterion="gaussian_nll", **params)
    weight = np.where(np.arange(80) < 40, 0.0, 1.0)
    y = np.where(np.arange(80) < 40, 1e6, X[:, 0])
    assert abs(net.fit(X, y, sample_weight=weight).predict(X)).max() < 100


def test_weights_of_a_net_that_predicts_noise_are_loaded(tmp_path):
    X = np.random.RandomState(0).randn(30, 2)
    net = NetRegressor(criterion="gaussian_nll", max_steps=3, random_state=0)
    net.fit(X, 7 * X[:, 0] + 3)
    net.save_params(f_params=tmp_path / "weights.pt")
    other = NetRegressor(criterion="gaussian_nll", max_steps=1).fit(X, X[:, 0])
    other.load_params(f_params=tmp_path / "weights.pt")
    np.testing.assert_array_equal(
        other.predict(X, return_std=True), net.predict(X, return_std=True)
    )


# What is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda net, X: net.predict(X, return_std=True), "return_std=True needs a net"),
        (lambda net, X: net.sample_predict(X, noise=True), "noise=True needs a net"),
        (lambda net, X: net.predict_variance(X), "predict_variance needs a net that"),
    ],
)
def test_a_net_of_another_loss_does_not_know_the_noise(ask, message):
    X = [[0.0], [1.0]]
    net = NetRegressor(max_steps=1).fit(X, [0.0, 1.0])
    with pytest.raises(ValueError, match=message):
        ask(net, X)
    assert ModelView(net).predict_std(X).shape == (2,)


def test_a_fit_that_goes_on_cannot_begin_to_predict_noise():
    X = [[0.0], [1.0]]
    net = NetRegressor(max_steps=1).fit(X, [0.0, 1.0])
    net.set_params(criterion="gaussian_nll")
    with pytest.raises(ValueError, match="criterion must predict noise, or not, as in"):
        net.partial_fit(X, [0.0, 1.0])
    assert net.fit(X, [0.0, 1.0]).predict(X, return_std=True)[1].shape == (2,)


def test_a_fit_that_goes_on_takes_up_another_least_variance():
    """The net trained with the new one, and answered with the old."""
    net = NetRegressor(Known, max_steps=1, criterion="gaussian_nll", lr=0.0)
    net.fit([[1.0], [1.0]], [-10.0, 10.0])
    before = net.predict([[1.0]], return_std=True)[1] ** 2
    net.set_params(criterion__eps=0.5).partial_fit([[1.0], [1.0]], [-10.0, 10.0])
    after = net.predict([[1.0]], return_std=True)[1] ** 2
    np.testing.assert_allclose(after - before, 100 * (0.5 - 1e-6), rtol=1e-4)
