"""What a fitted net hands out to posteriors, and what of it pickles keep."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from torch import nn

from skal._seed import draw_seed
from skal.nets import CNNClassifier, MLPNetClassifier, NetClassifier, NetRegressor
from skal.posterior import LaplaceClassifier, MCDropoutCommittee

#: What pickles of skal 0.1.0 hold of a fit.
SAVED = {
    NetClassifier: {"_classes", "_head_name", "_layout"},
    NetRegressor: {"_head_name", "_layout", "_mean", "_one_target", "_scale"},
}
#: Where they look for classes.
PATHS = [
    "skal.nets._cnn.CNNClassifier",
    "skal.nets._cnn.ConvNet",
    "skal.nets._cnn.HalvingMaxPool",
    "skal.nets._dropout_calls.Dropout",
    "skal.nets._frozen.FrozenBackbone",
    "skal.nets._layout.Layout",
    "skal.nets._mc_dropout.LastDropout",
    "skal.nets._mlp.MLPNetClassifier",
    "skal.nets._mlp_module.MLP",
    "skal.nets._net.NetClassifier",
    "skal.nets._regressor.NetRegressor",
    "skal.nets._resnet.ResNet18",
    "skal.nets._resnet.ResNetClassifier",
    "skal.nets._standardize.Standardize",
]


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=300)
    return rng.normal(size=(300, 4)) + y[:, None], y


@pytest.fixture(scope="module")
def net(blobs):
    return MLPNetClassifier(hidden=(8,), max_steps=20, random_state=0).fit(*blobs)


def joined(batches, dim=0):
    return torch.cat(list(batches), dim=dim).detach().numpy()


@pytest.mark.parametrize("bfloat16", [False, True])
def test_passes_are_what_the_answers_come_from(bfloat16, net, blobs):
    X, _ = blobs
    net = clone(net).set_params(bfloat16=bfloat16).fit(*blobs)
    passes = net.passes()
    outputs = joined(passes.outputs(X))
    assert [len(batch) for batch in passes.batches(X)] == [256, 44]
    np.testing.assert_array_equal(outputs, net.forward(X).numpy())
    E = joined(passes.embeddings(X))
    np.testing.assert_array_equal(E, net.embed(X))
    np.testing.assert_array_equal(joined(passes.head_outputs(E)), outputs)
    assert passes.head is net.module_[-1]
    assert not passes.module.training
    draws = passes.dropout_outputs(X, 3, draw_seed(7), "all")
    proba = torch.from_numpy(joined(draws, dim=1)).softmax(dim=2).numpy()
    np.testing.assert_array_equal(proba, net.sample_proba(X, 3, random_state=7))


def test_the_dropout_before_the_head_is_found(net, blobs):
    X, _ = blobs
    assert net.passes().dropout_before_head(X[:1]).width == 8

    def network(n_features, n_classes):
        last = nn.Linear(8, n_classes)
        return nn.Sequential(nn.Linear(n_features, 8), nn.Dropout(), nn.ReLU(), last)

    other = NetClassifier(network, max_steps=1).fit(*blobs)
    assert other.passes().dropout_before_head(X[:1]) is None


def test_an_unfitted_net_has_no_passes():
    with pytest.raises(NotFittedError):
        MLPNetClassifier().passes()


class OnlyPublic(ClassifierMixin, BaseEstimator):
    """Shows of a net what has a public name."""

    def __init__(self, net=None):
        self.net = net

    def fit(self, X, y):
        vars(self)["_inside"] = clone(self.net).fit(X, y)
        return self

    def predict_proba(self, X):
        return self._inside.predict_proba(X)

    def __getattr__(self, name):
        if name.startswith("_") or "_inside" not in vars(self):
            raise AttributeError(name)
        return getattr(self._inside, name)


@pytest.mark.parametrize(
    "posterior",
    [
        MCDropoutCommittee(n_samples=5, random_state=0),
        MCDropoutCommittee(n_samples=5, dropout="all", random_state=0),
        LaplaceClassifier(prior_precision=1.0, random_state=0),
        LaplaceClassifier(
            subset_of_weights="all",
            structure="diag",
            prior_precision=1.0,
            random_state=0,
        ),
    ],
    ids=["last", "all", "last layer", "all weights"],
)
def test_posteriors_ask_a_net_for_nothing_private(posterior, net, blobs):
    X, y = blobs
    direct = clone(posterior).set_params(estimator=net).fit(X, y)
    shown = clone(posterior).set_params(estimator=OnlyPublic(net)).fit(X, y)
    for ask in (lambda p: p.predict_proba(X), lambda p: p.sample_proba(X, 3)):
        np.testing.assert_array_equal(ask(shown), ask(direct))


@pytest.mark.parametrize("kind", SAVED)
def test_pickles_of_before_load(kind, blobs):
    X, y = blobs
    net = kind(max_steps=5, random_state=0).fit(X, y)
    state = net.__getstate__()
    public = {name: value for name, value in state.items() if name[0] != "_"}
    private = {name: state[name] for name in SAVED[kind]}
    again = kind.__new__(kind)
    again.__setstate__(pickle.loads(pickle.dumps({**public, **private})))
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    np.testing.assert_array_equal(again.embed(X), net.embed(X))
    again.partial_fit(X, y)
    np.testing.assert_array_equal(
        again.predict(X), pickle.loads(pickle.dumps(net)).partial_fit(X, y).predict(X)
    )


@pytest.mark.parametrize("path", PATHS)
def test_classes_stay_where_pickles_of_before_look_for_them(path):
    module, _, name = path.rpartition(".")
    text = f"c{module}\n{name}\n."  # the oldest protocol is plain text
    assert pickle.loads(text.encode()).__name__ == name


def test_a_net_made_without_rows_learns_from_pixels(rng):
    """It used to hand them to the module as they came, unscaled and as uint8."""
    X = rng.randint(256, size=(40, 8, 8)).astype(np.uint8)
    y = np.arange(40) % 2
    params = {"classes": [0, 1], "input_shape": (1, 8, 8), "max_steps": 3}
    net = CNNClassifier(**params, random_state=0).initialize()
    proba = net.partial_fit(X, y).predict_proba(X)
    scaled = CNNClassifier(**params, random_state=0).initialize()
    scaled.partial_fit(X.astype(np.float32) / 255, y)
    np.testing.assert_allclose(
        proba, scaled.predict_proba(X.astype(np.float32) / 255), rtol=1e-4
    )
    with pytest.raises(ValueError, match="X must hold uint8 pixels"):
        net.predict(X.astype(float))
