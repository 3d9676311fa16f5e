"""What all estimators around an estimator answer for the one inside."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, is_classifier, is_regressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skal import ActiveLearner
from skal._meta import AroundEstimator
from skal.calibration import TemperatureScaling
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee
from skal.pseudo import ConsistencyClassifier, PseudoLabelClassifier

AROUND = [
    ActiveLearner,
    ConsistencyClassifier,
    EnsembleClassifier,
    LaplaceClassifier,
    MCDropoutCommittee,
    PseudoLabelClassifier,
    TemperatureScaling,
]
#: Those that pass on what predictions and scores are given too.
PASS_ON_ALL = {ActiveLearner, ConsistencyClassifier, PseudoLabelClassifier}

every_one = pytest.mark.parametrize("around", AROUND)


@every_one
def test_all_stand_on_one_base(around):
    own = [base for base in around.__mro__ if base.__module__.startswith("skal")]
    assert issubclass(around, AroundEstimator)
    for name in ("_template", "_inside", "_of_fitted"):
        assert [base for base in own if name in vars(base)] == [AroundEstimator]
    routing = [base for base in own if "get_metadata_routing" in vars(base)]
    adds_its_own = [ActiveLearner] if around is ActiveLearner else []  # groups, costs
    assert routing == [*adds_its_own, AroundEstimator]


@every_one
def test_none_stands_for_an_estimator_and_stays_none(around):
    model = around()
    assert hasattr(model._template(), "predict_proba")
    assert model.estimator is None
    given = GaussianNB()
    assert around(given)._template() is given


@every_one
@pytest.mark.parametrize("name", ["n_features_in_", "feature_names_in_"])
def test_features_are_unknown_before_fit(around, name):
    with pytest.raises(AttributeError, match=f"{around.__name__} has no {name} before"):
        getattr(around(GaussianNB()), name)


@pytest.mark.parametrize(
    "model",
    [
        ActiveLearner(GaussianNB()),
        EnsembleClassifier(GaussianNB(), bootstrap=True, random_state=0),
        LaplaceClassifier(LogisticRegression(), prior_precision=1.0, random_state=0),
        PseudoLabelClassifier(GaussianNB()),
        TemperatureScaling(GaussianNB()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_features_are_those_of_the_estimator_inside(model, blobs):
    X, y = blobs
    assert not model.__sklearn_is_fitted__()
    model.fit(pd.DataFrame(X, columns=["left", "right"]), y)
    assert model.__sklearn_is_fitted__()
    assert model.n_features_in_ == 2
    assert list(model.feature_names_in_) == ["left", "right"]
    assert model._inside() is not model.estimator


class Poor(ClassifierMixin, BaseEstimator):
    """Has no default tag but its type."""

    def predict_proba(self, X):
        return np.ones((len(X), 1))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        tags.input_tags.sparse = True
        tags.non_deterministic = True
        return tags


@every_one
def test_tags_are_those_of_the_estimator(around):
    tags, inner = get_tags(around(Poor())), get_tags(Poor())
    assert is_classifier(around(Poor()))
    assert tags.input_tags == inner.input_tags
    assert tags.classifier_tags.poor_score
    assert not tags.classifier_tags.multi_class
    assert tags.non_deterministic
    assert tags.target_tags.required
    nan = get_tags(around(HistGradientBoostingClassifier()))
    assert nan.input_tags.allow_nan


def test_only_one_label_a_row_is_promised_where_only_that_is_served():
    for around in (ConsistencyClassifier, PseudoLabelClassifier, TemperatureScaling):
        assert not get_tags(around(Poor())).classifier_tags.multi_label
    assert get_tags(ActiveLearner(Poor())).classifier_tags.multi_label


def test_a_learner_is_what_its_estimator_is_and_a_posterior_a_classifier():
    assert is_regressor(ActiveLearner(Ridge()))
    assert is_classifier(LaplaceClassifier(Ridge()))  # fit says what is wrong


@every_one
def test_metadata_goes_to_the_method_of_the_same_name(around):
    router = around(GaussianNB()).get_metadata_routing()
    (route,) = router._route_mappings.values()
    pairs = {(pair.caller, pair.callee) for pair in route.mapping}
    methods = {"fit"}
    if around in PASS_ON_ALL:
        methods |= {"predict", "predict_proba", "decision_function", "score"}
    assert pairs == {(method, method) for method in methods}


@pytest.mark.parametrize("around", AROUND[1:])  # a learner takes any estimator
@pytest.mark.parametrize(
    "estimator", [Ridge(), make_pipeline(StandardScaler(), Ridge())]
)
def test_what_gives_no_probabilities_is_refused(around, estimator, blobs):
    with pytest.raises(TypeError, match="must be a classifier with predict_proba, got"):
        around(estimator).fit(*blobs)
