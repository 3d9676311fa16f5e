"""Features are ranks and ratios: nothing in them depends on units, order or size."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from skal import ModelView
from skal._data import as_rows
from skal.learned import CANDIDATE_FEATURES, STATE_FEATURES, pool_features, random_task
from skal.learned._features import PoolFeatures
from skal.learned._ranks import Ranks, rounded
from skal.query import Margin, UHerding


def seen(seed=0, n_labels=30, n_pool=200, times=1.0):
    """Return a view that knows some rows of a task, and other rows."""
    X, y = random_task(seed)
    X = X * times
    known, pool = np.split(np.arange(n_labels + n_pool), [n_labels])
    model = LogisticRegression(max_iter=1000).fit(X[known] / times, y[known])
    model.coef_ = model.coef_ / times  # the same model, in other units
    return ModelView(model, X[known], y[known], random_state=0), X[pool]


def column(candidates, name):
    return candidates[:, CANDIDATE_FEATURES.index(name)]


def test_the_names_are_as_many_as_the_numbers():
    candidates, state = pool_features(*seen())
    assert candidates.shape == (200, len(CANDIDATE_FEATURES))
    assert state.shape == (len(STATE_FEATURES),)
    assert np.isfinite(candidates).all()
    assert candidates.min() >= 0
    assert candidates.max() <= 4


def test_ranks_count_half_of_the_equals():
    values = np.array([3.0, 1.0, 1.0, 7.0])
    np.testing.assert_allclose(Ranks(values)(values), [0.625, 0.25, 0.25, 0.875])


@pytest.mark.parametrize("n", [1, 2, 511, 512, 513, 5000])
@pytest.mark.parametrize("digits", [0, 8])
def test_the_ranks_of_the_pool_are_those_of_its_numbers(n, digits):
    values = np.random.RandomState(n).exponential(size=n).round(digits)
    ranks = Ranks(values)
    np.testing.assert_array_equal(ranks.of_pool, ranks(values))


def test_ranks_of_a_large_pool_stay_close():
    values = np.random.RandomState(0).normal(size=20_000).astype(np.float32)
    exact = (np.argsort(np.argsort(values)) + 0.5) / len(values)
    assert np.abs(Ranks(values)(values) - exact).max() < 0.002


def test_what_rounding_leaves_is_within_a_part_in_four_thousand():
    values = np.random.RandomState(0).exponential(size=1000).astype(np.float32)
    off = np.abs(rounded(values) - values) / values
    assert 0 < off.max() <= 2**-12
    close = rounded(values * np.float32(1 + 1e-7)) == rounded(values)
    assert close.mean() > 0.99
    assert rounded(np.zeros(2)).tolist() == [0, 0]


def test_doubt_follows_margin():
    view, X = seen()
    candidates, _ = pool_features(view, X)
    scores = Margin().score_samples(view, X)
    assert column(candidates, "doubt").argmax() == scores.argmax()
    np.testing.assert_allclose(column(candidates, "doubt"), 1 + scores, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_gain_is_that_of_uherding_pick_for_pick(seed):
    view, X = seen(seed)
    expected = UHerding(scale="auto")(view, X, 4, random_state=0)
    features = PoolFeatures(view, as_rows(X), np.random.RandomState(0))
    candidates = features.candidates()
    features.keep(np.arange(len(X)))
    picks = []
    for _ in range(4):
        picks.append(int(column(candidates, "gain").argmax()))
        candidates = features.add(picks[-1])
    assert picks == expected.tolist()


def test_distance_and_class_are_those_of_the_nearest_labelled_row():
    view, X = seen()
    candidates, _ = pool_features(view, X)
    far = np.linalg.norm(X[:, np.newaxis] - view.X_training, axis=2)  # (n, m)
    other = view.y_training[far.argmin(axis=1)] != view.estimator.predict(X)
    np.testing.assert_array_equal(column(candidates, "disagrees"), other)
    nearest = far.min(axis=1)
    expected = np.minimum(nearest / np.median(nearest), 4)
    np.testing.assert_allclose(column(candidates, "distance"), expected, rtol=1e-3)


def test_class_share_counts_the_labels_of_the_predicted_class():
    view, X = seen()
    candidates, state = pool_features(view, X)
    names, counts = np.unique(view.y_training, return_counts=True)
    share = dict(zip(names, counts / counts.mean(), strict=True))
    expected = [share[label] for label in view.estimator.predict(X)]
    np.testing.assert_allclose(column(candidates, "class_share"), expected, rtol=1e-6)
    assert state[0] == np.float32(np.log(30 / len(names)))
    assert state[-1] == np.float32(1 / len(names))


def test_units_do_not_matter():
    one, other = (pool_features(*seen(times=times)) for times in (1.0, 1000.0))
    np.testing.assert_allclose(one[0], other[0], atol=0.02)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-4)


def test_the_order_of_the_rows_does_not_matter():
    view, X = seen()
    order = np.random.RandomState(0).permutation(len(X))
    candidates, state = pool_features(view, X)
    shuffled, same = pool_features(view, X[order])
    np.testing.assert_allclose(shuffled, candidates[order], atol=1e-3)
    np.testing.assert_allclose(same, state, rtol=1e-5)


def test_equal_rows_have_equal_features():
    """Rounding noise between copies once set the width of a kernel."""
    view, X = seen()
    kinds = np.random.RandomState(0).permutation(np.repeat([0, 1, 2], 8))
    candidates, _ = pool_features(view, X[kinds])
    for kind in range(3):
        assert len(np.unique(candidates[kinds == kind], axis=0)) == 1


def test_a_pool_of_one_row_and_labels_of_one_class():
    X = np.arange(6.0).reshape(3, 2)

    class Sure(LogisticRegression):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            return np.ones((len(X), 1))

    model = Sure().fit(X[:2], np.array([1, 1]))
    candidates, state = pool_features(ModelView(model, X[:2], np.array([1, 1])), X[2:])
    assert np.isfinite(candidates).all()
    assert np.isfinite(state).all()
    assert column(candidates, "doubt").tolist() == [0]


@pytest.mark.parametrize("times", [1e-19, 1e-20, 1e-21, 1e-22])
def test_units_may_be_tiny(times):
    """The scale of a kernel overflowed where squares of distances are denormal."""
    X, y = random_task(0)
    X, y, pool = (X * times)[:30], y[:30], (X * times)[30:130]
    view = ModelView(Even().fit(X, y), X, y, random_state=0)
    candidates, _ = pool_features(view, pool)
    assert np.isfinite(candidates).all()
    features = PoolFeatures(view, as_rows(pool), np.random.RandomState(0))
    features.keep(np.arange(100))
    assert np.isfinite(features.add(7)).all()


class Even(LogisticRegression):
    """Finds all classes as likely."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        n_classes = len(self.classes_)
        return np.full((len(X), n_classes), 1 / n_classes)


def test_labels_must_be_known():
    """The error once said that "type" needs labels."""
    view, X = seen()
    with pytest.raises(TypeError, match=r"This query needs labels.*Label some rows"):
        pool_features(ModelView(view.estimator), X)


@pytest.mark.parametrize(
    ("model", "y", "match"),
    [
        (
            LinearSVC(random_state=0),
            [0, 1] * 3,
            r"needs class probabilities.*LinearSVC",
        ),
        (Ridge(), np.arange(6.0), r"one label a row, got Ridge of a regression"),
        (
            MultiOutputClassifier(LogisticRegression()),
            [[0, 1], [1, 0]] * 3,
            "one label a row, got MultiOutputClassifier of a multilabel",
        ),
    ],
)
def test_models_without_probabilities_of_classes_are_refused(model, y, match):
    """They failed on the way, on a missing attribute or on shapes."""
    X, y = np.arange(12.0).reshape(6, 2), np.asarray(y)
    with pytest.raises(TypeError, match=match):
        pool_features(ModelView(model.fit(X, y), X, y), X)
