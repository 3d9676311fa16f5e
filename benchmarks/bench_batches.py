"""Batches of 100 that do not repeat themselves, beside their peers in one run.

Pools of float32 rows by 128 features, 10 classes, 200 labels. Every query runs in a
fresh process, skal's before and after the peer's, the best of each counts; the peer's
is given up after a time or beyond 4 GB. Seconds are CPU seconds, so that a busy machine
is not mistaken for a slow query: set OMP_NUM_THREADS=1. Nobody may be slower than the
peer; further targets are in the table. The peer is scikit-activeml, of the strategies
for regression bmdal_reg 3.0.2, if it is installed (``pip install --no-deps bmdal_reg
dill``): it was written for numpy 1 and reads ``np.Inf``, which is lent to it. CoreSet
is measured beside small-text 1.4.1 too, if that is installed. ``--errors`` times
ExpectedErrorReduction in turns with modAL's, which reads ``np.float``: every row of a
small pool is tried, so that both do the same.
``--million`` times skal alone on a memory map of 1 000 000 rows by 64: at most 1 GB
beyond X. ``--herding`` times UHerding and its kin in units of a query of Margin on 700
rows, and of the product of 50 000 rows by 128 and 5000 of them, which a look at every
pair would take.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import threading
import warnings
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import process_time

import numpy as np
from common import peak_resident, show
from sklearn.linear_model import LogisticRegression

from skal import ModelView, query

N_CLASSES = 10
N_LABELED = 200
GUARD_BYTES = 4 * 2**30
#: Queries are repeated up to so often, or until they have taken so many seconds.
REPEATS = 5
ENOUGH_SECONDS = 5


@dataclass
class Contender:
    """A strategy of skal, the peer's name for it, and what ratio is wanted."""

    strategy: object
    peer: str = ""
    target: float = 1.0
    #: The package of the peer.
    package: str = "skactiveml"
    #: Whether the peer asks a classifier, and the name of the argument.
    classifier: str = ""
    peer_params: tuple = ()
    #: Why it is not run on a million rows, if it is not.
    not_on_a_million: str = ""
    #: The target holds from so many rows up; below, nobody may be slower.
    from_rows: int = 0


CONTENDERS = {
    "CoreSet": Contender(query.CoreSet(), "CoreSet", 6),
    "CoreSet (small-text)": Contender(
        query.CoreSet(), "greedy_coreset", package="small_text"
    ),
    "TypiClust": Contender(query.TypiClust(), "TypiClust", 20, from_rows=50_000),
    "ProbCover": Contender(
        query.ProbCover(),
        "ProbCover",
        15,
        peer_params=(("n_classes", N_CLASSES),),
        not_on_a_million="quadratic: give it a Shortlist",
        from_rows=20_000,
    ),
    "MaxHerding": Contender(query.MaxHerding(), "MaxHerding", 15, from_rows=20_000),
    "UHerding": Contender(query.UHerding()),
    "FacilityLocation": Contender(query.FacilityLocation()),
    "KMeansSampling": Contender(query.KMeansSampling()),
    "KMeansBoundary": Contender(query.KMeansBoundary()),
    "BADGE": Contender(query.BADGE(), "Badge", 60, classifier="clf"),
    "BAIT": Contender(query.BAIT()),
    "ExpectedGradientLength": Contender(query.ExpectedGradientLength()),
    "CLUE": Contender(query.CLUE(), "Clue", classifier="estimator"),
    "ClusterMargin": Contender(query.ClusterMargin()),
    "WeightedKMeans": Contender(query.WeightedKMeans()),
    "FALCUN": Contender(query.FALCUN(), "Falcun", classifier="clf"),
    "CDAL": Contender(query.CDAL()),
    "DropQuery": Contender(
        query.DropQuery(),
        "DropQuery",
        classifier="clf",
        peer_params=(("n_dropout_samples", 3),),
    ),
    "ALFAMix": Contender(query.ALFAMix()),
    "ContrastiveAL": Contender(
        query.ContrastiveAL(), "ContrastiveAL", classifier="clf"
    ),
    "DiscriminativeAL": Contender(
        query.DiscriminativeAL(), "DiscriminativeAL", classifier="discriminator"
    ),
    "DiscriminativeAL (one part)": Contender(
        query.DiscriminativeAL(n_sub_batches=1),
        "DiscriminativeAL",
        classifier="discriminator",
        peer_params=(("greedy_selection", True),),
    ),
    "InformationDensity": Contender(query.InformationDensity()),
    "LCMD": Contender(query.LCMD("last"), "lcmd", package="bmdal_reg"),
    "KMeansPlusPlus": Contender(
        query.KMeansPlusPlus("last"), "kmeanspp", package="bmdal_reg"
    ),
}


class Pool:
    """Rows of overlapping classes on the unit sphere, the first of them labelled."""

    def __init__(self, n_rows, n_features, seed=0):
        rng = np.random.default_rng(seed)
        centers = rng.standard_normal((N_CLASSES, n_features), dtype=np.float32)
        self.y = rng.integers(N_CLASSES, size=n_rows)
        self.X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
        self.X += 0.35 * centers[self.y]
        self.X /= np.linalg.norm(self.X, axis=1, keepdims=True)

    def of_skal(self, contender, n_instances):
        """Return skal's query, on a view that has remembered nothing."""
        X, y = self.X[:N_LABELED], self.y[:N_LABELED]
        model, rest = (
            LogisticRegression(C=10, max_iter=300).fit(X, y),
            self.X[N_LABELED:],
        )
        return lambda: contender.strategy(
            ModelView(model, X, y), rest, n_instances, random_state=0
        )

    def of_peer(self, contender, n_instances):
        """Return the peer's query, its model fitted."""
        if contender.package == "bmdal_reg":
            return self.of_bmdal(contender, n_instances)
        if contender.package == "small_text":
            return self.of_small_text(contender, n_instances)
        from skactiveml import pool
        from skactiveml.classifier import SklearnClassifier

        y = np.where(np.arange(len(self.y)) < N_LABELED, self.y, -1)
        strategy = getattr(pool, contender.peer)(
            missing_label=-1, random_state=0, **dict(contender.peer_params)
        )
        params = {"X": self.X, "y": y, "batch_size": n_instances}
        if contender.classifier:
            model = SklearnClassifier(
                LogisticRegression(C=10, max_iter=300),
                classes=np.arange(N_CLASSES),
                missing_label=-1,
                random_state=0,
            )
            params[contender.classifier] = model
            if contender.classifier != "discriminator":  # that one is fitted inside
                model.fit(self.X, y)
                params[f"fit_{contender.classifier}"] = False
        return lambda: strategy.query(**params)

    def of_small_text(self, contender, n_instances):
        """Return small-text's query, on the rows themselves."""
        from small_text.query_strategies import coresets

        known = np.arange(len(self.X)) < N_LABELED
        places = np.flatnonzero(~known), np.flatnonzero(known)
        return lambda: getattr(coresets, contender.peer)(
            self.X, *places, n_instances, distance_metric="euclidean"
        )

    def of_bmdal(self, contender, n_instances):
        """Return bmdal_reg's query, on the rows themselves."""
        import torch

        np.Inf = np.inf  # noqa: NPY201
        from bmdal_reg.bmdal.feature_data import TensorFeatureData
        from bmdal_reg.bmdal.feature_maps import IdentityFeatureMap
        from bmdal_reg.bmdal.features import Features
        from bmdal_reg.bmdal.selection import (
            KmeansppSelectionMethod,
            LargestClusterMaxDistSelectionMethod,
        )

        methods = {
            "lcmd": LargestClusterMaxDistSelectionMethod,
            "kmeanspp": KmeansppSelectionMethod,
        }
        space = IdentityFeatureMap(n_features=self.X.shape[1])
        known, pool = (
            Features(space, TensorFeatureData(torch.from_numpy(rows)))
            for rows in (self.X[:N_LABELED], self.X[N_LABELED:])
        )

        def query():
            method = methods[contender.peer](pool, known, sel_with_train=True)
            return method.select(n_instances).numpy()

        return query


def measure(side, name, n_rows, n_features, n_instances):
    """Return the least CPU seconds and the peak bytes of a query, in this process."""
    warnings.filterwarnings("ignore")
    contender = CONTENDERS[name]
    getattr(Pool(400 + N_LABELED, n_features), side)(contender, 5)()  # imports
    run = getattr(Pool(n_rows, n_features), side)(contender, n_instances)
    if side == "of_peer":
        size = int(Path("/proc/self/statm").read_text().split()[0])
        limit = size * resource.getpagesize() + GUARD_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    seconds = []

    def timed():
        start = process_time()
        run()
        seconds.append(process_time() - start)

    try:
        peak = peak_resident(timed)
        while len(seconds) < REPEATS and sum(seconds) < ENOUGH_SECONDS:
            timed()
    except MemoryError:
        return f"needs over {GUARD_BYTES / 2**30:.0f} GB"
    return min(seconds), peak


def in_fresh_process(timeout, *task):
    """Measure in a process of its own; return why not if it takes too long."""
    with multiprocessing.get_context("spawn").Pool(1) as process:
        try:
            return process.apply_async(measure, task).get(timeout)
        except multiprocessing.TimeoutError:
            return f"over {timeout:.0f} s"


def against_peer(names, n_rows, options):
    """Show skal beside the peer at one size."""
    rows = []
    for name in names:
        contender = CONTENDERS[name]
        task = (name, n_rows, options.features, options.batch)
        ours = [in_fresh_process(options.cap, "of_skal", *task)]
        theirs = "-"
        if contender.peer and find_spec(contender.package):
            theirs = in_fresh_process(options.cap, "of_peer", *task)
            ours.append(in_fresh_process(options.cap, "of_skal", *task))
        target = contender.target if n_rows >= contender.from_rows else 1
        rows.append([name, *compare(ours, theirs, target)])
        sys.stderr.write("  ".join(map(str, rows[-1])) + "\n")  # the table takes long
    columns = ["strategy", "skal s", "skal MB", "peer s", "peer MB", "x faster", ""]
    title = f"{options.batch} of {n_rows} x {options.features} float32"
    show(title, columns, rows)


def compare(ours, theirs, target):
    """Return the cells of one row: what each took, and the ratio beside its target."""
    failed = [answer for answer in ours if isinstance(answer, str)]
    if failed:
        return [failed[0], *["-"] * 4, "missed"]
    seconds, peak = min(s for s, _ in ours), max(p for _, p in ours)
    cells = [f"{seconds:.3f}", f"{peak / 1e6:.0f}"]
    if isinstance(theirs, str):
        return [*cells, theirs, "-", "-", ""]
    ratio = theirs[0] / seconds
    verdict = "ok" if ratio >= target else f"wanted {target:g}"
    return [
        *cells,
        f"{theirs[0]:.2f}",
        f"{theirs[1] / 1e6:.0f}",
        f"{ratio:.0f}",
        verdict,
    ]


class AnonymousPeak:
    """How far memory that is no file's rises while the block runs, in bytes (Linux)."""

    def __enter__(self):
        self.start = self.peak = self.now()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.done.wait(0.01):
            self.peak = max(self.peak, self.now())

    def now(self):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return 1024 * int(line.split()[1])
        return 0

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.rise = self.peak - self.start


def on_a_million(names, n_rows, n_instances):
    """Show skal alone on a memory map."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pool, path = Pool(n_rows, 64), Path(folder, "X.npy")
        np.save(path, pool.X)
        pool.X = np.load(path, mmap_mode="r")
        for name in names:
            contender = CONTENDERS[name]
            if contender.not_on_a_million:
                rows.append([name, "-", "-", contender.not_on_a_million])
                continue
            run = pool.of_skal(contender, n_instances)
            start = process_time()
            with AnonymousPeak() as memory:
                run()
            seconds = process_time() - start
            verdict = "ok" if memory.rise < 1e9 else "over 1 GB"
            rows.append([name, f"{seconds:.1f}", f"{memory.rise / 1e6:.0f}", verdict])
    title = f"{n_instances} of {n_rows} x 64 in a memory map"
    show(title, ["strategy", "s", "MB beyond X", ""], rows)


def in_units(n_rows, n_features, target, unit_of):
    """Show queries of 10 rows after 50 labels in units of something else's seconds."""
    pool, rows = Pool(n_rows + 50, n_features), []
    X, y = pool.X[:50], pool.y[:50]
    model, rest = LogisticRegression(C=10, max_iter=300).fit(X, y), pool.X[50:]

    def asking(strategy):
        return lambda: strategy(ModelView(model, X, y), rest, 10, random_state=0)

    unit, what = unit_of(asking, rest)
    for name in ("UHerding", "MaxHerding", "FacilityLocation"):
        run = asking(CONTENDERS[name].strategy)
        seconds, base = least_seconds(run), least_seconds(unit)
        ratio = seconds / base
        verdict = "ok" if ratio <= target else f"wanted {target:g}"
        cells = [f"{1000 * s:.2f}" for s in (seconds, base)]
        rows.append([name, *cells, f"{ratio:.2f}", verdict])
    title = f"10 of {n_rows} x {n_features} float32, 50 labels"
    show(title, ["strategy", "ms", f"{what} ms", "ratio", ""], rows)


def least_seconds(run):
    """Return the least CPU seconds of many runs, so far as they take one second."""
    seconds = []
    while len(seconds) < REPEATS or (sum(seconds) < 1 and len(seconds) < 200):
        start = process_time()
        run()
        seconds.append(process_time() - start)
    return min(seconds)


def beside_modal(n_rows=20, n_features=20):
    """Show ExpectedErrorReduction beside modAL's, in turns, on a few rows."""
    np.float = float  # noqa: NPY001
    from modAL.expected_error import expected_error_reduction
    from modAL.models import ActiveLearner

    pool, rows = Pool(n_rows + 50, n_features), []
    X, y, rest = pool.X[:50], pool.y[:50], pool.X[50:]
    model = LogisticRegression(C=10, max_iter=300).fit(X, y)
    learner = ActiveLearner(model, X_training=X, y_training=y)
    for ours, theirs in (("log", "log"), ("zero_one", "binary")):
        strategy = query.ExpectedErrorReduction(ours, "random", n_rows, n_rows)
        seconds = in_turns(
            partial(strategy, ModelView(model, X, y), rest, 5, random_state=0),
            partial(expected_error_reduction, learner, rest, theirs, n_instances=5),
        )
        ratio = seconds[1] / seconds[0]
        verdict = "ok" if ratio >= 1 else "wanted 1"
        cells = [f"{s:.2f}" for s in seconds]
        rows.append(
            [f"ExpectedErrorReduction, {ours}", *cells, f"{ratio:.2f}", verdict]
        )
    title = f"5 of {n_rows} x {n_features} float32, 50 labels, every row tried"
    show(title, ["strategy", "skal s", "modAL s", "x faster", ""], rows)


def in_turns(*functions):
    """Return the least CPU seconds of each of some functions, called in turns."""
    least = [np.inf] * len(functions)
    for _ in range(2):
        for i, function in enumerate(functions):
            start = process_time()
            function()
            least[i] = min(least[i], process_time() - start)
    return least


def margin_query(asking, rest):
    """Return what a query of Margin is."""
    return asking(query.Margin()), "Margin"


def matrix_product(asking, rest):
    """Return the product with 5000 rows, some rows at a time."""
    others = np.ascontiguousarray(rest[:5000].T)

    def multiply():
        for start in range(0, len(rest), 512):
            rest[start : start + 512] @ others

    return multiply, "product"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[5000])
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--cap", type=float, default=60, help="seconds a query")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--million", action="store_true", help="skal alone, 1 M x 64")
    parser.add_argument("--herding", action="store_true", help="UHerding and its kin")
    parser.add_argument("--errors", action="store_true", help="beside modAL")
    options = parser.parse_args()

    if options.errors:
        beside_modal()
        return
    if options.herding:
        in_units(700, 20, 3, margin_query)
        in_units(50_000, 128, 0.4, matrix_product)
        return
    if options.million:
        on_a_million(options.only, 1_000_000, options.batch)
        return
    for n_rows in options.rows:
        against_peer(options.only, n_rows, options)


if __name__ == "__main__":
    main()
