"""A cell that is attempted, in whatever process; it writes what came of it itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skal.experiment._cell import run_cell
from skal.experiment._parent import end_with
from skal.experiment._store import Store

if TYPE_CHECKING:
    from skal.experiment._cell_process import CellProcesses


@dataclass(frozen=True)
class Job:
    """What all attempts of a run share, wherever they are made.

    ``directory`` is where workers write and ``scratch`` where they note what is under
    way; ``pid`` is the process of the run, and ``processes`` holds those of cells
    which may take ``limit`` seconds.
    """

    directory: Path | None
    scratch: Path
    limit: float | None
    processes: CellProcesses
    pid: int


def attempt(cell, data, job):
    """Run a cell unless it is there; write what came of it."""
    end_with(job.pid)
    store = None if job.directory is None else Store(job.directory)
    if job.scratch.is_dir():  # a worker elsewhere does not see it
        (job.scratch / cell.key).touch()
    outcome: dict[str, Any] = {}
    if store is not None and store.has(cell.key):  # it was done before its worker died
        outcome = store.read(cell.key)
    if "record" not in outcome:
        if job.limit is None:
            outcome = run_cell(cell, data, None)
        else:
            outcome = job.processes.run(cell, data, job.limit)
        if store is not None and store.directory.is_dir():
            store.write(cell.key, outcome)
    (job.scratch / cell.key).unlink(missing_ok=True)
    return cell.key, outcome
