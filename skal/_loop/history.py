"""The record of a run: one dict a round, read as a dict of columns."""

import numpy as np

from skal._model import peel

_COLUMNS = {
    "n_labels": np.int64,
    "indices": object,
    "pool_indices": object,
    "query_time": float,
    "fit_time": float,
    "score": object,
    "info": object,
    "stopping": object,
}

#: Columns of runs in which labels have a cost.
_COST_COLUMNS = {"cost": float}

#: Columns of runs in which rows may be rejected, and what a round has that was before.
_REJECT_COLUMNS = {"n_rejected": np.int64}

#: Columns of runs in which the estimator saw unlabelled rows, and what a round has
#: in which it did not.
_PSEUDO_COLUMNS = {"n_pseudo_labeled": np.int64, "pseudo_accuracy": float}
_NONE = {"n_rejected": 0, "n_pseudo_labeled": 0, "pseudo_accuracy": np.nan}


def round_record(purchase, fit_time, estimator, training):
    """Return the record of one round: what was bought, and what was learnt of it."""
    told = {name: value for name, value in purchase.info.items() if name != "score"}
    pool_rows = purchase.pool_rows
    record = {
        "n_labels": n_known(training, purchase.rows),
        "indices": purchase.rows,
        "pool_indices": purchase.rows if pool_rows is None else pool_rows,
        "query_time": purchase.query_time,
        "fit_time": fit_time,
        "score": purchase.info.get("score"),
        "info": told,
        "stopping": None,
        "source": purchase.source,
    }
    return record | counted(estimator, training)


def counted(estimator, training):
    """Count what a training set holds, and what an estimator has made of it."""
    known = cost_record(training) | reject_record(training)
    return known | pseudo_record(estimator, training)


def cost_record(training):
    """Add up what the labels cost, where they cost something."""
    costs = training.beside.get("costs")
    return {} if costs is None else {"cost": float(costs.sum())}


def reject_record(training):
    """Count the rows that belong to no class, where there is a label for them."""
    if training.rejects is None:
        return {}
    return {"n_rejected": int(training.rejects.rows.sum())}


def recounted(rounds, estimator, training):
    """Return the rounds, of which the last ends in a training set as it is now."""
    return (*rounds[:-1], {**rounds[-1], **counted(estimator, training)})


def n_known(training, asked):
    """Count what is known: rows, or parts of them where these were asked for."""
    return len(training.y) if asked.ndim == 1 else int(training.known_parts.sum())


def pseudo_record(estimator, training):
    """Count the labels that an estimator gave to unlabelled rows, and the right ones.

    It tells of them in a ``transduction_``, as scikit-learn's semi-supervised
    classifiers do. How many are right is known where an oracle knows it.
    """
    if training.whole is None:
        return {}
    (_, codes, _), truth = training.whole, training.truth
    while estimator is not None and not hasattr(estimator, "transduction_"):
        _, estimator = peel(estimator)
    given = np.asarray(getattr(estimator, "transduction_", codes))
    given = given if given.shape == codes.shape else codes  # it chose among other rows
    rows = (codes == -1) & (given != -1)
    known = truth is not None and rows.any()
    accuracy = np.mean(given[rows] == truth[rows]) if known else np.nan
    return {"n_pseudo_labeled": int(rows.sum()), "pseudo_accuracy": float(accuracy)}


def columns(rounds):
    """Return the rounds as a dict of columns of equal length."""
    table = {}
    dtypes = dict(_COLUMNS)
    for more in (_COST_COLUMNS, _REJECT_COLUMNS, _PSEUDO_COLUMNS):
        if any(more.keys() <= round.keys() for round in rounds):
            dtypes.update(more)
    for name, dtype in dtypes.items():
        column = np.empty(len(rounds), dtype)
        missing = _NONE.get(name)
        for i, round in enumerate(rounds):
            column[i] = round.get(name, missing)
        table[name] = column
    return table


def told_columns(rounds, places, n_rows):
    """Return the columns for a strategy, with one that says where the labels are.

    ``places`` in them are the positions of the rows of a round among all that are
    labelled, -1 for rows taken back. ``places`` given say where these stand among the
    ``n_rows`` rows of fit's X and those taught after them.
    """
    where = np.full(n_rows, -1)
    where[places] = np.arange(len(places))
    table = columns(rounds)
    table["places"] = np.empty(len(rounds), object)
    for i, record in enumerate(rounds):
        rows = record["indices"]
        rows = rows if rows.ndim == 1 else rows[:, 0]  # of pairs with a label
        table["places"][i] = rows if record["source"] == "taught" else where[rows]
    return table
