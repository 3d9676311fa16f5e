"""Every strategy and wrapper of skal.query keeps every law of a query strategy."""

from inspect import isclass

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from skal import query
from skal.query import (
    BADGE,
    BAIT,
    BALD,
    CDAL,
    CLUE,
    EPIG,
    FALCUN,
    ALFAMix,
    BatchBALD,
    ClassBalanced,
    ClusterMargin,
    CommitteeStd,
    ConsensusEntropy,
    ContrastiveAL,
    CoreSet,
    Deduplicate,
    DiscriminativeAL,
    DiverseBatch,
    DropQuery,
    Entropy,
    ExpectedGradientLength,
    ExpectedModelChange,
    FacilityLocation,
    GreedySampling,
    InformationDensity,
    KLDivergence,
    KMeansBoundary,
    KMeansSampling,
    LeastConfidence,
    Margin,
    MaxHerding,
    MeanStd,
    Mixture,
    PredictiveEntropy,
    ProbCover,
    QueryStrategy,
    RandomSampling,
    ScoreStrategy,
    Shortlist,
    StochasticBatch,
    TypiClust,
    UHerding,
    VariationRatio,
    VoteEntropy,
    WeightedKMeans,
)
from skal.testing import strategy_checks


def least_likely(learner, X, n_instances=1, random_state=None):
    """Pick as modAL's functions do, but break ties at random."""
    scores = learner.predict_proba(X).max(axis=1)
    return np.lexsort([random_state.permutation(len(scores)), scores])[:n_instances]


def anything(learner, X, n_instances=1, random_state=None):
    """Pick at random, and tell more than the positions, in modAL's other manner."""
    n_rows = X.shape[0]
    return random_state.choice(n_rows, n_instances, replace=False), {"n_rows": n_rows}


STRATEGIES = {
    "RandomSampling": RandomSampling(),
    "LeastConfidence": LeastConfidence(),
    "Margin": Margin(),
    "Entropy": Entropy(),
    "VoteEntropy": VoteEntropy(),
    "ConsensusEntropy": ConsensusEntropy(),
    "KLDivergence": KLDivergence(),
    "BALD": BALD(),
    "PredictiveEntropy": PredictiveEntropy(),
    "VariationRatio": VariationRatio(),
    "MeanStd": MeanStd(),
    "EPIG": EPIG(),
    "BatchBALD": BatchBALD(),
    "CommitteeStd": CommitteeStd(),
    "GreedySampling(GSx)": GreedySampling("GSx"),
    "GreedySampling(GSy)": GreedySampling("GSy"),
    "GreedySampling(iGS)": GreedySampling("iGS"),
    "ExpectedModelChange": ExpectedModelChange(),
    "Shortlist(margin)": Shortlist("margin", n_candidates=500),
    "Shortlist(Shortlist)": Shortlist(Shortlist(Margin(), 300), n_candidates=600),
    "Shortlist(KLDivergence)": Shortlist(KLDivergence()),
    "Shortlist(GreedySampling)": Shortlist(GreedySampling(), n_candidates=500),
    "Shortlist(function)": Shortlist(least_likely, n_candidates=500),
    "StochasticBatch(power)": StochasticBatch(),
    "StochasticBatch(softmax)": StochasticBatch("margin", "softmax", beta=8),
    "StochasticBatch(softrank)": StochasticBatch(RandomSampling(), "softrank"),
    "Mixture": Mixture(weights={0: [3, 1], 150: [1, 3]}),
    "ClassBalanced": ClassBalanced(),
    "Deduplicate": Deduplicate(threshold=0.1),
    "DiverseBatch(kmeans)": DiverseBatch(),
    "DiverseBatch(kcenter)": DiverseBatch(method="kcenter"),
    "DiverseBatch(kmeans++)": DiverseBatch(method="kmeans++"),
    "DiverseBatch(facility_location)": DiverseBatch(method="facility_location"),
    "DiverseBatch(mmr)": DiverseBatch("entropy", method="mmr", diversity=0.7),
    "DiverseBatch(ranked)": DiverseBatch("least_confidence", method="ranked"),
    "DiverseBatch(StochasticBatch(KLDivergence))": DiverseBatch(
        StochasticBatch(KLDivergence()), method="mmr"
    ),
    "Deduplicate(ClassBalanced(Shortlist))": Deduplicate(
        ClassBalanced(Shortlist(Margin(), n_candidates=300))
    ),
    "Mixture(Mixture, DiverseBatch(Deduplicate))": Mixture(
        [
            ("far", Mixture()),
            ("near", DiverseBatch(Deduplicate(threshold=0.1), shortlist=3)),
        ],
        weights=[1, 2],
    ),
    "CoreSet": CoreSet(),
    "FacilityLocation": FacilityLocation(),
    "KMeansBoundary": KMeansBoundary(),
    "KMeansBoundary(input)": KMeansBoundary(space="input"),
    "KMeansSampling": KMeansSampling(),
    "MaxHerding": MaxHerding(),
    "ProbCover": ProbCover(),
    "TypiClust": TypiClust(),
    "UHerding": UHerding(),
    "BADGE": BADGE(),
    "BAIT": BAIT(),
    "ExpectedGradientLength": ExpectedGradientLength(),
    "CLUE": CLUE(),
    "ClusterMargin": ClusterMargin(),
    "WeightedKMeans": WeightedKMeans(),
    "FALCUN": FALCUN(),
    "CDAL": CDAL(),
    "ContrastiveAL": ContrastiveAL(),
    "DiscriminativeAL": DiscriminativeAL(),
    "DropQuery": DropQuery(),
    "ALFAMix": ALFAMix(),
    "InformationDensity": InformationDensity(),
    "InformationDensity(KLDivergence)": InformationDensity(KLDivergence(), beta=2.0),
    "a name": "entropy",
    "a function": least_likely,
    "a function of chance": anything,
}

ESTIMATORS = {
    # It fits bootstrapped clones in every query, and a forest is slow to fit.
    "ExpectedModelChange": Ridge(),
    # They ask the head again and again, and a forest is slow to ask.
    "DropQuery": LogisticRegression(max_iter=500),
    "ALFAMix": LogisticRegression(max_iter=500),
}


@pytest.mark.filterwarnings("ignore:.*posterior draws can tell at most:UserWarning")
@pytest.mark.parametrize(
    "law",
    [
        pytest.param(law, id=f"{name}-{law_name}")
        for name, strategy in STRATEGIES.items()
        for law_name, law in strategy_checks(strategy, estimator=ESTIMATORS.get(name))
    ],
)
def test_strategy_keeps_the_law(law):
    law()


def test_every_strategy_is_checked():
    abstract = {QueryStrategy, ScoreStrategy, query.CallableStrategy}
    public = {getattr(query, name) for name in query.__all__}
    classes = {c for c in public if isclass(c) and issubclass(c, QueryStrategy)}
    checked = {type(strategy) for strategy in STRATEGIES.values()}
    assert classes - abstract <= checked
