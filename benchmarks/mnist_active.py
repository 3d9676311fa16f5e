"""Active learning on MNIST from 20 labels: how many labels 90 % and 95 % take.

    python benchmarks/mnist_active.py run --arms margin --seeds 0 --out results
    python benchmarks/mnist_active.py table results

Each run starts from two labels a class and buys 10 of 20 000 images a round; accuracy
is that of the arm's own model on the 10 000 test images. Images and initial labels
depend on the seed alone, so that arms are compared in pairs. Every (arm, seed) writes a
file of its own, a line a round as it goes. Finished ones are skipped, so runs can be
stopped, taken up again and shared among processes. Nothing is tuned here, and no label
is counted that was not trained on. MNIST is read from the folder that ``SKAL_DATA``
names.
"""

import argparse
import csv
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np

FIELDS = [
    "arm",
    "seed",
    "round",
    "n_labels",
    "accuracy",
    "nll",
    "fit_seconds",
    "query_seconds",
    "spent",
    "bought",
]
#: Models and strategies; a committee is fitted without label smoothing.
ARMS = {
    "random": ("cnn", "random"),
    "margin": ("cnn", "margin"),
    "bald": ("committee", "bald"),
    "batch_bald": ("committee", "batch_bald"),
}
N_DRAWS = 50
N_CANDIDATES = 400
N_POOL = 20_000
PER_CLASS = 2
BATCH = 10
LEVELS = (0.90, 0.95)
#: Labels by which the median run is to have reached a level.
TARGETS = {("margin", 0.90): 60, ("margin", 0.95): 80, ("batch_bald", 0.95): 100}


def model_of(arm):
    from skal.nets import CNNClassifier
    from skal.posterior import MCDropoutCommittee

    kind, _ = ARMS[arm]
    if kind == "committee":
        return MCDropoutCommittee(CNNClassifier(), n_samples=N_DRAWS, dropout="all")
    return CNNClassifier()


def strategy_of(arm):
    from skal.query import BatchBALD, as_strategy

    if arm == "batch_bald":
        return BatchBALD(n_samples=N_DRAWS, n_candidates=N_CANDIDATES)
    return as_strategy(ARMS[arm][1])


def pool_and_start(y, seed):
    """Draw the pool, and in it two rows of each class: of the seed alone."""
    rng = np.random.RandomState(seed)
    pool = rng.permutation(len(y))[:N_POOL]
    of_class = [np.flatnonzero(y[pool] == c) for c in range(10)]
    start = [rng.choice(rows, PER_CLASS, replace=False) for rows in of_class]
    return pool, np.concatenate(start)


def run(arm, seed, n_labels, path):
    """Run one arm from one seed, writing a line a round."""
    from skal import ActiveLearner
    from skal.datasets import fetch_mnist

    X, y = fetch_mnist(return_X_y=True, download_if_missing=False)
    test = fetch_mnist(subset="test", return_X_y=True, download_if_missing=False)
    pool, bought = pool_and_start(y, seed)
    X, y = X[pool], y[pool]
    learner = ActiveLearner(
        model_of(arm), strategy_of(arm), classes=range(10), random_state=seed
    )
    seconds, spent, labeled = 0.0, False, np.zeros(len(y), bool)
    with open(path, "w", newline="") as file:
        lines = csv.DictWriter(file, FIELDS)
        lines.writeheader()
        for round in range(rounds_to(n_labels)):
            if round > 0:
                start = perf_counter()
                bought, spent = query(learner, X, ~labeled)
                seconds = perf_counter() - start
            labeled[bought] = True
            start = perf_counter()
            learner.teach(X[bought], y[bought])
            fitted = perf_counter() - start
            accuracy, nll = measure(learner, *test)
            numbers = {"accuracy": accuracy, "nll": nll}
            numbers |= {"fit_seconds": fitted, "query_seconds": seconds}
            line = {name: f"{value:.4f}" for name, value in numbers.items()}
            line |= {"arm": arm, "seed": seed, "round": round, "spent": int(spent)}
            line["n_labels"] = labeled.sum()
            line["bought"] = " ".join(map(str, pool[bought]))
            lines.writerow(line)
            file.flush()
            print(f"{arm} {seed}: {labeled.sum()} labels, {accuracy:.4f}", flush=True)


def query(learner, X, unlabeled):
    """Ask for a batch; tell too whether a part of it was left to chance."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        indices, _ = learner.query(X, BATCH, candidates=unlabeled)
    return indices, any("draws can tell at most" in str(w.message) for w in caught)


def measure(learner, X, y):
    """Return accuracy and mean negative log-likelihood."""
    proba = learner.predict_proba(X)
    of_truth = np.clip(proba[np.arange(len(y)), y], 1e-12, None)
    return (proba.argmax(axis=1) == y).mean(), -np.log(of_truth).mean()


def rounds_to(n_labels):
    """Count the rounds that reach a number of labels, the first one included."""
    return 1 + -(-(n_labels - 10 * PER_CLASS) // BATCH)


def is_finished(path, n_labels):
    """Tell whether a file holds a whole run; one that was broken off does not."""
    return path.exists() and len(read(path)) >= rounds_to(n_labels)


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run_all(options):
    import torch

    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for arm in options.arms:
            path = options.out / f"{arm}-{seed}.csv"
            if is_finished(path, options.labels):
                print(f"{path} is finished")
            else:
                run(arm, seed, options.labels, path)


def labels_to(lines, level):
    """Return the labels trained on when a level was first reached; inf if never."""
    reached = [
        int(line["n_labels"]) for line in lines if float(line["accuracy"]) >= level
    ]
    return min(reached, default=np.inf)


def table(options):
    """Print the labels that each level took, and the mean accuracy, as markdown."""
    runs = {}
    for path in sorted(options.folder.glob("*.csv")):
        lines = read(path)
        if lines:
            runs[lines[0]["arm"], int(lines[0]["seed"])] = lines
    check_pairs(runs)
    longest = max((len(lines) for lines in runs.values()), default=0)
    for name in [name for name, lines in runs.items() if len(lines) < longest]:
        print(f"left out, not finished: {name} ({len(runs.pop(name))} rounds)\n")
    arms = [arm for arm in ARMS if any(arm == a for a, _ in runs)]
    show_levels(runs, arms)
    show_curves(runs, arms)


def check_pairs(runs):
    """Make sure that every arm of a seed started from the same labels."""
    starts = {}
    for (_, seed), lines in runs.items():
        first = starts.setdefault(seed, lines[0]["bought"])
        assert first == lines[0]["bought"], f"seed {seed} starts from different labels"
    assert len(set(starts.values())) == len(starts), "two seeds start alike"


def show_levels(runs, arms):
    print("| arm | accuracy | labels, seed by seed | median | range | target |")
    print("|---|---|---|---|---|---|")
    for arm in arms:
        for level in LEVELS:
            of_arm = {
                seed: lines for (a, seed), lines in sorted(runs.items()) if a == arm
            }
            last = max(int(lines[-1]["n_labels"]) for lines in of_arm.values())
            counts = [labels_to(lines, level) for lines in of_arm.values()]
            words = [str(c) if np.isfinite(c) else f"> {last}" for c in counts]
            median = np.median(counts) if np.isfinite(counts).any() else np.inf
            target = TARGETS.get((arm, level))
            verdict = ""
            if target is not None:
                verdict = f"{target}: {'ok' if median <= target else 'missed'}"
            ordered = [words[i] for i in np.argsort(counts)]
            print(
                f"| {arm} | {level:.0%} | {', '.join(words)} "
                f"| {f'{median:g}' if np.isfinite(median) else f'> {last}'} "
                f"| {ordered[0]} to {ordered[-1]} | {verdict} |"
            )


def show_curves(runs, arms):
    """Print the mean accuracy over the seeds by number of labels."""
    counts = sorted(
        {int(line["n_labels"]) for lines in runs.values() for line in lines}
    )
    print("\n| labels |", " | ".join(map(str, counts)), "| seconds a round |")
    print("|---" * (len(counts) + 2) + "|")
    for arm in arms:
        lines = [line for (a, _), of_run in runs.items() if a == arm for line in of_run]
        cells = []
        for count in counts:
            at = [float(x["accuracy"]) for x in lines if int(x["n_labels"]) == count]
            cells.append(f"{100 * np.mean(at):.1f}" if at else "")
        seconds = [float(x["fit_seconds"]) + float(x["query_seconds"]) for x in lines]
        print(f"| {arm} |", " | ".join(cells), f"| {np.mean(seconds):.1f} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run", help="run arms from seeds; skip finished ones")
    command.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    command.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    command.add_argument("--labels", type=int, default=120, help="labels to buy up to")
    command.add_argument("--threads", type=int, default=1)
    command.add_argument("--out", type=Path, default=Path("mnist_active"))
    command.set_defaults(function=run_all)
    command = commands.add_parser("table", help="summarise the runs in a folder")
    command.add_argument("folder", type=Path, nargs="?", default=Path("mnist_active"))
    command.set_defaults(function=table)
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
