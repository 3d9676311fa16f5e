"""What the loop itself costs a round, beyond fitting and predicting.

100 rounds of 10 labels on 50 000 rows by 64 features, with an estimator that does
next to nothing and times itself. Target: at most 3 ms a round. Then a live loop of
1 000 rounds of one label: its last queries against its first. Target: at most 1.5
times.
"""

import argparse
from time import perf_counter

import numpy as np
from common import blobs, show, verdict
from sklearn.base import BaseEstimator, ClassifierMixin

from skal import ActiveLearner

TARGET = 3e-3
TARGET_LATE = 1.5


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


def early_and_late(X, y, n_rounds, n_timed=50):
    """Return the least seconds of a query in the first rounds and in the last."""
    learner = ActiveLearner(Trivial(), "margin", n_initial=20, random_state=0)
    unlabeled, seconds = np.ones(len(X), dtype=bool), []
    for _ in range(n_rounds):
        start = perf_counter()
        rows, picked = learner.query(X, 1 if seconds else 20, candidates=unlabeled)
        seconds.append(perf_counter() - start)
        learner.teach(picked, y[rows])
        unlabeled[rows] = False
    return min(seconds[1:n_timed]), min(seconds[-n_timed:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--late", type=int, default=1_000)
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
    X, y = blobs(10 * options.late, options.features)
    early, late = early_and_late(X, y, options.late)
    show(
        f"Live queries among {len(X)} x {options.features}",
        ["rounds before", "query", "ratio", "target", ""],
        [
            ["few", f"{1e3 * early:.2f} ms", "1.00", "", ""],
            [
                f"{options.late}",
                f"{1e3 * late:.2f} ms",
                f"{late / early:.2f}",
                f"{TARGET_LATE}",
                verdict(late / early, TARGET_LATE),
            ],
        ],
    )


if __name__ == "__main__":
    main()
