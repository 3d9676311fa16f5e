"""A progress bar of the rounds, unless something around shows one."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import contextmanager

from sklearn.callback import ProgressBar

from skal._data import n_rows


class RoundBar:
    """Show the rounds of one fit: labels bought, rounds planned, time remaining.

    The learner attaches it for the length of a fit with ``verbose=1``. It is a live bar
    in a terminal or a notebook. In a worker process, in a file, and while another live
    display is on the screen, it is one line when the fit has ended.
    """

    def __init__(self):
        self._display = None

    def setup(self, estimator, context):
        """Open the display."""
        planned = context.max_subtasks
        last_round = None if planned is None else planned - 1
        self._display = _open_display(_strategy_name(estimator), last_round)

    def on_fit_task_begin(self, estimator, context):
        """Do nothing: a round shows when it has ended."""

    def on_fit_task_end(self, estimator, context, *, y=None):
        """Show the round that has ended."""
        if context.task_name == "round" and self._display is not None:
            self._display.update(context.task_id, n_rows(y))

    def teardown(self, estimator, context):
        """Close the display, however the fit ended."""
        display, self._display = self._display, None
        if display is not None:
            display.close()

    def __getstate__(self):
        """Leave the display, which belongs to this process, behind."""
        return {"_display": None}


def bar_is_shown(estimator):
    """Tell whether a progress bar already shows the fit of this estimator.

    Looks at the callbacks attached to the estimator, those that an enclosing search or
    pipeline has passed down, and those that it keeps to itself.
    """
    callbacks = list(getattr(estimator, "_skl_callbacks", []))
    context = getattr(estimator, "_parent_callback_ctx", None)
    while context is not None:
        callbacks += context._callbacks
        context = context.parent
    return any(isinstance(callback, ProgressBar | RoundBar) for callback in callbacks)


@contextmanager
def show_progress(learner):
    """Attach a progress bar for one fit, unless one is shown already."""
    if bar_is_shown(learner):
        yield
        return
    callbacks = list(getattr(learner, "_skl_callbacks", []))
    learner.set_callbacks(*callbacks, RoundBar())
    try:
        yield
    finally:
        learner.set_callbacks(*callbacks)


#: Held by the fit that has the live bar; fits in other threads print a line.
_live_display = threading.Lock()


def _strategy_name(learner):
    """Name the strategy as the user would."""
    strategy = getattr(learner, "query_strategy", learner)
    if isinstance(strategy, str):
        return strategy
    return getattr(strategy, "__name__", type(strategy).__name__)


def _open_display(title, last_round):
    """Open the display that suits the place where this fit runs."""
    from rich import get_console

    console = get_console()
    display = _display_for(console)
    if display is not _Line and not _live_display.acquire(blocking=False):
        display = _Line
    return display(title, last_round, console)


def _display_for(console):
    """Pick the kind of display: live bars need a screen to themselves."""
    if multiprocessing.parent_process() is not None:
        return _Line
    if console.is_jupyter:
        return _NotebookBar
    if console.is_terminal and not console.is_dumb_terminal and _is_free(console):
        return _TerminalBar
    return _Line


def _is_free(console):
    """Tell whether no live display is on the screen."""
    from rich.errors import LiveError
    from rich.live import Live

    try:
        is_only_one = console.set_live(Live(console=console))
    except LiveError:  # rich before 14.1, which allows one and returns None
        return False
    console.clear_live()
    return is_only_one is not False


class _Line:
    """One line, printed when the fit has ended."""

    def __init__(self, title, last_round, console):
        self.title = title
        self.last_round = last_round
        self.console = console
        self.start = time.perf_counter()
        self.text = None

    def update(self, round_, n_labels):
        self.text = _progress_text(round_, self.last_round, n_labels)

    def close(self):
        if self.text is not None:
            seconds = time.perf_counter() - self.start
            self.console.print(
                f"{self.title}: {self.text}, {seconds:.1f} s",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )


class _TerminalBar:
    """A live bar; what the fit prints appears above it."""

    def __init__(self, title, last_round, console):
        self.last_round = last_round
        self.progress = _rich_progress(console)
        total = None if last_round is None else last_round + 1
        self.task = self.progress.add_task(title, total=total, text="")
        self.open()

    def open(self):
        self.progress.start()

    def update(self, round_, n_labels):
        text = _progress_text(round_, self.last_round, n_labels)
        self.progress.update(self.task, completed=round_ + 1, text=text)

    def close(self):
        # A loop that stopped early is done too: no time remains.
        task = self.progress.tasks[self.task]
        self.progress.update(self.task, total=max(task.completed, 1))
        self.progress.stop()
        _live_display.release()


class _NotebookBar(_TerminalBar):
    """A bar below the cell, kept in the notebook; it needs no widgets."""

    refresh_seconds = 0.1

    def open(self):
        from IPython.display import display

        self.shown = display(self.progress, display_id=True)
        self.shown_at = time.perf_counter()

    def update(self, round_, n_labels):
        super().update(round_, n_labels)
        if time.perf_counter() - self.shown_at > self.refresh_seconds:
            self.shown.update(self.progress)
            self.shown_at = time.perf_counter()

    def close(self):
        super().close()
        self.shown.update(self.progress)


def _progress_text(round_, last_round, n_labels):
    """Say how far the loop has come; round 0 is the initial one."""
    of_rounds = "" if last_round is None else f"/{last_round}"
    return f"{n_labels} labels, round {round_}{of_rounds}"


def _rich_progress(console):
    """Lay out the bar."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        refresh_per_second=5,
    )
