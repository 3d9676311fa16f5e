"""What does a question about two rows cost, and groups of k-means with pairs?

Targets: a question at 100 000 x 64, after set-up, in 50 ms, and 1 GB beyond X; at
2 000 x 64 in a tenth of a plain search through all rows, the O(n^2 d) form of toolboxes
for active clustering; k-means with pairs at 1 000 x 16 in a quarter of the time of
active-semi-supervised-clustering, where that is installed (its last release is of 2018;
an environment of its own may hold it).

    python benchmarks/bench_clusters.py [--rows 100000] [--features 64]
"""

import argparse
from importlib.util import find_spec
from time import perf_counter

import numpy as np
from common import best, blobs, peak_resident, show, verdict
from sklearn.metrics import adjusted_rand_score

from skal.cluster import ActiveClusterer, ConstrainedKMeans, PreferenceLearner


def questions(n_rows, n_features, n_questions=60):
    """Time set-up, questions and answers, one at a time; measure memory beyond X."""
    X, y = blobs(n_rows, n_features)
    utility = X @ np.random.default_rng(1).standard_normal(n_features)
    learners = {
        f"groups, {name}": (
            ActiveClusterer(query_strategy=name, random_state=0),
            lambda i, j: bool(y[i] == y[j]),
        )
        for name in ("neighbourhood", "entropy", "uniform")
    }
    learners |= {
        f"preferences, {name}": (
            PreferenceLearner(name, random_state=0),
            lambda i, j: bool(utility[i] > utility[j]),
        )
        for name in ("d_optimal", "thompson")
    }
    rows = []
    for name, (learner, oracle) in learners.items():
        seconds = {"set-up": [], "query": [], "teach": []}

        def run(learner=learner, oracle=oracle, seconds=seconds):
            timed(seconds["set-up"], lambda: learner.fit(X))
            for _ in range(n_questions):
                pairs = timed(seconds["query"], learner.query)
                answers = [oracle(i, j) for i, j in pairs]
                timed(seconds["teach"], lambda p=pairs, a=answers: learner.teach(p, a))

        peak = peak_resident(run)
        ask = 1e3 * float(np.median(seconds["query"]))
        both = ask + 1e3 * float(np.median(seconds["teach"]))
        rows.append(
            (
                name,
                f"{seconds['set-up'][0]:.1f}",
                f"{ask:.1f}",
                verdict(ask, 50),
                f"{both:.1f}",
                f"{peak / 1e6:.0f}",
                verdict(peak / 1e9, 1),
            )
        )
    header = ["who asks", "set-up s", "query ms", "", "+ teach ms", "peak MB", ""]
    show(f"a question at {n_rows} x {n_features} float32", header, rows)


def timed(seconds, function):
    """Call a function, and note how long it took."""
    start = perf_counter()
    result = function()
    seconds.append(perf_counter() - start)
    return result


def plain_question(X, asked):
    """Choose a pair as toolboxes do: the row farthest from all that were asked about.

    Then its partner, the nearest of these: all in Python over rows, O(n^2 d) for half
    of the rows asked about.
    """
    far = [min(float(np.sum((row - X[i]) ** 2)) for i in asked) for row in X]
    row = int(np.argmax(far))
    return row, min(asked, key=lambda i: float(np.sum((X[row] - X[i]) ** 2)))


def beside_the_plain_form(n_rows, n_features, n_asked=50):
    """Time one question beside the plain search, after as many answers."""
    X, y = blobs(n_rows, n_features)
    clusterer = ActiveClusterer(
        n_queries=n_asked, n_super_instances=100, random_state=0
    )
    clusterer.fit(X, y)
    rng = np.random.default_rng(0)
    asked = [int(i) for i in rng.choice(n_rows, n_asked, replace=False)]
    seconds = best(
        {
            "plain": lambda: plain_question(X, asked),
            "skal": clusterer.query,
        },
        repeats=3,
    )
    ratio = seconds["skal"] / seconds["plain"]
    rows = [(name, f"{1e3 * s:.2f}") for name, s in seconds.items()]
    rows.append(("skal / plain", f"{ratio:.4f}", verdict(ratio, 0.1)))
    title = f"a question at {n_rows} x {n_features}, {n_asked} rows asked about"
    show(title, ["form", "ms", ""], [(*row, "")[:3] for row in rows])


def constrained(n_rows, n_features, n_pairs=300, n_clusters=5):
    """Time k-means with pairs, one start, beside the peer's."""
    X, y = blobs(n_rows, n_features, n_classes=n_clusters, dtype=np.float64)
    pairs = np.random.default_rng(0).choice(n_rows, (n_pairs, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    same = y[pairs[:, 0]] == y[pairs[:, 1]]
    must, cannot = pairs[same], pairs[~same]
    found = {}

    def ours(hard):
        model = ConstrainedKMeans(n_clusters, hard=hard, n_init=1, random_state=0)
        found["skal", hard] = model.fit(X, must_link=must, cannot_link=cannot).labels_

    functions = {"skal soft": lambda: ours(False), "skal hard": lambda: ours(True)}
    if find_spec("active_semi_clustering"):
        from active_semi_clustering.semi_supervised.pairwise_constraints import (
            PCKMeans,
        )

        def theirs():
            model = PCKMeans(n_clusters=n_clusters)
            model.fit(X, ml=must.tolist(), cl=cannot.tolist())
            found["peer", False] = model.labels_

        functions["peer soft"] = theirs
    seconds = best(functions, repeats=2)
    rows = []
    for name, s in seconds.items():
        who, how = name.split()
        score = adjusted_rand_score(y, found[who, how == "hard"])
        ratio = s / seconds["peer soft"] if "peer soft" in seconds else np.nan
        words = verdict(ratio, 0.25) if who == "skal" and np.isfinite(ratio) else ""
        rows.append((name, f"{1e3 * s:.0f}", f"{score:.2f}", f"{ratio:.4f}", words))
    title = f"k-means with {len(pairs)} pairs at {n_rows} x {n_features}"
    show(title, ["who", "ms", "ARI", "of the peer", ""], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=64)
    options = parser.parse_args()
    questions(options.rows, options.features)
    beside_the_plain_form(2_000, options.features)
    constrained(1_000, 16)


if __name__ == "__main__":
    main()
