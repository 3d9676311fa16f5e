"""Strategies that were trained to ask, and what trains them.

Features of ranks and ratios, a scorer of a few numbers, the strategy that asks by it;
tasks, regression and reinforcement to train others. Rests on strategies and views, and
knows no loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.learned._features import (
    CANDIDATE_FEATURES,
    SCHEMA,
    STATE_FEATURES,
    pool_features,
)
from skal.learned._joined import fit_checkpoints
from skal.learned._regression import fit_regression
from skal.learned._rl import fit_rl
from skal.learned._scorer import Scorer, load_scorer, untrained_scorer
from skal.learned._strategy import LearnedStrategy
from skal.learned._tasks import random_task

if TYPE_CHECKING:
    from skal.learned._env import ActiveLearningEnv

__all__ = [
    "ActiveLearningEnv",
    "CANDIDATE_FEATURES",
    "LearnedStrategy",
    "SCHEMA",
    "STATE_FEATURES",
    "Scorer",
    "fit_checkpoints",
    "fit_regression",
    "fit_rl",
    "load_scorer",
    "pool_features",
    "random_task",
    "untrained_scorer",
]


def __getattr__(name):
    """Import gymnasium, where it is there, only for what needs it."""
    if name == "ActiveLearningEnv":
        from skal.learned._env import ActiveLearningEnv

        return ActiveLearningEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
