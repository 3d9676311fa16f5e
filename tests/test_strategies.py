"""Every strategy and wrapper of skal.query keeps every law of a query strategy."""

from inspect import isclass

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skal import query
from skal.query import (
    CommitteeStd,
    ConsensusEntropy,
    Entropy,
    ExpectedModelChange,
    GreedySampling,
    KLDivergence,
    LeastConfidence,
    Margin,
    QueryStrategy,
    RandomSampling,
    ScoreStrategy,
    Shortlist,
    VoteEntropy,
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
    "a name": "entropy",
    "a function": least_likely,
    "a function of chance": anything,
}

# It fits bootstrapped clones in every query, and a forest is slow to fit.
ESTIMATORS = {"ExpectedModelChange": Ridge()}


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
