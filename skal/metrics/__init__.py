"""Measures: what a learning curve says, and whether probabilities can be believed."""

from skal.metrics._calibration import expected_calibration_error, reliability_curve
from skal.metrics._curves import (
    answers_to_reach,
    area_under_learning_curve,
    label_efficiency,
    labels_to_reach,
)

# For the rooms of skal that draw and compare curves, not for users.
from skal.metrics._curves import merge_runs as merge_runs
from skal.metrics._groups import nll_by_group
from skal.metrics._scorer import CurveScorer
from skal.metrics._screening import (
    FoundScorer,
    found_curve,
    recall_at_budget,
    work_saved_over_sampling,
)
from skal.metrics._units import mean_iou

__all__ = [
    "CurveScorer",
    "FoundScorer",
    "answers_to_reach",
    "area_under_learning_curve",
    "expected_calibration_error",
    "found_curve",
    "label_efficiency",
    "labels_to_reach",
    "mean_iou",
    "nll_by_group",
    "recall_at_budget",
    "reliability_curve",
    "work_saved_over_sampling",
]
