"""Compare query strategies fairly: run a grid, test the difference, show it."""

from skal.experiment import _command_line
from skal.experiment._efficiency import (
    Efficiency,
    efficiency_interval,
    labels_needed,
)
from skal.experiment._experiment import Experiment
from skal.experiment._results import Results
from skal.experiment._statistics import (
    Ranking,
    average_ranks,
    holm,
    paired_test,
    pairwise_penalties,
)

#: What the commands are made of beside these; not for users.
command_line = _command_line

__all__ = [
    "Efficiency",
    "Experiment",
    "Ranking",
    "Results",
    "average_ranks",
    "efficiency_interval",
    "holm",
    "labels_needed",
    "paired_test",
    "pairwise_penalties",
]
