"""Query strategies: which rows to label next."""

from skal.query import functional
from skal.query._bait import BAIT
from skal.query._balance import ClassBalanced
from skal.query._base import QueryStrategy, ScoreStrategy
from skal.query._batch_bald import BatchBALD
from skal.query._bayesian import BALD, MeanStd, PredictiveEntropy, VariationRatio
from skal.query._callable import CallableStrategy
from skal.query._clustering import KMeansBoundary, KMeansSampling, TypiClust
from skal.query._contrast import ContrastiveAL, DiscriminativeAL
from skal.query._coverage import CoreSet, ProbCover
from skal.query._deduplicate import Deduplicate
from skal.query._density import InformationDensity
from skal.query._disagreement import (
    CommitteeStd,
    ConsensusEntropy,
    KLDivergence,
    VoteEntropy,
)
from skal.query._diverse_batch import DiverseBatch
from skal.query._diversity import CLUE, ClusterMargin, WeightedKMeans
from skal.query._epig import EPIG
from skal.query._gradient import BADGE, ExpectedGradientLength
from skal.query._herding import FacilityLocation, MaxHerding, UHerding
from skal.query._label_units import LabelUncertainty, RandomLabels
from skal.query._mixture import Mixture
from skal.query._names import as_strategy, get_strategy_names
from skal.query._perturbation import ALFAMix, DropQuery
from skal.query._picks import ask as ask  # for the loop
from skal.query._picks import split_result
from skal.query._proba_space import CDAL, FALCUN
from skal.query._random import RandomSampling
from skal.query._regression import ExpectedModelChange, GreedySampling
from skal.query._several_labels import LCI, MMC
from skal.query._shortlist import Shortlist
from skal.query._stochastic import StochasticBatch
from skal.query._uncertainty import Entropy, LeastConfidence, Margin
from skal.query._units import UnitStrategy
from skal.query._units import ask_units as ask_units  # for the loop
from skal.query.functional._order import top_n

__all__ = [
    "ALFAMix",
    "BADGE",
    "BAIT",
    "BALD",
    "BatchBALD",
    "CDAL",
    "CLUE",
    "CallableStrategy",
    "ClassBalanced",
    "ClusterMargin",
    "CommitteeStd",
    "ConsensusEntropy",
    "ContrastiveAL",
    "CoreSet",
    "Deduplicate",
    "DiscriminativeAL",
    "DiverseBatch",
    "DropQuery",
    "EPIG",
    "Entropy",
    "ExpectedGradientLength",
    "ExpectedModelChange",
    "FALCUN",
    "FacilityLocation",
    "GreedySampling",
    "InformationDensity",
    "KLDivergence",
    "KMeansBoundary",
    "KMeansSampling",
    "LCI",
    "LabelUncertainty",
    "LeastConfidence",
    "MMC",
    "Margin",
    "MaxHerding",
    "MeanStd",
    "Mixture",
    "PredictiveEntropy",
    "ProbCover",
    "QueryStrategy",
    "RandomLabels",
    "RandomSampling",
    "ScoreStrategy",
    "Shortlist",
    "StochasticBatch",
    "TypiClust",
    "UHerding",
    "UnitStrategy",
    "VariationRatio",
    "VoteEntropy",
    "WeightedKMeans",
    "as_strategy",
    "functional",
    "get_strategy_names",
    "split_result",
    "top_n",
]
