"""Who looks after the process that trains behind a page."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from skal._checks import check_above_zero
from skal.label._derived import Derived
from skal.label._project import Project

if TYPE_CHECKING:
    from os import PathLike
    from typing import Self

#: Seconds between two looks at the trainer.
LOOK = 0.2
#: Seconds that a fit may take.
TIME_LIMIT = 600.0
#: Seconds before a trainer that died is started again: twice as many each time.
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
#: A trainer that lived so long was well.
_WELL = 60.0
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
    >>> from skal.label._supervisor import Supervisor
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
