"""embed_to writes what an embedder makes of any source into a file, in one pass."""

import subprocess
import sys
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from helpers import import_hugging_face
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.datasets import embed_to

N = 230
X = np.random.RandomState(0).normal(size=(N, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
TEXTS = [f"word{i % 7} word{i % 11}" for i in range(N)]
WORDS = HashingVectorizer(n_features=8)


def twice(rows):
    return 2 * np.asarray(rows)


def quiet(path, source, embedder=None, **options):
    return embed_to(path, source, embedder, batch_size=50, verbose=0, **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new folder" / "pool.npy"


# sources ----------------------------------------------------------------------------


def in_batches(rows, size=64):
    return (rows[i : i + size] for i in range(0, N, size))


SOURCES = {
    "array": lambda: X,
    "sparse": lambda: sp.csr_array(X),
    "list": X.tolist,
    "frame": lambda: pd.DataFrame(X),
    "generator of rows": lambda: (row for row in X),
    "generator of lists": lambda: iter(X.tolist()),
    "generator of pairs": lambda: zip(X, Y, strict=True),
    "generator of frames": lambda: in_batches(pd.DataFrame(X)),
    "generator of sparse batches": lambda: in_batches(sp.csr_array(X)),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_row_of_a_source_is_embedded_once_in_its_order(kind, path):
    seen = []

    def embedder(rows):
        rows = rows.toarray() if sp.issparse(rows) else np.asarray(rows)
        seen.append(len(rows))
        return 2 * rows

    pool = quiet(path, SOURCES[kind](), embedder)
    assert isinstance(pool, np.memmap)
    assert pool.dtype == np.float32
    np.testing.assert_allclose(pool, 2 * X, rtol=1e-6)
    assert sum(seen) == N
    assert max(seen) <= 64
    assert [file.name for file in path.parent.iterdir()] == ["pool.npy"]


def streams(torch):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(torch.from_numpy(X))

    pairs = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    load = torch.utils.data.DataLoader
    return {
        "iterable": Stream(),
        "data set": pairs,
        "loader": load(pairs, batch_size=32),
        "loader of a stream": load(Stream(), batch_size=32),
        "loader of rows": load(pairs, batch_size=None),
    }


@pytest.mark.parametrize(
    "kind", ["iterable", "data set", "loader", "loader of a stream", "loader of rows"]
)
def test_what_torch_reads_is_a_source(kind, path, torch):
    np.testing.assert_array_equal(quiet(path, streams(torch)[kind]), X)


@pytest.mark.parametrize("streaming", [False, True])
def test_data_sets_of_hugging_face_are_sources(streaming, path):
    datasets = import_hugging_face()
    source = datasets.Dataset.from_dict({"text": TEXTS, "label": Y.tolist()})
    source = source.to_iterable_dataset() if streaming else source
    expected = WORDS.transform(TEXTS).toarray()
    pool = quiet(path, source, WORDS, column="text")
    np.testing.assert_allclose(pool, expected, rtol=1e-6)
    alone = source.select_columns(["text"])
    np.testing.assert_array_equal(quiet(path, alone, WORDS), pool)


def test_images_of_hugging_face_are_a_source(path, tmp_path):
    datasets = import_hugging_face()
    from PIL import Image

    images = [Image.fromarray(np.full((4, 4), i, np.uint8)) for i in range(6)]
    features = datasets.Features({"image": datasets.Image()})
    source = datasets.Dataset.from_dict({"image": images}, features=features)
    pool = quiet(path, source, lambda rows: rows.reshape(len(rows), -1))
    np.testing.assert_array_equal(pool[:, 0], np.arange(6))


def test_a_filtered_arrow_data_set_is_a_source_by_its_batches(path):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"x": X[:, 0], "y": X[:, 1]})
    pool = quiet(path, iter(table.to_batches(max_chunksize=32)))
    np.testing.assert_array_equal(pool, X[:, :2])
    np.testing.assert_array_equal(quiet(path, table), pool)


def test_a_column_may_be_a_key_a_place_or_a_name(path):
    dicts = [{"text": text, "id": i} for i, text in enumerate(TEXTS)]
    expected = quiet(path, TEXTS, WORDS)
    sources = [
        (dicts, "text"),
        (iter(dicts), "text"),
        (zip(range(N), TEXTS, strict=True), 1),
        (pd.DataFrame(dicts), "text"),
    ]
    for i, (source, column) in enumerate(sources):
        pool = quiet(path.with_name(f"{i}.npy"), source, WORDS, column=column)
        np.testing.assert_array_equal(pool, expected)


def test_dicts_are_rows_of_a_frame(path):
    pool = quiet(path, ({"a": a, "b": b} for a, b in X[:, :2].tolist()))
    np.testing.assert_array_equal(pool, X[:, :2])


def test_arrays_of_several_dimensions_are_rows_or_batches_as_is_said(path):
    images = X[:, :4].reshape(N, 2, 2)
    with pytest.raises(ValueError, match="batched must be True or False where source"):
        quiet(path, iter(images))
    rows = quiet(path, iter(images), batched=False)
    np.testing.assert_array_equal(rows, images)
    batches = quiet(path.with_name("b.npy"), in_batches(images), batched=True)
    np.testing.assert_array_equal(batches, images)


@pytest.mark.parametrize("source", [[["a"]], [{"a": [1]}], [(np.ones((2, 2)), 1)]])
def test_what_may_be_a_row_or_a_batch_is_asked_about(source, path):
    with pytest.raises(ValueError, match="batched must be True or False where"):
        quiet(path, iter(source))


def test_batches_of_texts_are_lists(path):
    pool = quiet(path, in_batches(TEXTS), WORDS, batched=True)
    np.testing.assert_allclose(pool, WORDS.transform(TEXTS).toarray(), rtol=1e-6)


# embedders --------------------------------------------------------------------------


def test_a_transformer_and_a_pipeline_and_a_learner_embed(path):
    expected = PCA(2, random_state=0).fit(X)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    learner = ActiveLearner(model, random_state=0).fit(X, Y)
    scaled = model[0].transform(X)
    for i, (embedder, wanted) in enumerate(
        [(expected, expected.transform(X)), (model, scaled), (learner, scaled)]
    ):
        pool = quiet(path.with_name(f"{i}.npy"), X, embedder)
        np.testing.assert_allclose(pool, wanted, rtol=1e-4, atol=1e-5)


def test_a_network_embeds_as_a_strategy_sees_it(path, torch):
    from skal.nets import MLPNetClassifier

    net = MLPNetClassifier(max_steps=3, random_state=0).fit(X, Y)
    pool = quiet(path, (row for row in X), net)
    np.testing.assert_allclose(pool, net.embed(X), rtol=1e-4, atol=1e-5)


def test_a_module_embeds_in_eval_mode(path, torch):
    with torch.random.fork_rng():
        module = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Dropout())
    with pytest.raises(ValueError, match=r"in eval mode.*embedder.eval\(\)"):
        quiet(path, X, module)
    pool = quiet(path, X.astype(float), module.eval())
    expected = module(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(pool, expected, rtol=1e-5, atol=1e-6)


def test_what_encodes_embeds(path):
    class Encoder:
        def encode(self, texts):
            return np.array([[len(text)] for text in texts])

    pool = quiet(path, iter(TEXTS), Encoder())
    np.testing.assert_array_equal(pool[:, 0], [len(text) for text in TEXTS])


@pytest.mark.parametrize("dtype", ["float16", "float64", None])
def test_the_numbers_are_of_the_type_asked_for(dtype, path):
    counts = np.arange(N * 2, dtype=np.uint8).reshape(N, 2)
    pool = quiet(path, counts, dtype=dtype)
    assert pool.dtype == (dtype or np.uint8)
    np.testing.assert_array_equal(pool, counts)


# going on ---------------------------------------------------------------------------


class Stops:
    """Embed so many rows, then fail, as a process that is interrupted does."""

    def __init__(self, n_rows, error=KeyboardInterrupt):
        self.left = n_rows
        self.error = error
        self.seen = 0

    def __call__(self, rows):
        if len(rows) > self.left:
            raise self.error
        self.left -= len(rows)
        self.seen += len(rows)
        return twice(rows)


GO_ON = {
    "pool": lambda: X,
    "stream": lambda: (row for row in X),
    "batches": lambda: in_batches(pd.DataFrame(X), 33),
}


@pytest.mark.parametrize("kind", GO_ON)
def test_a_pass_goes_on_where_it_was_interrupted(kind, path):
    with pytest.raises(KeyboardInterrupt):
        quiet(path, GO_ON[kind](), Stops(150))
    assert not path.exists()
    rest = Stops(10_000)
    pool = quiet(path, GO_ON[kind](), rest)
    np.testing.assert_array_equal(pool, 2 * X)
    assert rest.seen <= N - 132 + 2 * 50  # the first and last batch again
    assert [file.name for file in path.parent.iterdir()] == ["pool.npy"]


def test_a_row_that_was_begun_is_written_again(path):
    with pytest.raises(KeyboardInterrupt) as raised:
        quiet(path, X, Stops(100))
    assert "keeps 100 rows: the same call goes on" in str(raised.value.__notes__)
    part = path.with_name("pool.npy.part")
    with open(part, "r+b") as file:
        file.truncate(part.stat().st_size - 7)
    np.testing.assert_array_equal(quiet(path, X, twice), 2 * X)


def test_a_file_that_was_stopped_before_its_first_row_begins_anew(path):
    path.parent.mkdir()
    path.with_name("pool.npy.part").write_bytes(b"\x93NUM")
    np.testing.assert_array_equal(quiet(path, X, twice), 2 * X)


@pytest.mark.long
def test_a_process_that_is_killed_leaves_what_it_has_written(path):
    code = f"""
        import os
        import numpy as np
        from skal.datasets import embed_to

        def embedder(rows):
            if rows[0, 0] == 300:
                os._exit(9)
            return rows

        X = np.arange(500.0)[:, None]
        embed_to({str(path)!r}, X, embedder, batch_size=50, verbose=0)
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], timeout=120)
    assert done.returncode == 9
    seen = Stops(10_000)
    pool = embed_to(path, np.arange(500.0)[:, None], twice_less(seen), batch_size=50)
    np.testing.assert_array_equal(pool[:, 0], np.arange(500))
    assert seen.seen == 300


def twice_less(stops):
    return lambda rows: stops(rows) / 2


@pytest.mark.parametrize("kind", GO_ON)
def test_a_file_that_is_whole_is_returned(kind, path):
    quiet(path, X, twice)
    again = Stops(10_000)
    np.testing.assert_array_equal(quiet(path, GO_ON[kind](), again), 2 * X)
    assert again.seen <= 100  # the first and the last batch of a pool


def test_another_embedder_or_source_is_refused(path):
    with pytest.raises(KeyboardInterrupt):
        quiet(path, X, Stops(150))
    for source, embedder in [(X, np.asarray), (X[::-1], twice), (iter(X[3:]), twice)]:
        with pytest.raises(ValueError, match="source and embedder must be those which"):
            quiet(path, source, embedder)
    other = X.copy()
    other[149] = 0
    with pytest.raises(ValueError, match="other numbers for row 149"):
        quiet(path, other, twice)
    with pytest.raises(ValueError, match=r"of 150 rows, got 120. Name another file"):
        quiet(path, X[:120], twice)
    np.testing.assert_array_equal(quiet(path, X, twice), 2 * X)
    for source in X[: N - 1], np.vstack([X, X[:1]]):
        with pytest.raises(ValueError, match=f"of 230 rows, got {len(source)}"):
            quiet(path, source, twice)
    np.testing.assert_array_equal(quiet(path, X, overwrite=True), X)


def test_a_used_generator_is_refused(path):
    rows = iter(X)
    with pytest.raises(KeyboardInterrupt):
        quiet(path, rows, Stops(100))
    with pytest.raises(ValueError, match="A generator that has given rows goes on"):
        quiet(path, rows, twice)


def test_another_type_or_width_is_refused(path):
    with pytest.raises(KeyboardInterrupt):
        quiet(path, X, Stops(150))
    with pytest.raises(ValueError, match=r"dtype must be that of .*, float32, got flo"):
        quiet(path, X, twice, dtype="float16")
    with pytest.raises(ValueError, match=r"rows of one shape, \(5,\) as before, got"):
        quiet(path, X[:, :3], twice)


def test_one_process_writes_at_a_time(path):
    def meanwhile(rows):
        with pytest.raises(RuntimeError, match="by one process at a time"):
            quiet(path, X)
        return rows

    np.testing.assert_array_equal(quiet(path, X, meanwhile), X)


# what cannot be ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"path": "pool.bin"}, ValueError, "path must end in .npy, got 'pool.bin'"),
        ({"source": 3}, TypeError, "source must be a pool, a DataLoader, an Iterable"),
        ({"source": "words"}, TypeError, "source must be a pool"),
        ({"source": []}, ValueError, "source must hold at least one row, got none"),
        ({"source": iter([])}, ValueError, "source must hold at least one row"),
        ({"embedder": 3}, TypeError, "embedder must be a fitted estimator"),
        (
            {"embedder": len},
            ValueError,
            r"array of numbers of shape \(50, ...\) for 50",
        ),
        ({"embedder": lambda rows: rows / 0}, ValueError, "must give finite numbers"),
        ({"source": TEXTS}, ValueError, "source must give an array of numbers"),
        ({"dtype": "int8"}, ValueError, "dtype must be"),
        ({"batch_size": 0}, ValueError, "batch_size must be"),
        ({"batched": "yes"}, ValueError, "batched must be True, False or None"),
        ({"column": "a"}, ValueError, "column must be one that source holds"),
        ({"source": iter([("a", 1, 2)])}, ValueError, "which of 3 parts of a row"),
        (
            {"source": X * 1e5, "dtype": "float16"},
            ValueError,
            "dtype must hold the numbers, got float16, which ends at 65504",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_cannot_be_is_refused(arguments, error, message, path):
    given = {"path": path, "source": X, "batch_size": 50, "verbose": 0} | arguments
    with pytest.raises(error, match=message):
        embed_to(**given)
    assert not list(path.parent.glob("*"))


def test_a_loader_that_shuffles_is_refused(path, torch):
    loader = torch.utils.data.DataLoader(X, batch_size=8, shuffle=True)
    with pytest.raises(ValueError, match="DataLoader that shuffles"):
        quiet(path, loader)


def test_holes_stay_where_nobody_embeds(path):
    holes = X.copy()
    holes[3, 1] = np.nan
    np.testing.assert_array_equal(quiet(path, holes), holes)
    np.testing.assert_array_equal(quiet(path, holes), holes)


def test_a_bar_shows_how_far_it_has_come(path, capsys):
    embed_to(path, X, batch_size=100)
    assert "230 rows" in capsys.readouterr().out


def test_a_learner_asks_what_was_written(path):
    pool = quiet(path, (row for row in X))
    simulated = ActiveLearner(n_labels=30, random_state=0).fit(pool, Y)
    same = ActiveLearner(n_labels=30, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(simulated.labeled_iter_, same.labeled_iter_)
