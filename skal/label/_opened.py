"""A project, open for a while, whoever brought it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def opened(project: Any) -> Iterator[Any]:
    """Yield the session of a project; one that is opened here is closed again.

    Parameters
    ----------
    project : LabelSession or path-like
        The project, or its folder.

    Yields
    ------
    LabelSession
        The session.
    """
    from skal.label._session import LabelSession

    if isinstance(project, LabelSession):
        yield project
        return
    with LabelSession.open(project, train="elsewhere") as session:
        yield session
