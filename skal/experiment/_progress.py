"""How far a grid has come, and how long it will still take."""

from __future__ import annotations

from time import monotonic

import numpy as np


class Silent:
    """Show nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def update(self, cell, outcome):
        """Take note of a finished cell."""


class GridBar:
    """A bar over the cells, with the time that the rest will take.

    Cells cost unequal time, but those of one estimator and strategy much the same: the
    estimate is the mean of their like, divided by how many run at once.

    Parameters
    ----------
    cells : list of Cell
        What there is to do.
    n_finished : int
        What an earlier run has done.
    """

    def __init__(self, cells, n_finished):
        from rich import get_console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.left = {cell.key: _kind(cell) for cell in cells}
        self.seconds: dict[tuple, list[float]] = {}
        self.n_failed = 0
        self.start = monotonic()
        self.progress = Progress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=get_console(),
            refresh_per_second=5,
        )
        self.task = self.progress.add_task(
            "cells",
            total=len(cells) + n_finished,
            completed=n_finished,
            text=f"{n_finished} found" if n_finished else "",
        )

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *error):
        self.progress.stop()

    def update(self, cell, outcome):
        """Show a cell that has ended."""
        kind = self.left.pop(cell.key, None)
        if "record" in outcome:
            self.seconds.setdefault(kind, []).append(outcome["timings"]["seconds"])
        else:
            self.n_failed += 1
            self.progress.console.print(
                f"failed: {cell.data}, {cell.estimator}, {cell.strategy}, "
                f"seed {cell.seed}: {outcome['failure']['reason']}",
                style="red",
                markup=False,
                highlight=False,
            )
        self.progress.update(self.task, advance=1, text=self.text())

    def text(self):
        """Say how long it will take, and what went wrong."""
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        if not self.seconds:
            return failed.removeprefix(", ")
        elapsed = monotonic() - self.start
        if not self.left:
            return f"{as_time(elapsed)}{failed}"
        return f"{as_time(self.remaining(elapsed))} left{failed}"

    def remaining(self, elapsed):
        """Estimate the seconds that are left."""
        done = np.concatenate([*self.seconds.values()])
        typical = {kind: np.mean(some) for kind, some in self.seconds.items()}
        work = sum(typical.get(kind, done.mean()) for kind in self.left.values())
        at_once = max(done.sum() / max(elapsed, 1e-9), 0.1)
        return work / at_once


def _kind(cell):
    return cell.data, cell.estimator, cell.strategy


def as_time(seconds):
    """Write seconds as people say them."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
