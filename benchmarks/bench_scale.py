"""What a query of a large pool costs on one core, beside what it cannot do without.

Margin over a linear model reads a float16 memory map, widens it and multiplies it with
the coefficients: target 1.3 times as long as plain numpy takes for these alone.

Strategies that look at distances keep the embeddings, in single precision and in memory
that the system has to hand out first, and multiply rows with rows. What plain numpy
takes for both is their bound. Herding and FacilityLocation: all rows with 100 middles,
10 000 candidates with 500 reference rows and 200 labels, and 5000 reference rows with
the 2400 candidates or so that the picks ask for. TypiClust: all rows with 300 means
three times, 16 384 rows with them some 16 times, and in 100 clusters all rows with an
eighth of them, and an eighth with all. What else they do is a few passes over these
products, which are in cache: the exponential, a minimum or a root, the least of a row.
Target: 2 times as long, for TypiClust 2.7.

Seconds are CPU seconds, taken in turns, the least of each: set OMP_NUM_THREADS=1.
``--full`` takes 10 000 000 x 384 for margin, from a file of 7.7 GB.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
from common import blobs, show, verdict
from sklearn.linear_model import LogisticRegression

from skal import ModelView, query

N_LABELED = 200
TARGET_MARGIN, TARGET_HERDING, TARGET_CLUSTERS = 1.3, 2.0, 2.7
BLOCK = 4096
#: Numbers of a product, so few that they stay in cache.
PRODUCT = 2**19
TARGETS = {
    query.UHerding: TARGET_HERDING,
    query.MaxHerding: TARGET_HERDING,
    query.FacilityLocation: TARGET_HERDING,
    query.TypiClust: TARGET_CLUSTERS,
}


def in_turns(functions, repeats):
    """Return the least CPU seconds of each function, after one call to warm up."""
    least = dict.fromkeys(functions, np.inf)
    for turn in range(repeats + 1):
        for name, function in functions.items():
            start = process_time()
            function()
            if turn:
                least[name] = min(least[name], process_time() - start)
    return least


def product(X, others):
    """Widen the rows, block by block, and multiply them with others: (d, k)."""
    size = min(BLOCK, PRODUCT // others.shape[1])
    for start in range(0, len(X), size):
        X[start : start + size].astype(np.float32, copy=False) @ others


def products_of(strategy, n_rows):
    """Return the products that a strategy needs: how often, rows, and other rows."""
    if strategy is query.TypiClust:
        cluster = n_rows // 300
        few = max(256, cluster // 8)  # of clusters of 512 rows and more
        near = few + cluster // 8 if cluster >= 512 else cluster
        return [(3, n_rows, 300), (16, 2**14, 300), (100, cluster, near)]
    return [(1, n_rows, 100), (1, 10_000, 700), (1, 5_000, 2_400)]


def keep_and_multiply(pool, products):
    """Widen the pool into an array of its own, and multiply its rows with others."""
    kept = np.empty(pool.shape, np.float32)
    for start in range(0, len(pool), BLOCK):
        kept[start : start + BLOCK] = pool[start : start + BLOCK]
    for times, n_rows, n_others in products:
        others = np.ascontiguousarray(kept[:n_others].T)
        for _ in range(times):
            product(kept[:n_rows], others)


def memory_map(folder, n_rows, n_features):
    """Write blobs to a float16 file, the same 100 000 rows again and again."""
    X, y = blobs(min(n_rows, 100_000), n_features, dtype=np.float16)
    path = Path(folder, "X.npy")
    shape = n_rows, n_features
    pool = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    for start in range(0, n_rows, len(X)):
        pool[start : start + len(X)] = X[: n_rows - start]
    pool.flush()
    return np.load(path, mmap_mode="r"), X[:N_LABELED], y[:N_LABELED]


def of_margin(n_rows, n_features, repeats):
    """Show margin over a linear model beside reading and multiplying."""
    with tempfile.TemporaryDirectory() as folder:
        pool, X, y = memory_map(folder, n_rows, n_features)
        model = LogisticRegression(max_iter=300).fit(X.astype(np.float32), y)
        others = np.ascontiguousarray(model.coef_.T)
        seconds = in_turns(
            {
                "skal": lambda: query.Margin().score_samples(ModelView(model), pool),
                "bound": partial(product, pool, others),
            },
            repeats,
        )
    ratio = seconds["skal"] / seconds["bound"]
    cells = [f"{s:.2f}" for s in seconds.values()]
    gigabytes = 2 * n_rows * n_features / 1e9
    bound = f"{gigabytes:.1f} GB read once, widened, x {others.shape[1]} columns"
    rows = [["Margin", *cells, f"{ratio:.2f}", bound, verdict(ratio, TARGET_MARGIN)]]
    show_scale(f"score {n_rows} x {n_features} float16 in a memory map", rows)


def query_of(strategy, model, X, y, pool):
    """Ask for 100 rows, on a view that has remembered nothing."""
    return strategy()(ModelView(model, X, y), pool, 100, random_state=0)


def of_distances(n_rows, n_features, dtype, repeats):
    """Show the strategies that look at distances beside what they need at least."""
    X, y = blobs(n_rows + N_LABELED, n_features, dtype=dtype)
    X, y, pool = X[:N_LABELED], y[:N_LABELED], X[N_LABELED:]
    model, rows = LogisticRegression(max_iter=300).fit(X.astype(np.float32), y), []
    for strategy, target in TARGETS.items():
        products = products_of(strategy, n_rows)
        seconds = in_turns(
            {
                "skal": partial(query_of, strategy, model, X, y, pool),
                "bound": partial(keep_and_multiply, pool, products),
            },
            repeats,
        )
        ratio = seconds["skal"] / seconds["bound"]
        cells = [f"{s:.2f}" for s in seconds.values()]
        n_pairs = sum(times * n * others for times, n, others in products)
        work = f"1 pass to keep, {2e-9 * n_pairs * n_features:.1f} GFLOP"
        kept = verdict(ratio, target)
        rows.append([strategy.__name__, *cells, f"{ratio:.2f}", work, kept])
    show_scale(f"100 of {n_rows} x {n_features} {dtype.__name__}, 200 labels", rows)


def show_scale(title, rows):
    """Show seconds beside those of the bound."""
    show(title, ["strategy", "skal s", "bound s", "ratio", "bound", ""], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()

    of_margin(10_000_000 if options.full else 200_000, 384, options.repeats)
    of_distances(200_000, 384, np.float16, options.repeats)
    of_distances(1_000_000, 64, np.float32, options.repeats)


if __name__ == "__main__":
    main()
