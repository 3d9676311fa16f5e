"""What ``skal label`` serves: the page of a project, and the trainer behind it."""

from __future__ import annotations

import threading
import webbrowser
from contextlib import ExitStack, suppress
from html import escape
from typing import TYPE_CHECKING

from skal._file_lock import FileLock
from skal.label._begin import open_project
from skal.label._digits import CLASSES, NAME, digits_folder
from skal.label._page import Answers
from skal.label._private import write_private
from skal.label._supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from skal.label._session import LabelSession


__all__ = ["CLASSES", "NAME", "Desk", "digits_folder", "open_project"]


class Desk:
    """Serve the page of a session, with a trainer behind.

    Parameters
    ----------
    session : LabelSession
        As :func:`open_project` returns it.
    annotators : list of str, default=("me",)
        Who may come in, each by a link of their own.
    port : int or None, default=None
        Where to listen; None takes that of last time if it is free, so that a page left
        open goes on.
    trust : bool, default=False
        Whether the trainer may run classes of elsewhere that the project names.
    train : bool, default=True
        Whether to train at all.
    """

    def __init__(
        self,
        session: LabelSession,
        annotators: Iterable[str] = ("me",),
        port: int | None = None,
        *,
        trust: bool = False,
        train: bool = True,
    ) -> None:
        assert session.project is not None  # a trainer needs files to meet in
        self.session = session
        self.project = session.project
        self.annotators = list(dict.fromkeys(annotators))
        self._wanted = port
        self._trust = trust
        self._train = train
        self._open = ExitStack()

    def __enter__(self) -> Self:
        from skal.label._server import Pictures, Running

        session, project = self.session, self.project
        with ExitStack() as stack:
            stack.callback(session.close)
            lock(project.folder, stack)
            if self._train:
                stack.enter_context(Supervisor(project.folder, trust=self._trust))
            pictures = Pictures(session, project.thumbs)
            stack.callback(pictures.close)
            answers = Answers(session, pictures)
            tokens = {
                name: session.store.add_annotator(name) for name in self.annotators
            }
            self.server = self._listening(Running, answers, pictures, tokens)
            stack.callback(self.server.close)
            session.store.meta["port"] = self.server.port
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def _listening(self, running, *parts):
        if self._wanted is not None:
            return running(*parts, port=self._wanted)
        with suppress(OSError):  # taken by now
            return running(*parts, port=self.session.store.meta.get("port", 0))
        return running(*parts)

    @property
    def links(self) -> dict[str, str]:
        """The link of each annotator."""
        return {name: self.server.link(name) for name in self.annotators}

    def show(self) -> None:
        """Open the page of the first annotator in a browser."""
        # The command line of a browser can be read by everybody on this computer, a
        # file of ours cannot: it holds the link.
        page = self.project.folder / "start.html"
        link = escape(self.links[self.annotators[0]])
        write_private(page, f'<meta http-equiv=refresh content="0; url={link}">')
        self._open.callback(page.unlink, missing_ok=True)
        threading.Thread(
            target=webbrowser.open, args=[page.resolve().as_uri()], daemon=True
        ).start()

    def run(self) -> None:
        """Serve until a signal ends it."""
        self.server.run()


def lock(folder, stack):
    """Refuse a project that is on another desk already."""
    one_desk = FileLock(folder / "desk.lock", mode=0o600)
    try:
        one_desk.take()
    except BlockingIOError:
        raise ValueError(
            f"project must be one that is not open, got {str(folder)!r}, which another "
            "skal label has open. Open the link that it printed, or end it."
        ) from None
    stack.callback(one_desk.free)
