"""Pairs of a row and a unit of it, where single labels of rows are asked for."""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from skal._checks import check_mask
from skal._data import Rows, select_among
from skal._loop.initial import go_on
from skal.query import UnitStrategy, as_strategy


def asks_units(strategy):
    """Tell whether a query strategy asks for single labels of rows."""
    return isinstance(as_strategy(strategy), UnitStrategy)


def cells_asked(strategy):
    """Return the cells of rows a strategy asks for, None where it asks for rows."""
    return as_strategy(strategy)._cells() if asks_units(strategy) else None


@dataclass(frozen=True)
class OpenUnits:
    """Rows of a pool, and a mask (n, L) of what may be asked about each of them."""

    rows: Rows
    open: np.ndarray

    def __len__(self):
        return int(self.open.sum())

    def at(self, picks):
        """Return pairs among the rows as pairs in the pool."""
        return np.column_stack([self.rows.positions()[picks[:, 0]], picks[:, 1]])


def open_units(pool, open):
    """Return the rows of a pool of which something may be asked, by a mask of it."""
    rows = np.flatnonzero(open.any(axis=1))
    return OpenUnits(pool.take(rows), open[rows])


def select_units(pool, candidates, n_units):
    """Return what ``candidates`` allow to ask of a pool: all labels of rows, or a mask.

    ``n_units`` is the number of labels a row, None while nobody knows.
    """
    if np.ndim(candidates) == 2:
        n_told = np.shape(candidates)[1] if n_units is None else n_units
        mask = check_mask("candidates", candidates, (len(pool), n_told))
        return open_units(pool, mask)
    if n_units is None:
        raise ValueError(
            "candidates must be a mask of shape (n_samples, n_labels) before the first "
            f"label, got {candidates!r}. It says how many labels a row has; "
            "np.ones((n_samples, n_labels), bool) allows all."
        )
    rows = select_among(pool, candidates)
    return OpenUnits(rows, np.ones((len(rows), n_units), bool))


def first_units(ask, open, begun, n_initial):
    """Yield the pairs of a first round, row by row, as long as there are any.

    ``ask(size)`` returns the rows that a first round of so many rows would ask for;
    those that are ``begun`` are finished first. ``n_initial`` counts pairs.
    """
    size = -(-n_initial // open.shape[1])
    for row in chain(np.flatnonzero(begun), go_on(ask, begun, size)):
        for unit in np.flatnonzero(open[row]):
            yield int(row), int(unit)


def first_of_each(rows):
    """Return the different rows, each where it comes first."""
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)]


def given(missing, y, parts=None):
    """Return what is labelled in y, as rows or as pairs, and the rounds of fit's X.

    ``parts`` are what is asked for one by one, None where whole rows are.
    """
    if parts is None:
        return np.flatnonzero(~missing), np.where(missing, -1, 0)
    known = ~missing[:, np.newaxis] & parts.known(y)
    return np.argwhere(known), np.where(known, 0, -1)


def stage_of(training, since, round, labels):
    """Return the rows labelled up to a round, as they were then, and their positions.

    ``since`` is the round in which each row was labelled, or each label of a row, (n,)
    or (n, L), and -1 for labels that are not known.
    """
    if since.ndim == 1:
        rows = np.arange(np.count_nonzero(since <= round))
        return training.at(slice(len(rows)), labels=labels), rows
    known = (since >= 0) & (since <= round)
    rows = np.flatnonzero(known.any(axis=1))
    stage = training.at(rows, labels=labels)
    return stage.with_y(labels.parts.only(stage.y, known[rows])), rows
