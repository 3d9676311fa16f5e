"""LCMD and k-means++ on features: a slow reference, networks, models without any."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import cdist
from sklearn.datasets import make_friedman1
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.nets import MLPNetClassifier, NetRegressor
from skal.query import BADGE, BAIT, LCMD, CoreSet, KMeansPlusPlus
from skal.query.functional import bait, kmeans_plus_plus, lcmd


def plain_lcmd(E, k, labeled):
    """The paper's algorithm, with every distance written out."""
    centres, picked = list(labeled), []
    for _ in range(k):
        squared = cdist(E, np.array(centres), "sqeuclidean")
        which, nearest = squared.argmin(axis=1), squared.min(axis=1)
        largest = np.bincount(which, nearest).argmax()
        picked.append(np.where(which == largest, nearest, -1).argmax())
        centres.append(E[picked[-1]])
    return picked


@pytest.mark.parametrize("d", [1, 3, 40])
@pytest.mark.parametrize("kind", [np.float64, np.float32, "csr"])
def test_the_picks_are_those_of_the_plain_algorithm(d, kind, rng):
    E = rng.normal(size=(400, d)) * rng.exponential(size=(400, 1))
    L = E[:7] + 0.1
    dtype = np.float64 if kind == "csr" else kind
    E, L = E.astype(dtype), L.astype(dtype)
    expected = plain_lcmd(E, 30, L)
    given = (sp.csr_array(E), sp.csr_array(L)) if kind == "csr" else (E, L)
    np.testing.assert_array_equal(lcmd(given[0], 30, labeled=given[1]), expected)


def test_a_large_offset_costs_no_pick(rng):
    E = rng.normal(size=(300, 5))
    expected = plain_lcmd(E, 20, E[:3] + 0.1)
    far = lcmd(E + 1e6, 20, labeled=E[:3] + 0.1 + 1e6)
    np.testing.assert_array_equal(far, expected)


def test_many_rows_count_for_more_than_one_far_row(rng):
    """CoreSet takes the outlier; here the crowd comes first."""
    crowd = rng.normal(5, 1, size=(500, 2))
    E, labeled = np.vstack([crowd, [[-20.0, 0.0]]]), [[-9.0, 0.0], [0.0, 0.0]]
    model = Ridge().fit(labeled, [0.0, 1.0])
    view = ModelView(model, np.array(labeled), [0.0, 1.0])
    assert CoreSet()(view, E, 1)[0] == 500
    assert LCMD()(view, E, 1)[0] != 500


def test_copies_are_picked_last_and_never_twice(rng):
    E = np.repeat(rng.normal(size=(10, 3)), 4, axis=0).astype(np.float32)
    picked = lcmd(E, 40, labeled=E[:1], random_state=0)
    assert sorted(picked) == list(range(40))
    assert len(np.unique(picked[:9] // 4)) == 9
    drawn = {lcmd(np.ones((5, 2)), 1, random_state=seed)[0] for seed in range(40)}
    assert drawn == set(range(5))


def test_from_cold_the_middle_comes_first():
    E = [[0.0], [1.0], [2.0], [9.0]]
    np.testing.assert_array_equal(lcmd(E, 3), [2, 3, 0])
    learner = ActiveLearner(NetRegressor(), initial=LCMD())
    np.testing.assert_array_equal(learner.query(E, n_instances=3)[0], [2, 3, 0])


def test_bad_arrays_are_refused():
    with pytest.raises(PoolExhaustedError, match="at most 2"):
        lcmd([[0.0], [1.0]], 3)
    with pytest.raises(ValueError, match=r"labeled must have the 1 columns"):
        lcmd([[0.0], [1.0]], 1, labeled=[[0.0, 1.0]])
    with pytest.raises(ValueError, match="finite"):
        lcmd([[0.0], [np.nan]], 1)


# Features of a model --------------------------------------------------------------


@pytest.fixture(scope="module")
def friedman():
    X, y = make_friedman1(300, random_state=0)
    net = NetRegressor(module__hidden=(16, 16), max_steps=60, random_state=0)
    return X, y, make_pipeline(StandardScaler(), net).fit(X[:40], y[:40])


def viewed(model, X, y):
    return ModelView(model, X[:40], y[:40], random_state=0)


def test_all_layers_of_a_network_are_read_through_a_pipeline(friedman):
    X, y, model = friedman
    view, net = viewed(model, X, y), model[-1]
    features = net.gradient_features(model[0].transform(X), 64, view.seed)
    np.testing.assert_allclose(view.gradient_features(X, 64), features, atol=1e-5)
    expected = lcmd(features[40:], 10, labeled=features[:40])
    picked = LCMD(n_features=64)(view, X[40:], 10)
    np.testing.assert_array_equal(picked, expected)
    drawn = KMeansPlusPlus(n_features=64)(view, X[40:], 10, random_state=3)
    same = kmeans_plus_plus(features[40:], 10, labeled=features[:40], random_state=3)
    np.testing.assert_array_equal(drawn, same)


def test_the_last_layer_is_the_embedding(friedman):
    X, y, model = friedman
    view = viewed(model, X, y)
    E = view.embed(X)
    picked = LCMD("last")(view, X[40:], 10)
    np.testing.assert_array_equal(picked, lcmd(E[40:], 10, labeled=E[:40]))
    assert not np.array_equal(picked, LCMD("all")(view, X[40:], 10))


def test_a_model_without_gradients_has_its_embedding(friedman):
    X, y, _ = friedman
    view = viewed(RandomForestRegressor(5, random_state=0).fit(X[:40], y[:40]), X, y)
    picked = LCMD()(view, X[40:], 10)
    np.testing.assert_array_equal(picked, LCMD("last")(view, X[40:], 10))
    with pytest.raises(TypeError, match=r"gradient features .*RandomForestRegressor"):
        view.gradient_features(X)
    with pytest.raises(ValueError, match="n_features"):
        viewed(friedman[2], X, y).gradient_features(X, 0)


@pytest.mark.parametrize(
    "strategy",
    [LCMD(), KMeansPlusPlus(), BAIT("gaussian"), BAIT("gaussian", features="all")],
)
def test_several_outputs(strategy, friedman):
    X, y, _ = friedman
    net = NetRegressor(module__hidden=(8,), max_steps=20)
    learner = ActiveLearner(net, strategy, n_labels=60, batch_size=20, random_state=0)
    learner.fit(X, np.column_stack([y, 1000 * y**2]))
    assert len(np.unique(np.concatenate(list(learner.history_["indices"])))) == 60


def test_the_units_of_the_target_do_not_matter(friedman):
    """The net answers in standard units: metres and millimetres pick the same rows."""
    X, y, _ = friedman
    picks = []
    for unit in (1, 1024):
        net = NetRegressor(module__hidden=(8,), max_steps=20, random_state=0)
        view = ModelView(net.fit(X[:40], unit * y[:40]), X[:40], random_state=0)
        picks.append(LCMD()(view, X[40:], 10))
    np.testing.assert_array_equal(*picks)


def test_a_classifier_is_served_too(friedman):
    X, y, _ = friedman
    classes = (y > np.median(y)).astype(int)
    net = MLPNetClassifier(hidden=(8,), max_steps=20, random_state=0)
    view = ModelView(net.fit(X[:40], classes[:40]), X[:40], classes[:40])
    assert len(LCMD()(view, X[40:], 10)) == 10


# BAIT for regressors --------------------------------------------------------------


def plain_bait(E, k, labeled, precision):
    """Twice the batch forward, half of it back, each trace by an inverse."""
    V, L = (np.column_stack([A, np.ones(len(A))]) for A in (E, labeled))
    F = (V.T @ V + L.T @ L) / (len(V) + len(L))
    M = L.T @ L + precision * np.eye(V.shape[1])

    def left(rows):
        return np.trace(np.linalg.solve(M + V[rows].T @ V[rows], F))

    rows: list[int] = []
    for _ in range(2 * k):
        free = [i for i in range(len(E)) if i not in rows]
        rows.append(min(free, key=lambda i: left([*rows, i])))
    while len(rows) > k:
        rows.remove(min(rows, key=lambda i: left([j for j in rows if j != i])))
    return rows


def test_gaussian_bait_is_forward_backward_on_the_trace(rng):
    E = rng.normal(size=(60, 4)) * [3, 1, 1, 0.2]
    picked = bait(None, E, 6, labeled=E[:5], likelihood="gaussian", regularization=0.5)
    np.testing.assert_array_equal(picked, plain_bait(E, 6, E[:5], 0.5))
    model = Ridge().fit(E[:5], E[:5, 0])
    view = ModelView(model, E[:5], E[:5, 0])
    picked = BAIT("gaussian", regularization=0.5)(view, E, 6)
    np.testing.assert_array_equal(picked, plain_bait(E, 6, E[:5], 0.5))


def test_bait_reads_all_layers_where_it_is_told_to(friedman):
    X, y, model = friedman
    view = viewed(model, X, y)
    features = view.gradient_features(X, 64)
    expected = bait(
        None, features[40:], 10, labeled=features[:40], likelihood="gaussian"
    )
    picked = BAIT("gaussian", features="all", n_features=64)(view, X[40:], 10)
    np.testing.assert_array_equal(picked, expected)
    last = BAIT("gaussian")(view, X[40:], 10)
    assert not np.array_equal(picked, last)
    forest = RandomForestRegressor(5, random_state=0).fit(X[:40], y[:40])
    same = [
        BAIT("gaussian", features=features)(viewed(forest, X, y), X[40:], 10)
        for features in ("last", "all")
    ]
    np.testing.assert_array_equal(*same)


def test_bait_of_a_classifier_reads_the_last_layer():
    with pytest.raises(ValueError, match=r'features must be "last" with .*\'binary\''):
        BAIT(features="all").check(LogisticRegression(), "multiclass")


def test_the_likelihood_of_bait_says_whom_it_serves():
    match = r'needs a classifier, got Ridge. For a regressor use BAIT\("gaussian"\)\.'
    with pytest.raises(TypeError, match=match):
        BAIT().check(Ridge(), "regression")
    with pytest.raises(TypeError, match=match):
        ActiveLearner(Ridge(), "bait", n_labels=2).fit([[0.0], [1.0]], [0.0, 1.0])
    match = r'a regressor, got LogisticRegression. For a classifier use BAIT\("binary"'
    with pytest.raises(TypeError, match=match):
        BAIT("gaussian").check(LogisticRegression(), "multiclass")
    with pytest.raises(TypeError, match=r"needs a classifier.* use KMeansPlusPlus"):
        BADGE().check(Ridge(), "regression")
    with pytest.raises(ValueError, match=r"proba must be None"):
        bait([[0.5, 0.5]], [[1.0]], 1, likelihood="gaussian")
    with pytest.raises(ValueError, match=r"must have the columns"):
        bait(None, [[1.0]], 1, labeled=[[1.0, 2.0]], likelihood="gaussian")
