"""The record of a run: one dict a round, read as a dict of columns."""

import numpy as np

_COLUMNS = {
    "n_labels": np.int64,
    "indices": object,
    "query_time": float,
    "fit_time": float,
    "score": object,
    "info": object,
    "stopping": object,
}


def entry(n_labels, indices, query_time, fit_time, info):
    """Return the record of one round; info may hold the scores of what was asked."""
    rest = {name: value for name, value in info.items() if name != "score"}
    return {
        "n_labels": n_labels,
        "indices": indices,
        "query_time": query_time,
        "fit_time": fit_time,
        "score": info.get("score"),
        "info": rest,
        "stopping": None,
    }


def with_record(rounds, record):
    """Return the rounds with what a stopping rule measured on the last model."""
    return [*rounds[:-1], {**rounds[-1], "stopping": record}]


def columns(rounds):
    """Return the rounds as a dict of columns of equal length."""
    table = {}
    for name, dtype in _COLUMNS.items():
        column = np.empty(len(rounds), dtype)
        for i, round in enumerate(rounds):
            column[i] = round[name]
        table[name] = column
    return table
