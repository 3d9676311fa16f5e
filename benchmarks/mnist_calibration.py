"""How honest the probabilities of a small network are, with 100 and 1 000 labels.

Plug-in, MC dropout (every dropout, the last alone), Laplace and an ensemble of five on
the same random labels of MNIST: negative log-likelihood, expected calibration error and
accuracy, on the test set and on 10 000 held-out training images. What is a matter of
choice (which dropout, which structure) was chosen on the latter, never on the test set.

Needs MNIST where ``SKAL_DATA`` points, or a download. Results are appended to a CSV
file, and what it holds already is not computed again, so a long table can be made in
several runs: ``--seconds`` says how long each may take. ``--show`` only prints it.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path
from time import perf_counter

import numpy as np
from common import machine
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from skal.datasets import fetch_mnist
from skal.metrics import expected_calibration_error
from skal.nets import CNNClassifier
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee

N_HELD_OUT = 10_000
COLUMNS = ("labels", "seed", "steps", "method", "fits", "seconds", "images", "nll")
COLUMNS += ("ece", "accuracy")


class Trial:
    """One draw of labels; networks that several methods share are fitted once."""

    def __init__(self, X, y, n_labels, seed, steps):
        rows = np.random.RandomState(seed).permutation(len(X) - N_HELD_OUT)[:n_labels]
        self.X, self.y = X[rows], y[rows]
        self.net = CNNClassifier(max_steps=steps, label_smoothing=0, random_state=seed)
        self.seed = seed
        self.fitted = None

    def one(self):
        """Return the network fitted without label smoothing."""
        if self.fitted is None:
            self.fitted = self.net.fit(self.X, self.y)
        return self.fitted

    def around(self, kind, **params):
        """Return a posterior around the fitted network."""
        posterior = kind(FrozenEstimator(self.one()), random_state=self.seed, **params)
        return posterior.fit(self.X, self.y)


def smoothed(trial):
    net = CNNClassifier(max_steps=trial.net.max_steps, random_state=trial.seed)
    return net.fit(trial.X, trial.y)


def laplace(trial):
    posterior = LaplaceClassifier(trial.net, random_state=trial.seed)
    return posterior.fit(trial.X, trial.y)


def ensemble(trial):
    posterior = EnsembleClassifier(trial.net, random_state=trial.seed)
    return posterior.fit(trial.X, trial.y)


#: Number of fits, and what makes a fitted classifier of a trial.
METHODS = {
    "plug-in": (1, Trial.one),
    "MC dropout, all": (1, lambda t: t.around(MCDropoutCommittee, dropout="all")),
    "MC dropout, last": (1, lambda t: t.around(MCDropoutCommittee, dropout="last")),
    "Laplace": (4, laplace),
    "plug-in, smoothed": (1, smoothed),
    "ensemble of 5": (5, ensemble),
}


def measure(model, X, y):
    proba = model.predict_proba(X)
    return {
        "nll": log_loss(y, proba, labels=model.classes_),
        "ece": expected_calibration_error(y, proba),
        "accuracy": np.mean(model.classes_[proba.argmax(axis=1)] == y),
    }


def run(path, n_labels, seeds, steps, methods, seconds):
    """Append the rows that are missing, for as long as there is time."""
    start = perf_counter()
    X, y = fetch_mnist(return_X_y=True)
    images = {
        "held-out training": (X[-N_HELD_OUT:], y[-N_HELD_OUT:]),
        "test": fetch_mnist(subset="test", return_X_y=True),
    }
    known = {(r["labels"], r["seed"], r["steps"], r["method"]) for r in read(path)}
    for seed in seeds:
        trial = Trial(X, y, n_labels, seed, steps)
        for method in methods:
            key = (str(n_labels), str(seed), str(steps), method)
            if key in known or perf_counter() - start > seconds:
                continue
            began = perf_counter()
            fits, make = METHODS[method]
            model = make(trial)
            row = dict(zip(COLUMNS, (*key, fits), strict=False))
            row["seconds"] = round(perf_counter() - began, 1)
            rows = [
                {**row, "images": name, **measure(model, *pair)}
                for name, pair in images.items()
            ]
            append(path, rows)
            print(rows[0], rows[1]["nll"], flush=True)


def read(path):
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path, rows):
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerows(rows)


def show(path):
    """Print means over seeds as a Markdown table, and how often plug-in is beaten."""
    found = defaultdict(dict)
    for row in read(path):
        where = row["images"], int(row["labels"]), int(row["steps"])
        found[where].setdefault(row["method"], {})[row["seed"]] = row
    print(machine())
    print(
        "\n| images | labels | steps | method | seeds | NLL | ECE | accuracy "
        "| NLL less than plug-in's |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for where, methods in sorted(found.items()):
        plain = methods.get("plug-in", {})
        for method in METHODS:
            rows = methods.get(method)
            if rows:
                print(
                    "| "
                    + " | ".join(map(str, (*where, *summary(method, rows, plain))))
                    + " |"
                )


def summary(method, rows, plain):
    mean = {
        name: np.mean([float(row[name]) for row in rows.values()])
        for name in ("nll", "ece", "accuracy")
    }
    both = [seed for seed in rows if seed in plain]
    better = [float(rows[s]["nll"]) < float(plain[s]["nll"]) for s in both]
    return (
        method,
        len(rows),
        f"{mean['nll']:.3f}",
        f"{mean['ece']:.3f}",
        f"{100 * mean['accuracy']:.1f}",
        f"{sum(better)} of {len(both)}",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--csv", type=Path, default=Path("mnist_calibration.csv"))
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if not options.show:
        run(
            options.csv,
            options.labels,
            options.seeds,
            options.steps,
            options.methods,
            options.seconds,
        )
    show(options.csv)


if __name__ == "__main__":
    main()
