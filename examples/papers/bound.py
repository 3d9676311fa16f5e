"""How much of what labels could give do strategies get: beside the oracle's bound.

    python examples/papers/bound.py run FOLDER   run everything, or go on
    python examples/papers/bound.py              the table and the picture

``run`` keeps its runs in FOLDER and writes results/bound.csv; ``SKAL_DATA`` names the
folder of MNIST. Three feature sets of 1000 rows to pick from, logistic regression, 20
labels by class and four batches of 15, five paired seeds. The oracle tries 100 batches
a round, the first of random, margin and uherding; refine, whose batches are slow, runs
beside.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from groups import IMAGES, RESULTS, digits, docstrings
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skal.datasets import fetch_mnist
from skal.experiment import Experiment
from skal.plotting import LabelCurveDisplay

BOUND = RESULTS.with_name("bound.csv")
COLUMNS = ["data", "strategy", "seed", "n_labels", "accuracy"]
STRATEGIES = ["random", "margin", "uherding", "refine", "oracle"]


def mnist(n_rows=4000):
    """MNIST as 64 principal components, rows of length 1."""
    images, y = fetch_mnist(download_if_missing=False, return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(y))[:n_rows]
    pixels = images[rows].reshape(n_rows, -1) / 255
    features = make_pipeline(PCA(64, random_state=0), Normalizer())
    return features.fit_transform(pixels), y[rows]


def run(folder):
    """Run seed by seed, so that what is there when it is stopped is whole."""
    data = {"digits": digits(), "mnist": mnist(), "docstrings": docstrings()}
    frames = []
    for seed in range(5):
        for strategies, oracle in ((STRATEGIES[:3], 100), (["refine"], False)):
            experiment = Experiment(
                LogisticRegression(C=10, max_iter=300),
                strategies,
                data,
                n_labels=80,
                n_initial=20,
                batch_size=15,
                initial="stratified",
                pool_size=1000,
                seeds=[seed],
                metrics=["accuracy"],
                oracle=oracle,
            )
            name = "oracle" if oracle else "refine"
            frames.append(experiment.run(Path(folder) / f"{name}{seed}").frame[COLUMNS])
        pd.concat(frames).round(4).to_csv(BOUND, index=False, lineterminator="\n")


def areas(frame):
    """Return {(data, strategy): mean accuracy over the budget of each seed}."""
    return {
        key: one.pivot_table(index="seed", columns="n_labels", values="accuracy")
        .apply(lambda row: np.trapezoid(row, row.index) / np.ptp(row.index), axis=1)
        .to_numpy()
        for key, one in frame.groupby(["data", "strategy"])
    }


def tables(frame):
    """Print mean accuracies, the share of the attainable gain, and refine's gain."""
    found, say = areas(frame), sys.stdout.write
    say("| data | strategy | accuracy over the budget | share of attainable gain |\n")
    say("| --- | --- | --- | --- |\n")
    for data in frame["data"].unique():
        base = found[data, "random"].mean()
        most = found[data, "oracle"].mean() - base
        for name in STRATEGIES:
            area = found[data, name].mean()
            share = f"{100 * (area - base) / most:.0f} %"
            say(f"| {data} | {name} | {area:.3f} | {share} |\n")
    for data in frame["data"].unique():
        for name, other in (("refine", "uherding"), ("oracle", "uherding")):
            gain = found[data, name] - found[data, other]
            said = " ".join(f"{one:+.3f}" for one in gain)
            say(f"{data}: {name} - {other} {gain.mean():+.4f} (seeds: {said})\n")


def figure(frame):
    """Labels against accuracy, a panel for each data set, the bound dashed."""
    names = frame["data"].unique()
    drawn = Figure(figsize=(4.6 * len(names), 3.8), layout="constrained")
    for ax, data in zip(np.ravel(drawn.subplots(1, len(names))), names, strict=True):
        curves = {}
        for name in STRATEGIES[:-1]:
            curves[name] = curve_of(frame, data, name)
        counts, runs = curve_of(frame, data, "oracle")
        ax.plot(counts, np.mean(runs, axis=0), "k--", lw=2, label="oracle")
        LabelCurveDisplay.from_history(
            curves, score_name="accuracy", baseline="random", band=None, ax=ax
        )
        ax.legend(frameon=False, loc="lower right")
        ax.set_title(data, loc="left")
    return drawn


def curve_of(frame, data, strategy):
    """Return numbers of labels, and the scores of each seed."""
    one = frame[(frame["data"] == data) & (frame["strategy"] == strategy)]
    table = one.pivot_table(index="seed", columns="n_labels", values="accuracy")
    return table.columns.to_numpy(), table.to_numpy()


def main():
    if sys.argv[1:2] == ["run"]:
        run(sys.argv[2])
    frame = pd.read_csv(BOUND)
    tables(frame)
    figure(frame).savefig(IMAGES / "papers" / "bound.png", dpi=100)


if __name__ == "__main__":
    main()
