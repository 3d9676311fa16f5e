"""What Label Studio asks of an ML backend, answered from the stored ranking."""

from __future__ import annotations

import hashlib
import threading
from functools import lru_cache
from queue import Empty, Full, Queue
from typing import Any, NamedTuple

from skal.label._events import Event
from skal.label._guesses import guesses
from skal.label._label_studio import (
    LabelConfig,
    annotation_record,
    as_object,
    data_of,
    prediction,
    row_of,
    version_name,
)
from skal.label._places import Places

#: What is waiting to be written; more at once is no person any more.
MOST_WAITING = 10_000
#: Names of the events that came by webhook begin so.
PREFIX = "label-studio"
ANSWERED = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED")
DELETED = ("ANNOTATION_DELETED", "ANNOTATIONS_DELETED")


class Reply(NamedTuple):
    """An answer: the status of HTTP, and an object for JSON."""

    status: int
    body: dict[str, Any]


class Backend:
    """Answer Label Studio's questions by look-ups, and note its annotations.

    Label Studio waits a second to connect and asks three times before it shows a task,
    so that nothing is computed here: the answers are those of the newest stored model.
    Annotations are written behind, by a thread of its own.

    Parameters
    ----------
    shelf : Shelf
        The project; its store takes the annotations, its ``derived`` has the answers.
    from_name : str, default=None
        Which choice to answer, where a labelling config holds several.
    """

    def __init__(self, shelf: Any, from_name: str | None = None) -> None:
        self.shelf = shelf
        self.from_name = from_name
        self.refused = 0
        self._known: tuple[int | None, _Known | None] = (None, None)
        self._known_places: Places | None = None
        self._reading = threading.Lock()
        self._waiting: Queue[dict[str, Any]] = Queue(MOST_WAITING)
        self._writer: threading.Thread | None = None
        self._stop = threading.Event()

    def answer(self, name: str, payload: dict[str, Any]) -> Reply:
        """Answer one call.

        Parameters
        ----------
        name : str
            The last part of the address, as "predict".
        payload : dict
            The body.

        Returns
        -------
        Reply
            Status and body.
        """
        calls = {
            "": self._health,
            "health": self._health,
            "predict": self._predict,
            "setup": self._setup,
            "versions": self._versions,
            "webhook": self._webhook,
        }
        if name in calls:
            return calls[name](payload)
        if name in STUBS:
            return Reply(200, STUBS[name])
        return Reply(404, {"error": "There is no such call."})

    def _health(self, payload):
        return Reply(200, {"status": "UP", "model_class": "Skal"})

    def _setup(self, payload):
        """Say which model answers, or what is wrong with the labelling config."""
        if payload.get("schema"):
            config = _config(str(payload["schema"]), self.from_name)
            known = self.shelf.class_names().names
            strange = [name for name in config.choices if name not in known]
            if strange:
                raise ValueError(
                    "The choices must be classes of the project, got "
                    f"{', '.join(map(repr, strange))}. Its classes are "
                    f"{', '.join(map(repr, known))}."
                )
        return Reply(200, {"model_version": version_name(self._version())})

    def _versions(self, payload):
        return Reply(200, {"versions": [version_name(self._version())]})

    def _predict(self, payload):
        """Answer a list of tasks, one for one and in their order."""
        tasks = payload.get("tasks")
        if not isinstance(tasks, list):
            raise ValueError(f"tasks must be a list, got {type(tasks).__name__}.")
        config = _config(str(payload.get("label_config") or ""), self.from_name)
        version, known = self._newest()
        nothing = {"result": [], "score": 1.0, "model_version": version_name(version)}
        records = (known.find(task) for task in tasks)
        found = [record and prediction(record, config) for record in records]
        return Reply(200, {"results": [guess or nothing for guess in found]})

    def _version(self):
        model = self.shelf.derived.model()
        return model["version"] if model else None

    def _newest(self):
        """Return the newest model's version and what it says.

        They are read once a model, so that a request is a look-up in a dict.
        """
        version = self._version()
        with self._reading:
            if version != self._known[0] or version is None:
                self._known = version, _Known(self.shelf)
            return self._known

    def _webhook(self, payload):
        """Put what happened in the queue; whoever waits is answered at once."""
        if payload.get("action") in (*ANSWERED, *DELETED):
            if self._writer is not None and not self._writer.is_alive():
                return Reply(503, {"error": "Writing has failed; start it again."})
            try:
                self._waiting.put_nowait(_needed(payload))
            except Full:
                return Reply(503, {"error": "Too much at once; send it again."})
        return Reply(201, {"result": None, "status": "ok"})

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


#: What older versions of Label Studio ask, and are content to hear.
STUBS: dict[str, dict[str, Any]] = {
    "delete": {},
    "duplicate_model": {},
    "job_status": {"job_status": "finished"},
    "train": {"job": None},
    "validate": {"status": "ok"},
}


@lru_cache(maxsize=16)
def _config(xml, from_name):
    return LabelConfig.parse(xml, from_name)


class _Known:
    """What a model says of every row, found as the row of an annotation is."""

    def __init__(self, shelf):
        self.places = Places(shelf.store, shelf.match_by)
        self.said = dict(guesses(shelf.store, shelf.derived))

    def find(self, task):
        """Return what is said of the row of a task, or None."""
        place = self.places.find(row_of(data_of(as_object("task", task))))
        return None if place is None else self.said.get(place)


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
