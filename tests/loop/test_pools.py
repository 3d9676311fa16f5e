"""What may hold the rows of a pool, beside arrays, and what is refused by name."""

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import import_hugging_face
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from skal import ActiveLearner, Rows
from skal.query import Margin


class InFile:
    """An array in a file, as h5py hands it out: rows are read in rising order."""

    def __init__(self, values):
        self.values = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __len__(self):
        return len(self.values)

    def __getitem__(self, where):
        if not isinstance(where, slice) and np.any(np.diff(where) <= 0):
            raise TypeError("Indexing elements must be in increasing order")
        return self.values[where]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Columns:
    """A table that is indexed by columns, as those of Hugging Face and arrow are."""

    column_names = ("text", "label")
    shape = (4, 2)

    def __len__(self):
        return 4

    def __getitem__(self, where):
        return {"text": "..."}


def by_rounds(estimator, X, y, rows, n_rounds=3, **options):
    """Teach rows, ask, teach what was asked; return all rows that were asked for."""
    learner = ActiveLearner(estimator, n_initial=8, random_state=0, **options)
    asked = []
    for _ in range(n_rounds):
        left = np.setdiff1d(np.arange(len(y)), asked)
        indices, picked = learner.query(X, 8, candidates=left)
        learner.teach(rows(picked), y[indices])
        asked += indices.tolist()
    return asked


# lists of words, data sets, files ---------------------------------------------------


def test_lists_of_words_are_taught_again_and_again(rng):
    """A second teach of token lists raised numpy's error of ragged lists."""
    words = [["red", "hot"], ["blue", "cold"]]
    y = np.arange(40) % 2
    X = [words[k][: 1 + i % 2] + ["so"] * (i % 3) for i, k in enumerate(y)]
    model = make_pipeline(CountVectorizer(analyzer=list), MultinomialNB())
    asked = by_rounds(model, X, y, list)
    texts = [" ".join(tokens) for tokens in X]
    same = make_pipeline(CountVectorizer(token_pattern=r"\S+"), MultinomialNB())
    assert asked == by_rounds(same, texts, y, list)


def test_rows_of_a_list_keep_their_number_of_features():
    learner = ActiveLearner(LogisticRegression()).teach(
        [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    )
    with pytest.raises(
        ValueError, match=r"rows of shape \(2,\)\), got rows of shape \(3,\)"
    ):
        learner.teach([[0.0, 1.0, 2.0]], [0])


@pytest.mark.parametrize("pairs", [True, False])
def test_a_torch_dataset_is_a_pool_in_every_round(blobs, torch, pairs):
    """From the second round on, its rows could not be joined or sliced."""
    from skal.nets import MLPNetClassifier

    X, y = blobs[0][:60].astype(np.float32), blobs[1][:60]

    class Pool(torch.utils.data.Dataset):
        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            assert not isinstance(i, slice)
            row = torch.from_numpy(X[i].copy())
            return (row, int(y[i])) if pairs else row

    net = MLPNetClassifier(max_steps=5)
    asked = by_rounds(net, Pool(), y, list, classes=[0, 1, 2])
    assert asked == by_rounds(net, X, y, np.asarray, classes=[0, 1, 2])
    learner = ActiveLearner(net, random_state=0).fit(Pool(), y)
    learner.teach([Pool()[0]], y[:1])
    assert len(learner.X_training_) == 61


def test_rows_of_a_file_are_read_in_rising_order(blobs):
    """h5py refuses positions that do not rise, as the best rows first do not."""
    X, y = blobs
    asked = by_rounds(LogisticRegression(), InFile(X), y, np.asarray)
    assert asked == by_rounds(LogisticRegression(), X, y, np.asarray)
    simulated = ActiveLearner(n_labels=30, random_state=0).fit(InFile(X), y)
    same = ActiveLearner(n_labels=30, random_state=0).fit(X, y)
    np.testing.assert_array_equal(simulated.labeled_iter_, same.labeled_iter_)
    rows = Rows(InFile(X), [5, 2, 2, 9])
    np.testing.assert_array_equal(rows.data(), X[[5, 2, 2, 9]])
    assert rows.take([]).data().shape == (0, 2)


# what is no pool ----------------------------------------------------------------------

NO_POOLS = {
    "table": (Columns(), r"Columns. Pass a column as a list, list\(X\[\'text\'\]\) or"),
    "dict": ({"a": [1, 2]}, r"got dict. Pass what it holds under a key: X\['a'\]"),
    "text": ("words", "got str. Put single texts in a list"),
    "generator": ((i for i in range(3)), r"got generator. Make it a list, list\(X\)"),
    "set": ({1, 2}, "got set. Make it a list"),
    "number": (np.float64(3), "A single value is no row"),
    "nothing": (None, "got NoneType. Pass an array"),
}


@pytest.mark.parametrize("name", NO_POOLS)
def test_what_is_no_pool_is_refused_by_name_at_the_first_call(name):
    X, message = NO_POOLS[name]
    if X is not None:  # nothing stands for the pool that fit was given
        with pytest.raises(TypeError, match=f"X_pool must be rows that.*{message}"):
            ActiveLearner().query(X)
    for step in "fit", "teach":
        with pytest.raises(TypeError, match=f"X must be rows that.*{message}"):
            getattr(ActiveLearner(), step)(X, [0, 1])
    model = LogisticRegression().fit([[0], [1]], [0, 1])
    with pytest.raises(TypeError, match="X must be rows that can be asked for"):
        Margin()(model, X)


def test_a_loader_of_batches_is_refused_for_its_data_set(torch):
    loader = torch.utils.data.DataLoader(torch.zeros(3, 2))
    with pytest.raises(TypeError, match=r"Pass the data set that it loads, X\.dataset"):
        ActiveLearner().query(loader)


def streams(torch):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(torch.zeros(3, 2))

    yield Stream(), "got .*Stream. Write a Dataset"
    loader = torch.utils.data.DataLoader(Stream())
    yield loader, "DataLoader. Write a Dataset for it to load"
    yield (row for row in [[0.0]]), r"generator. Make it a list, list\(X\), or, where"


def test_a_stream_is_refused_with_the_way_into_a_file(torch):
    for stream, message in streams(torch):
        with pytest.raises(
            TypeError, match=rf"{message}.*skal\.datasets\.embed_to\(pa"
        ):
            ActiveLearner().query(stream)


def test_a_stream_of_hugging_face_is_refused_with_the_way_into_a_file():
    datasets = import_hugging_face()
    stream = datasets.Dataset.from_dict({"x": [1.0]}).to_iterable_dataset()
    with pytest.raises(TypeError, match=r"IterableDataset. Write.*embed_to\(path, X"):
        ActiveLearner().query(stream)


# rows with NaN ----------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["array", "csr", "list"])
def test_rows_with_nan_are_named(blobs, layout):
    """scikit-learn says that there are some, not where in the pool they are."""
    X, y = blobs
    learner = ActiveLearner(random_state=0).fit(X[:30], y[:30])
    holey = X.copy()
    holey[[41, 7], 1] = np.nan, np.inf
    pool = {"array": holey, "csr": sp.csr_array(holey), "list": holey.tolist()}[layout]
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)") as caught:
        learner.query(pool, 3, candidates=np.arange(5, 300))
    assert caught.value.__notes__ == ["X holds NaN or infinity in rows 7, 41."]
    with pytest.raises(ValueError, match="contains") as caught:
        learner.teach(holey[40:43], y[40:43])
    assert "in order) holds NaN or infinity in row 31." in caught.value.__notes__[0]


def test_only_the_first_rows_with_nan_are_named(blobs):
    X, y = blobs
    learner = ActiveLearner(random_state=0).fit(X[:30], y[:30])
    with pytest.raises(ValueError, match="NaN") as caught:
        learner.query(np.full((40, 2), np.nan), 3)
    assert caught.value.__notes__[0].endswith("7, 8, 9 and 30 more.")
