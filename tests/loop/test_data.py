"""A learner takes rows of any kind: frames, sparse, memory maps, images, text."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from helpers import flat
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skal import ActiveLearner
from skal.query import GreedySampling, Shortlist


class Flatten(TransformerMixin, BaseEstimator):
    """Turns rows of any rank, tensors too, into flat float rows."""

    def fit(self, X, y=None):
        self.kinds_ = {type(X)}
        return self

    def transform(self, X):
        self.kinds_.add(type(X))
        return np.asarray(X, dtype=float).reshape(len(X), -1)


def words(X):
    return [f"left{int(a)} up{int(b)} both{int(a + b)}" for a, b in X]


def text_model():
    return make_pipeline(HashingVectorizer(n_features=128), LogisticRegression())


def frame_model():
    """Return a model that knows the columns by name."""
    columns = make_column_transformer(
        ("passthrough", ["a", "b"]),
        (OneHotEncoder(handle_unknown="ignore"), ["word"]),
    )
    return make_pipeline(columns, LogisticRegression())


def with_word(X):
    word = np.where(X[:, 0] > 0, "right", "left")
    return {"a": X[:, 0], "b": X[:, 1], "word": word}


def images(X):
    return np.tile(X.astype(np.float32)[:, :, None, None], (1, 1, 2, 3))


CONTAINERS = {
    "array": (np.array, LogisticRegression()),
    "float32": (np.float32, LogisticRegression()),
    "integers": (lambda X: X.round().astype(int), LogisticRegression()),
    "Fortran order": (np.asfortranarray, LogisticRegression()),
    "a view": (lambda X: np.repeat(X, 2, axis=1)[:, ::2], LogisticRegression()),
    "list": (np.ndarray.tolist, LogisticRegression()),
    "list of arrays": (list, LogisticRegression()),
    "csr_array": (sp.csr_array, LogisticRegression()),
    "csr_matrix": (sp.csr_matrix, LogisticRegression()),
    "csc_array": (sp.csc_array, LogisticRegression()),
    "coo_array": (sp.coo_array, LogisticRegression()),
    "dok_matrix": (sp.dok_matrix, LogisticRegression()),
    "lil_array": (sp.lil_array, LogisticRegression()),
    "pandas": (
        lambda X: pd.DataFrame(with_word(X), index=np.arange(len(X)) % 5),
        frame_model(),
    ),
    "polars": (lambda X: pl.DataFrame(with_word(X)), frame_model()),
    "texts": (words, text_model()),
    "tuple of texts": (lambda X: tuple(words(X)), text_model()),
    "array of texts": (lambda X: np.array(words(X)), text_model()),
    "object texts": (lambda X: np.array(words(X), object), text_model()),
    "Series of texts": (
        lambda X: pd.Series(words(X), np.arange(300) % 3),
        text_model(),
    ),
    "polars texts": (lambda X: pl.Series(words(X)), text_model()),
    "images": (images, make_pipeline(Flatten(), LogisticRegression())),
    "tensor": (
        lambda X: torch.as_tensor(images(X)),
        make_pipeline(Flatten(), LogisticRegression()),
    ),
}
every_container = pytest.mark.parametrize("name", CONTAINERS)


def as_array(X):
    """Return the rows as something numpy compares."""
    if sp.issparse(X):
        return X.toarray()
    if isinstance(X, tuple):
        X = list(X)
    return X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X)


def some(X, indices):
    return as_array(X)[indices]


def kind_of(X):
    """Return the type a row selection of X has: sparse formats become CSR."""
    if sp.issparse(X):
        return X.tocsr().__class__
    return list if isinstance(X, tuple) else type(X)


@every_container
def test_a_simulation_takes_any_rows(blobs, name):
    contain, estimator = CONTAINERS[name]
    X, y = contain(blobs[0]), blobs[1]
    learner = ActiveLearner(estimator, n_labels=60, n_initial=30, random_state=0)
    learner.fit(X, y)
    order = np.concatenate(learner.history_["indices"])
    assert len(order) == 60
    assert type(learner.X_training_) is kind_of(X)
    np.testing.assert_array_equal(as_array(learner.X_training_), some(X, order))
    np.testing.assert_array_equal(learner.y_training_, y[order])
    assert learner.score(X, y) > 0.55


@every_container
def test_query_and_teach_take_any_rows(blobs, name):
    contain, estimator = CONTAINERS[name]
    X, y = contain(blobs[0]), blobs[1]
    start = contain(blobs[0])
    learner = ActiveLearner(estimator, "margin", classes=[0, 1, 2], random_state=0)
    indices, rows = learner.query(X, 30)
    assert type(rows) is kind_of(X)
    np.testing.assert_array_equal(as_array(rows), some(X, indices))
    learner.teach(rows, y[indices])
    left = np.setdiff1d(np.arange(300), indices)
    later, rows = learner.query(start, 5, candidates=left)
    assert not set(later) & set(indices)
    np.testing.assert_array_equal(as_array(rows), some(X, later))
    learner.teach(rows, y[later])
    order = np.concatenate([indices, later])
    assert type(learner.X_training_) is kind_of(X)
    np.testing.assert_array_equal(as_array(learner.X_training_), some(X, order))
    assert learner.score_pool(X).shape == (300,)


@every_container
def test_fit_trains_on_the_labelled_part_of_any_rows(blobs, name):
    contain, estimator = CONTAINERS[name]
    X, y = contain(blobs[0]), blobs[1]
    partial = np.where(np.arange(300) % 3 == 0, y, -1)
    learner = ActiveLearner(estimator).fit(X, partial)
    known = np.arange(0, 300, 3)
    np.testing.assert_array_equal(as_array(learner.X_training_), some(X, known))
    np.testing.assert_array_equal(learner.y_training_, y[known])


SAME_NUMBERS = [
    "list",
    "list of arrays",
    "csr_array",
    "csc_array",
    "coo_array",
    "Fortran order",
    "a view",
]


@pytest.mark.parametrize("name", SAME_NUMBERS)
def test_the_same_numbers_give_the_same_run_in_any_container(blobs, name):
    X, y = blobs
    neighbours = KNeighborsClassifier(3, algorithm="brute")
    learner = ActiveLearner(neighbours, "margin", n_labels=60, random_state=0)
    expected = np.concatenate(learner.fit(X, y).history_["indices"])
    order = learner.fit(CONTAINERS[name][0](X), y).history_["indices"]
    np.testing.assert_array_equal(np.concatenate(order), expected)


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_frames_keep_their_names_and_warn_of_nothing(blobs, name):
    contain, estimator = CONTAINERS[name]
    X, y = contain(blobs[0]), blobs[1]
    learner = ActiveLearner(estimator, n_labels=40, n_initial=30, random_state=0)
    learner.fit(X, y).predict(X)
    assert learner.feature_names_in_.tolist() == ["a", "b", "word"]
    assert learner.n_features_in_ == 3


def test_pandas_rows_keep_their_index(blobs):
    X, y = blobs
    index = [f"row{i}" for i in range(300)]
    X = pd.DataFrame(X, index=index, columns=["a", "b"])
    learner = ActiveLearner(GaussianNB(), n_labels=20, random_state=0)
    learner.fit(X, pd.Series(y, index=index[::-1]))  # y is read by position
    order = np.concatenate(learner.history_["indices"])
    assert learner.X_training_.index.tolist() == [index[i] for i in order]
    np.testing.assert_array_equal(learner.y_training_, y[order])


def test_frames_taught_in_another_order_of_columns_are_joined_by_name(blobs):
    X, y = blobs
    X = pd.DataFrame(X, columns=["a", "b"])
    learner = ActiveLearner(GaussianNB()).teach(X[:50], y[:50])
    learner.teach(X[50:90][["b", "a"]], y[50:90])
    alone = GaussianNB().fit(X[:90], y[:90])
    np.testing.assert_array_equal(learner.predict_proba(X), alone.predict_proba(X))


def test_tensors_reach_the_estimator_as_tensors(blobs):
    X, y = torch.as_tensor(images(blobs[0])), blobs[1]
    learner = ActiveLearner(make_pipeline(Flatten(), GaussianNB()), random_state=0)
    learner.set_params(n_labels=20).fit(X, y)
    indices, rows = learner.query(X, 3, candidates=np.arange(50, 90))
    learner.teach(rows, torch.tensor(y[indices]))
    assert learner.estimator_[0].kinds_ == {torch.Tensor}
    assert torch.equal(rows, X[torch.as_tensor(indices)])


@pytest.mark.parametrize(
    "contain",
    [pd.Series, pl.Series, torch.tensor, list],
    ids=["pandas", "polars", "tensor", "list"],
)
def test_labels_of_any_container_go_with_any_rows(blobs, contain):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), n_labels=40, random_state=0)
    expected = learner.fit(X, y).predict_proba(X)
    learner.fit(X, contain(y))
    np.testing.assert_array_equal(learner.predict_proba(X), expected)


def test_rows_of_texts_embed_through_their_pipeline(blobs):
    texts = words(blobs[0])
    learner = ActiveLearner(
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        initial=GreedySampling("GSx"),
        n_labels=40,
        n_initial=30,
        random_state=0,
    )
    learner.fit(texts, blobs[1])
    assert len(np.unique(np.concatenate(learner.history_["indices"]))) == 40


def test_words_that_are_no_numbers_cannot_be_their_own_embedding(blobs):
    learner = ActiveLearner(KNeighborsClassifier(), initial=GreedySampling("GSx"))
    with pytest.raises(TypeError, match="X must be numeric to be its own embedding"):
        learner.query(words(blobs[0]), 3)


@pytest.mark.parametrize("strategy", ["margin", "random", Shortlist(n_candidates=50)])
def test_inputs_are_left_unchanged(blobs, strategy):
    X, y = (part.copy() for part in blobs)  # writable, so that a write would show
    learner = ActiveLearner(
        GaussianNB(), strategy, n_labels=60, random_state=0, batch_size=25
    )
    learner.fit(X, y)
    learner.query(X, 5)
    learner.teach(X[:9], y[:9])
    np.testing.assert_array_equal(X, blobs[0])
    np.testing.assert_array_equal(y, blobs[1])


# memmaps -----------------------------------------------------------------------


class Watched:
    """A memmap that counts the rows read, and fails if it is read as a whole."""

    def __init__(self, pool):
        self.pool = pool
        self.shape = pool.shape
        self.dtype = pool.dtype
        self.n_read = self.longest = 0

    def __len__(self):
        return len(self.pool)

    def __getitem__(self, key):
        out = self.pool[key]
        self.n_read += len(out)
        self.longest = max(self.longest, len(out))
        return np.asarray(out)

    def __array__(self, *args, **kwargs):
        raise AssertionError("the whole memmap was turned into an array")


N_ON_DISK = 200_000


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """Return a read-only memmap of 200 000 x 8 rows, and their labels."""
    path = tmp_path_factory.mktemp("disk") / "pool.dat"
    kwargs = {"dtype": np.float32, "shape": (N_ON_DISK, 8)}
    pool = np.memmap(path, mode="w+", **kwargs)
    pool[:] = np.random.RandomState(0).standard_normal(pool.shape)
    pool.flush()
    return np.memmap(path, mode="r", **kwargs), (pool[:, 0] > 0).astype(int)


@pytest.fixture
def on_disk(disk):
    pool, y = disk
    return Watched(pool), y


def test_a_query_of_few_candidates_reads_no_more_of_a_memmap(on_disk, rng):
    X, y = on_disk
    some = rng.choice(N_ON_DISK, 500, replace=False)
    learner = ActiveLearner(GaussianNB(), "margin", random_state=0)
    learner.teach(X[:50], y[:50])
    X.n_read = 0
    indices, rows = learner.query(X, 10, candidates=some)
    assert np.isin(indices, some).all()
    assert rows.shape == (10, 8)
    assert X.n_read <= 500 + 10


def test_a_cold_query_reads_the_rows_it_returns(on_disk):
    X, _ = on_disk
    _, rows = ActiveLearner(GaussianNB(), random_state=0).query(X, 10)
    assert rows.shape == (10, 8)
    assert X.n_read == 10


@pytest.mark.parametrize("strategy", ["random", Shortlist("margin", 300)], ids=str)
def test_a_simulation_reads_what_it_buys_and_scores_of_a_memmap(on_disk, strategy):
    X, y = on_disk
    learner = ActiveLearner(GaussianNB(), strategy, n_labels=40, random_state=0)
    learner.fit(X, y)
    scored = 0 if strategy == "random" else 300 * 3
    assert X.n_read <= (10 + 20 + 30 + 40) + scored
    assert learner.score(X[:500], y[:500]) > 0.7


def test_a_query_of_the_whole_memmap_goes_piece_by_piece(on_disk):
    X, y = on_disk
    learner = ActiveLearner(GaussianNB(), "margin", random_state=0)
    learner.teach(X[:50], y[:50])
    X.n_read = X.longest = 0
    learner.query(X, 10)
    assert X.n_read == N_ON_DISK + 10
    assert X.longest <= N_ON_DISK / 8


def test_a_simulation_runs_on_a_read_only_memmap_of_images(tmp_path, digits):
    X, _, y, _ = digits
    path = tmp_path / "images.dat"
    np.memmap(path, np.float64, "w+", shape=(len(X), 1, 8, 8))[:] = X.reshape(
        -1, 1, 8, 8
    )
    pool = np.memmap(path, np.float64, "r", shape=(len(X), 1, 8, 8))
    learner = ActiveLearner(
        make_pipeline(FunctionTransformer(flat), KNeighborsClassifier(1)),
        n_labels=120,
        random_state=0,
    ).fit(pool, y)
    alone = ActiveLearner(KNeighborsClassifier(1), n_labels=120, random_state=0)
    alone.fit(X, y)
    np.testing.assert_array_equal(learner.predict(pool), alone.predict(X))
    assert learner.score(pool, y) > 0.75
