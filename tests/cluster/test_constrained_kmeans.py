"""ConstrainedKMeans is k-means that heeds pairs, and tells which it could not keep."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal.cluster import ConstrainedKMeans


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(120, centers=4, n_features=3, random_state=3)


@pytest.fixture
def square():
    return np.array([[0, 0], [0, 1], [4, 0], [4, 1.0]])


QUICK = {"n_init": 1, "max_iter": 20}


@parametrize_with_checks([ConstrainedKMeans(**QUICK)])
def test_scikit_learn_takes_it_for_an_estimator(estimator, check):
    check(estimator)


def random_pairs(rng, n, n_pairs):
    return np.array([rng.choice(n, 2, replace=False) for _ in range(n_pairs)])


def violations(labels, must, cannot):
    i, j = must.T
    k, m = cannot.T
    return np.sum(labels[i] != labels[j]) + np.sum(labels[k] == labels[m])


def every_grouping(X, n_clusters):
    """Yield each way to fill the clusters, with its sum of squared distances."""
    for labels in map(np.array, product(range(n_clusters), repeat=len(X))):
        if len(np.unique(labels)) == n_clusters:
            means = np.array([X[labels == k].mean(axis=0) for k in range(n_clusters)])
            yield labels, ((X - means[labels]) ** 2).sum()


@pytest.mark.parametrize("seed", range(4))
def test_the_sum_is_the_least_that_any_grouping_has(seed):
    rng = np.random.RandomState(seed)
    X, weight = rng.randn(8, 2), [0.1, 0.3, 1, 3][seed]
    must, cannot = random_pairs(rng, 8, 3), random_pairs(rng, 8, 3)
    unit = ((X - X.mean(axis=0)) ** 2).sum(axis=1).mean()
    least = min(
        inertia + weight * unit * violations(labels, must, cannot)
        for labels, inertia in every_grouping(X, 2)
    )
    model = ConstrainedKMeans(2, weight=weight, n_init=30, random_state=0)
    model.fit(X, must_link=must, cannot_link=cannot)
    found = model.inertia_ + weight * unit * model.n_violations_
    assert found == pytest.approx(least)


@pytest.mark.parametrize("seed", range(4))
def test_hard_pairs_are_kept_as_well_as_any_grouping_keeps_them(seed):
    rng = np.random.RandomState(seed)
    X = rng.randn(8, 2)
    must, cannot = random_pairs(rng, 8, 2), random_pairs(rng, 8, 6)
    together = {frozenset(pair) for pair in must.tolist()}
    cannot = np.array([p for p in cannot.tolist() if frozenset(p) not in together])
    best = min(
        (violations(labels, must, cannot), inertia)
        for labels, inertia in every_grouping(X, 2)
        if not violations(labels, must, cannot[:0])
    )
    model = ConstrainedKMeans(2, hard=True, n_init=30, random_state=0)
    model.fit(X, must_link=must, cannot_link=cannot)
    assert len(model.violated_must_link_) == 0
    assert model.n_violations_ == best[0]
    assert model.inertia_ == pytest.approx(best[1])


def test_without_pairs_it_is_k_means(blobs):
    X, _y = blobs
    model = ConstrainedKMeans(4, random_state=0).fit(X)
    plain = KMeans(4, n_init=10, random_state=0).fit(X)
    assert adjusted_rand_score(model.labels_, plain.labels_) == 1
    assert model.inertia_ == pytest.approx(plain.inertia_)
    means = [X[model.labels_ == k].mean(axis=0) for k in range(4)]
    np.testing.assert_allclose(model.cluster_centers_, means)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_allclose(
        model.transform(X).min(axis=1) ** 2 @ np.ones(len(X)), model.inertia_
    )


def test_pairs_without_weight_change_nothing(blobs):
    X, _y = blobs
    pairs = random_pairs(np.random.RandomState(0), len(X), 40)
    model = ConstrainedKMeans(4, weight=0, random_state=0)
    labels = model.fit_predict(X, must_link=pairs)
    i, j = pairs.T
    assert adjusted_rand_score(labels, ConstrainedKMeans(4).fit_predict(X)) == 1
    np.testing.assert_array_equal(
        model.violated_must_link_, pairs[labels[i] != labels[j]]
    )
    assert model.n_violations_ == len(model.violated_must_link_) > 0


@pytest.mark.parametrize("hard", [False, True])
def test_pairs_decide_which_grouping_is_meant(square, hard):
    model = ConstrainedKMeans(2, hard=hard, weight=2, random_state=0)
    labels = model.fit_predict(square, must_link=[[0, 2]], cannot_link=[[0, 1], [2, 3]])
    assert adjusted_rand_score(labels, [0, 1, 0, 1]) == 1
    assert model.n_violations_ == 0


def test_a_soft_pair_that_costs_more_than_it_is_worth_is_given_up(square):
    """Joining corners costs much more than the price of the pair, 4.25 times .5."""
    wrong = [[0, 2]]
    dear = ConstrainedKMeans(2, weight=0.5, random_state=0).fit(square, must_link=wrong)
    assert dear.violated_must_link_.tolist() == wrong
    firm = ConstrainedKMeans(2, hard=True, random_state=0).fit(square, must_link=wrong)
    assert firm.labels_[0] == firm.labels_[2]


@pytest.mark.parametrize("hard", [False, True])
def test_pairs_that_contradict_each_other_are_counted_and_never_raised(square, hard):
    model = ConstrainedKMeans(2, hard=hard, weight=5, random_state=0)
    model.fit(
        square,
        must_link=[[0, 1], [1, 2]],
        cannot_link=[[0, 2], [0, 3], [1, 3], [2, 3]],
    )
    assert model.n_violations_ == 1
    triangle = [[0, 1], [1, 2], [0, 2]]  # two groups cannot keep three rows apart
    model.fit(square, cannot_link=triangle)
    assert model.n_violations_ == len(model.violated_cannot_link_) == 1


def test_hard_must_links_are_chained(blobs):
    X, _ = blobs
    chain = np.column_stack([np.arange(29), np.arange(1, 30)])
    labels = ConstrainedKMeans(4, hard=True, random_state=0).fit_predict(
        X, must_link=chain
    )
    assert len(set(labels[:30])) == 1


@pytest.mark.parametrize("hard", [False, True])
def test_right_pairs_help(hard):
    X, y = make_blobs(300, centers=5, cluster_std=3.0, random_state=5)
    pairs = random_pairs(np.random.RandomState(1), 300, 1200)
    same = y[pairs[:, 0]] == y[pairs[:, 1]]
    model = ConstrainedKMeans(5, hard=hard, n_init=4, random_state=0)
    before = adjusted_rand_score(y, model.fit_predict(X))
    model.fit(X, must_link=pairs[same], cannot_link=pairs[~same])
    assert adjusted_rand_score(y, model.labels_) > before + 0.1


@pytest.mark.parametrize("hard", [False, True])
def test_the_same_seed_groups_the_same_and_the_global_one_is_left_alone(blobs, hard):
    X, _y = blobs
    pairs = random_pairs(np.random.RandomState(0), len(X), 60)
    model = ConstrainedKMeans(6, hard=hard, n_init=2, random_state=7)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = model.fit(X, cannot_link=pairs).labels_
    np.testing.assert_array_equal(first, model.fit(X, cannot_link=pairs).labels_)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_sparse_rows_are_grouped_as_dense_ones_are(blobs):
    X, _y = blobs
    pairs = random_pairs(np.random.RandomState(0), len(X), 30)
    model = ConstrainedKMeans(4, n_init=2, random_state=0)
    dense = model.fit(X, must_link=pairs).labels_
    rows = sparse.csr_array(X)
    np.testing.assert_array_equal(model.fit(rows, must_link=pairs).labels_, dense)
    np.testing.assert_array_equal(model.predict(rows), model.predict(X))


def test_no_cluster_is_left_without_rows():
    """Three starts lie in one heap: the third cluster goes where rows are far off."""
    X = np.array([[0.0], [0.1], [0.2], [0.3], [9.0], [9.1]])
    heap = [[0, 1], [2, 3]]
    for seed in range(5):
        model = ConstrainedKMeans(3, n_init=1, random_state=seed)
        assert set(model.fit_predict(X, must_link=heap)) == {0, 1, 2}


def test_in_a_pipeline(blobs):
    X, _y = blobs
    pipe = make_pipeline(StandardScaler(), ConstrainedKMeans(4, random_state=0))
    pipe.fit(X, constrainedkmeans__must_link=[[0, 1]])
    assert pipe.predict(X).shape == (len(X),)


def test_what_it_needs_is_said_before_any_work(square):
    fit = ConstrainedKMeans(2).fit
    with pytest.raises(ValueError, match=r"must_link must be positions in \[0, 3\]"):
        fit(square, must_link=[[0, 4]])
    with pytest.raises(ValueError, match=r"cannot_link must be of two different rows"):
        fit(square, cannot_link=[[1, 1]])
    with pytest.raises(ValueError, match=r"must_link must have shape \(n, 2\)"):
        fit(square, must_link=[0, 1])
    with pytest.raises(
        ValueError, match=r"must_link must be positions of rows.*float64"
    ):
        fit(square, must_link=[[0.0, 1.0]])
    with pytest.raises(ValueError, match="n_clusters must be at most the number"):
        ConstrainedKMeans(5).fit(square)
    with pytest.raises(TypeError, match="hard must be True or False, got 'yes'"):
        ConstrainedKMeans(hard="yes").fit(square)
    with pytest.raises(ValueError, match=r"weight must be in \[0, inf\], got -1"):
        ConstrainedKMeans(weight=-1).fit(square)
    with pytest.raises(ValueError, match="n_init must be at least 1, got 0"):
        ConstrainedKMeans(n_init=0).fit(square)
    with pytest.raises(NotFittedError):
        ConstrainedKMeans().predict(square)
