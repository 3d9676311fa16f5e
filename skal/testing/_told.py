"""Groups and costs of rows for the laws, made up from what the rows hold."""

import numpy as np
import scipy.sparse as sp

from skal import Rows
from skal._data import row_keys
from skal._model import OF_ROWS
from skal.query import ScoreStrategy, WrapperStrategy


def with_what_it_reads(strategy):
    """Return a strategy that is told the groups and costs of rows, if it needs them."""
    if not strategy.needs & OF_ROWS:
        return strategy
    return (ToldScore if isinstance(strategy, ScoreStrategy) else Told)(strategy)


class Told(WrapperStrategy):
    """Tells a strategy groups and costs that follow from what each row holds.

    So they are the same in whatever order, number and layout rows come.
    """

    def __init__(self, base=None):
        self.base = base

    @property
    def needs(self):
        """What the base needs of the model."""
        return super().needs - OF_ROWS

    def _query(self, view, rows, n_instances, rng):
        return self._base()(view, told(rows), n_instances, random_state=rng)


class ToldScore(Told, ScoreStrategy):
    """The same for a strategy that scores rows."""

    def _score(self, view, rows):
        return self._base().score_samples(view, told(rows))


def told(rows):
    """Return rows with groups and costs."""
    groups = numbers_of(rows.X)
    whole = Rows(rows.X, groups=groups, costs=1 + groups % 3)
    return whole if rows.indices is None else whole.take(rows.indices)


def numbers_of(X):
    """Return a whole number for each row, of which there are some dozens."""
    if sp.issparse(X):
        total = np.asarray(X.sum(axis=1, dtype=float)).ravel()
    elif getattr(getattr(X, "dtype", None), "kind", "O") in "fiu":
        total = np.asarray(X).reshape(len(X), -1).sum(axis=1, dtype=float)
    else:
        total = np.array([key[0] / 4 for key in row_keys(X)])
    return np.floor(4 * total).astype(int)
