"""The page "Does active learning pay here?", its tables and its pictures.

    python examples/papers/page.py              tables and pictures, from the results
    python examples/papers/page.py keep DIR...  take over what skal bench wrote
    python examples/papers/page.py queries      the picture that needs MNIST itself

``results/NAME.parquet`` holds what an experiment measured, what it asked and what it
ran on. The page's words stand in the page; each table lies between two comments and is
written there anew.
"""

from __future__ import annotations

import argparse
import csv
import re
from functools import cache, partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t as student

from skal.experiment import Results
from skal.plotting import LabelCurveDisplay

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parents[1] / "docs" / "does_it_pay.md"
IMAGES = PAGE.parent / "images" / "papers"
RECIPES = ("plain", "strong")
LEVELS = (0.90, 0.95, 0.97, 0.98)
#: Labels for 90 and 95 % in published runs without augmentation, from 20 in tens: of
#: Kirsch et al. 2019 those trained on, by the authors' logs; of Gal et al. 2017 those
#: acquired.
PUBLISHED = {
    "random": "255, 835 (Gal)",
    "entropy": "165, 355 (Gal)",
    "variation_ratios": "120, 295 (Gal)",
    "bald": "130, 260 (Kirsch); 145, 335 (Gal)",
    "batch_bald": "100, 210 (Kirsch)",
}


@cache
def read(name):
    return Results.from_parquet(RESULTS / f"{name}.parquet")


# Tables -------------------------------------------------------------------------


def as_table(header, rows):
    """Return lines of markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def percent(score):
    return f"{100 * score:.1f}"


def first_counts(results, recipe, strategy, level):
    """Return for each seed the labels of the first model at or above a level."""
    runs = results.runs("accuracy", "mnist", recipe)[strategy]
    reached = [counts[scores >= level] for counts, scores in runs.values()]
    return np.array([counts.min() if len(counts) else np.inf for counts in reached])


def median_and_range(counts, last):
    """Say the median and the range; what lies beyond the last label stays open."""
    words = [f"{c:g}" if np.isfinite(c) else f">{last}" for c in np.sort(counts)]
    middle = words[len(words) // 2]  # of an odd number of seeds
    return middle if words[0] == words[-1] else f"{middle} [{words[0]}-{words[-1]}]"


def labels(recipe):
    """The labels that each strategy took to each level."""
    results = read("mnist_labels")
    last = results.definition["settings"]["n_labels"]
    rows = []
    for strategy in results.strategies():
        counts = [first_counts(results, recipe, strategy, level) for level in LEVELS]
        words = [median_and_range(count, last) for count in counts]
        published = [PUBLISHED.get(strategy, "")] if recipe == "plain" else []
        rows.append([strategy, *words, *published])
    header = ["strategy", *(f"{level:.0%}" for level in LEVELS)]
    return as_table(header + ["published: 90 %, 95 %"] * (recipe == "plain"), rows)


def matches():
    """The labels at which each strategy is where random ends."""
    table = read("mnist_labels").summary().set_index(["strategy", "estimator"])
    match = "labels_to_match_random"
    rows = []
    for strategy in read("mnist_labels").strategies()[1:]:
        words = []
        for recipe in RECIPES:
            found = table.loc[
                (strategy, recipe), [match, f"{match}_low", f"{match}_high"]
            ]
            words.append([f"{n:.0f}" if np.isfinite(n) else ">150" for n in found])
        rows.append([strategy, *(f"{w[0]} [{w[1]}-{w[2]}]" for w in words)])
    return as_table(["strategy", *RECIPES], rows)


def verdicts(name):
    """The area under each curve against random's, tested seed by seed."""
    table = read(name).compare()
    rows = [
        [
            *([row.data] if table["data"].nunique() > 1 else []),
            row.estimator,
            row.strategy,
            "{:+.1f} [{:+.1f}, {:+.1f}]".format(
                *(100 * x for x in (row.difference, row.low, row.high))
            ),
            f"{row.wins} of {row.n_seeds}",
            f"{row.p_holm:.3f}" if np.isfinite(row.p_holm) else "",
            row.verdict,
        ]
        for row in table.itertuples()
    ]
    first = ["data"] if table["data"].nunique() > 1 else []
    header = ["recipe", "strategy", "points more than random [95 %]", "seeds won"]
    return as_table([*first, *header, "p (Holm)", "verdict"], rows)


def last_scores(*names):
    """The accuracy at the end of each curve, one line a strategy."""
    rows = []
    for name in names:
        results = read(name)
        for data, recipe in results.settings("accuracy"):
            grid, scores = results.paired("accuracy", data, recipe)
            for strategy, runs in scores.items():
                words = [percent(runs[:, i].mean()) for i in (0, -1)]
                rows.append([data, recipe, strategy, f"{grid[-1]:g}", *words])
    return as_table(
        ["data", "recipe", "strategy", "labels", "first round", "last round"], rows
    )


def sizes(name):
    """Accuracy by the number of images drawn at random."""
    results = read(name)
    (data, _), *_ = results.settings("accuracy")
    curves = {recipe: results.paired("accuracy", data, recipe) for recipe in RECIPES}
    grid = curves["plain"][0]
    rows = [
        [recipe, *(percent(score) for score in scores["random"].mean(axis=0))]
        for recipe, (_, scores) in curves.items()
    ]
    return as_table(["images", *(f"{int(count):,}" for count in grid)], rows)


POSTER = {
    "train_nll": "training loss",
    "nll": "test loss",
    "accuracy": "test accuracy",
    "test_entropy": "mean entropy of the test predictions",
}


def poster_curves(metric):
    """Return the curves of the poster's four arms."""
    grid, plugin = read("poster_plugin").paired(metric, "mnist", "plug-in")
    _, laplace = read("poster_laplace").paired(metric, "mnist", "laplace")
    named = {
        "entropy": plugin["entropy"],
        "entropy, Laplace": laplace["entropy"],
        "margin": plugin["margin"],
        "random": plugin["random"],
    }
    return {name: (grid, runs) for name, runs in named.items()}


def poster(counts=(50, 100, 220)):
    """The four measures of the poster, at some numbers of labels."""
    rows = []
    for metric, title in POSTER.items():
        for name, (grid, runs) in poster_curves(metric).items():
            means = runs.mean(axis=0)[np.searchsorted(grid, counts)]
            words = [percent(m) if metric == "accuracy" else f"{m:.3f}" for m in means]
            rows.append([title, name, *words])
    return as_table(["", "queries", *(f"{count} labels" for count in counts)], rows)


def calibration(counts=(20, 60, 100)):
    """Calibration along the loop, by what predicts."""
    results, rows = read("calibration"), []
    for strategy in results.strategies():
        for _, model in results.settings("ece"):
            words = []
            for metric in ("accuracy", "nll", "ece"):
                grid, scores = results.paired(metric, "mnist", model)
                means = scores[strategy].mean(axis=0)[np.searchsorted(grid, counts)]
                show = percent if metric == "accuracy" else "{:.3f}".format
                words.append(", ".join(map(show, means)))
            rows.append([strategy, model, *words])
    at = ", ".join(map(str, counts))
    header = ["queries", "model", f"accuracy at {at}", "NLL", "ECE"]
    return as_table(header, rows)


def frozen_scores(data, name="frozen_features"):
    """Return {(head, start, strategy): (seeds, rounds)} in points, and the labels."""
    curves = {}
    with (RESULTS / f"{name}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["data"] == data:
                arm = row["head"], row["start"], row["strategy"]
                seeds = curves.setdefault(arm, {})
                seeds.setdefault(row["seed"], {})[int(row["n_labels"])] = row["score"]
    shared = set.intersection(*(set(seeds) for seeds in curves.values()))
    grid = [*next(iter(next(iter(curves.values())).values()))]
    return {
        arm: 100 * np.array([[*map(float, seeds[s].values())] for s in sorted(shared)])
        for arm, seeds in curves.items()
    }, grid


def paired_interval(gains):
    """Say the mean of paired differences and its interval of 95 %, by Student's t."""
    low, high = student.interval(
        0.95, len(gains) - 1, gains.mean(), gains.std(ddof=1) / len(gains) ** 0.5
    )
    return f"{gains.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def frozen(data, name="frozen_features", head="head", base="logistic"):
    """Labels on frozen features: scores, and what is won over random ones."""
    scores, grid = frozen_scores(data, name)
    base = scores[base, "random", "random"]
    rows = []
    for (what, start, strategy), runs in scores.items():
        gains = runs - base
        how = start if start == strategy else f"{start}, then {strategy}"
        won = [gains[:, 0], gains.mean(axis=1)]
        rows.append(
            [
                what,
                how,
                *map(percent, runs.mean(axis=0) / 100),
                *(paired_interval(g) if g.any() else "" for g in won),
            ]
        )
    gained = (f"more than random at {grid[0]} [95 %]", "over all [95 %]")
    return as_table([head, "labels by", *grid, *gained], rows)


def texts(data):
    """Labels of texts: scores, and what is won over random ones on counts of words."""
    return frozen(data, "texts", "features", "TF-IDF")


def texts_recipe():
    """Accuracy of random labels of texts by C, mean over the sets."""
    found = {}
    with (RESULTS / "texts_recipe.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            scores = found.setdefault((row["features"], row["C"]), {})
            scores.setdefault(row["n_labels"], []).append(float(row["score"]))
    counts = [f"{count} labels" for count in next(iter(found.values()))]
    rows = [[*k, *(percent(np.mean(s)) for s in v.values())] for k, v in found.items()]
    return as_table(["features", "C", *counts], rows)


def frozen_recipe():
    """Accuracy of random labels on frozen features, by size, components and C."""
    found = {}
    with (RESULTS / "frozen_recipe.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["side"], row["n_components"], row["C"]
            found.setdefault(key, {})[row["n_labels"]] = percent(float(row["score"]))
    counts = [f"{count} labels" for count in next(iter(found.values()))]
    rows = [[*key, *scores.values()] for key, scores in found.items()]
    return as_table(["pixels", "components", "C", *counts], rows)


#: Loops with and without unlabelled rows: what is said of each; its results, estimator
#: and strategy. A further one is one more curve and one more line of the tables.
LOOPS = {
    "asked, two networks; with unlabelled rows": (
        ("mnist_unlabeled_two",),
        "unlabeled",
        "uherding",
    ),
    "asked, two networks; labels alone": (
        ("mnist_unlabeled_two",),
        "labels_alone",
        "uherding",
    ),
    "asked, one network; with unlabelled rows": (
        ("mnist_unlabeled", "mnist_unlabeled_more"),
        "unlabeled",
        "uherding",
    ),
    "asked, one network; labels alone": (
        ("mnist_unlabeled", "mnist_unlabeled_more"),
        "labels_alone",
        "uherding",
    ),
    "random, one network; with unlabelled rows": (
        ("mnist_unlabeled_random",),
        "unlabeled",
        "random",
    ),
}


def loop_runs(loop):
    """Return for each seed of a loop its labels and accuracies."""
    names, estimator, strategy = LOOPS[loop]
    found = {}
    for name in names:
        found.update(read(name).runs("accuracy", "mnist", estimator)[strategy])
    return found


def runs_to(loop, last):
    """Return labels and accuracies of the seeds that went so far, up to there."""
    return [
        (counts[counts <= last], scores[counts <= last])
        for counts, scores in loop_runs(loop).values()
        if counts[-1] >= last
    ]


def environment():
    """What the results were computed with."""
    names = ("skal", "python", "torch", "scikit-learn", "numpy", "processor", "cores")
    found = {}
    for path in sorted(RESULTS.glob("*.parquet")):
        for one in read(path.stem).environments:
            words = tuple(str(one.get(name, "")) for name in names)
            found.setdefault(words, []).append(path.stem)
    rows = [[*words, ", ".join(experiments)] for words, experiments in found.items()]
    return as_table([*names, "experiments"], rows)


TABLES = {
    "mnist_labels plain": lambda: labels("plain"),
    "mnist_labels strong": lambda: labels("strong"),
    "mnist_labels match": matches,
    "mnist_labels verdicts": lambda: verdicts("mnist_labels"),
    "mnist_methods": lambda: verdicts("mnist_methods"),
    "cifar10_methods": lambda: verdicts("cifar10_methods"),
    "last rounds": lambda: last_scores("mnist_methods", "cifar10_methods"),
    "resnet16": lambda: last_scores("mnist_resnet16", "cifar10_resnet16"),
    "resnet18": lambda: last_scores("resnet18_short"),
    "mnist_sizes": lambda: sizes("mnist_sizes"),
    "cifar10_sizes": lambda: sizes("cifar10_sizes"),
    "poster": poster,
    "calibration": calibration,
    "frozen recipe": frozen_recipe,
    "frozen CIFAR-10": lambda: frozen("CIFAR-10"),
    "frozen long tail": lambda: frozen("long tail"),
    "texts recipe": texts_recipe,
    **{
        f"texts {data}": partial(texts, data)
        for data in ("BBC news", "BBC headlines", "docstrings")
    },
    "environment": environment,
}


def filled(page, tables=TABLES):
    """Return the page with every table written anew.

    Parameters
    ----------
    page : str
        Its text, with ``<!-- table: NAME -->`` and ``<!-- end -->`` around each table.
    tables : dict of str to callable
        What writes each.

    Returns
    -------
    str
        The text.
    """

    def table(match):
        name = match[1]
        return f"<!-- table: {name} -->\n\n{tables[name]()}\n\n<!-- end -->"

    pattern = r"<!-- table: (.+?) -->.*?<!-- end -->"
    return re.sub(pattern, table, page, flags=re.DOTALL)


# Pictures -----------------------------------------------------------------------


def draw(ax, curves, title, score_name="test accuracy", **options):
    LabelCurveDisplay.from_history(curves, score_name=score_name, ax=ax, **options)
    ax.set_title(title, loc="left")


def curves_of(name, data, recipe, strategies=None, metric="accuracy"):
    grid, scores = read(name).paired(metric, data, recipe)
    return {
        strategy: (grid, runs)
        for strategy, runs in scores.items()
        if strategies is None or strategy in strategies
    }


def figure_labels():
    groups = {
        "by uncertainty": ["margin", "entropy", "variation_ratios", "bald"],
        "by batch": ["margin", "batch_bald", "badge", "typiclust", "uherding"],
    }
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    for row, recipe in zip(axes, RECIPES, strict=True):
        for ax, (group, names) in zip(row, groups.items(), strict=True):
            chosen = curves_of("mnist_labels", "mnist", recipe, [*names, "random"])
            draw(ax, chosen, f"MNIST, {recipe} recipe, {group}", band=None)
    return figure


def figure_efficiency():
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for ax, recipe in zip(figure.subplots(1, 2), RECIPES, strict=True):
        chosen = read("mnist_labels").select(
            estimator=recipe, strategy=["random", "margin", "bald", "uherding"]
        )
        chosen.plot_efficiency(ax=ax)
        ax.set_title(f"MNIST, {recipe} recipe", loc="left")
    return figure


def figure_methods(name, data, title):
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for ax, recipe in zip(figure.subplots(1, 2), RECIPES, strict=True):
        curves = curves_of(name, data, recipe)
        draw(ax, curves, f"{title}, {recipe} recipe", band="range")
    return figure


def figure_resnet():
    figure = Figure(figsize=(11, 8), layout="constrained")
    for row, (data, title) in zip(
        figure.subplots(2, 2, sharex="row", sharey="row"),
        {"mnist": "MNIST", "cifar10": "CIFAR-10"}.items(),
        strict=True,
    ):
        for ax, recipe in zip(row, RECIPES, strict=True):
            curves = curves_of(f"{data}_resnet16", data, recipe)
            draw(ax, curves, f"{title}, {recipe} recipe, one seed")
    return figure


def figure_sizes():
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    titles = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
    for ax, (data, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        curves = {
            recipe: read(f"{data}_sizes").paired("accuracy", data, recipe)
            for recipe in RECIPES
        }
        curves = {name: (grid, runs["random"]) for name, (grid, runs) in curves.items()}
        draw(ax, curves, title)
        ax.set_xscale("log")
        ax.set_xlabel("training images, drawn at random")
    return figure


def figure_unlabeled():
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for ax, last in zip(figure.subplots(1, 2), (100, 250), strict=True):
        curves = {}
        for loop in LOOPS:
            runs = runs_to(loop, last)
            if runs:
                name = loop.replace("; ", "\n")
                curves[name] = tuple(zip(*runs, strict=True))
        title = f"MNIST, seeds that went to {last} labels"
        draw(ax, curves, title, average="median", band="range")
        ax.set_ylim(0.8, 1)
    return figure


def figure_poster():
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True).ravel()
    for ax, (metric, title) in zip(axes, POSTER.items(), strict=True):
        draw(ax, poster_curves(metric), title, title, band="range")
    return figure


def figure_calibration():
    figure = Figure(figsize=(11, 8), layout="constrained")
    results = read("calibration")
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    for row, (metric, title) in zip(
        axes, {"nll": "test NLL", "ece": "test ECE"}.items(), strict=True
    ):
        for ax, strategy in zip(row, results.strategies(), strict=True):
            curves = {}
            for _, model in results.settings(metric):
                grid, scores = results.paired(metric, "mnist", model)
                curves[model] = (grid, scores[strategy])
            draw(ax, curves, f"queries by {strategy}", title, band="range")
    return figure


FIGURES = {
    "mnist_labels": figure_labels,
    "mnist_efficiency": figure_efficiency,
    "mnist_methods": lambda: figure_methods("mnist_methods", "mnist", "MNIST"),
    "cifar10_methods": lambda: figure_methods("cifar10_methods", "cifar10", "CIFAR-10"),
    "resnet16": figure_resnet,
    "sizes": figure_sizes,
    "unlabeled": figure_unlabeled,
    "poster": figure_poster,
    "calibration": figure_calibration,
}


def save(figure, name):
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / f"{name}.png", dpi=80)


# Commands -----------------------------------------------------------------------


def make_page():
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
    for name, figure in FIGURES.items():
        save(figure(), name)


def keep(directories):
    """Write what a run left in its folder as one file in results/."""
    RESULTS.mkdir(exist_ok=True)
    for directory in directories:
        Results.from_dir(directory).to_parquet(RESULTS / f"{directory.name}.parquet")


def draw_queries():
    """Draw what entropy wants most and least after 100 labels: figure 4 of the poster.

    The model is trained anew on what the first run of poster_plugin.toml asked.
    """
    from skal import ActiveLearner
    from skal.datasets import fetch_mnist
    from skal.nets import CNNClassifier
    from skal.plotting import plot_top_bottom

    X, y = fetch_mnist(return_X_y=True, download_if_missing=False)
    rounds = read("poster_plugin").asked(strategy="entropy", seed=0)
    asked = np.concatenate(rounds)[:100]
    net = CNNClassifier(channels=(16, 32, 64), label_smoothing=0.0, max_steps=400)
    learner = ActiveLearner(net, "entropy", random_state=0).fit(X[asked], y[asked])
    pool = np.setdiff1d(np.arange(10_000), asked)
    figure = plot_top_bottom(
        X[pool], learner.score_pool(X[pool]), labels=y[pool], score_name="entropy"
    )
    save(figure, "queries")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command")
    one = commands.add_parser("keep", help="take what skal bench wrote")
    one.add_argument("directories", nargs="+", type=Path)
    commands.add_parser("queries", help="draw what entropy wants most and least")
    options = parser.parse_args()
    if options.command == "keep":
        keep(options.directories)
    elif options.command == "queries":
        draw_queries()
    else:
        make_page()


if __name__ == "__main__":
    main()
