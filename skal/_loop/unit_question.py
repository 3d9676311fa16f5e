"""What a query asked about single labels of rows, and which answers belong to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skal._data import row_groups, row_keys, take_rows
from skal._loop.loop import Purchase
from skal._loop.question import Question
from skal._loop.repeats import repeated_before


@dataclass(frozen=True)
class UnitQuestion(Question):
    """The pairs that a query asked for and that have not been taught.

    ``rows`` (m, 2) are positions in the pool and labels, ``keys`` stand for what the
    rows of the pairs hold.
    """

    def claim(self, keys, known):
        """Return the place of the pair that each (row, label) taught answers, or -1.

        ``keys`` stand for what the rows taught hold; ``known`` (n, L) is what is known
        of them. Of equal rows of a pool the first asked is answered first.
        """
        places = np.full(known.shape, -1)
        left = dict.fromkeys(range(len(self.rows)))  # in the order of the question
        waiting: dict[bytes, list[int]] = {}
        for place, key in enumerate(self.keys):
            waiting.setdefault(key, []).append(place)
        for i, key in enumerate(keys):
            open = [place for place in waiting.get(key, ()) if place in left]
            told = [place for place in open if known[i, self.rows[place, 1]]]
            for place in told:
                if self.rows[place, 0] == self.rows[told[0], 0]:
                    places[i, self.rows[place, 1]] = place
                    del left[place]
        return places


def settle_units(training, n_before, on_repeat, question, pool_rows):
    """Settle which rows of a batch are rows that were there before.

    ``training`` ends in the batch, ``pool_rows`` are the places in the pool of the
    ``n_before`` rows before it, -1 where nobody knows. A row that answers the question
    is the row of the pool that was asked, and joins what is known of it; for others
    ``on_repeat`` says. Return the training set, the batch as a purchase of pairs, and
    the question that is left.
    """
    n, known, parts = len(training.y), training.known_parts, training.labels.parts
    batch = np.arange(n_before, n)
    places = np.full(known.shape, -1)
    pool = np.append(pool_rows, np.full(len(batch), -1))
    if question is not None:
        keys = row_keys(take_rows(training.X, batch))
        places[batch] = question.claim(keys, known[batch])
        answers = batch[(places[batch] >= 0).any(axis=1)]
        pool[answers] = question.rows[places[answers].max(axis=1), 0]
    homes = homes_of(training.X, n_before, on_repeat, pool)
    y, told = parts.only(training.y, known), np.arange(n)
    for row in batch:
        new = parts.labelled(training.y[row : row + 1])[0]
        y[homes[row]][new] = training.y[row][new]
        told[homes[row]] = row
    kept = np.flatnonzero(homes == np.arange(n))
    now = np.searchsorted(kept, homes)
    purchase, left = bought(now, batch, known, places, question)
    return training.at(kept, told[kept]).with_y(y[kept]), purchase, left


def homes_of(X, n_before, on_repeat, pool):
    """Return, for each row, the first row that is the same.

    Rows are the same if they stand at one place of the pool and hold the same; where
    ``on_repeat`` says so, if they hold the same.
    """
    n = len(pool)
    homes = np.arange(n)
    at = np.flatnonzero(np.isin(pool, pool[n_before:]) & (pool >= 0))
    seen: dict[tuple[int, bytes], int] = {}
    for row, key in zip(at.tolist(), row_keys(take_rows(X, at)), strict=True):
        first = seen.setdefault((int(pool[row]), key), row)
        homes[row] = first if row >= n_before else row
    if on_repeat == "append":
        return homes
    alike = row_groups(X)
    news = np.arange(n_before, n)
    again = news[(homes[news] == news) & (alike[news] < news)]
    if on_repeat == "error" and len(again):
        raise repeated_before(again, n_before)
    for row in again:
        homes[row] = homes[alike[row]]
    return homes


def bought(now, batch, known, places, question):
    """Return the batch as a purchase of pairs, and the question that is left.

    ``now`` says where the row of each stands; of a pair told twice the first counts.
    """
    at, units = np.nonzero(known[batch])
    rows, places = now[batch[at]], places[batch[at], units]
    pairs = np.column_stack([rows, units])
    _, first = np.unique(pairs, axis=0, return_index=True)
    first.sort()
    answered = places[places >= 0]
    pairs, places = pairs[first], places[first]
    asked = places >= 0
    pool = np.column_stack([np.full(len(pairs), -1), pairs[:, 1]])
    if not asked.any():
        return Purchase(pairs, "taught", pool_rows=pool), question
    pool[asked] = question.rows[places[asked]]
    info = dict(question.info)
    if question.score is not None:
        info["score"] = np.where(asked, question.score[places], np.nan)
    purchase = Purchase(pairs, "taught", question.query_time, info, pool)
    return purchase, question._without(answered)
