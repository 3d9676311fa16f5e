"""CIFAR-10 with few labels on the features of a small network that is not trained.

    python examples/papers/frozen_features.py choose       the recipe, on training rows
    python examples/papers/frozen_features.py run [SEEDS]  what results/ lacks, 5 seeds
    python examples/papers/frozen_features.py tails        the same on a long tail

``page.py`` makes tables of the results. ``FrozenBackbone`` takes EfficientNet-lite0
from ``skal[pretrained]``, trained on ImageNet, and ``SKAL_DATA`` names the folder of
CIFAR-10. The pool is 12 000 training images, of which a seed draws 10 000, and the
official test set is scored; the recipe was chosen on 5 000 other training images: 3 000
to draw labels from, 2 000 to score. Features are computed once, in ``--cache``, and
found there again: about ten minutes of one core. Results are written as they come, and
a run that is started again goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import sys
from functools import cache
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.semi_supervised import LabelSpreading

from skal import ActiveLearner
from skal.datasets import fetch_cifar10
from skal.nets import FrozenBackbone
from skal.pseudo import PseudoLabelClassifier

RESULTS = Path(__file__).parent / "results"
RUNS, RECIPE = RESULTS / "frozen_features.csv", RESULTS / "frozen_recipe.csv"
COLUMNS = ["data", "head", "start", "strategy", "seed", "n_labels", "score"]
POOL, CHOICE = slice(12_000), slice(40_000, 45_000)
SIDE, N_COMPONENTS, C = 160, 32, 10
N_POOL, FIRST, BATCH, LAST = 10_000, 20, 30, 200
#: How the first labels are chosen, and how the next.
ARMS = (
    ("random", "random"),
    ("random", "margin"),
    ("random", "badge"),
    ("random", "uherding"),
    ("typiclust", "typiclust"),
    ("max_herding", "uherding"),
    ("typiclust", "uherding"),
)
#: What learns from unlabelled rows too, on rows drawn and on rows asked.
UNLABELED = ("random", "random"), ("typiclust", "typiclust"), ("typiclust", "uherding")
IMBALANCE = 50


# Features -----------------------------------------------------------------------


@cache
def images(subset):
    """Return images and their classes, in an order of our own."""
    X, y = fetch_cifar10(subset=subset, download_if_missing=False, return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return X[order], y[order]


def features(rows, side, folder, subset="train"):
    """Return the features of images, of the size that they are brought to."""
    backbone = FrozenBackbone(resize=side, bfloat16=True, cache=folder, verbose=1)
    X, y = images(subset)
    return backbone.transform(X[rows]), y[rows]


def compact(E, others, n_components=N_COMPONENTS):
    """Return features as principal components of the first, at unit length."""
    steps = make_pipeline(PCA(n_components, random_state=0), Normalizer())
    return steps.fit_transform(E), steps.transform(others)


# The recipe ---------------------------------------------------------------------


def choose(folder):
    """Score logistic regressions on random labels, by size, components and C."""
    with RECIPE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["side", "n_components", "C", "n_labels", "score"])
        for side in (96, 128, 160):
            E, y = features(CHOICE, side, folder)
            for n_components in (32, 64, 128) if side == SIDE else (32,):
                A, B = compact(E[:3000], E[3000:], n_components)
                for C in (3, 10, 30):
                    for n, score in drawn(A, y[:3000], B, y[3000:], C):
                        writer.writerow([side, n_components, C, n, f"{score:.4f}"])


def drawn(E, y, E_test, y_test, C, n_seeds=10):
    """Yield numbers of random labels and the mean accuracy that they give."""
    orders = [
        np.random.RandomState(seed).permutation(len(E)) for seed in range(n_seeds)
    ]
    for n in (20, 50, 200):
        models = [
            LogisticRegression(C=C, max_iter=1000).fit(E[rows[:n]], y[rows[:n]])
            for rows in orders
        ]
        yield n, np.mean([model.score(E_test, y_test) for model in models])


# Runs ---------------------------------------------------------------------------


def heads():
    """Return what predicts: from labels alone, or from unlabelled rows too."""
    linear = LogisticRegression(C=C, max_iter=1000)
    return {
        "logistic": linear,
        "pseudo-labels": PseudoLabelClassifier(
            linear, criterion="k_best", threshold=0.3
        ),
        "spreading": LabelSpreading(kernel="knn", n_neighbors=30),
    }


def plan(n_seeds, data):
    """Yield seeds, and head, start and strategy."""
    groups = [[("logistic", *arm) for arm in ARMS]]
    groups += [[(head, *arm) for arm in UNLABELED] for head in list(heads())[1:]]
    if data == "long tail":
        groups = [[("logistic", *ARMS[i]) for i in (0, 1, 3, 4, 6)]]
    for arms in groups:
        for seed in range(n_seeds):
            for arm in arms:
                yield seed, arm


def long_tail(y, rng):
    """Return positions of which each class has fewer than the one before it."""
    order = rng.permutation(10)  # which classes are rare is drawn
    counts = 300 * IMBALANCE ** (-np.arange(10) / 9)
    return np.concatenate(
        [
            rng.permutation(np.flatnonzero(y == c))[: int(count)]
            for c, count in zip(order, counts, strict=True)
        ]
    )


def run(n_seeds, folder, data):
    """Play everything that is not there yet; write a row for each round."""
    E, y = features(POOL, SIDE, folder)
    E_test, y_test = features(slice(None), SIDE, folder, "test")
    E, E_test = compact(E, E_test)
    done = played_already(RUNS) if RUNS.exists() else set()
    with RUNS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        for seed, arm in plan(n_seeds, data):
            if (data, *arm, seed) in done:
                continue
            rng = np.random.RandomState(seed)
            tail = data == "long tail"
            rows = long_tail(y, rng) if tail else rng.permutation(len(y))[:N_POOL]
            learner = played(E[rows], y[rows], *arm, seed)
            scores = curve(learner, E_test, y_test)
            writer.writerows(
                (data, *arm, seed, FIRST + BATCH * i, f"{score:.4f}")
                for i, score in enumerate(scores)
            )
            file.flush()
            sys.stderr.write(f"{data} {seed} {arm}: {100 * scores[-1]:.1f}\n")


def played(E, y, head, start, strategy, seed):
    """Return the learner after its last label."""
    return ActiveLearner(
        heads()[head],
        strategy,
        initial=start,
        n_initial=FIRST,
        batch_size=BATCH,
        n_labels=LAST,
        use_unlabeled=head != "logistic",
        store_estimators=True,
        classes=range(10),
        random_state=seed,
    ).fit(E, y)


def curve(learner, E, y):
    """Return balanced accuracy after each round: of equal classes, accuracy."""
    return [balanced_accuracy_score(y, said) for said in learner.staged_predict(E)]


def played_already(path):
    """Return the runs that are in the results, whole."""
    with path.open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    last = [row for row in rows if int(row["n_labels"]) == LAST]
    return {(*(row[k] for k in COLUMNS[:4]), int(row["seed"])) for row in last}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["choose", "run", "tails"])
    parser.add_argument("seeds", nargs="?", type=int, default=5)
    parser.add_argument("--cache", default="frozen_features", help="folder of features")
    options = parser.parse_args()
    if options.command == "choose":
        choose(options.cache)
    else:
        data = {"run": "CIFAR-10", "tails": "long tail"}[options.command]
        run(options.seeds, options.cache, data)


if __name__ == "__main__":
    main()
