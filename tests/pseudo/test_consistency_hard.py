"""ConsistencyClassifier where it is hard: few labels, odd rows, nets, late classes."""

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from torch import nn

from skal import ActiveLearner
from skal.nets import CNNClassifier, MLPNetClassifier, NetClassifier, ResNetClassifier
from skal.pseudo import ConsistencyClassifier

pytestmark = pytest.mark.filterwarnings("ignore::skal.exceptions.CollapseWarning")


@pytest.fixture(scope="module")
def pool():
    """Return 200 digits and their labels."""
    X, y = load_digits(return_X_y=True)
    return (X[:200] / 16).astype(np.float32), y[:200]


def tiny(kind, **params):
    """Return a net that is fitted in a moment."""
    params = {"max_steps": 6, "random_state": 0, **params}
    if kind == "images":
        return CNNClassifier(channels=(4, 8), hidden=8, **params)
    return MLPNetClassifier(hidden=(16,), **params)


def fitted(net, X, y, n_labels=20, **params):
    """Return a classifier fitted on labels of the first rows, and check its laws."""
    partial = np.where(np.arange(len(y)) < n_labels, y, -1)
    model = ConsistencyClassifier(net, **params).fit(X, partial)
    labelled = partial >= 0
    proba = model.predict_proba(X)
    assert proba.shape == (len(X), len(np.unique(partial[labelled])))
    assert np.allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(model.labeled_iter_ == 0, labelled)
    assert np.array_equal(model.transduction_[labelled], y[labelled])
    assert model.n_pseudo_labeled_ == np.sum(model.labeled_iter_ == 1)
    return model


# Few labels --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["table", "images"])
@pytest.mark.parametrize(("n_rows", "n_labels"), [(200, 1), (2, 1), (3, 2), (40, 39)])
def test_one_label_or_one_row_without(pool, kind, n_rows, n_labels):
    X, y = (part[:n_rows] for part in pool)
    model = fitted(tiny(kind), X, y, n_labels)
    assert set(model.predict(X)) <= set(y[:n_labels])


@pytest.mark.parametrize("align", ["auto", "uniform", "labels", None])
def test_a_class_whose_labels_have_no_weight_is_still_a_class(pool, align):
    X, y = pool
    partial = np.where(np.arange(200) < 20, y, -1)
    weights = np.where(partial == 3, 0.0, 1.0)
    model = ConsistencyClassifier(tiny("table"), align=align)
    model.fit(X, partial, sample_weight=weights)
    assert model.predict_proba(X).shape == (200, 10)
    assert np.all(model.labeled_iter_[partial >= 0] == 0)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_unit_of_weights_does_not_matter(pool, scale):
    X, y = pool
    partial = np.where(np.arange(200) < 20, y, -1)
    model = ConsistencyClassifier(tiny("table"))
    plain = model.fit(X, partial).predict_proba(X)
    scaled = model.fit(X, partial, sample_weight=np.full(200, scale)).predict_proba(X)
    assert np.allclose(plain, scaled, atol=1e-5)


# Odd rows ----------------------------------------------------------------------


def test_rows_that_are_all_alike(pool):
    X, y = pool
    model = fitted(tiny("table"), np.zeros_like(X), y)
    assert len(np.unique(model.predict(np.zeros_like(X)))) == 1


@pytest.mark.parametrize("shape", [(3, 7, 9), (3, 1, 12), (1, 5, 5), (4, 6, 6)])
def test_images_of_odd_sides(rng, shape):
    X = rng.rand(40, *shape).astype(np.float32)
    fitted(tiny("images", augment=None), X, np.arange(40) % 3)


def test_integer_pixels_are_the_same_images(pool):
    X, y = pool
    pixels = np.rint(X.reshape(-1, 8, 8) * 255).astype(np.uint8)
    shares = (pixels / 255).astype(np.float32)
    first = fitted(tiny("images"), pixels, y).predict_proba(pixels)
    second = fitted(tiny("images"), shares, y).predict_proba(shares)
    assert np.allclose(first, second, atol=1e-4)


def test_nan_in_a_row_without_a_label_is_told(pool):
    X, y = pool
    X = X.copy()
    X[150, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        fitted(tiny("table"), X, y)


@pytest.mark.parametrize("kind", ["table", "images"])
@pytest.mark.parametrize("place", ["strong", "augment"])
def test_a_view_that_changes_its_batch_leaves_the_rows_as_they_are(pool, kind, place):
    X, y = pool
    before = X.copy()
    net = tiny(kind, augment=torch.Tensor.zero_ if place == "augment" else None)
    strong = torch.Tensor.zero_ if place == "strong" else None
    fitted(net, X, y, strong=strong)
    assert np.array_equal(X, before)


def test_what_is_guessed_comes_of_rows_as_they_are(pool):
    """A strong view that changes its batch comes after the guesses."""
    X, y = pool
    params = {"delay": 0, "threshold": 0.0, "min_threshold": 0.0}
    in_place = fitted(tiny("table"), X, y, strong=torch.Tensor.zero_, **params)
    copied = fitted(tiny("table"), X, y, strong=torch.zeros_like, **params)
    assert np.array_equal(in_place.predict_proba(X), copied.predict_proba(X))


# Nets --------------------------------------------------------------------------


@pytest.mark.parametrize("n_labels", [1, 2, 12])
def test_batch_norm_with_hardly_a_label(rng, n_labels):
    X = rng.rand(40, 3, 16, 16).astype(np.float32)
    net = ResNetClassifier(width=8, max_steps=4, random_state=0)
    model = fitted(net, X, np.arange(40) % 3, n_labels)
    alone = np.concatenate([model.predict_proba(row[None]) for row in X[:4]])
    assert np.allclose(alone, model.predict_proba(X[:4]), atol=1e-5)


class Waves(nn.Sequential):
    """A network for signals, with BatchNorm."""

    def __init__(self, n_classes):
        convolution = nn.Conv1d(1, 4, 5), nn.BatchNorm1d(4), nn.ReLU()
        head = nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, n_classes)
        super().__init__(*convolution, *head)


@pytest.mark.parametrize("strong", ["auto", "cutout", "mask_noise", None])
def test_signals(rng, strong):
    y = np.arange(60) % 2
    waves = np.sin(np.linspace(0, 6, 50) * (1 + y[:, None]))
    X = (waves + 0.1 * rng.randn(60, 50)).astype(np.float32)[:, None]
    fitted(NetClassifier(Waves, max_steps=8, random_state=0), X, y, strong=strong)


@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True},
        {"lr_schedule": None},
        {"max_steps": None, "max_epochs": 3},
        {"batch_size": 1},
        {"batch_size": 200},
        {"optimizer": torch.optim.LBFGS, "lr_schedule": None},
    ],
    ids=str,
)
def test_any_way_to_train(pool, params):
    fitted(tiny("table", **params), *pool)


@pytest.mark.parametrize(
    "params",
    [
        {"delay": 1.0},
        {"delay": 0, "ramp": 0},
        {"unlabeled_weight": 0},
        {"unlabeled_ratio": 0.01},
        {"unlabeled_ratio": np.inf},
        {"threshold": 0, "min_threshold": 0},
        {"threshold": 1, "min_threshold": 1},
        {"ema_decay": 0},
        {"ema_decay": 0.9999},
        {"class_thresholds": False, "align": None},
    ],
    ids=str,
)
def test_the_ends_of_parameters(pool, params):
    fitted(tiny("table"), *pool, **params)


def test_threads_do_not_meet(pool):
    def fit(seed):
        return fitted(tiny("table", random_state=seed), *pool).predict_proba(pool[0])

    alone = [fit(seed) for seed in range(3)]
    together = Parallel(3, backend="threading")(delayed(fit)(s) for s in range(3))
    assert all(map(np.array_equal, alone, together))


# In a learner ------------------------------------------------------------------


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("n_known", [1, 5])
def test_classes_that_come_late(pool, n_known, warm_start):
    X, y = pool

    def start(learner, X, n_instances=1):
        return np.argsort(y >= n_known, kind="stable")[:n_instances]

    model = ConsistencyClassifier(tiny("table"), warm_start=warm_start)
    learner = ActiveLearner(
        model,
        "margin",
        initial=start,
        n_initial=10,
        n_labels=40,
        batch_size=15,
        use_unlabeled=True,
        random_state=0,
    )
    learner.fit(X, y)
    assert learner.predict_proba(X).shape == (200, 10)
    assert len(learner.history_["n_pseudo_labeled"]) == 3


# Pools that are not what was expected ------------------------------------------


def test_rows_of_a_foreign_kind_seldom_pass():
    """A third of the unlabelled rows is noise; digits gain from the others anyway."""
    X, y = load_digits(return_X_y=True)
    X, y = (X[:400] / 16).astype(np.float32), y[:400]
    noise = np.random.RandomState(0).rand(170, 64).astype(np.float32)
    partial = np.r_[np.where(np.arange(400) < 40, y, -1), np.full(170, -1)]
    net = MLPNetClassifier(max_steps=150, random_state=0)
    model = ConsistencyClassifier(net).fit(np.r_[X, noise], partial)
    passed = model.labeled_iter_ == 1
    assert passed[400:].mean() < 0.2 < 0.8 < passed[40:400].mean()
    assert model.score(X, y) > net.fit(X[:40], y[:40]).score(X, y)
