"""Groups and preferences, found by asking people about two rows at a time.

Uses the formulas of ``skal.query.functional``, rows and what models say of them.
"""

from skal.cluster._answers import Constraints
from skal.cluster._clusterer import ActiveClusterer
from skal.cluster._constrained_kmeans import ConstrainedKMeans
from skal.cluster._d_optimal import DOptimalPairs
from skal.cluster._entropy import EntropyPairs
from skal.cluster._maxexp import MaxExpPairs
from skal.cluster._neighbourhood import NeighbourhoodPairs
from skal.cluster._preference_view import PreferenceView
from skal.cluster._preferences import PreferenceLearner
from skal.cluster._strategy import PairStrategy, as_pair_strategy
from skal.cluster._thompson import ThompsonPairs
from skal.cluster._uniform import UniformPairs
from skal.cluster._view import PairView

__all__ = [
    "ActiveClusterer",
    "ConstrainedKMeans",
    "Constraints",
    "DOptimalPairs",
    "EntropyPairs",
    "MaxExpPairs",
    "NeighbourhoodPairs",
    "PairStrategy",
    "PairView",
    "PreferenceLearner",
    "PreferenceView",
    "ThompsonPairs",
    "UniformPairs",
    "as_pair_strategy",
]
