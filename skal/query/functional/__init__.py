"""The formulas of the query strategies, on plain arrays.

Probabilities have shape (n, C), the probabilities of a committee or a posterior
(S, n, C). Arrays are read in cache-sized blocks of rows: beyond its result a formula
needs a few hundred kilobytes, and float32 stays float32.
"""

from skal.query.functional._disagreement import (
    committee_std,
    consensus_entropy,
    kl_divergence,
    vote_entropy,
)
from skal.query.functional._regression import expected_model_change, greedy_sampling
from skal.query.functional._uncertainty import (
    entropy,
    least_confidence,
    margin,
    mean_over_labels,
)

__all__ = [
    "committee_std",
    "consensus_entropy",
    "entropy",
    "expected_model_change",
    "greedy_sampling",
    "kl_divergence",
    "least_confidence",
    "margin",
    "mean_over_labels",
    "vote_entropy",
]
