"""A project as files go in and out of it: its labels, its rows, and no learner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Self

from skal.label._derived import Derived
from skal.label._ledger import Ledger
from skal.label._project import Project
from skal.label._session import LabelSession
from skal.label._sources import open_source
from skal.label._spellings import ClassNames
from skal.label._store import LabelStore


class Shelf:
    """What is known of a project without training in it.

    Parameters
    ----------
    store : LabelStore
        The labels and the rows.
    derived : Derived
        What the newest model says.
    source : Source, default=None
        The rows as they are; None reads what the project names, once somebody asks.
    folder : Path, default=None
        Where the project lies; None for one in memory.
    """

    def __init__(
        self, store: Any, derived: Any, source: Any = None, folder: Any = None
    ) -> None:
        self.store = store
        self.derived = derived
        self.folder = folder
        self._ledger = Ledger()
        self._reading = Lock()
        if source is not None:
            self.source = source

    @classmethod
    def of(cls, session: LabelSession) -> Self:
        """Return the shelf of an open session.

        Parameters
        ----------
        session : LabelSession
            The session.

        Returns
        -------
        Shelf
            It reads and writes the session's own store.
        """
        folder = session.project and session.project.folder
        return cls(session.store, session.derived, session.pool.source, folder)

    @cached_property
    def source(self) -> Any:
        """The rows; None where they were in memory, and are there no more."""
        if self.store.meta.get("source") is None:
            return None
        return open_source(self.store.meta, self.derived)

    @property
    def kind(self) -> str:
        """What the rows are."""
        return self.store.meta["kind"]

    @property
    def match_by(self) -> str:
        """Whether a row is known by its content, or by the id that its user gave."""
        if "source" in vars(self):
            return getattr(self.source, "match_by", "content")
        options = self.store.meta.get("options") or {}
        return "id" if options.get("id") else "content"

    def ledger(self) -> Ledger:
        """Return what counts today; of what is known already, nothing is read again."""
        with self._reading:
            self._ledger.update(self.store.events(after=self._ledger.seq))
        return self._ledger

    def class_names(self) -> ClassNames:
        """Return the classes, those added later among them."""
        return ClassNames(self.store.meta.get("classes", ()), self.ledger().classes)

    def notes(self) -> dict[tuple[int, str], str]:
        """Return the last note of each person on each row."""
        ledger = self.ledger()
        return {
            (event.item, event.annotator): event.value
            for event in self.store.events()
            if event.kind == "note" and not ledger.is_undone(event)
        }


@contextmanager
def opened(project: Any) -> Iterator[Shelf]:
    """Yield the shelf of a project, and close what was opened for it.

    Parameters
    ----------
    project : LabelSession or path-like
        The project, or its folder.

    Yields
    ------
    Shelf
        The shelf.
    """
    if isinstance(project, LabelSession):
        yield Shelf.of(project)
        return
    place = Project.at(project)
    if not place.exists:
        raise ValueError(
            "project must be a session, or a folder with a labels.db, got "
            f"{str(project)!r}. It is named as its source, with .skal at the end."
        )
    with LabelStore(place.labels) as store:
        derived = Derived(place.model)
        try:
            yield Shelf(store, derived, folder=Path(project))
        finally:
            derived.close()
