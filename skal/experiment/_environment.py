"""What a cell ran on, and the memory it took."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "joblib")


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
