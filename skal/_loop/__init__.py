"""The loop: ask, reveal, train, until enough; live or against a hidden oracle.

Uses strategies and the rooms below, and knows no formula; the package itself, the
experiments and the command use it.
"""

from skal._loop.batch_sizes import check_sizes, rounds_for, size_in_round
from skal._loop.budget import budget_of, check_amount, exceeds
from skal._loop.checks import check_learner, check_parts
from skal._loop.initial import resolve_initial
from skal._loop.learner import ActiveLearner
from skal._loop.units import cells_asked

__all__ = [
    "ActiveLearner",
    "budget_of",
    "cells_asked",
    "check_amount",
    "check_learner",
    "check_parts",
    "check_sizes",
    "exceeds",
    "resolve_initial",
    "rounds_for",
    "size_in_round",
]
