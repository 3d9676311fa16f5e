"""Weights of rows: one a row, under the name that reaches the last step."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal._meta import counting, fit_weight, row_weights, weight_name
from skal.calibration import TemperatureScaling
from skal.posterior import EnsembleClassifier, LaplaceClassifier
from skal.pseudo import PseudoLabelClassifier

NAME = "pipeline__logisticregression__sample_weight"


def nested():
    return make_pipeline(make_pipeline(StandardScaler(), LogisticRegression()))


def test_a_number_is_the_weight_of_every_row():
    np.testing.assert_array_equal(row_weights(2, 3), [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(row_weights([1, 2], 2), [1.0, 2.0])
    assert row_weights(None, 3) is None


@pytest.mark.parametrize("weights", [[1.0], [1.0] * 4, np.ones((3, 1)), []])
def test_not_a_weight_for_each_row(weights):
    with pytest.raises(ValueError, match="a weight for each of the 3 rows of X, got"):
        row_weights(weights, 3)


def test_the_name_under_which_weights_reach_the_last_step():
    assert weight_name(LogisticRegression()) == "sample_weight"
    assert weight_name(KNeighborsClassifier()) is None
    assert weight_name(make_pipeline(KNeighborsClassifier())) is None
    assert weight_name(nested()) == NAME
    with config_context(enable_metadata_routing=True):
        assert weight_name(nested()) == "sample_weight"


def test_the_weights_that_the_last_step_is_fitted_with():
    weights = np.array([0.0, 1.0, 2.0])
    np.testing.assert_array_equal(fit_weight(nested(), {NAME: weights}, 3), weights)
    assert fit_weight(nested(), {"other": weights}, 3) is None
    around = TemperatureScaling(nested())
    np.testing.assert_array_equal(fit_weight(around, {NAME: weights}, 3), weights)
    frozen = FrozenEstimator(LogisticRegression())
    np.testing.assert_array_equal(
        fit_weight(frozen, {"sample_weight": weights}, 3), weights
    )


def test_rows_of_weight_zero_do_not_count():
    assert counting(np.array([0.0, 1e-9, 2.0]), 3).tolist() == [False, True, True]
    assert counting(None, 2).tolist() == [True, True]


EVERY = [
    ActiveLearner(GaussianNB()),
    EnsembleClassifier(GaussianNB(), bootstrap=True, random_state=0),
    LaplaceClassifier(LogisticRegression(), prior_precision=1.0, random_state=0),
    PseudoLabelClassifier(GaussianNB()),
    TemperatureScaling(GaussianNB()),
]
every_one = pytest.mark.parametrize("model", EVERY, ids=lambda m: type(m).__name__)


@every_one
@pytest.mark.parametrize("weights", [np.ones(299), np.ones((300, 2))])
def test_weights_that_are_not_one_a_row_are_refused_in_the_same_words(
    model, weights, blobs
):
    """A learner, a posterior and a calibrated model each used to say it their way."""
    message = "sample_weight must hold a weight for each of the 300 rows of X, got shap"
    with pytest.raises(ValueError, match=message):
        model.fit(*blobs, sample_weight=weights)


@every_one
def test_one_number_is_a_weight_for_all(model, blobs):
    """It used to be an error in a learner, in posteriors and under pseudo-labels."""
    X, y = blobs
    number = model.fit(X, y, sample_weight=2.0).predict_proba(X)
    each = model.fit(X, y, sample_weight=np.full(300, 2.0)).predict_proba(X)
    np.testing.assert_allclose(number, each)
