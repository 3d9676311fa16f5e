"""Nets are scikit-learn estimators: labels, layouts, parameters, copies."""

import io
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch.callbacks import Checkpoint
from torch import nn
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from skal.nets import (
    CNNClassifier,
    FrozenBackbone,
    MLPNetClassifier,
    NetClassifier,
    NetRegressor,
)
from skal.nets._cnn import HalvingMaxPool

#: Every check of scikit-learn that is expected to fail, with its reason.
EXPECTED_FAILURES = {
    "check_do_not_raise_errors_in_init_or_set_params": (
        "passes a keyword named like **params, which is no parameter: it is refused at "
        "once, as Python refuses unknown keywords"
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "a row of weight 2 is drawn into batches once, a row that stands twice twice"
    ),
    "check_sample_weight_equivalence_on_sparse_data": (
        "a row of weight 2 is drawn into batches once, a row that stands twice twice"
    ),
}


#: Checks that fit many times and never ask how good the net is.
DO_NOT_SCORE = {
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimators_dtypes",
    "check_estimators_nan_inf",
    "check_dtype_object",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_fit_score_takes_y",
    "check_estimators_pickle",
    "check_sample_weights_shape",
    "check_supervised_y_2d",
    "check_fit_idempotent",
}


@parametrize_with_checks(
    [MLPNetClassifier(hidden=(32,), max_steps=150), NetRegressor(max_steps=150)],
    expected_failed_checks=lambda net: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_nets_pass_the_checks_of_scikit_learn(estimator, check):
    if check.func.__name__ in DO_NOT_SCORE:
        estimator = clone(estimator).set_params(max_steps=5)
    check(estimator)


@pytest.mark.long
@parametrize_with_checks(
    [
        MLPNetClassifier(criterion="focal", hidden=(32,), max_steps=150),
        NetRegressor(criterion="gaussian_nll", max_steps=150),
    ],
    expected_failed_checks=lambda net: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_nets_with_other_losses_pass_the_checks_of_scikit_learn(estimator, check):
    if check.func.__name__ in DO_NOT_SCORE:
        estimator = clone(estimator).set_params(max_steps=5)
    check(estimator)


def small(**params):
    """Return a convolutional net that is fitted in a moment."""
    params = {"channels": (4, 8), "hidden": 16, "max_steps": 5, **params}
    return CNNClassifier(**{"random_state": 0, **params})


@pytest.fixture(scope="module")
def images():
    """Return X, y: 120 images of 8 x 8, float in [0, 16]."""
    X, y = load_digits(return_X_y=True)
    return X[:120].reshape(-1, 8, 8), y[:120]


# Labels ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["U1", float, np.int8, bool, object])
def test_labels_of_any_type_come_out_as_they_came_in(images, dtype):
    X, y = images
    labels = (y % 2).astype("U1" if dtype is object else int).astype(dtype)
    net = small().fit(X, labels)
    assert net.classes_.tolist() == np.unique(labels).tolist()
    assert set(net.predict(X)) <= set(labels)


def test_names_of_the_labels_do_not_matter(images):
    X, y = images
    names = np.array([f"digit {digit}" for digit in y])
    np.testing.assert_array_equal(
        small().fit(X, y).predict_proba(X), small().fit(X, names).predict_proba(X)
    )


def test_classes_fix_the_width_where_a_class_is_missing(images):
    X, y = images
    net = small(classes=np.arange(10)).fit(X[y < 3], y[y < 3])
    assert net.predict_proba(X).shape == (len(X), 10)
    np.testing.assert_array_equal(net.classes_, np.arange(10))


def test_a_label_that_is_no_class_is_refused(images):
    X, y = images
    with pytest.raises(ValueError, match=r"y must hold known classes, \[0, 1\], got"):
        small(classes=[0, 1]).fit(X, y)


def test_a_single_class_is_learnt(images):
    X, _ = images
    net = small().fit(X, ["only"] * len(X))
    assert set(net.predict(X)) == {"only"}


# Layouts -----------------------------------------------------------------------


def test_every_layout_of_the_same_images_gives_the_same_net(images):
    X, y = images
    expected = small().fit(X, y).predict_proba(X)
    for same in (
        X[:, None],
        X.reshape(len(X), -1),
        X.astype(np.float32),
        X.tolist(),
        torch.from_numpy(X),
        np.asfortranarray(X),
        X.astype(">f8"),
    ):
        np.testing.assert_array_equal(
            small().fit(same, y).predict_proba(same), expected
        )


def test_flat_rows_of_colour_images_need_the_input_shape(rng):
    X, y = rng.rand(40, 3 * 6 * 6), np.arange(40) % 2
    with pytest.raises(ValueError, match="input_shape must be given for flat rows of"):
        small().fit(X, y)
    net = small(input_shape=(3, 6, 6)).fit(X, y)
    same = small().fit(X.reshape(-1, 3, 6, 6), y)
    np.testing.assert_array_equal(net.predict_proba(X), same.predict_proba(X))


def test_an_input_shape_of_another_size_is_refused(images):
    X, y = images
    with pytest.raises(ValueError, match="input_shape must have as many values as a"):
        small(input_shape=(3, 8, 8)).fit(X, y)


def test_pixels_are_scaled_to_one(images):
    X, y = images
    X = (X * 15).astype(np.uint8)
    net = small().fit(X, y)
    (batch,) = net.passes().batches(X)
    assert batch.dtype == torch.float32
    assert batch.shape == (120, 1, 8, 8)
    np.testing.assert_allclose(batch[:, 0].numpy(), X / 255, rtol=1e-6)
    scaled = X.astype(np.float32) / 255
    same = small().fit(scaled, y).predict_proba(scaled)
    np.testing.assert_allclose(net.predict_proba(X), same, atol=1e-6)


def test_pixels_and_numbers_are_not_mixed(images):
    """A net of pixels once took numbers, on another scale, without a word."""
    X, y = images
    pixels = X.astype(np.uint8)
    with pytest.raises(ValueError, match=r"X must hold uint8 pixels .* as in fit, got"):
        small().fit(pixels, y).predict(X)
    with pytest.raises(ValueError, match="X must hold numbers that are not uint8, as"):
        small().fit(X, y).predict(pixels)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((5, 3, 8, 8), r"X must hold rows of shape \(1, 8, 8\), .* got .* \(3, 8, 8\)"),
        ((5, 9, 9), r"X must hold rows of shape \(1, 8, 8\), .* got .* \(1, 9, 9\)"),
        ((5, 8, 8, 3), r"channels stand last. Use X.transpose\(0, 3, 1, 2\)"),
        ((5, 1, 1, 8, 8), r"X must hold images of shape \(n, H, W\) or"),
        ((64,), "Expected 2D array, got 1D array instead"),
        ((5, 63), "X has 63 features, but CNNClassifier is expecting 64 features"),
        ((0, 8, 8), r"X must hold at least one row, got shape \(0, 8, 8\)"),
    ],
)
def test_rows_of_another_shape_are_refused(images, shape, words):
    X, y = images
    net = small().fit(X, y)
    with pytest.raises(ValueError, match=words):
        net.predict_proba(np.zeros(shape))


def test_values_that_are_no_finite_numbers_are_refused(images):
    X, y = images
    net = small().fit(X, y)
    for value in (np.nan, np.inf, 1e39):
        bad = X.copy()
        bad[3, 2, 2] = value
        with pytest.raises(ValueError, match="X must hold finite numbers"):
            net.predict(bad)
        with pytest.raises(ValueError, match="X must hold finite numbers"):
            small().fit(bad, y)
    with pytest.raises(ValueError, match="X must hold real numbers, got complex"):
        net.predict(X + 1j)


def test_lengths_must_agree(images):
    X, y = images
    with pytest.raises(ValueError, match="X and y must have as many rows, got 120 and"):
        small().fit(X, y[:-1])


def test_sparse_rows_are_the_same_as_dense_ones(iris):
    X, y = iris
    net = MLPNetClassifier(max_steps=20, random_state=0)
    dense = net.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(net.fit(sp.csr_array(X), y).predict_proba(X), dense)


def test_frames_carry_their_names(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"))
    net = MLPNetClassifier(max_steps=20, random_state=0).fit(frame, y)
    assert net.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[list("dcba")])


def test_torch_data_sets_are_read(images):
    X, y = images

    class Pairs(Dataset):
        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            return X[i], int(y[i])

    expected = small().fit(X, y)
    tensors = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    for data in (Pairs(), tensors, Subset(Pairs(), range(len(X)))):
        net = small().fit(data)
        np.testing.assert_array_equal(net.predict(data), expected.predict(X))
        assert net.score(X, y) == expected.score(X, y)
    with pytest.raises(ValueError, match="requires y to be passed, but the target y"):
        small().fit(TensorDataset(torch.zeros(3, 8, 8)))
    with pytest.raises(ValueError, match="requires y to be passed, but the target y"):
        small().fit(X)


def test_a_memory_map_is_never_copied_as_floats(tmp_path, rng):
    path = tmp_path / "pool.npy"
    np.save(path, rng.randint(0, 256, (4000, 28, 28)).astype(np.uint8))
    X = np.load(path, mmap_mode="r")
    y = np.arange(100) % 10
    net = small(max_steps=2).fit(X[:100], y)
    tracemalloc.start()
    try:
        net.predict(X)
        net.embed(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * X.nbytes  # 1.5 MB of 3 MB; as floats it would be 12 MB


def test_the_callers_rows_are_left_as_they_are(images):
    class Meddling(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.head = nn.Linear(64, n_classes)

        def forward(self, x):
            return self.head(x.flatten(1).relu_().add_(1))

    X, y = images
    tensor = torch.from_numpy(X).float() - 3
    before = tensor.clone()
    NetClassifier(Meddling, max_steps=3, random_state=0).fit(tensor, y).predict(tensor)
    assert torch.equal(tensor, before)


class Chance(nn.Module):
    """Has some chance in it, whichever mode it is in."""

    def __init__(self, n_features, chance, n_outputs=3):
        super().__init__()
        self.first, self.last = nn.Linear(n_features, 16), nn.Linear(16, n_outputs)
        self.chance = chance

    def forward(self, x):
        return self.last(self.chance(torch.relu(self.first(x))))


class Untold(nn.Dropout):
    """Drops units in eval mode too."""

    def forward(self, x):
        return F.dropout(x, self.p)


@pytest.mark.parametrize(
    "chance",
    [F.dropout, Untold(0.05), lambda h: h + torch.randn_like(h)],
)
def test_a_module_that_is_random_in_eval_mode_is_refused(iris, chance):
    """F.dropout(x) is never off: predict_proba differed from call to call by .5."""
    X, y = iris
    seen = []

    def watched(h):
        seen.append(len(h))
        return chance(h)

    net = NetClassifier(Chance, module__chance=watched, max_steps=3, random_state=0)
    words = r"module must answer alike .* eval mode, got .*training=self\.training"
    with pytest.raises(ValueError, match=words):
        net.fit(X, y)
    assert seen == [1, 8, 8]  # no step of training
    with pytest.raises(ValueError, match=words):
        NetRegressor(Chance, module__chance=chance).fit(X, y)
    given = {"input_shape": (4,), "classes": range(3)}
    if not isinstance(chance, nn.Module):
        with pytest.raises(ValueError, match=words):
            net.set_params(**given).initialize()


def test_the_look_at_a_module_draws_nothing(iris, monkeypatch):
    net = NetClassifier(Chance, module__chance=nn.Dropout(), max_steps=3)
    looked = clone(net).set_params(random_state=0).fit(*iris)
    monkeypatch.setattr("skal.nets._base.check_repeats", lambda *_: None)
    blind = clone(net).set_params(random_state=0).fit(*iris)
    X = iris[0]
    np.testing.assert_array_equal(looked.predict_proba(X), blind.predict_proba(X))


class Rows(Dataset):
    """A data set of so many images."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, position):
        return [torch.zeros(8, 8) for _ in range(self.n)][position], 0


class Items(Dataset):
    """A data set of ten items that a function makes; with labels apart if given."""

    def __init__(self, make, targets=None):
        self.make = make
        self.targets = targets

    def __len__(self):
        return 10

    def __getitem__(self, position):
        return self.make(torch.full((4,), float(position)), position % 2)


ODD_SETS = {
    "tensors": (
        TensorDataset(torch.rand(10, 4), torch.rand(10, 1), torch.zeros(10)),
        3,
    ),
    "tuples": (Items(lambda row, label: (row, 30.0, label)), 3),
    "lists": (Items(lambda row, label: [row, label, "name", 1]), 4),
    "nothing": (Items(lambda row, label: ()), 0),
    "with targets": (Items(lambda row, label: (row, 30.0, label), [0, 1] * 5), 3),
    "subset": (Subset(Items(lambda row, label: (row, 30.0, label)), range(8)), 3),
    "list": ([(torch.rand(4), torch.rand(1), i % 2) for i in range(10)], 3),
}


@pytest.mark.usefixtures("seeded_torch")
@pytest.mark.parametrize("name", ODD_SETS)
def test_a_data_set_of_more_than_pairs_is_refused(name):
    """A net trained on the second of three things, or left the second out."""
    X, n_things = ODD_SETS[name]
    words = rf"X must hold rows or pairs .* got a \w+ whose items are {n_things} things"
    net = NetClassifier(max_steps=1)
    for fit in (net.fit, net.partial_fit):
        with pytest.raises(ValueError, match=words):
            fit(X)
        with pytest.raises(ValueError, match=words):
            fit(X, np.arange(len(X)) % 2)
    with pytest.raises(ValueError, match=words):
        FrozenBackbone(nn.Linear(4, 2)).transform(X)
    net.fit(torch.rand(10, 4), [0, 1] * 5)
    with pytest.raises(ValueError, match=words):
        net.predict(X)


def test_a_data_set_of_dicts_is_refused_by_name():
    X = Items(lambda row, label: {"image": row, "label": label})
    with pytest.raises(ValueError, match="whose items are a dict each"):
        NetClassifier(max_steps=1).fit(X, [0, 1] * 5)


def test_rows_alone_and_pairs_are_taken():
    answers = [
        NetClassifier(max_steps=1, random_state=0).fit(Items(make), y).predict_proba(X)
        for X in [torch.ones(1, 4)]
        for make, y in [
            (lambda row, label: row, [0, 1] * 5),
            (lambda row, label: (row,), [0, 1] * 5),
            (lambda row, label: (row, label), None),
            (lambda row, label: [row.numpy(), label], None),
        ]
    ]
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


class Stream(IterableDataset):
    def __iter__(self):
        yield torch.zeros(8, 8), 0


def test_no_rows_are_an_error_that_says_so(images):
    """An empty data set was an IndexError, and no features an array of no width."""
    X, y = images
    words = "X must hold at least one row, got"
    for empty in (Rows(0), TensorDataset(torch.empty(0, 8, 8), torch.empty(0))):
        with pytest.raises(
            ValueError, match=f"{words} an empty {type(empty).__name__}"
        ):
            small().fit(empty)
    with pytest.raises(ValueError, match=words):
        small().fit(X[:0], y[:0])
    net = small().fit(X, y)
    with pytest.raises(ValueError, match=words):
        net.predict(Rows(0))
    with pytest.raises(ValueError, match=words):
        FrozenBackbone(nn.Flatten()).transform(X[:0])
    with pytest.raises(ValueError, match="E must hold at least one embedding"):
        net.head_proba(net.embed(X)[:0])


def test_a_data_set_without_positions_is_refused():
    """It was a NotImplementedError."""
    with pytest.raises(TypeError, match="asked for by position, got Stream"):
        small().fit(Stream())


# Answers -----------------------------------------------------------------------


def test_the_head_of_the_embeddings_gives_the_probabilities(images):
    X, y = images
    net = small().fit(X, y)
    E = net.embed(X)
    assert E.shape == (len(X), 16)
    assert E.dtype == np.float32
    np.testing.assert_allclose(net.head_proba(E), net.predict_proba(X), atol=1e-6)
    assert net.passes().head is net.module_[-1]


def test_a_row_alone_is_the_same_as_in_a_batch(images, rng):
    X, y = images
    X = np.concatenate([X, X, X])
    net = small().fit(X[:120], y)
    whole = net.predict_proba(X), net.embed(X)
    for rows in ([7], [300, 5], rng.permutation(360)):
        np.testing.assert_allclose(
            net.predict_proba(X[rows]), whole[0][rows], atol=1e-6
        )
        np.testing.assert_allclose(net.embed(X[rows]), whole[1][rows], atol=1e-5)


def test_samples_are_probabilities_around_the_prediction(images):
    X, y = images
    net = small(max_steps=40).fit(X, y)
    draws = net.sample_proba(X, 200, random_state=0)
    assert draws.shape == (200, 120, 10)
    assert draws.dtype == np.float32
    np.testing.assert_allclose(draws.sum(axis=2), 1, atol=1e-5)
    assert net.sample_proba(X[:2]).shape == (50, 2, 10)
    few = net.sample_proba(X[50:60], 5, random_state=0)
    np.testing.assert_allclose(few, draws[:5, 50:60], atol=1e-5)
    last = net.sample_proba(X, 5, random_state=0, dropout="last")
    assert np.abs(last - draws[:5]).max() > 1e-3
    with pytest.raises(ValueError, match="dropout must be one of"):
        net.sample_proba(X, dropout="first")
    with pytest.raises(ValueError, match="n_samples must be at least 1"):
        net.sample_proba(X, 0)


def test_a_module_without_a_linear_head_predicts_but_has_no_embedding(images):
    class Pooled(nn.Module):
        def __init__(self, n_channels, n_classes):
            super().__init__()
            self.conv = nn.Conv2d(n_channels, n_classes, 3)

        def forward(self, x):
            return self.conv(x).mean(dim=(2, 3))

    X, y = images
    for bfloat16 in (False, True):
        net = NetClassifier(Pooled, max_steps=2, bfloat16=bfloat16, random_state=0)
        assert net.fit(X, y).predict_proba(X).shape == (120, 10)
        for ask in (net.embed, net.head_proba):
            with pytest.raises(
                TypeError, match=r"module must end in a torch.nn.Linear"
            ):
                ask(X)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(28, 28), (7, 7), (7, 8), (2, 3)])
def test_pooling_without_gradients_is_the_same(layout, size):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((3, 4, *size), generator=generator)
    images = images.to(memory_format=layout)
    with torch.no_grad():
        fast = HalvingMaxPool()(images)
    assert torch.equal(fast, nn.functional.max_pool2d(images, 2))
    assert torch.equal(fast, HalvingMaxPool()(images))
    assert HalvingMaxPool()(images.requires_grad_()).requires_grad


def test_bfloat16_predicts_nearly_the_same(images):
    X, y = images
    net = small(max_steps=60).fit(X, y)
    exact = net.predict_proba(X)
    net.set_params(bfloat16=True)
    assert 0 < np.abs(net.predict_proba(X) - exact).max() < 0.05
    near = net.head_proba(net.embed(X))
    np.testing.assert_allclose(near, net.predict_proba(X), atol=1e-6)


def test_an_unfitted_net_says_so(images):
    X, _ = images
    for ask in ("predict", "predict_proba", "embed", "head_proba", "sample_proba"):
        with pytest.raises(NotFittedError):
            getattr(small(), ask)(X)
    with pytest.raises(NotFittedError):
        NetRegressor().predict(X)
    with pytest.raises(AttributeError, match="has no classes_ before fit"):
        small().classes_  # noqa: B018


# Modules -----------------------------------------------------------------------


def test_what_a_module_asks_for_is_filled_in(images):
    seen = []

    def network(input_shape, n_channels, n_features, n_classes, n_outputs, width=3):
        asked = (input_shape, n_channels, n_features, n_classes, n_outputs, width)
        seen.append(asked)
        return nn.Sequential(nn.Flatten(), nn.Linear(n_features, n_classes))

    X, y = images
    NetClassifier(network, max_steps=1, module__width=7).fit(X, y)
    assert seen == [((1, 8, 8), 1, 64, 10, 10, 7)]


def test_a_lazy_module_infers_its_input(iris):
    X, y = iris
    net = NetClassifier(nn.LazyLinear, module__out_features=3, max_steps=5).fit(X, y)
    assert net.module_.in_features == 4


def test_a_given_module_is_fine_tuned_as_a_copy(iris):
    X, y = iris
    with torch.random.fork_rng():
        module = nn.Linear(4, 3)
    before = module.weight.detach().clone()
    net = NetClassifier(module, max_steps=5).fit(X, y)
    assert torch.equal(module.weight, before)
    assert not torch.equal(net.module_.weight, before)
    frozen = NetClassifier(module.requires_grad_(False), max_steps=5, weight_decay=1.0)
    with pytest.raises(ValueError, match="empty parameter list"):
        frozen.fit(X, y)


def test_a_module_of_the_wrong_width_is_refused(iris):
    X, y = iris
    with pytest.raises(ValueError, match="module must return 3 scores a row"):
        NetClassifier(nn.LazyLinear, module__out_features=2).fit(X, y)
    with pytest.raises(
        TypeError, match=r"module must be a torch.nn.Module, or a class"
    ):
        NetClassifier("cnn").fit(X, y)


# Parameters, copies, files -----------------------------------------------------


def test_an_unknown_parameter_is_refused_at_once():
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_epoch'"):
        CNNClassifier(max_epoch=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'module__width'"):
        CNNClassifier(module__width=3)
    with pytest.raises(ValueError, match="Invalid parameter 'max_epoch' for"):
        CNNClassifier().set_params(max_epoch=3)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (MLPNetClassifier(hidden=64), r"hidden must be a sequence .*, got 64\. One"),
        (CNNClassifier(channels=8), r"channels must be a sequence .*, got 8\. One"),
        (NetClassifier(optimizer="adam"), "optimizer must be a class .* got 'adam'"),
    ],
)
def test_parameters_of_another_kind_are_refused(images, net, words):
    with pytest.raises(TypeError, match=words):
        net.fit(*images)


def test_parameters_with_a_prefix_are_parameters():
    net = NetClassifier(module__dropout=0.1, optimizer__betas=(0.8, 0.9))
    assert clone(net).get_params() == net.get_params()
    assert net.get_params()["module__dropout"] == 0.1
    shown = "NetClassifier(module__dropout=0.1, optimizer__betas=(0.8, 0.9))"
    assert repr(net) == shown
    assert repr(CNNClassifier(dropout=0.1)) == "CNNClassifier(dropout=0.1)"
    assert "CNNClassifier" in CNNClassifier()._repr_html_()


def test_set_params_waits_for_the_next_fit(images):
    """skorch makes the module anew at once, and the fitted net is lost."""
    X, y = images
    net = NetClassifier(max_steps=5, random_state=0).fit(X, y)
    before = net.predict_proba(X)
    net.set_params(module__hidden=(5,), lr=1.0)
    np.testing.assert_array_equal(net.predict_proba(X), before)
    assert net.fit(X, y).embed(X).shape == (120, 5)


def test_pickles_and_copies_answer_alike(images):
    X, y = images
    net = small().fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    weights = sum(tensor.nbytes for tensor in net.module_.state_dict().values())
    assert len(pickle.dumps(net)) < weights + 20_000  # no state of the optimizer
    fresh = clone(net)
    assert not hasattr(fresh, "module_")
    np.testing.assert_array_equal(
        fresh.fit(X, y).predict_proba(X), net.predict_proba(X)
    )


@pytest.mark.parametrize("use_safetensors", [False, True])
def test_weights_are_saved_and_loaded(images, use_safetensors):
    X, y = images
    net = small(classes=range(10), input_shape=(1, 8, 8)).fit(X, y)
    file = io.BytesIO()
    net.save_params(f_params=file, use_safetensors=use_safetensors)
    file.seek(0)
    other = clone(net).initialize()
    other.load_params(f_params=file, use_safetensors=use_safetensors)
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    with pytest.raises(ValueError, match="input_shape and classes must be given to"):
        small().initialize()


def moved(net, other, use_safetensors):
    """Return the other net with the weights that a file took from the first."""
    file = io.BytesIO()
    net.save_params(f_params=file, use_safetensors=use_safetensors)
    file.seek(0)
    other.load_params(f_params=file, use_safetensors=use_safetensors)
    return other


@pytest.mark.parametrize("use_safetensors", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_loaded_weights_know_what_they_were_fitted_on(images, kind, use_safetensors):
    """A net forgot whether that was pixels, and answered the other kind in silence."""
    X, y = images
    own, strange = X.astype(kind), X.astype([np.float32, np.uint8][kind is np.float32])
    net = small(classes=range(10), input_shape=(1, 8, 8)).fit(own, y)
    fresh = clone(net).initialize()
    for other in (fresh, clone(net).set_params(max_steps=1).fit(strange, y)):
        moved(net, other, use_safetensors)
        np.testing.assert_array_equal(other.predict_proba(own), net.predict_proba(own))
        with pytest.raises(ValueError, match="so that the scale would differ"):
            other.predict(strange)
    again = moved(fresh, clone(net).initialize(), use_safetensors)  # and so on
    with pytest.raises(ValueError, match="so that the scale would differ"):
        again.predict(strange)
    assert set(net.module_.state_dict()) == set(again.module_.state_dict())


@pytest.mark.parametrize("use_safetensors", [False, True])
def test_loaded_weights_of_a_regressor_have_their_units(iris, use_safetensors):
    X, y = iris
    net = NetRegressor(max_steps=5, random_state=0).fit(X, 100.0 + y)
    other = NetRegressor(max_steps=1).fit(X, y)
    moved(net, other, use_safetensors)
    np.testing.assert_array_equal(other.predict(X), net.predict(X))


@pytest.mark.parametrize("use_safetensors", [False, True])
def test_a_checkpoint_knows_what_the_net_was_fitted_on(
    images, use_safetensors, tmp_path
):
    X, y = images
    X = X.astype(np.uint8)
    checkpoint = Checkpoint(
        monitor=None,
        dirname=tmp_path,
        f_optimizer=None,
        f_criterion=None,
        use_safetensors=use_safetensors,
    )
    net = small(classes=range(10), input_shape=(1, 8, 8), max_steps=2)
    net.set_params(callbacks=[checkpoint]).fit(X, y)
    other = clone(net).set_params(callbacks=None)
    other.load_params(checkpoint=checkpoint, use_safetensors=use_safetensors)
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    with pytest.raises(ValueError, match="so that the scale would differ"):
        other.predict(X.astype(float))


def test_weights_from_elsewhere_are_loaded_with_a_warning(images):
    X, y = images
    net = small(classes=range(10), input_shape=(1, 8, 8)).fit(X, y)
    file = io.BytesIO()
    torch.save(net.module_.state_dict(), file)
    file.seek(0)
    other = clone(net).initialize()
    with pytest.warns(UserWarning, match="f_params does not say whether its weights"):
        other.load_params(f_params=file)
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    file.seek(0)
    known = clone(net).fit(X, y)
    known.load_params(f_params=file)  # in silence: it was fitted
    plain = io.BytesIO()
    net.save_params(f_params=plain)
    plain.seek(0)
    net.module_.load_state_dict(torch.load(plain))  # and torch reads what skal wrote


def test_parameters_are_searched(images):
    X, y = images
    net = NetClassifier(max_steps=30, random_state=0)
    grid = {"lr": [1e-5, 3e-3], "max_epochs": [1, 50], "module__hidden": [(8,), (32,)]}
    search = GridSearchCV(net, grid, cv=2).fit(X.reshape(120, -1), y)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_params_["lr"] == 3e-3
    scores = cross_val_score(small(), X, y, cv=2)  # images, too
    assert scores.shape == (2,)


def test_a_pipeline_may_stand_before_a_net(images):
    X, y = images
    scale = FunctionTransformer(lambda X: X / 16)
    model = make_pipeline(scale, small()).fit(X, y)
    assert model.predict(X).shape == (120,)


def test_nets_say_what_they_are():
    assert is_classifier(CNNClassifier())
    assert is_regressor(NetRegressor())
    assert not hasattr(NetRegressor(), "predict_proba")


def test_importing_skal_does_not_import_torch():
    code = "import sys, skal, skal.query; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
