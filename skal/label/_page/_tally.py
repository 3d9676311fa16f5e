"""Counts of what people have said, made again only when there is more of it."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise

#: A longer pause than this is no labelling time, in seconds.
PAUSE = 120
#: Labels, and seconds of work, that make a pace.
FEWEST, SHORTEST = 5, 10


class Tally:
    """Counts of what is in a store, made again when there is more in it.

    Parameters
    ----------
    session : LabelSession
        Its store is read, and the rows of its pool count.
    """

    def __init__(self, session):
        self.session = session
        self._seq = -1
        self._current = []

    def _read(self):
        seq = self.session.store.last_seq()
        if seq != self._seq:
            self._current = self.session.store.current()
            self._seq = seq
        return self._current

    def labels(self):
        """Return the last label of each row."""
        return {one.item: one.value for one in self._read() if one.kind == "label"}

    def answered(self):
        """Return the rows that are labelled or discarded."""
        return {one.item for one in self._read() if one.kind != "skip"}

    def counts(self):
        """Count the rows of the pool; one that anybody threw out has no label."""
        pool = self.session.pool
        here = [one for one in self._read() if one.item in pool]
        out = {one.item for one in here if one.kind == "discard"}
        labels = {one.item: one.value for one in here if one.kind == "label"}
        labels = {item: value for item, value in labels.items() if item not in out}
        skipped = {one.item for one in here if one.kind == "skip"}
        return {
            "n_labels": len(labels),
            "n_skipped": len(skipped - out - labels.keys()),
            "n_discarded": len(out),
            "n_done": len(labels) + len(out),
            "by_class": Counter(labels.values()),
        }

    def pace(self, annotator):
        """Say how many labels an hour a person gives, pauses left out."""
        since = time.time() - 3600
        recent = [
            one
            for one in self._read()
            if one.annotator == annotator and one.time >= since and one.kind == "label"
        ]
        times = [one.time for one in recent]
        gaps = [after - before for before, after in pairwise(times)]
        active = sum(min(PAUSE, max(0.0, gap)) for gap in gaps)
        if len(recent) < FEWEST or active < SHORTEST:
            return {"per_hour": None, "by_class": {}}
        pace = 3600 * len(gaps) / active
        counts = Counter(one.value for one in recent)
        shares = {name: round(pace * n / len(recent)) for name, n in counts.items()}
        return {"per_hour": round(pace), "by_class": shares}
