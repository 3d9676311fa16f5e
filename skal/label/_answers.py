"""What is said to a page: a name and JSON come in, JSON goes out."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import uuid4

from skal._checks import nearest_first
from skal.label._undo import stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

#: What a person can answer; the last one on a row counts.
VERDICTS = ("label", "skip", "discard")
#: A longer pause than this is no labelling time, in seconds.
PAUSE = 120
#: Labels, and seconds of work, that make a pace.
FEWEST, SHORTEST = 5, 10
#: The most rows that one request may ask for.
MOST = 200


class Answers:
    """Answer the requests of a page, for a server and for a notebook alike.

    A page speaks of rows by their number; what a user calls them is only shown. Nothing
    here knows of HTTP.

    Parameters
    ----------
    session : LabelSession
        Asks and writes down.

    See Also
    --------
    LabelWidget : Sends these requests as messages.

    Examples
    --------
    >>> from skal.label import LabelSession
    >>> from skal.label._answers import Answers
    >>> session = LabelSession(["good", "bad"], classes=["pos", "neg"])
    >>> answers = Answers(session)
    >>> row = answers.answer("next", {"n": 1}, "me")["items"][0]
    >>> event = {"event": "e1", "item": row["item"], "kind": "label", "value": "pos"}
    >>> answers.answer("events", {"events": [event]}, "me")["saved"]
    ['e1']
    >>> session.n_labels
    1
    """

    NAMES = (
        "state",
        "next",
        "events",
        "batch",
        "undo",
        "redo",
        "history",
        "grid",
        "search",
        "suggestion",
        "progress",
        "add_class",
    )

    def __init__(self, session: Any) -> None:
        self.session = session
        self._key = project_key(session.store.path)
        self._tally = Tally(session)

    def answer(
        self, name: str, payload: dict[str, Any], annotator: str
    ) -> dict[str, Any]:
        """Answer one request.

        Parameters
        ----------
        name : str
            What is asked: one of ``NAMES``.
        payload : dict
            What it says.
        annotator : str
            Who asks.

        Returns
        -------
        dict
            What JSON can hold.

        Raises
        ------
        LookupError
            For a name that is not one of these.
        ValueError
            If the payload does not make sense.
        """
        if name not in self.NAMES:
            words = ", ".join(nearest_first(name, self.NAMES))
            raise LookupError(f"name must be one of {words}, got {name!r:.80}.")
        try:
            return getattr(self, f"_{name}")(annotator, **payload)
        except TypeError as error:  # a page sends words that its server does not know
            raise ValueError(str(error)) from error

    # The rows -----------------------------------------------------------------------

    def _state(self, annotator):
        session = self.session
        path = session.store.path
        return {
            "project": session.store.meta.get("name") or name_of(path),
            "key": self._key,
            "kind": session.pool.kind,
            "annotator": annotator,
            "annotators": max(1, len(session.store.annotators())),
            "classes": [str(one) for one in session.classes],
            "guidelines": session.guidelines or "",
        }

    def _next(self, annotator, n=10, shown=()):
        """Say what comes next. Rows once on the screen stay, unseen ones may not."""
        self._give_back_old(annotator, {int(item) for item in shown})
        asked = self.session.ask(bounded(n), annotator=annotator)
        answer = {"items": [self._row(one) for one in asked]}
        if not asked:
            answer["why"] = self._why_nothing()
        return answer

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

    def _row(self, item):
        return self._shown(item.item, source=item.source)

    def _shown(self, item, **more):
        position = self._position(item)
        show = as_json(self.session.pool.show(position))
        return {
            "item": int(item),
            "id": str(self.session.pool.ids[position]),
            "show": show,
            **more,
        }

    def _position(self, item):
        try:
            return self.session.pool.position(int(item))
        except KeyError:
            raise ValueError(
                f"item must be the number of a row in the pool, got {item!r}."
            ) from None

    def _id(self, item):
        return self.session.pool.ids[self._position(item)]

    # What is answered ---------------------------------------------------------------

    def _events(self, annotator, events):
        """Write down what a page sends, in its order; a bad one stops no other."""
        saved, refused = [], []
        for event in check_events(events):
            name = str(event.get("event"))
            try:
                self._take(annotator, **event)
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                said = str(error.args[0] if error.args else error)
                refused.append({"event": name, "error": said})
            else:
                saved.append(name)
        return {"saved": saved, "refused": refused}

    def _take(self, annotator, kind, event, **said):
        known: dict[str, Callable[..., Any]] = {
            "label": self._label,
            "skip": self._verdict,
            "discard": self._verdict,
            "note": self._note,
            "batch": self._label_all,
            "undo": self._undo,
            "redo": self._redo,
        }
        if kind not in known:
            words = ", ".join(nearest_first(str(kind), known))
            raise ValueError(f"kind must be one of {words}, got {kind!r}.")
        if kind in ("skip", "discard"):
            said["kind"] = kind
        return known[kind](annotator, event=event, **said)

    def _label(self, annotator, event, item, value, lead_ms=None, source=None):
        more = {} if source is None else {"source": one_of_page(source)}
        self.session.label(
            self._id(item),
            self._class(value),
            annotator=annotator,
            event=event,
            lead_ms=lead_ms,
            **more,
        )

    def _verdict(
        self, annotator, event, item, kind, value=None, lead_ms=None, source=None
    ):
        say = self.session.skip if kind == "skip" else self.session.discard
        say(self._id(item), annotator=annotator, event=event, lead_ms=lead_ms)

    def _note(self, annotator, event, item, value, lead_ms=None):
        self.session.note(self._id(item), value, annotator=annotator, event=event)

    def _label_all(self, annotator, event, value, items, wrong=(), lead_ms=None):
        self.session.label_many(
            {self._id(item): self._class(value) for item in items},
            source="batch",
            annotator=annotator,
            event=event,
        )

    def _batch(self, annotator, label, right, wrong=(), event=None):
        event = event or str(uuid4())
        self._label_all(annotator, event, label, right, wrong)
        return {"saved": [event], "n": len(right)}

    def _undo(self, annotator, event=None, target=None, **said):
        undone = self.session.store.undo(annotator, target, id=event)
        return self._told(undone)

    def _redo(self, annotator, event=None, target=None, **said):
        return self._told(self.session.store.redo(annotator, id=event))

    def _told(self, event):
        if event is None:
            return {"event": None}
        told = {"event": event.event, "item": event.item, "kind": event.kind}
        return {**told, "value": event.value}

    def _class(self, name):
        """Return the class of a name; what is not one is for the session to refuse."""
        named = {str(one): one for one in self.session.classes}
        return named.get(name, name)

    def _add_class(self, annotator, name, sure=False):
        name = str(name).strip()
        near = near_class(name, self.session.classes)
        if near is not None and not sure:
            return {"near": near}
        self.session.add_class(name, near=bool(sure), annotator=annotator)
        return {"classes": [str(one) for one in self.session.classes]}

    # What was answered --------------------------------------------------------------

    def _history(self, annotator, before=None, n=50):
        """Tell what a person did, the oldest first: n acts before a place."""
        events = self.session.store.events(annotator=annotator)
        undone = undone_of(events)
        acts = acts_of(events)
        if before is not None:
            acts = [one for one in acts if one[0].seq < before]
        chosen = acts[-bounded(n) :]
        told = [self._act(act, undone) for act in chosen]
        return {"events": told, "more": len(chosen) < len(acts)}

    def _act(self, act, undone):
        first = act[0]
        told = {
            "event": first.event,
            "seq": first.seq,
            "kind": first.kind,
            "value": first.value,
            "undone": (first.batch or first.event) in undone,
        }
        if first.batch is not None:
            items = [event.item for event in act]
            return {**told, "batch": first.batch, "items": items}
        try:
            return {**told, **self._shown(first.item)}
        except ValueError:  # no longer in the pool
            return {**told, "item": first.item, "show": None}

    # What the model says ------------------------------------------------------------

    def _grid(self, annotator, label, n=24):
        value = self._class(label)
        found = self.session.grid(value, bounded(n))
        answer = {"label": label, "items": [self._row(one) for one in found]}
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

    def _search(self, annotator, text=None, like=None, n=24):
        if like is not None:
            found = self.session.search(like=self._id(like), n=bounded(n))
        else:
            found = self.session.search(str(text or ""), n=bounded(n))
        labels = self._tally.labels()
        rows = [self._row(one) for one in found]
        return {"items": [{**row, "label": labels.get(row["item"])} for row in rows]}

    def _suggestion(self, annotator, item):
        self._position(item)
        found = self.session.derived.predictions(items=[int(item)])
        label, confidence = found.get(int(item), (None, None))
        return {"label": label, "confidence": number(confidence)}

    # How far it is ------------------------------------------------------------------

    def _progress(self, annotator):
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


def check_events(events):
    """Refuse what is not a list of objects."""
    if not isinstance(events, list) or not all(isinstance(one, dict) for one in events):
        raise ValueError(f"events must be a list of objects, got {events!r:.80}.")
    return events


def acts_of(events):
    """Return what undo takes back at one go: an event, or those of a batch."""
    acts: dict[str, list[Any]] = {}
    for event in events:
        if event.kind in (*VERDICTS, "note"):
            acts.setdefault(event.batch or event.event, []).append(event)
    return list(acts.values())


def undone_of(events):
    """Return the names of the acts that are undone, redoable or not."""
    names = {act[0].batch or act[0].event for act in acts_of(events)}
    return names - set(stacks(events)[0])


def project_key(path):
    """Return a short name of a project, for what a browser keeps of it."""
    text = str(uuid4()) if path is None else str(path.resolve())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def name_of(path):
    return "skal label" if path is None else path.parent.name.removesuffix(".skal")


def bounded(n):
    return max(0, min(MOST, int(n)))


def one_of_page(source):
    """Return the way a row came up, as far as a page may claim it."""
    if source not in ("search", "again"):
        raise ValueError(f"source must be 'search' or 'again', got {source!r}.")
    return source


def near_class(name, classes):
    """Return the class that differs from a name by case and blanks alone."""
    folded = "".join(name.casefold().split())
    for one in map(str, classes):
        if one != name and "".join(one.casefold().split()) == folded:
            return one
    return None


def as_json(show):
    """Return what a page is shown: fields in pairs, and no path of a file."""
    if "image" in show:
        return {"kind": "image"}
    if "text" in show:
        return {"kind": "text", "text": show["text"], "more": show.get("cut", 0)}
    fields = [[str(name), as_text(value)] for name, value in show["fields"].items()]
    return {"kind": "table", "fields": fields, "more": show.get("cut", 0)}


def as_text(value):
    """Return a field as text; None for a gap."""
    if value is None or value == "" or value != value:
        return None
    return str(value)


def number(value):
    """Return a float that JSON can hold."""
    return None if value is None or value != value else float(value)


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


def as_lights(lights: Iterable[Any] | None):
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
