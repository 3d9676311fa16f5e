"""The laws of pair strategies whose pairs ask which of two is better."""

import numpy as np


def nothing_known_is_asked(trial):
    """Ask nothing twice, and nothing that exact answers imply, until all is known."""
    for way in trial.ways:
        ask_until_known(trial, trial.X, trial.y, **way)


def few_items(trial):
    """Serve one item, two items and items that are all alike."""
    for way in trial.ways:
        for n in (1, 2, 6):
            ask_until_known(trial, np.zeros((n, 2)), np.arange(n) * 1.0, **way)


def ask_until_known(trial, X, utilities, **params):
    """Ask until nothing is left; assert that the whole order is known then."""
    better, asked = np.eye(len(X), dtype=bool), set()

    def oracle(i, j):
        assert (i, j) not in asked, f"({i}, {j}) was asked before."
        assert not better[i, j], f"{i} is known to be better than {j}."
        assert not better[j, i], f"{j} is known to be better than {i}."
        asked.update([(i, j), (j, i)])
        high, low = (i, j) if utilities[i] > utilities[j] else (j, i)
        better[np.ix_(better[:, high], better[low])] = True  # above one, below other
        return high == i

    trial.learner(**params).fit(X, oracle=oracle)
    open_pairs = np.count_nonzero(~(better | better.T)) // 2
    assert open_pairs == 0, (
        f"after {len(asked) // 2} answers nothing more is asked, but of {open_pairs} "
        "pairs it is not known which one is better."
    )
