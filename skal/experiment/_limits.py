"""What a cell may use: time and threads."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic

from threadpoolctl import ThreadpoolController


class OutOfTime(BaseException):
    """A cell has had its time; estimators that catch Exception do not catch it."""


class Clock:
    """Seconds since the cell began, and how many it may take."""

    def __init__(self, limit):
        self.start = monotonic()
        self.limit = limit

    @property
    def seconds(self):
        return monotonic() - self.start

    def check(self):
        """Raise OutOfTime when the limit has passed."""
        if self.limit is not None and self.seconds > self.limit:
            raise OutOfTime


@contextmanager
def time_limit(limit):
    """Interrupt what runs inside when its time is up.

    That is for the main thread of a process that may be killed if it does not help.
    Where there is no such signal, :meth:`Clock.check` between rounds does it.
    """
    clock = Clock(limit)
    if limit is None or not hasattr(signal, "setitimer"):
        yield clock
        return

    def ring(signum, frame):
        raise OutOfTime

    handler = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield clock
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


@contextmanager
def limited_threads(n_threads):
    """Fix the threads of BLAS, OpenMP and torch: their number changes last digits."""
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    with _thread_pools(len(sys.modules)).limit(limits=n_threads):
        try:
            if torch is not None:
                torch.set_num_threads(n_threads)
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


@lru_cache(maxsize=1)
def _thread_pools(n_modules):
    """Find the thread pools; looking takes long, and imports alone bring new ones."""
    return ThreadpoolController()
