"""Pictures of what was asked, where the rows are images."""

from __future__ import annotations

import numpy as np

from skal._data import take_rows

ROUNDS, ROWS = 8, 10


def asked_images(outcomes, data):
    """Return some of the images that each strategy asked in its first seed.

    Parameters
    ----------
    outcomes : list of dict
        What came of the cells, in order.
    data : dict of str to Data
        The rows, by name.

    Returns
    -------
    dict of str to ndarray of shape (n_rounds, n_images, ...)
        By key of the cell, for data sets of images.
    """
    images, seen = {}, set()
    for outcome in outcomes:
        record = outcome.get("record")
        if record is None:
            continue
        where = record["data"], record["estimator"], record["strategy"]
        shape = data[record["data"]].image_shape
        if shape is None or where in seen:
            continue
        seen.add(where)
        images[record["key"]] = _pick(record["asked"], data[record["data"]].X, shape)
    return images


def shown_rounds(n_rounds):
    """Return the rounds to show: spread over the run, without the first labels."""
    last = n_rounds - 1
    if last < 1:
        return []
    return np.unique(np.linspace(1, last, min(ROUNDS, last)).round().astype(int))


def _pick(asked, X, shape):
    rounds = shown_rounds(len(asked))
    size = min([ROWS, *(len(asked[i]) for i in rounds)], default=0)
    rows = [take_rows(X, rows_of(asked[i][:size])) for i in rounds]
    return np.array(rows).reshape(len(rows), size, *shape)


def rows_of(asked):
    """Return the rows of what was asked, which may be cells of rows."""
    picks = np.array(asked, int)
    return picks if picks.ndim == 1 else picks[:, 0]
