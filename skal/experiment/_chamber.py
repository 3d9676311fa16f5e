"""Cells in processes of their own, which can be ended whatever runs in them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib._memmapping_reducer import reduce_array_memmap_backward
from joblib.externals.loky.backend.reduction import dumps

from skal._checks import name_of
from skal.experiment._cell import DIED, failed, out_of_time, run_cell

if TYPE_CHECKING:
    from skal.experiment._cell import Cell
    from skal.experiment._data import Data

#: Seconds that a cell has to come to an end by itself when its time is up.
GRACE = 1.0
#: Seconds between the signal that asks it to end and the one that ends it.
PAUSE = 0.1
#: What a chamber runs. Its requests come by what is its standard input at first.
CODE = (
    "import os, pickle, sys; requests = os.fdopen(os.dup(0), 'rb'); "
    "sys.path[:], sys.argv[:] = pickle.load(requests); "
    "from skal.experiment._chamber import serve; serve(requests)"
)


class ChamberDied(Exception):
    """The process of a cell has ended before the cell."""


class Chambers:
    """As many chambers as there are cells at once.

    A copy that is sent elsewhere keeps none, for nobody tells it when the run ends.

    Parameters
    ----------
    keep : bool, default=True
        Whether a chamber is there for the next cell too.
    """

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.closed = False
        self.lock = threading.Lock()
        self.idle: list[Chamber] = []
        self.busy: set[Chamber] = set()

    def __reduce__(self):
        return Chambers, (False,)

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
            chamber = self._take()
            try:
                outcome = chamber.run(cell, data, limit)
            except ChamberDied:
                if self.closed:
                    raise
                continue
            finally:
                self._put_back(chamber)
            return outcome
        return failed(cell, DIED)

    def _take(self):
        with self.lock:
            if self.closed:
                raise ChamberDied
            chamber = self.idle.pop() if self.idle else Chamber()
            self.busy.add(chamber)
            return chamber

    def _put_back(self, chamber):
        with self.lock:
            self.busy.discard(chamber)
            if self.keep and not chamber.is_over and not self.closed:
                self.idle.append(chamber)
                return
        chamber.end()

    def close(self) -> None:
        """End all of them, those that are at work too."""
        with self.lock:
            self.closed = True
            idle, busy = self.idle, self.busy.copy()
            self.idle = []
        for chamber in idle:
            chamber.dismiss()
        for chamber in idle:
            chamber.wait()
        for chamber in [*busy, *idle]:
            chamber.end()


class Chamber:
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
        new = None if data is self.data else packed(data)  # it keeps the last
        self._ask((new, packed(cell), limit))
        begun, text = self._answer()  # reading it may take as long as it needs to
        self.data = data if begun else None
        if not begun:
            return failed(cell, "It cannot be read in another process.", text)
        self.timer = threading.Timer(limit + GRACE, self._end_late)
        self.timer.daemon = True
        self.timer.start()
        try:
            return self._answer()
        except ChamberDied:
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
            raise ChamberDied from error

    def _answer(self):
        try:
            return pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError, OSError, ValueError) as error:
            self.is_over = True
            raise ChamberDied from error

    def _end_late(self):
        with self.lock:
            if self.timer.finished.is_set():
                return
            self.is_late = self.is_over = True
        self.end()

    def dismiss(self) -> None:
        """Let it go when it has nothing to do, with what it does at its end."""
        with suppress(ChamberDied):
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


def check_can_be_sent(things: Any, limit: float | None) -> None:
    """Refuse a time limit for what no other process can have."""
    if limit is None:
        return
    for thing in things:
        try:
            packed(thing)
        except Exception as error:  # each kind of object has an error of its own
            raise TypeError(
                f"time_limit must be None for {name_of(thing)}, which cannot be sent "
                f"to a process that may be ended, got {limit!r}. Leave time_limit out, "
                f"or make it one that can be pickled: {error}"
            ) from error


def packed(thing: Any) -> bytes:
    """Pickle what a script defines too; arrays in files by their place in the file."""
    return bytes(dumps(thing, {np.memmap: reduce_array_memmap_backward}))


# In the process ---------------------------------------------------------------------


def serve(requests):
    """Run the cells that are asked for, until the process is ended.

    What user code prints goes to the standard error, for the answers go where the
    standard output went.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    queue: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, queue), daemon=True).start()
    data: Any = None
    while (request := queue.get()) is not None:
        new, content, limit = request
        try:
            data = data if new is None else pickle.loads(new)
            cell = pickle.loads(content)
        except Exception:
            _say(answers, (False, traceback.format_exc()))
            continue
        _say(answers, (True, ""))
        _say(answers, run_cell(cell, data, limit))


def _read(requests, queue):
    """Pass requests on; when they end, whoever made them has died."""
    request: Any = ()
    while request is not None:
        try:
            request = pickle.load(requests)
        except (EOFError, OSError, pickle.UnpicklingError):
            if sys.platform != "win32":
                os.killpg(0, signal.SIGTERM)
            os._exit(1)
        queue.put(request)


def _say(answers, answer):
    pickle.dump(answer, answers)
    answers.flush()
