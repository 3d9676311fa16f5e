"""BinaryRelevance: a model a label, on the rows where it is known."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearner, ModelView
from skal.multilabel import BinaryRelevance
from skal.query import BALD


@parametrize_with_checks(
    [BinaryRelevance(), BinaryRelevance(RandomForestClassifier(5, random_state=0))]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(120, n_classes=4, random_state=0)


def with_holes(Y, seed=0):
    Y = Y.astype(float)
    Y[np.random.RandomState(seed).uniform(size=Y.shape) < 0.4] = np.nan
    return Y


def test_complete_labels_are_those_of_scikit_learn(data):
    X, Y = data
    ours = BinaryRelevance().fit(X, Y)
    theirs = MultiOutputClassifier(LogisticRegression()).fit(X, Y)
    expected = np.column_stack([p[:, 1] for p in theirs.predict_proba(X)])
    np.testing.assert_allclose(ours.predict_proba(X), expected)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_each_label_learns_from_the_rows_where_it_is_known(data):
    X, Y = data
    Y = with_holes(Y)
    weight = np.random.RandomState(1).uniform(1, 2, len(X))
    model = BinaryRelevance(n_jobs=2).fit(X, Y, sample_weight=weight)
    for j, y in enumerate(Y.T):
        known = ~np.isnan(y)
        alone = LogisticRegression().fit(X[known], y[known], weight[known])
        np.testing.assert_allclose(
            model.predict_proba(X)[:, j], alone.predict_proba(X)[:, 1]
        )
        np.testing.assert_allclose(
            model.decision_function(X)[:, j], alone.decision_function(X)
        )


def test_weights_are_routed(data):
    X, Y = data
    weight = np.random.RandomState(1).uniform(1, 2, len(X))
    expected = BinaryRelevance().fit(X, Y, sample_weight=weight).predict_proba(X)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True)
        model = BinaryRelevance(inner).fit(X, Y, sample_weight=weight)
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_labels_that_do_not_vary_need_no_model():
    X = np.arange(6.0)[:, None]
    Y = np.array([[0, 1, np.nan, y] for y in (0, 0, 0, 1, 1, 1)])
    model = BinaryRelevance().fit(X, Y)
    assert model.estimators_[:3] == [0.0, 1.0, 0.5]
    assert model.multilabel_
    assert model.classes_.tolist() == [0, 1, 2, 3]
    assert model.predict(X).tolist() == [[0, 1, 0, y] for y in (0, 0, 0, 1, 1, 1)]
    np.testing.assert_allclose(
        model.predict_proba(X)[:, :3], [[0, 1, 0.5]] * 6, atol=1e-6
    )
    assert (model.predict_proba(X) > 0).all()
    assert (model.predict_proba(X) < 1).all()
    decision = model.decision_function(X)
    beyond = np.abs(decision[:, 3]) + 1
    np.testing.assert_allclose(decision[:, 0], -beyond)
    np.testing.assert_allclose(decision[:, 1], beyond)
    assert not decision[:, 2].any()


def test_an_estimator_without_probabilities_offers_none(data):
    model = BinaryRelevance(LinearSVC(random_state=0)).fit(*data)
    assert not hasattr(model, "predict_proba")
    assert model.decision_function(data[0]).shape == data[1].shape
    assert not hasattr(BinaryRelevance(KNeighborsClassifier()), "decision_function")


def test_members_are_draws(data):
    X, Y = data
    Y = with_holes(Y)
    Y[:, 0] = np.nan
    model = BinaryRelevance(RandomForestClassifier(7, random_state=0)).fit(X, Y)
    draws = model.sample_proba(X)
    assert draws.shape == (7, *Y.shape)
    np.testing.assert_allclose(draws.mean(axis=0), model.predict_proba(X), atol=1e-6)
    assert len(BALD()(ModelView(model, X, Y), X, 5)[0]) == 5
    assert not hasattr(BinaryRelevance(LinearSVC()), "sample_proba")


def test_a_learner_is_taught_labels_known_in_part(data):
    X, Y = data
    Y = with_holes(Y)
    learner = ActiveLearner(BinaryRelevance(), random_state=0)
    learner.fit(X[:30], Y[:30]).teach(X[30:40], Y[30:40])
    expected = BinaryRelevance().fit(X[:40], Y[:40])
    np.testing.assert_array_equal(learner.predict(X), expected.predict(X))
    indices, _ = learner.query(X[40:], 5)
    assert len(indices) == 5


@pytest.mark.parametrize("name", ["mmc", "lci", "margin", "badge"])
def test_strategies_read_labels_known_in_part(data, name):
    X, Y = data
    learner = ActiveLearner(BinaryRelevance(), name, random_state=0)
    indices, _ = learner.fit(X[:40], with_holes(Y)[:40]).query(X[40:], 5)
    assert len(indices) == 5


def test_rows_and_labels_must_be_there(data):
    X, Y = data
    with pytest.raises(ValueError, match="y must hold at least one label, got 120"):
        BinaryRelevance().fit(X, np.full(Y.shape, np.nan))
    with pytest.raises(ValueError, match="y must hold a class for each row, got 1 "):
        BinaryRelevance().fit(X, np.where(np.arange(120) < 1, np.nan, Y[:, 0]))
    with pytest.raises(ValueError, match="y must be one label a row, or a binary"):
        BinaryRelevance().fit(X, Y * 2)


def test_frames_and_names(data):
    pd = pytest.importorskip("pandas")
    X, Y = data
    frame = pd.DataFrame(X).add_prefix("x")
    model = BinaryRelevance().fit(frame, with_holes(Y))
    assert model.n_features_in_ == X.shape[1]
    assert model.feature_names_in_[0] == "x0"


def test_labels_of_a_row_are_taught_one_by_one(data):
    """A row taught again with another label lost those that it had."""
    X, Y = data
    learner = ActiveLearner(BinaryRelevance(), random_state=0).fit(X[:20], Y[:20])
    for j in (2, 0, 3, 1):
        y = np.full((5, Y.shape[1]), np.nan)
        y[:, j] = Y[20:25, j]
        learner.teach(X[20:25], y, on_repeat="replace")
    np.testing.assert_array_equal(learner.y_training_, Y[:25])
    expected = BinaryRelevance().fit(X[:25], Y[:25]).predict_proba(X)
    np.testing.assert_allclose(learner.predict_proba(X), expected)
    assert learner.history_["n_labels"].tolist() == [20, 25, 25, 25, 25]


def test_a_label_told_anew_in_one_batch_holds(data):
    X, Y = data
    nan = np.nan
    learner = ActiveLearner(BinaryRelevance(), random_state=0).fit(X[:20], Y[:20])
    again = [[1, nan, nan, nan], [nan, 0, nan, nan], [0, nan, nan, nan]]
    learner.teach(X[[0, 0, 0]], again, on_repeat="replace")
    assert learner.y_training_[0].tolist() == [0, 0, *Y[0, 2:]]
    assert len(learner.y_training_) == 20
