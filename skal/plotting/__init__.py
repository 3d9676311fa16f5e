"""Pictures of active learning: label curves, and what was asked in which round."""

from skal.plotting._curves import LabelCurveDisplay
from skal.plotting._queries import plot_queries

__all__ = ["LabelCurveDisplay", "plot_queries"]
