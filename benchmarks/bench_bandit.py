"""What a bandit costs beside the strategies in it.

50 000 rows of 64 features, a batch of 10, after 100 queries that it has to read again.
The bandit shares its batch out among its arms, or under "exp4p" asks them all. Beside
it stand all of its arms, each asked for a batch of its own on one view, so that they
share one pass of the model as well. Target: the overhead is at most the sum of the
arms, that is twice their time in all. Seconds are those of the processor.

    python benchmarks/bench_bandit.py
"""

from time import process_time

import numpy as np
from common import show
from sklearn.linear_model import LogisticRegression

from skal import ModelView
from skal.query import Bandit, as_strategy

N_ROWS, N_FEATURES, N_QUERIES, BATCH = 50_000, 64, 100, 10
TARGET = 2.0
ARMS = {
    "scores": ("random", "margin", "entropy"),
    "scores and distances": ("random", "margin", "core_set"),
}


def history(names, n_first, rng):
    """Return what a learner would tell of queries of these arms."""
    infos = [{}]
    for query in range(N_QUERIES):
        rows = np.arange(BATCH) + n_first + BATCH * query
        infos.append(
            {
                "arms": names,
                "base": rng.choice(names, BATCH),
                "rows": rows,
                "predicted": rng.randint(10, size=BATCH),
                "probabilities": np.full(len(names), 1 / len(names)),
                "n_labels": int(rows[0]),
                "advised": np.ones((BATCH, len(names)), bool),
                "spread": np.ones(len(names)),
            }
        )
    ends = n_first + BATCH * np.arange(N_QUERIES + 1)
    rows = [np.arange(n_first), *(info["rows"] for info in infos[1:])]
    return {"n_labels": ends, "pool_indices": rows, "info": infos}


def seconds(function, repeats=3):
    """Return the least seconds of several calls."""
    found = []
    for _ in range(repeats):
        started = process_time()
        function()
        found.append(process_time() - started)
    return min(found)


def main():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_ROWS, N_FEATURES)).astype(np.float32)
    y = rng.randint(10, size=N_ROWS)
    n_labels = 10 + BATCH * N_QUERIES
    model = LogisticRegression(max_iter=20, tol=1e-1).fit(X[:n_labels], y[:n_labels])
    pool = X[n_labels:]
    rows = []
    for title, arms in ARMS.items():
        names = np.array(arms)
        past = history(names, 10, rng)

        def view(past=past):
            return ModelView(model, X[:n_labels], y[:n_labels], history=past)

        def all_arms(arms=arms, view=view):
            shared = view()
            for arm in arms:
                as_strategy(arm)(shared, pool, BATCH, random_state=0)

        alone = seconds(all_arms)
        for policy in ("surprise", "exp4p"):
            bandit = Bandit([(arm, arm) for arm in arms], policy)
            asked = seconds(
                lambda bandit=bandit, view=view: bandit(
                    view(), pool, BATCH, random_state=0
                )
            )
            ratio = asked / alone
            ok = "yes" if ratio <= TARGET else "NO"
            rows.append(
                [title, policy, f"{alone:.3f}", f"{asked:.3f}", f"{ratio:.2f}", ok]
            )
    show("a query", ["arms", "policy", "arms s", "bandit s", "ratio", "met"], rows)


if __name__ == "__main__":
    main()
