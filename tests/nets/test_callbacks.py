"""skorch's callbacks in a fit of skal's nets: they do what they say, or are refused."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss
from skorch import callbacks as skorch_callbacks
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    TensorBoard,
    TrainEndCheckpoint,
    Unfreezer,
)
from torch import nn
from torch.utils.data import TensorDataset

from skal.nets import MLPNetClassifier, NetClassifier, NetRegressor
from skal.posterior import MCDropoutCommittee

pytestmark = pytest.mark.usefixtures("seeded_torch")


@pytest.fixture(scope="module")
def flowers(iris):
    """Return flowers with names, which no code is taken for."""
    X, y = iris
    return X.astype(np.float32), np.array(["setosa", "versicolor", "virginica"])[y]


def net(*callbacks, **params):
    params = {"hidden": (8,), "max_epochs": 3, "random_state": 0, **params}
    return MLPNetClassifier(callbacks=list(callbacks), **params)


# Scores --------------------------------------------------------------------------


@pytest.mark.parametrize("use_caching", [True, False])
def test_a_score_of_held_out_rows_is_that_of_the_net(flowers, use_caching):
    """EpochScoring ended the fit with a TypeError."""
    seen = []

    def share(net, X, y):
        right = net.predict(X) == y
        seen.append((len(y), right.mean()))
        return seen[-1][1]

    score = EpochScoring(share, lower_is_better=False, use_caching=use_caching)
    built_in = EpochScoring("accuracy", name="acc", use_caching=use_caching)
    fitted = net(score, built_in, early_stopping=True).fit(*flowers)
    assert [count for count, _ in seen] == [15, 15, 15]
    assert fitted.history_[:, "share"] == [value for _, value in seen]
    assert fitted.history_[:, "acc"] == fitted.history_[:, "share"]
    assert any(fitted.history_[:, "share_best"])


def test_a_score_of_training_rows_is_of_what_the_steps_saw(flowers):
    """The log-loss of the outputs that were trained on is the loss itself."""
    score = EpochScoring("neg_log_loss", name="nll", on_train=True)
    own = EpochScoring(None, name="own", on_train=True)
    history = net(score, own).fit(*flowers).history_
    np.testing.assert_allclose(
        history[:, "nll"], -np.array(history[:, "train_loss"]), rtol=1e-5
    )
    assert all(0 <= value <= 1 for value in history[:, "own"])


def test_a_score_without_what_was_seen_asks_the_net(flowers):
    score = EpochScoring("neg_log_loss", name="nll", on_train=True, use_caching=False)
    fitted = net(score, max_epochs=1).fit(*flowers)
    expected = -log_loss(flowers[1], fitted.predict_proba(flowers[0]))
    np.testing.assert_allclose(fitted.history_[-1, "nll"], expected, rtol=1e-5)


def test_scores_of_batches_are_averaged(flowers):
    batches = BatchScoring("accuracy", name="acc", on_train=True, lower_is_better=False)
    whole = EpochScoring("accuracy", name="all", on_train=True, lower_is_better=False)
    history = net(batches, whole).fit(*flowers).history_
    np.testing.assert_allclose(history[:, "acc"], history[:, "all"])
    assert history[:, "acc_best"] == history[:, "all_best"]


def test_scores_of_a_regressor_are_in_its_units(rng):
    X, y = load_diabetes(return_X_y=True)
    score = EpochScoring("neg_mean_squared_error", on_train=True, name="mse")
    fitted = NetRegressor(max_epochs=2, callbacks=[score], random_state=0).fit(X, y)
    in_units = -np.array(fitted.history_[:, "mse"]) / y.var()
    np.testing.assert_allclose(in_units, fitted.history_[:, "train_loss"], rtol=1e-4)


def test_losses_of_batches_are_passed_through(flowers):
    plain = net(early_stopping=True).fit(*flowers).history_
    both = [
        PassthroughScoring("train_loss", on_train=True),
        PassthroughScoring("valid_loss"),
    ]
    history = net(*both, early_stopping=True).fit(*flowers).history_
    np.testing.assert_allclose(
        history[:, "train_loss"], plain[:, "train_loss"], rtol=1e-6
    )
    assert history[:, "valid_loss"] == history[:, "batches", 5, "valid_loss"]


# What callbacks do ----------------------------------------------------------------


def test_listening_changes_nothing(flowers):
    """Not the weights, even of one that asks for predictions after every batch."""

    class Asking(Callback):
        def on_batch_end(self, net, **kwargs):
            net.predict(flowers[0][:3])

    for early in (False, True):
        params = {"early_stopping": early, "dropout": 0.5}
        heard = net(Asking(), EpochTimer(), PrintLog(sink=str), **params).fit(*flowers)
        alone = net(**params).fit(*flowers)
        np.testing.assert_array_equal(
            heard.predict_proba(flowers[0]), alone.predict_proba(flowers[0])
        )
        assert not hasattr(heard, "criterion_")


def test_the_bar_counts_the_batches(flowers, capsys):
    """It divided by the word "auto"."""

    class Total(ProgressBar):
        totals = ()

        def on_epoch_end(self, net, **kwargs):
            self.totals += ((self.pbar_.n, self.pbar_.total),)
            super().on_epoch_end(net, **kwargs)

    for early, expected in ((False, 5), (True, 6)):
        bar = Total()
        net(bar, early_stopping=early).fit(*flowers)
        assert bar.totals == ((expected, expected),) * 3
    assert "0/6" in capsys.readouterr().err


def test_early_stopping_of_skorch_stops_and_loads_the_best(flowers):
    stop = EarlyStopping(patience=2, threshold=10, sink=str, load_best=True)
    fitted = net(stop, max_epochs=50, early_stopping=True).fit(*flowers)
    assert len(fitted.history_) == 3
    first = net(max_steps=5, early_stopping=True, lr_schedule=None)
    stopped = net(stop, max_epochs=50, early_stopping=True, lr_schedule=None)
    np.testing.assert_array_equal(
        stopped.fit(*flowers).predict(flowers[0]),
        first.fit(*flowers).predict(flowers[0]),
    )


def test_checkpoints_as_they_come_bring_back_the_best(flowers, tmp_path):
    """The default one could be neither saved nor loaded."""
    checkpoint = Checkpoint(dirname=str(tmp_path), f_pickle="net.pkl", load_best=True)
    score = EpochScoring("accuracy", name="acc", lower_is_better=False)
    fitted = net(score, checkpoint, early_stopping=True).fit(*flowers)
    assert {"params.pt", "optimizer.pt", "criterion.pt", "history.json", "net.pkl"} == {
        file.name for file in tmp_path.iterdir()
    }
    other = net().set_params(callbacks=None)
    other.load_params(checkpoint=checkpoint)
    np.testing.assert_array_equal(other.predict(flowers[0]), fitted.predict(flowers[0]))
    assert other.history_[:, "acc"] == fitted.history_[:, "acc"]


def test_a_fit_goes_on_from_what_the_last_one_left(flowers, tmp_path):
    end = TrainEndCheckpoint(dirname=str(tmp_path))
    first = net(end, LoadInitState(end), max_epochs=20).fit(*flowers).history_
    second = net(end, LoadInitState(end), max_epochs=20).fit(*flowers).history_
    assert second[:20] == first[:]
    assert second[20, "train_loss"] < first[10, "train_loss"]
    assert second[-1, "train_loss"] < first[-1, "train_loss"]  # at the usual rates


@pytest.mark.parametrize("step_every", ["batch", "epoch"])
def test_a_scheduler_of_skorch_moves_the_rate(flowers, step_every):
    halve = LRScheduler("StepLR", step_size=1, gamma=0.5, step_every=step_every)
    history = net(halve, lr_schedule=None, lr=0.1).fit(*flowers).history_
    if step_every == "epoch":
        rates = history[:, "event_lr"]
    else:
        rates = [
            rate for epoch in history[:, "batches", :, "event_lr"] for rate in epoch
        ]
    np.testing.assert_allclose(rates, 0.1 * 0.5 ** np.arange(len(rates)))
    assert len(rates) == (3 if step_every == "epoch" else 15)


def test_a_plateau_is_seen_on_held_out_rows(flowers):
    plateau = LRScheduler(
        "ReduceLROnPlateau", monitor="valid_loss", patience=0, threshold=10
    )
    history = net(plateau, lr_schedule=None, early_stopping=True).fit(*flowers).history_
    np.testing.assert_allclose(history[:, "event_lr"], [3e-3, 3e-4, 3e-5])


def weights(fitted):
    return [w.detach().clone() for _, w in fitted.get_all_learnable_params()]


def test_gradients_are_clipped(flowers):
    clip = GradientNormClipping(1e-6)
    params = {"optimizer": torch.optim.SGD, "lr": 1.0, "weight_decay": 0}
    fitted = net(clip, max_epochs=1, lr_schedule=None, **params).fit(*flowers)

    class Start(Callback):
        def on_train_begin(self, net, **kwargs):
            self.weights = weights(net)

    start = Start()
    net(start, max_epochs=1, lr_schedule=None, **params).fit(*flowers)
    gone = [(a - b).norm() for a, b in zip(weights(fitted), start.weights, strict=True)]
    assert 0 < max(gone) < 6e-6  # five steps of 1e-6


def test_weights_are_frozen_thawed_and_set(flowers):
    """Freezer and its like found no weights, and did nothing."""

    class Watch(Callback):
        def on_train_begin(self, net, **kwargs):
            self.seen = []

        def on_epoch_end(self, net, **kwargs):
            self.seen.append(net.module_[-1].weight.detach().clone())

    def module(n_features, n_classes):
        layers = [nn.Linear(n_features, 8), nn.ReLU(), nn.Linear(8, n_classes)]
        return nn.Sequential(*layers)

    watch = Watch()
    set_up = {"max_epochs": 4, "random_state": 0}
    zero = Initializer("2.weight", fn=lambda w: nn.init.constant_(w, 0.5))
    events = [zero, Freezer("2.*"), Unfreezer("2.weight", at=3), watch]
    NetClassifier(module, callbacks=events, **set_up).fit(*flowers)
    assert torch.equal(watch.seen[0], torch.full((3, 8), 0.5))
    assert torch.equal(watch.seen[1], watch.seen[0])
    assert not torch.equal(watch.seen[2], watch.seen[1])
    seen = []
    mapper = ParamMapper("*", fn=lambda w: seen.append(w.shape), at=2)
    NetClassifier(module, callbacks=[mapper], **set_up).fit(*flowers)
    assert len(seen) == 4


def test_logs_get_every_number_of_an_epoch(flowers, capsys):
    class Writer:
        def __init__(self):
            self.rows = []

        def add_scalar(self, tag, scalar_value, global_step):
            self.rows.append((tag, global_step))

        def close(self):
            self.rows.append("closed")

    writer = Writer()
    net(TensorBoard(writer), early_stopping=True).fit(*flowers)
    assert ("Loss/valid_loss", 3) in writer.rows
    assert writer.rows[-1] == "closed"
    net(verbose=1, early_stopping=True).fit(*flowers)
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["epoch", "train_loss", "valid_loss", "dur"]
    assert [len(line.split()) for line in lines] == [4, 4, 4]


def test_a_callback_of_ones_own_hears_what_skorchs_would(flowers):
    X, y = flowers

    class Own(Callback):
        def on_train_begin(self, net, X=None, y=None, **kwargs):
            self.given = X, y
            self.events = []

        def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
            self.sizes = len(dataset_train), len(dataset_valid)

        def on_batch_end(self, net, batch, training, loss, y_pred, **kwargs):
            rows, codes = batch
            assert len(rows) == len(codes) == len(y_pred)
            assert y_pred.shape[1] == 3
            if not training:  # without weights and smoothing, so the criterion's
                assert torch.allclose(net.criterion_(y_pred, codes), loss)
            self.events.append(training)

    own = Own()
    net(own, early_stopping=True, max_epochs=2).fit(X, y)
    assert own.given[0] is X
    assert list(own.given[1]) == list(y)
    assert own.sizes == (135, 15)
    assert own.events == [True] * 5 + [False] + [True] * 5 + [False]


def test_parameters_of_callbacks_are_set_by_name(flowers):
    stop = EarlyStopping(monitor="train_loss", sink=str, threshold=10)
    fitted = net(("stop", stop), max_epochs=50, callbacks__stop__patience=4)
    assert len(fitted.fit(*flowers).history_) == 5
    with pytest.raises(
        ValueError, match="callbacks__halt__patience must be of a callb"
    ):
        net(("stop", stop), callbacks__halt__patience=4).fit(*flowers)


# What is refused ------------------------------------------------------------------


class Silent(Callback):
    """Writes nothing, but who knows that?"""


REFUSED = {
    "no held-out rows for a score": (EpochScoring("accuracy"), "needs held-out rows"),
    "nor for one of batches": (BatchScoring("accuracy"), "or on_train=True of BatchSc"),
    "nor to pass through": (
        PassthroughScoring("valid_loss"),
        "needs held-out rows, wi",
    ),
    "nor to stop by": (EarlyStopping(), "looks at 'valid_loss'; there are"),
    "nor to save by": (Checkpoint(), "early_stopping=True holds out rows"),
    "nor for a log": (
        skorch_callbacks.WandbLogger(None),
        "or save_model=False of Wandb",
    ),
    "nothing writes it": (EarlyStopping(monitor="valid_acc"), "looks at 'valid_acc'"),
    "nothing passes": (PassthroughScoring("acc", on_train=True), "which wants 'acc'"),
    "too late for the module": (InputShapeSetter(), "the module is made before callb"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_could_do_nothing_is_refused_before_training(flowers, why):
    """Some ended a fit with a KeyError, and some were ignored in silence."""
    callback, words = REFUSED[why]

    class Begun(Callback):
        def on_train_begin(self, net, **kwargs):
            raise AssertionError

    with pytest.raises(ValueError, match=f"^callbacks must .*{words}"):
        net(callback, Begun()).fit(*flowers)


def test_a_score_must_come_before_who_looks_at_it(flowers):
    score = EpochScoring("accuracy", name="acc", on_train=True)
    stop = EarlyStopping(monitor="acc", lower_is_better=False, sink=str)
    with pytest.raises(ValueError, match="before EarlyStopping"):
        net(stop, score).fit(*flowers)
    net(score, stop).fit(*flowers)
    with pytest.raises(KeyError):  # who knows what one's own writes?
        net(Silent(), stop).fit(*flowers)


@pytest.mark.parametrize(
    ("callbacks", "words"),
    [
        (EarlyStopping(), "callbacks must be a list of skorch's callbacks"),
        ([print], "callbacks must hold skorch's callbacks, got <built-in"),
        ([("stop", EarlyStopping)] * 2, "Found duplicate user-set callback name"),
    ],
)
def test_what_is_no_list_of_callbacks_is_refused(flowers, callbacks, words):
    with pytest.raises((TypeError, ValueError), match=words):
        MLPNetClassifier(callbacks=callbacks).fit(*flowers)


def test_scores_by_name_are_refused_where_labels_are_missing(rng):
    """scikit-learn's error came in the midst of training."""
    X, y = rng.standard_normal((30, 4)), (rng.random((30, 2)) < 0.5).astype(float)
    y[::3, 0] = np.nan
    params = {"criterion": "bce", "early_stopping": True, "max_steps": 2}
    with pytest.raises(ValueError, match="'f1_macro', a score that takes no NaN"):
        MLPNetClassifier(callbacks=[EpochScoring("f1_macro")], **params).fit(X, y)

    def known_right(net, rows, labels):
        return np.mean((net.predict(rows) == labels)[~np.isnan(labels)])

    scoring = EpochScoring(known_right, name="right", use_caching=False)
    fitted = MLPNetClassifier(callbacks=[scoring], **params).fit(X, y)
    assert 0 <= fitted.history_[-1, "right"] <= 1
    whole = MLPNetClassifier(callbacks=[EpochScoring("accuracy")], **params)
    assert "accuracy" in whole.fit(X, np.nan_to_num(y)).history_[-1]


def test_a_committee_is_checkpointed_whole(flowers, tmp_path):
    """What a committee asks of its net before training could not be pickled."""
    X, y = flowers
    checkpoint = Checkpoint(dirname=tmp_path, monitor=None, f_pickle="net.pkl")
    committee = MCDropoutCommittee(net(checkpoint), n_samples=2).fit(X, y)
    with open(tmp_path / "net.pkl", "rb") as file:
        restored = pickle.load(file)
    np.testing.assert_array_equal(
        restored.predict_proba(X), committee.estimator_.predict_proba(X)
    )


def test_no_optimizer_outlives_a_fit_in_a_scheduler(flowers):
    """It went along into clones and pickles, on whatever device it was."""
    scheduler = LRScheduler("StepLR", step_size=1)
    fitted = net(scheduler, lr_schedule=None).fit(*flowers)
    assert not hasattr(dict(fitted.callbacks_)["LRScheduler"], "lr_scheduler_")
    rates = [row["event_lr"] for row in fitted.history_]
    again = fitted.fit(*flowers)
    assert [row["event_lr"] for row in again.history_] == rates


def test_a_score_of_a_dataset_keeps_the_labels(flowers):
    """Without them it was called with None, in the midst of training."""
    X, y = flowers
    codes = torch.as_tensor(np.unique(y, return_inverse=True)[1])
    rows = TensorDataset(torch.as_tensor(X, dtype=torch.float32), codes)
    scoring = EpochScoring("accuracy", use_caching=False)
    with pytest.raises(ValueError, match="Set use_caching=True of EpochScoring"):
        net(scoring, early_stopping=True).fit(rows)
    kept = net(EpochScoring("accuracy"), early_stopping=True).fit(rows)
    assert kept.history_[-1, "accuracy"] > 0
