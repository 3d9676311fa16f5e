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
        keys = row_keys(take_rows(X, taught))
        waiting: dict[bytes, list[int]] = {}
        for place, key in reversed([*enumerate(self.keys)]):
            waiting.setdefault(key, []).append(place)
        places = np.array(
            [waiting[key].pop() if waiting.get(key) else -1 for key in keys]
        )
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
