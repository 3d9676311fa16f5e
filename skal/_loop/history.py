"""The record of a run: one dict a round, read as a dict of columns."""

import numpy as np

from skal._model import split

_COLUMNS = {
    "n_labels": np.int64,
    "indices": object,
    "query_time": float,
    "fit_time": float,
    "score": object,
    "info": object,
    "stopping": object,
}

#: Columns of runs in which the estimator saw unlabelled rows, and what a round has
#: in which it did not.
_PSEUDO_COLUMNS = {"n_pseudo_labeled": np.int64, "pseudo_accuracy": float}
_NO_PSEUDO = {"n_pseudo_labeled": 0, "pseudo_accuracy": np.nan}


def entry(n_labels, indices, query_time, fit_time, info, pseudo=None):
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
        **(pseudo or {}),
    }


def pseudo_record(estimator, codes, truth):
    """Count the labels that an estimator gave to unlabelled rows, and the right ones.

    It tells of them in a ``transduction_``, as scikit-learn's semi-supervised
    classifiers do. ``codes`` are what it was fitted on, -1 for rows without a label;
    ``truth`` is None where nobody knows it.
    """
    while estimator is not None and not hasattr(estimator, "transduction_"):
        _, estimator = split(estimator)
    given = np.asarray(getattr(estimator, "transduction_", codes))
    given = given if given.shape == codes.shape else codes  # it chose among other rows
    rows = (codes == -1) & (given != -1)
    known = truth is not None and rows.any()
    accuracy = np.mean(given[rows] == truth[rows]) if known else np.nan
    return {"n_pseudo_labeled": int(rows.sum()), "pseudo_accuracy": float(accuracy)}


def with_record(rounds, record):
    """Return the rounds with what a stopping rule measured on the last model."""
    return [*rounds[:-1], {**rounds[-1], "stopping": record}]


def columns(rounds):
    """Return the rounds as a dict of columns of equal length."""
    table = {}
    dtypes = dict(_COLUMNS)
    if any("n_pseudo_labeled" in round for round in rounds):
        dtypes.update(_PSEUDO_COLUMNS)
    for name, dtype in dtypes.items():
        column = np.empty(len(rounds), dtype)
        for i, round in enumerate(rounds):
            column[i] = {**_NO_PSEUDO, **round}[name]
        table[name] = column
    return table
