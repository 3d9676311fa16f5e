"""Who is asked for which row next: the ranking, the audit, repeats, and skips last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skal._seed import stream
from skal.label._events import ASKED
from skal.label._leases import Lease, as_before

if TYPE_CHECKING:
    from skal.label._ledger import Ledger
    from skal.label._pool import Pool

#: A person's own row comes again after at least so many other labels.
DISTANCE = 20


@dataclass(frozen=True)
class Ranking:
    """What the newest model wants, best first; without a model nothing is ranked."""

    items: np.ndarray
    scores: np.ndarray
    model: int | None = None
    #: "strategy", or "initial" for rows that were ranked before there was a model.
    source: str = "initial"


@dataclass(frozen=True)
class Queue:
    """One look at all that decides who gets which row.

    Parameters
    ----------
    ledger : Ledger
        What counts today.
    pool : Pool
        The rows.
    ranking : Ranking
        What the model wants.
    held : dict of int to Lease
        The leases that hold now.
    seed, audit, repeat : int, float, float
        Of the session: seeds the draws; shares of random rows, of rows shown again.
    """

    ledger: Ledger
    pool: Pool
    ranking: Ranking
    held: dict[int, Lease]
    seed: int
    audit: float
    repeat: float

    def choose(self, annotator: str, n: int) -> list[Lease]:
        """Return up to n rows for a person: those already asked for, then new ones."""
        chosen = self._unanswered(annotator)[:n]
        free = self._free(annotator)
        counts = self._counts()
        while len(chosen) < n:
            lease = self._again(annotator, counts, chosen) or self._next(free, counts)
            if lease is None:
                break
            free[lease.item] = False
            counts[lease.source] = counts.get(lease.source, 0) + 1
            chosen.append(lease)
        chosen += self._skipped(annotator, chosen)[: n - len(chosen)]
        return chosen

    def _unanswered(self, annotator):
        """Return what the person was asked for and has not answered."""
        return [
            lease
            for lease in self.held.values()
            if lease.annotator == annotator
            and lease.item in self.pool
            and (self.ledger.open[lease.item] or lease.source == "again")
        ]

    def _free(self, annotator):
        """Return which rows, by number, nobody has answered or been asked for."""
        free = np.zeros(len(self.ledger.open), bool)
        there = self.pool.numbers()
        free[there] = self.ledger.open[there]
        taken = np.array([*self.held, *self.ledger.skipped_by(annotator)], int)
        free[taken[taken < len(free)]] = False  # another session may have more rows
        return free

    def _counts(self):
        """Count how rows came up so far, those that are not answered yet too."""
        counts = dict(self.ledger.n_asked)
        for lease in self.held.values():
            new = lease.item not in self.ledger.drawn or lease.source == "again"
            if lease.source is not None and new:
                counts[lease.source] = counts.get(lease.source, 0) + 1
        return counts

    def _next(self, free, counts):
        """Return a row at random where the audit is due one, else the best ranked."""
        if not free.any():
            return None
        n = sum(counts.get(source, 0) for source in ASKED)
        kept = np.zeros(len(free), bool)
        kept[self.pool.numbers_reserved()] = True
        due = int(self.audit * (n + 1) + 1e-9)
        if counts.get("random", 0) < due and (free & kept).any():
            return self._drawn(free & kept, "audit", n, "random")
        # What is kept for the audit is asked by the model when nothing else is left.
        free = free & ~kept if (free & ~kept).any() else free
        ranking = self.ranking
        wanted = np.flatnonzero(free[ranking.items])[:1]
        if len(wanted) == 0:
            return self._drawn(free, "unranked", n, "initial")
        rank, score = int(wanted[0]), float(ranking.scores[wanted[0]])
        return Lease(
            int(ranking.items[rank]),
            source=ranking.source,
            rank=rank,
            score=None if np.isnan(score) else score,
            model=ranking.model,
        )

    def _drawn(self, free, purpose, n, source):
        """Return one of the free rows, each as likely as the others."""
        left = np.flatnonzero(free)
        item = int(stream(self.seed, n, purpose).choice(left))
        model = self.ranking.model
        return Lease(item, source=source, model=model, p_select=1 / len(left))

    def _again(self, annotator, counts, chosen):
        """Return a row that somebody has labelled, where a repeat is due."""
        if not self.repeat:
            return None
        n = sum(counts.values())
        if counts.get("again", 0) >= int(self.repeat * (n + 1) + 1e-9):
            return None
        taken = {*self.held, *(lease.item for lease in chosen)}
        left = self._labelled_once(annotator, taken) or self._own(annotator, taken)
        if not left:
            return None
        item = int(stream(self.seed, n, "again").choice(left))
        return Lease(item, source="again", p_select=1 / len(left))

    def _labelled_once(self, annotator, taken):
        """Return the rows with one label, by somebody else."""
        said = self.ledger.said
        return [
            item
            for item in self.ledger.labels
            if item in self.pool
            and item not in taken
            and len(said[item]) == 1
            and annotator not in said[item]
        ]

    def _own(self, annotator, taken):
        """Return the person's own rows of a while ago: to see if they agree."""
        labels = self.ledger.labels
        own = [
            item
            for item, label in labels.items()
            if label.annotator == annotator and label.source != "again"
        ]
        own = own[: len(own) - DISTANCE] if len(own) > DISTANCE else []
        return [item for item in own if item in self.pool and item not in taken]

    def _skipped(self, annotator, chosen):
        """Return what the person was not sure of: the end of the line."""
        taken = {*self.held, *(lease.item for lease in chosen)}
        said = self.ledger.said
        return [
            as_before(said[item][annotator])
            for item in self.ledger.skipped_by(annotator)
            if item in self.pool and item not in taken
        ]
