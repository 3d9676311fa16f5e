"""Classifiers that say how sure they are: their predictions come in samples.

Each wraps an estimator, fits it, and answers ``sample_proba`` beside
``predict_proba``, so that :class:`~skal.query.BALD`, :class:`~skal.query.VoteEntropy`
and the like can ask it for disagreement.
"""

from skal.posterior._ensemble import EnsembleClassifier
from skal.posterior._laplace import LaplaceClassifier
from skal.posterior._mc_dropout import MCDropoutCommittee

__all__ = ["EnsembleClassifier", "LaplaceClassifier", "MCDropoutCommittee"]
