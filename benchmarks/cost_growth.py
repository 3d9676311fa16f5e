"""How the seconds and bytes of one query grow with the pool, for every strategy.

Pools of 10^3 to 10^7 rows by 16 features in single precision, in steps of the root of
ten; 100 labelled rows of 5 classes, a batch of 100, a linear model (four of them where
a strategy reads members), whose own pass is part of the query. A strategy goes on to
the next size while its last query took less than ``--patience`` seconds. Each query is
made in a process of its own, on one thread, and its seconds are those of the processor,
so that a busy machine adds little.

Writes ``results/cost_growth.csv`` as it goes, and does not measure again what is there;
``cost_growth_picture.py`` makes of it the picture and the table of the docs.
"""

import argparse
import csv
import multiprocessing
import os
import resource
import sys
import warnings
from pathlib import Path
from time import process_time

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy starts its threads

import numpy as np
from common import blobs, machine, peak_resident
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from skal import ModelView, query
from skal._data import Rows
from skal.multilabel import BinaryRelevance

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
from strategy_tables import entries  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "cost_growth.csv"
COLUMNS = ("strategy", "n", "seconds", "bytes", "ended")
SIZES = [round(10 ** (power / 2)) for power in range(6, 15)]
N_FEATURES, N_CLASSES, N_LABELED, N_INSTANCES = 16, 5, 100, 100
#: What a query may take before the system ends it.
MOST_SECONDS, MOST_BYTES = 40, 12 * 2**30


def models(X, y):
    """Return a fitted view for each kind of strategy."""
    targets = {
        "classes": (LogisticRegression(), y),
        "members": (BaggingClassifier(LogisticRegression(), 4, random_state=0), y),
        "numbers": (BaggingRegressor(Ridge(), 4, random_state=0), y + X[:, 0]),
        "labels": (
            BinaryRelevance(LogisticRegression()),
            (X[:, :3] > X[:, 3:6]).astype(int),
        ),
    }
    return {kind: (m.fit(X, t), X, t) for kind, (m, t) in targets.items()}


def kind_of(entry):
    """Tell which of the models a strategy can work with."""
    if entry.targets == {"regression"}:
        return "numbers"
    if entry.targets == {"multilabel"}:
        return "labels"
    return "members" if entry.needs & {"samples", "votes"} else "classes"


def rows_of(X):
    """Return a pool that has groups and costs, for the strategies that read them."""
    return Rows(X, groups=np.arange(len(X)) // 10, costs=np.ones(len(X)))


def measure(entry, model, X, answer):
    """Send the seconds and bytes of one query; the first, on few rows, is for imports.

    It runs in a child of the process that has the rows, which are shared.
    """
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    strategy, times = getattr(query, entry.name)(), []

    def ask(pool):
        rows, begin = rows_of(pool), process_time()
        strategy(ModelView(*model), rows, N_INSTANCES, random_state=0)
        times.append(process_time() - begin)

    try:
        ask(X[: SIZES[0]])
        peak = peak_resident(lambda: ask(X))
        answer.send((times[-1], peak, ""))
    except Exception as error:
        answer.send((float("nan"), float("nan"), type(error).__name__))


def in_a_child(*arguments):
    """Return what a process of its own measures, or why it ended."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=measure, args=(*arguments, theirs))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return float("nan"), float("nan"), f"after {MOST_SECONDS} s"
    finally:
        child.join()


def measured():
    """Return what the file holds: {strategy: {n: (seconds, bytes, ended)}}."""
    found = {}
    if RESULTS.is_file():
        with RESULTS.open(newline="") as file:
            for row in csv.DictReader(file):
                values = float(row["seconds"]), float(row["bytes"]), row["ended"]
                found.setdefault(row["strategy"], {})[int(row["n"])] = values
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZES[-1], help="of the last pool")
    parser.add_argument("--patience", type=float, default=2.0)
    parser.add_argument("--only", nargs="*", help="names of strategies")
    options = parser.parse_args()

    X, y = blobs(options.rows + N_LABELED, N_FEATURES, n_classes=N_CLASSES)
    of_kind, pool = models(X[:N_LABELED], y[:N_LABELED]), X[N_LABELED:]
    found = measured()
    sys.stdout.write(f"{machine()}\n")
    with RESULTS.open("a", newline="") as file:
        writer = csv.writer(file)
        if not found:
            writer.writerow(COLUMNS)

        def write(name, n, seconds, peak, ended):
            sys.stdout.write(f"{name:25} {n:9} {seconds:8.4f} {peak:14.0f} {ended}\n")
            writer.writerow((name, n, f"{seconds:.5f}", f"{peak:.0f}", ended))
            file.flush()

        going = [one for one in entries() if one.name in (options.only or [one.name])]
        for n in (n for n in SIZES if n <= options.rows):  # a picture at any time
            for entry in list(going):
                of_entry = found.setdefault(entry.name, {})
                if n not in of_entry:
                    model = of_kind[kind_of(entry)]
                    of_entry[n] = in_a_child(entry, model, pool[:n])
                    write(entry.name, n, *of_entry[n])
                seconds, _, ended = of_entry[n]
                if ended or seconds > options.patience:
                    going.remove(entry)


if __name__ == "__main__":
    main()
