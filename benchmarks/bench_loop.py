"""What the loop itself costs a round, beyond fitting and predicting.

100 rounds of 10 labels on 50 000 rows by 64 features, with an estimator that does
next to nothing and times itself. Target: at most 3 ms a round.
"""

import argparse
from time import perf_counter

import numpy as np
from common import blobs, show, verdict
from sklearn.base import BaseEstimator, ClassifierMixin

from skal import ActiveLearner

TARGET = 3e-3


class Trivial(ClassifierMixin, BaseEstimator):
    """Answers from the first features of a row, and adds up its own seconds."""

    seconds = 0.0  # on the class: every clone adds to it

    def fit(self, X, y):
        start = perf_counter()
        self.classes_ = np.unique(y)
        Trivial.seconds += perf_counter() - start
        return self

    def predict_proba(self, X):
        start = perf_counter()
        proba = np.abs(X[:, : len(self.classes_)]) + 1e-3
        proba /= proba.sum(axis=1, keepdims=True)
        Trivial.seconds += perf_counter() - start
        return proba

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def overhead(strategy, X, y, n_rounds):
    """Return seconds a round outside the estimator, and inside it."""
    learner = ActiveLearner(
        Trivial(), strategy, n_labels=10 * (n_rounds + 1), random_state=0
    )
    Trivial.seconds, start = 0.0, perf_counter()
    learner.fit(X, y)
    total = perf_counter() - start
    return (total - Trivial.seconds) / n_rounds, Trivial.seconds / n_rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    strategies = ("random", "margin", "entropy")
    runs = {(s, d): [] for s in strategies for d in ("float32", "float64")}
    data = {
        dtype: blobs(options.rows, options.features, dtype=dtype)
        for dtype in ("float32", "float64")
    }
    for _ in range(options.repeats):
        for strategy, dtype in runs:
            X, y = data[dtype]
            runs[strategy, dtype].append(overhead(strategy, X, y, options.rounds))
    rows = []
    for (strategy, dtype), seconds in runs.items():
        loop, model = np.min(seconds, axis=0)
        rows.append(
            [
                strategy,
                dtype,
                f"{1e3 * loop:.2f} ms",
                f"{1e3 * model:.2f} ms",
                f"{1e3 * TARGET:.0f} ms",
                verdict(loop, TARGET),
            ]
        )
    show(
        f"Loop overhead, {options.rounds} rounds of 10 labels, "
        f"{options.rows} x {options.features}, best of {options.repeats}",
        ["strategy", "X", "loop / round", "model / round", "target", ""],
        rows,
    )


if __name__ == "__main__":
    main()
