"""All that ``skal label`` sets up: a project, its page, and the trainer behind it."""

from __future__ import annotations

import os
import threading
import webbrowser
from contextlib import ExitStack, suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from skal._file_lock import FileLock
from skal.label._derived import Derived
from skal.label._digits import CLASSES, NAME, digits_folder
from skal.label._models import foreign_classes, model_of
from skal.label._page import Answers
from skal.label._project import Project
from skal.label._session import LabelSession
from skal.label._sources import open_source
from skal.label._supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from typing import Any, Self


__all__ = ["CLASSES", "NAME", "Desk", "digits_folder", "open_project"]


def open_project(
    source: str | PathLike[str],
    *,
    project: str | PathLike[str] | None = None,
    classes: Iterable[str] | None = None,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    strategy: str | None = None,
    trust: bool = False,
    annotator: str = "me",
    guidelines: str | None = None,
    audit: float | None = None,
    repeat: float | None = None,
) -> LabelSession:
    """Open the project of a folder or file; begin one where there is none.

    Parameters
    ----------
    source : path-like
        A folder of images, or a file of rows.
    project : path-like or None, default=None
        Its folder; None takes the one beside the source.
    classes : list of str or None, default=None
        What a row can be; may be None where the source has labels, and later.
    options : dict or None, default=None
        What the source is to know: "text", "show", "label", "id".
    model, strategy : str or None, default=None
        An estimator by name, or a TOML file; a strategy by name.
    trust : bool, default=False
        Whether to run the classes that a project names which is gone on with.
    annotator : str, default="me"
        Who labels.
    guidelines : str or None, default=None
        What people should know who label.
    audit, repeat : float or None, default=None
        Shares of rows drawn at random, and shown again; None keeps what was, at first
        a tenth and none.

    Returns
    -------
    LabelSession
        The session of the page: it trains nothing itself.
    """
    here = Project.of_source(source) if project is None else Project.at(project)
    known = remembered(here)
    spec = described(model, strategy) or known.get("model")
    if known.get("model") == spec and foreign_classes(spec) and not trust:
        names = ", ".join(map(repr, foreign_classes(spec)))
        raise ValueError(
            f"config must be given again for a project that runs {names}. Or say "
            "--trust, if you know who wrote it."
        )
    opened = read(source, merged(known, options, spec), here)
    if not classes and not known and not any(opened.labels):
        raise ValueError(
            "classes must be given for rows that have no label yet, got none. Say "
            "--classes cat,dog; more can be added on the page."
        )
    session = LabelSession(
        opened,
        project=here.folder,
        classes=list(classes or labels_of(opened, known)),
        annotator=annotator,
        train="elsewhere",
        guidelines=guidelines,
        audit=audit,
        repeat=repeat,
    )
    # A folder that has moved is found again; a model given now is the model.
    session.store.meta.update(name=Path(source).name, model=spec, **opened.meta())
    return session


def remembered(project):
    """Return what a project knows of itself; nothing of one that is not there."""
    if not project.exists:
        return {}
    from skal.label._store import LabelStore

    with LabelStore(project.labels) as store:
        return dict(store.meta)


def described(model, strategy):
    """Return the description of a learner, as far as it was given."""
    spec = {} if model is None else model_of(model)
    return spec if strategy is None else {**spec, "strategy": strategy}


def merged(known, options, spec):
    """Return the options of a source: those given now before those of before."""
    given = {name: value for name, value in (options or {}).items() if value}
    before = known.get("options") or {}
    if {"text", "show"} & given.keys():  # one takes the place of the other
        before = {k: v for k, v in before.items() if k not in ("text", "show")}
    if spec and spec.get("input"):
        given["input"] = spec["input"]
    return {**before, **given}


def read(source, options, project):
    """Open a source; files that have not changed since need not be read."""
    meta = {"source": str(source), "options": options}
    if not project.exists:
        return open_source(meta)
    derived = Derived(project.model)
    try:
        return open_source(meta, derived)
    finally:
        derived.close()


def labels_of(source, known):
    """Return the classes that the labels of a new source name."""
    if known:
        return []
    return sorted({label for label in source.labels if label is not None})


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
            tokens = {
                name: session.store.add_annotator(name) for name in self.annotators
            }
            self.server = self._listening(Running, Answers(session), pictures, tokens)
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


def write_private(path, text):
    """Write a file that nobody else could read at any moment."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
