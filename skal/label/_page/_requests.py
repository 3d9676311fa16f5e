"""Which part answers a request of a page."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import uuid4

from skal._checks import nearest_first
from skal.label._page._acts import Acts
from skal.label._page._found import Found
from skal.label._page._line import Line
from skal.label._page._progress import Progress
from skal.label._page._said import Said
from skal.label._page._shown import Shown
from skal.label._page._strips import Strips
from skal.label._page._tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Answers:
    """Answer the requests of a page, for a server and for a notebook alike.

    A page speaks of rows by their number; what a user calls them is only shown. Nothing
    here knows of HTTP.

    Parameters
    ----------
    session : LabelSession
        Asks and writes down.
    pictures : Pictures or None, default=None
        Its images, for the strips between classes; None for a page without these.

    See Also
    --------
    LabelWidget : Sends these requests as messages.

    Examples
    --------
    >>> from skal.label import LabelSession
    >>> from skal.label._page import Answers
    >>> session = LabelSession(["good", "bad"], classes=["pos", "neg"])
    >>> answers = Answers(session)
    >>> row = answers.answer("next", {"n": 1}, "me")["items"][0]
    >>> event = {"event": "e1", "item": row["item"], "kind": "label", "value": "pos"}
    >>> answers.answer("events", {"events": [event]}, "me")["saved"]
    ['e1']
    >>> session.n_labels
    1
    """

    def __init__(self, session: Any, pictures: Any = None) -> None:
        self.session = session
        self._key = project_key(session.store.path)
        shown, tally = Shown(session), Tally(session)
        said, found = Said(session, shown), Found(session, shown, tally)
        line = Line(session, shown, tally)
        self._strips = Strips(session, shown, tally, pictures)
        self._requests: dict[str, Callable[..., dict[str, Any]]] = {
            "state": self._state,
            "next": line.next,
            "ask_for": line.ask_for,
            "events": said.events,
            "batch": said.batch,
            "undo": said.undo,
            "redo": said.redo,
            "history": Acts(session, shown).history,
            "grid": found.grid,
            "search": found.search,
            "suggestion": found.suggestion,
            "strip": self._strips.strip,
            "progress": Progress(session, tally).progress,
            "add_class": said.add_class,
        }

    def answer(
        self, name: str, payload: dict[str, Any], annotator: str
    ) -> dict[str, Any]:
        """Answer one request.

        Parameters
        ----------
        name : str
            What is asked, as "next".
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
            For a name that is no request.
        ValueError
            If the payload does not make sense.
        """
        if name not in self._requests:
            words = ", ".join(nearest_first(name, self._requests))
            raise LookupError(f"name must be one of {words}, got {name!r:.80}.")
        try:
            return self._requests[name](annotator, **payload)
        except TypeError as error:  # a page sends words that its server does not know
            raise ValueError(str(error)) from error

    def _state(self, annotator):
        session = self.session
        path = session.store.path
        return {
            "project": session.store.meta.get("name") or name_of(path),
            "key": self._key,
            "kind": session.pool.kind,
            "strips": self._strips.are_drawn,
            "annotator": annotator,
            "annotators": max(1, len(session.store.annotators())),
            "classes": [str(one) for one in session.classes],
            "guidelines": session.guidelines or "",
        }


def project_key(path):
    """Return a short name of a project, for what a browser keeps of it."""
    text = str(uuid4()) if path is None else str(path.resolve())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def name_of(path):
    return "skal label" if path is None else path.parent.name.removesuffix(".skal")
