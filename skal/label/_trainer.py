"""The process that trains behind a page: ``python -m skal.label._trainer``."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING

from skal.label._derived import Derived
from skal.label._described import learner_of
from skal.label._project import Project
from skal.label._refit import LOOK, is_due
from skal.label._session import LabelSession
from skal.label._store import LabelStore
from skal.label._supervisor import CANNOT
from skal.label._training import train_once

if TYPE_CHECKING:
    from os import PathLike

#: Warnings of one fit that the status keeps.
MOST_WARNINGS = 5


def run_trainer(project: str | PathLike[str], trust: bool = False) -> int:
    """Train whenever a refit is due, for as long as the process lives.

    Parameters
    ----------
    project : path-like
        The folder of the project.
    trust : bool, default=False
        Whether to run the classes that the project's model names.

    Returns
    -------
    int
        Exit status, where the project cannot be trained.
    """
    derived = Derived(Project.at(project).model)
    derived.set_status(phase="starting", since=time.time(), pid=os.getpid())
    try:
        session = _opened(project, trust)
    except (ValueError, TypeError, ImportError, OSError) as error:
        derived.set_status(phase="failed", since=time.time(), error=in_words(error))
        return CANNOT
    failed_at = derived.status.get("failed_at", -1)
    while True:
        if is_time(session, failed_at):
            session = _up_to_date(session, project, trust)
            failed_at = train(session)
        time.sleep(LOOK)


def _opened(project, trust):
    with LabelStore(Project.at(project).labels) as store:
        meta = dict(store.meta)
    learner = learner_of(meta.get("model"), meta["kind"], meta["seed"], trust=trust)
    return LabelSession.open(project, learner=learner, train="elsewhere")


def _up_to_date(session, project, trust):
    """Return the session; opened anew where rows have come or gone meanwhile."""
    known = {one.item for one in session.store.items() if one.present}
    if known == set(session.pool.numbers().tolist()):
        return session
    session.close()
    return _opened(project, trust)


def is_time(session: LabelSession, failed_at: int = -1) -> bool:
    """Tell whether to train now.

    Parameters
    ----------
    session : LabelSession
        The session.
    failed_at : int, default=-1
        The last event when a fit failed, -1 for none: only as many labels as make a
        refit due are another reason to try.

    Returns
    -------
    bool
        Whether to train.
    """
    if failed_at >= 0 and session.n_new_since(failed_at) < session.due:
        return False
    return is_due(session)


def train(session: LabelSession) -> int:
    """Train, and write what goes wrong, or is warned of, into the status.

    Nobody who labels has asked for a fit, so no warning of one, such as that a strategy
    cannot choose yet, is printed among what they see.

    Parameters
    ----------
    session : LabelSession
        The session.

    Returns
    -------
    int
        -1, or the last event when the fit failed.
    """
    seq = session.store.last_seq()
    try:
        session.derived.set_status(pid=os.getpid(), seq=seq)
        with warnings.catch_warnings(record=True) as heard:
            train_once(session)
    except Exception as error:  # whatever an estimator may raise: nobody is stopped
        session.derived.set_status(
            phase="failed", since=time.time(), error=in_words(error), failed_at=seq
        )
        return seq
    lines = dict.fromkeys(in_words(one.message) for one in heard)
    told = list(lines)[:MOST_WARNINGS]
    session.derived.set_status(failed_at=None, warnings=told or None)
    return -1


def in_words(error: BaseException | str) -> str:
    """Return an error, or a warning, as a line for a banner.

    Parameters
    ----------
    error : exception
        The error.

    Returns
    -------
    str
        Its kind and its message, shortened.
    """
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return words if len(words) <= 500 else f"{words[:500]} ..."


def _die_with_parent():
    """End the process when the pipe from its parent closes."""
    while sys.stdin.buffer.read(1024):
        pass
    os._exit(0)  # a fit may be under way, in a library that hears nothing else


def main(arguments: list[str]) -> int:
    """Run the trainer of a project.

    Parameters
    ----------
    arguments : list of str
        The folder, and ``--trust``.

    Returns
    -------
    int
        Exit status.
    """
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # whoever labels goes first
    return run_trainer(arguments[0], "--trust" in arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
