"""Data sets as pools: read when needed, two transforms, a cache, worker processes."""

import pickle
import random

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import cross_val_score, train_test_split
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
)
from torchvision.datasets import ImageFolder

from skal import ActiveLearner
from skal.nets import CNNClassifier, DatasetPool, NetClassifier
from skal.nets._reading import ReadAhead, workers_for
from skal.nets._sources import open_source, targets_of
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee

pytestmark = pytest.mark.usefixtures("seeded_torch")

N = 300  # more than a pass takes, so that there is something to read ahead


def rows_and_labels():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=N)
    X = rng.rand(N, 1, 6, 6).astype(np.float32)
    X[y == 1, :, :3] += 0.4
    return X, y


X, Y = rows_and_labels()


class Pairs(Dataset):
    """Pairs (row, label); counts what is read of it in this process."""

    def __init__(self):
        self.read = []

    def __len__(self):
        return N

    def __getitem__(self, i):
        assert not isinstance(i, slice)
        if not 0 <= i < N:
            raise IndexError(i)
        self.read.append(i)
        return torch.from_numpy(X[i].copy()), int(Y[i])


class Table:
    """Has columns, and dicts as items, as a Dataset of Hugging Face has."""

    column_names = ("id", "image", "label")
    shape = (N, 3)

    def __len__(self):
        return N

    def __getitem__(self, i):
        if isinstance(i, str):
            return Y if i == "label" else None
        return {"id": f"row {i}", "image": X[i].tolist(), "label": int(Y[i])}


class Triples(Pairs):
    def __getitem__(self, i):
        row, label = super().__getitem__(i)
        return row, label, row.mean()


def image_of(item):
    return torch.tensor(item["image"])


def first_of(row):
    return row[0]


def halved(row):
    return row / 2


def noisy(row):
    """Draw from every generator that transforms draw from."""
    draws = [torch.rand(()).item(), random.random(), np.random.rand()]  # noqa: NPY002
    return row / 2 + 0.1 * sum(draws)


POOLS = {
    "pairs": Pairs,
    "subset": lambda: Subset(Pairs(), range(N)),
    "joined": lambda: ConcatDataset(
        [Subset(Pairs(), range(100)), Subset(Pairs(), range(100, N))]
    ),
    "tensors": lambda: TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)),
    "list": lambda: [torch.from_numpy(row) for row in X],
    "pool": lambda: DatasetPool(Pairs()),
    "pool of tensors": lambda: DatasetPool(TensorDataset(torch.from_numpy(X))),
    "pool of a subset": lambda: DatasetPool(Subset(Pairs(), range(N))),
    "table": lambda: DatasetPool(Table(), target="label", transform=image_of),
    "triples": lambda: DatasetPool(Triples(), target=1, transform=first_of),
}


def small(**params):
    defaults = {"channels": (3,), "hidden": 8, "augment": None, "max_steps": 4}
    return CNNClassifier(**{**defaults, **params})


def simulated(pool, **params):
    learner = ActiveLearner(
        small(**params),
        "margin",
        n_labels=24,
        n_initial=12,
        batch_size=6,
        random_state=0,
    )
    return learner.fit(pool, Y)


def live(pool, **params):
    """Ask and teach as `simulated` does, pickled each round; return learner, picks."""
    learner = ActiveLearner(
        small(**params), "margin", n_initial=12, batch_size=6, random_state=0
    )
    left, bought = np.arange(N), []
    while len(bought) < 24:
        picks, rows = learner.query(pool, candidates=left)
        learner = pickle.loads(pickle.dumps(learner))
        learner.teach(rows, Y[picks])
        left, bought = np.setdiff1d(left, picks), [*bought, *picks]
    return learner, bought


@pytest.fixture(scope="module")
def of_arrays():
    return simulated(X)


# Every kind of data set ---------------------------------------------------------------


@pytest.mark.parametrize("kind", POOLS)
def test_a_data_set_is_the_pool_that_its_rows_are(kind, of_arrays):
    """Datasets of three things, and those of Hugging Face, could be no pools."""
    pool = POOLS[kind]()
    learner = simulated(pool)
    np.testing.assert_array_equal(learner.labeled_iter_, of_arrays.labeled_iter_)
    proba = of_arrays.predict_proba(X)
    np.testing.assert_allclose(learner.predict_proba(pool), proba, atol=1e-6)
    taught, bought = live(pool)
    assert set(bought) == set(np.flatnonzero(of_arrays.labeled_iter_ >= 0))
    np.testing.assert_allclose(taught.predict_proba(pool), proba, atol=1e-6)
    scores = learner.score_pool(pool)
    np.testing.assert_allclose(scores, of_arrays.score_pool(X), atol=1e-6)


@pytest.mark.parametrize("kind", ["subset", "pool"])
@pytest.mark.parametrize(
    "around",
    [
        lambda net: EnsembleClassifier(net, n_members=2),
        lambda net: MCDropoutCommittee(net, n_samples=3),
        lambda net: LaplaceClassifier(net, n_samples=3, prior_precision=1.0),
    ],
    ids=["ensemble", "dropout", "laplace"],
)
def test_a_posterior_takes_every_pool_that_its_net_takes(kind, around):
    """Those around a net made an array of a DatasetPool, and failed."""

    def picks(pool):
        net = small(max_steps=1, random_state=0)
        learner = ActiveLearner(
            around(net), "bald", n_labels=10, n_initial=6, batch_size=4, random_state=0
        )
        return learner.fit(pool, Y).predict_proba(pool)

    np.testing.assert_array_equal(picks(POOLS[kind]()), picks(X))


def test_folds_of_a_pool_are_pools():
    """scikit-learn read a pool into lists, which forgot the transforms to train on."""
    pool = DatasetPool(Pairs())
    first, second = train_test_split(pool, random_state=0, stratify=Y)
    assert isinstance(first, DatasetPool)
    assert len(first) == 225
    assert pool.shape == (N,)
    where = train_test_split(np.arange(N), random_state=0, stratify=Y)[1]
    assert second.targets.tolist() == Y[where].tolist()
    seen = []

    def watched(row):
        seen.append(row)
        return halved(row)

    cross_val_score(
        small(max_steps=1, random_state=0),
        DatasetPool(Pairs(), transform=halved, train_transform=watched),
        Y,
        cv=2,
        error_score="raise",
    )
    assert seen


def test_workers_change_nothing():
    """Random transforms drew other numbers in every worker."""
    pool = DatasetPool(Pairs(), transform=halved, train_transform=noisy)
    here = simulated(pool)
    there, bought = live(pool, num_workers=2)
    assert set(bought) == set(np.flatnonzero(here.labeled_iter_ >= 0))
    np.testing.assert_array_equal(there.predict_proba(pool), here.predict_proba(pool))


@pytest.mark.parametrize("kind", ["joined", "table"])
@pytest.mark.long
def test_workers_change_nothing_on_other_kinds(kind):
    pool = POOLS[kind]()
    here, there = simulated(pool), simulated(pool, num_workers=2)
    np.testing.assert_array_equal(there.labeled_iter_, here.labeled_iter_)
    np.testing.assert_array_equal(there.predict_proba(pool), here.predict_proba(pool))


def test_images_in_folders_are_a_pool(tmp_path):
    for i in range(24):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        Image.fromarray((X[i, 0] * 100).astype(np.uint8)).save(folder / f"{i}.png")
    folder = ImageFolder(tmp_path)
    pool = DatasetPool(folder, transform=channels_first)
    assert pool.targets.tolist() == [0] * 12 + [1] * 12
    learner = ActiveLearner(small(), n_labels=16, n_initial=8, random_state=0)
    assert learner.fit(pool, pool.targets).predict(pool).shape == (24,)
    with pytest.raises(ValueError, match="channels stand last"):
        small().fit(DatasetPool(folder))


def channels_first(image):
    return np.asarray(image).transpose(2, 0, 1)


# Two transforms -----------------------------------------------------------------------


def test_training_has_a_transform_of_its_own():
    """One Dataset had one transform: augmented rows were asked about, too."""
    seen = {"train": [], "ask": []}

    def train(row):
        seen["train"].append(row)
        return row * 2

    def ask(row):
        seen["ask"].append(row)
        return row

    pool = DatasetPool(Pairs(), transform=ask, train_transform=train)[:40]
    net = small(max_steps=3, random_state=0).fit(pool, Y[:40])
    assert len(seen["train"]) == 3 * 32
    before = len(seen["train"])
    net.predict(pool)
    assert len(seen["train"]) == before


def test_the_rows_held_out_are_those_that_will_be_asked_about():
    changed = []
    pool = DatasetPool(Pairs(), train_transform=lambda row: changed.append(1) or row)
    net = small(early_stopping=True, validation_fraction=0.5, max_steps=1)
    net.fit(pool[:20], Y[:20])
    assert len(changed) == 32  # those of the step, and none of the ten held out
    assert "valid_loss" in net.history_[-1]


def test_reading_leaves_the_global_random_states_alone():
    pool = DatasetPool(Pairs(), transform=noisy)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    net = small(random_state=0).fit(pool[:20], Y[:20])
    first = net.predict_proba(pool)
    np.testing.assert_array_equal(net.predict_proba(pool), first)
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


# Selections and labels ----------------------------------------------------------------


def test_a_pool_is_sliced_and_joined_without_reading():
    data = Pairs()
    pool = DatasetPool(data)
    del data.read[:]
    some = pool[[5, 2]].concat_rows(pool[7:9])
    more = some.concat_rows(DatasetPool(TensorDataset(torch.from_numpy(X)))[[1]])
    again = pickle.loads(pickle.dumps(pool))[np.arange(N) == 3]
    assert len(some.concat_rows(again)) == 5
    assert len(some.concat_rows(again)._bases) == 1  # a copy of the same
    assert data.read == []
    expected = X[[5, 2, 7, 8, 1]]
    np.testing.assert_array_equal(torch.stack(more.rows(range(5))), expected)
    assert len(pool[[]]) == 0
    with pytest.raises(ValueError, match=r"rows of a DatasetPool, .* got a list. Take"):
        pool.concat_rows([pool[3]])
    assert repr(more) == "DatasetPool(5 rows of Pairs, TensorDataset)"


def test_labels_come_with_the_pool():
    data = Pairs()
    pool = DatasetPool(data)
    np.testing.assert_array_equal(pool[[4, 9]].targets, Y[[4, 9]])
    table = DatasetPool(Table(), target="label", transform=image_of)
    np.testing.assert_array_equal(table.targets, Y)
    both = pool[[3]].concat_rows(table[[8]]).concat_rows(pool[[2]])
    np.testing.assert_array_equal(both.targets, Y[[3, 8, 2]])
    net = small(random_state=0).fit(table)
    same = small(random_state=0).fit(X, Y)
    np.testing.assert_allclose(net.predict_proba(X), same.predict_proba(X), atol=1e-6)
    alone = DatasetPool(TensorDataset(torch.from_numpy(X)))
    with pytest.raises(ValueError, match="target must name the label of an item, got"):
        small().fit(alone)


def test_known_labels_are_not_read_row_by_row():
    """A Subset of a million images was read for its labels."""
    data = Pairs()
    data.targets = Y.tolist()
    parts = ConcatDataset([Subset(data, [3, 1]), Subset(data, [2])])
    np.testing.assert_array_equal(targets_of(parts), Y[[3, 1, 2]])
    assert data.read == []
    data.target_transform = str  # then they are what is read
    np.testing.assert_array_equal(targets_of(parts), Y[[3, 1, 2]])
    assert data.read


@pytest.mark.parametrize(
    ("dataset", "target", "words"),
    [
        (Triples(), None, r"got a Triples whose items are 3 things each. Say which is"),
        (Triples(), 3, "a place among the 3 things of an item, got 3"),
        (Triples(), "label", "a place for tuples, got 'label'"),
        (Table(), None, "items are a dict each. Say which is the label"),
        (Table(), "lable", r"one of \['id', 'image', 'label'\], got 'lable'"),
        ([{"label": 1}], "label", "target must leave a row in an item, got 'label'"),
    ],
)
def test_the_place_of_the_label_is_never_guessed(dataset, target, words):
    with pytest.raises(ValueError, match=words):
        DatasetPool(dataset, target=target)


def test_a_list_of_ids_is_a_row_however_long_it_is():
    """Two ids were taken for a row and its label, and three were refused."""
    words = [[1, 2], [3], [4, 5, 6]]
    pool = DatasetPool(words)
    assert pool.rows([0, 1, 2]) == words
    assert pool[0] == [1, 2]
    with pytest.raises(ValueError, match="target must name the label of an item"):
        _ = pool.targets


def test_what_is_left_beside_the_label_is_the_row():
    class Sum(torch.nn.Module):
        def __init__(self, n_classes):
            super().__init__()
            self.last = torch.nn.Linear(36, n_classes)

        def forward(self, row, mean):
            return self.last(row.flatten(1) - mean[:, None])

    pool = DatasetPool(Triples(), target=1)
    net = NetClassifier(Sum, max_steps=3, random_state=0).fit(pool)
    assert net.predict(pool).shape == (N,)
    unlabelled = DatasetPool(
        TensorDataset(torch.from_numpy(X), torch.ones(N)), target=False
    )
    assert net.predict(unlabelled).shape == (N,)


def test_words_beside_the_row_are_refused_by_name():
    with pytest.raises(
        ValueError, match=r"got str in the part 'id'. Make numbers of it"
    ):
        NetClassifier(torch.nn.Linear(1, 2)).fit(DatasetPool(Table(), target="label"))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(X)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Stream(), "Stream. Write a Dataset with __len__"),
        (DataLoader(Pairs()), "DataLoader. Pass the data set that it loads"),
        ((row for row in X), "generator. Make it a list"),
        (DatasetPool(Pairs()), "dataset must be no DatasetPool itself"),
    ],
)
def test_what_has_no_positions_is_refused_with_the_way_out(data, words):
    with pytest.raises(TypeError, match=words):
        DatasetPool(data)


def test_the_learner_and_the_nets_name_the_way_out():
    net = small(random_state=0).fit(X, Y)
    for ask in (net.predict, ActiveLearner(net).query):
        with pytest.raises(TypeError, match=r"Write|a data set whose rows"):
            ask(Stream())
        with pytest.raises(
            TypeError, match=r"Pass the data set that it loads, X.dataset"
        ):
            ask(DataLoader(Pairs()))
        with pytest.raises(TypeError, match=r"skal.nets.DatasetPool\(X, target=...\)"):
            ask(Table())


def test_rows_of_several_shapes_are_refused():
    ragged = [torch.zeros(1, 6, 6), torch.zeros(1, 7, 6)]
    with pytest.raises(
        ValueError, match=r"rows of one shape, got \[\(1, 6, 6\), \(1, 7"
    ):
        small().fit(ragged, [0, 1])


def test_transforms_are_functions():
    with pytest.raises(TypeError, match="train_transform must be a function of a row"):
        DatasetPool(Pairs(), train_transform="affine")


# The cache ----------------------------------------------------------------------------


def test_a_cache_reads_each_row_once(tmp_path, of_arrays):
    data = Pairs()
    pool = DatasetPool(data, cache=tmp_path / "cache", transform=halved)
    net = small(random_state=0, max_steps=30).fit(pool[:50], Y[:50])
    net.predict(pool)
    assert sorted(set(data.read)) == list(range(N))
    n_read = len(data.read)
    again = DatasetPool(data, cache=tmp_path / "cache", transform=halved)
    np.testing.assert_array_equal(net.predict_proba(again), net.predict_proba(pool))
    assert len(data.read) <= n_read + 3  # only the first row, to compare
    assert n_read <= N + 3
    copy = pickle.loads(pickle.dumps(pool))
    assert len(pickle.dumps(pool[:3])) < 20_000
    np.testing.assert_array_equal(copy.rows([3])[0], X[3] / 2)


def test_a_cache_gives_transforms_what_the_data_set_gives(tmp_path):
    """Images and tensors came out of it as arrays, which many transforms refuse."""
    rng = np.random.RandomState(0)
    pixels = rng.randint(256, size=(5, 6, 6, 3)).astype(np.uint8)
    for name, rows in {
        "images": [Image.fromarray(one) for one in pixels],
        "grey": [Image.fromarray(one[..., 0]) for one in pixels],
        "tensors": list(torch.from_numpy(pixels)),
        "arrays": list(pixels),
    }.items():
        seen = []
        pool = DatasetPool(rows, transform=seen.append, cache=tmp_path / name)
        for _ in range(2):  # read, then remembered
            pool.rows([1, 4])
        assert {type(row) for row in seen} == {type(rows[0])}
        for row, at in zip(seen, [1, 4, 1, 4], strict=True):
            np.testing.assert_array_equal(np.asarray(row), np.asarray(rows[at]))
    palette = [Image.fromarray(one[..., 0]).convert("P") for one in pixels]
    with pytest.raises(ValueError, match="cache must be None for images of the mode P"):
        DatasetPool(palette, cache=tmp_path / "palette")


@pytest.mark.parametrize("of", [np.asarray, Image.fromarray])
def test_rows_that_are_no_tensors_are_taught(of):
    """What a query returned of them, pairs, could not be taught."""
    images = np.random.RandomState(0).randint(256, size=(20, 6, 6)).astype(np.uint8)

    class Others(Dataset):
        def __len__(self):
            return 20

        def __getitem__(self, i):
            return of(images[i]), int(i % 2)

    taught = []
    for pool in (Others(), images):
        learner = ActiveLearner(small(random_state=0), n_initial=8, random_state=0)
        picks, rows = learner.query(pool)
        learner.teach(rows, picks % 2)
        taught.append(learner.predict_proba(pool))
    np.testing.assert_array_equal(*taught)


def test_an_interrupted_cache_is_whole(tmp_path):
    """A row that was being written when the run ended is read again."""

    class Interrupted(Pairs):
        def __getitem__(self, i):
            if i == 7:
                raise KeyboardInterrupt
            return super().__getitem__(i)

    broken = DatasetPool(Interrupted(), cache=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        broken.rows(range(N))
    pool = DatasetPool(Pairs(), cache=tmp_path)
    np.testing.assert_array_equal(np.stack(pool.rows(range(N))), X)
    rows = np.load(tmp_path / "rows" / "rows.npy", mmap_mode="r+")
    known = np.load(tmp_path / "rows" / "known.npy", mmap_mode="r+")
    rows[9], known[9] = -1, 0  # half written
    del rows, known
    again = DatasetPool(Pairs(), cache=tmp_path)
    np.testing.assert_array_equal(again.rows([9])[0], X[9])
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]


def test_a_cache_of_other_rows_is_refused(tmp_path):
    DatasetPool(Pairs(), cache=tmp_path)
    for other in (Subset(Pairs(), range(9)), TensorDataset(torch.zeros(N, 1, 6, 6))):
        with pytest.raises(ValueError, match="cache must be a folder of rows of this"):
            DatasetPool(other, cache=tmp_path)
    with pytest.raises(
        ValueError, match="cache must be None for rows of several parts"
    ):
        DatasetPool(Triples(), target=1, cache=tmp_path / "other")
    ragged = DatasetPool([np.zeros(2), np.zeros(3)], cache=tmp_path / "ragged")
    with pytest.raises(
        ValueError, match="cache must be None for rows of several shapes"
    ):
        ragged.rows([1])


# Workers ------------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [-1, 1.5, "two"])
def test_a_number_of_workers_is_a_number(num_workers):
    with pytest.raises((ValueError, TypeError), match="num_workers must be"):
        small(num_workers=num_workers).fit(X, Y)


def test_there_are_no_idle_workers(monkeypatch):
    monkeypatch.setattr("skal.nets._reading.n_cores", lambda: 4)
    assert workers_for(8, 100) == 4
    assert workers_for(8, 3) == 3
    assert workers_for(8, 1) == 0
    assert workers_for(0, 100) == 0


@pytest.mark.parametrize(
    ("n_rows", "batch_size"), [(20, 32), (20, 7), (20, 20), (3, 8)]
)
def test_what_is_read_ahead_is_what_the_steps_ask_for(n_rows, batch_size):
    from skal.nets._batches import shuffled

    source = open_source([torch.full((2,), float(i)) for i in range(50)])
    positions = np.arange(50)[::-1][:n_rows].copy()
    ahead = ReadAhead(source, positions, 0)
    torch.manual_seed(0)
    stream = shuffled(n_rows, batch_size, ahead.begin)
    torch.manual_seed(0)
    plain = shuffled(n_rows, batch_size)
    torch.manual_seed(0)
    asked = [next(stream) for _ in range(1)]
    torch.manual_seed(0)
    assert torch.equal(asked[0], next(plain))
    read = ahead.take(batch_size)
    assert read[:, 0].tolist() == positions[asked[0].numpy()].tolist()
    for _ in range(6):
        where = next(stream)
        rows = ahead.take(len(where))
        assert rows[:, 0].tolist() == positions[where.numpy()].tolist()


def test_a_broken_row_is_told_from_a_worker():
    class Broken(Pairs):
        def __getitem__(self, i):
            if i == 290:
                raise OSError("cannot identify image file")
            return super().__getitem__(i)

    net = small(random_state=0, num_workers=2).fit(X[:20], Y[:20])
    with pytest.raises(OSError, match="cannot identify image file"):
        net.predict(Broken())
    assert clone(net).num_workers == 2
