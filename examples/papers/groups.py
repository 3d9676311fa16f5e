"""How many answers groups take: pairs that are chosen, beside three other ways.

    python examples/papers/groups.py run      fit everything, into results/groups.csv
    python examples/papers/groups.py          tables and pictures, from the results

``SKAL_DATA`` names the folder of MNIST; without it MNIST is left out. The texts are the
docstrings of SciPy and scikit-learn, grouped by the module that they come from: 20
groups that everybody has who has these packages.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import os
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score, pairwise_distances_argmin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skal.cluster import ActiveClusterer
from skal.datasets import fetch_mnist
from skal.metrics import answers_to_reach
from skal.plotting import LabelCurveDisplay, plot_groups

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "groups.csv"
IMAGES = HERE.parents[1] / "docs" / "images"
SEEDS = range(4)
#: Super-instances: a budget can tell one from the others with about two answers.
SIZES = (50, 100)
SCIPY = (
    "cluster fft integrate interpolate linalg ndimage optimize signal sparse spatial \
special stats"
)
SKLEARN = "datasets decomposition ensemble feature_extraction linear_model metrics \
preprocessing svm"


# Data ---------------------------------------------------------------------------


def digits():
    """The 1 797 handwritten digits of scikit-learn."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def mnist(n_rows=4000):
    """Images of MNIST, as 50 principal components of their pixels."""
    images, y = fetch_mnist(download_if_missing=False, return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(y))[:n_rows]
    pixels = images[rows].reshape(n_rows, -1) / 255
    return PCA(50, random_state=0).fit_transform(pixels), y[rows]


def docstrings():
    """What functions and classes of 20 modules say of themselves, as 50 components."""
    texts, y = [], []
    names = [f"scipy.{name}" for name in SCIPY.split()]
    names += [f"sklearn.{name}" for name in SKLEARN.split()]
    for group, name in enumerate(names):
        module = import_module(name)
        for word in module.__all__:
            said = inspect.getdoc(getattr(module, word, None)) or ""
            if len(said) > 200 and said not in texts:
                texts.append(said)
                y.append(group)
    embedding = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=3),
        TruncatedSVD(50, random_state=0),
        Normalizer(),
    )
    return embedding.fit_transform(texts), np.array(y)


def data_sets():
    named = {"digits": digits, "docstrings": docstrings}
    if "SKAL_DATA" in os.environ:
        named["mnist"] = mnist
    return named


# Ways ---------------------------------------------------------------------------


def by_pairs(strategy):
    """Ask until everything is known, with so many super-instances."""

    def ask(X, y, n_items, seed):
        clusterer = ActiveClusterer(
            query_strategy=strategy,
            n_super_instances=n_items,
            n_queries=4 * n_items,
            random_state=seed,
        ).fit(X, y)
        staged = [adjusted_rand_score(y, one) for one in clusterer.staged_labels()]
        return [0, *clusterer.history_["n_queries"]], staged

    return ask


def by_names(X, y, n_items, seed):
    """Let a person name one row of each super-instance: a name is an answer."""
    kmeans = KMeans(n_items, n_init=1, random_state=seed).fit(X)
    named = pairwise_distances_argmin(kmeans.cluster_centers_, X)
    order = np.random.RandomState(seed).permutation(n_items)
    counts = np.unique(np.linspace(1, n_items, 25).astype(int))
    scores = []
    for count in counts:
        known = order[:count]
        nearest = pairwise_distances_argmin(
            kmeans.cluster_centers_, kmeans.cluster_centers_[known]
        )
        scores.append(adjusted_rand_score(y, y[named[known]][nearest][kmeans.labels_]))
    return counts, scores


WAYS = {
    "neighbourhood": by_pairs("neighbourhood"),
    "entropy": by_pairs("entropy"),
    "random pairs": by_pairs("uniform"),
    "names": by_names,
}


def run(n_points=60):
    """Fit everything; write a row for each point of each curve."""
    rows = []
    for data, load in data_sets().items():
        X, y = load()
        n_groups = len(np.unique(y))
        for seed in SEEDS:
            labels = KMeans(n_groups, n_init=4, random_state=seed).fit_predict(X)
            score = adjusted_rand_score(y, labels)
            rows.append((data, "k-means", 0, seed, 0, f"{score:.4f}"))
            for n_items in SIZES:
                for way, ask in WAYS.items():
                    counts, scores = ask(X, y, n_items, seed)
                    kept = np.linspace(0, len(counts) - 1, n_points).astype(int)
                    rows += [
                        (data, way, n_items, seed, counts[i], f"{scores[i]:.4f}")
                        for i in np.unique(kept)
                    ]
                    sys.stderr.write(
                        f"{data} {seed} {n_items} {way}: {scores[-1]:.3f}\n"
                    )
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "way", "n_super_instances", "seed", "answers", "ari"])
        writer.writerows(rows)


# Tables and pictures --------------------------------------------------------------


def read():
    """Return {(data, way, n_super_instances): [(answers, scores) of each seed]}."""
    with RESULTS.open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    curves: dict[tuple, dict] = {}
    for row in rows:
        key = row["data"], row["way"], int(row["n_super_instances"])
        run_ = curves.setdefault(key, {}).setdefault(row["seed"], ([], []))
        run_[0].append(int(row["answers"]))
        run_[1].append(float(row["ari"]))
    return {key: [*runs.values()] for key, runs in curves.items()}


def tables(curves):
    """Print where each way ends, and the answers to some scores on the way."""
    say = sys.stdout.write
    for data in dict.fromkeys(key[0] for key in curves):
        kmeans = np.mean([scores[-1] for _, scores in curves[data, "k-means", 0]])
        say(f"\n{data}: k-means {kmeans:.2f}\n\n")
        say("| way | super-instances | answers | ARI | to .7 | to .8 | to .9 |\n")
        say("| --- | --- | --- | --- | --- | --- | --- |\n")
        for (of, way, n_items), runs in curves.items():
            if of != data or n_items == 0:
                continue
            last = np.mean([counts[-1] for counts, _ in runs])
            score = np.mean([scores[-1] for _, scores in runs])
            to = np.median(
                [answers_to_reach(*one, [0.7, 0.8, 0.9]) for one in runs], axis=0
            )
            words = " | ".join(f"{n:.0f}" if np.isfinite(n) else "never" for n in to)
            say(f"| {way} | {n_items} | {last:.0f} | {score:.2f} | {words} |\n")


def figure_curves(curves, n_items=100):
    """Answers against ARI, a panel for each data set."""
    names = list(dict.fromkeys(key[0] for key in curves))
    figure = Figure(figsize=(4.6 * len(names), 3.8), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True)
    for ax, data in zip(axes, names, strict=True):
        kmeans = np.mean([scores[-1] for _, scores in curves[data, "k-means", 0]])
        drawn = {way: as_runs(curves[data, way, n_items]) for way in WAYS}
        LabelCurveDisplay.from_history(
            drawn,
            score_name="adjusted Rand index",
            count_name="answers",
            baseline="random pairs",
            band="range",
            ax=ax,
        )
        ax.axhline(kmeans, color="0.3", lw=1, ls=(0, (4, 2)))
        ax.annotate(
            "k-means",
            (1, kmeans),
            (-4, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize="small",
        )
        ax.set_title(f"{data}, {n_items} super-instances", loc="left")
    return figure


def as_runs(runs):
    """Continue each run at its last score to where the longest ends."""
    last = max(counts[-1] for counts, _ in runs)
    counts = [[*c, last] if c[-1] < last else c for c, _ in runs]
    scores = [
        [*s, s[-1]] if len(s) < len(c) else s
        for (_, s), c in zip(runs, counts, strict=True)
    ]
    return counts, scores


def figure_groups():
    """The digits, grouped by digit and by parity, in t-SNE's plane."""
    from sklearn.manifold import TSNE

    X, y = digits()
    points = TSNE(init="pca", random_state=0).fit_transform(X)
    figure = Figure(figsize=(12.8, 3.4), layout="constrained")
    clusterer = ActiveClusterer(n_queries=200, random_state=0).fit(X, y)
    plot_groups(clusterer, points, axes=figure.subplots(1, 4))
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run", "show"], default="show")
    if parser.parse_args().what == "run":
        run()
    curves = read()
    tables(curves)
    figure_curves(curves).savefig(IMAGES / "papers" / "groups.png", dpi=100)
    figure_groups().savefig(IMAGES / "groups.png", dpi=100)


if __name__ == "__main__":
    main()
