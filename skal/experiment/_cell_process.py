"""Cells in processes of their own, which can be ended whatever runs in them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from skal.experiment._cell import DIED, failed, out_of_time
from skal.experiment._sent import pickled

if TYPE_CHECKING:
    from skal.experiment._cell import Cell
    from skal.experiment._data import Data

#: Seconds that a cell has to come to an end by itself when its time is up.
GRACE = 1.0
#: Seconds between the signal that asks it to end and the one that ends it.
PAUSE = 0.1
#: What a process runs. Its requests come by what is its standard input at first.
CODE = (
    "import os, pickle, sys; requests = os.fdopen(os.dup(0), 'rb'); "
    "sys.path[:], sys.argv[:] = pickle.load(requests); "
    "from skal.experiment._cell_server import serve; serve(requests)"
)


class ProcessDied(Exception):
    """The process of a cell has ended before the cell."""


class CellProcesses:
    """As many processes as there are cells at once.

    A copy that is sent elsewhere keeps none, for nobody tells it when the run ends.

    Parameters
    ----------
    keep : bool, default=True
        Whether a process is there for the next cell too.
    """

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.closed = False
        self.lock = threading.Lock()
        self.idle: list[CellProcess] = []
        self.busy: set[CellProcess] = set()

    def __reduce__(self):
        return CellProcesses, (False,)

    def run(self, cell: Cell, data: Data, limit: float) -> dict[str, dict[str, Any]]:
        """Run a cell within its time; it is tried again where its process died.

        Parameters
        ----------
        cell : Cell
            What to run.
        data : Data
            Its rows.
        limit : float
            Seconds it may take.

        Returns
        -------
        dict of str to dict
            As :func:`run_cell`.
        """
        for _ in range(2):
            process = self._take()
            try:
                outcome = process.run(cell, data, limit)
            except ProcessDied:
                if self.closed:
                    raise
                continue
            finally:
                self._put_back(process)
            return outcome
        return failed(cell, DIED)

    def _take(self):
        with self.lock:
            if self.closed:
                raise ProcessDied
            process = self.idle.pop() if self.idle else CellProcess()
            self.busy.add(process)
            return process

    def _put_back(self, process):
        with self.lock:
            self.busy.discard(process)
            if self.keep and not process.is_over and not self.closed:
                self.idle.append(process)
                return
        process.end()

    def close(self) -> None:
        """End all of them, those that are at work too."""
        with self.lock:
            self.closed = True
            idle, busy = self.idle, self.busy.copy()
            self.idle = []
        for process in idle:
            process.dismiss()
        for process in idle:
            process.wait()
        for process in [*busy, *idle]:
            process.end()


class CellProcess:
    """A process that runs one cell after the other.

    It leads a session, so that what it has started is ended with it; it ends itself
    when its requests can come no more, because the process that had it has died.
    """

    def __init__(self) -> None:
        self.data: Data | None = None
        self.lock = threading.Lock()
        self.is_late = self.is_over = False
        self.process: Any = subprocess.Popen(
            [sys.executable, "-c", CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._ask((sys.path, sys.argv))

    def run(self, cell: Cell, data: Data, limit: float) -> dict[str, dict[str, Any]]:
        """Run a cell; end the process when its time and the grace are over."""
        new = None if data is self.data else pickled(data)  # it keeps the last
        self._ask((new, pickled(cell), limit))
        begun, text = self._answer()  # reading it may take as long as it needs to
        self.data = data if begun else None
        if not begun:
            return failed(cell, "It cannot be read in another process.", text)
        self.timer = threading.Timer(limit + GRACE, self._end_late)
        self.timer.daemon = True
        self.timer.start()
        try:
            return self._answer()
        except ProcessDied:
            if self.is_late:
                return out_of_time(cell, limit)
            raise
        finally:
            with self.lock:  # from here on the timer leaves it alone
                self.timer.cancel()

    def _ask(self, request):
        try:
            pickle.dump(request, self.process.stdin)
            self.process.stdin.flush()
        except (OSError, ValueError) as error:  # its pipes are closed
            self.is_over = True
            raise ProcessDied from error

    def _answer(self):
        try:
            return pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError, OSError, ValueError) as error:
            self.is_over = True
            raise ProcessDied from error

    def _end_late(self):
        with self.lock:
            if self.timer.finished.is_set():
                return
            self.is_late = self.is_over = True
        self.end()

    def dismiss(self) -> None:
        """Let it go when it has nothing to do, with what it does at its end."""
        with suppress(ProcessDied):
            self._ask(None)

    def wait(self) -> None:
        """Give it the time to go."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)

    def end(self) -> None:
        """End it, and what it has started."""
        with self.lock:
            self.is_over = True
            if self.process.stdin.closed:
                return
            _kill(self.process)
            for pipe in (self.process.stdin, self.process.stdout):
                with suppress(OSError):
                    pipe.close()


def _kill(process):
    """Kill a process with its group, whose number is its own while one of it lives."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            time.sleep(PAUSE)  # trackers ignore that, and remove what is left
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
