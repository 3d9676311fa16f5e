"""Deep active learning for the scikit-learn world."""

from skal._data import MultiInput, Rows
from skal._loop import ActiveLearner
from skal._model import ModelView
from skal._moved import answer_for_moved_modules

__version__ = "0.1.0"

__all__ = ["ActiveLearner", "ModelView", "MultiInput", "Rows"]

answer_for_moved_modules()
