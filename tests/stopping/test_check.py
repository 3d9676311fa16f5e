"""No stopping rule that cannot serve reaches a model: it is refused before any work."""

import inspect

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

import skal.stopping
from skal import ActiveLearner
from skal.stopping import (
    All,
    Any,
    ClassificationChange,
    KappaAverage,
    MaxConfidence,
    OverallUncertainty,
    PerformanceConvergence,
    RecallTarget,
    StoppingRule,
    ValidationPlateau,
)

KINDS = {"multiclass", "multilabel", "regression"}
DONE: list[str] = []
X = np.random.RandomState(0).normal(size=(40, 3))
Y = {
    "multiclass": np.arange(40) % 3,
    "multilabel": (X > 0).astype(int),
    "regression": X[:, 0],
}


class Bare(BaseEstimator):
    """Notes each fit and each prediction."""

    def fit(self, X, y):
        DONE.append("fit")
        return self

    def predict(self, X):
        DONE.append("predict")


class BareClassifier(ClassifierMixin, Bare):
    pass


class BareRegressor(RegressorMixin, Bare):
    pass


class Classifier(BareClassifier):
    def predict_proba(self, X):
        DONE.append("predict_proba")


@pytest.fixture(autouse=True)
def nothing_done_yet():
    DONE.clear()


HELD_OUT = {"X_val": X, "y_val": Y["multiclass"]}
RULES = {
    "ClassificationChange": ClassificationChange(),
    "KappaAverage": KappaAverage(),
    "MaxConfidence": MaxConfidence(),
    "OverallUncertainty": OverallUncertainty(),
    "PerformanceConvergence": PerformanceConvergence(),
    "RecallTarget": RecallTarget(1),
    "ValidationPlateau": ValidationPlateau(**HELD_OUT),
}
COMBINED = {
    f"{outer.__name__}({inner.__name__}({name}))": outer(
        [("plateau", ValidationPlateau(**HELD_OUT)), ("inner", inner([("rule", rule)]))]
    )
    for outer in (Any, All)
    for inner in (Any, All)
    for name, rule in RULES.items()
}
EVERY = {**RULES, **COMBINED}
#: Values that each parameter refuses, the other ones as above.
BAD = {
    All: {"rules": [(), [MaxConfidence()], [("a", 3)], [("a", KappaAverage(2))]]},
    Any: {"rules": [(), "kappa", [("a", All())], [("a__b", MaxConfidence())]]},
    ClassificationChange: {
        "threshold": [-1, 2],
        "n_stop": [0, 2.5],
        "X_stop": [np.empty((0, 3))],
    },
    KappaAverage: {
        "threshold": [-1, 2, "high"],
        "window": [0],
        "n_stop": [0],
        "X_stop": [np.empty((0, 3))],
    },
    MaxConfidence: {"threshold": [-1, None]},
    OverallUncertainty: {"threshold": [-1, 2]},
    PerformanceConvergence: {"threshold": [-1], "window": [0, 1.5]},
    RecallTarget: {
        "target": [None, [1]],
        "recall": [0, -1, 1.1, "all"],
        "confidence": [0, 1, 95],
    },
    ValidationPlateau: {
        "X_val": [None, X[:3]],
        "y_val": [None, [1, 2]],
        "scoring": ["f2", ["f1"], accuracy_score],
        "patience": [0],
        "min_delta": [-1, None],
    },
}
BAD_RULES = [
    pytest.param(kind, {name: value}, id=f"{kind.__name__}-{name}-{number}")
    for kind, parameters in BAD.items()
    for name, values in parameters.items()
    for number, value in enumerate(values)
]


def assert_refused(rule, estimator, kind, error, match):
    learner = ActiveLearner(estimator, "random", stopping=rule, n_labels=20)
    with pytest.raises(error, match=match):
        learner.fit(X, Y[kind])
    assert DONE == []


@pytest.mark.parametrize("rule", EVERY.values(), ids=EVERY)
def test_a_rule_refuses_the_targets_that_it_does_not_serve(rule):
    for kind in KINDS - rule.target_types:
        estimator = BareRegressor() if kind == "regression" else Classifier()
        match = f"stopping must be a rule for {kind} targets, got .*ValidationPlateau"
        assert_refused(rule, estimator, kind, TypeError, match=f"(?s){match}")


@pytest.mark.parametrize("rule", EVERY.values(), ids=EVERY)
def test_a_rule_that_needs_probabilities_refuses_an_estimator_without(rule):
    for kind in rule.target_types & {"multiclass", "multilabel"}:
        if "proba" in rule.needs:
            match = "needs class probabilities .*BareClassifier"
            assert_refused(rule, BareClassifier(), kind, TypeError, match)
        else:
            rule.check(BareClassifier(), kind)
        rule.check(Classifier(), kind)
    assert DONE == []


def concrete(kind):
    is_rule = inspect.isclass(kind) and issubclass(kind, StoppingRule)
    return is_rule and kind is not StoppingRule


def test_every_rule_and_every_parameter_is_gone_through():
    public = {kind for kind in vars(skal.stopping).values() if concrete(kind)}
    assert {type(rule) for rule in EVERY.values()} == public
    for kind in public:
        assert set(BAD[kind]) == set(kind().get_params(deep=False)), kind


@pytest.mark.parametrize(("kind", "parameters"), BAD_RULES)
def test_a_bad_parameter_is_refused(kind, parameters):
    given = {ValidationPlateau: HELD_OUT, RecallTarget: {"target": 1}}
    others = given.get(kind, {})
    rule = kind(**{**others, **parameters})
    assert_refused(rule, Classifier(), "multiclass", (TypeError, ValueError), "must|is")
    combined = Any([("bad", All([("rule", rule)]))])
    with pytest.raises((TypeError, ValueError)):
        combined.check(Classifier(), "multiclass")
    assert DONE == []


def test_a_rule_of_another_make_needs_no_check():
    class Never:
        def measure(self, learner, X, indices):
            return None

        def verdict(self, records):
            return 0.0, 1.0, False

    learner = ActiveLearner(LogisticRegression(), stopping=Never(), n_labels=20)
    assert learner.fit(X, Y["multiclass"]).termination_condition_ == "n_labels"


def test_a_member_with_a_check_of_its_own_is_asked():
    class OnlyBare(MaxConfidence):
        def check(self, estimator, target_type):
            raise ValueError("asked")

    with pytest.raises(ValueError, match="asked"):
        Any([("a", All([("b", OnlyBare())]))]).check(Classifier(), "multiclass")
