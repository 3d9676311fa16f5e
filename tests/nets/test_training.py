"""How nets train: steps, seeds, augmentation, weights, early stopping."""

import gzip
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch import nn

from skal.nets import (
    CNNClassifier,
    MLPNetClassifier,
    NetClassifier,
    NetRegressor,
    Standardize,
)
from skal.nets._augment import affine, crop_flip
from skal.nets._batches import shuffled
from skal.nets._device import training_precision
from skal.nets._schedule import choose_batch_size, count_steps, lr_factor

pytestmark = pytest.mark.usefixtures("seeded_torch")


@pytest.fixture(scope="module")
def images():
    X, y = load_digits(return_X_y=True)
    return X[:120].reshape(-1, 8, 8), y[:120]


def small(**params):
    params = {"channels": (4, 8), "hidden": 16, "max_steps": 5, **params}
    return CNNClassifier(**{"random_state": 0, **params})


def mlp(**params):
    return MLPNetClassifier(**{"hidden": (16,), "random_state": 0, **params})


class Counting(Callback):
    """Notes the size and the labels of each batch that trains."""

    def __init__(self):
        self.sizes = []
        self.targets = []
        self.rates = []

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        if not training:
            return
        self.sizes.append(len(batch[0]))
        self.targets.append(batch[1])
        self.rates.append(net.optimizer_.param_groups[0]["lr"])


# Steps -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "max_steps", "max_epochs", "expected"),
    [
        (20, 32, None, None, 800),
        (1000, 64, None, None, 1581),  # 50 sqrt(1000)
        (100, 32, 500, None, 500),
        (100, 32, None, 3, 12),
        (100, 32, 7, 3, 7),
        (100, 32, 70, 3, 12),
        (20, 32, None, 3, 3),
    ],
)
def test_both_limits_of_a_fit_hold(n_rows, batch_size, max_steps, max_epochs, expected):
    assert count_steps(n_rows, batch_size, max_steps, max_epochs) == expected


def test_few_labels_get_small_batches():
    assert choose_batch_size("auto", 499) == 32
    assert choose_batch_size("auto", 500) == 64
    assert choose_batch_size(7, 500) == 7
    assert choose_batch_size(1000, 20) == 1000
    with pytest.raises(ValueError, match="batch_size must be an integer or 'auto'"):
        choose_batch_size("large", 10)


def test_a_batch_far_above_the_rows_takes_no_memory_for_it():
    """A batch of a million rows was filled up with copies of the few there were."""
    assert choose_batch_size(10**6, 20) == 1024
    assert choose_batch_size(10**6, 5000) == 5000


def test_every_batch_is_full_and_every_row_comes_equally_often():
    stream = shuffled(10, 4)
    batches = [next(stream) for _ in range(10)]
    assert {len(batch) for batch in batches} == {4}
    assert torch.bincount(torch.cat(batches)).tolist() == [4] * 10
    stream = shuffled(3, 8)  # fewer rows than a batch
    assert (
        torch.bincount(torch.cat([next(stream) for _ in range(3)])).tolist() == [8] * 3
    )


def test_batches_are_full_in_training(iris):
    X, y = iris
    counting = Counting()
    mlp(callbacks=[counting], max_epochs=2).fit(X[:50], y[:50])
    assert counting.sizes == [32] * 4


def test_the_learning_rate_warms_up_and_falls_to_zero(iris):
    rates = [lr_factor("cosine", step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10] == 1
    assert rates[55] == pytest.approx(0.5)
    assert 0 < rates[-1] < 1e-3
    assert all(a > b for a, b in pairwise(rates[10:]))
    for schedule, last in ((None, 0.01), ("cosine", 0.01 * rates[-1])):
        counting = Counting()
        net = mlp(lr=0.01, lr_schedule=schedule, max_steps=100, callbacks=[counting])
        net.fit(*iris)
        assert counting.rates[-1] == pytest.approx(last)
    with pytest.raises(ValueError, match="lr_schedule must be one of 'cosine'"):
        mlp(lr_schedule="linear").fit(*iris)


class Halving(Callback):
    """Halves the learning rate after each epoch."""

    def on_epoch_end(self, net, **kwargs):
        net.optimizer_.param_groups[0]["lr"] /= 2


def test_one_schedule_alone_moves_the_learning_rate(iris):
    """Callbacks that move it were ignored, for the cosine set it anew at every step."""
    counting = Counting()
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5)
    words = "lr_schedule must be None where LRScheduler moves the learning rate, got 'c"
    net = mlp(lr=0.01, max_epochs=3)
    for callbacks in ([counting, scheduler], [("rate", scheduler)]):
        with pytest.raises(ValueError, match=words):
            net.set_params(callbacks=callbacks).fit(*iris)
    assert counting.rates == []  # it never began
    with pytest.raises(ValueError, match=r"None where a callback moves .* Set lr_sch"):
        net.set_params(callbacks=[Halving()]).fit(*iris)
    for own in (scheduler, Halving()):
        counting.rates = []
        net.set_params(lr_schedule=None, callbacks=[counting, own]).fit(*iris)
        assert counting.rates == pytest.approx([0.01] * 5 + [0.005] * 5 + [0.0025] * 5)


def test_weight_decay_reaches_the_optimizer(iris):
    norms = []
    for weight_decay in (0.0, 50.0):
        net = mlp(weight_decay=weight_decay, max_steps=100).fit(*iris)
        norms.append(float(net.passes().head.weight.norm().detach()))
    assert norms[1] < 0.1 * norms[0]
    params = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9, "lr": 0.05}
    assert mlp(max_steps=200, **params).fit(*iris).score(*iris) > 0.9
    lbfgs = mlp(optimizer=torch.optim.LBFGS, lr_schedule=None, lr=0.1, max_steps=20)
    assert lbfgs.fit(*iris).score(*iris) > 0.9


def test_the_history_holds_the_loss_of_every_epoch(iris):
    net = mlp(max_epochs=60).fit(*iris)
    losses = net.history_[:, "train_loss"]
    assert len(losses) == 60
    assert losses[-1] < 0.5 * losses[0]
    assert min(net.history[:, "dur"]) > 0


def test_verbose_prints_a_line_an_epoch(iris, capsys):
    mlp(max_epochs=3, verbose=1).fit(*iris)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert "train_loss" in lines[0]


# Seeds -------------------------------------------------------------------------


def test_seeded_fits_agree_bit_for_bit_and_leave_the_global_state(images):
    X, y = images
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = small().fit(X, y)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    second = small().fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert np.any(
        small(random_state=1).fit(X, y).predict_proba(X) != first.predict_proba(X)
    )
    fresh = [small(random_state=None).fit(X, y).predict_proba(X) for _ in range(2)]
    assert np.any(fresh[0] != fresh[1])


def test_prediction_draws_nothing_and_changes_nothing(images):
    X, y = images
    net = small().fit(X, y)
    before = torch.random.get_rng_state()
    state = {k: v.clone() for k, v in net.module_.state_dict().items()}
    net.predict(X), net.embed(X), net.sample_proba(X, 3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(v, state[k]) for k, v in net.module_.state_dict().items())
    assert not net.module_.training


# Standardize -------------------------------------------------------------------


def test_inputs_are_measured_on_the_first_fit(rng):
    X = rng.normal(1e4, [1e-2, 1.0, 1e3], (5000, 3)).astype(np.float32)
    layer = Standardize(3)
    layer.measure(torch.from_numpy(X).split(700))
    wide = X.astype(float)
    np.testing.assert_allclose(layer.mean, wide.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(layer.std, wide.std(axis=0), rtol=1e-4)
    with pytest.raises(ValueError, match="batches must hold at least one batch"):
        layer.measure([])


def test_a_constant_column_is_only_shifted():
    layer = Standardize(2)
    layer.measure([torch.tensor([[7.0, 1.0], [7.0, 3.0]])])
    out = layer(torch.tensor([[8.0, 3.0]]))
    assert out.tolist() == [[1.0, 1.0]]


def test_images_are_standardized_by_channel(rng):
    X = torch.from_numpy(rng.rand(10, 3, 4, 4)).float()
    layer = Standardize(3)
    layer.measure([X])
    np.testing.assert_allclose(layer.mean, X.mean(dim=(0, 2, 3)), rtol=1e-5)


def test_what_was_measured_stays_where_training_goes_on(images):
    X, y = images
    net = small().fit(X, y)
    mean = net.module_[0].mean.clone()
    net.partial_fit(X + 100, y)
    assert torch.equal(net.module_[0].mean, mean)


def test_the_scale_of_a_table_does_not_matter(iris):
    X, y = iris
    same = mlp(max_steps=60).fit(X, y).predict_proba(X)
    scaled = X * [1e-3, 1, 10, 1e5] + [5, 0, -3, 1e6]
    other = mlp(max_steps=60).fit(scaled, y).predict_proba(scaled)
    np.testing.assert_allclose(other, same, atol=0.02)


# Augmentation ------------------------------------------------------------------


@pytest.mark.parametrize("augment", [affine, crop_flip])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_of_a_batch_gets_a_draw_of_its_own(augment, channels):
    image = torch.rand(1, channels, 12, 12)
    out = augment(image.repeat(16, 1, 1, 1))
    assert out.shape == (16, channels, 12, 12)
    different = {tensor.numpy().tobytes() for tensor in out}
    assert len(different) >= 14
    assert out.min() >= 0
    assert out.max() <= image.max() + 1e-6


def test_affine_keeps_the_image_about_where_it_is():
    image = torch.zeros(1, 1, 21, 21)
    image[:, :, 8:13, 8:13] = 1
    out = affine(image.repeat(500, 1, 1, 1))
    mass = out.sum(dim=(1, 2, 3))
    assert mass.min() > 0.6 * 25
    assert mass.max() < 1.6 * 25
    places = torch.arange(21) - 10.0
    shift = (out.sum(dim=(1, 2)) @ places) / mass  # (n,) mean column
    assert shift.abs().max() < 0.15 * 21
    assert abs(shift.mean()) < 0.3
    assert shift.std() > 0.5


def test_crop_flip_shifts_by_whole_pixels_and_mirrors_half():
    image = torch.zeros(1, 1, 16, 16)
    image[0, 0, 8, 8], image[0, 0, 8, 10] = 1, 2
    out = crop_flip(image.repeat(400, 1, 1, 1))
    assert set(out.unique().tolist()) == {0, 1, 2}
    one, two = (out == 1).nonzero(), (out == 2).nonzero()
    mirrored = (two[:, 3] < one[:, 3]).float().mean()
    assert 0.4 < mirrored < 0.6
    assert (one[:, 2] - 8).abs().max() == 4


def test_training_images_are_augmented_and_pool_images_are_not(images):
    X, y = images
    seen = []

    def watch(batch):
        seen.append(batch)
        return batch

    net = small(augment=watch, max_steps=3).fit(X, y)
    assert [tuple(batch.shape) for batch in seen] == [(32, 1, 8, 8)] * 3
    net.predict(X)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        ("afine", "augment must be 'affine', 'crop_flip', a callable or None"),
        (3, "augment must be 'affine', 'crop_flip', a callable or None"),
    ],
)
def test_an_unknown_augmentation_is_refused(images, iris, augment, words):
    with pytest.raises(ValueError, match=words):
        small(augment=augment).fit(*images)
    with pytest.raises(ValueError, match="augment must be None or a callable for rows"):
        mlp(augment="affine").fit(*iris)


# Weights -----------------------------------------------------------------------


def test_a_row_of_weight_zero_is_as_if_it_were_absent(iris):
    X, y = iris
    weight = np.ones(150)
    weight[::3] = 0
    kept = weight > 0
    weighted = mlp(max_steps=30).fit(X, y, sample_weight=weight)
    absent = mlp(max_steps=30).fit(X[kept], y[kept], sample_weight=weight[kept])
    np.testing.assert_array_equal(weighted.predict_proba(X), absent.predict_proba(X))


def test_only_the_ratio_of_weights_counts(iris):
    X, y = iris
    weight = np.where(y == 0, 2.0, 1.0)
    answers = [
        mlp(max_steps=30).fit(X, y, sample_weight=w).predict_proba(X)
        for w in (weight, 64 * weight)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


def test_heavy_rows_pull_the_prediction():
    X, y = np.zeros((40, 2)), np.arange(40) % 2
    weight = np.where(y == 1, 3.0, 1.0)
    for net, params in (
        (mlp(max_steps=300), {"sample_weight": weight}),
        (mlp(max_steps=300, class_weight={0: 1, 1: 3}), {}),
    ):
        proba = net.set_params(dropout=0).fit(X, y, **params).predict_proba(X[:1])
        np.testing.assert_allclose(proba, [[0.25, 0.75]], atol=0.05)
    unbalanced = (np.arange(40) % 4 == 0).astype(int)
    balanced = mlp(max_steps=300, class_weight="balanced", dropout=0)
    proba = balanced.fit(X, unbalanced).predict_proba(X[:1])
    np.testing.assert_allclose(proba, [[0.5, 0.5]], atol=0.05)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ([1.0, 2.0], "sample_weight must hold a weight for each of the 150 rows"),
        (np.full(150, -1.0), "sample_weight must hold finite numbers of at least 0"),
        (np.zeros(150), "sample_weight must leave at least one row, got only zeros"),
    ],
)
def test_bad_weights_are_refused(iris, weight, words):
    with pytest.raises(ValueError, match=words):
        mlp().fit(*iris, sample_weight=weight)


def test_class_weights_of_nothing_are_refused(iris):
    """They used to make a network of NaN."""
    X, y = iris
    with pytest.raises(ValueError, match="class_weight must leave a row of y some wei"):
        mlp(class_weight={0: 0}).fit(X[:50], y[:50])


def test_label_smoothing_keeps_the_net_from_certainty(iris):
    X, y = iris
    sharp, smooth = (
        mlp(max_steps=300, label_smoothing=s, dropout=0).fit(X, y).predict_proba(X)
        for s in (0.0, 0.3)
    )
    assert sharp.max() > 0.99
    assert smooth.max() < 0.9
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\]"):
        mlp(label_smoothing=2).fit(X, y)


# Going on ----------------------------------------------------------------------


def test_warm_start_goes_on_and_a_new_fit_does_not(iris):
    X, y = iris
    net = mlp(max_steps=60).fit(X, y)
    loss = net.history_[-1, "train_loss"]
    cold = net.predict_proba(X)
    net.set_params(warm_start=True).fit(X, y)
    assert net.history_[-1, "train_loss"] < loss
    assert net.module_ is not None
    net.set_params(warm_start=False).fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), cold)


def test_partial_fit_goes_on_and_knows_the_classes(iris):
    X, y = iris
    net = mlp(max_steps=40)
    net.partial_fit(X[:60], y[:60], classes={0, 1, 2})
    assert net.predict_proba(X).shape == (150, 3)
    net.partial_fit(X, y)
    net.partial_fit(X, y)
    assert net.score(X, y) > 0.8
    with pytest.raises(ValueError, match="y must hold known classes"):
        net.partial_fit(X, y + 1)


# Fits that fail ----------------------------------------------------------------


class Failing(Callback):
    """Fails at the third step."""

    def __init__(self):
        self.steps = 0

    def on_batch_end(self, net, **kwargs):
        self.steps += 1
        if self.steps == 3:
            raise RuntimeError("no more")


def test_a_fit_that_fails_leaves_the_net_as_it_was(images):
    """It lost classes_ and the layout of X, or kept a network half trained."""
    X, y = images
    net = small().fit(X, y)
    before, loss = net.predict_proba(X), net.history_[-1, "train_loss"]
    nan = np.where(y == 0, np.nan, y)
    failing = [
        (ValueError, {"X": X, "y": nan}),
        (ValueError, {"X": X[:, :4, :4], "y": nan}),
        (ValueError, {"X": X, "y": y[:-1]}),
        (ValueError, {"X": X, "y": y / 7}),
        (ValueError, {"X": X, "y": None}),
        (ValueError, {"X": X, "y": y, "sample_weight": np.zeros(len(y))}),
        (RuntimeError, {"X": X[:, :6], "y": y % 2}),
    ]
    net.set_params(callbacks=[("failing", Failing())])  # for what gets so far
    for error, data in failing:
        with pytest.raises(error):
            net.fit(**data)
        np.testing.assert_array_equal(net.classes_, np.arange(10))
        np.testing.assert_array_equal(net.predict_proba(X), before)
        assert net.history_[-1, "train_loss"] == loss
    first = small(callbacks=[Failing()])
    with pytest.raises(RuntimeError, match="no more"):
        first.fit(X, y)
    with pytest.raises(NotFittedError):
        first.predict(X)


def test_going_on_that_fails_leaves_the_weights_as_they_were(images):
    X, y = images
    net = small(dropout=0).fit(X, y)
    before = net.predict_proba(X)
    net.set_params(callbacks=[Failing()])
    with pytest.raises(RuntimeError, match="no more"):
        net.partial_fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), before)
    net.set_params(warm_start=True, callbacks=None)
    with pytest.raises(ValueError, match="y must hold known classes"):
        net.fit(X, y + 5)
    np.testing.assert_array_equal(net.predict_proba(X), before)


def test_a_network_that_cannot_be_made_leaves_the_one_before(images):
    """It lost classes_."""
    X, y = images
    net = small(input_shape=(1, 8, 8), classes=range(10)).fit(X, y)
    before = net.predict_proba(X)
    net.set_params(classes=range(5), channels=7)
    with pytest.raises(TypeError, match="channels must be a sequence"):
        net.initialize()
    np.testing.assert_array_equal(net.predict_proba(X), before)
    assert len(net.classes_) == 10


def test_a_regressor_keeps_its_units_too(rng):
    X, y = rng.rand(40, 3), rng.rand(40)
    net = NetRegressor(max_steps=5, random_state=0).fit(X, y)
    before = net.predict(X)
    with pytest.raises(ValueError, match="as many rows"):
        net.fit(X[:, :2], 100 + y[:-1])
    net.set_params(callbacks=[Failing()])
    with pytest.raises(RuntimeError, match="no more"):
        net.fit(X[:, :2], 100 + np.column_stack([y, y]))
    np.testing.assert_array_equal(net.predict(X), before)


# Early stopping ----------------------------------------------------------------


def test_early_stopping_keeps_the_best_weights(rng):
    X, y = rng.rand(200, 5), rng.randint(0, 2, 200)  # nothing to learn
    net = mlp(early_stopping=True, validation_fraction=0.3, patience=3, max_steps=3000)
    net.fit(X, y)
    looks = [epoch["valid_loss"] for epoch in net.history_ if "valid_loss" in epoch]
    assert 4 <= len(looks) < 40  # of 120
    assert min(looks) == looks[-4]
    assert net.history_[-1, "valid_loss"] > min(looks)


def test_the_last_step_is_looked_at(iris):
    """What was gained after the last look, up to 24 steps before the end, was lost."""
    net = mlp(early_stopping=True, patience=100, max_steps=45).fit(*iris)
    looks = [i for i, epoch in enumerate(net.history_) if "valid_loss" in epoch]
    assert looks == [0, 5, 8]  # 5, 30 and 45 steps

    class Enough(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history_) == 4:
                raise KeyboardInterrupt  # as skorch's callbacks stop

    watched = mlp(early_stopping=True, patience=100, max_steps=45, callbacks=[Enough()])
    watched.fit(*iris)
    assert len(watched.history_[:, "valid_loss"]) == 4  # callbacks see it every epoch
    till = mlp(early_stopping=True, patience=100, max_steps=20, lr_schedule=None)
    again = clone(till).set_params(callbacks=[Enough()], max_steps=45).fit(*iris)
    np.testing.assert_array_equal(
        again.predict_proba(iris[0]), till.fit(*iris).predict_proba(iris[0])
    )


def test_every_label_trains_unless_rows_are_held_out(iris):
    X, y = iris
    seen = []
    for early_stopping in (False, True):
        counting = Counting()
        params = {"early_stopping": early_stopping, "callbacks": [counting]}
        mlp(max_epochs=1, batch_size=1, **params).fit(X, y)
        seen.append(torch.bincount(torch.cat(counting.targets)).tolist())
    assert seen == [[50, 50, 50], [45, 45, 45]]


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_a_share_that_is_none_is_refused(iris, share):
    net = mlp(early_stopping=True, validation_fraction=share)
    with pytest.raises(ValueError, match="validation_fraction must be between 0 and 1"):
        net.fit(*iris)


def test_held_out_rows_that_cannot_keep_the_shares_are_drawn_without(iris):
    """The share was rounded another way than the split rounds it, which then failed."""
    X, y = iris[0][:7], [0, 0, 0, 1, 1, 2, 2]
    net = mlp(early_stopping=True, validation_fraction=0.6, max_steps=2)
    assert net.fit(X, y).history_[0, "valid_loss"] > 0


def test_early_stopping_needs_a_row_to_train_on(iris):
    X, y = iris
    with pytest.raises(ValueError, match="validation_fraction must leave a row to tra"):
        mlp(early_stopping=True).fit(X[:1], y[:1])


# Callbacks and interrupts ------------------------------------------------------


def test_an_interrupt_goes_through(images):
    """skorch swallows it, and a stopped simulation would go on to its next round."""

    def interrupt(batch):
        raise KeyboardInterrupt

    net = small(augment=interrupt)
    with pytest.raises(KeyboardInterrupt):
        net.fit(*images)
    assert not hasattr(net, "optimizer_")


def test_callbacks_of_skorch_listen_and_stop(iris):
    class Listening(Callback):
        heard = ()

        def notify(self, name):
            self.heard = (*self.heard, name)

        def on_train_begin(self, net, **kwargs):
            self.notify("train begins")

        def on_grad_computed(self, net, named_parameters, **kwargs):
            assert all(p.grad is not None for _, p in named_parameters)
            self.notify("gradient")

        def on_train_end(self, net, **kwargs):
            self.notify("train ends")

    listening = Listening()
    mlp(max_steps=2, callbacks=[listening]).fit(*iris)
    assert listening.heard == ("train begins", "gradient", "gradient", "train ends")
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10, sink=str)
    net = mlp(max_epochs=50, callbacks=[stop]).fit(*iris)
    assert len(net.history_) < 10


def test_skorchs_forward_returns_the_outputs(iris):
    X, y = iris
    net = mlp(max_steps=5).fit(X, y)
    outputs = net.forward(X)
    np.testing.assert_allclose(
        outputs.softmax(dim=1).numpy(), net.predict_proba(X), rtol=1e-6
    )
    for _ in net.forward_iter(X):
        assert torch.is_grad_enabled()
    with pytest.raises(ValueError, match="training must be False, got True"):
        list(net.forward_iter(X, training=True))


# Devices -----------------------------------------------------------------------


def weights_of(net):
    return torch.cat([p.detach().flatten() for p in net.module_.parameters()])


@pytest.mark.parametrize("kind", [small, mlp])
def test_a_cpu_trains_in_bfloat16_where_that_is_asked_for(images, kind):
    """It was without effect there."""
    X, y = images
    fits = {
        mixed: kind(max_steps=5, device="cpu", mixed_precision=mixed).fit(X, y)
        for mixed in (True, False, "auto")
    }
    exact, mixed = weights_of(fits[False]), weights_of(fits[True])
    assert torch.equal(weights_of(fits["auto"]), exact)
    assert 0 < (mixed - exact).abs().max() < 0.05  # steps of 3e-3 at most
    assert {p.dtype for p in fits[True].module_.state_dict().values()} <= {
        torch.float32,
        torch.int64,
    }
    assert np.isfinite(fits[True].predict_proba(X)).all()
    again = kind(max_steps=5, device="cpu", mixed_precision=True).fit(X, y)
    assert torch.equal(weights_of(again), mixed)


def test_what_trains_in_bfloat16():
    cpu, mps = torch.device("cpu"), torch.device("mps")
    for mixed in ("auto", False):
        assert isinstance(training_precision(mixed, cpu), nullcontext)
        assert isinstance(training_precision(mixed, mps), nullcontext)
    for mixed in (True, 1, np.True_):
        with training_precision(mixed, cpu):
            assert torch.get_autocast_dtype("cpu") == torch.bfloat16
            assert torch.is_autocast_enabled("cpu")


# Regression --------------------------------------------------------------------


def test_targets_of_any_scale_are_learnt(rng):
    X, y = load_diabetes(return_X_y=True)
    score = NetRegressor(max_steps=200, random_state=0).fit(X, y).score(X, y)
    far = 1e6 + 1e4 * y
    net = NetRegressor(max_steps=200, random_state=0).fit(X, far)
    assert score > 0.45
    assert net.score(X, far) == pytest.approx(score, abs=0.01)
    assert net.embed(X).shape == (442, 128)


def test_several_targets_have_a_column_each(rng):
    X = rng.rand(100, 3)
    Y = np.column_stack([X[:, 0], 100 * X[:, 1]])
    net = NetRegressor(max_steps=300, random_state=0).fit(X, Y)
    assert net.predict(X).shape == (100, 2)
    assert net.score(X, Y) > 0.8
    assert net.sample_predict(X, 5, random_state=0).shape == (5, 100, 2)
    with pytest.raises(ValueError, match="y must hold 2 targets a row"):
        net.partial_fit(X, Y[:, 0])


def test_draws_of_a_regressor_are_in_its_units(rng):
    X, y = load_diabetes(return_X_y=True)
    net = NetRegressor(max_steps=100, random_state=0).fit(X, y)
    draws = net.sample_predict(X, 50, random_state=0)
    assert draws.shape == (50, 442)
    assert np.abs(draws.mean(axis=0) - net.predict(X)).mean() < 15
    assert 1 < draws.std(axis=0).mean() < 100


# Real data ---------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow_data
def test_100_random_labels_of_mnist_are_enough_for_94_percent(data_folder):
    X, y, X_test, y_test = mnist(data_folder)
    rows = np.random.RandomState(7).permutation(len(X))[:100]
    net = CNNClassifier(random_state=7).fit(X[rows], y[rows])
    assert net.score(X_test, y_test) >= 0.94


def mnist(folder):
    """Return the images and labels for training and for testing."""
    names = [
        f"{part}-{what}-ubyte.gz"
        for part in ("train", "t10k")
        for what in ("images-idx3", "labels-idx1")
    ]
    arrays = []
    for name in names:
        with gzip.open(folder / "MNIST" / "raw" / name) as file:
            content = file.read()
        rank = content[3]
        shape = np.frombuffer(content, ">i4", rank, offset=4)
        arrays.append(
            np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
        )
    return arrays


def test_a_module_of_the_user_trains_with_the_recipe(images):
    def network(n_channels, n_classes):
        return nn.Sequential(
            Standardize(n_channels),
            nn.Conv2d(n_channels, 8, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 36, n_classes),
        )

    X, y = images
    net = NetClassifier(network, max_steps=100, augment="affine", random_state=0)
    assert net.fit(X, y).score(X, y) > 0.7
