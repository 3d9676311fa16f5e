"""What a query of a learned scorer costs, beside margin and a pass of distances.

50 000 rows of 128 columns, 100 labelled, a logistic regression of ten classes. Target:
at most 3 times margin's query and one pass of distances to the labelled rows.

What there is no way around comes to about that: margin's probabilities, the pass, a
product of all rows and 128 of them (1.6 GFLOP) and an exponential of each such pair
(6.4 million). Ranks, spreads of columns and the network (150 MFLOP) come on top.
"""

import argparse

import numpy as np
from common import best, show, verdict
from sklearn.linear_model import LogisticRegression

from skal import ModelView
from skal.learned import LearnedStrategy
from skal.query import Margin
from skal.query.functional import k_center_greedy

N, D, M = 50_000, 128, 100


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=N)
    n = parser.parse_args().rows
    X = np.random.default_rng(0).standard_normal((n, D), dtype=np.float32)
    y = np.arange(n) % 10
    X[np.arange(n), y] += 2
    known = slice(0, M)
    model = LogisticRegression(max_iter=200).fit(X[known], y[known])

    def query(strategy, n_instances=1):
        view = ModelView(model, X[known], y[known], random_state=0)
        return strategy(view, X, n_instances, random_state=0)

    seconds = best(
        {
            "margin": lambda: query(Margin()),
            "distances": lambda: k_center_greedy(X, 1, labeled=X[known]),
            "learned": lambda: query(LearnedStrategy()),
            "learned, 100 rows": lambda: query(LearnedStrategy(), 100),
        }
    )
    limit = 3 * seconds["margin"] + seconds["distances"]
    rows = [[name, f"{1e3 * s:.0f}", f"{s / limit:.2f}"] for name, s in seconds.items()]
    rows[2].append(verdict(seconds["learned"], limit))
    for row in rows:
        row += [""] * (4 - len(row))
    show(f"a query of {n} x {D}", ["what", "ms", "of the target", ""], rows)


if __name__ == "__main__":
    main()
