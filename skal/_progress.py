"""A bar for rows that are worked through, batch by batch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def rows_shown(
    total: int | None, n_done: int, verbose: int | bool
) -> Iterator[Callable[[int], object]]:
    """Give a function that takes the rows done so far; with verbose it moves a bar.

    The bar comes with its first move: where nothing is left to do, there is none. Nor
    is there one where the console shows another already, and has room for one alone.
    """
    if not verbose:
        yield lambda n: None
        return
    from rich import get_console
    from rich.errors import LiveError
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("{task.completed} rows"),
        BarColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=get_console(),
    )
    task = progress.add_task("rows", total=total, completed=n_done)

    def show(n: int) -> None:
        progress.update(task, completed=n)
        if not progress.live.is_started:
            try:
                progress.start()
            except LiveError:
                progress.disable = True

    try:
        yield show
    finally:
        if progress.live.is_started:
            progress.stop()
