"""SegmentationNet: masks known in part, any module with dense logits, MC dropout."""

import io
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier
from torch import nn
from torch.nn import functional as F

from skal import ActiveLearner
from skal.datasets import make_shapes
from skal.metrics import mean_iou
from skal.nets import NetClassifier, SegmentationNet
from skal.nets._unit_targets import UnitLosses
from skal.posterior import MCDropoutCommittee
from skal.query import Regions


def net(**params):
    return SegmentationNet(**{"max_steps": 3, "random_state": 0, **params})


@pytest.fixture(scope="module")
def shapes():
    return make_shapes(24, size=16, mean_shapes=2, return_X_y=True, random_state=0)


@pytest.fixture(scope="module")
def fitted(shapes):
    return net().fit(*shapes)


def of_colours(n=12, side=8, seed=0):
    """Return images of two colours, of which each pixel's is its class."""
    rng = np.random.RandomState(seed)
    y = np.repeat(rng.randint(2, size=(n, 1, side)), side, axis=1)
    X = (0.7 * y + 0.3 * rng.uniform(size=y.shape)).astype(np.float32)
    return X, y


class Thin(nn.Module):
    """A linear map of each pixel, for what is to be computed by hand."""

    def __init__(self, n_channels, n_classes):
        super().__init__()
        self.scores = nn.Conv2d(n_channels, n_classes, 1)

    def forward(self, x):
        return self.scores(x)


# Answers -------------------------------------------------------------------------


def test_it_answers_for_every_pixel(fitted, shapes):
    X, y = shapes
    proba = fitted.predict_units(X)
    assert proba.shape == (24, 16, 16, 4)
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba.sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)
    predicted = fitted.predict(X)
    assert predicted.shape == y.shape
    np.testing.assert_array_equal(predicted, proba.argmax(axis=-1))
    assert fitted.score(X, y) == mean_iou(y, predicted)
    assert is_classifier(fitted)


def test_it_learns_the_class_of_each_pixel():
    X, y = of_colours(seed=0)
    model = net(max_steps=30, module__channels=(4, 8)).fit(X, y)
    assert model.score(*of_colours(seed=1)) > 0.98


def test_samples_are_draws_of_masks_that_all_rows_share(fitted, shapes):
    X, _ = shapes
    few = fitted.sample_units(X[:3], n_samples=4, random_state=1)
    assert few.shape == (4, 3, 16, 16, 4)
    again = fitted.sample_units(X[2:5], n_samples=2, random_state=1)
    np.testing.assert_allclose(again[:, 0], few[:2, 2], atol=1e-5)
    assert few.std(axis=0).max() > 1e-3
    plain = net(module__dropout=0.0, max_steps=1).fit(*shapes)
    with pytest.raises(TypeError, match="MC dropout needs a network with dropout"):
        plain.sample_units(X[:1])


def test_the_embedding_is_the_mean_of_the_deepest_map(fitted, shapes):
    X, _ = shapes
    E = fitted.embed(X)
    assert E.shape == (24, 64)
    seen = []
    hook = fitted.module_.dropout.register_forward_hook(
        lambda _, __, out: seen.append(out)
    )
    fitted.predict(X)
    hook.remove()
    assert seen[0].shape == (24, 64, 4, 4)
    np.testing.assert_allclose(E, seen[0].mean(dim=(2, 3)).numpy(), atol=1e-5)


def test_large_rows_are_passed_few_at_a_time(monkeypatch, fitted, shapes):
    monkeypatch.setattr("skal.nets._segmentation._UNITS_A_PASS", 3 * 16 * 16)
    sizes = [len(batch) for batch in fitted.passes().batches(shapes[0])]
    assert sizes == [3] * 8


def test_what_dense_targets_have_no_answer_to_is_missing(fitted):
    assert not hasattr(fitted, "head_proba")
    assert not hasattr(fitted, "gradient_features")


# Masks ---------------------------------------------------------------------------


def test_the_loss_is_that_of_the_known_pixels_each_alike():
    """Of two rows with one and three known pixels the mean is over four pixels."""
    rng = np.random.RandomState(0)
    outputs = torch.tensor(rng.normal(size=(2, 3, 2, 2)), dtype=torch.float32)
    targets = torch.tensor([[[0, -1], [-1, -1]], [[2, 1], [-1, 0]]], dtype=torch.int16)
    losses = UnitLosses(
        lambda scores, codes, exact: F.cross_entropy(scores, codes, reduction="none"),
        scale=2.0,
        per_class=np.ones(3),
    )
    expected = F.cross_entropy(outputs, targets.long(), ignore_index=-1)
    assert losses(outputs, targets).mean() == pytest.approx(float(expected))


def test_pixels_of_no_known_class_are_as_if_they_were_absent():
    X, y = of_colours()
    hidden = np.random.RandomState(1).uniform(size=y.shape) < 0.5
    one, other = y.copy(), y.copy()
    one[hidden], other[hidden] = -1, -1
    changed = np.where(hidden, 1 - y, y)
    fits = [net().fit(X, masks).predict_units(X) for masks in (one, other, y, changed)]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert (fits[0] != fits[2]).any()
    assert (fits[2] != fits[3]).any()


def test_a_part_of_each_mask_is_enough_to_learn_from():
    X, y = of_colours()
    y = np.where(np.arange(8) < 6, y, -1)  # all but a strip
    model = net(max_steps=30, module__channels=(4, 8)).fit(X, y)
    assert model.score(*of_colours(seed=1)) > 0.8


def one_by_one(y):
    """Return masks as a learner keeps what is told of rows: an object each."""
    rows = np.empty(len(y), object)
    rows[:] = list(y)
    return rows


@pytest.mark.parametrize("kind", [np.uint8, np.int16, bool, list, one_by_one])
def test_classes_come_as_any_whole_numbers(kind):
    X, y = of_colours()
    given = kind(y) if kind in (list, one_by_one) else y.astype(kind)
    expected = net(max_steps=1).fit(X, y).predict_units(X)
    np.testing.assert_array_equal(
        net(max_steps=1).fit(X, given).predict_units(X), expected
    )


def test_a_batch_whose_known_pixels_moved_out_of_sight_teaches_nothing():
    X, y = of_colours()

    def away(images, masks):
        return images, torch.full_like(masks, -1)

    model = net(
        augment=away, criterion=lambda scores, codes: F.cross_entropy(scores, codes)
    )
    assert np.isfinite(model.fit(X, y).predict_units(X)).all()


def test_classes_keep_their_names_and_may_be_more_than_y_holds():
    X, y = of_colours()
    model = net(classes=[3, 7, 9]).fit(X, np.where(y == 1, 7, 3))
    assert model.classes_.tolist() == [3, 7, 9]
    assert model.predict_units(X).shape[-1] == 3
    assert set(np.unique(model.predict(X))) <= {3, 7, 9}


@pytest.mark.parametrize("criterion", ["focal", nn.CrossEntropyLoss, F.cross_entropy])
def test_criteria_of_one_label_a_row_are_for_one_a_pixel(criterion):
    X, y = of_colours()
    y = np.where(np.arange(8) < 4, y, -1)
    model = net(criterion=criterion, label_smoothing=0.1, max_steps=1).fit(X, y)
    assert np.isfinite(model.predict_units(X)).all()


def test_class_weights_count_pixel_by_pixel():
    """A classifier of nothing but a bias gives each class its share of the weight."""
    y = np.zeros((4, 4, 4), dtype=int)
    y[:, 0, 0] = 1  # a pixel in 16
    X = np.zeros((4, 1, 4, 4), dtype=np.float32)
    how = {"max_steps": 300, "lr": 0.1, "weight_decay": 0, "module": Thin}
    shares = {None: 1 / 16, "balanced": 1 / 2, "dict": 5 / 20}
    for weight, share in shares.items():
        given = {1: 5.0} if weight == "dict" else weight
        proba = net(class_weight=given, **how).fit(X, y).predict_units(X[:1])
        np.testing.assert_allclose(proba[..., 1], share, atol=0.01)


# Modules -------------------------------------------------------------------------


class InADict(Thin):
    """Takes and hands over what torchvision's networks do."""

    def __init__(self, n_channels, num_classes):
        super().__init__(n_channels, num_classes)

    def forward(self, x):
        return {"out": self.scores(x), "aux": None}


def test_scores_may_come_in_a_dict():
    X, y = of_colours()
    proba = [
        net(module=module, max_steps=1).fit(X, y).predict_units(X)
        for module in (Thin, InADict)
    ]
    np.testing.assert_array_equal(*proba)


@pytest.mark.long
def test_networks_of_torchvision_segment():
    from torchvision.models.segmentation import fcn_resnet50

    X, y = make_shapes(4, size=32, return_X_y=True, random_state=0)
    model = net(
        module=fcn_resnet50,
        module__weights=None,
        module__weights_backbone=None,
        batch_size=2,
        max_steps=1,
    ).fit(X, y)
    assert model.predict_units(X).shape == (4, 32, 32, len(np.unique(y)))
    assert model.embed(X).shape == (4, 512)
    assert model.sample_units(X[:1], n_samples=2).shape[:2] == (2, 1)


class Tagger(nn.Sequential):
    """A class for every step of a signal."""

    def __init__(self, n_channels, n_classes):
        super().__init__(
            nn.Conv1d(n_channels, 8, 3, padding=1),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Conv1d(8, n_classes, 3, padding=1),
        )


def test_steps_of_signals_have_classes_too():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=(20, 12))
    X = np.stack([y + 0.1 * rng.normal(size=y.shape), rng.normal(size=y.shape)], 1)
    y[0, :5] = -1
    model = net(module=Tagger, max_steps=60, lr=3e-2).fit(X, y)
    assert model.predict_units(X).shape == (20, 12, 2)
    assert model.sample_units(X, n_samples=3).shape == (3, 20, 12, 2)
    assert model.embed(X).shape == (20, 8)
    assert model.score(X, y) > 0.95


def test_images_whose_sides_do_not_halve_evenly_come_out_as_they_were():
    X, y = np.zeros((2, 3, 13, 10), dtype=np.uint8), np.eye(13, 10, dtype=int)
    model = net(max_steps=1).fit(X, np.stack([y, y]))
    assert model.predict(X).shape == (2, 13, 10)


# As other nets -------------------------------------------------------------------


def test_a_seed_fixes_everything(shapes):
    X, y = shapes
    how = {"augment": "affine", "max_steps": 2}
    one, other = (net(**how).fit(X, y).predict_units(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    third = net(**{**how, "random_state": 1}).fit(X, y).predict_units(X)
    assert (one != third).any()


def test_clones_pickles_and_files_answer_alike(fitted, shapes):
    X, y = shapes
    expected = fitted.predict_units(X)
    again = clone(fitted).fit(X, y)
    np.testing.assert_array_equal(again.predict_units(X), expected)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_units(X), expected)
    np.testing.assert_array_equal(loaded.embed(X), fitted.embed(X))
    file = io.BytesIO()
    fitted.save_params(f_params=file)
    file.seek(0)
    new = SegmentationNet()
    new.load_params(f_params=file)
    np.testing.assert_array_equal(new.predict_units(X), expected)
    np.testing.assert_array_equal(new.embed(X), fitted.embed(X))


def test_weights_can_be_loaded_into_a_net_made_without_rows(fitted, shapes):
    X, _ = shapes
    new = net(input_shape=(3, 16, 16), classes=range(4)).initialize()
    assert new.predict_units(X).shape == (24, 16, 16, 4)
    file = io.BytesIO()
    fitted.save_params(f_params=file)
    file.seek(0)
    new.load_params(f_params=file)
    np.testing.assert_array_equal(new.predict(X), fitted.predict(X))


def test_a_warm_start_goes_on_with_the_same_sizes(shapes):
    X, y = shapes
    model = net(warm_start=True, max_steps=1).fit(X, y)
    before = model.predict_units(X)
    assert (model.fit(X, y).predict_units(X) != before).any()
    other = net(module=Thin, warm_start=True, max_steps=1).fit(X, y)
    with pytest.raises(ValueError, match=r"targets of shape \(16, 16\) a row, as in"):
        other.fit(X, y[:, :8])


def test_early_stopping_holds_out_rows(shapes):
    model = net(early_stopping=True).fit(*shapes)
    assert "valid_loss" in model.history_[-1]


def test_a_row_of_weight_0_is_as_if_it_were_absent():
    X, y = of_colours()
    weights = np.ones(len(X))
    weights[0] = 0
    y = y.copy()
    y[0] = -1  # it is not even looked at
    one = net(batch_size=11, max_steps=1).fit(X, y, sample_weight=weights)
    other = net(batch_size=11, max_steps=1).fit(X[1:], y[1:])
    np.testing.assert_allclose(one.predict_units(X), other.predict_units(X), atol=1e-6)


def test_a_data_set_holds_masks_itself():
    X, y = of_colours()
    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    model = net().fit(pairs)
    np.testing.assert_allclose(
        model.predict_units(pairs), net().fit(X, y).predict_units(X), atol=1e-6
    )
    assert model.score(pairs, None) == model.score(X, y)


def test_a_learner_teaches_it_parts_of_masks(shapes):
    X, y = shapes
    learner = ActiveLearner(
        net(classes=range(4), max_steps=1),
        Regions(grid=2),
        n_initial=8,
        batch_size=6,
        n_labels=20,
        random_state=0,
    ).fit(X, y)
    known = learner.y_training_ >= 0
    assert known.sum() == 20 * 64  # cells of 8 by 8 pixels
    assert learner.predict(X).shape == y.shape


# Augmentation --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["affine", "crop_flip", "flip", "turn_flip"])
def test_masks_move_with_their_images(name):
    """An image of its own mask stays one, and what comes in is of no known class."""
    from skal.nets._layout import Layout
    from skal.nets._unit_augment import check_unit_augment

    masks = torch.zeros(40, 16, 16, dtype=torch.int16)
    masks[:, 4:10, 5:9] = 1
    images = (masks + 1).float()[:, None]  # 0 comes in from outside
    change = check_unit_augment(name, Layout((1, 16, 16), False), (16, 16))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        moved, codes = change(images, masks)
    assert moved.shape == images.shape
    assert codes.dtype == masks.dtype
    assert set(codes.unique().tolist()) <= {-1, 0, 1}
    exact = moved[:, 0].round() == moved[:, 0]
    assert exact.float().mean() > 0.5
    assert (codes[exact] == moved[:, 0][exact] - 1).all()
    assert (codes != masks).any(dim=(1, 2)).float().mean() > 0.3
    if name in ("flip", "turn_flip"):
        assert (codes >= 0).all()


def test_an_augmentation_of_ones_own_gets_both_and_returns_both(shapes):
    X, y = shapes
    seen = []

    def mirrored(images, masks):
        seen.append((images.shape, masks.shape, masks.dtype))
        return images.flip(3), masks.flip(2)

    net(augment=mirrored, max_steps=1).fit(X, y)
    assert seen == [((8, 3, 16, 16), (8, 16, 16), torch.int64)]
    with pytest.raises(ValueError, match="augment must return rows and classes of"):
        net(augment=lambda images, masks: (images, masks[:, :4])).fit(X, y)


# Bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: y[:, :8], r"y must hold a class for each pixel of X, \('n', 16, 16"),
        (lambda y: y.astype(float), r"y must hold whole .* np.nan_to_num\(y, nan=-1\)"),
        (lambda y: y[:, 0, 0], r"y must hold a class for each pixel \(n_rows, height"),
        (lambda y: y - 2, "y must hold classes of at least 0, or -1, got -2"),
        (lambda y: np.where(np.arange(24)[:, None, None] < 2, -1, y), "2 of 24 rows"),
        (
            lambda y: [*y[:-1], y[0, :8]],
            "y must hold targets of one shape for all rows, got",
        ),
        (lambda y: y[:-1], "X and y must have as many rows, got 24 and 23"),
        (lambda y: None, "requires y to be passed"),
    ],
)
def test_masks_that_are_none_are_refused(shapes, change, words):
    X, y = shapes
    with pytest.raises(ValueError, match=words):
        net().fit(X, change(y))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"classes": [0, 1]}, r"y must hold known classes, \[0, 1\], got \[2"),
        ({"criterion": "bce"}, "criterion must be for one class a pixel"),
        ({"augment": "spin"}, "augment must be .*'turn_flip'.*, a callable or None"),
        ({"class_weight": {8: 1}}, "class_weight must be 'balanced', None or a dict"),
        ({"class_weight": {0: -1}}, "class_weight must hold finite numbers of at leas"),
        ({"class_weight": {0: np.nan}}, "class_weight must hold finite numbers of at"),
        (
            {"augment": lambda images, masks: None},
            "augment must return rows and classes",
        ),
        ({"module__channels": ()}, "channels must hold a width a level"),
        (
            {"module__channels": (4,) * 6},
            "channels must halve images",
        ),
        ({"module": lambda: nn.Flatten()}, "module must return 4 scores for each unit"),
        ({"criterion": lambda s, c: s[:2].sum(dim=1)}, "criterion must give a loss"),
    ],
)
def test_parameters_that_cannot_work_are_refused(shapes, params, words):
    with pytest.raises(ValueError, match=words):
        net(**params).fit(*shapes)


def test_a_row_of_another_size_is_refused_after_fit(fitted):
    with pytest.raises(ValueError, match=r"X must hold rows of shape \(3, 16, 16\)"):
        fitted.predict(np.zeros((1, 3, 8, 8), dtype=np.uint8))


def test_masks_for_a_net_of_one_label_a_row_are_refused(shapes):
    with pytest.raises(
        ValueError, match=r"y must hold one label a row.*SegmentationNet"
    ):
        NetClassifier(max_steps=1).fit(*shapes)


@pytest.mark.parametrize("around", [lambda net: net, MCDropoutCommittee])
def test_a_mark_that_it_would_learn_as_a_class_is_refused(shapes, around):
    X, y = shapes
    void = np.where(y == 0, 255, y).astype(np.uint8)
    learner = ActiveLearner(around(net(max_steps=1)), "random", missing_label=255)
    with pytest.raises(ValueError, match=r"missing_label must be -1 for Segmentati"):
        learner.fit(X, void)
