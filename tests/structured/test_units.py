"""Units lets any estimator answer for units of rows, by a method or a function."""

import pickle

import numpy as np
import pytest
from helpers import Brightness
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skal import ActiveLearner, ModelView
from skal._model import is_structured
from skal.query import Aggregate
from skal.structured import Units


@pytest.fixture(scope="module")
def pixels():
    X = np.random.RandomState(0).uniform(size=(40, 12))
    return X, (X > 0.5).astype(int)


def stacked(forest, X):
    """Return the chances that a forest of many outputs gives to each."""
    return np.stack(forest.predict_proba(X), axis=1)


def test_a_method_or_a_function_answers(pixels):
    X, y = pixels
    by_name = Units(Brightness(), "predict_units").fit(X, y)
    by_function = Units(Brightness(), lambda model, X: model.predict_units(X))
    expected = Brightness().fit(X, y).predict_units(X)
    for model in (by_name, by_function.fit(X, y)):
        np.testing.assert_array_equal(model.predict_units(X), expected)
        assert model.score(X, y) == 1
        assert (model.predict(X) == y).all()
    assert not hasattr(by_name, "sample_units")
    assert not hasattr(by_name, "sample_boxes")


def test_a_forest_of_many_outputs_serves(pixels):
    X, y = pixels
    forest = RandomForestClassifier(10, random_state=0)
    learner = ActiveLearner(Units(forest, stacked), Aggregate(), n_labels=30)
    learner.fit(X, y)
    assert learner.predict(X).shape == y.shape
    assert learner.n_features_in_ == 12


def test_draws_are_given_their_number_and_a_seed(pixels):
    X, y = pixels
    by_name = Units(Brightness(), samples="sample_units").fit(X, y)

    def draws(model, X, n_samples, random_state):
        return model.sample_units(X, n_samples, random_state)

    by_function = Units(Brightness(), samples=draws).fit(X, y)
    expected = by_name.estimator_.sample_units(X, 3, 5)
    for model in (by_name, by_function):
        np.testing.assert_array_equal(model.sample_units(X, 3, 5), expected)


def test_it_is_an_estimator_like_others(pixels):
    X, y = pixels
    model = Units(RandomForestClassifier(5, random_state=0), stacked)
    search = GridSearchCV(model, {"estimator__max_depth": [1, 5]}, cv=3).fit(X, y)
    assert search.best_estimator_.estimator_.max_depth in (1, 5)
    assert is_structured(search)
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(copy.predict(X), search.predict(X))
    assert is_structured(clone(model))
    pipeline = make_pipeline(PCA(5), model).fit(X, y)
    assert is_structured(pipeline)
    units = ModelView(pipeline).predict_units(X)
    np.testing.assert_array_equal(
        units, pipeline[-1].predict_units(pipeline[:-1].transform(X))
    )


def test_it_says_what_it_has_not(pixels):
    model = Units(Brightness(), None)
    assert not is_structured(Units(BaseEstimator(), None))
    with pytest.raises(AttributeError):
        _ = model.predict_units
    with pytest.raises(AttributeError, match="no attribute 'predict_units'"):
        Units(Brightness()).predict_units(pixels[0])


@pytest.mark.parametrize("name", ["method", "samples", "boxes"])
def test_a_way_to_answer_is_a_method_or_a_function(name, pixels):
    with pytest.raises(TypeError, match=f"{name} must be the name of a method, a func"):
        Units(Brightness(), **{name: 3}).fit(*pixels)
