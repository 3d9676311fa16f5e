"""Rows that are taught again: kept twice, told anew, or refused."""

import numpy as np

from skal._data import row_groups

#: What ``on_repeat=`` may be.
ON_REPEAT = ("append", "replace", "error")


def settle(training, n_before, on_repeat):
    """Settle rows that a batch repeats; return the training set, and the batch's rows.

    ``training`` ends in the batch, before which there are ``n_before`` rows. Rows are
    the same if they hold the same. Taught at once or one by one, the outcome is alike.
    """
    n = len(training.y)
    if on_repeat == "append":
        return training, np.arange(n_before, n)
    first = row_groups(training.X)
    batch = np.arange(n_before, n)
    repeated = batch[first[batch] < batch]
    if on_repeat == "error" and len(repeated):
        raise ValueError(
            "X must hold rows that were not taught before, got "
            f"{len(repeated)} that were, the first at position "
            f"{repeated[0] - n_before}. Pass on_repeat='replace' to label them anew, "
            "on_repeat='append' to count them twice."
        )
    last = np.full(n, -1)
    last[first[batch]] = batch  # in turn: of several labels for a row the last holds
    told = np.where(last[first] < 0, np.arange(n), last[first])
    stays = np.ones(n, bool)
    stays[repeated] = False
    rows = np.flatnonzero(stays)
    return training.at(rows, told[rows]), np.flatnonzero(told[rows] >= n_before)
