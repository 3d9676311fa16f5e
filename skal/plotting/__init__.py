"""Pictures of active learning: label curves, what was asked, and how sure it is."""

from skal.plotting._arms import plot_arms

# For pictures elsewhere in skal, not for users.
from skal.plotting._colors import BASELINE_COLOR as BASELINE_COLOR
from skal.plotting._colors import line_colors as line_colors
from skal.plotting._curves import LabelCurveDisplay
from skal.plotting._found import plot_found
from skal.plotting._groups import plot_groups
from skal.plotting._images import plot_images, plot_top_bottom
from skal.plotting._posterior import plot_posterior
from skal.plotting._queries import plot_queries
from skal.plotting._reliability import ReliabilityDisplay

__all__ = [
    "LabelCurveDisplay",
    "ReliabilityDisplay",
    "plot_arms",
    "plot_found",
    "plot_groups",
    "plot_images",
    "plot_posterior",
    "plot_queries",
    "plot_top_bottom",
]
