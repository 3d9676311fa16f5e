"""LabelWidget: the page of `skal label` in a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anywidget

from skal.label._page import Answers
from skal.label._server._media import SIDES, Pictures

if TYPE_CHECKING:
    from typing import Any

    from skal.label._session import LabelSession

STATIC = Path(__file__).with_name("static")


class LabelWidget(anywidget.AnyWidget):
    """Label a session in a notebook, with the keys and views of the page.

    The widget is the same ES module as the page that ``skal label`` opens; it asks by
    messages of the kernel where the page asks a server. Click into it, and its keys
    work and the notebook's rest. Tried in JupyterLab and marimo.

    Parameters
    ----------
    session : LabelSession
        What is labelled. With ``train="thread"`` models are trained behind.
    annotator : str or None, default=None
        Who labels; None takes the annotator of the session.

    See Also
    --------
    LabelSession : Asks, and keeps the answers.

    Examples
    --------
    >>> from skal.label import LabelSession, LabelWidget
    >>> session = LabelSession(["good", "bad"], classes=["pos", "neg"], train="thread")
    >>> widget = LabelWidget(session)  # the last line of a cell shows it
    >>> widget.close()
    >>> session.close()
    """

    _esm = STATIC / "page.js"
    _css = STATIC / "page.css"

    def __init__(self, session: LabelSession, annotator: str | None = None) -> None:
        super().__init__()
        self.session = session
        self.annotator = session.annotator if annotator is None else annotator
        self._answers = Answers(session)
        project = session.store.path
        folder = None if project is None else project.parent / "thumbs"
        self._pictures = Pictures(session, folder)
        self.on_msg(self._heard)

    def _heard(self, widget: Any, message: dict[str, Any], buffers: Any) -> None:
        """Answer a message of the page, as the server answers a request."""
        told = {"id": message.get("id")}
        try:
            told["answer"], buffers = self._answer(
                message.get("name"), message.get("payload") or {}
            )
        except LookupError as error:
            self.send({**told, "error": str(error.args[0]), "status": 404})
        except ValueError as error:
            self.send({**told, "error": str(error), "status": 400})
        else:
            self.send(told, buffers)

    def _answer(self, name, payload):
        if name != "media":
            return self._answers.answer(name, payload, self.annotator), None
        size = payload.get("size")
        if size not in SIDES:
            raise ValueError(f"size must be one of {', '.join(SIDES)}, got {size!r}.")
        body = self._pictures.encoded(int(payload["item"]), size)
        return {"type": "image/webp"}, [body]

    def close(self) -> None:
        """Take the widget off the screen; the session stays open."""
        self._pictures.close()
        super().close()
