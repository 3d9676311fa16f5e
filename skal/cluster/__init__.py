"""Groups and preferences from pairs: which rows belong together, which is better.

It may use everything below the learner.
"""

from skal.cluster._constrained_kmeans import ConstrainedKMeans

__all__ = [
    "ConstrainedKMeans",
]
