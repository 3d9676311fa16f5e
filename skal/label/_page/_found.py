"""Rows that a person looks for: those of a class, by a word, or like another one."""

from __future__ import annotations

from collections import Counter

from skal.label._page._said import class_of
from skal.label._page._shown import bounded, number


class Found:
    """Find rows by what the model says and by what is in them.

    Parameters
    ----------
    session : LabelSession
        Searches.
    shown : Shown
        Turns rows into JSON.
    tally : Tally
        Knows which rows have an answer.
    """

    def __init__(self, session, shown, tally):
        self.session = session
        self._shown = shown
        self._tally = tally

    def grid(self, annotator, label, n=24):
        value = class_of(label, self.session.classes)
        found = self.session.grid(value, bounded(n))
        answer = {"label": label, "items": [self._shown.row(one) for one in found]}
        answer["counts"] = self._taken_for()
        if not found and self.session.derived.model() is None:
            answer["why"] = "No model yet: label a few rows of two classes first."
        return answer

    def _taken_for(self):
        """Count the open rows that the model takes for each class."""
        pool = self.session.pool
        shut = self._tally.answered() | set(pool.numbers_reserved().tolist())
        said = self.session.derived.predictions()
        return Counter(label for item, (label, _) in said.items() if item not in shut)

    def search(self, annotator, text=None, like=None, n=24):
        if like is not None:
            found = self.session.search(like=self._shown.id(like), n=bounded(n))
        else:
            found = self.session.search(str(text or ""), n=bounded(n))
        labels = self._tally.labels()
        rows = [self._shown.row(one) for one in found]
        return {"items": [{**row, "label": labels.get(row["item"])} for row in rows]}

    def suggestion(self, annotator, item):
        self._shown.position(item)
        found = self.session.derived.predictions(items=[int(item)])
        label, confidence = found.get(int(item), (None, None))
        return {"label": label, "confidence": number(confidence)}
