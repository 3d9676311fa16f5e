"""Query strategies: which rows to label next."""

from skal.query import functional
from skal.query._base import (
    CallableStrategy,
    QueryStrategy,
    RandomSampling,
    ScoreStrategy,
    as_strategy,
    split_result,
    top_n,
)
from skal.query._compose import Shortlist
from skal.query._disagreement import (
    CommitteeStd,
    ConsensusEntropy,
    KLDivergence,
    VoteEntropy,
)
from skal.query._regression import ExpectedModelChange, GreedySampling
from skal.query._uncertainty import Entropy, LeastConfidence, Margin

__all__ = [
    "CallableStrategy",
    "CommitteeStd",
    "ConsensusEntropy",
    "Entropy",
    "ExpectedModelChange",
    "GreedySampling",
    "KLDivergence",
    "LeastConfidence",
    "Margin",
    "QueryStrategy",
    "RandomSampling",
    "ScoreStrategy",
    "Shortlist",
    "VoteEntropy",
    "as_strategy",
    "functional",
    "split_result",
    "top_n",
]
