"""A live run over a pool that is known, whose unlabelled rows are learnt from too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skal._data import n_rows, row_keys
from skal._loop.first_round import FirstRound
from skal._loop.live import Live
from skal._loop.loop import Purchase
from skal._loop.pool import KnownPool
from skal._loop.question import unasked
from skal._loop.repeats import settle

if TYPE_CHECKING:
    from typing import Any

    from skal._loop.loop import Loop


@dataclass(frozen=True)
class PoolLive(Live):
    """What a live run has come to, in rows of a pool and in others taught beside them.

    A row of the pool is known by its position, so that equal rows stay different ones;
    another row by what it holds.
    """

    @classmethod
    def of(cls, learner: Any, loop: Loop) -> Live:
        """Return the run of a learner, of which it holds the attributes."""
        return replace(super().of(learner, loop), pool=KnownPool.of(learner))

    @classmethod
    def of_pool(cls, learner: Any, loop: Loop, pool: KnownPool) -> PoolLive:
        """Return the run over a pool of which no label is known yet."""
        return cls(loop, learner.n_initial, learner.batch_size, pool=pool)

    def waiting(self, training, positions, error):
        """Return the run that knows labels of the pool that allow of no model yet."""
        rows = np.arange(len(positions))
        purchase = Purchase(rows, "taught", pool_rows=positions)
        first = FirstRound(training.without_pool(), self.loop.seed, purchase, error)
        return replace(self, so_far=first)

    # Ask ------------------------------------------------------------------------

    @property
    def open_rows(self):
        """The positions of the rows without a label; None where no row has one."""
        known = self._stand()
        is_open = np.ones(n_rows(self.pool.X), bool)
        is_open[known[known >= 0]] = False
        return None if is_open.all() else np.flatnonzero(is_open)

    def _question(self, rows, picks, seconds, info):
        indices, asked, question = super()._question(rows, picks, seconds, info)
        if rows.X is not self.pool.X:
            self.pool.check_same(asked, indices)
        return indices, asked, question

    # Learn ----------------------------------------------------------------------

    def recognise(self, training, X, seen, indices):
        """Return taught rows with what fit was told of them, and where they stand."""
        if indices is not None:
            at = self.pool.positions_of(X, indices)
        elif self.question is not None:
            at = self.question.positions_of(X)
        else:
            at = np.full(n_rows(X), -1)
        return self.pool.told_of(training, at[seen]), at[seen]

    def settle(self, training, n_before, on_repeat, at):
        """Settle rows that a batch repeats; return the rest, and what was told."""
        known = self._stand()
        stand, first = np.append(known, at), None
        again = at[(at >= 0) & np.isin(at, known)]
        n_twice = np.sum(at >= 0) - len(np.unique(at[at >= 0]))
        if on_repeat == "append" and (len(again) or n_twice):
            raise labelled_before(again, n_twice)
        if on_repeat != "append":
            first = first_alike(training.X, stand)
        training, taught, kept = settle(training, n_before, on_repeat, first)
        at = stand[kept][taught]
        purchase, left = unasked(taught), None
        if self.question is not None:
            purchase, left = self.question.answered_at(at, taught)
        return training, (replace(purchase, pool_rows=at), left)

    def _stand(self):
        """Return where in the pool the rows known stand, -1 for those that do not."""
        if self.so_far is None:
            return np.empty(0, int)
        if isinstance(self.so_far, FirstRound):
            return self.so_far.purchase.pool_rows
        places = self.so_far.places
        return np.where(places < n_rows(self.pool.X), places, -1)

    def _unlabeled(self):
        return np.full(n_rows(self.pool.X), -1)

    def _places_of(self, purchase, n_known):
        return purchase.pool_rows[purchase.rows >= n_known]

    def _around(self, training, places):
        return self.pool.around(training, places)


def first_alike(X, stand):
    """Return for each row of X the position of the first that is the same row.

    Rows at a position in the pool, not -1 in ``stand``, are the same if that is; of
    others the first that holds the same is.
    """
    at: dict[int, int] = {}
    held: dict[bytes, int] = {}
    first = np.empty(len(stand), np.int64)
    for i, (key, place) in enumerate(zip(row_keys(X), stand.tolist(), strict=True)):
        alike = held.setdefault(key, i)
        first[i] = alike if place < 0 else at.setdefault(place, i)
    return first


def labelled_before(again, n_twice):
    """Build the error for rows of the pool that have a label, or are taught twice."""
    what = f"{n_twice} twice"
    if len(again):
        what = f"{len(again)} with a label, the first at {again[0]}"
    return ValueError(
        f"X must hold different rows of pool_ without a label, got {what}. "
        "Pass on_repeat='replace' to label them anew."
    )
