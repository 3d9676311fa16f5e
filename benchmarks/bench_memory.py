"""How much memory one query takes beyond X, as a share of X.

Margin over logistic regression, 10 of 500 000 rows by 64 features. Target: at most a
quarter of X.
"""

import argparse
import multiprocessing
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from common import blobs, peak_resident, peak_traced, show, verdict
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner

TARGET = 0.25
N_LABELED = 500
LAYOUTS = ("float32", "float64", "CSR", "memory map", "candidates")


def pool_of(layout, X, folder):
    """Return the pool in a layout, and the candidates to choose from."""
    if layout == "CSR":  # as many numbers a row as the others have, of 5 000 features
        n_rows, n_values = X.shape
        columns = np.random.default_rng(0).integers(5000, size=X.shape, dtype=np.int32)
        columns.sort(axis=1)
        starts = np.arange(n_rows + 1, dtype=np.int32) * n_values
        return sp.csr_array((X.ravel(), columns.ravel(), starts)), None
    if layout == "memory map":
        np.save(folder / "X.npy", X)
        return np.load(folder / "X.npy", mmap_mode="r"), None
    if layout == "candidates":
        return X, np.random.default_rng(0).permutation(len(X))[: len(X) // 2]
    return X.astype(layout, copy=False), None


def size_of(X):
    """Return the bytes of X."""
    if sp.issparse(X):
        return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    return X.nbytes


def measure(options, layout, measure_peak):
    """Return the peak of one query as a share of X."""
    with tempfile.TemporaryDirectory() as folder:
        X, y = blobs(options.rows, options.features)
        pool, candidates = pool_of(layout, X, Path(folder))
        del X
        learner = ActiveLearner(
            LogisticRegression(max_iter=50), options.strategy, random_state=0
        )
        learner.set_params(estimator__tol=1e-2).fit(pool[:N_LABELED], y[:N_LABELED])
        learner.query(pool[:2000], 10)  # imports, caches

        def query():
            learner.query(pool, 10, candidates=candidates)

        mapped = measure_peak is peak_resident and isinstance(pool, np.memmap)
        return measure_peak(query) / size_of(pool) - mapped  # its pages are X itself


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--strategy", default="margin")
    options = parser.parse_args()

    rows = []
    for layout in LAYOUTS:
        shares = []
        for peak in (peak_traced, peak_resident):
            # A fresh process each, so that no freed memory is used again.
            with multiprocessing.get_context("spawn").Pool(1) as process:
                shares.append(process.apply(measure, (options, layout, peak)))
        rows.append(
            [
                layout,
                *(f"{share:.3f} x X" for share in shares),
                f"{TARGET} x X",
                verdict(max(shares), TARGET),
            ]
        )
    show(
        f"Peak memory of one {options.strategy} query beyond X, "
        f"{options.rows} x {options.features}",
        ["layout", "tracemalloc", "resident", "target", ""],
        rows,
    )


if __name__ == "__main__":
    main()
