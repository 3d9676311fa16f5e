"""The process that trains behind a page, and who looks after it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from skal._checks import check_above_zero
from skal.label._derived import Derived
from skal.label._models import learner_of
from skal.label._project import Project
from skal.label._refit import is_due
from skal.label._session import LabelSession
from skal.label._store import LabelStore
from skal.label._training import train_once

if TYPE_CHECKING:
    from os import PathLike
    from typing import Self

#: Seconds between two looks for new labels, and two looks at the trainer.
LOOK = 0.2
#: Seconds that a fit may take.
TIME_LIMIT = 600.0
#: Seconds before a trainer that died is started again: twice as many each time.
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
#: A trainer that lived so long was well.
_WELL = 60.0
#: Warnings of one fit that the status keeps.
MOST_WARNINGS = 5
#: Exit status of a trainer that cannot work until somebody changes something.
CANNOT = 3


class Supervisor:
    """Keep a trainer running beside a project.

    The trainer is a process of its own: a fit that takes long, crashes, or eats all
    memory stops nobody from labelling. It speaks through the files of the project
    alone, so it can be killed at any time and nothing is lost. One that dies is started
    again, after a while that grows; one whose fit takes too long is killed, which the
    status tells. It dies when the process that started it does.

    Parameters
    ----------
    project : path-like
        The folder of a project that exists.
    trust : bool, default=False
        Whether to run the classes that the project's model names.
    time_limit : float, default=600.0
        Seconds that a fit may take.

    Attributes
    ----------
    pid : int or None
        The trainer's process, None while there is none.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skal.label import LabelSession
    >>> from skal.label._trainer import Supervisor
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "films.csv")
    ...     _ = file.write_text(chr(10).join(["body", "good", "bad", "so so"]))
    ...     project = Path(folder, "films.skal")
    ...     LabelSession(file, classes=["+", "-"], project=project).close()
    ...     with Supervisor(project) as supervisor:
    ...         alive = supervisor.pid is not None
    >>> alive, supervisor.pid
    (True, None)
    """

    def __init__(
        self,
        project: str | PathLike[str],
        *,
        trust: bool = False,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self.project = Path(project)
        self.trust = trust
        self.time_limit = check_above_zero("time_limit", time_limit)
        self._child: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._look_after, name="skal-supervisor", daemon=True
        )
        self._wait = FIRST_WAIT
        self._derived = Derived(Project.at(self.project).model)

    def start(self) -> Self:
        """Start the trainer.

        Returns
        -------
        Supervisor
            The supervisor itself.
        """
        self._begin()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop the trainer, at once: a fit under way is given up."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end()
        self._derived.set_status(phase="stopped", since=time.time(), pid=None)
        self._derived.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The trainer's process."""
        child = self._child
        return None if child is None or child.poll() is not None else child.pid

    # What the thread does -----------------------------------------------------------

    def _look_after(self):
        while not self._over.wait(LOOK):
            child = self._child
            if child is not None and child.poll() is None:
                self._check_time(child.pid)
            elif child is None or child.returncode != CANNOT:
                self._begin_again()

    def _check_time(self, pid):
        """Stop a trainer whose fit takes too long."""
        status = self._derived.status
        if status.get("phase") != "training" or status.get("pid") != pid:
            return
        took = time.time() - status["since"]
        if took <= self.time_limit:
            return
        self._end()
        self._derived.set_status(
            phase="failed",
            since=time.time(),
            failed_at=status.get("seq"),
            error=f"The fit took longer than {self.time_limit:g} seconds and was "
            "stopped; the last ranking stays. The next labels are another try.",
        )

    def _begin_again(self):
        if self._over.wait(self._wait):
            return
        lived = time.monotonic() - self._began
        self._wait = FIRST_WAIT if lived > _WELL else min(2 * self._wait, LONGEST_WAIT)
        self._end()
        self._begin()

    def _begin(self):
        # -P: nothing of the folder that one happens to be in is imported.
        command = [sys.executable, "-P", "-m", "skal.label._trainer", str(self.project)]
        command += ["--trust"] if self.trust else []
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        self._began = time.monotonic()
        # The pipe tells the trainer when this process is gone, however it went.
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
        )

    def _end(self):
        child = self._child
        if child is None:
            return
        child.kill()
        child.wait()
        if child.stdin is not None:
            child.stdin.close()
        self._child = None


# The trainer ----------------------------------------------------------------------


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
