"""Strategies that were trained to ask, on data that they have never seen.

    python examples/papers/learned.py train logistic   a scorer that comes with skal,
                                                       from made-up tasks: ten minutes
    python examples/papers/learned.py train forest     the other, for forests: five
    python examples/papers/learned.py train dqn        one by reinforcement: skal[rl]
    python examples/papers/learned.py run              play what results/ does not hold
    python examples/papers/learned.py transfer         leave out one set after the other
    python examples/papers/learned.py                  tables of the page
    python examples/papers/learned.py --smoke          a run of each strategy on iris

Training goes on where it was stopped, and so does ``run``. Features, sizes and seeds
were settled on made-up tasks, before anything that ``run`` plays was looked at. The
tables stand in docs/strategies_that_learn.md.
"""

from __future__ import annotations

import argparse
import csv
import sys
from itertools import product
from pathlib import Path

import numpy as np
from page import as_table, filled
from scipy.stats import t as student
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import skal.learned
from skal import ModelView
from skal.learned import (
    LearnedStrategy,
    fit_regression,
    fit_rl,
    random_task,
    untrained_scorer,
)
from skal.query import Margin, RandomSampling, UHerding

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "learned.csv"
PAGE = HERE.parents[1] / "docs" / "strategies_that_learn.md"
CHECKPOINTS = Path("learned-checkpoints")
SHIPPED = Path(skal.learned.__file__).with_name("scorers")

# Training -----------------------------------------------------------------------

#: What each scorer was trained with. Forests cost more to fit, and play fewer tasks.
TRAINED = {
    "logistic": (
        LogisticRegression(max_iter=1000, tol=3e-3),
        {"n_tasks": 360, "n_states": 5, "n_candidates": 14, "n_rounds": 3},
    ),
    "forest": (
        RandomForestClassifier(10),
        {
            "n_tasks": 100,
            "n_states": 4,
            "n_candidates": 10,
            "n_lookaheads": 2,
            "n_rounds": 1,
            "hidden": (64, 64),
        },
    ),
    "dqn": (
        LogisticRegression(max_iter=1000, tol=3e-3, warm_start=True),
        {"n_steps": 24_000, "n_candidates": 32, "options": {"gamma": 0.9}},
    ),
}


def file_of(kind):
    """Return where a scorer is kept: those of regression, where skal looks."""
    if kind == "dqn":
        return RESULTS.with_name("learned_dqn.npz")
    return SHIPPED / f"{kind}-v1.npz"


def train(kind):
    """Train a scorer, and keep it."""
    estimator, sizes = TRAINED[kind]
    how = {**sizes, "checkpoint": CHECKPOINTS / kind, "verbose": 1}
    if kind == "dqn":
        scorer = fit_rl(estimator, name=kind, **how)
    else:
        scorer = fit_regression(estimator, name=f"{kind}-v1", **how)
    scorer.save(file_of(kind))


# The study ----------------------------------------------------------------------

SEEDS = range(1000, 1020)
N_POOL, N_QUERIES = 300, 30
MODELS = {
    "logistic": LogisticRegression(max_iter=1000),
    "forest": RandomForestClassifier(10),
}
DATA = {
    "digits": lambda seed: load_digits(return_X_y=True),
    "wine": lambda seed: load_wine(return_X_y=True),
    "iris": lambda seed: load_iris(return_X_y=True),
    "breast_cancer": lambda seed: load_breast_cancer(return_X_y=True),
    "made up": lambda seed: random_task(20_000 + seed),  # another one a seed
}
STRATEGIES = {
    "margin": lambda model, seed: Margin(),
    "random": lambda model, seed: RandomSampling(),
    "uherding": lambda model, seed: UHerding(scale="auto"),
    "learned": lambda model, seed: LearnedStrategy(file_of(model)),
    "dqn": lambda model, seed: LearnedStrategy(file_of("dqn")),
    "untrained": lambda model, seed: LearnedStrategy(
        untrained_scorer(random_state=seed)
    ),
}
#: Sets whose columns are in one unit: they are scaled together.
ONE_UNIT = {"digits", "italy_power", "languages"}
COLUMNS = ["data", "model", "strategy", "seed", "area", "final"]


def scaled(X, by, data):
    """Scale rows by the spread of some: columns of one unit together, others alone."""
    spread = by.std(axis=0)
    spread = spread.mean() if data in ONE_UNIT else np.maximum(spread, 1e-12)
    return (X - by.mean(axis=0)) / spread


def split(X, y, data, rng):
    """Split in half; scale by the pool alone."""
    order = rng.permutation(len(y))
    half = len(y) // 2
    pool, test = order[:half][:N_POOL], order[half:]
    X = scaled(X, X[pool], data)
    return X[pool], y[pool], X[test], y[test]


def play(data, model, strategy, seed):
    """Ask by a strategy of that name; return the accuracies."""
    strategy = STRATEGIES[strategy](model, seed)
    return played(*DATA[data](seed), data, model, strategy, seed)


def played(X, y, data, model, strategy, seed):
    """Buy labels one at a time, from one of each class; return the accuracies."""
    X, y, X_test, y_test = split(X, y, data, np.random.RandomState(seed))
    labeled = np.unique(y, return_index=True)[1]  # rows are in random order
    scores = []
    for number in range(N_QUERIES + 1):
        fitted = clone(MODELS[model])
        if model == "forest":
            fitted.set_params(random_state=seed)
        fitted.fit(X[labeled], y[labeled])
        scores.append(fitted.score(X_test, y_test))
        left = np.setdiff1d(np.arange(len(y)), labeled)
        view = ModelView(fitted, X[labeled], y[labeled], random_state=seed)
        picked = strategy(view, X[left], 1, random_state=1000 * seed + number)
        picked = picked[0] if isinstance(picked, tuple) else picked
        labeled = np.append(labeled, left[picked])
    return scores


def has_scorer(strategy, model):
    """Tell whether a strategy has been trained, where it has to be."""
    if strategy == "dqn":
        return model == "logistic" and file_of("dqn").is_file()
    return strategy != "learned" or file_of(model).is_file()


def run(models, seeds):
    """Play the study, as far as scorers are there."""
    keys = [
        (data, model, strategy, seed)
        for model, seed, data, strategy in product(models, seeds, DATA, STRATEGIES)
        if has_scorer(strategy, model)
    ]
    fill(RESULTS, keys, play)


def fill(path, keys, play):
    """Play what is not there yet; each run is written as it ends."""
    path.parent.mkdir(exist_ok=True)
    done = read(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not path.stat().st_size:
            writer.writerow(COLUMNS)
        for key in keys:
            if key not in done:
                with config_context(assume_finite=True, skip_parameter_validation=True):
                    scores = play(*key)
                writer.writerow([*key, f"{np.mean(scores):.5f}", f"{scores[-1]:.5f}"])
                file.flush()


def read(path=RESULTS):
    """Return the area under each curve, by data, model, strategy and seed."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (row["data"], row["model"], row["strategy"], int(row["seed"])): float(
                row["area"]
            )
            for row in csv.DictReader(file)
        }


def difference(areas, data, model, baseline, strategy):
    """Say a mean difference in points, its 95 % interval, and over how many seeds."""
    pairs = [
        (area, areas[data, model, baseline, seed])
        for (of, by, name, seed), area in areas.items()
        if (of, by, name) == (data, model, strategy)
        and (data, model, baseline, seed) in areas
    ]
    if len(pairs) < 2:
        return "-"
    gaps = 100 * np.subtract(*zip(*pairs, strict=True))
    half = student.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    return f"{gaps.mean():+.1f} ± {half:.1f}"


def ran(areas, model):
    """List the strategies that there are results of."""
    found = {strategy for _, by, strategy, _ in areas if by == model}
    return [strategy for strategy in STRATEGIES if strategy in found]


def table_of(model):
    """Write what margin reaches, and how far above it the others are."""
    areas = read()
    others = ran(areas, model)[1:]
    rows = []
    for data in DATA:
        of = [k for k in areas if k[:3] == (data, model, "margin")]
        level = 100 * np.mean([areas[key] for key in of])
        gaps = [difference(areas, data, model, "margin", one) for one in others]
        rows.append([data, len(of), f"{level:.1f}", *gaps])
    return as_table(["data", "seeds", "margin", *others], rows)


def gaps_of(model, strategy="learned"):
    """Write how far a strategy is above each of the others."""
    areas = read()
    others = [one for one in ran(areas, model) if one != strategy]
    rows = [
        [data, *(difference(areas, data, model, other, strategy) for other in others)]
        for data in DATA
    ]
    return as_table(["data", *others], rows)


def transfer_table():
    """Write how a scorer does on the set that was left out."""
    import transfer

    return transfer.table()


TABLES = {
    "logistic": lambda: table_of("logistic"),
    "gaps": lambda: gaps_of("logistic"),
    "dqn": lambda: gaps_of("logistic", "dqn"),
    "forest": lambda: table_of("forest"),
    "forest gaps": lambda: gaps_of("forest"),
    "transfer": transfer_table,
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "what", choices=["train", "run", "transfer", "tables"], nargs="?"
    )
    parser.add_argument("kind", choices=TRAINED, nargs="?")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--smoke", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.smoke:
        for strategy in STRATEGIES.keys() - {"dqn"}:
            area = np.mean(play("iris", "logistic", strategy, 0))
            sys.stdout.write(f"{strategy} {area:.3f}\n")
    elif chosen.what == "train":
        train(chosen.kind or parser.error("train needs logistic, forest or dqn"))
    elif chosen.what == "run":
        if chosen.kind == "dqn":
            parser.error("run takes logistic or forest: the agent runs with logistic")
        run([chosen.kind] if chosen.kind else MODELS, SEEDS[: chosen.seeds])
    elif chosen.what == "transfer":
        import transfer

        transfer.run()
    else:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), TABLES), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
