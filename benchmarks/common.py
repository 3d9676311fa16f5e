"""What the benchmarks share: timing, memory, the machine, and tables.

Only ratios within one run mean anything on a shared machine, so what is compared is
timed in turns, and the best time of each counts: other processes only ever add.
"""

import gc
import os
import platform
import sys
import tracemalloc
from importlib.metadata import version
from time import perf_counter

import numpy as np


def interleave(functions, repeats=7):
    """Time functions in turns, after one call each to warm up.

    Parameters
    ----------
    functions : dict of str to callable
        What to time, by name; each takes nothing.
    repeats : int, default=7
        Turns.

    Returns
    -------
    dict of str to list of float
        Seconds of every turn, by name.
    """
    for function in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            gc.collect()
            start = perf_counter()
            function()
            seconds[name].append(perf_counter() - start)
    return seconds


def best(functions, repeats=7):
    """Return the least seconds of each function, timed in turns."""
    return {name: min(s) for name, s in interleave(functions, repeats).items()}


def peak_traced(function):
    """Return the peak of what Python and numpy allocate during a call, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak_resident(function):
    """Return how much a call raises the peak of this process's memory, in bytes.

    Linux only: the high-water mark is reset before the call. NaN elsewhere.
    """
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w") as clear:
            clear.write("5")
    except OSError:
        return float("nan")
    before = _resident("VmRSS")
    function()
    return max(0, _resident("VmHWM") - before)


def most_resident() -> int:
    """Return the bytes that this process held at most, the imports among them.

    What ``getrusage`` tells begins at what the process held that started this one.
    """
    return _resident("VmHWM")


def _resident(field):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field):
                return 1024 * int(line.split()[1])
    raise LookupError(f"{field} is not in /proc/self/status.")


def machine():
    """Describe the machine and the versions in one line."""
    packages = ("numpy", "scipy", "scikit-learn")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, {versions}"
    )


def _processor():
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def blobs(n_rows, n_features, *, n_classes=10, dtype=np.float32, seed=0):
    """Draw overlapping clouds of points; return X and y."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n_rows)
    centers = rng.standard_normal((n_classes, n_features), dtype=np.float32)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    X += centers[y]
    return X.astype(dtype, copy=False), y


def show(title, columns, rows):
    """Print a table in plain text, with the machine above it."""
    cells = [[str(column) for column in columns]]
    cells += [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in pairs)
        for pairs in (enumerate(zip(row, widths, strict=True)) for row in cells)
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    sys.stdout.write("\n".join(["", title, machine(), *lines, ""]))


def verdict(value, target):
    """Say whether a measured value keeps its upper target."""
    return "ok" if value <= target else f"missed x{value / target:.2f}"
