"""Rows that are taught again: kept twice, told anew, or refused."""

from dataclasses import replace

import numpy as np

from skal._data import row_groups

#: What ``on_repeat=`` may be.
ON_REPEAT = ("append", "replace", "error")


def settle(training, n_before, on_repeat, first=None):
    """Settle rows that a batch repeats; return what is left, and the rows of the batch.

    These are positions in the new training set; last comes which rows of the old it
    holds. ``training`` ends in the batch, before which there are ``n_before`` rows.
    ``first`` is for each row the first that is the same; None takes rows that hold the
    same for that. Taught at once or one by one, the outcome is alike.
    """
    n = len(training.y)
    if on_repeat == "append":
        return training, np.arange(n_before, n), np.arange(n)
    first = row_groups(training.X) if first is None else first
    batch = np.arange(n_before, n)
    repeated = batch[first[batch] < batch]
    if on_repeat == "error" and len(repeated):
        raise repeated_before(repeated, n_before)
    training = replace(training, y=joined(training.y, first, n_before))
    last = np.full(n, -1)
    last[first[batch]] = batch  # in turn: of several labels for a row the last holds
    told = np.where(last[first] < 0, np.arange(n), last[first])
    stays = np.ones(n, bool)
    stays[repeated] = False
    rows = np.flatnonzero(stays)
    taught = np.flatnonzero(told[rows] >= n_before)
    return training.at(rows, told[rows]), taught, rows


def repeated_before(repeated, n_before):
    """Build the error for rows of a batch that repeat others."""
    return ValueError(
        "X must hold rows that were not taught before, got "
        f"{len(repeated)} that were, the first at position "
        f"{repeated[0] - n_before}. Pass on_repeat='replace' to label them anew, "
        "on_repeat='append' to count them twice."
    )


def joined(y, first, n_before):
    """Return y in which a row that is taught again keeps the labels not told anew.

    ``first`` is the first row that holds the same; the batch begins at ``n_before``.
    Where labels are known in part those of a row may come one by one.
    """
    if y.ndim == 1 or y.dtype.kind != "f" or not np.isnan(y[n_before:]).any():
        return y
    y = y.copy()
    latest: dict[int, int] = {}
    for row, group in enumerate(first.tolist()):
        if row >= n_before and group in latest:
            y[row] = np.where(np.isnan(y[row]), y[latest[group]], y[row])
        latest[group] = row
    return y
