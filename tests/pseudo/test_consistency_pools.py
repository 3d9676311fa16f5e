"""ConsistencyClassifier on pools that are read when needed, of parts, and ragged."""

import weakref

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from torch_helpers import TwoParts

from skal import ActiveLearner, MultiInput
from skal.nets import DatasetPool, MLPNetClassifier, NetClassifier
from skal.pseudo import ConsistencyClassifier

pytestmark = pytest.mark.filterwarnings("ignore::skal.exceptions.CollapseWarning")

N = 120
Y = np.arange(N) % 3
X = np.random.RandomState(0).normal(size=(N, 4)).astype(np.float32)
X[:, 0] += 3 * Y
PARTIAL = np.where(np.arange(N) < 15, Y, -1)
TOKENS = [[1 + y, 4 + i % 3, *[1 + y] * (i % 4)] for i, y in enumerate(Y.tolist())]


class Rows(Dataset):
    """Rows that are made when asked for; tells how many there are at a time."""

    def __init__(self, n_rows=N):
        self.n_rows = n_rows
        self.n_read = self.alive = self.most = 0

    def __len__(self):
        return self.n_rows

    def __getitem__(self, i):
        if not 0 <= i < self.n_rows:
            raise IndexError(i)
        row = torch.from_numpy(X[i % N].copy())
        self.n_read += 1
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(row, self._gone)
        return row

    def _gone(self):
        self.alive -= 1


class Table:
    """Has columns, and dicts as items, as a Dataset of Hugging Face has."""

    column_names = ("row", "label")

    def __len__(self):
        return N

    def __getitem__(self, i):
        if isinstance(i, str):
            return Y.tolist()
        return {"row": X[i].tolist(), "label": int(Y[i])}


class Bag(nn.Module):
    """The mean of what tokens stand for."""

    def __init__(self, n_classes):
        super().__init__()
        self.embedding = nn.Embedding(8, 6)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(6, n_classes)

    def forward(self, tokens, mask):
        weights = mask / mask.sum(dim=1, keepdim=True)
        found = (self.embedding(tokens) * weights[..., None]).sum(dim=1)
        return self.head(self.dropout(found))


def sure_of_all(net=None, **params):
    """Return a classifier that takes every guess for a pseudo-label."""
    if net is None:
        net = MLPNetClassifier(hidden=(8,), max_steps=10)
    params = {"threshold": 0.0, "min_threshold": 0.0, "align": None, **params}
    return ConsistencyClassifier(net, random_state=0, **params)


def as_row(values):
    return torch.as_tensor(values, dtype=torch.float32)


def noisy(values):
    return as_row(values) + 0.1 * torch.randn(4)


def pools():
    """Return pools of every kind, and the net and strong view for each."""
    two = NetClassifier(TwoParts, max_steps=10)
    bag = NetClassifier(Bag, max_steps=10, keep_integers=True)
    left = {"strong": {"left": "mask_noise"}}
    parts = MultiInput(left=X[:, :2], right=X[:, 2:])
    items = [{"left": x[:2], "right": x[2:]} for x in X]
    return {
        "data set": (Rows(), None, {}),
        "data set, transformed": (DatasetPool(Rows(), train_transform=noisy), None, {}),
        "of Hugging Face": (
            DatasetPool(
                Table(), target="label", transform=as_row, train_transform=noisy
            ),
            None,
            {},
        ),
        "parts": (parts, two, left),
        "dict": (dict(parts.parts), two, left),
        "data set of parts": (DatasetPool(items, target=False), two, left),
        "ragged": (TOKENS, bag, {}),
        "data set of ragged rows": (DatasetPool(TOKENS), bag, {}),
    }


@pytest.mark.parametrize("kind", pools())
def test_a_pool_of_any_kind_alone_and_in_loops(kind):
    rows, net, params = pools()[kind]
    model = sure_of_all(net, **params).fit(rows, PARTIAL)
    assert model.n_pseudo_labeled_ == N - 15
    assert np.array_equal(model.pseudo_labels_[15:], model.predict(rows)[15:])
    learner = ActiveLearner(
        sure_of_all(net, **params),
        "margin",
        n_initial=15,
        n_labels=25,
        use_unlabeled=True,
        classes=range(3),
        random_state=0,
    ).fit(rows, Y)
    assert learner.history_["n_pseudo_labeled"].tolist() == [N - 15, N - 25]
    live = clone(learner).set_params(n_labels=None).fit(rows, np.full(N, -1))
    for _ in range(2):
        asked, some = live.query()
        live.teach(some, Y[asked])
    assert np.array_equal(live.predict_proba(rows), learner.predict_proba(rows))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_pool_is_read_in_batches(wrapped):
    """Labels alone, then all of a pool of 3 000 rows in a step's batches and passes."""
    rows = Rows(3000)
    partial = np.full(3000, -1)
    partial[:15] = Y[:15]
    sure_of_all().fit(DatasetPool(rows) if wrapped else rows, partial)
    assert rows.n_read > 2 * 3000  # it is looked at before, and guessed after
    assert rows.most < 600


def test_steps_see_rows_to_train_on_and_guesses_see_rows_to_ask_about():
    seen = []

    def to_train_on(row):
        seen.append(row)
        return -row

    pool = DatasetPool([*X], train_transform=to_train_on)
    net = MLPNetClassifier(hidden=(8,), max_steps=10, batch_size=15)
    model = sure_of_all(net, unlabeled_ratio=np.inf, delay=0.5, ramp=0)
    model.fit(pool, PARTIAL)
    # ten steps of all labelled rows, five of them of all others too
    assert len(seen) == 10 * 15 + 5 * (N - 15)
    assert np.array_equal(model.pseudo_labels_[15:], model.predict(X)[15:])
    assert not np.array_equal(model.predict(X), model.predict(-X))


def test_labelled_and_unlabelled_rows_draw_random_numbers_of_their_own():
    """The first batch of either was shifted alike, row by row, and so on."""
    drawn = []

    def noted(row):
        drawn.append(float(torch.rand((), dtype=torch.float64)))
        return row

    sure_of_all(delay=0).fit(DatasetPool([*X], train_transform=noted), PARTIAL)
    assert len(set(drawn)) == len(drawn) > 10 * 15


class Stream(IterableDataset):
    def __iter__(self):
        yield from X


@pytest.mark.parametrize(
    ("rows", "way_out"),
    [
        (Stream(), "Write a Dataset with __len__ and __getitem__"),
        (DataLoader(TensorDataset(torch.from_numpy(X))), r"X\.dataset"),
        (Table(), r"skal\.nets\.DatasetPool\(X, target=\.\.\.\)"),
    ],
    ids=["stream", "loader", "table"],
)
def test_what_has_no_rows_at_positions_is_refused_with_the_way_out(rows, way_out):
    """A stream was "Expected sequence or array-like", whatever one made of that."""
    with pytest.raises(TypeError, match=f"X must be rows that can .*{way_out}"):
        sure_of_all().fit(rows, PARTIAL)


def test_several_labels_a_row_are_refused_before_a_row_is_read():
    rows, several = Rows(), np.eye(N, 3, dtype=int)
    net = MLPNetClassifier(criterion="bce")
    with pytest.raises(ValueError, match=r"criterion .* Fit one Consistency.* a label"):
        sure_of_all(net).fit(rows, several)
    with pytest.raises(ValueError, match=r"multilabel targets\. Fit one Consistency"):
        sure_of_all().fit(rows, several)
    learner = ActiveLearner(sure_of_all(net), use_unlabeled=True)
    with pytest.raises(ValueError, match=r"use_unlabeled .* multilabel .*one class a"):
        learner.fit(rows, several)
    assert rows.n_read == 0
