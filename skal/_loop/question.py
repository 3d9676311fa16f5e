"""What a query asked for, so that the history of its round can tell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from skal._data import row_keys, take_rows
from skal._loop.loop import Purchase

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Question:
    """The rows that a query asked for and that have not been taught.

    ``rows`` are positions in the pool, ``keys`` stand for what these rows hold: the
    pool itself is not kept. ``score`` has an entry a row, where the strategy gave one.
    """

    rows: NDArray[np.int64]
    keys: tuple[bytes, ...]
    query_time: float
    score: Any = None
    info: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, rows, X, query_time, info):
        """Return the question for X, whose rows stand at ``rows`` in the pool."""
        told, score = dict(info), info.get("score")
        if isinstance(score, np.ndarray) and score.shape[:1] == rows.shape[:1]:
            del told["score"]
        else:
            score = None  # a function of the user's own may tell anything
        return cls(rows, tuple(row_keys(X)), query_time, score, told)

    def answered(self, X, taught):
        """Return what was taught as a purchase, and the question that is left, or None.

        ``taught`` are the positions in X of rows that may be answers, in any order.
        """
        return self._answered(self._places_of(take_rows(X, taught)), taught)

    def answered_at(self, positions, taught):
        """Return the same for rows that stand at some positions in the pool."""
        places = {row: place for place, row in enumerate(self.rows.tolist())}
        found = [places.get(row, -1) for row in positions.tolist()]
        return self._answered(np.array(found, int), taught)

    def positions_of(self, X):
        """Return where in the pool the rows asked stand that X holds, -1 for others."""
        places = self._places_of(X)
        return np.where(places >= 0, self.rows[places], -1)

    def _places_of(self, X):
        """Return which of the rows asked X holds, each once, -1 for others."""
        waiting: dict[bytes, list[int]] = {}
        for place, key in reversed([*enumerate(self.keys)]):
            waiting.setdefault(key, []).append(place)
        found = [waiting[key].pop() if waiting.get(key) else -1 for key in row_keys(X)]
        return np.array(found, int)

    def _answered(self, places, taught):
        asked, info = places >= 0, dict(self.info)
        if not asked.any():
            return unasked(taught), self
        rows = np.where(asked, self.rows[places], -1)
        if self.score is not None:
            scores = self.score[places]
            info["score"] = scores if asked.all() else np.where(asked, scores, np.nan)
        purchase = Purchase(taught, "taught", self.query_time, info, rows)
        return purchase, self._without(places[asked])

    def _without(self, places):
        left = np.delete(np.arange(len(self.rows)), places)
        if len(left) == 0:
            return None
        return replace(
            self,
            rows=self.rows[left],
            keys=tuple(self.keys[i] for i in left),
            query_time=0.0,  # which the first answer has counted
            score=None if self.score is None else self.score[left],
        )


def unasked(taught):
    """Return rows that were taught and that no query had asked for as a purchase."""
    return Purchase(taught, "taught", pool_rows=np.full(len(taught), -1))
