"""Clusters: known groups are found, and picks are where they should be in them."""

from collections import Counter

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import peak_bytes
from scipy.spatial.distance import cdist
from scipy.stats import chisquare
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import KMeansBoundary, KMeansSampling, TypiClust
from skal.query.functional import (
    kmeans,
    kmeans_boundary,
    kmeans_plus_plus,
    kmeans_sampling,
    typiclust,
)
from skal.query.functional._distances import Points
from skal.query.functional._typiclust import least

FORMULAS = [kmeans_plus_plus, kmeans_sampling, kmeans_boundary, typiclust]


def clouds(rng, sizes, d=8, spread=0.3):
    """Draw separate clouds of these sizes; return rows, shuffled, and their cloud."""
    centers = 5 * rng.normal(size=(len(sizes), d))
    cloud = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return centers[cloud] + spread * rng.normal(size=(len(cloud), d)), cloud


# k-means ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kmeans_finds_separate_clouds(rng, dtype):
    X, cloud = clouds(rng, [300, 200, 100, 50])
    centers, labels = kmeans((X + 100).astype(dtype), 4, random_state=0)
    assert centers.dtype == dtype
    assert adjusted_rand_score(cloud, labels) == 1
    for k, center in enumerate(centers):
        np.testing.assert_allclose(center, X[labels == k].mean(axis=0) + 100, rtol=1e-4)


def test_kmeans_fits_about_as_well_as_scikit_learn(rng):
    X = (
        rng.normal(size=(20_000, 10))
        + 2 * rng.normal(size=(30, 10)).repeat(1000, 0)[:20_000]
    )
    theirs = KMeans(30, n_init=1, random_state=0).fit(X).inertia_
    centers, labels = kmeans(X, 30, random_state=0)
    assert ((X - centers[labels]) ** 2).sum() < 1.05 * theirs


def test_a_large_pool_is_clustered_as_a_sample_of_it_tells(rng):
    X, cloud = clouds(rng, [12_000, 6000, 3000, 1000], d=4)
    _, labels = kmeans(X.astype(np.float32), 4, random_state=1)
    assert adjusted_rand_score(cloud, labels) > 0.99


def test_weights_count_as_copies_do(rng):
    X, _ = clouds(rng, [60, 40], d=3, spread=3.0)
    weights = rng.randint(1, 5, size=100)
    centers, labels = kmeans(X, 2, sample_weight=weights, random_state=0)
    for k, center in enumerate(centers):
        members = labels == k
        expected = np.average(X[members], axis=0, weights=weights[members])
        np.testing.assert_allclose(center, expected)


def test_rows_without_weight_move_no_mean():
    X = [[0.0], [1.0], [50.0], [9.0]]
    centers, _ = kmeans(X, 2, sample_weight=[1, 1, 0, 1], random_state=0)
    assert sorted(centers.ravel()) == [0.5, 9.0]


def test_fewer_clusters_than_asked_for_if_fewer_rows_differ():
    centers, labels = kmeans([[1.0], [2.0], [1.0]], 3, random_state=0)
    assert sorted(centers.ravel()) == [1.0, 2.0]
    assert labels[0] == labels[2] != labels[1]


# Seeding -----------------------------------------------------------------------------


@pytest.mark.long
def test_draws_have_the_chances_of_squared_distance():
    E = np.array([[0.0], [1.0], [2.0], [4.0]])
    counts = Counter(
        int(kmeans_plus_plus(E, 1, labeled=[[0.0]], random_state=seed)[0])
        for seed in range(2000)
    )
    assert counts[0] == 0
    observed = [counts[row] for row in (1, 2, 3)]
    assert chisquare(observed, np.array([1, 4, 16]) / 21 * 2000).pvalue > 1e-4


@pytest.mark.long
def test_rejected_draws_leave_the_distribution_as_it_is():
    # Two draws: the second is made by bounds that do not know of the first.
    E, weights = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([1.0, 2.0, 1.0, 0.5])
    counts = Counter(
        tuple(kmeans_plus_plus(E, 2, weights=weights, labeled=[[9.0]], random_state=s))
        for s in range(2000)
    )
    expected = {}
    near = (E[:, 0] - 9) ** 2
    first = weights * near / (weights * near).sum()
    for i in range(4):
        then = weights * np.minimum(near, (E[:, 0] - E[i]) ** 2)
        for j in range(4):
            expected[i, j] = first[i] * then[j] / then.sum() * 2000
    pairs = [pair for pair in expected if pair[0] != pair[1]]
    assert all(pair[0] != pair[1] for pair in counts)
    observed = [counts[pair] for pair in pairs]
    assert chisquare(observed, [expected[pair] for pair in pairs]).pvalue > 1e-4


def test_many_draws_spread_over_separate_clouds(rng):
    X, cloud = clouds(rng, [5000] + [5] * 30, d=16, spread=0.01)
    assert len(set(cloud[kmeans_plus_plus(X, 31, random_state=0)])) >= 30


def test_copies_of_drawn_rows_come_last_and_rows_without_weight_after_them():
    E = [[0.0], [0.0], [5.0], [9.0], [9.0]]
    drawn = kmeans_plus_plus(E, 5, weights=[1, 1, 1, 0, 0], random_state=0)
    assert set(drawn[:2]) in ({0, 2}, {1, 2})
    assert set(drawn[3:]) == {3, 4}


# What is picked --------------------------------------------------------------------


def test_middle_rows_of_clusters_heaviest_first(rng):
    X, cloud = clouds(rng, [300, 200, 100])
    picked = kmeans_sampling(X, 3, random_state=0)
    assert cloud[picked].tolist() == [0, 1, 2]
    for pick in picked:
        members = np.flatnonzero(cloud == cloud[pick])
        distances = cdist(X[members], X[members].mean(axis=0, keepdims=True))[:, 0]
        assert members[distances.argmin()] == pick


def test_weighted_clusters_gather_where_the_weight_is():
    """Zhdanov's point by hand: a certain crowd gives way to a few uncertain rows."""
    E = (
        np.array([[0.0]] * 20 + [[10.0], [11.0], [12.0]])
        + 1e-3 * np.arange(23)[:, None]
    )
    weights = np.array([1e-6] * 20 + [1.0] * 3)
    picked = kmeans_sampling(E, 3, sample_weight=weights, random_state=0)
    assert len(set(picked) & {20, 21, 22}) >= 2
    even = kmeans_sampling(E, 2, random_state=0)
    assert even[0] < 20
    assert even[1] == 21


def test_rows_between_two_clusters_are_on_the_boundary():
    E = np.concatenate([np.linspace(0, 1, 50), np.linspace(9, 10, 50), [4.9, 5.3]])
    picked = kmeans_boundary(E, 2, n_clusters=2, random_state=0)
    assert picked[0] in (100, 101)
    assert set(picked) == {100, 101}


def test_boundary_differences_by_hand(rng):
    X, _ = clouds(rng, [200, 200, 200], d=2, spread=3.0)
    picked = kmeans_boundary(X, 600, n_clusters=5, random_state=0)
    centers, _ = kmeans(X, 5, random_state=0)
    two = np.sort(cdist(X, centers), axis=1)
    gaps = two[picked, 1] - two[picked, 0]
    assert np.diff(gaps).min() > -1e-6


def test_one_cluster_has_no_boundary(rng):
    assert len(set(kmeans_boundary(np.ones((50, 2)), 20, random_state=0))) == 20


def test_typical_rows_of_the_largest_clusters_without_a_label(rng):
    X, cloud = clouds(rng, [300, 200, 100, 50])
    labeled = X[cloud == 0][:2]
    picked = typiclust(X, 2, labeled=labeled, random_state=0, max_clusters=4)
    assert cloud[picked].tolist() == [1, 2]
    for pick in picked:
        members = np.flatnonzero(cloud == cloud[pick])
        near = np.sort(cdist(X[members], X[members]), axis=1)[:, 1:21].mean(axis=1)
        assert members[near.argmin()] == pick


@pytest.mark.parametrize("n", [511, 3000])
def test_the_most_typical_row_of_a_large_cluster_is_found(rng, n):
    X = rng.normal(size=(n, 8)) * rng.uniform(0.5, 2, size=(n, 1))
    near = np.sort(cdist(X, X), axis=1)[:, 1:21].mean(axis=1)
    assert typiclust(X, 1, random_state=0)[0] == near.argmin()


def test_a_few_near_copies_in_a_large_cluster_are_its_most_typical_rows(rng):
    X = rng.normal(size=(3000, 32))
    copies = rng.choice(3000, 25, replace=False)
    X[copies] = 1 + 0.01 * rng.normal(size=(25, 32))
    assert typiclust(X, 1, random_state=0)[0] in copies


def test_a_huge_cluster_is_compared_with_so_many_rows_and_no_more(rng, monkeypatch):
    n_pairs, squared = [], Points.squared

    def counted(points, rows, others):
        far = squared(points, rows, others)
        n_pairs.append(far.size)
        return far

    monkeypatch.setattr(Points, "squared", counted)
    typiclust(rng.normal(size=(20_000, 2)), 1, random_state=0)
    assert sum(n_pairs) <= 20_000 * 2**13 / 4 + 1


def test_more_neighbours_may_be_asked_for_than_rows_are_looked_at(rng, monkeypatch):
    """It was "kth(=100) out of bounds", from 16 384 rows in a cluster on."""
    monkeypatch.setattr("skal.query.functional._typiclust._NEIGHBOURHOOD", 100)
    X = rng.normal(size=(600, 3))
    picked = typiclust(X, 600, random_state=0, n_neighbors=250, max_clusters=1)
    assert len(set(picked)) == 600
    far = cdist(X, X).mean(axis=1)
    assert far[picked[0]] < np.quantile(far, 0.05)


@pytest.mark.parametrize("n_columns", [4, 30, 32, 101])
def test_the_least_of_each_row_are_found_among_groups_of_columns(rng, n_columns):
    values = rng.randint(50, size=(20, n_columns)).astype(float)
    found = np.sort(least(values, 3), axis=1)
    np.testing.assert_array_equal(found, np.sort(values, axis=1)[:, :3])


def test_clusters_take_turns_once_all_have_given(rng):
    X, cloud = clouds(rng, [300, 200, 100])
    picked = typiclust(X, 6, random_state=0, max_clusters=3)
    assert cloud[picked].tolist() == [0, 1, 2, 0, 1, 2]
    assert len(set(picked)) == 6


def test_small_clusters_come_last(rng):
    X, cloud = clouds(rng, [100, 50, 3])
    picked = typiclust(X, 153, random_state=0, max_clusters=3, min_cluster_size=5)
    assert set(cloud[picked[:150]]) == {0, 1}
    assert sorted(picked) == list(range(153))


def test_neighbours_in_a_huge_cluster_are_sampled(rng):
    X = rng.normal(size=(9000, 2)).astype(np.float32)
    picked = typiclust(X, 1, random_state=0)
    assert np.linalg.norm(X[picked[0]]) < 1


# What all of them promise ------------------------------------------------------------


@pytest.mark.parametrize("formula", FORMULAS)
def test_repeated_rows_are_not_picked_twice(rng, formula):
    for n_different in (1, 4, 40):
        E = np.repeat(rng.normal(size=(n_different, 6)).astype(np.float32), 30, axis=0)
        E = E[rng.permutation(len(E))] + 100
        n = min(25, len(E))
        for seed in range(5):
            picked = formula(E, n, random_state=seed)
            assert len(set(picked.tolist())) == n
            if formula in (kmeans_plus_plus, kmeans_sampling):
                assert len({tuple(row) for row in E[picked]}) >= min(n, n_different)


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_whole_pool_can_be_ordered(rng, formula):
    E = rng.normal(size=(300, 5))
    assert sorted(formula(E, 300, random_state=0)) == list(range(300))
    assert formula(E[:1], 1).tolist() == [0]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_seed_fixes_the_answer_and_moves_no_other(rng, formula):
    E = rng.normal(size=(500, 5)).astype(np.float32)
    expected = formula(E, 20, random_state=3)
    np.testing.assert_array_equal(formula(E, 20, random_state=3), expected)


@pytest.mark.parametrize("formula", FORMULAS)
def test_sparse_rows_give_the_picks_of_dense_ones(rng, formula):
    E = rng.exponential(size=(400, 30)) * (rng.random_sample((400, 30)) < 0.3)
    expected = formula(E, 25, random_state=0)
    for make in (sp.csr_array, sp.csr_matrix):
        picked = formula(make(E), 25, random_state=0)
        assert picked.tolist() == expected.tolist()


@pytest.mark.parametrize("formula", FORMULAS)
def test_memory_stays_a_share_of_the_pool(rng, formula):
    E = rng.standard_normal((40_000, 64)).astype(np.float32)
    peak = peak_bytes(formula, E, 100, random_state=0)
    # The sample that the clusters are fitted to is 16 384 rows.
    assert peak < 2**14 * 64 * 4 * 1.3 + 0.3 * E.nbytes + 2**23


@pytest.mark.parametrize("formula", FORMULAS)
def test_bad_embeddings_are_refused(formula):
    with pytest.raises(PoolExhaustedError, match=r"at most 3, .* got 4"):
        formula(np.ones((3, 2)), 4)
    with pytest.raises(ValueError, match=r"E must hold finite .* in 1 of 3"):
        formula([[0.0], [np.nan], [1.0]], 1)


def test_bad_parameters_are_refused(rng):
    E = rng.normal(size=(9, 2))
    with pytest.raises(ValueError, match="n_clusters must be at least 2, got 1"):
        kmeans_boundary(E, 1, n_clusters=1)
    with pytest.raises(ValueError, match="n_clusters must be at least 1, got 0"):
        kmeans(E, 0)
    with pytest.raises(ValueError, match="sample_weight must be 9 finite numbers"):
        kmeans_sampling(E, 1, sample_weight=[1.0])
    with pytest.raises(ValueError, match="weights must be 9 finite numbers"):
        kmeans_plus_plus(E, 1, weights=np.full(9, np.nan))
    for name in ("n_neighbors", "max_clusters", "min_cluster_size"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            typiclust(E, 1, **{name: 0})


# Through a learner -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "formula", "params"),
    [
        (KMeansBoundary(7), kmeans_boundary, {"n_clusters": 7}),
        (KMeansBoundary(7, "input"), kmeans_boundary, {"n_clusters": 7}),
        (KMeansSampling(), kmeans_sampling, {}),
        (TypiClust(9, 30, 3), typiclust, {"n_neighbors": 9, "max_clusters": 30}),
    ],
)
def test_strategies_pick_as_their_formulas(digits, strategy, formula, params):
    X, _, y, _ = digits
    X = X[:600]
    view = ModelView(LogisticRegression(max_iter=300).fit(X[:50], y[:50]), X[:50])
    E = X.astype(np.float32)
    if formula is typiclust:
        params = params | {"labeled": E[:50], "min_cluster_size": 3}
    expected = formula(E, 20, random_state=3, **params)
    assert strategy(view, X, 20, random_state=3).tolist() == expected.tolist()


def test_the_input_can_be_clustered_instead_of_the_embedding(digits):
    X, _, y, _ = digits
    model = make_pipeline(PCA(2), LogisticRegression(max_iter=300)).fit(X[:50], y[:50])
    picks = {
        space: KMeansBoundary(space=space)(model, X, 10, random_state=0).tolist()
        for space in ("embedding", "input")
    }
    E = X.astype(np.float32)
    assert picks["input"] == kmeans_boundary(E, 10, random_state=0).tolist()
    assert picks["embedding"] != picks["input"]
    assert KMeansBoundary(space="input").needs == frozenset()
    with pytest.raises(ValueError, match="space must be one of"):
        KMeansBoundary(space="pixels")(model, X)


def test_images_are_clustered_in_the_input_too(rng):
    images = rng.random_sample((60, 1, 4, 4))
    strategy = KMeansBoundary(4, space="input")
    flat, _ = ActiveLearner(initial=strategy, random_state=0).query(
        images.reshape(60, -1), 9
    )
    folded, _ = ActiveLearner(initial=strategy, random_state=0).query(images, 9)
    assert folded.tolist() == flat.tolist()


def test_the_number_of_clusters_can_be_tuned(digits):
    X, _, y, _ = digits
    learner = ActiveLearner(
        LogisticRegression(max_iter=300),
        KMeansBoundary(),
        n_labels=40,
        random_state=0,
    )
    grid = {"query_strategy__n_clusters": [3, 12]}
    search = GridSearchCV(learner, grid, cv=2).fit(X[:400], y[:400])
    assert search.best_params_["query_strategy__n_clusters"] in (3, 12)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]


@pytest.mark.parametrize("strategy", [KMeansSampling(), TypiClust()])
def test_first_rows_of_different_clusters_hold_more_classes(digits, strategy):
    X, _, y, _ = digits
    chosen = ActiveLearner(initial=strategy, random_state=0).query(X, 10)[0]
    assert len(set(y[chosen])) >= 7
