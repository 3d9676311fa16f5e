"""What a module may take: volumes, signals, ids, sequences and sets of tensors."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from skal import ActiveLearner, MultiInput
from skal.nets import (
    CNNClassifier,
    FrozenBackbone,
    MLPNetClassifier,
    NetClassifier,
    NetRegressor,
    Standardize,
)
from skal.nets._tensor_set import TensorSet
from skal.posterior import EnsembleClassifier, LaplaceClassifier

pytestmark = pytest.mark.usefixtures("seeded_torch")


def convolutional(rank):
    """Return what makes a network of convolutions of a rank."""
    conv = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[rank]
    pool = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}

    def network(n_channels, n_classes):
        return nn.Sequential(
            Standardize(n_channels),
            conv(n_channels, 4, 3),
            nn.ReLU(),
            pool[rank](1),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(4, n_classes),
        )

    return network


def net_of(module, **params):
    return NetClassifier(module, **{"max_steps": 6, "random_state": 0, **params})


@pytest.fixture
def y():
    return np.arange(40) % 2


# Volumes and signals ------------------------------------------------------------------


def test_volumes_are_taken_as_they_are(rng, y):
    """A three-dimensional convolution crashed: channels last is for images."""
    X = rng.rand(40, 2, 5, 6, 7)
    net = net_of(convolutional(3)).fit(X, y)
    proba = net.predict_proba(X)
    assert net.sample_proba(X, 3, random_state=0).shape == (3, 40, 2)
    np.testing.assert_allclose(net.head_proba(net.embed(X)), proba, atol=1e-6)
    saved = io.BytesIO()
    net.save_params(f_params=saved)
    np.testing.assert_array_equal(net.predict_proba(X), proba)
    saved.seek(0)
    other = net_of(convolutional(3), random_state=1).fit(X, y)
    other.load_params(f_params=saved)
    np.testing.assert_array_equal(other.predict_proba(X), proba)
    learner = ActiveLearner(net, "bald", n_labels=20, random_state=0).fit(X, y)
    assert learner.predict(X).shape == (40,)


def test_weights_of_images_lie_channels_last_beside_those_of_volumes(rng, y):
    class Both(nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.volume, self.image = nn.Conv3d(1, 4, 3), nn.Conv2d(4, 4, 3)
            self.last = nn.Linear(4, n_classes)

        def forward(self, x):
            return self.last(self.image(self.volume(x).mean(2)).mean((2, 3)))

    module = net_of(Both).fit(rng.rand(40, 1, 5, 6, 7), y).module_
    assert module.image.weight.is_contiguous(memory_format=torch.channels_last)
    assert module.volume.weight.is_contiguous()


@pytest.mark.parametrize(
    ("rank", "shape", "seen"),
    [
        (1, (3, 20), (3, 20)),
        (1, (20,), (1, 20)),
        (3, (5, 6, 7), (1, 5, 6, 7)),
        (2, (6, 7), (1, 6, 7)),
        (2, (3, 6, 7), (3, 6, 7)),
    ],
)
def test_the_module_says_whether_rows_have_a_channel(rank, shape, seen, rng, y):
    """Signals and volumes of one channel needed an input_shape."""
    X = rng.rand(40, *shape)
    net = net_of(convolutional(rank)).fit(X, y)
    assert net._layout.shape == seen
    proba = net.predict_proba(X)
    told = net_of(convolutional(rank), input_shape=seen).fit(X, y)
    np.testing.assert_array_equal(told.predict_proba(X), proba)
    np.testing.assert_array_equal(net.predict_proba(X.reshape(40, *seen)), proba)


def test_recurrent_networks_take_signals(rng, y):
    class Recurrent(nn.Module):
        def __init__(self, n_channels, n_classes):
            super().__init__()
            self.lstm = nn.LSTM(n_channels, 6, batch_first=True)
            self.last = nn.Linear(6, n_classes)

        def forward(self, x):
            return self.last(self.lstm(x.transpose(1, 2))[0][:, -1])

    X = rng.rand(40, 3, 12)
    assert net_of(Recurrent).fit(X, y).predict_proba(X).shape == (40, 2)


@pytest.mark.parametrize(
    ("rank", "shape", "channels"),
    [
        (1, (2, 9), 2),
        (2, (8, 8), 1),
        (2, (3, 8, 8), 3),
        (3, (2, 5, 6, 7), 2),
        (3, (5, 6, 7), 1),
    ],
)
def test_a_frozen_module_takes_signals_images_and_volumes(rank, shape, channels, rng):
    """Whatever has sides was taken for an image, which no other module took."""
    network = convolutional(rank)(channels, 2)
    X = rng.rand(300, *shape).astype(np.float32)
    X[:, 0] *= 2
    seen = torch.from_numpy(X).reshape(300, channels, *shape[-rank:])
    with torch.no_grad():
        expected = network.eval()(seen).numpy()
    backbone = FrozenBackbone(network)
    np.testing.assert_allclose(backbone.transform(X), expected, atol=1e-5)
    np.testing.assert_array_equal(backbone.transform(X[:3]), backbone.transform(X)[:3])


def test_a_frozen_module_that_takes_no_shape_fails_as_it_does(rng):
    with pytest.raises(RuntimeError, match=r"expected input.*2 channels"):
        FrozenBackbone(convolutional(2)(2, 2)[1:]).transform(rng.rand(9, 3, 8, 8))


def test_a_module_that_takes_neither_shape_fails_as_it_does(rng, y):
    with pytest.raises(RuntimeError, match="mat1 and mat2") as caught:
        net_of(nn.Linear(7, 2)).fit(rng.rand(40, 4), y)
    assert caught.value.__notes__ == [
        "module was tried on rows of the shapes [(4,), (1, 4)]."
    ]


# Ids ----------------------------------------------------------------------------------


class Words(nn.Module):
    """The mean of the vectors of words; those of the padding do not count."""

    def __init__(self, n_classes):
        super().__init__()
        self.vectors, self.drop = nn.Embedding(30, 6), nn.Dropout(0.5)
        self.last = nn.Linear(6, n_classes)

    def forward(self, words, mask=None):
        h = self.vectors(words)
        if mask is None:
            return self.last(self.drop(h.mean(1)))
        h = (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.last(self.drop(h))


class Summed(nn.Module):
    """Takes no mask: the padding has a vector of zeros."""

    def __init__(self, n_classes):
        super().__init__()
        self.vectors = nn.EmbeddingBag(30, n_classes, mode="sum", padding_idx=0)

    def forward(self, words):
        return self.vectors(words)


@pytest.fixture
def sentences(rng):
    """Return X, y: 60 lists of ids, of which the first says the class."""
    X = [rng.randint(1, 30, rng.randint(1, 8)).tolist() for _ in range(60)]
    return X, np.array([words[0] % 2 for words in X])


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16])
def test_whole_numbers_stay_ids_where_that_is_asked_for(dtype, rng, y):
    X = rng.randint(0, 30, (40, 5)).astype(dtype)
    net = net_of(Words, keep_integers=True).fit(X, y)
    expected = net.predict_proba(X)
    np.testing.assert_array_equal(
        net.predict_proba(torch.as_tensor(X.astype(int))), expected
    )
    with pytest.raises(ValueError, match=r"X must hold ids or a mask .* got numbers"):
        net.predict(X.astype(float))


def test_ids_that_became_numbers_are_explained(rng, y):
    with pytest.raises(RuntimeError, match="'indices' to have one of") as caught:
        net_of(Words).fit(rng.randint(0, 30, (40, 5)), y)
    assert "Pass keep_integers=True if they are ids" in caught.value.__notes__[-1]


def test_lists_of_ids_are_padded_with_a_mask(sentences):
    """numpy refused lists of several lengths."""
    X, y = sentences
    net = net_of(Words, keep_integers=True, max_steps=60, lr=0.05).fit(X, y)
    proba = net.predict_proba(X)
    assert net.score(X, y) > 0.6
    alone = np.concatenate([net.predict_proba([words]) for words in X])
    np.testing.assert_allclose(alone, proba, atol=1e-6)
    arrays = [np.array(words) for words in X]
    np.testing.assert_array_equal(net.predict_proba(arrays), proba)
    tensors = [torch.tensor(words) for words in X]
    np.testing.assert_array_equal(net.predict_proba(tensors), proba)
    same_length = np.array([words[0] for words in X])[:, None]
    np.testing.assert_allclose(
        net.predict_proba(same_length),
        net.predict_proba(same_length.tolist()),
        atol=1e-6,
    )


def test_a_module_without_a_mask_gets_none(sentences):
    X, y = sentences
    net = net_of(Summed, keep_integers=True).fit(X, y)
    weights = net.module_.vectors.weight.detach().numpy()
    expected = np.array([weights[words].sum(0) for words in X])
    logits = np.concatenate([part.numpy() for part in net.forward_iter(X)])
    np.testing.assert_allclose(logits, expected, atol=1e-5)


@pytest.mark.parametrize("strategy", ["margin", "vote_entropy"])
def test_a_loop_over_lists_of_ids_is_its_simulation(sentences, strategy):
    X, y = sentences
    params = {"n_initial": 10, "batch_size": 5, "random_state": 0}
    net = NetClassifier(Words, keep_integers=True, max_steps=5)
    simulated = ActiveLearner(net, strategy, n_labels=20, **params).fit(X, y)
    live, left, bought = ActiveLearner(net, strategy, **params), np.arange(60), []
    while len(bought) < 20:
        picks, rows = live.query(X, candidates=left)
        live = pickle.loads(pickle.dumps(live)).teach(rows, y[picks])
        left, bought = np.setdiff1d(left, picks), [*bought, *picks]
    assert set(bought) == set(np.flatnonzero(simulated.labeled_iter_ >= 0))
    np.testing.assert_array_equal(live.predict_proba(X), simulated.predict_proba(X))


def test_rows_of_lists_that_are_no_ids_are_refused(sentences):
    X, y = sentences
    net = net_of(Words, keep_integers=True)
    with pytest.raises(ValueError, match="X must hold sequences of whole numbers"):
        net.fit([[0.5], *X[1:]], y)
    with pytest.raises(ValueError, match=r"a sequence of ids a row, got .* \(1, 1\)"):
        net.fit([[[1]], *X[1:]], y)
    with pytest.raises(ValueError, match="X must hold rows of numbers, got list"):
        net.fit([["word"], *X[1:]], y)


# Sets of tensors ----------------------------------------------------------------------


class Fusion(nn.Module):
    """Looks at an image, a table and some words."""

    def __init__(self, n_classes, input_shape, width=5):
        super().__init__()
        channels, *_ = input_shape["image"]
        (columns,) = input_shape["table"]
        self.scale, self.scale_image = Standardize(columns), Standardize(channels)
        self.conv, self.table = nn.Conv2d(channels, 4, 3), nn.Linear(columns, width)
        self.words, self.drop = Words(3), nn.Dropout(0.4)
        self.last = nn.Linear(4 + width + 3, n_classes)

    def forward(self, table, image, words, mask):
        assert words.dtype == torch.int64
        assert mask.dtype == torch.bool
        parts = [
            self.conv(self.scale_image(image)).mean((2, 3)),
            self.table(self.scale(table)),
            self.words(words, mask),
        ]
        return self.last(self.drop(torch.relu(torch.cat(parts, 1))))


@pytest.fixture
def patients(rng):
    """Return X of four parts, and labels."""
    words = rng.randint(0, 30, (60, 4))
    X = MultiInput(
        image=rng.randint(0, 256, (60, 2, 6, 6)).astype(np.uint8),
        table=rng.normal(100, 20, (60, 3)),
        words=words,
        mask=np.arange(4) < rng.randint(1, 5, (60, 1)),
    )
    return X, np.arange(60) % 3


def test_a_module_gets_each_part_by_its_name(patients):
    X, y = patients
    net = net_of(Fusion, module__width=7).fit(X, y)
    proba = net.predict_proba(X)
    np.testing.assert_array_equal(net.predict_proba(dict(X.parts)), proba)
    module = net.module_
    with torch.no_grad():
        by_hand = module(
            image=torch.from_numpy(X["image"])
            .float()
            .contiguous(memory_format=torch.channels_last)
            / 255,
            table=torch.from_numpy(X["table"]).float(),
            words=torch.from_numpy(X["words"]),
            mask=torch.from_numpy(X["mask"]),
        ).softmax(1)
    np.testing.assert_allclose(by_hand.numpy(), proba, atol=1e-6)
    np.testing.assert_allclose(net.head_proba(net.embed(X)), proba, atol=1e-6)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict_proba(X), proba)


def test_parts_without_a_name_go_by_position(rng, y):
    class Sum(nn.Module):
        def __init__(self, n_outputs):
            super().__init__()
            self.last = nn.Linear(2, n_outputs)

        def forward(self, first, second=0):
            return self.last(first - 3 * second)

    first, second = rng.rand(2, 40, 2)
    net = NetRegressor(Sum, max_steps=20, random_state=0)
    answer = net.fit(MultiInput(first, second), y).predict(MultiInput(first, second))
    same = NetRegressor(Sum, max_steps=20, random_state=0)
    difference = (first.astype("f4") - 3 * second.astype("f4")).astype("f4")
    np.testing.assert_allclose(
        same.fit(difference, y).predict(difference), answer, atol=1e-5
    )


def test_each_standardize_layer_measures_the_part_that_it_sees(patients):
    X, y = patients
    module = net_of(Fusion).fit(X, y).module_
    table, image = X["table"], X["image"] / 255
    np.testing.assert_allclose(module.scale.mean, table.mean(0), rtol=1e-5)
    np.testing.assert_allclose(module.scale.std, table.std(0), rtol=1e-4)
    np.testing.assert_allclose(
        module.scale_image.mean, image.mean((0, 2, 3)), rtol=1e-5
    )


def test_ids_are_never_standardized(rng, y):
    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.last = Standardize(4), nn.Linear(4, 2)

        def forward(self, words):
            return self.last(self.scale(words))

    with pytest.raises(
        TypeError, match="Standardize must be handed numbers, got torch"
    ):
        net_of(Wrong).fit({"words": rng.randint(0, 9, (40, 4))}, y)


def test_parts_of_numbers_alone_are_augmented(patients):
    X, y = patients
    seen = {}

    def doubled(table):
        seen["rows"] = len(table)
        return table * 2

    net = net_of(Fusion, augment={"table": doubled, "image": "affine"}).fit(X, y)
    assert seen["rows"] == 32
    plain = net_of(Fusion).fit(X, y).predict_proba(X)
    assert np.abs(net.predict_proba(X) - plain).max() > 1e-4
    for augment in ("affine", doubled, {"words": doubled}, {"mask": doubled}):
        with pytest.raises(ValueError, match=r"parts of numbers \['image', 'table'\]"):
            net_of(Fusion, augment=augment).fit(X, y)
    with pytest.raises(ValueError, match="for rows that are no images, got 'affine'"):
        net_of(Fusion, augment={"table": "affine"}).fit(X, y)
    with pytest.raises(
        ValueError, match=r"no images, got 'affine' for rows of .*5, 6, 7"
    ):
        net_of(convolutional(3), augment="affine").fit(np.zeros((60, 1, 5, 6, 7)), y)


@pytest.mark.parametrize("strategy", ["margin", "bald"])
def test_a_loop_over_sets_is_its_simulation(patients, strategy):
    X, y = patients
    params = {"n_initial": 12, "batch_size": 6, "random_state": 0}
    net = NetClassifier(Fusion, max_steps=5)
    simulated = ActiveLearner(net, strategy, n_labels=24, **params).fit(X, y)
    live, left, bought = ActiveLearner(net, strategy, **params), np.arange(60), []
    while len(bought) < 24:
        picks, rows = live.query(X, candidates=left)
        live = pickle.loads(pickle.dumps(live)).teach(rows, y[picks])
        left, bought = np.setdiff1d(left, picks), [*bought, *picks]
    assert set(bought) == set(np.flatnonzero(simulated.labeled_iter_ >= 0))
    np.testing.assert_array_equal(live.predict_proba(X), simulated.predict_proba(X))


@pytest.mark.parametrize("posterior", [LaplaceClassifier, EnsembleClassifier])
def test_posteriors_take_sets(patients, posterior):
    X, y = patients
    net = NetClassifier(Fusion, max_steps=5)
    options = {"n_members": 2} if posterior is EnsembleClassifier else {}
    model = posterior(net, random_state=0, **options).fit(X, y)
    assert model.sample_proba(X, 2, random_state=0).shape == (2, 60, 3)


def test_draws_of_a_set_do_not_depend_on_the_chunks(patients):
    X, y = patients
    net = net_of(Fusion).fit(X, y)
    whole = net.sample_proba(X, 4, random_state=0)
    parts = [net.sample_proba(X[i : i + 7], 4, random_state=0) for i in range(0, 60, 7)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


def test_rows_of_other_parts_are_refused(patients):
    X, y = patients
    net = net_of(Fusion).fit(X, y)
    with pytest.raises(ValueError, match=r"parts \['image', .* got rows of one tensor"):
        net.predict(X["table"])
    less = MultiInput(image=X["image"], table=X["table"])
    with pytest.raises(
        ValueError, match=r"in fit, got rows of the parts \['image', 't"
    ):
        net.predict(less)
    other = MultiInput.of({**X.parts, "image": X["image"] / 255})
    with pytest.raises(ValueError, match=r"uint8 pixels .* as in fit") as caught:
        net.predict(other)
    assert caught.value.__notes__ == ["It is the part 'image'."]
    table = X["table"].copy()
    table[3, 1] = np.nan
    with pytest.raises(ValueError, match="X must hold finite numbers"):
        net.predict(MultiInput.of({**X.parts, "table": table}))


def test_nets_with_a_module_of_their_own_refuse_sets(patients):
    X, y = patients
    for net in (CNNClassifier(), MLPNetClassifier(), NetClassifier(), NetRegressor()):
        with pytest.raises(
            ValueError, match=f"one tensor of numbers for {type(net).__name__}"
        ):
            net.fit(X, y)
    with pytest.raises(ValueError, match="input_shape must be None for rows of the"):
        net_of(Fusion, input_shape=(3,)).fit(X, y)
    with pytest.raises(
        ValueError, match="one tensor for FrozenBackbone, got the parts"
    ):
        FrozenBackbone(nn.Flatten()).transform(X)


def test_weights_of_a_set_tell_which_parts_were_pixels(patients, recwarn):
    X, y = patients
    net, saved = net_of(Fusion).fit(X, y), io.BytesIO()
    net.save_params(f_params=saved)
    saved.seek(0)
    other = net_of(Fusion, random_state=1).fit(X, y)
    other.load_params(f_params=saved)
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))
    assert not recwarn.list


def test_a_set_of_tensors_is_sliced_and_joined_as_one():
    batch = TensorSet({0: torch.arange(5), "mask": torch.ones(5, 2)})
    joined = torch.cat([batch[:2], batch[3:]])
    assert joined.parts[0].tolist() == [0, 1, 3, 4]
    assert [len(part) for part in batch.split(2)] == [2, 2, 1]


# Parts that are frames, lists, words --------------------------------------------------


class Joined(nn.Module):
    """Ids and the columns of a table, side by side."""

    def __init__(self, n_classes):
        super().__init__()
        self.embedding = nn.Embedding(9, 3)
        self.head = nn.Linear(5, n_classes)

    def forward(self, words, table):
        return self.head(torch.cat([self.embedding(words).sum(1), table], dim=1))


def test_columns_of_a_part_must_stand_as_in_fit(rng, y):
    """Those of a frame that stood otherwise were taken for each other, silently."""
    table = pd.DataFrame(rng.rand(40, 2), columns=["age", "dose"])
    words = rng.randint(9, size=(40, 3))
    net = net_of(Joined).fit({"words": words, "table": table}, y)
    saved = io.BytesIO()
    net.save_params(f_params=saved)
    saved.seek(0)
    other = net_of(Joined)
    other.load_params(saved)
    turned = {"words": words, "table": table[["dose", "age"]]}
    for fitted in (net, other, pickle.loads(pickle.dumps(net))):
        with pytest.raises(ValueError, match=r"columns \['age', 'dose'\], in this ord"):
            fitted.predict(turned)
    plain = MultiInput(words=words, table=table.to_numpy())
    np.testing.assert_array_equal(net.predict(plain), other.predict(plain))


@pytest.mark.parametrize("word", ["high", np.datetime64("2020-01-01")])
def test_words_in_a_part_are_refused_by_its_name(word, rng, y):
    """NumPy's error told neither the part nor the way out."""
    table = pd.DataFrame({"dose": rng.rand(40), "risk": word})
    X = MultiInput(words=rng.randint(9, size=(40, 3)), table=table)
    with pytest.raises(ValueError, match=r"numbers in the part 'table'.*OrdinalEnc"):
        net_of(Joined).fit(X, y)


def test_numbers_of_several_types_in_a_frame_are_numbers(rng, y):
    table = pd.DataFrame({"dose": rng.rand(40), "ill": y == 1})
    X = MultiInput(words=rng.randint(9, size=(40, 3)), table=table)
    assert net_of(Joined).fit(X, y).predict(X).shape == (40,)


def test_sequences_of_a_part_may_be_of_one_length(rng, y):
    """An array was refused where lists had been fitted on, in a part alone."""
    words = [[1, 2, 3], [4, 5]] * 20
    net = net_of(Joined).fit(MultiInput(words=words, table=rng.rand(40, 2)), y)
    lists, table = [[1, 2], [3, 4]], rng.rand(2, 2)
    np.testing.assert_array_equal(
        net.predict_proba(MultiInput(words=np.array(lists), table=table)),
        net.predict_proba(MultiInput(words=lists, table=table)),
    )
