"""What Label Studio asks of an ML backend, answered from the stored ranking."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, NamedTuple

from skal.label._backend._annotations import Annotations
from skal.label._guesses import guesses
from skal.label._label_studio import (
    LabelConfig,
    as_object,
    data_of,
    prediction,
    row_of,
    version_name,
)
from skal.label._places import Places


class Reply(NamedTuple):
    """An answer: the status of HTTP, and an object for JSON."""

    status: int
    body: dict[str, Any]


class Backend:
    """Answer Label Studio's questions by look-ups, and note its annotations.

    Label Studio waits a second to connect and asks three times before it shows a task,
    so that nothing is computed here: the answers are those of the newest stored model.
    Annotations are written down behind.

    Parameters
    ----------
    shelf : Shelf
        The project; its store takes the annotations, its ``derived`` has the answers.
    from_name : str, default=None
        Which choice to answer, where a labelling config holds several.

    Attributes
    ----------
    annotations : Annotations
        Writes down what people say there.
    """

    def __init__(self, shelf: Any, from_name: str | None = None) -> None:
        self.shelf = shelf
        self.from_name = from_name
        self.annotations = Annotations(shelf, from_name)
        self._known: tuple[int | None, _Known | None] = (None, None)
        self._reading = threading.Lock()

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
        """Have it written down; whoever waits is answered at once."""
        trouble = self.annotations.take(payload)
        if trouble is not None:
            return Reply(503, {"error": trouble})
        return Reply(201, {"result": None, "status": "ok"})


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
