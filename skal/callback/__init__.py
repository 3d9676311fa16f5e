"""Watch a run: score held-out rows after every round, show its progress."""

from skal.callback._held_out import HeldOutMonitor

__all__ = ["HeldOutMonitor"]
