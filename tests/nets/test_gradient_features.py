"""Gradient features: sketches whose inner products are those of the gradients."""

import numpy as np
import pytest
import torch
from torch import nn

from skal import ModelView
from skal.nets import CNNClassifier, MLPNetClassifier, NetClassifier, NetRegressor
from skal.nets._gradient_features import sketch_gradients
from skal.posterior import LaplaceClassifier, MCDropoutCommittee


class Branched(nn.Module):
    """Convolutions in groups, with strides and borders; a layer used twice."""

    def __init__(self, n_outputs=2):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular")
        self.grouped = nn.Conv2d(4, 4, 3, stride=2, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.twice = nn.Linear(4, 4)
        self.head = nn.Linear(4, n_outputs)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.act(self.first(x))
        x = self.norm(self.grouped(x)).flatten(2).transpose(1, 2)  # (n, places, 4)
        x = self.act(self.twice(x))
        return self.head(torch.tanh(self.twice(input=x)).mean(dim=1))


def gradients(module, batch, n_outputs):
    """Return (n, n_outputs * n_weights): every gradient, of Linear and Conv layers."""
    layers = [m for m in module.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    weights = [w for layer in layers for w in layer.parameters()]
    rows = []
    for row in batch:
        outputs = module(row[np.newaxis])[0, :n_outputs]
        each = [torch.autograd.grad(o, weights, retain_graph=True) for o in outputs]
        rows.append(torch.cat([g.flatten() for one in each for g in one]))
    return torch.stack(rows).numpy()


def off(features, G):
    """How far the inner products are from the true ones, as a share of the largest."""
    K = G @ G.T
    return np.abs(np.asarray(features) @ np.asarray(features).T - K).max() / K.max()


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_inner_products_are_those_of_the_gradients(n_outputs):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module, batch = Branched().eval(), torch.randn(8, 2, 7, 7)
    G = gradients(module, batch, n_outputs)
    features = sketch_gradients(module, batch, n_outputs, 20_000, seed=0)
    assert features.dtype == torch.float32
    assert off(features, G) < 0.05
    few = [sketch_gradients(module, batch, n_outputs, 500, seed=s) for s in range(40)]
    products = np.mean([f.numpy() @ f.numpy().T for f in few], axis=0)
    assert np.abs(products - G @ G.T).max() < 0.05 * (G @ G.T).max()


@pytest.fixture(scope="module")
def regression():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(600, 5)).astype(np.float32)
    Y = np.column_stack([X[:, 0] ** 2, 100 * X[:, 1]])
    return X, Y


def test_chunks_equal_the_whole_and_a_seed_fixes_the_sketch(regression):
    X, Y = regression
    net = NetRegressor(module__hidden=(8,), max_steps=20, random_state=0).fit(X, Y)
    whole = net.gradient_features(X, 32, random_state=1)
    assert whole.shape == (600, 32)
    parts = [net.gradient_features(part, 32, random_state=1) for part in (X[:7], X[7:])]
    np.testing.assert_allclose(whole, np.concatenate(parts), atol=1e-5)
    assert not np.allclose(whole, net.gradient_features(X, 32, random_state=2))
    view = ModelView(net, random_state=0)
    np.testing.assert_allclose(
        view.gradient_features(X[5:9], 32),
        view.gradient_features(X, 32)[5:9],
        atol=1e-5,
    )


def test_every_output_counts_in_units_of_its_own_spread(regression):
    X, Y = regression
    net = NetRegressor(module__hidden=(8,), max_steps=20, random_state=0).fit(X, Y)
    G = gradients(net.module_, torch.from_numpy(X[:20]), 2)
    assert off(net.gradient_features(X[:20], 20_000, random_state=0), G) < 0.05


def test_predicted_noise_is_no_answer(regression):
    X, Y = regression
    net = NetRegressor(
        criterion="gaussian_nll", module__hidden=(8,), max_steps=20, random_state=0
    ).fit(X, Y[:, 0])
    G = gradients(net.module_, torch.from_numpy(X[:20]), 1)
    assert off(net.gradient_features(X[:20], 20_000, random_state=0), G) < 0.05


def test_nothing_of_the_net_changes(regression):
    """Dropout is off, modes and buffers stay, hooks and gradients are gone."""
    X, Y = regression
    net = NetRegressor(module__hidden=(8,), max_steps=20, random_state=0).fit(X, Y)
    before = {k: v.clone() for k, v in net.module_.state_dict().items()}
    left = [w.grad.clone() for w in net.module_.parameters()]  # of the last step
    with torch.no_grad():
        first = net.gradient_features(X[:9], 16, random_state=0)
    np.testing.assert_array_equal(
        first, net.gradient_features(X[:9], 16, random_state=0)
    )
    assert all(torch.equal(before[k], v) for k, v in net.module_.state_dict().items())
    assert not any(m.training or m._forward_hooks for m in net.module_.modules())
    after = [w.grad for w in net.module_.parameters()]
    assert all(map(torch.equal, left, after))


class Failing(Branched):
    def forward(self, x):
        super().forward(x)
        raise RuntimeError("no answer")


def test_hooks_are_gone_after_an_error():
    with torch.random.fork_rng():
        module = Failing().eval()
    with pytest.raises(RuntimeError, match="no answer"):
        sketch_gradients(module, torch.zeros(2, 2, 7, 7), 2, 16, seed=0)
    assert not any(layer._forward_hooks for layer in module.modules())


def test_frozen_layers_teach_nothing(regression):
    X, Y = regression
    net = NetRegressor(module__hidden=(8,), max_steps=20, random_state=0).fit(X, Y)
    *_, head = net.module_.modules()
    for weight in net.module_.parameters():
        weight.requires_grad = False
    with pytest.raises(TypeError, match=r'module must have .*features="last"'):
        net.gradient_features(X[:5])
    head.weight.requires_grad = True
    E = np.column_stack([net.embed(X[:20]), np.ones(20)])
    features = net.gradient_features(X[:20], 20_000, random_state=0)
    assert off(features, np.hstack([E, E])) < 0.05  # once for each output


def test_only_whole_numbers_of_features(regression):
    X, Y = regression
    net = NetRegressor(module__hidden=(8,), max_steps=5, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="n_features must be"):
        net.gradient_features(X, 0)


@pytest.mark.parametrize("around", [LaplaceClassifier, MCDropoutCommittee])
def test_the_net_inside_a_posterior_answers(around, regression):
    X, Y = regression
    y = (Y[:, 1] > 0).astype(int)
    net = MLPNetClassifier(hidden=(8,), max_steps=20, random_state=0)
    model = around(net, random_state=0).fit(X[:60], y[:60])
    view = ModelView(model, random_state=0)
    inner = ModelView(model.estimator_, random_state=0)
    np.testing.assert_array_equal(
        view.gradient_features(X, 16), inner.gradient_features(X, 16)
    )


def test_images_and_sequences():
    rng = np.random.RandomState(0)
    X, y = rng.randint(256, size=(30, 8, 8)).astype(np.uint8), np.arange(30) % 3
    net = CNNClassifier(max_steps=3, random_state=0).fit(X, y)
    assert net.gradient_features(X, 16, random_state=0).shape == (30, 16)

    class Last(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.rnn = nn.GRU(3, 4, batch_first=True)
            self.head = nn.Linear(4, n_classes)

        def forward(self, x):
            return self.head(self.rnn(x)[0][:, -1])

    X = rng.normal(size=(30, 6, 3)).astype(np.float32)
    net = NetClassifier(Last, input_shape=(6, 3), max_steps=3, random_state=0).fit(X, y)
    assert np.isfinite(net.gradient_features(X, 16, random_state=0)).all()
