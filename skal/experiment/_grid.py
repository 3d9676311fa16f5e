"""Run the cells of a grid, here or through joblib, until each has come to something."""

from __future__ import annotations

import os

from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import get_active_backend

from skal.experiment._cell import DIED, failed
from skal.experiment._cell_process import CellProcesses
from skal.experiment._elsewhere import run_elsewhere
from skal.experiment._engines import active_engine
from skal.experiment._job import Job, attempt
from skal.experiment._scratch import scratch_folder
from skal.experiment._store import Store


def run_grid(cells, data, directory, n_jobs, limit):
    """Yield ``(cell, outcome)`` as the cells end, in any order.

    A worker writes its cell itself, so that a killed run loses only what was under
    way. Where a worker dies, the cells that were under way are tried again, each by
    itself; one that kills its worker twice has failed. Cells with a time limit run in
    processes of their own, for no exception can be relied on to end them.

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
    processes, engine = CellProcesses(), active_engine()
    if directory is not None:
        directory = directory.absolute()  # workers elsewhere have another current one
    try:
        # What other machines see of this one is the folder of results, if anything.
        with scratch_folder(None if engine is None else directory) as scratch:
            job = Job(directory, scratch, limit, processes, os.getpid())
            if engine is None:
                waiting = {cell.key: cell for cell in cells}
                yield from _run_all(job, waiting, data, n_jobs)
            else:
                yield from run_elsewhere(engine, job, cells, data)
    finally:
        processes.close()


def _run_all(job, waiting, data, n_jobs):
    while waiting:
        calls = [
            delayed(attempt)(cell, data[cell.data], job) for cell in waiting.values()
        ]
        try:
            for key, outcome in parallel(n_jobs, len(calls), job.limit)(calls):
                yield waiting.pop(key), outcome
        except TerminatedWorkerError:
            begun = {path.name for path in job.scratch.iterdir()} & set(waiting)
            if not begun:  # it is not a cell that kills them
                raise
            for key in begun:
                cell = waiting.pop(key)
                yield cell, _alone(cell, data, job)


def _alone(cell, data, job):
    """Run a cell that was under way when a worker died."""
    call = delayed(attempt)(cell, data[cell.data], job)
    try:  # two workers, for one would be this process
        return Parallel(2, backend="loky")([call])[0][1]
    except TerminatedWorkerError:
        (job.scratch / cell.key).unlink(missing_ok=True)
        outcome = failed(cell, DIED)
        if job.directory is not None:
            Store(job.directory).write(cell.key, outcome)
        return outcome


def parallel(n_jobs, n_calls, limit):
    """Return a Parallel that yields results as they come, where the backend can."""
    backend = None
    if type(get_active_backend()[0]).__module__ == "joblib._parallel_backends":
        n_jobs = effective_n_jobs(n_jobs)
        if n_jobs > 1:  # a worker without a cell would not know whose it is
            n_jobs = min(n_jobs, max(n_calls, 2))
        if limit is not None:  # processes are waited for, and threads can wait
            backend = "threading"
    try:
        return Parallel(n_jobs, backend=backend, return_as="generator_unordered")
    except ValueError:  # it says so when it is made
        return Parallel(n_jobs, backend=backend)
