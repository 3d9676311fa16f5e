"""Scores of units by a strategy that scores rows: each unit is a row of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from skal._data import Rows, as_rows
from skal._model import ModelView
from skal.query._base import ScoreStrategy
from skal.query._picks import describe, from_zero

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: What a strategy may need of units.
_ANSWERS = frozenset({"proba", "decision", "samples", "votes"})


def check_unit_base(base):
    """Refuse a strategy that cannot score units: it must look at each one alone."""
    scores = isinstance(base, ScoreStrategy) and not base._bases()
    if not (scores and base.needs <= _ANSWERS and "multiclass" in base.target_types):
        raise TypeError(
            "base must be a strategy that scores each unit by its probabilities or "
            f"samples alone, got {describe(base)}. Use one such as Entropy, Margin, "
            "BALD or VoteEntropy, and put wrappers around the whole."
        )
    base._check_params()


def reads_draws(base):
    """Tell whether a strategy reads several draws of each unit."""
    return bool({"samples", "votes"} & base.needs)


def unit_needs(base):
    """Return what an estimator must answer, so that a strategy can score its units."""
    return frozenset({"unit_samples" if reads_draws(base) else "units"})


def as_it_is(strategy):
    """Return what tells a strategy from others, and from other settings of it."""
    return strategy, repr(strategy.get_params())


def reduce_scores(view, base, reduce, X):
    """Score the units of rows, chunk by chunk; return what becomes of each row.

    ``reduce(scores, proba)`` takes the scores of the units of m rows and their
    probabilities, the mean of the draws where there are several: arrays (m, ...) and
    (m, ..., C), or lists of m such arrays, of a row each.
    """
    if not reads_draws(base):

        def of_units(units):
            return reduce(scores_of(base, units), units)

        return view.reduce_units(of_units, X)

    def of_draws(draws):
        if isinstance(draws, list):
            mean = [row.mean(axis=0) for row in draws]
        else:
            mean = draws.mean(axis=0)
        return reduce(scores_of(base, draws, drawn=True), mean)

    return view.reduce_unit_samples(of_draws, X, getattr(base, "n_samples", None))


def scores_of(base, units, *, drawn=False):
    """Score units (m, ..., C) or draws (S, m, ..., C); lists of one a row stay lists.

    Scores that are known to begin below 0 are counted from there.
    """
    if isinstance(units, list):
        flat = [row.reshape(*row.shape[:drawn], -1, row.shape[-1]) for row in units]
        shapes = [row.shape[drawn:-1] for row in units]
        if sum(row.shape[-2] for row in flat) == 0:
            return [np.empty(shape) for shape in shapes]
        scores = flat_scores(base, np.concatenate(flat, axis=int(drawn)), drawn)
        ends = np.cumsum([row.shape[-2] for row in flat])[:-1]
        parts = np.split(scores, ends)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    shape = units.shape[drawn:-1]
    flat = units.reshape(*units.shape[:drawn], -1, units.shape[-1])
    return flat_scores(base, flat, drawn).reshape(shape)


def flat_scores(base, units, drawn):
    """Score units (u, C), or draws of them (S, u, C)."""
    scores = base.score_samples(UnitView(units, drawn), no_data(units.shape[-2]))
    return from_zero(scores, base)


def no_data(n):
    """Return n rows of which there is nothing to see but what a view answers."""
    return Rows(np.empty((n, 0)))


class UnitView(ModelView):
    """The view of a model of which the answers for all units are there.

    ``units`` are probabilities (u, C), or draws of them (S, u, C).
    """

    def __init__(self, units: NDArray[Any], drawn: bool) -> None:
        super().__init__(UnitModel(), classes=np.arange(units.shape[-1]))
        self._draws = units if drawn else units[np.newaxis]

    def predict_proba(self, X, **params):
        """Return the probabilities of units, (u, C)."""
        if len(self._draws) == 1:
            return self.sample_proba(X)[0]
        return self.sample_proba(X).mean(axis=0)

    def sample_proba(self, X, n_samples=None):
        """Return the draws of units, (S, u, C)."""
        rows = as_rows(X)
        return self._draws if rows.indices is None else self._draws[:, rows.indices]

    def reduce_samples(self, f, X, n_samples=None):
        """Reduce the draws of each unit to a number."""
        return f(self.sample_proba(X))

    reduce_votes = reduce_samples


class UnitModel(BaseEstimator):
    """What a UnitView says its model can do."""

    def predict_proba(self, X):
        """Exist."""

    def sample_proba(self, X):
        """Exist."""
