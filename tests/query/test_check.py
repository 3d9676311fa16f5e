"""No strategy that cannot serve reaches a model: it is refused before any work."""

import inspect
from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.decomposition import PCA

import skal.query
from skal import ActiveLearner, ModelView
from skal.query import (
    BAIT,
    BALD,
    CLUE,
    EPIG,
    FALCUN,
    LCI,
    LCMD,
    Aggregate,
    Bandit,
    BatchBALD,
    BoxDisagreement,
    CallableStrategy,
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
    Embedded,
    ExpectedErrorReduction,
    ExpectedImprovement,
    ExpectedModelChange,
    FacilityLocation,
    Find,
    GreedySampling,
    InformationDensity,
    InScope,
    KLDivergence,
    KMeansBoundary,
    KMeansPlusPlus,
    KrigingBeliever,
    LinearCombination,
    Margin,
    MaxHerding,
    MeanStd,
    Mixture,
    Neighbours,
    PerCost,
    PerGroup,
    PredictiveEntropy,
    ProbabilityOfImprovement,
    ProbCover,
    QueryStrategy,
    RandomTail,
    Refine,
    Schedule,
    ScoreStrategy,
    Shortlist,
    StochasticBatch,
    TargetMargin,
    TypiClust,
    UHerding,
    UnitStrategy,
    UpperConfidenceBound,
    VariationRatio,
    VoteEntropy,
    WeightedKMeans,
    as_strategy,
    get_strategy_names,
)

# Estimators that count what is asked of them ---------------------------------

KINDS = {"multiclass", "multilabel", "regression", "structured"}
DONE: list[str] = []


class Bare(BaseEstimator):
    """Notes each fit and each prediction; offers nothing but predictions."""

    def fit(self, X, y):
        DONE.append("fit")
        self.y_ = np.asarray(y)
        if hasattr(self, "classes_of"):
            self.classes_ = self.classes_of(self.y_)
        return self

    def predict(self, X):
        DONE.append("predict")
        return np.resize(self.y_, (len(X), *self.y_.shape[1:]))


class BareClassifier(ClassifierMixin, Bare):
    def classes_of(self, y):
        return np.unique(y) if y.ndim == 1 else [np.arange(2)] * y.shape[1]


class BareRegressor(RegressorMixin, Bare):
    pass


class Classifier(BareClassifier):
    """Offers all that a strategy may need."""

    def predict_proba(self, X):
        DONE.append("predict_proba")
        width = self.y_.shape[1] if self.y_.ndim == 2 else len(self.classes_)
        return np.full((len(X), width), 1 / width)

    def sample_proba(self, X, n_samples=None, random_state=None):
        return np.stack([self.predict_proba(X)] * (n_samples or 3))

    def head_proba(self, E):
        return self.predict_proba(E)

    def embed(self, X):
        DONE.append("embed")
        return np.asarray(X, np.float32)


class Regressor(BareRegressor):
    def sample_predict(self, X, n_samples=None, random_state=None):
        return np.stack([self.predict(X)] * (n_samples or 3))


class BareDetector(Bare):
    """Is known to answer for units of rows, and answers nothing of use."""

    def sample_boxes(self, X, n_samples=None, random_state=None):
        DONE.append("sample_boxes")


class Segmenter(Bare):
    """Offers all that a strategy of units may need."""

    def predict_units(self, X):
        DONE.append("predict_units")
        return np.full((len(X), 3, 2), 0.5)

    def sample_units(self, X, n_samples=None, random_state=None):
        return np.stack([self.predict_units(X)] * (n_samples or 3))

    def sample_boxes(self, X, n_samples=None, random_state=None):
        return [[{"boxes": [], "labels": []}] * 2 for _ in X]


@pytest.fixture(autouse=True)
def nothing_done_yet():
    DONE.clear()


def data(kind):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, 3))
    y = {
        "multiclass": np.arange(40) % 3,
        "multilabel": (X > 0).astype(int),
        "regression": X[:, 0] + 0.5,
        "structured": (X > 0).astype(int),
    }
    return X, y[kind]


def able(kind):
    return {"regression": Regressor(), "structured": Segmenter()}.get(
        kind, Classifier()
    )


def bare(kind):
    less = {"regression": BareRegressor(), "structured": BareDetector()}
    return less.get(kind, BareClassifier())


def assert_refused(strategy, estimator, kind, error, match=None):
    """Refuse a strategy in a simulation, in a query, in a score and when called."""
    X, y = data(kind)
    sizes = {"n_labels": 20, "n_initial": 5, "batch_size": 5, "random_state": 0}
    with pytest.raises(error, match=match):
        ActiveLearner(estimator, strategy, **sizes).fit(X, y)
    assert DONE == []
    learner = ActiveLearner(estimator, strategy, random_state=0).fit(X[:10], y[:10])
    attempts = {
        "query": lambda: learner.query(X, 5),
        "called": lambda: as_strategy(strategy)(learner, X, 5),
        "by hand": lambda: as_strategy(strategy)(
            ModelView(learner.estimator_, X[:10], y[:10]), X, 5
        ),
    }
    if hasattr(learner, "score_pool"):
        attempts["score_pool"] = lambda: learner.score_pool(X)
    for name, attempt in attempts.items():
        DONE.clear()
        with pytest.raises(error, match=match):
            attempt()
        assert DONE == [], name


# Every strategy there is -----------------------------------------------------


def first_rows(learner, X, n_instances=1):
    return range(n_instances)


#: Strategies around a strategy, whatever that is.
WRAPPERS = {
    Bandit: lambda base: Bandit([("some", "random"), ("rest", base)]),
    ClassBalanced: ClassBalanced,
    Deduplicate: Deduplicate,
    DiverseBatch: DiverseBatch,
    PerGroup: PerGroup,
    Mixture: lambda base: Mixture([("some", "random"), ("rest", base)]),
    Refine: lambda base: Refine([("some", "random"), ("rest", base)], final=base),
    Schedule: lambda base: Schedule(
        [("some", "random"), ("rest", base)], unit="labels"
    ),
    Shortlist: Shortlist,
    StochasticBatch: lambda base: StochasticBatch(base, "softrank"),
}
STRATEGIES = {
    **{
        name: as_strategy(name)
        for name in get_strategy_names()
        if not isinstance(as_strategy(name), UnitStrategy)  # see test_units.py
    },
    "Embedded": Embedded(transformer=PCA(2)),
    "Embedded(margin)": Embedded("margin", PCA(2)),
    "GreedySampling(GSx)": GreedySampling("GSx"),
    "GreedySampling(GSy)": GreedySampling("GSy"),
    "KMeansBoundary(input)": KMeansBoundary(space="input"),
    "InformationDensity(KLDivergence)": InformationDensity("kl_divergence"),
    "KrigingBeliever": KrigingBeliever(),
    "LinearCombination": LinearCombination(),
    "Neighbours": Neighbours(),
    "Neighbours(random)": Neighbours("random", target=1),
    "PerCost": PerCost(),
    "PerCost(margin)": PerCost("margin"),
    "RandomTail": RandomTail(),
    "RandomTail(badge)": RandomTail("badge"),
    "a function": CallableStrategy(first_rows),
}
ONE_DEEP = {
    f"{kind.__name__}({base})": wrap(base)
    for kind, wrap in WRAPPERS.items()
    for base in ("margin", "bald", "badge", "committee_std", "random")
}
TWO_DEEP = {
    f"{outer.__name__}({inner.__name__}({base}))": WRAPPERS[outer](
        WRAPPERS[inner](base)
    )
    for outer in WRAPPERS
    for inner in WRAPPERS
    for base in ("drop_query", "committee_std")
}
ALL = {**STRATEGIES, **ONE_DEEP, **TWO_DEEP}

every_strategy = pytest.mark.parametrize("strategy", ALL.values(), ids=ALL)


@every_strategy
def test_a_strategy_refuses_the_targets_that_it_does_not_serve(strategy):
    for kind in KINDS - strategy.target_types:
        assert_refused(strategy, able(kind), kind, TypeError, match=r"needs .*got")


PREDICTIONS = {"proba", "decision", "samples", "votes", "head", "units"}
PREDICTING = {name: s for name, s in ALL.items() if s.needs & PREDICTIONS}


@pytest.mark.parametrize("strategy", PREDICTING.values(), ids=PREDICTING)
def test_a_strategy_refuses_an_estimator_that_only_predicts(strategy):
    for kind in strategy.target_types:
        match = r"does not offer\. (Use|Wrap|For a regressor)"
        assert_refused(strategy, bare(kind), kind, TypeError, match=match)


@every_strategy
def test_a_strategy_accepts_what_it_serves_and_fits_nothing(strategy):
    assert strategy.target_types <= KINDS
    for kind in strategy.target_types:
        if kind != "regression" or not strategy.needs & {"proba", "decision", "head"}:
            strategy.check(able(kind), kind)
    assert DONE == []


# Every parameter of every strategy -------------------------------------------

#: Values that each parameter refuses, the other ones left at their defaults.
BAD = {
    BAIT: {
        "likelihood": ["binry", 2],
        "top_classes": [0, 1.5],
        "regularization": [0, -1.0, "1"],
        "features": ["first", None, "all"],
        "n_features": [0, 1.5],
    },
    Aggregate: {
        "base": ["margn", None, "core_set", "typiclust", InformationDensity()],
        "reduce": ["median", None],
        "topk": [0, 0.0, 1.5, "all"],
        "quantile": [-0.1, 2, "0.9"],
        "class_weights": ["balanced", [1, -1], [0, 0], [np.nan, 1], 2.0],
        "normalize": ["length", "log", 1],
        "empty": ["middle", None],
    },
    BALD: {"n_samples": [0, 2.5]},
    BoxDisagreement: {"n_samples": [0, 1, 2.5], "min_score": [-0.1, 2, "0.5"]},
    Bandit: {
        "strategies": [[], "margin", [("a", "margn")], [("policy", "margin")]],
        "policy": ["surprised", None, 1],
        "discount": [0, 1.1, "0.9"],
        "horizon": [0, 2.5],
    },
    BatchBALD: {
        "n_samples": [0],
        "n_candidates": [0, 9.5],
        "n_configurations": [0, "all"],
    },
    CLUE: {"temperature": [0, -1, "hot"]},
    CallableStrategy: {
        "function": [
            None,
            3,
            partial(first_rows, n_instances=0),
            partial(first_rows, n_instances="all"),
            lambda: [0],
            lambda learner, X, how, n_instances=1: [0],
        ]
    },
    ClassBalanced: {"base": ["margn", None, Margin]},
    ClusterMargin: {"shortlist": [0.5, "10"], "n_clusters": [0, 2.5]},
    CommitteeStd: {"n_samples": [0]},
    ConsensusEntropy: {"n_samples": [-1]},
    ContrastiveAL: {"n_neighbors": [0, None]},
    Deduplicate: {
        "base": ["margn", 3],
        "threshold": [-0.1, "near"],
        "metric": ["cosinus", None],
    },
    DiscriminativeAL: {
        "n_sub_batches": [0],
        "max_rows": [0, 1e4],
        "regularization": [-1, None],
    },
    DiverseBatch: {
        "base": ["margn", QueryStrategy],
        "shortlist": [0, 2.5],
        "method": ["k-means"],
        "diversity": [-0.1, 1.1],
    },
    DropQuery: {"n_passes": [0], "dropout": [1, -0.5, None]},
    EPIG: {"X_target": [np.empty((0, 3))], "n_targets": [0], "n_samples": [0]},
    Embedded: {
        "base": ["margn", None, "drop_query"],
        "transformer": ["pca", Margin(), PCA, PCA(1).fit(np.eye(3))],
    },
    ExpectedErrorReduction: {
        "loss": ["binary", 1],
        "base": ["margn", None],
        "n_candidates": [0, 2.5],
        "n_reference": [0, 0.5],
        "n_jobs": [0, 1.5],
    },
    ExpectedImprovement: {
        "tradeoff": ["0", None],
        "maximize": ["min", None, 0],
        "n_samples": [0],
    },
    ExpectedModelChange: {"n_members": [0, 2.5]},
    FALCUN: {"gamma": [-1, None]},
    Find: {"target": [[1, 2]], "seeds": [np.empty((0, 3))]},
    FacilityLocation: {"n_reference": [0, 0.5], "scale": [True, "std"]},
    GreedySampling: {"method": ["gsx", None]},
    InScope: {"base": ["margn", None], "purity": [-0.1, 1.5, "half"]},
    InformationDensity: {"base": ["entropie", "core_set"], "beta": [-1, "1"]},
    KLDivergence: {"n_samples": [0]},
    KMeansPlusPlus: {"features": ["some"], "n_features": [0]},
    LCMD: {"features": ["some", None], "n_features": [0, 2.5]},
    KMeansBoundary: {"n_clusters": [0, 2.5], "space": ["inputs"]},
    KrigingBeliever: {"base": ["expected", ExpectedImprovement]},
    LinearCombination: {
        "bases": [
            [],
            "margin",
            [("a", 3)],
            [("a", "core_set")],
            [("a", "margin"), ("a", "entropy")],
            [("weights", "margin")],
        ],
        "weights": [[1], [0, 0], [1, np.nan], [1, np.inf], "even", [[1, 2]]],
        "transform": ["ranks", 1],
    },
    LCI: {"beta": [-0.1, 1.5, "half"]},
    MaxHerding: {
        "bandwidth": [0, -1, "wide"],
        "n_reference": [0],
        "scale": [True, "std"],
    },
    MeanStd: {"n_samples": [0]},
    Mixture: {
        "bases": [
            [],
            "margin",
            [("a", 3)],
            [("a", "margn")],
            [("a", "margin"), ("a", "entropy")],
            [("weights", "margin")],
        ],
        "weights": [
            [1],
            [0, 0],
            [1, -1],
            [1, np.nan],
            "even",
            {0: [1]},
            {0: [1, 2], 9: [3]},
            {0: [1, 1], 50: [1, -1]},
        ],
    },
    Neighbours: {
        "base": ["margn", None],
        "target": [[1]],
        "n_neighbors": [0, 2.5],
        "random_share": [-0.1, 1, "all"],
        "index": [np.zeros((4, 2)), "exact"],
    },
    PerCost: {"base": ["margn", "core_set", None]},
    PerGroup: {"base": ["margn", None], "max_per_group": [0, 1.5, None]},
    PredictiveEntropy: {"n_samples": [0]},
    ProbabilityOfImprovement: {
        "tradeoff": ["0"],
        "maximize": ["min"],
        "n_samples": [0],
    },
    ProbCover: {"radius": [0, -1, "r"], "purity": [1.5], "n_clusters": [1, 2.5]},
    RandomTail: {"base": ["fnd", 3], "target": [[1]], "patience": [0, 1.5]},
    Refine: {
        "bases": [[], "margin", [("a", "margn")], [("final", "margin")]],
        "final": ["uherdin", None],
        "n_levels": [0, 1.5],
        "n_batches": [3, 2.5],
        "share": [0, 1.1, "all"],
    },
    Schedule: {
        "strategies": [[], "margin", [("a", 3)], [("switch", "margin")]],
        "switch": [-1, [1, 2], "late", [np.nan]],
        "unit": ["label", 2],
        "ramp": [-1, "10"],
    },
    Shortlist: {"base": ["margn", None], "n_candidates": [0, 9.5]},
    StochasticBatch: {
        "base": ["entropie", "core_set"],
        "method": ["powr"],
        "beta": [0, -1, np.inf],
    },
    TargetMargin: {"target": [[1, 2]], "seeds": [np.empty((0, 3))]},
    TypiClust: {"n_neighbors": [0], "max_clusters": [0], "min_cluster_size": [0]},
    UHerding: {
        "scale": [True, "std"],
        "uncertainty": ["margn"],
        "bandwidth": [0],
        "n_reference": [0],
    },
    UpperConfidenceBound: {
        "beta": [-1, "1"],
        "maximize": ["max", 1],
        "n_samples": [2.5],
    },
    VariationRatio: {"n_samples": [0]},
    VoteEntropy: {"n_samples": [0]},
    WeightedKMeans: {"beta": [0.5, None], "score": ["margn"]},
}
BAD_STRATEGIES = [
    pytest.param(kind, {name: value}, id=f"{kind.__name__}-{name}-{number}")
    for kind, parameters in BAD.items()
    for name, values in parameters.items()
    for number, value in enumerate(values)
]


def kind_served(kind):
    """Return a kind of target that the defaults of a strategy serve."""
    served = kind.target_types
    if not isinstance(served, frozenset):  # it depends on parameters
        served = kind().target_types
    kinds = ("multiclass", "regression", "multilabel", "structured")
    return next(kind for kind in kinds if kind in served)


def concrete(kind):
    is_class = inspect.isclass(kind) and issubclass(kind, QueryStrategy)
    of_rows = is_class and not issubclass(kind, UnitStrategy)
    return of_rows and not inspect.isabstract(kind)


def test_every_strategy_and_every_parameter_is_gone_through():
    public = {kind for kind in vars(skal.query).values() if concrete(kind)}
    gone_through = {type(strategy) for strategy in ALL.values()}
    assert {kind.__name__ for kind in public - gone_through} == set()
    for kind in public:
        assert set(BAD.get(kind, {})) == set(kind().get_params(deep=False)), kind


@pytest.mark.parametrize(("kind", "parameters"), BAD_STRATEGIES)
def test_a_bad_parameter_is_refused(kind, parameters):
    target_type = kind_served(kind)
    errors = (TypeError, ValueError)
    strategy = kind(**parameters)
    assert_refused(strategy, able(target_type), target_type, errors, match="got|must")


@pytest.mark.parametrize(("kind", "parameters"), BAD_STRATEGIES)
def test_a_bad_parameter_is_refused_in_a_wrapper(kind, parameters):
    target_type = kind_served(kind)
    strategy = Mixture([("some", "random"), ("rest", Shortlist(kind(**parameters)))])
    with pytest.raises((TypeError, ValueError)):
        strategy.check(able(target_type), target_type)
    assert DONE == []


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind is not CallableStrategy])
def test_the_defaults_are_accepted(kind):
    target_type = kind_served(kind)
    kind().check(able(target_type), target_type)


# Particular messages ---------------------------------------------------------


def test_a_base_that_scores_no_rows_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"base must score rows .*CoreSet.*softrank"):
        StochasticBatch("core_set").check(Classifier(), "multiclass")
    StochasticBatch("core_set", "softrank").check(Classifier(), "multiclass")


class Unbounded(Margin):
    """A score below 0 that says no bound."""

    alias = None
    lowest = None


def test_scores_below_zero_are_refused_where_they_are_known_to_be():
    with pytest.raises(ValueError, match=r"scores above 0 .*Unbounded.*softmax"):
        StochasticBatch(Unbounded()).check(Classifier(), "multiclass")
    with pytest.raises(ValueError, match=r"from 0 up.*Unbounded"):
        InformationDensity(Unbounded()).check(Classifier(), "multiclass")
    StochasticBatch(Margin()).check(Classifier(), "multiclass")
    InformationDensity(Margin()).check(Classifier(), "multiclass")
    StochasticBatch(Margin(), "softmax").check(Classifier(), "multiclass")
    X, y = data("multiclass")
    view = ModelView(Classifier().fit(X, y), X, y)
    for name in get_strategy_names():
        strategy = as_strategy(name)
        if (
            isinstance(strategy, ScoreStrategy)
            and "multiclass" in strategy.target_types
        ):
            below = strategy.score_samples(view, X).min() < -1e-6
            assert not below or strategy.below_zero, name


def test_strategies_for_unlike_targets_do_not_mix():
    mixture = Mixture([("a", "margin"), ("b", "committee_std")])
    assert mixture.target_types == frozenset()
    with pytest.raises(TypeError, match=r"Mixture needs strategies for one kind"):
        mixture.check(Classifier(), "multiclass")


class OnlyLabels(QueryStrategy):
    target_types = frozenset({"multilabel"})

    def _query(self, view, rows, n_instances, rng):
        return range(n_instances)


def test_a_strategy_of_several_labels_says_so():
    with pytest.raises(TypeError, match="OnlyLabels needs multilabel targets, got mu"):
        OnlyLabels().check(Classifier(), "multiclass")


def test_a_wrapper_needs_and_serves_what_its_bases_do():
    wrapper = Mixture([("a", "random"), ("b", Deduplicate(Shortlist("batch_bald")))])
    assert wrapper.needs == {"samples", "embed"}
    assert wrapper.target_types == {"multiclass"}
    assert ClassBalanced("random").needs == {"proba"}
    assert ClassBalanced("random").target_types == {"multiclass"}


# Before the first label ------------------------------------------------------


@pytest.mark.parametrize(
    "initial",
    [ProbCover(radius=0), KMeansBoundary(0), Shortlist("core_set", 0), BALD()],
)
def test_a_bad_initial_strategy_is_refused(initial):
    X, y = data("multiclass")
    learner = ActiveLearner(Classifier(), "margin", initial=initial, n_labels=20)
    with pytest.raises(ValueError, match="must be"):
        learner.fit(X, y)
    with pytest.raises(ValueError, match="must be"):
        learner.query(X, 3)
    assert DONE == []


def test_a_fit_that_buys_nothing_demands_nothing():
    X, y = data("regression")
    ActiveLearner(BareRegressor(), BatchBALD(n_samples=0)).fit(X, y)
    assert DONE == ["fit"]


# Functions -------------------------------------------------------------------


def test_a_function_set_to_another_number_of_rows_is_refused_before_the_first_fit():
    X, y = data("multiclass")
    three = partial(first_rows, n_instances=3)
    learner = ActiveLearner(Classifier(), three, n_labels=14, batch_size=4)
    with pytest.raises(ValueError, match=r"n_instances=3\. Set batch_size=3"):
        learner.fit(X, y)
    learner = ActiveLearner(Classifier(), "margin", initial=three, n_labels=14)
    with pytest.raises(ValueError, match=r"n_instances=3"):
        learner.fit(X, y)
    assert DONE == []
    sizes = {"n_labels": 9, "n_initial": 3, "batch_size": 3}
    learner = ActiveLearner(Classifier(), three, initial=three, **sizes).fit(X, y)
    assert learner.n_iter_ == 2


def test_a_function_that_cannot_be_called_says_what_it_lacks():
    def wants_more(learner, X, how):
        """Have a parameter that nobody passes."""

    match = (
        r"f\(learner, X, n_instances=1\), got wants_more\(learner, X, how\): .*'how'"
    )
    with pytest.raises(TypeError, match=match):
        CallableStrategy(wants_more).check(Classifier(), "multiclass")
    CallableStrategy(max).check(Classifier(), "multiclass")  # has no signature


def test_core_set_has_nothing_to_refuse():
    for kind in KINDS:
        CoreSet().check(bare(kind), kind)
