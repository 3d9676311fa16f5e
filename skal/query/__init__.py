"""Query strategies: which rows to label next."""

from skal.query import functional
from skal.query._aggregate import Aggregate
from skal.query._auto import Auto
from skal.query._bait import BAIT
from skal.query._balance import ClassBalanced
from skal.query._bandit import Bandit
from skal.query._base import QueryStrategy, ScoreStrategy
from skal.query._batch_bald import BatchBALD
from skal.query._bayesian import BALD, MeanStd, PredictiveEntropy, VariationRatio
from skal.query._believer import KrigingBeliever
from skal.query._beside import check_beside as check_beside  # for the loop
from skal.query._boxes import BoxDisagreement
from skal.query._by_blocks import check_reach as check_reach  # for the loop
from skal.query._callable import CallableStrategy
from skal.query._classes import learnt as learnt  # for skal.learned
from skal.query._classes import learnt_columns as learnt_columns
from skal.query._clustering import KMeansBoundary, KMeansSampling, TypiClust
from skal.query._combination import LinearCombination
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
from skal.query._embedded import Embedded
from skal.query._epig import EPIG
from skal.query._error_reduction import ExpectedErrorReduction
from skal.query._find import Find, TargetMargin
from skal.query._gradient import BADGE, ExpectedGradientLength
from skal.query._herding import FacilityLocation, MaxHerding, UHerding
from skal.query._improvement import (
    ExpectedImprovement,
    ProbabilityOfImprovement,
    UpperConfidenceBound,
)
from skal.query._label_units import LabelUncertainty, RandomLabels
from skal.query._labeled import check_labels as check_labels  # for skal.learned
from skal.query._labeled import labeled_of as labeled_of
from skal.query._largest_cluster import LCMD, KMeansPlusPlus
from skal.query._mixture import Mixture
from skal.query._names import as_strategy, get_strategy_names
from skal.query._neighbor_index import NeighborIndex
from skal.query._neighbours import Neighbours
from skal.query._outcomes import asked_by as asked_by  # for pictures
from skal.query._outcomes import base_of as base_of
from skal.query._per_cost import PerCost
from skal.query._per_group import PerGroup
from skal.query._perturbation import ALFAMix, DropQuery
from skal.query._picks import ask as ask  # for the loop
from skal.query._picks import split_result
from skal.query._proba_space import CDAL, FALCUN
from skal.query._random import RandomSampling
from skal.query._random_tail import RandomTail
from skal.query._refine import Refine
from skal.query._regions import RandomRegions, Regions
from skal.query._regression import ExpectedModelChange, GreedySampling
from skal.query._schedule import Schedule
from skal.query._scope import InScope
from skal.query._several_labels import LCI, MMC
from skal.query._shortlist import Shortlist
from skal.query._stochastic import StochasticBatch
from skal.query._target import check_target as check_target  # for stopping rules
from skal.query._target import is_target as is_target
from skal.query._transformers import as_seen as as_seen  # for skal.synthesis
from skal.query._transformers import check_transformer as check_transformer
from skal.query._transformers import fitted_for as fitted_for
from skal.query._uncertainty import Entropy, LeastConfidence, Margin
from skal.query._units import UnitStrategy
from skal.query._units import ask_units as ask_units  # for the loop
from skal.query._wrapper import WrapperStrategy as WrapperStrategy  # for skal.learned
from skal.query.functional._order import draw_rows as draw_rows
from skal.query.functional._order import top_n

__all__ = [
    "ALFAMix",
    "Aggregate",
    "Auto",
    "BADGE",
    "BAIT",
    "BALD",
    "Bandit",
    "BatchBALD",
    "BoxDisagreement",
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
    "Embedded",
    "Entropy",
    "ExpectedErrorReduction",
    "ExpectedGradientLength",
    "ExpectedImprovement",
    "ExpectedModelChange",
    "FALCUN",
    "FacilityLocation",
    "Find",
    "GreedySampling",
    "InScope",
    "InformationDensity",
    "KLDivergence",
    "KMeansBoundary",
    "KMeansPlusPlus",
    "KMeansSampling",
    "KrigingBeliever",
    "LCI",
    "LCMD",
    "LabelUncertainty",
    "LeastConfidence",
    "LinearCombination",
    "MMC",
    "Margin",
    "MaxHerding",
    "MeanStd",
    "Mixture",
    "NeighborIndex",
    "Neighbours",
    "PerCost",
    "PerGroup",
    "PredictiveEntropy",
    "ProbCover",
    "ProbabilityOfImprovement",
    "QueryStrategy",
    "RandomLabels",
    "RandomRegions",
    "RandomSampling",
    "RandomTail",
    "Refine",
    "Regions",
    "Schedule",
    "ScoreStrategy",
    "Shortlist",
    "StochasticBatch",
    "TargetMargin",
    "TypiClust",
    "UHerding",
    "UnitStrategy",
    "UpperConfidenceBound",
    "VariationRatio",
    "VoteEntropy",
    "WeightedKMeans",
    "as_strategy",
    "functional",
    "get_strategy_names",
    "split_result",
    "top_n",
]
