"""Run the cells of a grid, here or through joblib, until each has come to something."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from skal.experiment._cell import failed, run_cell
from skal.experiment._store import Store


def run_grid(cells, data, directory, n_jobs, limit):
    """Yield ``(cell, outcome)`` as the cells end, in any order.

    A worker writes its cell itself, so that a killed run loses only what was under
    way. Where a worker dies, the cells that were under way are tried again, each by
    itself; one that kills its worker twice has failed.

    Parameters
    ----------
    cells : list of Cell
        What to run.
    data : dict of str to Data
        The rows, by name.
    directory : Path or None
        Where workers write.
    n_jobs : int or None
        As joblib takes it.
    limit : float or None
        Seconds a cell may take.

    Yields
    ------
    cell : Cell
        One of the cells.
    outcome : dict
        What :func:`run_cell` returned.
    """
    scratch = Path(tempfile.mkdtemp(prefix="skal-"))
    waiting = {cell.key: cell for cell in cells}
    try:
        while waiting:
            jobs = [
                delayed(attempt)(cell, data[cell.data], directory, scratch, limit)
                for cell in waiting.values()
            ]
            try:
                for key, outcome in parallel(n_jobs)(jobs):
                    yield waiting.pop(key), outcome
            except TerminatedWorkerError:
                begun = {path.name for path in scratch.iterdir()} & set(waiting)
                if not begun:  # it is not a cell that kills them
                    raise
                for key in begun:
                    cell = waiting.pop(key)
                    yield cell, _alone(cell, data, directory, scratch, limit)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _alone(cell, data, directory, scratch, limit):
    """Run a cell that was under way when a worker died."""
    job = delayed(attempt)(cell, data[cell.data], directory, scratch, limit)
    try:  # two workers, for one would be this process
        return Parallel(2, backend="loky")([job])[0][1]
    except TerminatedWorkerError:
        (scratch / cell.key).unlink(missing_ok=True)
        reason = "WorkerDied: the process was killed, most often for its memory."
        outcome = failed(cell, reason)
        if directory is not None:
            Store(directory).write(cell.key, outcome)
        return outcome


def parallel(n_jobs):
    """Return a Parallel that yields results as they come, where the backend can."""
    try:
        return Parallel(n_jobs, return_as="generator_unordered")
    except ValueError:  # it says so when it is made
        return Parallel(n_jobs)


def attempt(cell, data, directory, scratch, limit):
    """Run a cell unless it is there; write what came of it."""
    store = None if directory is None else Store(directory)
    if scratch.is_dir():  # a worker elsewhere does not see it
        (scratch / cell.key).touch()
    outcome: dict[str, Any] = {}
    if store is not None and store.has(cell.key):  # another run was faster
        outcome = store.read(cell.key)
    if "record" not in outcome:
        outcome = run_cell(cell, data, limit)
        if store is not None and store.directory.is_dir():
            store.write(cell.key, outcome)
    (scratch / cell.key).unlink(missing_ok=True)
    return cell.key, outcome
