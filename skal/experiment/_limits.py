"""What a cell may use: time and threads; and what it did use."""

from __future__ import annotations

import os
import platform
import signal
import sys
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from time import monotonic

from threadpoolctl import ThreadpoolController

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "joblib")


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


class PeakMemory:
    """The most memory that the process held since it was last reset, in MB.

    Linux can forget an old peak. Elsewhere it is the peak since the process began; NaN
    where the system does not tell.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        try:
            with open("/proc/self/clear_refs", "wb", buffering=0) as file:
                file.write(b"5")
        except OSError:
            pass  # read what there is

    def peak(self):
        """Return it."""
        try:
            with open("/proc/self/status", "rb", buffering=0) as file:
                found = file.read(2**14).partition(b"VmHWM:")[2]
                return int(found.split(maxsplit=1)[0]) / 1024
        except (OSError, IndexError):  # another system, or one that does not say
            return _peak_ever()


def _peak_ever():
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def environment(n_threads):
    """Return what results may depend on beyond their definition."""
    return {**_machine(), "threads": n_threads, "gpu": _gpu()}


@cache
def _machine():
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    from skal import __version__

    return {
        "skal": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        **versions,
    }


def _processor():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _gpu():
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return torch.cuda.get_device_name()
