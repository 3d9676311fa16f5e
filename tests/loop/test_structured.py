"""Targets with a label for each unit of a row: masks, tags and boxes in the loop."""

import pickle

import numpy as np
import pytest
from helpers import Brightness, Tagger
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skal import ActiveLearner
from skal.query import Aggregate, Bandit, BoxDisagreement, RandomSampling
from skal.stopping import MaxConfidence, ValidationPlateau
from skal.structured import Units


@pytest.fixture(scope="module")
def texts():
    rng = np.random.RandomState(0)
    sizes = rng.randint(1, 9, size=30)
    X = [["w" * length for length in rng.randint(1, 6, size=n)] for n in sizes]
    return X, [[int(len(token) > 2) for token in text] for text in X]


def entries(y, at):
    return [y[i] for i in at] if isinstance(y, list) else y[at]


# One loop for all ---------------------------------------------------------------


@pytest.mark.parametrize("data", ["pixels", "texts"])
@pytest.mark.parametrize("query_strategy", ["aggregate", "auto", "random"])
def test_a_simulation_asks_and_ends_as_a_live_run(data, query_strategy, request):
    X, y = request.getfixturevalue(data)
    model = Brightness() if data == "pixels" else Tagger()
    sizes = {"n_initial": 5, "batch_size": 4, "random_state": 0}
    simulated = ActiveLearner(model, query_strategy, n_labels=15, **sizes).fit(X, y)
    live = ActiveLearner(model, query_strategy, **sizes)
    left = np.ones(len(X), bool)
    for expected in simulated.history_["indices"]:
        asked, rows = live.query(X, len(expected), candidates=left)
        np.testing.assert_array_equal(asked, expected)
        np.testing.assert_array_equal(
            live.query(X, len(expected), candidates=left)[0], asked
        )
        left[asked] = False
        live = pickle.loads(pickle.dumps(live))
        live.teach(rows, entries(y, asked))
    assert live.history_["n_labels"].tolist() == [5, 9, 13, 15]
    for name in ("n_labels", "pool_indices"):
        for mine, its in zip(
            live.history_[name], simulated.history_[name], strict=True
        ):
            np.testing.assert_array_equal(mine, its)
    assert live.score(X, y) == simulated.score(X, y)
    np.testing.assert_array_equal(live.y_training_, simulated.y_training_)
    assert not hasattr(live, "classes_")


def test_given_labels_are_those_of_the_estimator(pixels):
    X, y = pixels
    learner = ActiveLearner(Brightness(), Aggregate()).fit(X, y)
    assert learner.estimator_.middle_ == Brightness().fit(X, y).middle_
    assert learner.predict(X).shape == y.shape
    assert learner.score(X, y) == learner.estimator_.score(X, y)


def test_rows_without_a_label_are_left_out_and_those_known_in_part_stay(pixels):
    X, y = pixels
    y = y.copy()
    y[10:] = -1
    y[0, 1:] = -1
    learner = ActiveLearner(Brightness(), Aggregate()).fit(X, y)
    np.testing.assert_array_equal(learner.labeled_iter_, [0] * 10 + [-1] * 30)
    seen = learner.estimator_.seen_[1]
    assert seen.shape == (10, 4, 5)
    assert (seen[0] == -1).sum() == 15
    with pytest.warns(UserWarning, match="leaves out 30 of 40 rows"):
        assert learner.score(X, y) == learner.estimator_.score(X[:10], y[:10])
    assert len(learner.teach(X[10:12], [y[0], None]).y_training_) == 11


def test_none_marks_a_row_in_a_list(texts):
    X, y = texts
    learner = ActiveLearner(Tagger(), Aggregate()).fit(X, [*y[:5], *[None] * 25])
    assert learner.history_["n_labels"].tolist() == [5]
    assert learner.y_training_.tolist() == y[:5]
    asked, rows = learner.query(X, 2, candidates=np.arange(5, 30))
    learner.teach(rows, [y[asked[0]], None])
    assert learner.y_training_.tolist() == [*y[:5], y[asked[0]]]


def test_arrays_of_one_shape_are_an_array_whatever_they_come_in(pixels):
    X, y = pixels
    dense = ActiveLearner(Brightness(), Aggregate()).fit(X[:9], y[:9])
    listed = ActiveLearner(Brightness(), Aggregate())
    listed.fit(X[:10], [*y[:9].astype(np.uint8), None])
    np.testing.assert_array_equal(listed.y_training_, dense.y_training_)
    listed.teach(X[10:12], [y[10], y[11]])
    assert listed.y_training_.shape == (11, 4, 5)


def test_floats_are_missing_where_they_are_nan(pixels):
    X, y = pixels
    y = y.astype(float)
    y[20:] = np.nan
    learner = ActiveLearner(Brightness(), "random").fit(X, y)
    assert learner.history_["n_labels"].tolist() == [20]


def test_missing_label_says_what_marks_a_unit(pixels):
    X, y = pixels
    y = y.astype(np.uint8)
    y[20:] = 255
    learner = ActiveLearner(Brightness(), "random", missing_label=255).fit(X, y)
    assert learner.history_["n_labels"].tolist() == [20]


def test_labels_are_corrected_and_forgotten(texts):
    X, y = texts
    learner = ActiveLearner(Tagger(), Aggregate(), random_state=0).teach(X[:6], y[:6])
    wrong = [0] * len(X[2])
    learner.correct([2], [wrong])
    assert learner.y_training_[2] == wrong
    learner.forget([0, 1])
    assert learner.y_training_.tolist() == [wrong, *y[3:6]]
    learner.teach(X[:2], y[:2], on_repeat="replace").teach(
        X[2:3], y[2:3], on_repeat="replace"
    )
    assert learner.y_training_.tolist() == [*y[2:6], *y[:2]]


def test_stages_and_stopping_rules_work_on_what_units_are(pixels):
    X, y = pixels
    learner = ActiveLearner(
        Brightness(), Aggregate(), n_labels=40, store_estimators=True, random_state=0
    )
    learner.fit(X, y)
    assert [*learner.staged_score(X, y)][-1] == learner.score(X, y)
    assert [each.shape for each in learner.staged_predict(X)] == [y.shape] * 4
    learner.set_params(stopping=ValidationPlateau(X, y)).fit(X, y)
    told = learner.history_["stopping"]
    assert told[0] == learner.estimators_[0].score(X, y)
    learner.set_params(stopping=MaxConfidence())
    with pytest.raises(TypeError, match="stopping must be a rule for structured targ"):
        learner.fit(X, y)


def test_it_is_searched_and_put_in_a_pipeline(pixels):
    X, y = pixels
    learner = ActiveLearner(Brightness(), Aggregate(), n_labels=20, random_state=0)
    grid = {"query_strategy__reduce": ["mean", "max"]}
    search = GridSearchCV(learner, grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.7
    inner = make_pipeline(FunctionTransformer(), Brightness())
    clone(learner).set_params(estimator=inner).fit(X, y)


def test_a_learner_answers_for_units_itself(pixels):
    """A learner inside a learner, or under a strategy, is asked through its view."""
    X, y = pixels
    learner = ActiveLearner(Brightness(), Aggregate()).fit(X, y)
    expected = Aggregate().score_samples(learner.estimator_, X)
    np.testing.assert_array_equal(Aggregate().score_samples(learner, X), expected)
    np.testing.assert_array_equal(learner.score_pool(X), expected)
    units = learner.estimator_.predict_units(X)
    np.testing.assert_array_equal(learner.predict_units(X), units)
    piped = clone(learner).set_params(estimator=make_pipeline(Brightness()))
    np.testing.assert_array_equal(piped.fit(X, y).predict_units(X), units)
    assert not hasattr(ActiveLearner(), "predict_units")


def test_a_diverged_model_leaves_the_last_good_state(pixels):
    X, y = pixels

    class Diverges(Brightness):
        def predict_units(self, X):
            return super().predict_units(X) * (np.nan if len(self.seen_[0]) > 10 else 1)

    learner = ActiveLearner(Diverges(), Aggregate()).fit(X[:10], y[:10])
    with pytest.raises(ValueError, match="answered probabilities that are not finite"):
        learner.teach(X[10:], y[10:])
    assert learner.history_["n_labels"].tolist() == [10]


# What is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"classes": [0, 1]}, "classes must be None for Brightness, which predicts"),
        ({"reject_label": 9}, "reject_label must be None for Brightness"),
        ({"use_unlabeled": True}, "use_unlabeled must be False for Brightness"),
        ({"initial": "stratified", "n_labels": 9}, "got 'stratified', which needs cl"),
    ],
)
def test_what_is_about_classes_of_rows_is_refused(parameters, match, pixels):
    with pytest.raises(ValueError, match=match):
        ActiveLearner(Brightness(), Aggregate(), **parameters).fit(*pixels)


def test_nothing_is_asked_of_units_before_the_first_label(pixels):
    for initial in (Aggregate(), Aggregate("bald"), BoxDisagreement()):
        learner = ActiveLearner(Brightness(), "random", initial=initial, n_labels=9)
        with pytest.raises(
            ValueError, match="initial must be a strategy that needs no"
        ):
            learner.fit(*pixels)


def test_a_target_has_an_entry_a_row_with_a_label_a_unit(pixels):
    X, y = pixels
    learner = ActiveLearner(Brightness(), Aggregate())
    with pytest.raises(ValueError, match=r"y must be an array of shape \(n_samples, ."):
        learner.fit(X, y[:, 0, 0])
    with pytest.raises(ValueError, match="at least one label"):
        learner.fit(X, [None] * 40)
    with pytest.raises(
        ValueError, match="y must hold every label when n_labels is set"
    ):
        learner.set_params(n_labels=9).fit(X, np.where(X > 0.99, -1, -1))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        learner.fit(X, y[:7])


def test_masks_for_a_model_without_units_are_refused_with_the_way_out(pixels):
    class Plain(BaseEstimator):
        def fit(self, X, y):
            return self

    for y in (pixels[1], [{"boxes": []} for _ in pixels[1]]):
        with pytest.raises(ValueError, match="Unknown label type") as refused:
            ActiveLearner(Plain()).fit(pixels[0], y)
        assert "skal.structured.Units" in str(refused.value.__notes__)


@pytest.mark.parametrize("method", ["predict_unit", "predict_proba"])
def test_a_method_that_is_not_there_is_named(method, pixels):
    """Masks were called labels of an unknown type, and Units the way out."""

    class Plain(BaseEstimator):
        def fit(self, X, y):
            raise AssertionError("a fit was made")

    X, y = pixels
    units = Units(Plain(), method)
    message = f"method must be the name of a method of Plain, .* got '{method}'"
    for estimator in (units, make_pipeline(FunctionTransformer(), units)):
        with pytest.raises(TypeError, match=message):
            ActiveLearner(estimator, Aggregate()).fit(X, y)


def test_a_bandit_says_what_serves_units(pixels):
    arms = [("doubt", Aggregate()), ("chance", RandomSampling())]
    with pytest.raises(TypeError, match="one target a row, got Brightness"):
        ActiveLearner(Brightness(), Bandit(arms), n_labels=30).fit(*pixels)
