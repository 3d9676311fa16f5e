"""Strategies for regression: greedy sampling and expected model change."""

import pickle

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, ModelView, Rows
from skal.query import ExpectedModelChange, GreedySampling
from skal.query.functional import greedy_sampling

METHODS = ["GSx", "GSy", "iGS"]


@pytest.fixture
def sloped(rng):
    """A pool whose features differ in scale, and a target with noise."""
    X = rng.normal(size=(300, 4)) * [1, 10, 0.1, 1]
    return X, X @ [1.0, 0.2, 3.0, 0.0] + 0.3 * rng.normal(size=300)


def scaled_ridge():
    return make_pipeline(StandardScaler(), Ridge())


# GreedySampling ------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_greedy_sampling_measures_where_the_model_sees_the_rows(method, sloped):
    """Distances are between embeddings: here after the scaler of the pipeline."""
    X, y = sloped
    model = scaled_ridge().fit(X[:20], y[:20])
    E, predictions = model[:-1].transform(X), model.predict(X)
    chosen, labeled, labels = [], list(E[:20]), list(y[:20])
    for _ in range(8):
        d_x = cdist(E[20:], labeled)
        d_y = np.abs(predictions[20:, np.newaxis] - labels)
        d = {"GSx": d_x, "GSy": d_y, "iGS": d_x * d_y}[method].min(axis=1)
        d[chosen] = -1
        chosen.append(d.argmax())
        labeled.append(E[20:][chosen[-1]])
        labels.append(predictions[20:][chosen[-1]])
    picked = GreedySampling(method)(ModelView(model, X[:20], y[:20]), X[20:], 8)
    np.testing.assert_array_equal(picked, chosen)


@pytest.mark.parametrize("method", METHODS)
def test_greedy_sampling_in_a_learner_is_one_pick_after_another(method, sloped):
    """With batches of one, the labels of earlier picks are real ones."""
    X, y = sloped
    learner = ActiveLearner(
        scaled_ridge(),
        GreedySampling(method),
        n_labels=14,
        n_initial=8,
        batch_size=1,
        random_state=0,
    ).fit(X, y)
    order = np.concatenate(learner.history_["indices"])
    for n in range(8, 14):
        known, left = order[:n], np.delete(np.arange(300), order[:n])
        model = scaled_ridge().fit(X[known], y[known])
        E = model[:-1].transform(X).astype(np.float32)
        expected = greedy_sampling(
            E[left],
            1,
            predictions=model.predict(X[left]),
            labeled=E[known],
            y_labeled=y[known],
            method=method,
        )
        assert order[n] == left[expected[0]]


def test_gsx_can_start_from_nothing(sloped):
    X, y = sloped
    learner = ActiveLearner(
        scaled_ridge(),
        "greedy_sampling",
        initial=GreedySampling("GSx"),
        n_labels=9,
        n_initial=6,
        batch_size=3,
        random_state=0,
    ).fit(X, y)
    E = StandardScaler().fit_transform(X)
    first = learner.history_["indices"][0]
    assert first[0] == np.linalg.norm(E - E.mean(axis=0), axis=1).argmin()
    expected = greedy_sampling(E.astype(np.float32), 6, method="GSx")
    np.testing.assert_array_equal(first, expected)
    assert len(np.unique(np.concatenate(learner.history_["indices"]))) == 9


def test_gsx_serves_classifiers(blobs):
    X, y = blobs
    model = RandomForestClassifier(3, random_state=0).fit(X[:10], y[:10])
    view = ModelView(model, X[:10], y[:10])
    picked = GreedySampling("GSx")(view, X[10:], 1)
    assert picked[0] == cdist(X[10:], X[:10]).min(axis=1).argmax()


@pytest.mark.parametrize("method", METHODS)
def test_greedy_sampling_takes_several_outputs_and_sparse_rows(method, rng):
    import scipy.sparse as sp

    X = sp.csr_array(rng.random((200, 30)) * (rng.random((200, 30)) < 0.3))
    Y = rng.normal(size=(200, 2))
    model = Ridge().fit(X[:40], Y[:40])
    view = ModelView(model, X[:40], Y[:40])
    picked = GreedySampling(method)(view, Rows(X).take(np.arange(40, 200)), 12)
    expected = greedy_sampling(
        X[40:].toarray(),
        12,
        predictions=model.predict(X[40:]),
        labeled=X[:40].toarray(),
        y_labeled=Y[:40],
        method=method,
    )
    np.testing.assert_array_equal(picked, expected)


@pytest.mark.parametrize("method", ["GSy", "iGS"])
def test_greedy_sampling_of_targets_needs_a_regressor_and_labels(method, blobs):
    X, y = blobs
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match="GreedySampling needs a regressor, got R"):
        GreedySampling(method)(ModelView(forest, X, y), X)
    ridge = Ridge().fit(X, y + 0.5)
    with pytest.raises(TypeError, match=r"GreedySampling needs labels.*Label some"):
        GreedySampling(method)(ridge, X)


def test_needs_follow_the_method():
    assert GreedySampling("GSx").needs == {"embed"}
    assert GreedySampling("GSy").needs == {"labels"}
    assert GreedySampling().needs == {"embed", "labels"}
    with pytest.raises(ValueError, match=r"method must be one of 'GSx'.*got 'gsx'"):
        _ = GreedySampling("gsx").needs


# ExpectedModelChange -------------------------------------------------------------


def view_of(model, X, y, seed=0):
    return ModelView(model.fit(X, y), X, y, random_state=seed)


def test_members_that_cannot_differ_expect_no_change(sloped):
    X, _ = sloped
    scores = ExpectedModelChange().score_samples(
        view_of(LinearRegression(), X, np.full(300, 2.0)), X
    )
    np.testing.assert_allclose(scores, 0, atol=1e-9)
    one_label = view_of(Ridge(), X[:1], np.ones(1))
    np.testing.assert_allclose(ExpectedModelChange().score_samples(one_label, X), 0)


@pytest.mark.long
def test_the_spread_of_bootstrap_means_is_the_standard_error(rng):
    """Of a model that answers the mean, the members differ by y's standard error."""
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    view = view_of(DummyRegressor(), X, y)
    scores = ExpectedModelChange(n_members=2000).score_samples(view, X)
    length = np.sqrt((X**2).sum(axis=1) + 1)
    np.testing.assert_allclose(scores / scores[0], length / length[0], rtol=1e-5)
    error = np.sqrt(2 / np.pi) * y.std() / np.sqrt(100)
    np.testing.assert_allclose(scores / length, error, rtol=0.1)


def test_expected_change_follows_the_units_of_the_target(sloped):
    X, y = sloped
    scores = [
        ExpectedModelChange().score_samples(view_of(LinearRegression(), X, c * y), X)
        for c in (1, 100)
    ]
    np.testing.assert_allclose(scores[1], 100 * scores[0])


def test_members_are_fitted_to_bootstraps_of_the_labels(sloped):
    X, y = sloped
    Recorder.seen = []
    view = view_of(Recorder(), X[:50], y[:50])
    ExpectedModelChange(n_members=5).score_samples(view, X)
    whole, *bootstraps = Recorder.seen
    assert len(bootstraps) == 5
    labels = dict(zip(X[:50, 0], y[:50], strict=True))
    for X_seen, y_seen in bootstraps:
        assert X_seen.shape == whole[0].shape
        assert [labels[x] for x in X_seen[:, 0]] == y_seen.tolist()
        assert 20 < len(np.unique(y_seen)) < 45  # 63 % of 50, ± 6 deviations
    assert len({y_seen.tobytes() for _, y_seen in bootstraps}) == 5


class Recorder(RegressorMixin, BaseEstimator):
    seen = []  # noqa: RUF012

    def fit(self, X, y):
        self.seen.append((X, y))
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_the_scores_of_a_query_can_be_repeated(sloped):
    """The forest has no seed of its own; its members get theirs from the view."""
    X, y = sloped
    forest = RandomForestRegressor(3, random_state=0).fit(X[:40], y[:40])
    before = pickle.dumps(forest.set_params(random_state=None))
    scores = [
        ExpectedModelChange().score_samples(
            ModelView(forest, X[:40], y[:40], random_state=seed), X
        )
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])
    assert pickle.dumps(forest) == before


def test_expected_model_change_runs_in_a_learner(sloped):
    X, y = sloped
    learner = ActiveLearner(
        scaled_ridge(), "expected_model_change", n_labels=30, random_state=0
    ).fit(X, y)
    assert len(np.unique(np.concatenate(learner.history_["indices"]))) == 30
    scores = learner.score_pool(X)
    np.testing.assert_array_equal(scores, learner.score_pool(X))
    picked, _ = learner.query(X, 7)
    np.testing.assert_array_equal(picked, np.argsort(-scores)[:7])


def test_rows_are_scored_in_chunks_as_in_one_piece(rng):
    X = rng.normal(size=(30_000, 40))
    y = X[:60] @ rng.normal(size=40)
    view = view_of(Ridge(), X[:60], y)
    scores = ExpectedModelChange().score_samples(view, X)
    some = np.sort(rng.permutation(30_000)[:50])
    part = ExpectedModelChange().score_samples(view, Rows(X).take(some))
    np.testing.assert_allclose(scores[some], part, rtol=1e-5)


def test_expected_model_change_says_what_it_needs(blobs):
    X, y = blobs
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match="ExpectedModelChange needs a regressor"):
        ExpectedModelChange()(ModelView(forest, X, y), X)
    with pytest.raises(TypeError, match="ExpectedModelChange needs labels"):
        ExpectedModelChange()(Ridge().fit(X, y + 0.5), X)
    view = view_of(Ridge(), X, y + 0.5)
    with pytest.raises(ValueError, match="n_members must be at least 1, got 0"):
        ExpectedModelChange(n_members=0)(view, X)
