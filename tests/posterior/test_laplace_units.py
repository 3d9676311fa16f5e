"""LaplaceClassifier around networks of dense targets: every pixel is a row."""

import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from torch import nn

from skal.datasets import make_shapes
from skal.nets import NetClassifier, SegmentationNet
from skal.posterior import EnsembleClassifier, LaplaceClassifier, _precision
from skal.posterior._last_layer import LastLayer
from skal.posterior._unit_last_layer import UnitLastLayer

STRUCTURES = ["full", "kron", "diag", "isotropic"]


class Pointwise(nn.Module):
    """Each pixel is scored by itself: images are bags of rows."""

    def __init__(self, n_channels, n_classes, kind=nn.Conv2d):
        super().__init__()
        self.hidden = kind(n_channels, 5, 1)
        self.head = kind(5, n_classes, 1)

    def forward(self, x):
        return self.head(torch.tanh(self.hidden(x)))


class OfRows(nn.Module):
    """The same network for rows."""

    def __init__(self, n_inputs=3, n_classes=3):
        super().__init__()
        self.hidden = nn.Linear(n_inputs, 5)
        self.head = nn.Linear(5, n_classes)

    def forward(self, x):
        return self.head(torch.tanh(self.hidden(x)))


@pytest.fixture(scope="module")
def images():
    """Return 12 images of 3 channels, their masks, and a weight a row."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(12, 3, 4, 6)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] + 0.5 * X[:, 2] > 1)
    y[rng.rand(*y.shape) < 0.2] = -1
    return X, y, rng.uniform(0.5, 2, 12)


def pointwise(images, **params):
    how = {"max_steps": 3, "random_state": 0, "classes": range(3)}
    net = SegmentationNet(Pointwise, **{**how, **params})
    return net.fit(images[0], images[1])


def as_rows(images):
    """Return the known pixels as rows, their labels and weights, and where they are."""
    X, y, weight = images
    known = y >= 0
    weights = np.broadcast_to(weight[:, None, None], y.shape)
    return np.moveaxis(X, 1, -1)[known], y[known], weights[known], known


def of_rows(net, images):
    """Return a network for rows of the same weights."""
    X, y, *_ = as_rows(images)
    how = {"classes": range(3), "class_weight": net.class_weight, "max_steps": 1}
    rows = NetClassifier(OfRows, random_state=0, **how).fit(X, y)
    with torch.no_grad():
        for mine, other in zip(
            rows.module_.parameters(), net.module_.parameters(), strict=True
        ):
            mine.copy_(other.reshape(mine.shape))
    return rows


@pytest.mark.parametrize("class_weight", [None, {0: 0.25, 2: 3}, "balanced"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_known_pixels_are_so_many_rows(images, structure, class_weight):
    net = pointwise(images, class_weight=class_weight)
    how = {"structure": structure, "prior_precision": 2.0, "random_state": 0}
    X, y, weight = images
    dense = LaplaceClassifier(FrozenEstimator(net), **how).fit(X, y, weight)
    rows = LaplaceClassifier(FrozenEstimator(of_rows(net, images)), **how)
    X_rows, y_rows, weights, known = as_rows(images)
    rows.fit(X_rows, y_rows, weights)
    np.testing.assert_allclose(
        dense._model.eigenvalues, rows._model.eigenvalues, rtol=1e-4, atol=1e-4
    )
    for mine, others in [
        (dense.sample_units(X, 7)[:, known], rows.sample_proba(X_rows, 7)),
        (dense.predict_units(X)[known], rows.predict_proba(X_rows)),
    ]:
        np.testing.assert_allclose(mine, others, atol=1e-5)
    assert rows.sample_proba(X_rows, 7).std(axis=0).max() > 0.01


def test_the_hessian_of_one_pixel_by_hand(seeded_torch):
    """One logit's difference, weight 2: H = 2 p (1 - p) x x^T, p = 1/2."""
    net = SegmentationNet(nn.Conv1d(1, 2, 1), max_steps=1, lr=1e-9, random_state=0)
    net.fit(np.full((2, 1, 1), 3.0), np.array([[0], [1]]))
    with torch.no_grad():
        for parameter in net.module_.parameters():
            parameter.zero_()
    posterior = LaplaceClassifier(
        FrozenEstimator(net), structure="full", prior_precision=1.0, random_state=0
    )
    posterior.fit(np.full((2, 1, 1), 3.0), np.array([[0], [1]]), np.array([0.5, 1.5]))
    # Per weight of x = (3, 1): (1, -1; -1, 1) / 2, of which the eigenvalue is 1.
    assert posterior._model.posterior.eigenvalues[-1] == pytest.approx(10)
    variance = posterior._model.posterior.variances(np.float32([[3, 1]]), 1.0)
    # The difference f0 - f1 has variance 2 x^T (10 xx^T / |x|^2 + 1)^-1 x = 20 / 11.
    np.testing.assert_allclose(variance, 20 / 11, rtol=1e-5)


@pytest.mark.parametrize("link", ["mc", "probit", "plugin"])
def test_pixels_may_stand_anywhere(images, link):
    X, y, weight = images
    order = np.random.RandomState(1).permutation(24)
    shuffled = [
        a.reshape(*a.shape[:-2], 24)[..., order].reshape(a.shape) for a in (X, y)
    ]
    net = FrozenEstimator(pointwise(images))
    how = {"prior_precision": 1.0, "link": link, "random_state": 0}
    one = LaplaceClassifier(net, **how).fit(X, y, weight)
    other = LaplaceClassifier(net, **how).fit(*shuffled, weight)
    np.testing.assert_allclose(
        one.predict_units(X).reshape(12, 24, 3)[:, order],
        other.predict_units(shuffled[0]).reshape(12, 24, 3),
        atol=1e-5,
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_pieces_do_not_matter(images, structure, monkeypatch):
    X, y, weight = images
    how = {"structure": structure, "prior_precision": "marglik", "random_state": 0}
    posterior = LaplaceClassifier(FrozenEstimator(pointwise(images)), **how)
    whole = posterior.fit(X, y, weight).sample_units(X, 5)
    tau = posterior.prior_precision_
    monkeypatch.setattr("skal.nets._segmentation._UNITS_A_PASS", 60)
    monkeypatch.setattr("skal.posterior._base._CHUNK_BYTES", 1000)
    posterior.fit(X, y, weight)
    assert posterior.prior_precision_ == pytest.approx(tau)
    np.testing.assert_allclose(posterior.sample_units(X, 5), whole, atol=1e-5)
    one_by_one = [posterior.sample_units(X[i : i + 1], 5) for i in range(12)]
    np.testing.assert_allclose(np.concatenate(one_by_one, 1), whole, atol=1e-5)
    np.testing.assert_allclose(posterior.sample_units(X, 2), whole[:2], atol=1e-5)


def test_features_of_all_pixels_are_never_held(seeded_torch, monkeypatch):
    monkeypatch.setattr("skal.nets._segmentation._UNITS_A_PASS", 2**13)
    monkeypatch.setattr("skal.posterior._base._CHUNK_BYTES", 2**20)
    module = nn.Sequential(nn.Conv2d(1, 64, 1), nn.ReLU(), nn.Conv2d(64, 2, 1))
    X = np.random.RandomState(0).rand(50, 1, 64, 64).astype(np.float32)
    y = (X[:, 0] > 0.5).astype(int)
    net = SegmentationNet(module, max_steps=1, random_state=0).fit(X[:4], y[:4])
    weight = np.ones(y.shape, np.float32)
    whole = 65 * weight.nbytes
    tracemalloc.start()
    try:
        UnitLastLayer(net, X, weight, "kron")
        assert tracemalloc.get_traced_memory()[1] < whole / 4
    finally:
        tracemalloc.stop()


# The precision ----------------------------------------------------------------------


def test_the_loss_of_an_image_is_the_mean_of_its_pixels(images):
    X, y, weight = images
    net = pointwise(images)
    counts = (y >= 0) * weight[:, None, None].astype(np.float32)
    dense = UnitLastLayer(net, X, counts, "kron")
    X_rows, y_rows, weights, known = as_rows(images)
    rows = LastLayer(of_rows(net, images), X_rows, weights, "kron")
    taus = np.array([0.1, 10.0])
    found = _precision.unit_losses(dense, X, np.maximum(y, 0), counts, taus)
    loss = _precision.losses(
        rows, rows.head.features(of_rows(net, images).embed(X_rows)), y_rows, taus,
        "probit", None,
    )  # fmt: skip
    row_of = np.nonzero(known)[0]
    expected = [loss[row_of == row].mean(axis=0) for row in range(12)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 1e-3


def test_no_fold_holds_out_all_images_of_a_class():
    y = np.zeros((9, 2, 2), int)
    y[3, 0, 0] = 1  # in one image
    y[[4, 5], 1, 1] = 2  # in two
    y[6, 0, 0] = 7  # which does not count
    weight = np.where(y == 7, 0, 1)
    for seed in range(20):
        rng = np.random.RandomState(seed)
        folds = _precision.held_out_rows_of_units(y, weight, 3, rng)
        held = np.concatenate(folds)
        assert len(set(held)) == len(held) >= 7
        for fold in folds:
            rest = np.setdiff1d(np.arange(9), fold)
            assert {0, 1, 2} <= set(np.unique(y[rest]))


def test_a_precision_is_found_where_one_image_alone_has_a_class():
    X, y = make_shapes(9, size=16, return_X_y=True, random_state=0)
    y = (y > 0).astype(int)
    y[2, 0, 0] = 3
    net = SegmentationNet(module__channels=(4, 8), max_steps=3)
    posterior = LaplaceClassifier(net, random_state=0).fit(X, y)
    assert posterior.classes_.tolist() == [0, 1, 3]
    assert posterior.prior_precision_ in posterior.cv_results_["prior_precision"]
    assert np.isfinite(posterior.cv_results_["mean_test_loss"]).all()


# What it needs ----------------------------------------------------------------------


def test_a_tagger_may_end_in_a_linear_layer():
    class Tagger(nn.Module):
        def __init__(self, n_channels, n_classes):
            super().__init__()
            self.gru = nn.GRU(n_channels, 4, batch_first=True)
            self.head = nn.Linear(4, n_classes)

        def forward(self, x):  # (n, C, T)
            return self.head(self.gru(x.transpose(1, 2))[0]).transpose(1, 2)

    rng = np.random.RandomState(0)
    X = rng.normal(size=(10, 2, 7)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    posterior = LaplaceClassifier(
        SegmentationNet(Tagger, max_steps=5, random_state=0),
        prior_precision=1.0,
        link="plugin",
        random_state=0,
    ).fit(X, y)
    assert posterior.sample_units(X, n_samples=3).shape == (3, 10, 7, 2)
    np.testing.assert_allclose(
        posterior.predict_units(X), posterior.estimator_.predict_units(X), atol=1e-5
    )
    assert not hasattr(posterior, "head_proba")


class Untrainable(nn.Module):
    """Fails as soon as it is trained, and does not end in what is asked for."""

    def __init__(self, n_channels, n_classes, end):
        super().__init__()
        self.end = end
        self.head = nn.Conv2d(n_channels, n_classes, 3 if end == "wide" else 1)
        self.other = nn.Conv2d(n_classes, n_classes, 1)
        nn.init.ones_(self.head.bias)  # a ReLU leaves the scores of a blank row

    def forward(self, x):
        assert not (self.training and torch.is_grad_enabled()), "a step was made"
        if self.end == "wide":
            return self.head(nn.functional.pad(x, (1, 1, 1, 1)))
        if self.end == "twice":
            return self.other(self.other(self.head(x)))
        out = self.head(x)
        return (
            nn.functional.relu_(out) if self.end == "in place" else out.log_softmax(1)
        )


@pytest.mark.parametrize("end", ["wide", "twice", "in place", "log softmax"])
def test_another_last_layer_is_refused_before_any_step(end, images):
    net = SegmentationNet(Untrainable, module__end=end, classes=range(3))
    with pytest.raises(TypeError, match="module must end in a layer that scores each"):
        LaplaceClassifier(net).fit(*images[:2])


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_network_that_has_diverged_has_no_curvature(images, structure):
    """It was an error of LAPACK, or NaN for every pixel."""
    net = pointwise(images)
    with torch.no_grad():
        net.module_.head.weight.fill_(float("nan"))
    posterior = LaplaceClassifier(FrozenEstimator(net), structure=structure)
    with pytest.raises(ValueError, match="training has diverged, lower the learning"):
        posterior.fit(*images[:2])


def test_several_networks_have_no_last_layer(images):
    """It was an AttributeError of None."""
    several = EnsembleClassifier(pointwise(images), n_members=2, random_state=0)
    with pytest.raises(TypeError, match=r"must answer as the network .* got Ensemble"):
        LaplaceClassifier(several).fit(*images[:2])


class Share(ClassifierMixin, BaseEstimator):
    """No network, and yet it answers for units."""

    def fit(self, X, y):
        raise AssertionError("a fit was made")

    def predict_proba(self, X):
        return np.ones((len(X), 2, 2)) / 2

    predict_units = predict_proba


@pytest.mark.parametrize(
    ("estimator", "params", "error", "message"),
    [
        (Share(), {}, TypeError, "estimator must be skal.nets.SegmentationNet"),
        (
            SegmentationNet(),
            {"subset_of_weights": "all", "structure": "diag"},
            ValueError,
            "subset_of_weights must be 'last_layer' for a network that answers",
        ),
        (SegmentationNet(criterion="focal"), {}, ValueError, "criterion must be"),
    ],
)
def test_what_does_not_go_together_is_refused(
    estimator, params, error, message, images
):
    with pytest.raises(error, match=message):
        LaplaceClassifier(estimator, **params).fit(*images[:2])
