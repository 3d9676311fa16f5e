"""What unlabelled rows do to a network where the pool is not as it should be.

    python examples/papers/unlabeled.py run    play what is not done yet
    python examples/papers/unlabeled.py        the table of the page, from the results

Four pools of MNIST: as it is, with a class that no label has yet, with 30 % foreign
rows, and with a long tail. ``SKAL_DATA`` names the folder of MNIST and of CIFAR-10,
whose grey crops are the foreign rows. A fit takes half a minute on one core.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

import numpy as np
from page import LOOPS, as_table, loop_runs, median_and_range, percent, runs_to
from sklearn.metrics import balanced_accuracy_score

from skal.datasets import fetch_cifar10, fetch_mnist
from skal.nets import CNNClassifier
from skal.pseudo import ConsistencyClassifier

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "unlabeled.csv"
PAGE = HERE.parents[1] / "docs" / "does_it_pay.md"
NAMES = ["pool", "model", "seed", "n_labels", "accuracy", "balanced", "pseudo", "right"]
SEEDS = range(5)
N_POOL = 10_000
#: Labels, at random: as many of each class, or as the pool has them in the long tail.
N_LABELS = 40
N_LABELS_TAIL = 100
HIDDEN_CLASS = 9
FOREIGN = 0.3
IMBALANCE = 50

# Pools --------------------------------------------------------------------------


def digits(rng):
    """Return images, their digits, and positions of labels, a tenth of each digit."""
    X, y = fetch_mnist(download_if_missing=False, return_X_y=True)
    rows = rng.permutation(len(y))[:N_POOL]
    return X[rows], y[rows], per_class(y[rows], N_LABELS // 10, range(10), rng)


def per_class(y, n, classes, rng):
    """Return positions of n rows of each class, at random."""
    return np.concatenate(
        [rng.choice(np.flatnonzero(y == k), n, replace=False) for k in classes]
    )


def as_it_is(rng):
    """The pool of which the others are changes."""
    return digits(rng)


def new_class(rng):
    """No nine has a label yet, and a tenth of the pool are nines."""
    X, y, labeled = digits(rng)
    return X, y, labeled[y[labeled] != HIDDEN_CLASS]


def foreign(rng):
    """Three rows in ten show no digit, but a grey crop of a photograph."""
    X, y, labeled = digits(rng)
    photos, _ = fetch_cifar10(download_if_missing=False, return_X_y=True)
    rows = np.setdiff1d(np.arange(N_POOL), labeled)
    rows = rng.choice(rows, int(FOREIGN * N_POOL), replace=False)
    X, y = X.copy(), y.copy()
    X[rows] = grey_crops(photos[rng.permutation(len(photos))[: len(rows)]])
    y[rows] = -1
    return X, y, labeled


def grey_crops(photos):
    """Return the middle of photographs, (n, 28, 28), without colour."""
    axis = 1 if photos.shape[1] == 3 else 3
    return photos.mean(axis=axis)[:, 2:30, 2:30].astype(np.uint8)


def long_tail(rng):
    """Digits from 2 700 down to 54, in a random order, and labels as they come.

    Each class has a label at least, or nothing could be said of it.
    """
    X, y = fetch_mnist(download_if_missing=False, return_X_y=True)
    sizes = (2_700 * IMBALANCE ** (-np.arange(10) / 9)).astype(int)
    rows = [
        rng.choice(np.flatnonzero(y == k), n, replace=False)
        for k, n in zip(rng.permutation(10), sizes, strict=True)
    ]
    rows = rng.permutation(np.concatenate(rows))
    X, y = X[rows], y[rows]
    one = per_class(y, 1, range(10), rng)
    others = rng.permutation(np.setdiff1d(np.arange(len(y)), one))
    return X, y, np.append(one, others[: N_LABELS_TAIL - len(one)])


POOLS = {
    "as it is": as_it_is,
    "a class without a label": new_class,
    "30 % foreign rows": foreign,
    "long tail": long_tail,
}

# Models -------------------------------------------------------------------------


def network(seed):
    """Return the network that all share."""
    return CNNClassifier(
        channels=(16, 32, 64),
        dropout=0.25,
        mixed_precision=True,
        bfloat16=True,
        label_smoothing=0.05,
        max_steps=1200,
        random_state=seed,
    )


def consistency(seed, shares, align):
    """Return the model with unlabelled rows, told how often classes come, or not."""
    align = shares if align == "the truth" else align
    return ConsistencyClassifier(
        network(seed), align=align, delay=0.1, ramp=0.2, random_state=seed
    )


#: Each by the seed, and the true shares of the classes in the pool that have a label.
MODELS = {
    "labels alone": lambda seed, _: network(seed),
    "aligned to equal classes": lambda seed, shares: consistency(
        seed, shares, "uniform"
    ),
    "aligned to the labels": lambda seed, shares: consistency(seed, shares, "labels"),
    "not aligned": lambda seed, shares: consistency(seed, shares, None),
    "aligned to the truth": lambda seed, shares: consistency(seed, shares, "the truth"),
}
#: Where alignment to the labels or to the truth is the same as to equal classes.
SAME = {
    (pool, f"aligned to the {what}")
    for pool in POOLS
    for what in ("labels", "truth")
    if pool != "long tail"
}

# Runs ---------------------------------------------------------------------------


def play(pool, model, seed):
    """Return what a model is worth after a fit: a row of the results."""
    X, y, labeled = POOLS[pool](np.random.RandomState(seed))
    X_test, y_test = fetch_mnist(
        subset="test", download_if_missing=False, return_X_y=True
    )
    classes = np.unique(y[labeled])
    known = np.isin(y_test, classes)  # nobody can tell what has no label yet
    counts = np.bincount(y[y >= 0], minlength=10)[classes]
    fitted = MODELS[model](seed, counts / counts.sum())
    pseudo = right = ""
    if model == "labels alone":
        fitted.fit(X[labeled], y[labeled])
    else:
        partial = np.full(len(y), -1)
        partial[labeled] = y[labeled]
        fitted.fit(X, partial)
        given = fitted.labeled_iter_ == 1
        pseudo = f"{given.sum() / (partial < 0).sum():.4f}"
        right = f"{np.sum(fitted.pseudo_labels_[given] == y[given]) / given.sum():.4f}"
    told = fitted.predict(X_test[known])
    accuracy = np.mean(told == y_test[known])
    balanced = balanced_accuracy_score(y_test[known], told)
    scores = [f"{accuracy:.4f}", f"{balanced:.4f}", pseudo, right]
    return [pool, model, seed, len(labeled), *scores]


def run(n_seeds):
    """Play what is not done yet, seed by seed."""
    done = {(row["pool"], row["model"], row["seed"]) for row in read()}
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(NAMES)
        for seed in SEEDS[:n_seeds]:
            for pool in POOLS:
                for model in MODELS:
                    if (pool, model) in SAME or (pool, model, str(seed)) in done:
                        continue
                    writer.writerow(play(pool, model, seed))
                    file.flush()


def read():
    """Return the rows of the results."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


# The table ----------------------------------------------------------------------


def by_pool():
    """Balanced accuracy by pool and model, and what became of unlabelled rows."""
    found = {}
    for row in read():
        found.setdefault((row["pool"], row["model"]), []).append(row)
    lines = []
    for pool in POOLS:
        for model in MODELS:
            rows = found.get((pool, model), [])
            if not rows:
                continue
            scores = 100 * np.array([float(row["balanced"]) for row in rows])
            spread = f"{scores.mean():.1f} [{scores.min():.1f}-{scores.max():.1f}]"
            shares = [
                "" if not rows[0][name] else f"{mean_of(rows, name):.1f}"
                for name in ("pseudo", "right")
            ]
            lines.append([pool, model, rows[0]["n_labels"], len(rows), spread, *shares])
    header = ["pool", "model", "labels", "seeds", "balanced accuracy"]
    return as_table([*header, "% with a pseudo-label", "% of these right"], lines)


def mean_of(rows, name):
    return 100 * np.mean([float(row[name]) for row in rows])


#: Loops with unlabelled rows, and those of the same networks without.
TWO, TWO_ALONE, ONE, ONE_ALONE, _ = LOOPS
LEVELS = (0.95, 0.97, 0.98, 0.985, 0.99)


def labels_to(last):
    """Labels to each level, of the seeds that went to the last number of labels."""
    lines = []
    for loop in LOOPS:
        runs = runs_to(loop, last)
        if not runs:
            continue
        reached = [
            [min(counts[scores >= level], default=np.inf) for counts, scores in runs]
            for level in LEVELS
        ]
        cells = [median_and_range(np.array(one), last) for one in reached]
        lines.append([loop, len(runs), *cells])
    return as_table(["rows", "seeds", *(f"{100 * v:g} %" for v in LEVELS)], lines)


def by_labels(counts=(20, 30, 40, 60, 80, 100, 150, 200, 250)):
    """Mean accuracy by labels, and that of the worst seed."""
    lines = []
    for loop in LOOPS:
        cells = []
        for count in counts:
            at = [
                float(s[c == count][0])
                for c, s in loop_runs(loop).values()
                if count in c
            ]
            cells.append(f"{percent(np.mean(at))} ({percent(min(at))})" if at else "")
        lines.append([loop, *cells])
    return as_table(["rows", *counts], lines)


def gaps(asked, labels_alone):
    """What unlabelled rows add to a network's own loop, in points, by labels."""
    alone, found = loop_runs(labels_alone), {}
    for seed, (counts, scores) in loop_runs(asked).items():
        if seed not in alone:
            continue
        others = dict(zip(*alone[seed], strict=True))
        for count, score in zip(counts, scores, strict=True):
            found.setdefault(int(count), []).append(100 * (score - others[count]))
    lines = [
        ["mean", *(f"{np.mean(found[n]):+.1f}" for n in sorted(found))],
        ["worst seed", *(f"{min(found[n]):+.1f}" for n in sorted(found))],
    ]
    return as_table(["points more", *sorted(found)], lines)


TABLES = {
    "to 80": lambda: labels_to(80),
    "to 250": lambda: labels_to(250),
    "by labels": by_labels,
    "gaps of two": lambda: gaps(TWO, TWO_ALONE),
    "gaps of one": lambda: gaps(ONE, ONE_ALONE),
    "pools": by_pool,
}


def filled(page):
    """Return the page with its tables of unlabelled rows written anew; others stay."""

    def table(match):
        words = TABLES[match[1]]()
        return f"<!-- unlabeled: {match[1]} -->\n\n{words}\n\n<!-- end -->"

    pattern = r"<!-- unlabeled: (.+?) -->.*?<!-- end -->"
    return re.sub(pattern, table, page, flags=re.DOTALL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run"])
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    given = parser.parse_args()
    if given.what == "run":
        run(given.seeds)
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
