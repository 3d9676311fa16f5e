"""Strips: pictures drawn from one class to another, and real rows like one of them."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from itertools import chain, zip_longest
from threading import Lock

import numpy as np

from skal._seed import stream
from skal.label._gallery import LEARNT_ON, Gallery

#: Drawn pictures of a strip, and rows that are named as most like each.
STEPS, LIKE = 7, 5
#: Labelled rows of each class that a strip may end at, the last ones.
ENDS = 20
#: Seconds for which pictures are looked at before the first strip, and later ones.
FIRST, LATER = 5.0, 1.0


class Strips:
    """Draw the way from one class to another.

    Nothing that is drawn is ever labelled: each drawn picture names the open rows most
    like it, to be asked for in its place, and what the model takes most of them for.

    Parameters
    ----------
    session : LabelSession
        Knows the rows.
    shown : Shown
        Knows the rows by their numbers.
    tally : Tally
        Knows which rows have an answer.
    pictures : Pictures or None
        The images of the session; None for a page that draws no strips.
    """

    def __init__(self, session, shown, tally, pictures):
        self.session = session
        self._shown = shown
        self._tally = tally
        self._pictures = pictures
        self._gallery = Gallery(lambda item: pictures.small(item))  # or never asked
        self._sample = None
        self._lock = Lock()

    @property
    def are_drawn(self):
        """Whether rows are pictures, and at hand."""
        return self._pictures is not None and self.session.pool.kind == "image"

    def strip(self, annotator, item, first=None, second=None):
        """Draw a strip between the labelled rows of two classes nearest to a row."""
        if not self.are_drawn:
            raise ValueError(
                "item must be a picture, for a strip to be drawn, got a row of kind "
                f"{self.session.pool.kind!r}."
            )
        self._shown.position(item)
        ends = self._ends()
        if len(ends) < 2:
            return {"why": "Label a few rows of two classes first."}
        self._check(first, second, ends)
        if not self._lock.acquire(timeout=1):  # nobody waits for pictures of others
            return {"why": "Pictures are being looked at. Try again in a moment."}
        try:
            return self._drawn(annotator, int(item), first, second, ends)
        finally:
            self._lock.release()

    def _ends(self):
        """Return the rows that were labelled last, by class, the latest first."""
        reject = self.session.reject_label
        no_class = None if reject is None else str(reject)
        ends: dict[str, list[int]] = {}
        for item, label in reversed(self._tally.labels().items()):
            if item in self.session.pool and label != no_class:
                ends.setdefault(label, []).append(item)
        return {label: items[:ENDS] for label, items in ends.items()}

    def _check(self, first, second, ends):
        for argument, label in (("first", first), ("second", second)):
            if label is not None and label not in ends:
                raise ValueError(
                    f"{argument} must be a class that rows have ({', '.join(ends)}), "
                    f"got {label!r:.80}."
                )
        if first is not None and first == second:
            raise ValueError(
                f"second must be another class than first, got {second!r}."
            )

    def _drawn(self, annotator, item, first, second, ends):
        gallery = self._gallery
        by_turns = chain.from_iterable(zip_longest(*ends.values()))
        labelled = [one for one in by_turns if one is not None]
        seconds = LATER if gallery.is_ready else FIRST
        gallery.look([item, *labelled, *self._sampled()], seconds)
        if gallery.is_broken(item):
            return {"why": "The picture of this row cannot be read."}
        nearest = self._nearest(item, ends)
        first = first or next((one for one in nearest if one != second), None)
        second = second or next((one for one in nearest if one != first), None)
        if first not in nearest or second not in nearest:
            return {"why": "These pictures cannot be seen yet. Try again in a moment."}
        strip = gallery.strip(nearest[first], nearest[second], STEPS)
        like = gallery.like(strip, self._open(annotator, item), LIKE)
        said = self.session.derived.predictions(list({*chain(*like)}))
        return {
            "classes": list(ends),
            "first": first,
            "second": second,
            "size": [strip.shape[2], strip.shape[1]],
            "steps": [
                {
                    "pixels": b64encode(picture.tobytes()).decode(),
                    **taken_for(rows, said),
                }
                for picture, rows in zip(strip, like, strict=True)
            ],
        }

    def _sampled(self):
        """Return rows that may be asked for, of a large pool some; drawn once."""
        if self._sample is None:
            pool = self.session.pool
            numbers = np.setdiff1d(pool.numbers(), pool.numbers_reserved())
            random = stream(self.session.seed, 0, "strip")
            self._sample = random.permutation(numbers)[:LEARNT_ON].tolist()
        return self._sample

    def _nearest(self, item, ends):
        """Return the labelled row of each class nearest to a row, the nearest first."""
        if not self._gallery.is_ready or not self._gallery.known([item]):
            return {}
        label_of = {row: label for label, rows in ends.items() for row in rows}
        mine = self._gallery.picture(item)[None]
        [order] = self._gallery.like(mine, list(label_of), len(label_of))
        nearest: dict[str, int] = {}
        for row in order:
            nearest.setdefault(label_of[row], row)
        return nearest

    def _open(self, annotator, item):
        """Return the rows that a person may be asked for, but the one on the screen."""
        leases = self.session.store.leases().values()
        others = {one.item for one in leases if one.annotator != annotator}
        shut = self._tally.answered() | others | {item}
        pool = self.session.pool
        return [one for one in self._sampled() if one in pool and one not in shut]


def taken_for(rows, said):
    """Return rows, and what the model takes most of them for."""
    labels = Counter(said[row][0] for row in rows if row in said)
    if not labels:
        return {"items": rows, "label": None, "share": None}
    [(label, n)] = labels.most_common(1)
    return {"items": rows, "label": label, "share": n / len(rows)}
