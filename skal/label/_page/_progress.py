"""How far it is: counts, pace, the model, and whether it is enough."""

from __future__ import annotations

from skal.label._page._shown import number


class Progress:
    """Tell how far a session is.

    Parameters
    ----------
    session : LabelSession
        What is told of.
    tally : Tally
        Counts.
    """

    def __init__(self, session, tally):
        self.session = session
        self._tally = tally

    def progress(self, annotator):
        session = self.session
        counts = self._tally.counts()
        pace = self._tally.pace(annotator)
        by_class = [
            {
                "name": str(one),
                "n": counts["by_class"].get(str(one), 0),
                "per_hour": pace["by_class"].get(str(one), 0),
            }
            for one in session.classes
        ]
        return {
            "n_items": len(session.pool),
            "n_labels": counts["n_labels"],
            "n_skipped": counts["n_skipped"],
            "n_discarded": counts["n_discarded"],
            "per_hour": pace["per_hour"],
            "by_class": by_class,
            "classes": [str(one) for one in session.classes],
            "curve": [point(one) for one in session.derived.curve()],
            "model": self._model(),
            "lights": as_lights(session.lights),
            "agreement": as_matrix(session.agreement),
        }

    def _model(self):
        known, status = self.session.derived.model(), self.session.derived.status
        told = {
            "version": None,
            "behind": 0,
            "phase": phase_of(status),
            "error": status.get("error"),
        }
        if known is None:
            return told
        told["ranking"] = known["version"]
        if not known["n_labels"]:  # a line to begin with, and no model behind it
            return told
        since = self.session.store.events(after=known["seq"])
        behind = len({event.item for event in since if event.kind == "label"})
        return {**told, "version": known["version"], "behind": behind}


def point(one):
    names = ("accuracy", "low", "high")
    shares = {name: number(one[name]) for name in names}
    return {"n_labels": int(one["n_labels"]), "n_audit": int(one["n_audit"]), **shares}


def phase_of(status):
    """Say what the trainer is at, in words; None where that is nothing."""
    if status.get("phase") == "features":
        done, every = status.get("done"), status.get("all")
        return "Looking at the rows" + (f", {done} of {every}" if every else "")
    words = {"training": "Training", "stopped": "The trainer is not running"}
    return words.get(status.get("phase"))


def as_lights(lights):
    """Return the four lights as a page draws them."""
    return [
        {
            "name": light.name,
            "state": light.state,
            "advice": light.advice.removeprefix("Cannot tell yet. "),
        }
        for light in lights or ()
    ]


def as_matrix(agreement):
    """Return the agreement of annotators as names and shares; None for one alone."""
    if len(agreement.names) < 2:
        return None
    share = [[number(value) for value in row] for row in agreement.share]
    return {"names": list(agreement.names), "share": share}
