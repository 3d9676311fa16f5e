"""What a bandit over strategies loses to the best of them, and gains over chance.

    python examples/papers/bandit.py run     play everything, into results/bandit.csv
    python examples/papers/bandit.py         the tables of the page, from the results

A run that was stopped goes on where it was, seed by seed.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
from page import as_table
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.query import Bandit

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "bandit.csv"
PAGE = HERE.parents[1] / "docs" / "strategies_that_learn.md"
NAMES = ["data", "strategy", "seed", "area", "last"]
SEEDS = range(11)
N_POOL, N_TEST = 400, 1000
N_INITIAL, N_QUERIES = 5, 60
ARMS = tuple(name for name, _ in Bandit().strategies)
POLICIES = ("surprise", "thompson", "exp4p", "albl", "tailor", "uniform")

# Data ---------------------------------------------------------------------------


def checkerboard(side):
    """Squares of two classes, as a chess board has them; 5 % of the labels are wrong.

    The model sees 200 random features of a Gaussian kernel, so that it could learn it.
    """
    rng = np.random.RandomState(0)
    points = rng.uniform(size=(1400, 2)) * side
    y = points.astype(int).sum(axis=1) % 2
    y ^= rng.uniform(size=len(y)) < 0.05
    kernel = RBFSampler(gamma=1.0, n_components=200, random_state=0)
    return kernel.fit_transform(points), y


DATA = {
    "digits": lambda: load_digits(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "XOR, 4 by 4": lambda: checkerboard(4),
}
STRATEGIES = {
    **{name: name for name in ARMS},
    **{f"bandit, {policy}": Bandit(policy=policy) for policy in POLICIES},
}

# Runs ---------------------------------------------------------------------------


def split(X, y, seed):
    """Return a pool and rows to test on."""
    order = np.random.RandomState(seed).permutation(len(y))
    n_pool = min(N_POOL, len(y) // 2)
    pool, test = order[:n_pool], order[n_pool:][:N_TEST]
    return X[pool], y[pool], X[test], y[test]


def play(strategy, X, y, X_test, y_test, seed):
    """Play a run of single queries; return the area under its curve, and its end."""
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        strategy,
        n_initial=N_INITIAL,
        batch_size=1,
        n_labels=N_INITIAL + N_QUERIES,
        store_estimators=True,
        random_state=seed,
    ).fit(X, y)
    scores = [*learner.staged_score(X_test, y_test)]
    return np.mean(scores[1:]), scores[-1]


def run():
    """Play what is not done yet, seed by seed, so that what there is is paired."""
    loaded = {name: load() for name, load in DATA.items()}
    done = {tuple(row[name] for name in NAMES[:3]) for row in read()}
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(NAMES)
        for seed in SEEDS:
            for name, (X, y) in loaded.items():
                rows = split(X, y, seed)
                for word, strategy in STRATEGIES.items():
                    if (name, word, str(seed)) in done:
                        continue
                    area, last = play(strategy, *rows, seed)
                    writer.writerow([name, word, seed, f"{area:.4f}", f"{last:.4f}"])
                    file.flush()


def read():
    """Return the rows of the results."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


# The tables ---------------------------------------------------------------------


def areas():
    """Return, for each data set, the areas of each strategy by seed.

    A seed counts when everything was played with it.
    """
    rows, found = read(), {}
    played = Counter(row["seed"] for row in rows)
    for row in rows:
        if played[row["seed"]] < len(DATA) * len(STRATEGIES):
            continue
        of = found.setdefault(row["data"], {}).setdefault(row["strategy"], {})
        of[row["seed"]] = 100 * float(row["area"])
    return found


def paired(one, other):
    """Return the mean difference over the seeds that both have, and its error."""
    seeds = [seed for seed in one if seed in other]
    gaps = np.array([one[seed] - other[seed] for seed in seeds])
    return gaps.mean(), gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else None


def difference(one, other):
    gap, error = paired(one, other)
    return f"{gap:+.1f}" if error is None else f"{gap:+.1f} ± {error:.1f}"


def best_arm(of):
    """Return the arm that was best on average, in hindsight."""
    return max((name for name in of if name in ARMS), key=lambda n: mean(of[n]))


def mean(scores):
    return np.mean([*scores.values()])


def regret():
    """The area of each strategy less that of the best arm in hindsight, in points."""
    found, lines = areas(), []
    for strategy in STRATEGIES:
        words = [
            difference(of[strategy], of[best_arm(of)]) if strategy in of else ""
            for of in found.values()
        ]
        worst = [mean(of[strategy]) - mean(of[best_arm(of)]) for of in found.values()]
        lines.append([strategy, *words, f"{min(worst):+.1f}"])
    best = (f"{data} ({best_arm(of)})" for data, of in found.items())
    return as_table(["strategy", *best, "worst"], lines)


def over_chance():
    """The area of each strategy less that of random rows, in points."""
    found = areas()
    lines = [
        [name, *(difference(of[name], of["random"]) for of in found.values())]
        for name in STRATEGIES
        if name != "random"
    ]
    return as_table(["strategy", *found], lines)


TABLES = {
    "regret": regret,
    "over chance": over_chance,
}


def filled(page):
    """Return the page with its tables of bandits written anew; others stay."""

    def table(match):
        return f"<!-- bandits: {match[1]} -->\n\n{TABLES[match[1]]()}\n\n<!-- end -->"

    pattern = r"<!-- bandits: (.+?) -->.*?<!-- end -->"
    return re.sub(pattern, table, page, flags=re.DOTALL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run"])
    if parser.parse_args().what == "run":
        run()
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
