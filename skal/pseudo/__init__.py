"""Learn from what the model already knows: pseudo-labels for unlabelled rows."""

from skal.pseudo._classifier import PseudoLabelClassifier

__all__ = ["PseudoLabelClassifier"]
