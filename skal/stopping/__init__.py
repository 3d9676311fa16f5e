"""When to stop buying labels."""

from skal.stopping._base import StoppingRule, replay
from skal.stopping._combination import All, Any
from skal.stopping._confidence import MaxConfidence, OverallUncertainty
from skal.stopping._performance import PerformanceConvergence, ValidationPlateau
from skal.stopping._recall import RecallTarget
from skal.stopping._stability import ClassificationChange, KappaAverage

__all__ = [
    "All",
    "Any",
    "ClassificationChange",
    "KappaAverage",
    "MaxConfidence",
    "OverallUncertainty",
    "PerformanceConvergence",
    "RecallTarget",
    "StoppingRule",
    "ValidationPlateau",
    "replay",
]
