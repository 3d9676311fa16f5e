"""Labels that an estimator cannot be fitted on, for there are too few: what goes on."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.svm import LinearSVC

from skal import ActiveLearner

pytestmark = [  # scikit-learn's, about folds
    pytest.mark.filterwarnings("ignore:The least populated class"),
    pytest.mark.filterwarnings("ignore:Number of classes in training fold"),
]

SEVERAL = [
    MultiOutputClassifier(LogisticRegression()),
    ClassifierChain(LogisticRegression()),
]


@pytest.fixture(scope="module")
def three_labels():
    """Return X, Y: each of three labels follows a feature; few rows have the second."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 3))
    return X, (X + 0.3 * rng.normal(size=X.shape) > [0, 1.5, 0]).astype(int)


@pytest.mark.parametrize("estimator", SEVERAL, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("value", [0, 1])
def test_a_label_that_does_not_vary_is_predicted_as_it_is(
    three_labels, estimator, value
):
    """scikit-learn's error of one class ended the fit."""
    X, Y = three_labels
    Y = Y.copy()
    Y[:, 1] = value
    learner = ActiveLearner(estimator, store_estimators=True, random_state=0).fit(X, Y)
    alone = type(estimator)(LogisticRegression()).fit(X, Y[:, [0, 2]])
    predicted = learner.predict(X)
    np.testing.assert_array_equal(predicted[:, [0, 2]], alone.predict(X))
    np.testing.assert_array_equal(predicted[:, 1], value)
    proba = learner.predict_proba(X)
    assert proba.shape == (60, 3)
    np.testing.assert_array_equal(proba[:, 1], value)
    assert np.all((proba[:, 0] > 0.5) == predicted[:, 0])
    view = learner.__skal_view__()
    np.testing.assert_array_equal(view.predict_proba(X), proba)
    np.testing.assert_array_equal(view.predict(X), predicted)
    assert learner.score(X, Y) == accuracy_score(Y, predicted) < 1
    assert [*learner.staged_score(X, Y)] == [learner.score(X, Y)]
    np.testing.assert_array_equal(next(learner.staged_predict(X)), predicted)
    np.testing.assert_array_equal(next(learner.staged_predict_proba(X)), proba)
    if hasattr(estimator, "decision_function"):
        decision = learner.decision_function(X)
        assert np.all((decision[:, 1] > decision[:, 0]) == value)
    learner.teach(X[:1], [[1, 1 - value, 1]])  # now it varies
    assert len(learner.estimator_.classes_) == 3
    assert learner.predict_proba(X[:1])[0, 1] not in (0, 1)


@pytest.mark.parametrize("estimator", SEVERAL, ids=lambda e: type(e).__name__)
def test_first_rows_with_the_same_labels_are_followed_by_others(estimator):
    """Live as in a simulation, of which the fit failed."""
    rng = np.random.RandomState(1)
    X = rng.normal(size=(30, 2))
    Y = np.zeros((30, 2), int)
    Y[4::5, 0] = Y[5::7, 1] = 1
    options = {"n_initial": 3, "batch_size": 2, "random_state": 3}
    simulated = ActiveLearner(estimator, n_labels=12, **options).fit(X, Y)
    first = simulated.history_["indices"][0]
    assert len(first) > 3
    assert Y[first].any(axis=1).tolist() == [False] * (len(first) - 1) + [True]
    live, left = ActiveLearner(estimator, **options), np.ones(30, bool)
    asked = []
    while len(asked) < 12:
        indices, _ = live.query(X, candidates=left)
        live.teach(X[indices], Y[indices])
        left[indices] = False
        asked += indices.tolist()
    assert simulated.X_training_.tolist()[: len(asked)] == X[asked[:12]].tolist()
    assert simulated.n_iter_ == live.n_iter_


def test_all_labels_alike_to_the_end_say_so():
    X = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match=r"do not vary: each row has \[0, 1\]"):
        ActiveLearner(SEVERAL[0], n_labels=4).fit(X, np.tile([0, 1], (8, 1)))


# rare classes ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rare():
    """Return X, y: two classes, of which one has few rows."""
    y = np.array(["common"] * 45 + ["rare"] * 15)
    X = np.random.RandomState(0).normal(size=(60, 2)) + 2 * (y == "rare")[:, None]
    order = np.random.RandomState(1).permutation(60)
    return X[order], y[order]


def test_first_labels_with_too_few_of_a_class_are_followed_by_more(rare):
    """A calibrated SVM raised the error of one class, in codes; labels were lost."""
    X, y = rare
    calibrated = CalibratedClassifierCV(LinearSVC())
    few = np.append(np.flatnonzero(y == "common")[:6], np.flatnonzero(y == "rare")[0])
    learner = ActiveLearner(calibrated, random_state=0)
    with pytest.warns(UserWarning, match=r"of 7 there are 6 of 'common', 1 of 'rare'"):
        learner.teach(X[few], y[few])
    assert learner.y_training_.tolist() == y[few].tolist()
    left = np.setdiff1d(np.arange(60), few)
    (again,), _ = learner.query(X, candidates=left)
    assert again in left
    more = np.flatnonzero(y == "rare")[1:3]
    learner.teach(X[more], y[more])
    assert learner.predict_proba(X).shape == (60, 2)
    assert learner.history_["n_labels"].tolist() == [9]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:There is no model yet")
def test_a_simulation_goes_on_past_rare_classes_as_a_live_loop_does(rare):
    X, y = rare
    calibrated = CalibratedClassifierCV(LinearSVC())
    options = {"n_initial": 3, "batch_size": 4, "random_state": 2}
    simulated = ActiveLearner(calibrated, n_labels=16, **options).fit(X, y)
    assert len(simulated.history_["indices"][0]) > 3
    live, left = ActiveLearner(calibrated, **options), np.ones(60, bool)
    while len(vars(live).get("y_training_", ())) < 16:
        indices, _ = live.query(X, candidates=left)
        live.teach(X[indices], y[indices])
        left[indices] = False
    np.testing.assert_array_equal(live.X_training_[:16], simulated.X_training_)


def test_a_class_that_is_too_rare_later_on_is_named(rare):
    X, y = rare
    calibrated = CalibratedClassifierCV(LinearSVC(), ensemble=False)
    learner = ActiveLearner(calibrated, random_state=0).fit(X[:30], y[:30])
    before = learner.predict_proba(X)
    with pytest.raises(ValueError, match=r"of 31 there are .*1 of 'third'.*cv="):
        learner.teach(X[30:31], ["third"])
    np.testing.assert_array_equal(learner.predict_proba(X), before)
