"""Parameter checks, the words they fail with, and the names of strategies."""

from collections.abc import Sequence
from difflib import get_close_matches
from math import ceil
from numbers import Integral, Real

import numpy as np

#: What a string may stand for in ``query_strategy=``, ``initial=`` and ``base=``.
STRATEGY_ALIASES = {
    "alfa_mix": "ALFAMix",
    "badge": "BADGE",
    "bait": "BAIT",
    "bald": "BALD",
    "batch_bald": "BatchBALD",
    "cdal": "CDAL",
    "clue": "CLUE",
    "cluster_margin": "ClusterMargin",
    "committee_std": "CommitteeStd",
    "consensus_entropy": "ConsensusEntropy",
    "contrastive": "ContrastiveAL",
    "core_set": "CoreSet",
    "discriminative": "DiscriminativeAL",
    "drop_query": "DropQuery",
    "entropy": "Entropy",
    "epig": "EPIG",
    "expected_gradient_length": "ExpectedGradientLength",
    "expected_model_change": "ExpectedModelChange",
    "facility_location": "FacilityLocation",
    "falcun": "FALCUN",
    "greedy_sampling": "GreedySampling",
    "information_density": "InformationDensity",
    "kl_divergence": "KLDivergence",
    "kmeans_boundary": "KMeansBoundary",
    "kmeans_sampling": "KMeansSampling",
    "least_confidence": "LeastConfidence",
    "margin": "Margin",
    "max_herding": "MaxHerding",
    "mean_std": "MeanStd",
    "predictive_entropy": "PredictiveEntropy",
    "prob_cover": "ProbCover",
    "random": "RandomSampling",
    "typiclust": "TypiClust",
    "uherding": "UHerding",
    "variation_ratio": "VariationRatio",
    "vote_entropy": "VoteEntropy",
    "weighted_kmeans": "WeightedKMeans",
}


def nearest_first(name, known):
    """Sort the known words so that the ones most like ``name`` come first."""
    known = sorted(known)
    close = get_close_matches(str(name), known, n=len(known), cutoff=0.5)
    return [*close, *(word for word in known if word not in close)]


def check_int(name, value, minimum=1):
    """Return ``value`` if it is an integer of at least ``minimum``."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}.")
    return int(value)


def check_sizes(name, value):
    """Return a size, or the list of the sizes of several rounds."""
    is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if not is_list and not (isinstance(value, np.ndarray) and value.ndim == 1):
        if isinstance(value, Integral) and not isinstance(value, bool):
            return check_int(name, value)
        raise TypeError(
            f"{name} must be an integer or a list of integers, got {value!r}."
        )
    if len(value) == 0:
        raise ValueError(f"{name} must hold a size for the first round, got {value!r}.")
    return [check_int(name, size) for size in value]


def size_in_round(sizes, round):
    """Return the size of a round, from 1 up; the last of several sizes goes on."""
    if isinstance(sizes, Integral):
        return int(sizes)
    return int(sizes[min(round, len(sizes)) - 1])


def rounds_for(sizes, n_labels):
    """Return how many rounds of these sizes it takes to buy labels."""
    sizes = [sizes] if isinstance(sizes, Integral) else sizes
    bought = np.cumsum(sizes)
    whole = int(np.searchsorted(bought, n_labels))
    if whole < len(sizes):
        return whole + int(n_labels > 0)
    return len(sizes) + -(-(n_labels - int(bought[-1])) // int(sizes[-1]))


def check_number(name, value, *, minimum=None, maximum=None):
    """Return ``value`` if it is a real number within the closed bounds."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    below = minimum is not None and not value >= minimum
    above = maximum is not None and not value <= maximum
    if below or above:
        low = "-inf" if minimum is None else minimum
        high = "inf" if maximum is None else maximum
        raise ValueError(f"{name} must be in [{low}, {high}], got {value!r}.")
    return float(value)


def check_fraction(name, value):
    """Return ``value`` if it is a number between 0 and 1."""
    return check_number(name, value, minimum=0, maximum=1)


def check_choice(name, value, choices):
    """Return ``value`` if it is one of the words in ``choices``."""
    if not isinstance(value, str) or value not in choices:
        words = ", ".join(map(repr, nearest_first(value, choices)))
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{name} must be one of {words}, got {value!r}.")
    return value


def check_classes(classes):
    """Refuse ``classes`` that is no collection of labels."""
    if classes is None:
        return
    if isinstance(classes, (str, bytes)) or not hasattr(classes, "__iter__"):
        raise TypeError(
            f"classes must be a list of every label, or None, got {classes!r}."
        )
    if len(list(classes)) < 1:
        raise ValueError("classes must hold at least one label, got none.")


def count_of(name, value, n_rows):
    """Turn a number of rows, or a share of ``n_rows``, into a count of at most n_rows.

    An integer is a number of rows; a float in (0, 1] is a share, rounded up.
    """
    is_share = isinstance(value, Real) and not isinstance(value, Integral)
    if is_share:
        if not 0 < value <= 1:
            raise ValueError(
                f"{name} must be a whole number of rows or a share in (0, 1], "
                f"got {value!r}."
            )
        return min(n_rows, max(1, ceil(round(value * n_rows, 9))))
    return min(n_rows, check_int(name, value))
