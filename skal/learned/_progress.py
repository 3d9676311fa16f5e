"""A progress bar for a training that takes minutes."""

from __future__ import annotations

from contextlib import contextmanager


@contextmanager
def steps_shown(total, title, verbose):
    """Give a function that counts steps; with verbose it moves a bar."""
    if not verbose:
        yield lambda n: None
        return
    from rich.progress import Progress

    with Progress() as progress:
        task = progress.add_task(title, total=total)
        yield lambda n: progress.advance(task, n)
