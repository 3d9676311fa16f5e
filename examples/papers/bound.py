"""How much of what labels could give do strategies get: beside the oracle's bound.

    python examples/papers/bound.py FOLDER     run everything, or go on

``SKAL_DATA`` names the folder of MNIST. Three feature sets, logistic regression, 20
labels and six batches of 10, five paired seeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from groups import digits, docstrings
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skal.datasets import fetch_mnist
from skal.experiment import Experiment


def mnist(n_rows=4000):
    """MNIST as 64 principal components, rows of length 1."""
    images, y = fetch_mnist(download_if_missing=False, return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(y))[:n_rows]
    pixels = images[rows].reshape(n_rows, -1) / 255
    features = make_pipeline(PCA(64, random_state=0), Normalizer())
    return features.fit_transform(pixels), y[rows]


def main(folder):
    results = Experiment(
        LogisticRegression(C=10, max_iter=300),
        ["random", "margin", "uherding", "refine"],
        {"digits": digits(), "mnist": mnist(), "docstrings": docstrings()},
        n_labels=80,
        n_initial=20,
        initial="stratified",
        pool_size=2000,
        seeds=5,
        metrics=["accuracy"],
        oracle=24,
    ).run(folder)
    print(results.summary("accuracy").round(4).to_string())
    print(results.compare("accuracy", baseline="uherding").round(4).to_string())
    results.report(Path(folder) / "report.html")


if __name__ == "__main__":
    main(sys.argv[1])
