"""Calibration: honest probabilities, and an estimator like any other."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    LeaveOneOut,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearner, ModelView
from skal.calibration import TemperatureScaling, at_temperature
from skal.metrics import expected_calibration_error
from skal.query import Margin, VoteEntropy


@parametrize_with_checks(
    [
        TemperatureScaling(),
        TemperatureScaling(RandomForestClassifier(5, random_state=0), cv=3),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


class KnownLogits(ClassifierMixin, BaseEstimator):
    """A classifier whose logits are its input."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return softmax(np.asarray(X, dtype=float), axis=1)

    def predict(self, X):
        return self.classes_[np.argmax(X, axis=1)]


def sharpened(n, temperature, n_classes=4, seed=0):
    """Return logits that are ``temperature`` times too large, and labels."""
    rng = np.random.RandomState(seed)
    logits = rng.normal(0, 2, (n, n_classes))
    proba = softmax(logits, axis=1)
    y = np.array([rng.choice(n_classes, p=row) for row in proba])
    return logits * temperature, y


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature):
    X, y = sharpened(4000, temperature)
    model = TemperatureScaling(KnownLogits()).fit(X, y)
    assert model.temperature_ == pytest.approx(temperature, rel=0.06)
    honest = softmax(X / model.temperature_, axis=1)
    np.testing.assert_allclose(model.predict_proba(X), honest, atol=1e-3)
    assert expected_calibration_error(y, model.predict_proba(X)) < 0.02


def test_the_temperature_is_the_likeliest_of_many():
    X, y = sharpened(300, 2.5)
    model = TemperatureScaling(FrozenEstimator(KnownLogits().fit(X, y))).fit(X, y)
    grid = np.exp(np.linspace(-2, 2, 4001))
    rows = np.arange(len(y))
    loss = [
        -log_softmax(X / t, axis=1)[rows, y].sum() + np.log(t) ** 2 / 2 for t in grid
    ]
    assert model.temperature_ == pytest.approx(grid[np.argmin(loss)], rel=2e-3)


def test_it_agrees_with_scikit_learn_where_that_serves(digits):
    X, X_test, y, y_test = digits
    model, cv = GaussianNB(var_smoothing=0.1), StratifiedKFold(5)
    ours = TemperatureScaling(model, cv=cv).fit(X, y)
    theirs = CalibratedClassifierCV(
        model, method="temperature", cv=cv, ensemble=False
    ).fit(X, y)
    # They keep no prior.
    beta = theirs.calibrated_classifiers_[0].calibrators[0].beta_
    assert ours.temperature_ == pytest.approx(1 / beta, rel=0.01)
    assert log_loss(y_test, ours.predict_proba(X_test)) == pytest.approx(
        log_loss(y_test, theirs.predict_proba(X_test)), rel=0.01
    )


def test_the_rows_are_those_left_out(digits):
    """An estimator that knows its rows by heart must not be judged by them."""
    X, _, y, _ = digits
    X, y = X[:200], y[:200]
    fold = np.arange(200) % 4
    cv = PredefinedSplit(fold)
    tree = RandomForestClassifier(10, random_state=0)
    model = TemperatureScaling(tree, cv=cv).fit(X, y)
    proba = cross_val_predict(tree, X, y, cv=cv, method="predict_proba")
    expected = TemperatureScaling(FrozenEstimator(Recall(proba).fit(X, y))).fit(X, y)
    assert model.temperature_ == pytest.approx(expected.temperature_)
    memory = TemperatureScaling(FrozenEstimator(clone(tree).fit(X, y))).fit(X, y)
    assert memory.temperature_ < model.temperature_ / 2


class Recall(ClassifierMixin, BaseEstimator):
    """Says what it was told to, whatever the rows."""

    def __init__(self, proba=None):
        self.proba = proba

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return self.proba


def test_it_makes_naive_bayes_honest(digits):
    X, X_test, y, y_test = digits
    plain = GaussianNB(var_smoothing=1e-3).fit(X, y)
    model = TemperatureScaling(plain).fit(X, y)
    before, after = plain.predict_proba(X_test), model.predict_proba(X_test)
    assert model.temperature_ > 1.5
    assert log_loss(y_test, after) < 0.8 * log_loss(y_test, before)
    eces = [expected_calibration_error(y_test, proba) for proba in (before, after)]
    assert eces[1] < 0.5 * eces[0]
    np.testing.assert_array_equal(model.predict(X_test), plain.predict(X_test))
    ascending = np.argsort(before, axis=1)
    assert (np.diff(np.take_along_axis(after, ascending, axis=1)) >= 0).all()


# Few rows ----------------------------------------------------------------------


def test_classes_of_one_row_do_no_harm(digits):
    X, X_test, y, _ = digits
    rows = np.concatenate([np.flatnonzero(y < 5)[:40], [np.flatnonzero(y == 9)[0]]])
    model = TemperatureScaling(GaussianNB(var_smoothing=0.1)).fit(X[rows], y[rows])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2, 3, 4, 9])
    assert model.predict_proba(X_test).shape == (540, 6)
    alone = TemperatureScaling(GaussianNB(var_smoothing=0.1)).fit(
        X[rows[:-1]], y[rows[:-1]]
    )
    assert model.temperature_ == pytest.approx(alone.temperature_, rel=0.2)


def test_one_row_a_class_changes_nothing(digits):
    X, X_test, y, _ = digits
    rows = [np.flatnonzero(y == c)[0] for c in range(10)]
    model = TemperatureScaling(LogisticRegression()).fit(X[rows], y[rows])
    assert model.temperature_ == 1
    np.testing.assert_allclose(
        model.predict_proba(X_test), model.estimator_.predict_proba(X_test), atol=1e-12
    )


def test_two_classes_of_which_one_is_rare(blobs):
    X, y = blobs
    rows = np.concatenate([np.flatnonzero(y == 0)[:9], np.flatnonzero(y == 1)[:1]])
    model = TemperatureScaling().fit(X[rows], y[rows])
    assert np.isfinite(model.predict_proba(X)).all()
    assert 0.1 < model.temperature_ < 10


@pytest.mark.parametrize("n", [2, 3, 4])
def test_fewer_rows_than_folds(blobs, n):
    X, y = blobs
    rows = np.concatenate([np.flatnonzero(y == 0)[: n - 1], np.flatnonzero(y == 1)[:1]])
    assert np.isfinite(TemperatureScaling().fit(X[rows], y[rows]).temperature_)


def test_rows_that_are_all_right_leave_some_doubt():
    X = np.concatenate([np.full((10, 2), [0.5, 0]), np.full((10, 2), [0, 0.5])])
    y = np.repeat([0, 1], 10)
    model = TemperatureScaling(KnownLogits()).fit(X, y)
    assert 0.05 < model.temperature_ < 0.5
    assert 0 < model.predict_proba(X)[0, 1] < 0.1


def test_the_folds_hold_each_class_as_evenly_as_can_be():
    from skal.calibration import _splits

    y = np.array([0] * 7 + [1] * 5 + [2] * 1)[np.random.RandomState(0).permutation(13)]
    splits = _splits(3, None, y, np.ones(len(y), bool))
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(13))
    for train, test in splits:
        assert len(np.intersect1d(train, test)) == 0
        counts = np.bincount(y[test], minlength=3)
        assert 2 <= counts[0] <= 3
        assert 1 <= counts[1] <= 2


# What strategies ask -------------------------------------------------------------


class TinyNet(KnownLogits):
    """Embeds by a fixed map, has a head, and draws samples."""

    def embed(self, X):
        return np.asarray(X, np.float32) * 2

    def head_proba(self, E):
        return softmax(np.asarray(E) / 2, axis=1)

    def sample_proba(self, X, n_samples=None, random_state=None):
        n_samples = 8 if n_samples is None else n_samples
        shift = np.random.RandomState(random_state).normal(size=(n_samples, 1, 4))
        return softmax(np.asarray(X) + shift, axis=-1).astype(np.float32)


def test_head_and_samples_keep_the_temperature():
    X, y = sharpened(400, 3.0)
    model = TemperatureScaling(TinyNet()).fit(X, y)
    assert model.temperature_ > 2
    proba = model.predict_proba(X)
    E = model.embed(X)
    assert E.dtype == np.float32
    np.testing.assert_allclose(E, 2 * X.astype(np.float32))
    np.testing.assert_allclose(model.head_proba(E), proba, atol=1e-5)
    raw = model.estimator_.sample_proba(X, 5, random_state=3)
    draws = model.sample_proba(X, 5, random_state=3)
    assert (draws.shape, draws.dtype) == ((5, 400, 4), np.float32)
    np.testing.assert_allclose(
        draws, at_temperature(raw, model.temperature_), atol=1e-6
    )
    np.testing.assert_allclose(draws.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(
        draws[:, 7:30], model.sample_proba(X[7:30], 5, random_state=3)
    )
    assert model.sample_proba(X).shape == (8, 400, 4)


def test_any_classifier_embeds_and_has_a_head(digits):
    X, X_test, y, _ = digits
    model = TemperatureScaling(LogisticRegression(), cv=3).fit(X[:200], y[:200])
    proba = model.head_proba(model.embed(X_test))
    np.testing.assert_allclose(proba, model.predict_proba(X_test), atol=1e-5)
    assert not hasattr(model, "sample_proba")
    piped = make_pipeline(StandardScaler(), LogisticRegression())
    model = TemperatureScaling(piped, cv=3).fit(X[:200], y[:200])
    proba = model.head_proba(model.embed(X_test))
    np.testing.assert_allclose(proba, model.predict_proba(X_test), atol=1e-5)


def test_a_view_finds_all_of_it(digits):
    X, X_test, y, _ = digits
    forest = RandomForestClassifier(7, random_state=0)
    model = TemperatureScaling(forest, cv=3).fit(X[:200], y[:200])
    view = ModelView(make_pipeline(StandardScaler(), model).fit(X[:200], y[:200]))
    samples = view.sample_proba(X_test[:20])
    assert samples.shape == (7, 20, 10)
    proba = view.head_proba(view.embed(X_test[:20]))
    np.testing.assert_allclose(proba, view.predict_proba(X_test[:20]), atol=1e-5)


@pytest.mark.parametrize("strategy", [Margin(), VoteEntropy()])
def test_it_serves_in_a_learner(digits, strategy):
    X, X_test, y, y_test = digits
    learner = ActiveLearner(
        TemperatureScaling(RandomForestClassifier(10), cv=3),
        strategy,
        n_labels=40,
        n_initial=20,
        random_state=0,
    ).fit(X, y)
    assert learner.score(X_test, y_test) > 0.4
    again = clone(learner).fit(X, y)
    assert again.estimator_.temperature_ == learner.estimator_.temperature_


def test_at_temperature():
    proba = np.array([[0.8, 0.2], [0.5, 0.5], [1.0, 0.0]])
    np.testing.assert_allclose(at_temperature(proba, 1), proba, atol=2e-12)
    np.testing.assert_allclose(at_temperature(proba, 2)[0], [2 / 3, 1 / 3])
    np.testing.assert_allclose(at_temperature(proba, 0.5)[0], [16 / 17, 1 / 17])
    assert np.isfinite(at_temperature(proba.astype(np.float32), 0.01)).all()
    assert at_temperature(proba.astype(np.float32), 3).dtype == np.float32
    proba.setflags(write=False)
    at_temperature(proba, 2)


# Inputs --------------------------------------------------------------------------


def test_frozen_estimators_are_taken_as_they_are(digits):
    X, X_test, y, _ = digits
    names = np.array(list("abcdefghij"))[y]
    inside = GaussianNB(var_smoothing=1e-3).fit(X[:800], names[:800])
    rows = np.flatnonzero(y[800:] < 6) + 800  # labels of a part of the classes
    model = TemperatureScaling(FrozenEstimator(inside)).fit(X[rows], names[rows])
    assert model.estimator_.estimator is inside
    np.testing.assert_array_equal(model.classes_, inside.classes_)
    assert model.temperature_ > 1.5
    assert model.predict_proba(X_test).shape == (540, 10)
    with pytest.raises(ValueError, match=r"labels that the frozen .* 'z'"):
        model.fit(X[:2], ["a", "z"])


def test_labels_may_be_words_and_rows_a_frame(digits):
    X, X_test, y, _ = digits
    names = np.array([f"digit {i}" for i in range(10)])
    frame = pd.DataFrame(X).add_prefix("pixel ")
    numbers = TemperatureScaling(GaussianNB(var_smoothing=0.1)).fit(X, y)
    model = TemperatureScaling(GaussianNB(var_smoothing=0.1)).fit(frame, names[y])
    assert model.temperature_ == pytest.approx(numbers.temperature_)
    np.testing.assert_array_equal(model.feature_names_in_, frame.columns)
    test = pd.DataFrame(X_test, columns=frame.columns)
    np.testing.assert_array_equal(model.predict(test), names[numbers.predict(X_test)])


def test_rows_may_be_texts_or_sparse(digits):
    texts = ["good day", "bad day", "good night", "bad night", "so good", "so bad"] * 4
    y = ["+", "-"] * 12
    words = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model = TemperatureScaling(words).fit(texts, y)
    assert model.predict(["good"]) == ["+"]
    assert model.temperature_ < 1
    X = sp.csr_matrix(digits[0][:100])
    assert TemperatureScaling(cv=2).fit(X, digits[2][:100]).n_features_in_ == 64


def test_clones_pickles_and_searches(digits):
    X, X_test, y, _ = digits
    X, y = X[:150], y[:150]
    model = TemperatureScaling(GaussianNB(), cv=3).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.predict_proba(X_test), model.predict_proba(X_test)
    )
    assert not hasattr(clone(model), "temperature_")
    grid = {"estimator__var_smoothing": [1e-9, 0.1], "cv": [2, 3]}
    search = GridSearchCV(TemperatureScaling(GaussianNB()), grid, cv=2).fit(X, y)
    assert search.best_params_["estimator__var_smoothing"] == 0.1


def test_weights_count_in_the_fits_and_in_the_likelihood():
    X, y = sharpened(300, 2.0)
    weight = np.random.RandomState(0).randint(0, 3, 300)
    frozen = FrozenEstimator(KnownLogits().fit(X, y))
    weighted = TemperatureScaling(frozen).fit(X, y, sample_weight=weight)
    repeated = TemperatureScaling(frozen).fit(
        np.repeat(X, weight, axis=0), np.repeat(y, weight)
    )
    assert weighted.temperature_ == pytest.approx(repeated.temperature_)
    fold = np.arange(300) % 3
    model = LogisticRegression()
    weighted = TemperatureScaling(model, cv=PredefinedSplit(fold))
    weighted.fit(X, y, sample_weight=weight)
    repeated = TemperatureScaling(model, cv=PredefinedSplit(np.repeat(fold, weight)))
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert weighted.temperature_ == pytest.approx(repeated.temperature_, rel=1e-3)


def three_classes():
    return make_classification(60, n_informative=4, n_classes=3, random_state=0)


@pytest.mark.parametrize("cv", [2, StratifiedKFold(2)])
def test_a_class_of_no_weight_may_be_absent_from_a_network(cv):
    """Its labels were looked up among classes without it: an IndexError."""
    from skal.nets import MLPNetClassifier

    X, y = three_classes()
    net = MLPNetClassifier(hidden=(8,), max_steps=20, random_state=0)
    model = TemperatureScaling(net, cv=cv).fit(X, y, sample_weight=(y < 2) * 1.0)
    np.testing.assert_array_equal(model.classes_, [0, 1])
    if cv == 2:
        absent = TemperatureScaling(net, cv=2).fit(X[y < 2], y[y < 2])
        assert model.temperature_ == pytest.approx(absent.temperature_, rel=1e-4)


def test_rows_of_no_weight_are_dealt_to_no_fold():
    """They were, so that the folds of the other rows came out uneven."""
    X, y = three_classes()
    known = LogisticRegression().fit(X, y)
    weight = np.where(np.arange(60) % 3, 1.0, 0.0)
    weighted = TemperatureScaling(known, cv=4).fit(X, y, sample_weight=weight)
    rows = np.flatnonzero(weight)
    absent = TemperatureScaling(known, cv=4).fit(X[rows], y[rows])
    assert weighted.temperature_ == pytest.approx(absent.temperature_, rel=1e-3)
    y[weight == 0] = 3  # a label that nobody knows
    frozen = TemperatureScaling(FrozenEstimator(known))
    assert frozen.fit(X, y, sample_weight=weight).temperature_ > 0


def test_weights_for_a_step_of_a_pipeline_count_in_the_likelihood():
    """They only counted in the fits."""
    X, y = three_classes()
    weight = np.linspace(0, 3, 60)
    inside = make_pipeline(StandardScaler(), LogisticRegression())
    model = TemperatureScaling(inside)
    given = model.fit(X, y, logisticregression__sample_weight=weight).temperature_
    with sklearn.config_context(enable_metadata_routing=True):
        inside[0].set_fit_request(sample_weight=False)
        inside[1].set_fit_request(sample_weight=True)
        routed = model.fit(X, y, sample_weight=weight).temperature_
    assert given == routed != model.fit(X, y).temperature_


def test_as_many_weights_as_rows():
    X, y = three_classes()
    with pytest.raises(
        ValueError, match="a weight for each of the 60 rows of X, got shape"
    ):
        TemperatureScaling().fit(X, y, sample_weight=np.ones(59))
    number = TemperatureScaling().fit(X, y, sample_weight=2.0)
    assert number.temperature_ > 0


def test_weights_are_routed_as_they_are_requested():
    X, y = sharpened(60, 2.0)
    weight = np.linspace(0, 3, 60)
    expected = TemperatureScaling().fit(X, y, sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        inside = LogisticRegression().set_fit_request(sample_weight=True)
        model = TemperatureScaling(inside).fit(X, y, sample_weight=weight)
    assert model.temperature_ == expected.temperature_


def test_other_ways_to_split():
    X, y = make_classification(40, random_state=0)
    pairs = [(np.arange(20), np.arange(20, 40))]
    half = TemperatureScaling(cv=pairs).fit(X, y)
    by_hand = LogisticRegression().fit(X[:20], y[:20])
    expected = TemperatureScaling(FrozenEstimator(by_hand)).fit(X[20:], y[20:])
    assert half.temperature_ == pytest.approx(expected.temperature_)
    TemperatureScaling(cv=LeaveOneOut()).fit(X, y)
    with joblib.parallel_config("threading"):
        parallel = TemperatureScaling(cv=4, n_jobs=2).fit(X, y)
    assert parallel.temperature_ == TemperatureScaling(cv=4).fit(X, y).temperature_


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"estimator": LinearSVC()},
            TypeError,
            "estimator must be a classifier .* Lin",
        ),
        ({"estimator": Ridge()}, TypeError, "predict_proba, got Ridge. Use a prob"),
        ({"cv": 1}, ValueError, "cv must be at least 2, got 1"),
        ({"cv": 2.5}, TypeError, "cv must be an integer, got 2.5"),
    ],
)
def test_parameters_are_checked(params, error, message):
    X, y = make_classification(20, random_state=0)
    with pytest.raises(error, match=message):
        TemperatureScaling(**params).fit(X, y)


def test_a_network_may_know_more_classes_than_y_holds():
    """The labels of y were taken for the columns, and the wrong ones predicted."""
    from skal.nets import MLPNetClassifier

    X, y = make_classification(60, random_state=0)
    net = MLPNetClassifier(classes=[0, 1, 2], max_steps=50, random_state=0)
    model = TemperatureScaling(net, cv=2).fit(X, y + 1)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X).shape == (60, 3)
    np.testing.assert_array_equal(model.predict(X), model.estimator_.predict(X))


def test_a_network_keeps_its_head_and_its_draws():
    from skal.datasets import load_digits_images
    from skal.nets import CNNClassifier

    X, y = load_digits_images(return_X_y=True)
    net = CNNClassifier(channels=(8, 16), hidden=16, max_steps=20, random_state=0)
    model = TemperatureScaling(net, cv=2).fit(X[:60], y[:60])
    proba = model.predict_proba(X[60:90])
    head = model.head_proba(model.embed(X[60:90]))
    np.testing.assert_allclose(head, proba, atol=1e-5)
    raw = model.estimator_.predict_proba(X[60:90])
    np.testing.assert_allclose(
        proba, at_temperature(raw, model.temperature_), atol=1e-6
    )
    draws = model.sample_proba(X[60:90], 4, random_state=0)
    again = model.sample_proba(X[70:80], 4, random_state=0)
    assert draws.shape == (4, 30, 10)
    np.testing.assert_allclose(draws[:, 10:20], again, atol=1e-5)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X[60:90]), proba)
