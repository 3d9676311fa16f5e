"""What strategies for several labels a row are worth, beside the mean of margins.

    python examples/papers/several_labels.py run    fit, into results/several_labels.csv
    python examples/papers/several_labels.py        the table, from the results

Three sets are made up, of 5, 10 and 30 labels; the fourth are the handwritten digits of
scikit-learn, of which five things are asked. The seeds are paired: each strategy starts
from the same rows.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.multilabel import BinaryRelevance

RESULTS = Path(__file__).parent / "results" / "several_labels.csv"
SEEDS = range(10)
STRATEGIES = ("random", "margin", "mmc", "lci", "badge", "clue")
N_POOL = 1000
BUDGET = 100


def made_up(n_features, n_labels, usual):
    """Counts of words that labels make likelier, and the labels."""
    return make_multilabel_classification(
        1500, n_features, n_classes=n_labels, n_labels=usual, random_state=0
    )


def digits():
    """Whether a digit is even, above 4, a prime, has a hole, has a straight stroke."""
    X, y = load_digits(return_X_y=True)
    asked = ({0, 2, 4, 6, 8}, {5, 6, 7, 8, 9}, {2, 3, 5, 7}, {0, 4, 6, 8, 9}, {1, 4, 7})
    return X, np.column_stack([np.isin(y, [*yes]) for yes in asked]).astype(int)


SETS = {
    "5 labels": lambda: made_up(20, 5, 2),
    "10 labels": lambda: made_up(50, 10, 3),
    "30 labels": lambda: made_up(100, 30, 3),
    "digits": digits,
}


def scores(X, Y, strategy, seed):
    """Micro-F1 on rows held out, after each round."""
    rows = np.random.RandomState(seed).permutation(len(X))
    pool, test = rows[:N_POOL], rows[N_POOL:]
    learner = ActiveLearner(
        BinaryRelevance(LogisticRegression(max_iter=300)),
        strategy,
        n_labels=BUDGET,
        n_initial=20,
        store_estimators=True,
        random_state=seed,
    )
    learner.fit(X[pool], Y[pool])
    return [
        f1_score(Y[test], predicted, average="micro", zero_division=0)
        for predicted in learner.staged_predict(X[test])
    ]


def run():
    """Fit everything; each row is written when it is known."""
    with RESULTS.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["set", "strategy", "seed", *range(20, BUDGET + 1, 10)])
        for name, load in SETS.items():
            X, Y = load()
            X = StandardScaler().fit_transform(X)  # without labels, so on every row
            for seed in SEEDS:
                for strategy in STRATEGIES:
                    curve = np.round(scores(X, Y, strategy, seed), 4)
                    table.writerow([name, strategy, seed, *curve])
                    file.flush()


def show():
    """Print the mean micro-F1 after the first round, in points, and its lead."""
    with RESULTS.open(newline="") as file:
        records = list(csv.reader(file))[1:]
    print("| set | " + " | ".join(STRATEGIES) + " | MMC - margin |")
    print("|---" * (len(STRATEGIES) + 2) + "|")
    for name in dict.fromkeys(record[0] for record in records):
        means = {
            (strategy, seed): 100 * np.mean([float(x) for x in curve[1:]])
            for each, strategy, seed, *curve in records
            if each == name
        }
        seeds = sorted({seed for _, seed in means})
        table = [[means.get((s, seed), np.nan) for seed in seeds] for s in STRATEGIES]
        table = np.array(table)
        lead = table[STRATEGIES.index("mmc")] - table[STRATEGIES.index("margin")]
        lead = lead[~np.isnan(lead)]
        error = lead.std(ddof=1) / np.sqrt(len(lead))
        cells = " | ".join(f"{mean:.1f}" for mean in np.nanmean(table, axis=1))
        print(f"| {name} | {cells} | {lead.mean():+.1f} ± {error:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["run"])
    run() if parser.parse_args().what else show()
