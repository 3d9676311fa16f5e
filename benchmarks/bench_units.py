"""What it costs to reduce the scores of pixels to scores of images, from a file.

1 000 images of 256 x 256 pixels by 4 classes, 1 GB of float32 probabilities in a memory
map. Targets: each number is read once; at most 3 times the formula in plain numpy, over
the same file in pieces; at most 200 MB. Beside it stands the time in passes of a bare
``np.log`` over the numbers, which is less than any entropy can take.
"""

import argparse
import multiprocessing
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from common import best, peak_resident, peak_traced, show, verdict
from sklearn.base import BaseEstimator

from skal.query import Aggregate, Regions

TARGET, TARGET_MB = 3.0, 200
#: Rows of the file that a plain pass reads at a time.
PIECE = 8
STRATEGIES = {
    "entropy, top 10 %": Aggregate("entropy"),
    "entropy, mean": Aggregate("entropy", "mean"),
    "entropy, 90 % quantile": Aggregate("entropy", "quantile"),
    "least confidence, mean": Aggregate("least_confidence", "mean"),
    "entropy, 16 x 16 regions": Regions("entropy", 16),
}


class InFile(BaseEstimator):
    """Its rows are their own answers; it counts the bytes that are asked for."""

    n_bytes = 0

    def predict_units(self, X):
        """Return the rows."""
        self.n_bytes += X.nbytes
        return X


def write(path, n_rows, size, n_classes):
    """Write made-up probabilities to a file, a few images at a time."""
    shape = n_rows, size, size, n_classes
    proba = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    rng = np.random.default_rng(0)
    for start in range(0, n_rows, PIECE):
        piece = proba[start : start + PIECE]
        drawn = rng.standard_exponential(piece.shape, np.float32) + 1e-6
        piece[...] = drawn / drawn.sum(axis=-1, keepdims=True)
    proba.flush()


def ask(strategy, model, path):
    """Map the file and choose 10 rows, or 10 regions."""
    return strategy(model, np.load(path, mmap_mode="r"), 10, random_state=0)


def plain_pass(what, path):
    """Map the file and read it once, in pieces."""
    proba = np.load(path, mmap_mode="r")
    buffer = np.empty_like(proba[:PIECE])
    for start in range(0, len(proba), PIECE):
        PLAIN[what](proba[start : start + PIECE], buffer)


def numpy_entropy(piece, buffer):
    """Return the mean entropy of each image, as one would write it."""
    return -(piece * np.log(piece)).sum(axis=-1).mean(axis=(1, 2))


def numpy_confidence(piece, buffer):
    """Return the mean least confidence of each image, as one would write it."""
    return (1 - piece.max(axis=-1)).mean(axis=(1, 2))


PLAIN = {
    "np.log": lambda piece, buffer: np.log(piece, out=buffer[: len(piece)]),
    "entropy": numpy_entropy,
    "least confidence": numpy_confidence,
}


def peaks(path, name):
    """Return what a query allocates, and by how much it raises resident memory."""
    query = partial(ask, STRATEGIES[name], InFile(), path)
    pages = np.load(path, mmap_mode="r").nbytes  # resident while they are read
    return peak_traced(query), peak_resident(query) - pages


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "proba.npy")
        write(path, options.rows, options.size, options.classes)
        n_bytes = np.load(path, mmap_mode="r").nbytes
        models = {name: InFile() for name in STRATEGIES}
        functions = {name: partial(plain_pass, name, path) for name in PLAIN}
        functions |= {
            name: partial(ask, strategy, models[name], path)
            for name, strategy in STRATEGIES.items()
        }
        seconds = best(functions, options.repeats)
        rows = []
        for name, model in models.items():
            plain = seconds[name.partition(",")[0]]
            ratio = seconds[name] / plain
            reads = model.n_bytes / n_bytes / (options.repeats + 1)
            # A fresh process, so that no freed memory is used again.
            with multiprocessing.get_context("spawn").Pool(1) as process:
                traced, resident = process.apply(peaks, (path, name))
            rows.append(
                (
                    name,
                    f"{plain:.2f}",
                    f"{seconds[name]:.2f}",
                    f"{seconds[name] / seconds['np.log']:.1f}",
                    f"{ratio:.2f}",
                    verdict(ratio, TARGET),
                    f"{reads:.3f}",
                    f"{traced / 1e6:.0f}",
                    f"{max(0, resident) / 1e6:.0f}",
                    verdict(max(traced, resident) / 1e6, TARGET_MB),
                )
            )
    show(
        f"aggregate {options.rows} x {options.size} x {options.size} x "
        f"{options.classes} float32 from a memory map, choose 10",
        [
            "strategy",
            "numpy s",
            "skal s",
            "in np.log",
            "in numpy",
            "at most 3",
            "reads",
            "traced MB",
            "resident MB",
            "at most 200",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
