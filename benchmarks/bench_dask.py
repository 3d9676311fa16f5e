"""What a pool on dask costs: memory on one too big to hold, time beside one in memory.

Margin over logistic regression. A pool of 40 GB is made block by block as it is read,
in this process, by as many threads as there are cores; of 20 rows near the boundary it
is known where they lie. Targets: less than 1 GB resident in all, and those 20 rows. A
pool that fits is asked in memory and on dask in turns. Target: 1.5 times the seconds.
"""

import argparse
from time import perf_counter

import dask
import dask.array as da
import numpy as np
from common import best, blobs, most_resident, show, verdict
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner

N_FEATURES = 1000
N_PICKED = 20
BLOCK_ROWS = 10_000
MOST_BYTES = 1e9
TARGET = 1.5


def made(near, block_id=None):
    """Return a block of rows far from the boundary, but for those that are near it."""
    rows = np.full((BLOCK_ROWS, N_FEATURES), 0.5, np.float32)
    rows[:, 0] = np.linspace(2, 9, BLOCK_ROWS)  # no ties, which are kept
    inside = (near // BLOCK_ROWS) == block_id[0]
    rows[near[inside] % BLOCK_ROWS, 0] = 1e-2 * np.flatnonzero(inside)
    return rows


def big_pool(n_blocks, near):
    """Return a pool that is made when it is read."""
    chunks = (BLOCK_ROWS,) * n_blocks, (N_FEATURES,)
    return da.map_blocks(
        made, near, chunks=chunks, meta=np.empty((0, 0), np.float32), dtype=np.float32
    )


def ask_big(gigabytes):
    """Query a pool of so many GB.

    Returns
    -------
    size : int
        Bytes of the pool.
    seconds : float
        What the query took.
    peak : int
        Bytes resident at most, imports included.
    is_right : bool
        Whether it found the rows near the boundary.
    """
    n_blocks = max(1, round(gigabytes * 1e9 / (4 * N_FEATURES * BLOCK_ROWS)))
    rng = np.random.default_rng(0)
    near = rng.permutation(n_blocks * BLOCK_ROWS)[:N_PICKED]
    X = np.full((200, N_FEATURES), 0.5, np.float32)
    X[:, 0] = np.linspace(-5, 5, 200)
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0)
    learner.fit(X, (X[:, 0] > 0).astype(int))
    pool = big_pool(n_blocks, near)
    start = perf_counter()
    picked, _ = learner.query(pool, N_PICKED)
    seconds = perf_counter() - start
    is_right = set(picked.tolist()) == set(near.tolist())
    return pool.nbytes, seconds, most_resident(), is_right


def time_both(n_rows):
    """Return the seconds of a query in memory and on dask, one thread each."""
    X, y = blobs(n_rows, 64)
    there = da.from_array(X, chunks=(n_rows // 16, 64))
    learner = ActiveLearner(LogisticRegression(max_iter=50), "margin", random_state=0)
    learner.fit(X[:500], y[:500])
    with dask.config.set(scheduler="synchronous"):
        return best(
            {
                "in memory": lambda: learner.query(X, 10),
                "on dask": lambda: learner.query(there, 10),
            },
            repeats=5,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=40)
    parser.add_argument("--rows", type=int, default=500_000)
    options = parser.parse_args()
    size, seconds, peak, right = ask_big(options.gigabytes)
    times = time_both(options.rows)
    ratio = times["on dask"] / times["in memory"]
    show(
        f"{N_PICKED} rows of {size / 1e9:.0f} GB on dask; {options.rows} x 64 beside "
        "memory",
        ["pool", "s", "peak, MB", "", ""],
        [
            [
                f"{size / 1e9:.0f} GB on dask",
                f"{seconds:.1f}",
                f"{peak / 1e6:.0f}",
                "right" if right else "WRONG",
                verdict(peak, MOST_BYTES),
            ],
            *[
                [name, f"{time:.3f}", "", f"{time / times['in memory']:.2f}x", ""]
                for name, time in times.items()
            ],
            ["on dask / in memory", "", "", f"{ratio:.2f}x", verdict(ratio, TARGET)],
        ],
    )


if __name__ == "__main__":
    main()
