"""What asking in scope saves in a pool of which 40 % of the rows belong to no class.

    python examples/papers/open_pool.py run      play everything, into results/
    python examples/papers/open_pool.py          the table, from the results

``SKAL_DATA`` names the folder of MNIST; without it MNIST is left out. The image
segments come with river; without that they are left out.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.datasets import fetch_mnist
from skal.query import InScope

RESULTS = Path(__file__).parent / "results" / "open_pool.csv"
SEEDS = range(10)
NAMES = ["data", "foreign", "strategy", "seed", "purity", "accuracy", "area"]
#: What is compared, by the share of foreign rows.
STRATEGIES = {
    0.4: ("random", "margin", "uherding", "in_scope", "in_scope .9"),
    0.0: ("margin", "in_scope"),
}
#: What is no name of skal's.
OWN = {"in_scope .9": InScope(purity=0.9)}
N_LABELS = 200
#: The answer to rows that belong to no class.
REJECT = -2


# Data ---------------------------------------------------------------------------


def digits():
    """The 1 797 handwritten digits of scikit-learn."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def mnist(n_rows=5000):
    """Images of MNIST, as 50 principal components of their pixels."""
    images, y = fetch_mnist(download_if_missing=False, return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(y))[:n_rows]
    pixels = images[rows].reshape(n_rows, -1) / 255
    return PCA(50, random_state=0).fit_transform(pixels), y[rows]


def segments():
    """The 2 310 image segments of river: a table of 18 numbers, 7 classes."""
    from river.datasets import ImageSegments

    rows = [(list(row.values()), label) for row, label in ImageSegments()]
    X, y = zip(*rows, strict=True)
    return np.array(X, float), np.unique(y, return_inverse=True)[1]


def data_sets():
    named = {"digits": digits}
    if "SKAL_DATA" in os.environ:
        named["mnist"] = mnist
    if find_spec("river"):
        named["segments"] = segments
    return named


# Runs ---------------------------------------------------------------------------


def split(X, y, foreign, seed):
    """Return a pool with a share of foreign rows, and test rows in scope.

    The foreign classes are another draw with each seed: as many as come nearest.
    """
    rng = np.random.RandomState(seed)
    classes = rng.permutation(np.unique(y))
    shares = np.cumsum([np.mean(y == label) for label in classes])
    n_foreign = np.argmin(abs(np.append(0.0, shares[:-2]) - foreign))
    out = np.isin(y, classes[:n_foreign])
    order = rng.permutation(len(y))
    pool, test = np.split(order, [int(0.7 * len(y))])
    test = test[~out[test]]
    return X[pool], np.where(out, REJECT, y)[pool], X[test], y[test]


def play(strategy, X, y, X_test, y_test, seed):
    """Play a run; return its purity, and its accuracy at the end and on the way."""
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        OWN.get(strategy, strategy),
        n_labels=N_LABELS,
        reject_label=REJECT,
        store_estimators=True,
        random_state=seed,
    ).fit(X, y)
    accuracy = [*learner.staged_score(X_test, y_test)]
    purity = 1 - learner.history_["n_rejected"][-1] / N_LABELS
    return purity, accuracy[-1], np.mean(accuracy)


def run():
    """Play what is not in the results yet; write a row for each run as it ends."""
    loaded = {data: load() for data, load in data_sets().items()}
    done = {tuple(row[name] for name in NAMES[:4]) for row in read()}
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(NAMES)
        for seed in SEEDS:  # outermost: what is there of a run cut short is paired
            for data, (X, y) in loaded.items():
                for foreign, strategies in STRATEGIES.items():
                    rows = split(X, y, foreign, seed)
                    for strategy in strategies:
                        key = data, str(foreign), strategy, str(seed)
                        if key in done:
                            continue
                        found = play(strategy, *rows, seed)
                        writer.writerow([*key, *(f"{number:.4f}" for number in found)])
                        file.flush()


def read():
    """Return the rows of the results."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


# The table ------------------------------------------------------------------------


def table():
    """Print the means over the seeds, and the differences to margin in points."""
    runs: dict[tuple, dict] = {}
    for row in read():
        key = row["data"], row["foreign"], row["strategy"]
        numbers = [float(row[name]) for name in ("purity", "accuracy", "area")]
        runs.setdefault(key, {})[row["seed"]] = numbers
    say = sys.stdout.write
    say("| data | foreign | strategy | in scope | accuracy | to margin | area |\n")
    say("|---|---|---|---|---|---|---|\n")
    for (data, foreign, strategy), found in runs.items():
        purity, accuracy, area = np.mean([*found.values()], axis=0)
        beside = runs.get((data, foreign, "margin"), {})
        paired = [found[seed][1] - beside[seed][1] for seed in found if seed in beside]
        gain = 100 * np.array(paired or [np.nan])
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.nan
        to = "" if strategy == "margin" else f"{gain.mean():+.1f} ± {error:.1f}"
        say(
            f"| {data} | {float(foreign):.0%} | {strategy} | {purity:.0%} "
            f"| {accuracy:.1%} | {to} | {area:.1%} |\n"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run", "show"], default="show")
    if parser.parse_args().what == "run":
        run()
    table()


if __name__ == "__main__":
    main()
