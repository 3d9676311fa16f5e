"""Run the cells of a grid on an engine, such as dask or Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skal.experiment._cell import DIED, failed
from skal.experiment._engines import LOST
from skal.experiment._job import attempt
from skal.experiment._sent import read, written
from skal.experiment._store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skal.experiment._cell import Cell
    from skal.experiment._data import Data
    from skal.experiment._engines import Dask, Ray
    from skal.experiment._job import Job

#: What a worker answers that does not see the folder of the run.
UNSEEN = "unseen"


def run_elsewhere(
    engine: Dask | Ray, job: Job, cells: list[Cell], data: dict[str, Data]
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Yield ``(cell, outcome)`` as the cells end, in any order.

    Data is sent by the path of a file in the folder of the run. Workers that do not
    see it get it by value, once each. Cells that lost their workers are tried again,
    each by itself, for others may have been to blame; then they have failed.

    Parameters
    ----------
    engine : Dask or Ray
        Where to run.
    job : Job
        What all cells of the run share.
    cells : list of Cell
        What to run.
    data : dict of str to Data
        The rows, by name.

    Yields
    ------
    cell : Cell
        One of the cells.
    outcome : dict
        What :func:`run_cell` returned.
    """
    waiting = {cell.key: cell for cell in cells}
    names = {cell.data for cell in cells}
    paths = {name: written(data[name], job.scratch) for name in names}
    lost: set[str] = set()

    def answers(function, keys, rows):
        calls = {key: (waiting[key], rows[waiting[key].data], job) for key in keys}
        for key, answer in engine.run(function, calls):
            if answer is LOST:
                lost.add(key)
            elif answer != UNSEEN:
                yield waiting.pop(key), answer[1]

    yield from answers(attempt_from, list(waiting), paths)
    unseen = [key for key in waiting if key not in lost]
    shared = {name: engine.shared(data[name]) for name in names} if unseen else paths
    function = attempt if unseen else attempt_from
    yield from answers(function, unseen, shared)
    for key in sorted(lost):
        yield from answers(function, [key], shared)
    for key, cell in waiting.items():  # which were lost by themselves too
        outcome = failed(cell, DIED)
        if job.directory is not None:
            Store(job.directory).write(key, outcome)
        yield cell, outcome


def attempt_from(cell: Cell, path: Path, job: Job) -> Any:
    """Run a cell on data from a file, where there is one."""
    return attempt(cell, read(path), job) if path.is_file() else UNSEEN
