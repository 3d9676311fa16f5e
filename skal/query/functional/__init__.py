"""The formulas of the query strategies, on plain arrays.

Probabilities have shape (n, C), the probabilities of a committee or a posterior
(S, n, C). Arrays are read in cache-sized blocks of rows: beyond its result a score
needs a few hundred kilobytes, a batch a few numbers a row, and float32 stays float32.
"""

from skal.query.functional._aggregate import aggregate
from skal.query.functional._bait import bait
from skal.query.functional._batch_bald import batch_bald
from skal.query.functional._batches import mmr, ranked_batch, stochastic_top_n
from skal.query.functional._bayesian import (
    mean_std,
    mutual_information,
    predictive_entropy,
    variation_ratio,
)
from skal.query.functional._boxes import box_disagreement
from skal.query.functional._clustering import (
    kmeans,
    kmeans_boundary,
    kmeans_sampling,
)
from skal.query.functional._contrast import contrastive, discriminative
from skal.query.functional._coverage import (
    k_center_greedy,
)
from skal.query.functional._density import information_density
from skal.query.functional._disagreement import (
    committee_std,
    consensus_entropy,
    kl_divergence,
    vote_entropy,
)
from skal.query.functional._distances import Points as Points  # for skal.learned
from skal.query.functional._diversity import clue, cluster_margin, weighted_kmeans
from skal.query.functional._epig import epig
from skal.query.functional._gradient import badge, expected_gradient_length
from skal.query.functional._herding import (
    facility_location,
    max_herding,
    uherding,
)
from skal.query.functional._herding import least_distance as least_distance
from skal.query.functional._herding import spread as spread
from skal.query.functional._improvement import (
    expected_improvement,
    probability_of_improvement,
    upper_confidence_bound,
)
from skal.query.functional._largest_cluster import lcmd
from skal.query.functional._nearest import nearest_rows
from skal.query.functional._perturbation import alfa_mix, drop_query
from skal.query.functional._proba_space import cdal, falcun
from skal.query.functional._probcover import prob_cover, purity_radius
from skal.query.functional._regression import expected_model_change, greedy_sampling
from skal.query.functional._scale import common_units, units_differ
from skal.query.functional._scope import in_scope
from skal.query.functional._seeding import kmeans_plus_plus
from skal.query.functional._several_labels import lci, mmc
from skal.query.functional._typiclust import typiclust
from skal.query.functional._uncertainty import (
    decision_margin,
    entropy,
    least_confidence,
    margin,
    mean_over_labels,
)

__all__ = [
    "aggregate",
    "alfa_mix",
    "badge",
    "bait",
    "batch_bald",
    "box_disagreement",
    "cdal",
    "clue",
    "cluster_margin",
    "committee_std",
    "common_units",
    "consensus_entropy",
    "contrastive",
    "decision_margin",
    "discriminative",
    "drop_query",
    "entropy",
    "epig",
    "expected_gradient_length",
    "expected_improvement",
    "expected_model_change",
    "facility_location",
    "falcun",
    "greedy_sampling",
    "in_scope",
    "information_density",
    "k_center_greedy",
    "kl_divergence",
    "kmeans",
    "kmeans_boundary",
    "kmeans_plus_plus",
    "kmeans_sampling",
    "lci",
    "lcmd",
    "least_confidence",
    "margin",
    "max_herding",
    "mean_over_labels",
    "mean_std",
    "mmc",
    "mmr",
    "mutual_information",
    "nearest_rows",
    "predictive_entropy",
    "prob_cover",
    "probability_of_improvement",
    "purity_radius",
    "ranked_batch",
    "stochastic_top_n",
    "typiclust",
    "uherding",
    "units_differ",
    "upper_confidence_bound",
    "variation_ratio",
    "vote_entropy",
    "weighted_kmeans",
]
