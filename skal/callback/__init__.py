"""Watch a run: score held-out rows after every round, show its progress."""

from skal.callback._held_out import HeldOutMonitor
from skal.callback._held_out import _RoundScorer as _RoundScorer  # pickles of skal 0.1
from skal.callback._progress import show_progress as show_progress  # for the learner

__all__ = ["HeldOutMonitor"]
