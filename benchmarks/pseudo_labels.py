r"""Do pseudo-labels help? Accuracy at equal labels, with them and without.

Every arm is run from the same seeds on the same splits, so differences are paired: an
arm and "plain" start from the same labels. With random queries they have the same
labels throughout; with margin queries each model asks for its own.

    python pseudo_labels.py run --model logistic --seeds 10
    python pseudo_labels.py run --model mlp --seeds 10
    SKAL_DATA=... python pseudo_labels.py run --model cnn --data mnist --seeds 3 \
        --query random --labels 50 --steps 500 \
        --arms plain "proba .95" "half of all, weight .3"
    python pseudo_labels.py summary

Each (arm, seed) is written to a CSV file when it is done, and not run again.
"""

import argparse
import csv
from pathlib import Path
from time import perf_counter

import numpy as np
from common import show
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skal import ActiveLearner
from skal.pseudo import PseudoLabelClassifier

FIELDS = (
    "data",
    "model",
    "query",
    "arm",
    "seed",
    "n_labels",
    "accuracy",
    "n_pseudo",
    "pseudo_accuracy",
)
ARMS = {
    "plain": None,
    "proba .95": {"threshold": 0.95},
    "proba .95, calibrated": {"threshold": 0.95, "calibrate": "temperature"},
    "proba .8": {"threshold": 0.8},
    "proba .8, 20 a class": {"threshold": 0.8, "per_class_cap": 20},
    "entropy .05, decay": {"criterion": "entropy", "threshold": 0.05, "decay": 1e-4},
    "half of all, weight .3": {
        "criterion": "k_best",
        "threshold": 0.5,
        "weight": 0.3,
    },
}
QUERIES = ("random", "margin")
SHOWN = (20, 50, 110, 200)


def model_named(name, steps):
    """Return an unfitted model."""
    if name == "logistic":
        return LogisticRegression(C=10, max_iter=1000)
    if name == "mlp":
        return MLPClassifier((64,), alpha=1e-2, solver="lbfgs", max_iter=500)
    from skal.nets import CNNClassifier

    return CNNClassifier(max_steps=steps)


def load(data, seed):
    """Return X_train, X_test, y_train, y_test."""
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        return train_test_split(X / 16, y, test_size=0.4, stratify=y, random_state=seed)
    from skal.datasets import fetch_mnist

    X, y = fetch_mnist(subset="train", return_X_y=True)
    some = np.random.RandomState(seed).choice(len(y), 3000, replace=False)
    X_test, y_test = fetch_mnist(subset="test", return_X_y=True)
    return X[some], X_test, y[some], y_test


def run_one(args, query, arm, seed):
    """Simulate one run; return a row of the file for each round."""
    X, X_test, y, y_test = load(args.data, seed)
    model = model_named(args.model, args.steps)
    if ARMS[arm] is not None:
        model = PseudoLabelClassifier(model, **ARMS[arm])
    learner = ActiveLearner(
        model,
        query,
        n_labels=args.labels,
        n_initial=SHOWN[0],
        batch_size=30,
        initial="stratified",
        use_unlabeled=ARMS[arm] is not None,
        store_estimators=True,
        random_state=seed,
    ).fit(X, y)
    history, n_rounds = learner.history_, learner.n_iter_ + 1
    return [
        (args.data, args.model, query, arm, seed, *row)
        for row in zip(
            history["n_labels"],
            learner.staged_score(X_test, y_test),
            history.get("n_pseudo_labeled", np.zeros(n_rounds, int)),
            history.get("pseudo_accuracy", np.full(n_rounds, np.nan)),
            strict=True,
        )
    ]


def run(args):
    """Run what the file does not hold yet."""
    done = {tuple(row[field] for field in FIELDS[:5]) for row in read(args.file)}
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for query in args.query:
            for arm in args.arms:
                if (args.data, args.model, query, arm, str(seed)) in done:
                    continue
                start = perf_counter()
                rows = run_one(args, query, arm, seed)
                write(args.file, rows)
                seconds = perf_counter() - start
                print(f"seed {seed} {query} {arm}: {seconds:.1f} s", flush=True)


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
    """Print the paired differences to "plain" of every model and query."""
    rows = read(args.file)
    settings = sorted({(r["data"], r["model"], r["query"]) for r in rows})
    for setting in settings:
        mine = [r for r in rows if (r["data"], r["model"], r["query"]) == setting]
        table = {(r["arm"], r["seed"], int(r["n_labels"])): r for r in mine}
        seeds = sorted({seed for arm, seed, _ in table if arm == "plain"}, key=int)
        title = "{}, {}, {} queries: % accuracy, then gains in points".format(*setting)
        shown = [n for n in SHOWN if any(n == count for _, _, count in table)]
        columns = ("arm", *(f"{n} labels" for n in shown), "pseudo-labels at 50, right")
        arms = [arm for arm in ARMS if any(arm == name for name, _, _ in table)]
        body = [line(arm, table, seeds, shown) for arm in arms]
        show(f"{title} (mean +- standard error of {len(seeds)} seeds)", columns, body)


def line(arm, table, seeds, shown):
    """Return one row of a summary."""
    cells = [arm]
    for n in shown:
        pairs = [
            [100 * float(table[name, seed, n]["accuracy"]) for name in ("plain", arm)]
            for seed in seeds
            if (arm, seed, n) in table and ("plain", seed, n) in table
        ]
        plain, mine = np.array(pairs).T
        values = plain if arm == "plain" else mine - plain
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
        sign = "" if arm == "plain" else "+"
        cells.append(f"{values.mean():{sign}.1f} +- {error:.1f}")
    at_50 = [table[arm, seed, 50] for seed in seeds if (arm, seed, 50) in table]
    count = np.mean([int(r["n_pseudo"]) for r in at_50])
    right = [float(r["pseudo_accuracy"]) for r in at_50 if int(r["n_pseudo"])]
    cells.append(f"{count:.0f}, {100 * np.mean(right):.1f} %" if right else "-")
    return cells


def main():
    """Run or summarise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=["run", "summary"])
    parser.add_argument(
        "--model", choices=["logistic", "mlp", "cnn"], default="logistic"
    )
    parser.add_argument("--data", choices=["digits", "mnist"], default="digits")
    parser.add_argument("--query", nargs="+", choices=QUERIES, default=QUERIES)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--labels", type=int, default=SHOWN[-1])
    parser.add_argument("--steps", type=int, help="of a net; None: its default")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--file", type=Path, default=Path("pseudo_labels.csv"))
    args = parser.parse_args()
    {"run": run, "summary": summary}[args.command](args)


if __name__ == "__main__":
    main()
