"""Every strategy and wrapper of skal.query keeps every law of a query strategy."""

from inspect import isabstract

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge

from skal import query
from skal.query import (
    Aggregate,
    Bandit,
    ClassBalanced,
    Deduplicate,
    DiverseBatch,
    ExpectedErrorReduction,
    ExpectedImprovement,
    GreedySampling,
    InformationDensity,
    KLDivergence,
    KMeansBoundary,
    LinearCombination,
    Margin,
    Mixture,
    QueryStrategy,
    RandomSampling,
    Schedule,
    Shortlist,
    StochasticBatch,
)
from skal.testing import _defaults, strategy_checks


def least_likely(learner, X, n_instances=1, random_state=None):
    """Pick as modAL's functions do, but break ties at random."""
    scores = learner.predict_proba(X).max(axis=1)
    return np.lexsort([random_state.permutation(len(scores)), scores])[:n_instances]


def anything(learner, X, n_instances=1, random_state=None):
    """Pick at random, and tell more than the positions, in modAL's other manner."""
    n_rows = X.shape[0]
    return random_state.choice(n_rows, n_instances, replace=False), {"n_rows": n_rows}


#: What strategies derive from, functions are wrapped in, or an index for them.
BASES = {
    "CallableStrategy",
    "NeighborIndex",
    "QueryStrategy",
    "ScoreStrategy",
    "UnitStrategy",
}
#: Strategies that pick single labels of rows keep laws of their own: test_units.py.
OF_UNITS = {"LabelUncertainty", "RandomLabels", "RandomRegions", "Regions"}
#: Every strategy and wrapper of skal.query, found there and made with its defaults.
FOUND = {
    name: getattr(query, name)()
    for name in query.__all__
    if name[0].isupper() and name not in BASES | OF_UNITS
}
# A fit for each row that it tries and each class: fewer rows keep the laws quick.
FOUND["ExpectedErrorReduction"].set_params(n_candidates=5, n_reference=30)

#: What defaults leave out: other methods, wrappers in wrappers, names and functions;
#: and three wrappers that would do little on this pool by default.
STRATEGIES = {
    **FOUND,
    "GreedySampling(GSx)": GreedySampling("GSx"),
    "GreedySampling(GSy)": GreedySampling("GSy"),
    "Shortlist": Shortlist("margin", n_candidates=500),
    "Shortlist(Shortlist)": Shortlist(Shortlist(Margin(), 300), n_candidates=600),
    "Shortlist(KLDivergence)": Shortlist(KLDivergence()),
    "Shortlist(GreedySampling)": Shortlist(GreedySampling(), n_candidates=500),
    "Shortlist(function)": Shortlist(least_likely, n_candidates=500),
    "StochasticBatch(softmax)": StochasticBatch("margin", "softmax", beta=8),
    "StochasticBatch(softrank)": StochasticBatch(RandomSampling(), "softrank"),
    "Mixture": Mixture(weights={0: [3, 1], 150: [1, 3]}),
    "Bandit(exp4p)": Bandit(policy="exp4p"),
    "Bandit(thompson, function)": Bandit(
        [("mine", least_likely), ("badge", "badge")], policy="thompson"
    ),
    "Schedule(ramp)": Schedule(switch=5, ramp=40),
    "Deduplicate": Deduplicate(threshold=0.1),
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
    "ExpectedImprovement(least)": ExpectedImprovement(maximize=False),
    "ExpectedErrorReduction(zero_one, DiverseBatch)": ExpectedErrorReduction(
        "zero_one", DiverseBatch(), n_candidates=3, n_reference=30
    ),
    "LinearCombination(rank)": LinearCombination(
        [("doubt", "entropy"), ("lead", "margin")], [2, 1], "rank"
    ),
    "LinearCombination(log)": LinearCombination(weights=[1, 2], transform="log"),
    "KMeansBoundary(input)": KMeansBoundary(space="input"),
    "InformationDensity(KLDivergence)": InformationDensity(KLDivergence(), beta=2.0),
    "Aggregate(BALD, sum)": Aggregate("bald", "sum", class_weights=[1, 3]),
    "Aggregate(VoteEntropy)": Aggregate("vote_entropy", "quantile"),
    "DiverseBatch(Aggregate)": DiverseBatch(Aggregate(), method="mmr"),
    "a name": "entropy",
    "a function": least_likely,
    "a function of chance": anything,
}


class Line(RegressorMixin, BaseEstimator):
    """Bayesian linear regression of unit noise and prior, fitted in no time.

    Its answers, unlike those of a matrix product, are the same for equal rows.
    """

    def fit(self, X, y):
        X = as_dense(X)
        covariance = np.linalg.inv(X.T @ X + np.eye(X.shape[1]))
        self.coef_, self.variance_ = covariance @ (X.T @ y), np.diag(covariance)
        return self

    def predict(self, X):
        return np.einsum("nd,d->n", as_dense(X), self.coef_)

    def sample_predict(self, X, n_samples=None, random_state=None):
        X, mean = as_dense(X), self.predict(X)
        std = np.sqrt(1 + np.einsum("nd,nd,d->n", X, X, self.variance_))
        return np.stack([mean - std, mean + std])


class Means(ClassifierMixin, BaseEstimator):
    """Gaussian classes of unit variance, fitted in no time; of equal rows as above."""

    def fit(self, X, y):
        X = as_dense(X)
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == c].mean(axis=0) for c in self.classes_])
        return self

    def predict_proba(self, X):
        products = np.einsum("nd,cd->nc", as_dense(X), self.means_)
        return softmax(products - (self.means_**2).sum(axis=1) / 2, axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def as_dense(X):
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X)


ESTIMATORS = {
    # They fit a clone for each row tried or picked.
    "ExpectedErrorReduction": Means(),
    "ExpectedErrorReduction(zero_one, DiverseBatch)": Means(),
    "KrigingBeliever": Line(),
    # It fits bootstrapped clones in every query, and a forest is slow to fit.
    "ExpectedModelChange": Ridge(),
    # They ask the head again and again, and a forest is slow to ask.
    "DropQuery": LogisticRegression(max_iter=500),
    "ALFAMix": LogisticRegression(max_iter=500),
}


#: Laws of many draws, many rows or many queries.
LONG = {"hidden_labels", "memory", "row_order", "same_answer", "ties"}


def each_law(strategies, leave_out=()):
    """List the laws of strategies; those of one strategy share one model."""
    return [
        pytest.param(law, id=f"{name}-{law_name}")
        for name, strategy in strategies.items()
        for law_name, law in strategy_checks(strategy, estimator=ESTIMATORS.get(name))
        if law_name not in leave_out
    ]


pytestmark = pytest.mark.filterwarnings(
    "ignore:.*posterior draws can tell at most:UserWarning"
)


@pytest.mark.parametrize("law", each_law(FOUND, leave_out=LONG))
def test_strategy_keeps_the_law(law, monkeypatch):
    """The quick laws, on a smaller pool."""
    monkeypatch.setattr(_defaults, "N_POOL", 800)
    law()


@pytest.mark.long
@pytest.mark.parametrize("law", each_law(STRATEGIES))
def test_strategy_keeps_the_law_at_full_size(law):
    law()


def test_every_strategy_that_is_written_is_public():
    written = {
        cls.__name__
        for cls in deeper_than(QueryStrategy)
        if cls.__module__.startswith("skal.query.") and not isabstract(cls)
    }
    assert written - BASES == FOUND.keys() | OF_UNITS


def deeper_than(cls):
    return {cls}.union(*map(deeper_than, cls.__subclasses__()))
