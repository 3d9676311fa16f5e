"""Pools in files and tables are read by rows, each stored chunk once a pass."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import import_hugging_face, peak_bytes
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skal import ActiveLearner, ModelView, MultiInput, Rows
from skal._data import (
    StoredRows,
    as_stored,
    chunk_size,
    concat_rows,
    in_memory,
    n_rows,
    row_keys,
    take_rows,
)
from skal.query import Margin

N, CHUNK = 240, 50
BASE = np.random.RandomState(0).normal(size=(N, 4)).astype(np.float32)
Y = (BASE[:, 0] + 0.3 * BASE[:, 1] > 0).astype(int)
TEXTS = [f"{'good' if label else 'bad'} day {i % 7}" for i, label in enumerate(Y)]
FRAME = pd.DataFrame(
    {"x": BASE[:, 0], "y": BASE[:, 1], "kind": [f"k{i % 3}" for i in range(N)]}
)


def zarr_array(X, path):
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(
        str(path / "pool.zarr"),
        shape=X.shape,
        chunks=(CHUNK, *X.shape[1:]),
        dtype=X.dtype,
    )
    array[:] = X
    return array


def hdf5(X, path, **options):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path / "pool.h5", "w") as file:
        file.create_dataset("rows", data=X, **options)
    return h5py.File(path / "pool.h5", "r")["rows"]


def chunked_hdf5(X, path):
    return hdf5(X, path, chunks=(CHUNK, *X.shape[1:]), compression="gzip")


def lists(X):
    pa = pytest.importorskip("pyarrow")
    flat = pa.array(X.ravel())
    return pa.table({"row": pa.FixedSizeListArray.from_arrays(flat, X.shape[1])})


def arrow(X, path):
    pa = pytest.importorskip("pyarrow")
    table = lists(X)
    return pa.concat_tables([table.slice(0, 90), table.slice(90)])


def parquet_of(table, path):
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow.dataset as ds

    (path / "files").mkdir(exist_ok=True)
    pq.write_table(table.slice(0, 110), path / "files/a.parquet", row_group_size=CHUNK)
    pq.write_table(table.slice(110), path / "files/b.parquet", row_group_size=CHUNK)
    return ds.dataset(path / "files")


def parquet(X, path):
    return parquet_of(lists(X), path)


def hugging_face(X, path):
    datasets = import_hugging_face()
    return datasets.Dataset(lists(X))


def memmap(X, path):
    np.save(path / "pool.npy", X)
    return np.load(path / "pool.npy", mmap_mode="r")


ARRAYS = {
    "zarr": zarr_array,
    "hdf5": hdf5,
    "chunked hdf5": chunked_hdf5,
    "arrow": arrow,
    "parquet": parquet,
    "hugging face": hugging_face,
    "memmap": memmap,
}
TABLES = {
    "arrow": lambda frame, path: table_of(frame),
    "parquet": lambda frame, path: parquet_of(table_of(frame), path),
    "hugging face": lambda frame, path: hugging_face_of(frame),
}


def table_of(frame):
    pa = pytest.importorskip("pyarrow")
    return pa.Table.from_pandas(frame)


def hugging_face_of(frame):
    datasets = import_hugging_face()
    return datasets.Dataset.from_pandas(frame)


@pytest.fixture(params=ARRAYS)
def X(request, tmp_path):
    return ARRAYS[request.param](BASE, tmp_path)


@pytest.fixture(params=[kind for kind in ARRAYS if kind != "memmap"])
def stored(request, tmp_path):
    return as_stored(ARRAYS[request.param](BASE, tmp_path))


@pytest.fixture(params=TABLES)
def frame(request, tmp_path):
    return TABLES[request.param](FRAME, tmp_path)


@pytest.fixture(params=TABLES)
def texts(request, tmp_path):
    return TABLES[request.param](pd.DataFrame({"text": TEXTS}), tmp_path)


# rows -------------------------------------------------------------------------------

ORDERS = {
    "rising": [3, 49, 50, 51, 239],
    "best first": [200, 3, 50, 49, 117],
    "twice": [7, 120, 7, 7, 0],
    "none": [],
    "a slice": slice(45, 160),
    "every third": slice(2, 240, 3),
    "backwards": slice(200, 20, -7),
}


@pytest.mark.parametrize("order", ORDERS)
def test_rows_come_in_the_order_asked_for(X, order):
    wanted = ORDERS[order]
    rows = take_rows(X, wanted)
    expected = BASE[wanted] if wanted else BASE[:0]
    assert isinstance(rows, np.ndarray)
    assert len(rows) == len(expected)
    if len(expected):
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("order", ORDERS)
def test_rows_of_a_table_are_a_frame_that_knows_their_places(frame, order):
    wanted = ORDERS[order]
    rows = take_rows(frame, wanted)
    pd.testing.assert_frame_equal(
        rows, FRAME.iloc[wanted], check_index_type=False, check_dtype=False
    )


@pytest.mark.parametrize("order", ORDERS)
def test_rows_of_a_column_of_texts_are_a_list(texts, order):
    wanted = ORDERS[order]
    assert take_rows(texts, wanted) == take_rows(TEXTS, wanted)


def test_a_pool_says_how_many_rows_it_has(X):
    assert n_rows(X) == len(Rows(X)) == N


def test_rows_of_a_file_are_indexed_as_those_of_an_array(stored):
    assert isinstance(stored, StoredRows)
    assert len(stored) == stored.shape[0] == N
    name = type(stored).__name__
    assert repr(stored).startswith(f"{name}({N} rows of ")
    np.testing.assert_array_equal(stored[7], BASE[7])
    np.testing.assert_array_equal(stored[-1], BASE[-1])
    np.testing.assert_array_equal(stored[BASE[:, 0] > 1], BASE[BASE[:, 0] > 1])
    np.testing.assert_array_equal(np.asarray(stored), BASE)
    with pytest.raises(IndexError, match="row must be one of 240, got 240"):
        stored[N]


@pytest.mark.parametrize("size", [None, 1, 7, CHUNK, 1000])
def test_chunks_put_together_are_the_pool(stored, size):
    parts = list(stored.chunks(size))
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in parts]), BASE)
    assert [where.start for where, _ in parts[1:]] == [w.stop for w, _ in parts[:-1]]


# what is read -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zarr", "chunked hdf5"])
@pytest.mark.parametrize("size", [None, 7, 64])
def test_a_pass_decompresses_each_chunk_once(kind, size, tmp_path, monkeypatch):
    """Whole chunks were read for each block: those of 1000 for blocks of 1024 twice."""
    rows = as_stored(ARRAYS[kind](BASE, tmp_path))
    read, slice_of = [], rows._slice

    def noted(start, stop):
        read.extend(range(start, stop))
        return slice_of(start, stop)

    monkeypatch.setattr(rows, "_slice", noted)
    for _ in rows.chunks(size):
        pass
    assert read == list(range(N))


@pytest.mark.parametrize("size", [None, 7, 64])
def test_a_pass_decompresses_each_row_group_once(size, tmp_path, monkeypatch):
    rows = as_stored(parquet(BASE, tmp_path))
    read, piece = [], rows._pieces

    class Noted:
        def __init__(self, k):
            self.k = k

        def to_table(self, **options):
            read.append(self.k)
            return piece[self.k].to_table(**options)

    monkeypatch.setattr(rows, "_pieces", [Noted(k) for k in range(len(piece))])
    for _ in rows.chunks(size):
        pass
    assert read == list(range(6))  # 50, 50, 10 and 50, 50, 30 rows


def test_few_rows_read_their_chunks_alone(tmp_path, monkeypatch):
    rows = as_stored(zarr_array(BASE, tmp_path))
    read, slice_of = [], rows._slice
    monkeypatch.setattr(
        rows, "_slice", lambda *where: read.append(where) or slice_of(*where)
    )
    rows.take_rows([230, 10, 12])
    assert read == [(0, 50), (200, 240)]


def test_a_simulation_reads_a_row_when_its_label_is_bought(tmp_path, monkeypatch):
    """All labelled rows were read anew each round, which may be all chunks."""
    rows = as_stored(zarr_array(BASE, tmp_path))
    read, slice_of = [], rows._slice
    monkeypatch.setattr(
        rows, "_slice", lambda *where: read.append(where) or slice_of(*where)
    )
    learner = ActiveLearner(
        query_strategy="random", n_labels=30, n_initial=10, batch_size=1, random_state=0
    )
    learner.fit(rows, Y)
    assert len(read) <= 5 + 20
    known = clone(learner).fit(BASE, Y)
    np.testing.assert_array_equal(learner.X_training_, known.X_training_)


@pytest.mark.parametrize("kind", ["zarr", "chunked hdf5", "parquet"])
def test_single_rows_do_not_keep_their_chunks_in_memory(kind, tmp_path):
    """A view of a chunk for each row held all chunks at once."""
    wide = np.random.RandomState(0).normal(size=(80 * CHUNK, 800)).astype(np.float32)
    pool = as_stored(ARRAYS[kind](wide, tmp_path))
    positions = np.arange(7, len(wide), 2 * CHUNK)
    rows = pool.take_rows(positions)
    np.testing.assert_array_equal(rows, wide[positions])
    assert peak_bytes(pool.take_rows, positions) < 0.3 * wide.nbytes


def test_pieces_end_where_stored_chunks_end(tmp_path):
    many = as_stored(zarr_array(np.zeros((3000, 1000), np.float32), tmp_path))
    assert [where.stop for where, _ in many.chunks()] == [1000, 2000, 3000]


def test_a_model_sees_each_row_beside_the_same_rows_as_in_memory(tmp_path):
    """So the last digits of its answers are the same, and ties too."""
    wide = np.random.RandomState(0).normal(size=(3000, 300)).astype(np.float32)
    for i, kind in enumerate(ARRAYS):
        (tmp_path / str(i)).mkdir()
        assert chunk_size(ARRAYS[kind](wide, tmp_path / str(i))) == chunk_size(wide)
    assert chunk_size(table_of(FRAME)) == chunk_size(FRAME)
    assert chunk_size(table_of(FRAME[["kind"]])) == chunk_size(TEXTS)


def test_rows_that_are_long_are_few_at_a_time(tmp_path):
    assert chunk_size(zarr_array(np.zeros((4, 2**18)), tmp_path)) == 32


def test_what_is_read_is_the_callers_to_change(tmp_path):
    rows = as_stored(zarr_array(BASE, tmp_path))
    for start in 0, 60, 20:
        rows.take_rows(slice(start, start + 70))[:] = 0
    np.testing.assert_array_equal(rows.take_rows(slice(None)), BASE)


# a learner --------------------------------------------------------------------------


def by_rounds(model, X, n_rounds=3, **options):
    """Ask a pool, teach what it gave, a few times; return learner and positions."""
    learner = ActiveLearner(model, n_initial=8, random_state=0, **options)
    asked = []
    for _ in range(n_rounds):
        left = np.setdiff1d(np.arange(N), asked)
        indices, rows = learner.query(X, 8, candidates=left)
        learner.teach(rows, Y[indices])
        asked += indices.tolist()
    return learner, asked


def assert_alike(model, X, same, **options):
    """Compare all that a learner does with a pool and with the same rows in memory."""
    learner, asked = by_rounds(model, X, **options)
    known, expected = by_rounds(model, same, **options)
    assert asked == expected
    assert row_keys(learner.X_training_) == row_keys(known.X_training_)
    for ask in "predict", "predict_proba":
        answers = getattr(learner, ask)(X), getattr(known, ask)(same)
        np.testing.assert_allclose(*answers, rtol=1e-5, atol=1e-6)
    assert learner.score(X, Y) == known.score(same, Y)
    if hasattr(learner, "score_pool"):
        np.testing.assert_array_equal(learner.score_pool(X), known.score_pool(same))
    simulated = ActiveLearner(model, n_labels=30, random_state=0, **options).fit(X, Y)
    known = ActiveLearner(model, n_labels=30, random_state=0, **options).fit(same, Y)
    np.testing.assert_array_equal(simulated.labeled_iter_, known.labeled_iter_)
    partly = np.where(BASE[:, 2] > 0, Y, -1)
    given = ActiveLearner(model, classes=[0, 1], random_state=0).fit(X, partly)
    known = ActiveLearner(model, classes=[0, 1], random_state=0).fit(same, partly)
    np.testing.assert_allclose(given.predict_proba(X), known.predict_proba(same))
    whole = ActiveLearner(model, random_state=0).fit(X, Y)
    assert not isinstance(whole.X_training_, StoredRows)
    assert pickle.loads(pickle.dumps(whole)).score(X, Y) == whole.score(same, Y)
    n_told = len(whole.X_training_)
    whole.teach(take_rows(X, [0]), Y[:1])
    assert len(whole.X_training_) == n_told + 1


@pytest.mark.parametrize(
    "strategy",
    [
        "margin",
        pytest.param("auto", marks=pytest.mark.long),
        pytest.param("core_set", marks=pytest.mark.long),
    ],
)
def test_a_pool_serves_a_learner_as_its_rows_in_memory_do(X, strategy):
    assert_alike(LogisticRegression(), X, BASE, query_strategy=strategy)


def test_a_table_serves_columns_by_their_names(frame):
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["x", "y"]),
            ("kinds", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression())
    assert_alike(model, frame, FRAME, query_strategy="margin")


def test_a_column_of_texts_serves_a_vectorizer(texts):
    model = make_pipeline(CountVectorizer(), MultinomialNB())
    assert_alike(model, texts, TEXTS, query_strategy="entropy")


def test_a_strategy_may_ask_before_the_first_label(frame):
    """The transformers of the Pipeline are fitted on the whole pool then."""
    columns = ColumnTransformer([("numbers", StandardScaler(), ["x", "y"])])
    model = make_pipeline(columns, LogisticRegression())
    learner = ActiveLearner(model, initial="core_set", random_state=0)
    same, _ = ActiveLearner(model, initial="core_set", random_state=0).query(FRAME)
    assert learner.query(frame)[0].tolist() == same.tolist()


def test_unlabelled_rows_serve_a_model_that_learns_from_them(X):
    from sklearn.semi_supervised import LabelSpreading

    learner = ActiveLearner(
        LabelSpreading(), use_unlabeled=True, n_labels=20, random_state=0
    )
    known = learner.fit(BASE, Y).labeled_iter_
    np.testing.assert_array_equal(learner.fit(X, Y).labeled_iter_, known)


def test_a_strategy_and_a_view_take_a_pool_as_it_is(X):
    model = LogisticRegression().fit(BASE[:50], Y[:50])
    expected, _ = Margin()(model, BASE, 5, random_state=0)
    np.testing.assert_array_equal(Margin()(model, X, 5, random_state=0)[0], expected)
    view = ModelView(model)
    np.testing.assert_allclose(
        view.predict_proba(Rows(X, [5, 3])), model.predict_proba(BASE[[5, 3]])
    )
    np.testing.assert_array_equal(Rows(X).data(), BASE)


def test_a_function_gets_rows_in_memory(frame):
    def first(learner, X, n_instances=1):
        assert list(X.columns) == ["x", "y", "kind"]
        return X["x"].to_numpy().argsort()[:n_instances]

    indices, rows = ActiveLearner(initial=first).query(frame, 3)
    np.testing.assert_array_equal(indices, FRAME["x"].to_numpy().argsort()[:3])
    assert rows.index.tolist() == indices.tolist()


def test_the_model_of_every_round_answers_for_a_pool(X):
    learner = ActiveLearner(n_labels=20, store_estimators=True, random_state=0)
    learner.fit(X, Y)
    for method in "staged_predict", "staged_predict_proba":
        for got, expected in zip(
            getattr(learner, method)(X), getattr(learner, method)(BASE), strict=True
        ):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_predictions_with_a_deviation_come_in_pieces(X):
    from sklearn.linear_model import BayesianRidge

    learner = ActiveLearner(BayesianRidge()).fit(BASE[:60], BASE[:60, 0].astype(float))
    for got, expected in zip(
        learner.predict(X, return_std=True),
        learner.predict(BASE, return_std=True),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_a_network_reads_images_from_a_file(tmp_path):
    pytest.importorskip("torch")
    from skal.nets import MLPNetClassifier

    images = np.zeros((N, 8, 8), np.uint8)
    images[Y == 1, :4] = 200
    net = MLPNetClassifier(max_steps=5, random_state=0)
    asked = by_rounds(net, zarr_array(images, tmp_path), n_rounds=2)[1]
    assert asked == by_rounds(net, images, n_rounds=2)[1]


def test_a_network_of_several_inputs_reads_them_from_files(tmp_path, torch):
    from skal.nets import NetClassifier

    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)

        def forward(self, first, second):
            return self.layer(first + second)

    pool = MultiInput(
        first=zarr_array(BASE, tmp_path), second=chunked_hdf5(BASE, tmp_path)
    )
    rows = pool[[9, 2, 9]]
    np.testing.assert_array_equal(rows["first"], BASE[[9, 2, 9]])
    net = NetClassifier(Sum, max_steps=5, random_state=0)
    learner = ActiveLearner(net, "margin", random_state=0)
    same = clone(learner).fit(MultiInput(first=BASE, second=BASE), Y)
    learner.fit(pool, Y)
    assert isinstance(learner.X_training_["first"], np.ndarray)
    for ask in "predict_proba", "score_pool":
        expected = getattr(same, ask)(same.X_training_)
        np.testing.assert_array_equal(getattr(learner, ask)(pool), expected)


def test_a_group_of_hdf5_datasets_is_a_set_of_inputs(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["first"], file["second"] = BASE, BASE[:, :1]
        rows = ActiveLearner(random_state=0).query(file, 3)[1]
        assert rows.names() == "first, second"
        assert rows["first"].shape == (3, 4)


def test_rows_with_nan_are_named():
    X = FRAME.copy()
    X.loc[7, "x"] = np.nan
    pool = table_of(X[["x", "y"]])
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
    learner.fit(X[["x", "y"]][10:60], Y[10:60])
    with pytest.raises(ValueError, match="NaN") as raised:
        learner.query(pool, 3)
    assert "X holds NaN or infinity in row 7" in str(raised.value.__notes__)


# kinds of columns -------------------------------------------------------------------


def columns_of(values, kind=None):
    pa = pytest.importorskip("pyarrow")
    return pa.table({"x": pa.array(values, kind)})


def test_lists_of_one_length_are_an_array():
    rows = in_memory(columns_of([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).slice(1))
    np.testing.assert_array_equal(rows, [[3, 4], [5, 6]])
    nested = in_memory(columns_of([[[1.0], [2.0]], [[3.0], [4.0]]]))
    assert nested.shape == (2, 2, 1)


def test_tensors_are_an_array():
    pa = pytest.importorskip("pyarrow")
    tensors = np.arange(24.0).reshape(4, 2, 3)
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(tensors)
    rows = take_rows(pa.table({"x": column}), [3, 0])
    np.testing.assert_array_equal(rows, tensors[[3, 0]])


def test_arrays_of_hugging_face_are_an_array():
    datasets = import_hugging_face()
    tensors = np.arange(24.0).reshape(4, 2, 3)
    features = datasets.Features({"x": datasets.Array2D((2, 3), "float32")})
    pool = datasets.Dataset.from_dict({"x": tensors.tolist()}, features=features)
    np.testing.assert_array_equal(take_rows(pool, [3, 0]), tensors[[3, 0]])


@pytest.mark.parametrize("row", [[1.0, 2.0, 3.0], None])
def test_lists_of_several_lengths_are_named(row):
    table = columns_of([[1.0, 2.0], [3.0, 4.0], row])
    message = "lists of one length in the column 'x', as in row 0, of 2, got.*row 2"
    with pytest.raises(ValueError, match=message):
        in_memory(table)


def test_lists_of_ids_and_of_words_stay_lists():
    assert take_rows(columns_of([[1], [2, 3]]), [1, 0]) == [[2, 3], [1]]
    assert in_memory(columns_of([["a"], ["b", "c"]])) == [["a"], ["b", "c"]]


def test_words_from_a_dictionary_are_texts():
    pa = pytest.importorskip("pyarrow")
    words = pa.array(["a", "b", "a"]).dictionary_encode()
    assert in_memory(pa.table({"x": words})) == ["a", "b", "a"]


def test_a_column_of_numbers_is_a_frame_and_so_is_a_column_alone():
    table = columns_of([1.5, 2.5])
    for X in table, table["x"], table.to_batches()[0]:
        assert take_rows(X, [1]).shape == (1, 1)


def test_a_column_of_hugging_face_is_a_pool():
    pool = hugging_face_of(pd.DataFrame({"text": TEXTS, "label": Y}))
    assert take_rows(pool["text"], [3, 0]) == [TEXTS[3], TEXTS[0]]


def test_columns_left_out_of_a_format_are_left_out():
    pool = hugging_face_of(FRAME).with_format("numpy", columns=["y", "x"])
    assert list(take_rows(pool, [1]).columns) == ["x", "y"]


def test_the_folders_of_a_data_set_are_a_column(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.dataset as ds

    for year in 1, 2:
        (tmp_path / f"year={year}").mkdir()
        pa.parquet.write_table(
            pa.table({"x": [1.0 * year, 2.0]}), tmp_path / f"year={year}/a.parquet"
        )
    pool = ds.dataset(tmp_path, partitioning="hive")
    assert take_rows(pool, [3, 0])["year"].tolist() == [2, 1]


@pytest.mark.parametrize("kind", ["zarr", "hdf5"])
def test_texts_in_an_array_are_a_list(kind, tmp_path):
    words = np.array(["a", "bc", "déf", "g"])
    if kind == "hdf5":
        X = hdf5(words.astype(object), tmp_path)
    else:
        zarr = pytest.importorskip("zarr")
        X = zarr.create_array(str(tmp_path / "words"), shape=4, chunks=2, dtype=str)
        X[:] = words.astype(object)
    assert take_rows(X, [2, 0, 2]) == ["déf", "a", "déf"]


def test_rows_of_several_lengths_in_hdf5_are_a_list(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "ids.h5", "w") as file:
        ids = file.create_dataset("ids", 3, dtype=h5py.vlen_dtype(np.int64))
        ids[0], ids[1], ids[2] = [1], [2, 3], [4, 5, 6]
        rows = take_rows(ids, [2, 0])
        assert [row.tolist() for row in rows] == [[4, 5, 6], [1]]


def test_an_hdf5_dataset_opens_its_file_again_elsewhere(tmp_path):
    rows = as_stored(hdf5(BASE, tmp_path))
    again = pickle.loads(pickle.dumps(rows))
    np.testing.assert_array_equal(again.take_rows([3, 1]), BASE[[3, 1]])
    again.X.file.close()


def test_rows_of_a_pool_join_others():
    pa = pytest.importorskip("pyarrow")
    joined = concat_rows(pa.table({"x": ["a", "b"]}), ["c"])
    assert joined == ["a", "b", "c"]


# what cannot be ---------------------------------------------------------------------


def test_a_filtered_data_set_is_refused(tmp_path):
    ds = pytest.importorskip("pyarrow.dataset")
    pool = parquet_of(table_of(FRAME), tmp_path).filter(ds.field("x") > 0)
    with pytest.raises(ValueError, match="X must be a data set without a filter"):
        ActiveLearner().query(pool)


def test_a_closed_file_is_refused(tmp_path):
    X = hdf5(BASE, tmp_path)
    X.file.close()
    with pytest.raises(ValueError, match="open HDF5 file, got one of a closed file"):
        ActiveLearner().query(X)


def test_images_and_transforms_of_hugging_face_are_for_networks():
    datasets = import_hugging_face()
    pool = datasets.Dataset.from_dict({"image": ["a.png"], "n": [1]})
    images = pool.cast_column("image", datasets.Image())
    with pytest.raises(TypeError, match=r"'image', a column of Image.*DatasetPool"):
        ActiveLearner().query(images)
    made = pool.with_transform(lambda batch: batch)
    with pytest.raises(TypeError, match="makes them by a transform"):
        ActiveLearner().query(made)


def test_a_column_of_bytes_is_refused():
    with pytest.raises(TypeError, match=r"the column 'x' of binary.*embed_to"):
        ActiveLearner().query(columns_of([b"a", b"b"]))
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="X must have a column at least, got none"):
        ActiveLearner().query(pa.table({}))


def test_a_group_of_zarr_arrays_is_refused(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.create_group(str(tmp_path / "group"))
    group.create_array("rows", data=BASE)
    with pytest.raises(TypeError, match=r"Pass an array that it holds: X\['rows'\]"):
        ActiveLearner().query(group)


def test_a_function_of_costs_sees_the_rows_as_they_come(tmp_path):
    file = zarr_array(BASE, tmp_path)
    rows = Rows(file, costs=lambda X: [1 + abs(row[0]) for row in X])
    np.testing.assert_array_equal(rows.costs, 1.0 + abs(BASE[:, 0]))


def test_a_module_of_ones_own_may_be_called_datasets(monkeypatch):
    """It was taken for the library of that name, which need not be there."""
    monkeypatch.delitem(sys.modules, "datasets.arrow_dataset", raising=False)
    own = type("Own", (list,), {"__module__": "datasets.own"})(BASE)
    assert len(Rows(own)) == N
    np.testing.assert_array_equal(np.asarray(Rows(own)), BASE)
