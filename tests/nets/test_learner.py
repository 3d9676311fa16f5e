"""Nets in the loop, deeper networks, and features of frozen ones."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from torchvision.models import resnet18

from skal import ActiveLearner, ModelView
from skal.nets import (
    CNNClassifier,
    FrozenBackbone,
    MLPNetClassifier,
    NetRegressor,
    ResNetClassifier,
)
from skal.nets._resnet import ResNet18, load_weights, shortcut

pytestmark = pytest.mark.usefixtures("seeded_torch")


@pytest.fixture(scope="module")
def images():
    X, y = load_digits(return_X_y=True)
    return X[:150].reshape(-1, 8, 8).astype(np.uint8), y[:150]


def small(**params):
    params = {"channels": (4, 8), "hidden": 16, "max_steps": 8, **params}
    return CNNClassifier(**params)


# In the loop -------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["margin", "vote_entropy"])
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_simulation_is_a_live_loop_pickled_every_round(images, strategy, warm_start):
    X, y = images
    names = np.array([f"digit {digit}" for digit in y])
    params = {
        "n_initial": 10,
        "batch_size": 10,
        "classes": np.unique(names),
        "warm_start": warm_start,
        "random_state": 3,
    }
    simulated = ActiveLearner(small(), strategy, n_labels=40, **params).fit(X, names)

    live = ActiveLearner(small(), strategy, **params)
    left = np.arange(len(X))
    bought = []
    while len(bought) < 40:
        positions, rows = live.query(X, candidates=left)
        live = pickle.loads(pickle.dumps(live))
        again, _ = live.query(X, candidates=left)
        np.testing.assert_array_equal(again, positions)
        live.teach(rows, names[positions])
        left = np.setdiff1d(left, positions)
        bought += positions.tolist()
    order = np.argsort(simulated.labeled_iter_[bought], kind="stable")
    np.testing.assert_array_equal(order, np.arange(40))
    assert set(np.flatnonzero(simulated.labeled_iter_ >= 0)) == set(bought)
    np.testing.assert_array_equal(live.predict_proba(X), simulated.predict_proba(X))


def test_a_learner_that_buys_nothing_is_its_net(images):
    X, y = images
    net = small(random_state=0)
    learner = ActiveLearner(net, random_state=1).fit(X, y)
    expected = clone(net).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(learner.predict_proba(X), expected)


def test_a_net_behind_a_pipeline_gives_embeddings_and_samples(images):
    X, y = images
    scale = FunctionTransformer(lambda X: X.astype(np.float32) / 16)
    model = make_pipeline(scale, small(random_state=0)).fit(X, y)
    view = ModelView(model, X, y, random_state=0)
    assert view.embed(X).shape == (150, 16)
    np.testing.assert_allclose(
        view.head_proba(view.embed(X)), view.predict_proba(X), atol=1e-6
    )
    assert view.sample_proba(X, 4).shape == (4, 150, 10)
    learner = ActiveLearner(model, "vote_entropy", n_labels=20, random_state=0)
    assert learner.fit(X, y).predict(X).shape == (150,)


def test_class_weights_are_named_by_the_users_labels(images):
    X, y = images
    names = np.where(y < 5, "low", "high")
    net = small(class_weight={"low": 1.0, "high": 5.0})
    learner = ActiveLearner(net, "margin", n_labels=30, random_state=0).fit(X, names)
    assert set(learner.predict(X)) <= {"low", "high"}


def test_a_diverged_net_is_reported(images):
    X, y = images
    net = small(lr=1e30, optimizer=torch.optim.SGD, lr_schedule=None, random_state=0)
    with pytest.raises(ValueError, match="CNNClassifier answered NaN probabilities"):
        ModelView(net.fit(X, y), X, y).predict_proba(X)


def test_a_regressor_is_its_own_committee():
    X = np.random.RandomState(0).rand(80, 3)
    net = NetRegressor(max_steps=20)
    learner = ActiveLearner(net, "committee_std", n_labels=30, random_state=0)
    assert learner.fit(X, X[:, 0]).predict(X).shape == (80,)


def test_fits_side_by_side_in_processes_agree(images):
    X, y = images
    net = MLPNetClassifier(hidden=(8,), max_steps=10, random_state=0)
    expected = net.fit(X, y).predict_proba(X)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: clone(net).fit(X, y).predict_proba(X)).result()
    np.testing.assert_array_equal(other, expected)


# ResNet ------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_resnet_takes_grey_and_coloured_images(channels, rng):
    X = rng.randint(0, 256, (30, channels, 16, 16)).astype(np.uint8)
    net = ResNetClassifier(width=4, max_steps=3, random_state=0)
    net.fit(X, np.arange(30) % 3)
    assert net.module_.conv1.weight.shape == (4, channels, 3, 3)
    E = net.embed(X)
    assert E.shape == (30, 32)
    np.testing.assert_allclose(net.head_proba(E), net.predict_proba(X), atol=1e-6)
    assert net.sample_proba(X, 3, random_state=0).shape == (3, 30, 3)


def test_a_narrow_shortcut_has_the_gradient_of_a_strided_convolution(rng):
    """oneDNN writes past its memory there, where the channels come last."""
    thinned = shortcut(4, 8, 2)[0].to(memory_format=torch.channels_last)
    strided = torch.nn.Conv2d(4, 8, 1, 2, bias=False)
    strided.load_state_dict(thinned.state_dict())
    x = torch.as_tensor(rng.normal(size=(30, 4, 16, 16)).astype(np.float32))
    ours = thinned(x.contiguous(memory_format=torch.channels_last))
    theirs = strided(x)
    torch.testing.assert_close(ours, theirs)
    for out in (ours, theirs):
        out.square().sum().backward()
    found, expected = thinned.weight.grad, strided.weight.grad
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_resnet_is_torchvisions_resnet18_at_full_width(tmp_path):
    peer = resnet18(num_classes=3).eval()
    torch.save(peer.state_dict(), tmp_path / "weights.pt")
    own = ResNet18((3, 64, 64), n_outputs=3).eval()
    load_weights(own, tmp_path / "weights.pt")
    X = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(own(X), peer(X), atol=1e-4, rtol=1e-4)


def test_weights_from_a_file_are_where_training_starts(tmp_path, rng):
    from safetensors.torch import save_file

    X = rng.rand(20, 3, 8, 8).astype(np.float32)
    params = {"width": 4, "max_steps": 2, "random_state": 0}
    first = ResNetClassifier(**params).fit(X, np.arange(20) % 2)
    path = tmp_path / "weights.safetensors"
    weights = {k: v.contiguous() for k, v in first.module_.state_dict().items()}
    save_file(weights, path)
    still = {"lr": 0.0, "weight_decay": 0.0, "weights": str(path), **params}
    second = ResNetClassifier(**still).fit(X, np.arange(20) % 2)
    for name in ("layer4.1.conv2.weight", "fc.weight"):
        assert torch.equal(second.module_.state_dict()[name], weights[name])
    grey = ResNetClassifier(**still).fit(X[:, 0], np.arange(20) % 5)  # a new head
    summed = weights["conv1.weight"].sum(dim=1, keepdim=True)
    torch.testing.assert_close(grey.module_.conv1.weight.detach(), summed)
    assert grey.predict_proba(X[:, 0]).shape == (20, 5)
    with pytest.raises(ValueError, match="weights must fit the network, got a file"):
        ResNetClassifier(**{**still, "width": 8}).fit(X, np.arange(20) % 2)


def test_a_stem_or_width_that_is_none_is_refused(images):
    with pytest.raises(ValueError, match="stem must be one of"):
        ResNetClassifier(stem="tiny").fit(*images)
    with pytest.raises(ValueError, match="width must be at least 1"):
        ResNetClassifier(width=0).fit(*images)


# Frozen networks ---------------------------------------------------------------


class Counter(nn.Module):
    """Counts its passes, the first look at a few rows aside, and flattens rows."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.passes = 0

    def forward(self, x):
        self.passes += len(x) == 256
        return self.scale * x.flatten(1)


def test_rows_pass_the_network_once_whatever_asks(images):
    X, _ = images
    backbone = FrozenBackbone(Counter())
    features = backbone.transform(X)
    np.testing.assert_allclose(features, X.reshape(150, -1) / 255, rtol=1e-6)
    assert backbone.network.passes == 1
    np.testing.assert_array_equal(backbone.transform(X[[5, 5, 3]]), features[[5, 5, 3]])
    np.testing.assert_array_equal(clone(backbone).transform(X), features)
    assert backbone.network.passes == 1
    backbone.transform(X[:, ::-1])
    assert backbone.network.passes == 2
    backbone.forget()
    backbone.transform(X)
    assert backbone.network.passes == 3


def test_new_weights_are_new_features(images):
    """Features of weights that had changed since were once returned."""
    X, y = images
    backbone = FrozenBackbone(Counter())
    before = backbone.transform(X)
    with torch.no_grad():
        backbone.network.scale.mul_(2)
    np.testing.assert_allclose(backbone.transform(X), 2 * before)
    net = small(random_state=0).fit(X, y)
    backbone = FrozenBackbone(net)
    old = backbone.transform(X)
    np.testing.assert_allclose(old, net.embed(X), atol=1e-5)
    net.fit(X, y[::-1])
    np.testing.assert_allclose(backbone.transform(X), net.embed(X), atol=1e-5)
    assert np.abs(backbone.transform(X) - old).max() > 1e-3


def test_sparse_rows_of_any_format_have_features(images):
    X, y = images
    X = X.reshape(len(X), -1).astype(np.float32)
    frozen = FrozenBackbone(MLPNetClassifier(max_steps=2).fit(X, y))
    np.testing.assert_array_equal(
        frozen.transform(sp.coo_array(X)), frozen.transform(X)
    )


def test_equal_bytes_of_another_type_are_other_rows():
    backbone = FrozenBackbone(Counter())
    pixels = np.zeros((1, 2, 2), np.uint8) + 255
    numbers = np.ones((1, 2, 2), np.float32)
    assert backbone.transform(pixels).tolist() == [[1, 1, 1, 1]]
    assert backbone.transform(numbers * 3).tolist() == [[3, 3, 3, 3]]


def test_a_row_has_the_same_features_alone_as_in_a_batch(images):
    X, y = images
    net = small(random_state=0).fit(X, y)
    whole = FrozenBackbone(net).transform(X)
    one_by_one = FrozenBackbone(net)
    alone = np.concatenate([one_by_one.transform(X[i : i + 1]) for i in range(30)])
    np.testing.assert_array_equal(alone, whole[:30])


def test_a_frozen_network_serves_a_learner(images):
    X, y = images
    X = X * 15  # to the full range of pixels
    model = make_pipeline(FrozenBackbone(Counter()), LogisticRegression(max_iter=500))
    learner = ActiveLearner(
        model, "margin", initial="random", n_labels=40, random_state=0
    ).fit(X, y)
    assert learner.score(X, y) > 0.7
    assert model[0].network.passes <= 3  # of full batches, over four rounds
    again = pickle.loads(pickle.dumps(learner))
    np.testing.assert_array_equal(again.predict_proba(X), learner.predict_proba(X))
    assert not hasattr(pickle.loads(pickle.dumps(model[0])), "_memory")


def test_threads_share_what_is_remembered(images):
    X, _ = images
    backbone = FrozenBackbone(Counter())
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(backbone.transform, [X[i::5] for i in range(5)] * 3))
    for i, part in enumerate(parts):
        np.testing.assert_allclose(
            part, X[i % 5 :: 5].reshape(len(part), -1) / 255, rtol=1e-6
        )


def test_a_network_that_is_none_is_refused(images):
    with pytest.raises(TypeError, match=r"network must be a torch.nn.Module, a net of"):
        FrozenBackbone(1).transform(images[0])


def test_a_network_with_chance_in_it_has_no_features(images):
    """They were random, and remembered."""

    class Drops(nn.Module):
        def forward(self, x):
            return F.dropout(x.flatten(1))

    with pytest.raises(ValueError, match=r"module must answer alike .* in eval mode"):
        FrozenBackbone(Drops()).transform(images[0])
