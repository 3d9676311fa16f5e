"""A pool in a file is asked with little memory; at length in a process of its own."""

import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest
from helpers import peak_bytes
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.datasets import embed_to

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads the peak from /proc"
)

#: What is there before: a model of 256 numbers, and the peak so far.
BEFORE = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from skal import ActiveLearner
from skal.datasets import embed_to

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if "VmHWM" in line) / 1024

rng = np.random.RandomState(0)
few = rng.normal(size=(100, 256)).astype(np.float32)
learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
learner.teach(few, np.arange(100) % 2)
learner.query(few, 2)
learner.predict(few)
"""
AFTER = """
indices, rows = learner.query(X, 10)
assert rows.shape == (10, 256), rows.shape
assert len(learner.predict(X)) == len(learner.score_pool(X)) == {n}
print(round(peak() - start))
"""
POOLS = {
    "zarr": """
import zarr
store = {folder!r} + "/pool.zarr"
X = zarr.create_array(store, shape=({n}, 256), chunks=(2000, 256), dtype="float32")
X[:2000] = rng.normal(size=(2000, 256))  # the other chunks are made as they are read
""",
    "h5py": """
import h5py
file = h5py.File({folder!r} + "/pool.h5", "w")
options = dict(chunks=(2000, 256), compression="gzip", dtype="float32")
X = file.create_dataset("rows", ({n}, 256), **options)
X[:2000] = rng.normal(size=(2000, 256))
""",
    "pyarrow": """
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.dataset
rows = pa.FixedSizeListArray.from_arrays(rng.normal(size=2000 * 256).round(1), 256)
table = pa.table({{"row": rows.cast(pa.list_(pa.float32(), 256))}})
with pq.ParquetWriter({folder!r} + "/pool.parquet", table.schema) as file:
    for _ in range({n} // 2000):
        file.write_table(table)
X = pyarrow.dataset.dataset({folder!r})
""",
    "datasets": """
import datasets
import pyarrow as pa
rows = pa.FixedSizeListArray.from_arrays(rng.normal(size=2000 * 256), 256)
table = pa.table({{"row": rows.cast(pa.list_(pa.float32(), 256))}})
with pa.OSFile({folder!r} + "/pool.arrow", "wb") as file:
    with pa.ipc.new_stream(file, table.schema) as writer:
        for _ in range({n} // 2000):
            writer.write_table(table)
X = datasets.Dataset.from_file({folder!r} + "/pool.arrow")
""",
}


def megabytes_of(code, **names):
    """Return what a process prints at its end: megabytes."""
    code = BEFORE + dedent(code).format(**names)
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def megabytes_asked(library, n, folder):
    """Return the memory that a query, scores and predictions for n rows take."""
    pytest.importorskip("datasets.arrow_dataset" if library == "datasets" else library)
    code = POOLS[library] + "start = peak()\n" + AFTER
    return megabytes_of(code, folder=str(folder), n=n)


def test_a_pool_in_a_file_is_not_held_in_memory(tmp_path):
    zarr = pytest.importorskip("zarr")
    X = zarr.create_array(
        str(tmp_path / "pool"), shape=(50_000, 256), chunks=(2000, 256), dtype="float32"
    )
    X[:2000] = np.random.RandomState(0).normal(size=(2000, 256))
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
    learner.fit(X[:50], np.arange(50) % 2)
    for ask in learner.query, learner.predict, learner.score_pool:
        assert peak_bytes(ask, X) < 0.3 * X.nbytes


@pytest.mark.long
@pytest.mark.parametrize("library", POOLS)
def test_half_a_gigabyte_in_a_file_is_asked_with_a_tenth_of_it(library, tmp_path):
    # pages of a mapped file count as the process's, though nobody has to keep them
    mapped = 600 if library == "datasets" else 0
    assert megabytes_asked(library, 500_000, tmp_path) < 50 + mapped  # of 512


def test_a_stream_is_not_held_in_memory(tmp_path):
    batches = (np.full((1000, 256), i, np.float32) for i in range(50))  # 51 MB
    options = {"batched": True, "verbose": 0}
    path = tmp_path / "pool.npy"
    assert peak_bytes(embed_to, path, batches, narrow, **options) < 5e6


def narrow(rows):
    return rows[:, :2]


@pytest.mark.long
def test_a_stream_of_a_gigabyte_is_embedded_in_little_memory(tmp_path):
    code = """
    def batches():
        for i in range(1000):
            yield np.full((1000, 256), i, np.float32)

    start = peak()
    path = {folder!r} + "/pool.npy"
    pool = embed_to(path, batches(), lambda X: X[:, :2], batched=True, verbose=0)
    assert pool.shape == (1_000_000, 2)
    print(round(peak() - start))
    """
    assert megabytes_of(code, folder=str(tmp_path)) < 30
