"""Learn from rows without a label: by pseudo-labels, and by consistency."""

from skal.pseudo._classifier import PseudoLabelClassifier
from skal.pseudo._consistency import ConsistencyClassifier

__all__ = ["ConsistencyClassifier", "PseudoLabelClassifier"]
