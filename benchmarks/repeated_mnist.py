"""Repeated MNIST: what batches of BALD lose to copies, and what wins it back.

Every image stands in the pool three times, with a little noise on each copy. The best
of a score then come in threes: batches of BALD are said to do worse than random ones,
and those of BatchBALD not to suffer (Kirsch, van Amersfoort, Gal 2019,
arXiv:1906.08158). Here the wrappers StochasticBatch and DiverseBatch are held against
both. Arms with the same seed share the pool, the first 20 labels and their model.

    SKAL_DATA=... python repeated_mnist.py run --arm "BALD" --seed 0
    python repeated_mnist.py summary

One (arm, seed) a call, appended to a CSV file; one that is there is not run again.
"""

import argparse
import csv
from pathlib import Path
from time import perf_counter

import numpy as np
from common import show

from skal import ActiveLearner
from skal.datasets import fetch_mnist
from skal.nets import CNNClassifier
from skal.posterior import MCDropoutCommittee
from skal.query import BALD, BatchBALD, DiverseBatch, RandomSampling, StochasticBatch

FIELDS = ("arm", "seed", "n_labels", "accuracy", "n_images", "query_time", "fit_time")
ARMS = {
    "random": RandomSampling(),
    "BALD": BALD(),
    "BatchBALD": BatchBALD(),
    "StochasticBatch(BALD)": StochasticBatch(BALD()),
    "DiverseBatch(BALD)": DiverseBatch(BALD()),
    "DiverseBatch(BALD, mmr)": DiverseBatch(BALD(), method="mmr"),
}
N_COPIES = 3
NOISE = 0.1
GOALS = (0.90, 0.95)


def repeated(n_images, seed):
    """Draw images; return each three times with noise, their labels and numbers."""
    X, y = fetch_mnist(subset="train", return_X_y=True)
    rng = np.random.RandomState(seed)
    drawn = np.repeat(rng.choice(len(y), n_images, replace=False), N_COPIES)
    drawn = rng.permutation(drawn)
    pool = X[drawn].astype(np.float32) / 255
    pool += NOISE * rng.standard_normal(pool.shape).astype(np.float32)
    return pool, y[drawn], drawn


def run(args):
    """Simulate one run and append a row for each of its rounds."""
    done = {(row["arm"], int(row["seed"])) for row in read(args.file)}
    if (args.arm, args.seed) in done:
        print(f"{args.file} holds {args.arm} of seed {args.seed}.")
        return
    start = perf_counter()
    X, y, image = repeated(args.images, args.seed)
    X_test, y_test = fetch_mnist(subset="test", return_X_y=True)
    X_test = X_test[: args.test].astype(np.float32) / 255
    learner = ActiveLearner(
        MCDropoutCommittee(CNNClassifier(max_steps=args.steps), n_samples=args.samples),
        ARMS[args.arm],
        n_labels=args.labels,
        n_initial=20,
        initial="stratified",
        batch_size=10,
        store_estimators=True,
        random_state=args.seed,
    ).fit(X, y)
    history = learner.history_
    bought = np.cumsum([len(indices) for indices in history["indices"]])
    order = np.concatenate(history["indices"])
    rows = [
        (args.arm, args.seed, n, accuracy, len(np.unique(image[order[:n]])), *times)
        for n, accuracy, *times in zip(
            bought,
            learner.staged_score(X_test, y_test[: args.test]),
            history["query_time"].round(3),
            history["fit_time"].round(3),
            strict=True,
        )
    ]
    write(args.file, rows)
    print(f"{args.arm}, seed {args.seed}: {perf_counter() - start:.0f} s")


def read(path):
    """Return the rows of the file, none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    """Append rows, under a header where the file is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(FIELDS)
        writer.writerows(rows)


def summary(args):
    """Print labels to reach the goals, accuracies, and how many images were bought."""
    rows = read(args.file)
    counts = [50, 100, 200, 300]
    last = max((int(row["n_labels"]) for row in rows), default=0)
    shown = [n for n in counts if n <= last] or [last]
    body = []
    for arm in ARMS:
        mine = [row for row in rows if row["arm"] == arm]
        seeds = sorted({row["seed"] for row in mine}, key=int)
        if not seeds:
            continue
        runs = [
            {int(r["n_labels"]): r for r in mine if r["seed"] == seed} for seed in seeds
        ]
        body.append(
            [
                f"{arm} ({len(seeds)} seeds)",
                *(reached(runs, goal) for goal in GOALS),
                *(spread(runs, n, "accuracy", 100) for n in shown),
                spread(runs, last, "n_images", 1),
                spread(runs, last, "query_time", 1),
            ]
        )
    columns = (
        "arm",
        *(f"labels to {goal:.0%}" for goal in GOALS),
        *(f"% at {n}" for n in shown),
        f"images in {last}",
        "query s",
    )
    show("Repeated MNIST, mean +- standard error of the seeds", columns, body)


def reached(runs, goal):
    """Return the labels with which each run first reached a goal, their median."""
    firsts = [
        min((n for n, r in run.items() if float(r["accuracy"]) >= goal), default=np.inf)
        for run in runs
    ]
    return f"{np.median(firsts):.0f} [{min(firsts):.0f}-{max(firsts):.0f}]"


def spread(runs, n, field, factor):
    """Return mean and standard error of a field at n labels."""
    values = factor * np.array([float(run[n][field]) for run in runs if n in run])
    if len(values) < 2:
        return f"{values.mean():.1f}"
    return f"{values.mean():.1f} +- {values.std(ddof=1) / np.sqrt(len(values)):.1f}"


def main():
    """Run or summarise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=["run", "summary"])
    parser.add_argument("--arm", choices=ARMS, default="BALD")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=10_000, help="before repetition")
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--labels", type=int, default=300)
    parser.add_argument("--samples", type=int, default=50, help="draws of dropout")
    parser.add_argument("--steps", type=int, help="of each fit; None: the default")
    parser.add_argument("--file", type=Path, default=Path("repeated_mnist.csv"))
    args = parser.parse_args()
    {"run": run, "summary": summary}[args.command](args)


if __name__ == "__main__":
    main()
