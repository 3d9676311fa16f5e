"""What comes next: rows for one person's screen, the most wanted first."""

from __future__ import annotations

from skal.label._page._shown import MOST, bounded


class Line:
    """Answer what is to be labelled next.

    Parameters
    ----------
    session : LabelSession
        Asks.
    shown : Shown
        Turns rows into JSON.
    tally : Tally
        Counts what is left.
    """

    def __init__(self, session, shown, tally):
        self.session = session
        self._shown = shown
        self._tally = tally

    def next(self, annotator, n=10, shown=()):
        """Say what comes next. Rows once on the screen stay, unseen ones may not."""
        self._give_back_old(annotator, {int(item) for item in shown})
        asked = self.session.ask(bounded(n), annotator=annotator)
        answer = {"items": [self._shown.row(one) for one in asked]}
        if not asked:
            answer["why"] = self._why_nothing()
        return answer

    def ask_for(self, annotator, items):
        """Ask for rows that a person chose, as far as they may be asked."""
        ids = [self._shown.id(item) for item in items[:MOST]]
        asked = self.session.ask_for(ids, annotator=annotator)
        return {"items": [self._shown.row(one) for one in asked]}

    def _give_back_old(self, annotator, shown):
        """Return rows that an older model wanted and nobody has seen."""
        model = self.session.derived.model()
        version = None if model is None else model["version"]
        held = self.session.store.leases().values()
        old = [
            lease.item
            for lease in held
            if lease.annotator == annotator
            and lease.item not in shown
            and lease.source in ("strategy", "initial")
            and lease.model != version
        ]
        if old:
            self.session.store.release(annotator, old)

    def _why_nothing(self):
        left = len(self.session.pool) - self._tally.counts()["n_done"]
        if left > 0:
            return "The rows that are left are on the screens of others."
        return "Every row has an answer. Search and history still work."
