"""Deep active learning for the scikit-learn world."""

from skal._learner import ActiveLearner
from skal._rows import Rows
from skal._view import ModelView

__version__ = "0.1.0"

__all__ = ["ActiveLearner", "ModelView", "Rows"]
