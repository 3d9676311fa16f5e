"""What the formulas cost, beside one plain numpy pass over the same probabilities.

Scoring every row and choosing the best 100, on 1 000 000 rows by 10 classes in single
precision. Target: at most 3 times ``proba.max(axis=1)`` (margin, least confidence) or
``np.log(proba)`` (entropy).
"""

import argparse
from functools import partial
from importlib.util import find_spec

import numpy as np
from common import best, peak_traced, show, verdict

from skal.query.functional import (
    consensus_entropy,
    entropy,
    kl_divergence,
    least_confidence,
    margin,
    mean_over_labels,
    vote_entropy,
)
from skal.query.functional._order import top_n

TARGET = 3.0
FORMULAS = {"margin": margin, "least_confidence": least_confidence, "entropy": entropy}
ACTIVEML_NAMES = {
    "margin": "margin_sampling",
    "least_confidence": "least_confident",
    "entropy": "entropy",
}


def simplex(*shape, dtype=np.float32):
    proba = np.random.default_rng(0).standard_exponential(shape, dtype=np.float32)
    proba += 1e-6  # the plain logarithm, unlike ours, warns of log 0
    proba /= proba.sum(axis=-1, keepdims=True)
    return proba.astype(dtype, copy=False)


def choose(name, proba, n):
    sign = -1 if name == "margin" else 1
    return top_n(sign * FORMULAS[name](proba), n, np.random.RandomState(0))


def numpy_pass(name, proba):
    return np.log(proba) if name == "entropy" else proba.max(axis=1)


def by_modal(name, proba, n):
    """Return modAL's choice; its functions ask a classifier, here one that knows."""
    from modAL import uncertainty

    class Knows:
        def predict_proba(self, X):
            return X

    function = name.replace("least_confidence", "uncertainty") + "_sampling"
    return getattr(uncertainty, function)(Knows(), proba, n_instances=n)


def by_activeml(name, proba, n):
    from skactiveml.pool import uncertainty_scores
    from skactiveml.utils import simple_batch

    scores = uncertainty_scores(proba, method=ACTIVEML_NAMES[name])
    return simple_batch(scores, random_state=0, batch_size=n)


PEERS = {
    peer: function
    for peer, package, function in (
        ("scikit-activeml", "skactiveml", by_activeml),
        ("modAL", "modAL", by_modal),
    )
    if find_spec(package)
}


def against_peers(n_rows, n_classes, n, repeats):
    """Time the whole choice beside a numpy pass and the peers."""
    proba, rows = simplex(n_rows, n_classes), []
    for name in FORMULAS:
        functions = {
            "numpy": partial(numpy_pass, name, proba),
            "skal": partial(choose, name, proba, n),
        }
        functions |= {peer: partial(f, name, proba, n) for peer, f in PEERS.items()}
        seconds = best(functions, repeats)
        ratios = {key: s / seconds["numpy"] for key, s in seconds.items()}
        rows.append(
            (
                name,
                f"{1e3 * seconds['numpy']:.1f}",
                f"{1e3 * seconds['skal']:.1f}",
                f"{ratios['skal']:.2f}",
                *(f"{ratios[peer]:.1f}" for peer in PEERS),
                f"{peak_traced(functions['skal']) / 1e6:.1f}",
                verdict(ratios["skal"], TARGET),
            )
        )
    columns = ["formula", "numpy ms", "skal ms", "skal / numpy"]
    columns += [f"{peer} / numpy" for peer in PEERS]
    show(
        f"score {n_rows} x {n_classes} float32 and choose {n}",
        [*columns, "peak MB", "at most 3"],
        rows,
    )


def over_shapes(n_rows, repeats):
    """Time the scoring alone for other widths and precisions."""
    rows = []
    for n_classes in (2, 10, 100, 1000):
        for dtype in (np.float32, np.float64):
            proba = simplex(10 * n_rows // max(10, n_classes), n_classes, dtype=dtype)
            functions = {f"numpy {n}": partial(numpy_pass, n, proba) for n in FORMULAS}
            functions |= {n: partial(f, proba) for n, f in FORMULAS.items()}
            seconds = best(functions, repeats)
            ratios = (seconds[n] / seconds[f"numpy {n}"] for n in FORMULAS)
            shape = f"{len(proba)} x {n_classes}"
            rows.append((shape, np.dtype(dtype).name, *(f"{r:.2f}" for r in ratios)))
    show("score alone, in numpy passes", ["shape", "type", *FORMULAS], rows)


def of_samples(n_draws, n_rows, n_classes, repeats):
    """Time disagreement, and multilabel, beside the logarithm of the same numbers."""
    samples = simplex(n_draws, n_rows, n_classes)
    labels = samples.reshape(-1, n_classes)
    functions = {"np.log": partial(np.log, samples)}
    functions |= {
        formula.__name__: partial(formula, samples)
        for formula in (vote_entropy, consensus_entropy, kl_divergence)
    }
    functions["entropy over labels"] = partial(mean_over_labels, entropy, labels)
    seconds = best(functions, repeats)
    rows = [
        (
            name,
            f"{1e3 * s:.1f}",
            f"{s / seconds['np.log']:.2f}",
            f"{peak_traced(functions[name]) / 1e6:.1f}",
        )
        for name, s in seconds.items()
    ]
    title = f"disagreement of {n_draws} x {n_rows} x {n_classes} float32"
    show(title, ["formula", "ms", "in np.log", "peak MB"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--top", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    against_peers(options.rows, options.classes, options.top, options.repeats)
    over_shapes(options.rows, options.repeats)
    of_samples(20, options.rows // 10, options.classes, options.repeats)


if __name__ == "__main__":
    main()
