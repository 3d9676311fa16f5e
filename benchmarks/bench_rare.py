"""Finding rare things: labels for 50 positives, seconds a query, and the recall kept.

    python benchmarks/bench_rare.py                   # 1 % of 1 M x 64 rows, 5 seeds
    python benchmarks/bench_rare.py --promise         # 1000 simulations a line

The rows are clouds around many centres, a few of which are the rare class; a logistic
regression learns from the labels alone. Each run begins with the labels that a random
start needs to meet both classes, or with 5 rows of the class in hand. ``random`` is
worked out: 50 positives at 1 % take 5 000 labels on average. Seconds are of the CPU,
on one thread.
"""

import argparse
from functools import cache
from time import process_time

import numpy as np
from sklearn.linear_model import LogisticRegression

from skal import ModelView, Rows
from skal.query import Find, NeighborIndex, Neighbours, TargetMargin, as_strategy
from skal.stopping._recall_bound import most_there_can_be

N_FEATURES, N_CENTRES, N_RARE = 64, 300, 3


def made_up(n, share, seed):
    """Draw clouds of points; some are of the rare class, each as far off as others."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((N_CENTRES, N_FEATURES), dtype=np.float32)
    cloud = rng.integers(N_RARE, N_CENTRES, n)
    rare = rng.random(n) < share
    cloud[rare] = rng.integers(N_RARE, size=rare.sum())
    X = rng.standard_normal((n, N_FEATURES), dtype=np.float32)
    X += centres[cloud]
    return X, rare.astype(int)


def run(X, y, strategy, told, wanted, batch_size, limit, seed):
    """Ask until so many positives are found; return labels asked and query times."""
    strategy, told, seconds = as_strategy(strategy), list(told), []
    open_rows = np.ones(len(X), bool)
    open_rows[told] = False
    while y[told].sum() < wanted and len(told) < limit:
        model = LogisticRegression(max_iter=1000).fit(X[told], y[told])
        view = ModelView(model, X[told], y[told])
        rows = Rows(X, np.flatnonzero(open_rows))
        started = process_time()
        result = strategy(view, rows, batch_size, random_state=seed + len(told))
        seconds.append(process_time() - started)
        picks = rows.positions()[result[0] if isinstance(result, tuple) else result]
        told += picks.tolist()
        open_rows[picks] = False
    hits = np.cumsum(y[told])
    enough = np.flatnonzero(hits >= wanted)
    return (enough[0] + 1 if len(enough) else np.inf), seconds


def search(args):
    ratios = []
    for seed in range(args.seeds):
        X, y = made_up(args.rows, args.share, seed)
        started = process_time()
        index = NeighborIndex(X)
        print(f"seed {seed}: index of {args.rows} rows in", end=" ")
        print(f"{process_time() - started:.2f} s, {y.sum()} of the class", flush=True)
        rng = np.random.RandomState(seed)
        order = rng.permutation(len(X))
        until = max(10, np.flatnonzero(y[order])[0] + 1)
        start = order[:until]  # as a learner goes on until there are two classes
        seeds = rng.choice(np.flatnonzero(y), 5, replace=False)
        in_hand = np.append(seeds, order[y[order] == 0][:5])
        strategies = {
            "margin": "margin",
            "TargetMargin(1)": TargetMargin(1),
            "Find(1)": Find(1),
            "Neighbours(margin)": Neighbours("margin", index=index),
            "Neighbours(Find(1), 1)": Neighbours(Find(1), 1, index=index),
        }
        for name, told in (("random start", start), ("5 in hand", in_hand)):
            needed = {}
            for label, strategy in strategies.items():
                limit = len(told) + args.limit
                asked, seconds = run(
                    X, y, strategy, told, args.wanted, args.batch, limit, seed
                )
                needed[label] = asked
                print(
                    f"  {name:13s} {label:24s} {asked:7.0f} labels "
                    f"({asked - len(told):6.0f} after {len(told)})  query: median "
                    f"{np.median(seconds):.3f} s, first {seconds[0]:.3f}, "
                    f"max {max(seconds[1:]):.3f}",
                    flush=True,
                )
            ratios.append((name, needed))
    for name in ("random start", "5 in hand"):
        for label in ratios[0][1]:
            of = [n[label] / n["margin"] for s, n in ratios if s == name]
            print(f"{name:13s} {label:24s} {np.exp(np.mean(np.log(of))):.2f} x margin")


@cache
def most(n, found, batch, hits, confidence):
    """Return the most there can be after batches of a sample that met so many."""
    known = found + np.append(0, np.cumsum(hits))
    sizes = [min(batch, n - batch * i) for i in range(len(hits))]
    samples = [[n - batch * i, known[i], size, hits[i]] for i, size in enumerate(sizes)]
    left = n - sum(sizes)
    return most_there_can_be(np.array(samples), known[-1], left, confidence)


def stops_early(n, left_over, found, recall, confidence, batch, rng):
    """Sample a tail, look after each batch; tell of an early stop, and the sample."""
    tail = rng.permutation(np.arange(n) < left_over)
    hits = np.add.reduceat(tail, np.arange(0, n, batch))
    for looks in range(1, len(hits) + 1):
        known = found + hits[:looks].sum()
        told = tuple(hits[:looks].tolist())
        if known >= recall * most(n, found, batch, told, confidence):
            break
    return known < recall * (found + left_over), min(n, looks * batch)


def promise(args):
    print("   rest  found  left over   kept   labels of the sample (share of the rest)")
    for n, found in ((1000, 50), (1000, 200), (5000, 500)):
        allowed = int(found * (1 / 0.95 - 1))
        for left_over in (0, allowed, allowed + 1, 2 * allowed + 2):
            rng = np.random.RandomState(n + left_over)
            runs = [
                stops_early(n, left_over, found, 0.95, 0.95, n // 25, rng)
                for _ in range(args.simulations)
            ]
            wrong, size = np.mean(runs, axis=0)
            print(
                f"{n:7d} {found:6d} {left_over:10d} {1 - wrong:7.3f} {size:7.0f} "
                f"({size / n:.0%})",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--promise", action="store_true", help="simulate the recall")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--wanted", type=int, default=50)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    promise(args) if args.promise else search(args)
