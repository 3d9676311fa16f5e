"""Classifiers of rows that carry several labels each, known whole or in part.

Rests on what every estimator around an estimator shares.
"""

from skal.multilabel._binary_relevance import BinaryRelevance

__all__ = ["BinaryRelevance"]
