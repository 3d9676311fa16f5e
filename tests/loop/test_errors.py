"""A learner refuses what cannot work before any work, and says the way out."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skal import ActiveLearner
from skal.exceptions import PoolExhaustedError
from skal.query import (
    CommitteeStd,
    ConsensusEntropy,
    Entropy,
    ExpectedModelChange,
    GreedySampling,
    LeastConfidence,
    Margin,
    Shortlist,
    VoteEntropy,
)
from skal.stopping import KappaAverage, MaxConfidence


class CountsFits(GaussianNB):
    """Counts the fits of the class, to tell whether work was done."""

    n_fits = 0

    def fit(self, X, y):
        CountsFits.n_fits += 1
        return super().fit(X, y)


class Hard(CountsFits):
    """Without probabilities."""

    @property
    def predict_proba(self):
        raise AttributeError("no predict_proba")


@pytest.fixture(autouse=True)
def no_fits_yet():
    CountsFits.n_fits = 0


def pool(n=20):
    return np.arange(n, dtype=float)[:, None], np.arange(n) % 2


# parameters --------------------------------------------------------------------

PARAMETERS = [
    ({"n_initial": 0}, ValueError, "n_initial must be at least 1, got 0"),
    ({"n_initial": -3}, ValueError, "n_initial must be at least 1, got -3"),
    ({"n_initial": 2.0}, TypeError, "n_initial must be an integer, got 2.0"),
    ({"n_initial": True}, TypeError, "n_initial must be an integer, got True"),
    ({"n_initial": None}, TypeError, "n_initial must be an integer, got None"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
    (
        {"batch_size": "10"},
        TypeError,
        "batch_size must be an integer or a list of integers, got '10'",
    ),
    ({"batch_size": 0.5}, TypeError, "a list of integers, got 0.5"),
    ({"batch_size": float("nan")}, TypeError, "a list of integers, got nan"),
    ({"batch_size": ()}, ValueError, r"must hold a size for the first round, got \(\)"),
    ({"batch_size": [5, 0]}, ValueError, "batch_size must be at least 1, got 0"),
    ({"batch_size": [5, "x"]}, TypeError, "batch_size must be an integer, got 'x'"),
    ({"batch_size": [2.5]}, TypeError, "batch_size must be an integer, got 2.5"),
    ({"n_labels": 0}, ValueError, "n_labels must be at least 1, got 0"),
    ({"n_labels": -1}, ValueError, "n_labels must be at least 1, got -1"),
    ({"n_labels": "all"}, TypeError, "n_labels must be an integer, got 'all'"),
    ({"n_labels": True}, TypeError, "n_labels must be an integer, got True"),
    *(
        (
            {"n_labels": share},
            ValueError,
            rf"n_labels must be a whole number of rows or a share in \(0, 1\], "
            rf"got {share}",
        )
        for share in (0.0, 1.5, -0.1, 20.0, np.nan, np.inf)
    ),
    (
        {"query_strategy": "margn"},
        ValueError,
        "query_strategy must be one of 'margin', .*, got 'margn'",
    ),
    (
        {"query_strategy": "Entropy"},
        ValueError,
        "query_strategy must be one of '.*entropy', .*'random'.*, got 'Entropy'",
    ),
    (
        {"query_strategy": Margin},
        TypeError,
        r"query_strategy must be an instance, got the class Margin. Write Margin\(\)",
    ),
    ({"query_strategy": None}, TypeError, "query_strategy must be a name.*got None"),
    ({"query_strategy": 3}, TypeError, "query_strategy must be a name.*got 3"),
    (
        {"stopping": "kappa"},
        TypeError,
        "stopping must be None or a rule with measure and verdict, got 'kappa'",
    ),
    (
        {"stopping": KappaAverage},
        TypeError,
        r"stopping must be an instance, got the class KappaAverage",
    ),
]
every_bad_parameter = pytest.mark.parametrize(
    ("params", "error", "message"), PARAMETERS, ids=lambda part: str(part)[:40]
)


def learner_with(params, **others):
    return ActiveLearner(CountsFits(), **{"random_state": 0, **others, **params})


@every_bad_parameter
def test_fit_refuses_a_bad_parameter_before_any_work(params, error, message):
    learner = learner_with(params, n_labels=10)
    with pytest.raises(error, match=message):
        learner.fit(*pool())
    assert CountsFits.n_fits == 0


@every_bad_parameter
def test_teach_and_query_refuse_a_bad_parameter(params, error, message):
    X, y = pool()
    learner = learner_with(params)
    with pytest.raises(error, match=message):
        learner.teach(X, y)
    with pytest.raises(error, match=message):
        learner.query(X)
    assert CountsFits.n_fits == 0


NO_WARM_START = [
    (Ridge(), "Ridge"),
    (GaussianNB(), "GaussianNB"),
    (RandomForestClassifier(), "RandomForestClassifier"),
    (make_pipeline(StandardScaler(), SVC()), "SVC"),
    (GridSearchCV(LogisticRegression(), {"C": [1]}), "GridSearchCV"),
]


@pytest.mark.parametrize(("estimator", "name"), NO_WARM_START, ids=str)
def test_a_warm_start_needs_an_estimator_that_can(estimator, name):
    learner = ActiveLearner(estimator, "random", warm_start=True)
    message = f"warm_start must be False for an estimator .* got True with {name}"
    with pytest.raises(ValueError, match=message):
        learner.fit(*pool())


@pytest.mark.parametrize("n_labels", [None, 10])
@pytest.mark.parametrize(
    ("estimator", "y", "kind"),
    [
        (Ridge(), np.arange(20.0), "regression"),
        (RandomForestClassifier(3), np.eye(20, 3, dtype=int), "multilabel"),
    ],
    ids=["regression", "multilabel"],
)
def test_use_unlabeled_needs_one_class_a_row(estimator, y, kind, n_labels):
    learner = ActiveLearner(estimator, "random", use_unlabeled=True, n_labels=n_labels)
    with pytest.raises(ValueError, match=f"use_unlabeled must be False for {kind}"):
        learner.fit(pool()[0], y)


@pytest.mark.parametrize(
    ("initial", "error", "message"),
    [
        ("stratifed", ValueError, "initial must be one of .* got 'stratifed'"),
        (None, TypeError, "initial must be a name, a query strategy .* got None"),
        (Margin, TypeError, "initial must be an instance, got the class Margin"),
        ("margin", ValueError, "initial must be a strategy that needs no model"),
        (VoteEntropy(), ValueError, "got VoteEntropy, which needs votes"),
        (Shortlist("entropy"), ValueError, "got Shortlist, which needs proba"),
        (GreedySampling("GSy"), ValueError, "got GreedySampling, which needs labels"),
    ],
    ids=str,
)
def test_initial_must_be_a_strategy_that_needs_no_model(initial, error, message):
    X, y = pool()
    learner = ActiveLearner(CountsFits(), initial=initial)
    with pytest.raises(error, match=message):
        learner.query(X)
    with pytest.raises(error, match=message):
        learner.set_params(n_labels=10).fit(X, y)
    assert CountsFits.n_fits == 0


def test_a_misspelt_initial_lists_stratified_too():
    with pytest.raises(ValueError, match="'stratified'"):
        ActiveLearner(initial="stratifed", n_labels=10).fit(*pool())


def test_stratified_first_rows_need_the_labels_of_a_simulation():
    with pytest.raises(ValueError, match='initial must be "random" or a strategy in a'):
        ActiveLearner(initial="stratified").query(pool()[0])
    learner = ActiveLearner(Ridge(), "random", initial="stratified", n_labels=10)
    with pytest.raises(ValueError, match="regression targets, got 'stratified'"):
        learner.fit(*pool())


def test_a_function_that_asks_a_cold_model_is_told_that_there_is_none():
    def surest(learner, X, n_instances=1):
        return learner.predict_proba(X).max(axis=1).argsort()[-n_instances:]

    learner = ActiveLearner(GaussianNB(), initial=surest)
    with pytest.raises(TypeError, match="predict_proba needs a fitted model, but no"):
        learner.query(pool()[0])


# y and X -----------------------------------------------------------------------


@pytest.mark.parametrize("n_labels", [10, 0.5, 1.0])
def test_a_simulation_names_how_many_labels_are_missing(n_labels):
    X, y = pool()
    y[[3, 7, 8]] = -1
    learner = ActiveLearner(CountsFits(), n_labels=n_labels)
    message = rf"got 3 of 20 labels missing with n_labels={n_labels}\. .*n_labels=None"
    with pytest.raises(ValueError, match=message):
        learner.fit(X, y)
    assert CountsFits.n_fits == 0


def test_a_simulation_of_a_regression_misses_nan():
    X, _ = pool()
    y = np.arange(20.0)
    y[4] = np.nan
    learner = ActiveLearner(Ridge(), "random", n_labels=10)
    with pytest.raises(ValueError, match="got 1 of 20 labels missing"):
        learner.fit(X, y)


@pytest.mark.parametrize("method", ["fit", "teach"])
@pytest.mark.parametrize("n_labels", [None, 10])
def test_X_and_y_must_be_of_one_length(method, n_labels):
    X, y = pool()
    learner = ActiveLearner(CountsFits(), n_labels=n_labels)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        getattr(learner, method)(X, y[:-1])
    with pytest.raises(ValueError, match="y to be passed, but the target y is None"):
        getattr(learner, method)(X, None)
    with pytest.raises(ValueError, match="X must hold at least one row, got 0"):
        getattr(learner, method)(X[:0], y[:0])
    assert CountsFits.n_fits == 0


@pytest.mark.parametrize("hole", [-1, np.nan])
def test_fit_needs_a_label(hole):
    with pytest.raises(ValueError, match="y must hold at least one label, got 20 miss"):
        ActiveLearner(CountsFits()).fit(pool()[0], np.full(20, hole))


def test_a_regressor_needs_a_label():
    with pytest.raises(ValueError, match="y must hold at least one label, got 20 miss"):
        ActiveLearner(Ridge(), "random").fit(pool()[0], np.full(20, np.nan))


# what the strategy needs and the estimator lacks -------------------------------

LACKING = [
    (Hard(), "margin", "Margin needs .* or decision values .* which Hard does not"),
    (Hard(), Entropy(), "Entropy needs class prob.*CalibratedClassifierCV"),
    (Hard(), LeastConfidence(), "LeastConfidence needs .* Hard does not"),
    (SVC(), "entropy", r"Entropy needs class probabilities \(.* which SVC does not"),
    (RidgeClassifier(), Shortlist("entropy"), "Shortlist needs class probabilities"),
    (make_pipeline(StandardScaler(), SVC()), "badge", "BADGE needs .* Pipeline does"),
    (GridSearchCV(SVC(), {"C": [1]}, cv=2), "entropy", "Entropy needs .* GridSearchCV"),
    (GaussianNB(), VoteEntropy(), "VoteEntropy needs votes .*GaussianNB.* forest"),
    (LogisticRegression(), ConsensusEntropy(), "ConsensusEntropy needs samples"),
    (
        VotingClassifier([("a", GaussianNB()), ("b", SVC())]),
        "kl_divergence",
        "KLDivergence needs samples .* VotingClassifier does not",
    ),
]
every_lack = pytest.mark.parametrize(
    ("estimator", "strategy", "message"), LACKING, ids=lambda part: str(part)[:30]
)


@every_lack
def test_fit_says_what_the_estimator_lacks_before_any_work(
    estimator, strategy, message
):
    learner = ActiveLearner(estimator, strategy, n_labels=10)
    with pytest.raises(TypeError, match=message):
        learner.fit(*pool())
    assert CountsFits.n_fits == 0
    assert not hasattr(learner, "estimator_")


@every_lack
def test_query_says_what_the_estimator_lacks(estimator, strategy, message):
    X, y = pool()
    learner = ActiveLearner(estimator, strategy, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match=message):
        learner.query(X, 2)


@pytest.mark.parametrize("n_labels", [None, 10])
@pytest.mark.parametrize(
    ("estimator", "strategy", "message"),
    [
        (Ridge(), "margin", "Margin needs a classifier, got Ridge"),
        (LinearSVC(), "entropy", "Entropy needs class probabilities .*LinearSVC"),
        (Ridge(), CommitteeStd(), "CommitteeStd needs samples .*Ridge"),
        (GaussianNB(), GreedySampling(), "GreedySampling needs a regressor, got Gau"),
        (GaussianNB(), ExpectedModelChange(), "ExpectedModelChange needs a regressor"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_strategies_name_the_kind_of_estimator_they_serve(
    estimator, strategy, message, n_labels
):
    X, y = pool()
    learner = ActiveLearner(estimator, strategy, n_labels=n_labels, random_state=0)
    with pytest.raises((TypeError, ValueError), match=message):
        learner.fit(X, y).query(X, 2)


def test_a_stopping_rule_says_what_it_needs_before_any_work():
    learner = ActiveLearner(Hard(), "random", stopping=MaxConfidence(), n_labels=10)
    with pytest.raises(TypeError, match="MaxConfidence needs class probabilities"):
        learner.fit(*pool())
    learner = ActiveLearner(Ridge(), "random", stopping=KappaAverage(), n_labels=10)
    with pytest.raises(TypeError, match="stopping must be a rule for regression"):
        learner.fit(*pool())
    assert CountsFits.n_fits == 0


def test_a_stopping_rule_of_bad_parameters_is_refused_before_any_work():
    rule = MaxConfidence(threshold=-1)
    learner = ActiveLearner(CountsFits(), stopping=rule, n_labels=10)
    with pytest.raises(ValueError, match="threshold"):
        learner.fit(*pool())
    assert CountsFits.n_fits == 0


def test_a_kernel_matrix_cannot_be_sliced_by_rows():
    X, y = pool()
    learner = ActiveLearner(SVC(kernel="precomputed"), "random", n_labels=10)
    with pytest.raises(ValueError, match="estimator must take rows of features in a"):
        learner.fit(X @ X.T, y)


# query -------------------------------------------------------------------------


@pytest.fixture(params=["cold", "taught"])
def learner(request):
    X, y = pool()
    learner = ActiveLearner(GaussianNB(), random_state=0)
    return learner if request.param == "cold" else learner.fit(X, y)


@pytest.mark.parametrize(
    ("n_instances", "error", "message"),
    [
        (0, ValueError, "n_instances must be at least 1, got 0"),
        (-2, ValueError, "n_instances must be at least 1, got -2"),
        (1.0, TypeError, "n_instances must be an integer, got 1.0"),
        ("3", TypeError, "n_instances must be an integer, got '3'"),
        (True, TypeError, "n_instances must be an integer, got True"),
        (21, PoolExhaustedError, "at most 20, the number of candidates, got 21"),
    ],
)
def test_a_query_asks_for_a_number_of_rows(learner, n_instances, error, message):
    with pytest.raises(error, match=message):
        learner.query(pool()[0], n_instances)


@pytest.mark.parametrize("candidates", [[], np.zeros(20, bool), np.empty(0, int)])
def test_a_query_without_candidates_has_nothing_to_ask(learner, candidates):
    with pytest.raises(PoolExhaustedError, match="must hold candidates to ask for"):
        learner.query(pool()[0], candidates=candidates)
    with pytest.raises(PoolExhaustedError, match=r"must be at most 0, .* got 1"):
        learner.query(pool()[0], 1, candidates=candidates)


def test_an_empty_pool_has_nothing_to_ask(learner):
    with pytest.raises(
        PoolExhaustedError, match=r"must hold candidates to ask for, got 0"
    ):
        learner.query(pool()[0][:0])


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([3, 3, 4], "candidates must be different rows, got 1 of them twice or more"),
        ([3, 20], r"candidates must be positions in \[0, 19\], got 3 to 20"),
        ([-1, 3], r"candidates must be positions in \[0, 19\], got -1 to 3"),
        ([0.0, 1.0], "candidates must be positions in X_pool or a mask of 20 booleans"),
        (np.ones(19, bool), "or a mask of 20 booleans, got bool of shape"),
        (np.ones((20, 1), bool), "or a mask of 20 booleans, got bool of shape"),
        ([[1, 2]], "candidates must be positions in X_pool or a mask of 20 booleans"),
        (["a"], "candidates must be positions in X_pool or a mask of 20 booleans"),
        (3, "candidates must be positions in X_pool or a mask of 20 booleans"),
        ({3}, "candidates must be positions in X_pool or a mask of 20 booleans"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_candidates_are_different_positions_or_a_mask(learner, candidates, message):
    with pytest.raises(ValueError, match=message):
        learner.query(pool()[0], 1, candidates=candidates)


BROKEN_PROMISES = [
    (lambda learner, X, n_instances: [0, 0, 1], "3 different rows, got 2"),
    (lambda learner, X, n_instances: [0, 1], "3 rows, got 2"),
    (lambda learner, X, n_instances: range(4), "3 rows, got 4"),
    (lambda learner, X, n_instances: [0, 1, 9], r"positions in \[0, 8\], got 0 to 9"),
    (lambda learner, X, n_instances: [-1, 0, 1], r"positions in \[0, 8\], got -1 to 1"),
    (lambda learner, X, n_instances: [0.0, 1.0, 2.0], "whole numbers, got float64"),
    (lambda learner, X, n_instances: [True] * 3, "whole numbers, got bool"),
    (lambda learner, X, n_instances: [[0, 1, 2]], "whole numbers, got int64 of shape"),
    (lambda learner, X, n_instances: None, "whole numbers, got object"),
    (lambda learner, X: 5, "3 rows, got 1"),
    (lambda learner, X, n_instances: ([0, 0, 0], X), "3 different rows, got 1"),
]


@pytest.mark.parametrize(("function", "promise"), BROKEN_PROMISES)
@pytest.mark.parametrize("known", [False, True])
def test_a_strategy_that_breaks_its_promise_is_named(function, promise, known):
    def careless(learner, X, n_instances=1):
        names = function.__code__.co_varnames
        more = {"n_instances": n_instances} if "n_instances" in names else {}
        return function(learner, X, **more)

    X, y = pool()
    learner = ActiveLearner(GaussianNB(), careless, initial=careless)
    if known:
        learner.fit(X, y)
    message = f"The strategy careless must return {promise}"
    with pytest.raises(ValueError, match=message):
        learner.query(X, 3, candidates=np.arange(2, 11))


def test_the_exceptions_of_a_strategy_come_through():
    def lost(learner, X, n_instances=1):
        raise LookupError("no map")

    with pytest.raises(LookupError, match=r"^no map$"):
        ActiveLearner(GaussianNB(), lost).fit(*pool()).query(pool()[0])


@pytest.mark.parametrize(
    "method",
    ["predict", "predict_proba", "predict_log_proba", "decision_function"],
)
def test_answers_before_fit_raise_not_fitted(method):
    learner = ActiveLearner(LogisticRegression())
    with pytest.raises(NotFittedError):
        getattr(learner, method)(pool()[0])
    with pytest.raises(NotFittedError):
        learner.score(*pool())


@pytest.mark.parametrize("method", ["staged_predict", "staged_predict_proba"])
def test_staged_answers_before_fit_raise_not_fitted(method):
    learner = ActiveLearner(GaussianNB(), store_estimators=True)
    with pytest.raises(NotFittedError):
        next(getattr(learner, method)(pool()[0]))


@pytest.mark.parametrize(
    "name", ["history_", "n_features_in_", "feature_names_in_", "classes_", "seed_"]
)
def test_fitted_attributes_are_absent_before_fit(name):
    assert not hasattr(ActiveLearner(GaussianNB()), name)
