"""What a bandit over strategies loses to the best of them, and gains over chance.

    python examples/papers/bandit.py run     play everything, into results/bandit.csv
    python examples/papers/bandit.py tune    the same on other data, printed: what the
                                             defaults were chosen on
    python examples/papers/bandit.py         the table of the page, from the results

A run that was stopped goes on where it was. Nothing was chosen on the data of ``run``:
it was played once, after the defaults stood.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from page import as_table, filled
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
)
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
SEEDS = range(10)
N_POOL, N_TEST = 400, 1000
N_INITIAL, N_QUERIES = 5, 60
ARMS = tuple(name for name, _ in Bandit().strategies)
POLICIES = ("surprise", "thompson", "exp4p", "albl", "tailor", "uniform")

# Data ---------------------------------------------------------------------------


def checkerboard(n_rows, n_columns, seed=0):
    """Squares of two classes, as a chess board has them; 5 % of the labels are wrong.

    The model sees 200 random features of a Gaussian kernel, so that it could learn it.
    """
    rng = np.random.RandomState(seed)
    points = rng.uniform(size=(1400, 2)) * [n_rows, n_columns]
    y = points.astype(int).sum(axis=1) % 2
    y ^= rng.uniform(size=len(y)) < 0.05
    return RBFSampler(gamma=1.0, n_components=200, random_state=seed).fit_transform(
        points
    ), y


def synthetic(n_classes, seed):
    return make_classification(
        1400,
        12,
        n_informative=6,
        n_classes=n_classes,
        n_clusters_per_class=2,
        random_state=seed,
    )


DATA = {
    "digits": lambda: load_digits(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "XOR, 4 by 4": lambda: checkerboard(4, 4),
}
#: What the defaults were chosen on.
OTHERS = {
    "wine": lambda: load_wine(return_X_y=True),
    "synthetic": lambda: synthetic(4, 1),
    "XOR, 3 by 5": lambda: checkerboard(3, 5, seed=7),
}
STRATEGIES = {
    **{name: name for name in ARMS},
    **{f"bandit, {policy}": Bandit(policy=policy) for policy in POLICIES},
}
FIVE = [(name, name) for name in (*ARMS, "uherding")]
#: What the defaults were chosen among.
CANDIDATES = {
    **{name: name for name, _ in FIVE},
    **{
        f"{policy}, {discount}": Bandit(policy=policy, discount=discount)
        for policy in ("surprise", "thompson")
        for discount in (0.95, 0.99)
    },
    "uherding for typiclust": Bandit([FIVE[i] for i in (0, 1, 2, 4)]),
    "five arms": Bandit(FIVE),
    "uniform": Bandit(policy="uniform"),
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


def run(data, strategies, seeds, done, write):
    """Play what is not done yet, seed by seed, so that what there is is paired."""
    loaded = {name: load() for name, load in data.items()}
    for seed in seeds:
        for name, (X, y) in loaded.items():
            rows = split(X, y, seed)
            for word, strategy in strategies.items():
                if (name, word, str(seed)) not in done:
                    area, last = play(strategy, *rows, seed)
                    write([name, word, seed, f"{area:.4f}", f"{last:.4f}"])


def play_all():
    done = {tuple(row[name] for name in NAMES[:3]) for row in read()}
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(NAMES)

        def write(row):
            writer.writerow(row)
            file.flush()

        run(DATA, STRATEGIES, SEEDS, done, write)


def read():
    """Return the rows of the results."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


# The tables ---------------------------------------------------------------------


def areas(rows):
    """Return, for each data set, the areas of each strategy by seed."""
    found: dict[str, dict] = {}
    for row in rows:
        of = found.setdefault(row["data"], {}).setdefault(row["strategy"], {})
        of[row["seed"]] = 100 * float(row["area"])
    return found


def paired(one, other):
    """Return the mean difference over the seeds that both have, and its error."""
    seeds = [seed for seed in one if seed in other]
    gaps = np.array([one[seed] - other[seed] for seed in seeds])
    error = gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.nan
    return gaps.mean(), error


def difference(one, other):
    return "{:+.1f} ± {:.1f}".format(*paired(one, other))


def best_arm(of):
    """Return the arm that was best on average, in hindsight."""
    return max((name for name in of if name in ARMS), key=lambda n: mean(of[n]))


def mean(scores):
    return np.mean([*scores.values()])


def regret(rows, strategies=STRATEGIES):
    """The area of each strategy less that of the best arm in hindsight, in points."""
    found, lines = areas(rows), []
    for strategy in strategies:
        words = [
            difference(of[strategy], of[best_arm(of)]) if strategy in of else ""
            for of in found.values()
        ]
        worst = [mean(of[strategy]) - mean(of[best_arm(of)]) for of in found.values()]
        lines.append([strategy, *words, f"{min(worst):+.1f}"])
    best = (f"{data} ({best_arm(of)})" for data, of in found.items())
    return as_table(["strategy", *best, "worst"], lines)


def over_chance(rows):
    """The area of each strategy less that of random rows, in points."""
    found = areas(rows)
    lines = [
        [name, *(difference(of[name], of["random"]) for of in found.values())]
        for name in STRATEGIES
        if name != "random"
    ]
    return as_table(["strategy", *found], lines)


def seeds(rows):
    """How many seeds there are of each data set."""
    counts = {name: len(of["random"]) for name, of in areas(rows).items()}
    return ", ".join(f"{data}: {n}" for data, n in counts.items())


TABLES = {
    "bandit regret": lambda: regret(read()),
    "bandit random": lambda: over_chance(read()),
}


def tune():
    rows = []
    run(OTHERS, CANDIDATES, range(100, 102), set(), rows.append)
    rows = [dict(zip(NAMES, row, strict=True)) for row in rows]
    print(regret(rows, CANDIDATES))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run", "tune"])
    what = parser.parse_args().what
    if what == "tune":
        tune()
        return
    if what == "run":
        play_all()
    PAGE.write_text(filled(PAGE.read_text("utf-8"), TABLES), "utf-8")


if __name__ == "__main__":
    main()
