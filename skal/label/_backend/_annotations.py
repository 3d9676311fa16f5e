"""What people do in Label Studio, written down behind its back."""

from __future__ import annotations

import hashlib
import threading
from queue import Empty, Full, Queue
from typing import Any

from skal.label._events import Event
from skal.label._label_studio import annotation_record, as_object, data_of
from skal.label._places import Places

#: What is waiting to be written; more at once is no person any more.
MOST_WAITING = 10_000
#: Names of the events that came by webhook begin so.
PREFIX = "label-studio"
ANSWERED = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED")
DELETED = ("ANNOTATION_DELETED", "ANNOTATIONS_DELETED")


class Annotations:
    """Write annotations to a store in a thread, so that Label Studio never waits.

    Parameters
    ----------
    shelf : Shelf
        The project; its store takes the annotations.
    from_name : str, default=None
        Which choice to read, where annotations hold several.

    Attributes
    ----------
    refused : int
        Annotations that named no row or class of the project.
    """

    def __init__(self, shelf: Any, from_name: str | None = None) -> None:
        self.shelf = shelf
        self.from_name = from_name
        self.refused = 0
        self._known_places: Places | None = None
        self._waiting: Queue[dict[str, Any]] = Queue(MOST_WAITING)
        self._writer: threading.Thread | None = None
        self._stop = threading.Event()

    def take(self, payload: dict[str, Any]) -> str | None:
        """Put what happened in the queue.

        Parameters
        ----------
        payload : dict
            The body of ``/webhook``.

        Returns
        -------
        str or None
            Why it cannot be taken.
        """
        if payload.get("action") in (*ANSWERED, *DELETED):
            if self._writer is not None and not self._writer.is_alive():
                return "Writing has failed; start it again."
            try:
                self._waiting.put_nowait(_needed(payload))
            except Full:
                return "Too much at once; send it again."
        return None

    def start(self) -> None:
        """Start the thread that writes annotations down."""
        self._stop.clear()
        self._writer = threading.Thread(target=self._write_on, daemon=True)
        self._writer.start()

    def stop(self) -> None:
        """Write down what is waiting, and end the thread."""
        self._stop.set()
        if self._writer is not None:
            self._writer.join(timeout=30)
        self._writer = None

    def _write_on(self):
        while not (self._stop.is_set() and self._waiting.empty()):
            try:
                happened = self._waiting.get(timeout=0.2)
            except Empty:
                continue
            try:
                self.write(happened)
            except ValueError:  # an unknown class or row; what it said is not logged
                self.refused += 1

    def write(self, happened: dict[str, Any]) -> None:
        """Write down one thing that happened.

        Parameters
        ----------
        happened : dict
            What of the body of ``/webhook`` is needed.
        """
        for annotation in happened["annotations"]:
            name = f"{PREFIX}:{happened['project']}:{annotation.get('id')}"
            if happened["action"] in DELETED:
                self._take_back(name)
            else:
                self._note(name, annotation, happened["data"])

    def _note(self, name, annotation, data):
        """Write down what an annotation says; saying it again changes nothing."""
        record = annotation_record(annotation, data, self.from_name)
        who = record.annotator or PREFIX
        item = self._places().find(record)
        if item is None:  # it may have come since
            item = self._places(again=True).find(record)
        if item is None:
            raise ValueError(f"id must be a row of the project, got {record.id!r}.")
        names = self.shelf.class_names().names
        if record.kind == "label" and record.label not in names:
            raise ValueError(f"label must be a known class, got {record.label!r}.")
        stamp = str(annotation.get("updated_at") or annotation.get("created_at"))
        event = Event(
            item,
            who,
            record.kind or "label",
            record.label,
            source="import",
            lead_ms=record.lead_ms,
            event=f"{name}:{hashlib.sha256(stamp.encode()).hexdigest()[:12]}",
        )
        self.shelf.store.append([event])

    def _take_back(self, name):
        """Undo what one annotation says, and what it said before it was changed."""
        while found := [word for word in self._words() if _of(name, word)]:
            for word in found:
                self.shelf.store.undo(word.annotator, event=word.event)

    def _words(self):
        said = self.shelf.ledger().said.values()
        return [word for row in said for word in row.values()]

    def _places(self, again=False):
        """Return where rows are, read once."""
        if again or self._known_places is None:
            self._known_places = Places(self.shelf.store, self.shelf.match_by)
        return self._known_places


def _of(name, word):
    """Tell whether an annotation said a word."""
    return word.event.startswith(f"{name}:")


def _needed(payload):
    """Keep what is written down of an event; it holds tokens and passwords too."""
    annotations = payload.get("annotations") or [payload.get("annotation")]
    if not isinstance(annotations, list):
        raise ValueError("annotations must be a list.")
    return {
        "action": payload["action"],
        "annotations": [as_object("annotation", one) for one in annotations],
        "project": as_object("project", payload.get("project") or {}).get("id"),
        "data": data_of(as_object("task", payload.get("task") or {})),
    }
