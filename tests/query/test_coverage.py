"""Coverage: the picks of plain algorithms, written out here over distance matrices."""

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import peak_bytes
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import CoreSet, FacilityLocation, MaxHerding, ProbCover, UHerding
from skal.query.functional import (
    _candidates,
    _near_pairs,
    _nearness,
    entropy,
    facility_location,
    k_center_greedy,
    kmeans,
    margin,
    max_herding,
    prob_cover,
    purity_radius,
    uherding,
)
from skal.query.functional._columns import Columns
from skal.query.functional._distances import Points

STRATEGIES = [CoreSet(), FacilityLocation(), MaxHerding(), ProbCover()]
FORMULAS = [k_center_greedy, facility_location, max_herding, prob_cover]


def clouds(rng, n, d, n_clouds=5, dtype=np.float64):
    centers = rng.normal(size=(n_clouds, d))
    X = centers[rng.randint(n_clouds, size=n)] + 0.5 * rng.normal(size=(n, d))
    return X.astype(dtype)


# The plain algorithms ------------------------------------------------------------


def plain_k_center(E, k, labeled):
    distances, picked = cdist(E, E), []
    nearest = cdist(E, labeled).min(axis=1)
    for _ in range(k):
        picked.append(nearest.argmax())
        nearest = np.minimum(nearest, distances[picked[-1]])
        nearest[picked] = -1
    return picked


def plain_greedy(nearness, k, level, weights):
    """Pick the column that adds most to the weighted mean of each row's maximum."""
    picked = []
    for _ in range(k):
        gains = weights @ np.maximum(nearness - level[:, np.newaxis], 0)
        gains[picked] = -1
        picked.append(gains.argmax())
        level = np.maximum(level, nearness[:, picked[-1]])
    return picked


def plain_facility_location(E, k, labeled):
    level = -cdist(E, labeled).min(axis=1)
    return plain_greedy(-cdist(E, E), k, level, np.ones(len(E)))


def plain_herding(E, k, labeled, bandwidth=None, weights=None):
    if bandwidth is None:
        bandwidth = np.sqrt(((E - E.mean(axis=0)) ** 2).sum(axis=1).mean())

    def kernel(A, B):
        return np.exp(-cdist(A, B, "sqeuclidean") / (2 * bandwidth**2))

    weights = np.ones(len(E)) if weights is None else weights
    return plain_greedy(kernel(E, E), k, kernel(E, labeled).max(axis=1), weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("formula", "plain", "params"),
    [
        (k_center_greedy, plain_k_center, {}),
        (facility_location, plain_facility_location, {}),
        (max_herding, plain_herding, {}),
        (max_herding, plain_herding, {"bandwidth": 0.7}),
    ],
)
def test_picks_are_those_of_the_plain_algorithm(rng, formula, plain, params, dtype):
    E = clouds(rng, 1500, 8, dtype=dtype)
    labeled, E = E[:20], E[20:]
    picked = formula(E, 60, labeled=labeled, random_state=0, **params)
    expected = plain(E.astype(float), 60, labeled.astype(float), **params)
    if dtype == np.float64:
        assert picked.tolist() == expected
    else:  # near ties may go either way
        assert len(np.intersect1d(picked, expected)) >= 57


def test_the_front_of_k_center_is_refilled_and_stays_exact(rng):
    E = rng.normal(size=(3000, 40))
    picked = k_center_greedy(E, 1200, labeled=E[:5], random_state=0)
    assert picked.tolist() == plain_k_center(E, 1200, E[:5])


def test_prob_cover_covers_as_many_rows_as_the_plain_algorithm(rng):
    # Ties are many, so the picks differ; what each covers newly cannot.
    E = clouds(rng, 1500, 8)
    labeled, E = E[:10], E[10:]
    picked = prob_cover(E, 30, labeled=labeled, radius=0.8, random_state=0)
    inside = cdist(E, E) <= 0.8
    is_open, covered = cdist(E, labeled).min(axis=1) > 0.8, []
    for pick in picked:
        around = inside @ is_open.astype(int)
        assert around[pick] == around.max()
        covered.append(around[pick])
        is_open &= ~inside[pick]
    assert min(covered) > 0


def test_weights_are_where_coverage_counts(rng):
    E, weights = clouds(rng, 800, 6), rng.exponential(size=800)
    picked = max_herding(E, 30, labeled=E[:3], weights=weights, bandwidth=0.9)
    assert picked.tolist() == plain_herding(E, 30, E[:3], 0.9, weights)


def test_herding_of_uncertainty_takes_the_least_labelled_distance(rng):
    E, unsure = clouds(rng, 800, 6), rng.exponential(size=800)
    labeled = np.concatenate([E[:30], E[:2]])  # copies do not count
    between = cdist(E[:30], E[:30])
    bandwidth = between[between > 0].min()
    picked = uherding(E, unsure, 30, labeled=labeled)
    assert picked.tolist() == plain_herding(E, 30, labeled, bandwidth, unsure)


@pytest.mark.parametrize("n_reference", [None, 50])
def test_dense_labels_turn_herding_into_uncertainty_sampling(rng, n_reference):
    E, unsure = rng.normal(size=(500, 4)), rng.exponential(size=500)
    labeled = np.array([[50.0, 0, 0, 0], [50.0, 1e-3, 0, 0]])
    picked = uherding(E, unsure, 20, labeled=labeled, n_reference=n_reference)
    assert picked.tolist() == np.argsort(-unsure)[:20].tolist()


def test_reference_rows_lose_little_coverage(rng):
    E = clouds(rng, 4000, 16, n_clouds=10)
    bandwidth = np.sqrt(((E - E.mean(axis=0)) ** 2).sum(axis=1).mean())

    def coverage(picked):
        return np.exp(-(cdist(E, E[picked]) ** 2) / (2 * bandwidth**2)).max(1).mean()

    exact = coverage(max_herding(E, 50, n_reference=None))
    sampled = coverage(max_herding(E, 50, n_reference=1000, random_state=0))
    by_chance = coverage(rng.permutation(4000)[:50])
    assert exact - sampled < 0.1 * (exact - by_chance)


@pytest.mark.parametrize("n_labels", [1, 10, 200])
@pytest.mark.parametrize("n", [300, 1100])
def test_herding_of_few_and_of_many_pairs_is_exact(rng, n, n_labels):
    E, weights = clouds(rng, n, 8), rng.exponential(size=n)
    labeled = clouds(rng, n_labels, 8)
    picked = max_herding(E, 40, labeled=labeled, weights=weights, bandwidth=1.0)
    assert picked.tolist() == plain_herding(E, 40, labeled, 1.0, weights)
    # Later on two rows that bring each other nearer are tied.
    picked = facility_location(E, 10, labeled=labeled)
    assert picked.tolist() == plain_facility_location(E, 10, labeled)


@pytest.mark.parametrize("n_picks", [40, 200])
def test_few_rows_in_sight_give_the_picks_of_all(rng, monkeypatch, n_picks):
    E = clouds(rng, 220, 3)
    E[100:120] = E[:20]  # copies tie
    E, labeled = E[:200], E[200:]
    params = {"labeled": labeled, "bandwidth": 0.5, "random_state": 0}
    picks = []
    for n_in_sight in (2, 200):
        monkeypatch.setattr(_near_pairs, "_FIRST_AMONG", n_in_sight)
        picks.append(max_herding(E, n_picks, **params).tolist())
    assert picks[0] == picks[1]


@pytest.mark.parametrize("n_labels", [0, 50])
@pytest.mark.parametrize("n_clouds", [1, 20])
def test_a_first_look_at_large_pools_loses_little(rng, monkeypatch, n_clouds, n_labels):
    E = clouds(rng, 6000 + n_labels, 16, n_clouds).astype(np.float32)
    labeled, E = E[:n_labels], E[n_labels:]
    params = {"bandwidth": 1.5, "n_reference": 2000, "labeled": labeled}

    def coverage(picked):
        known = np.concatenate([E[picked], labeled])
        return np.exp(-(cdist(E, known) ** 2) / (2 * 1.5**2)).max(1).mean()

    looked = coverage(max_herding(E, 20, random_state=0, **params))
    monkeypatch.setattr(_nearness, "_WORTH_A_LOOK", np.inf)
    without = coverage(max_herding(E, 20, random_state=0, **params))
    by_chance = coverage(rng.permutation(6000)[:20])
    assert without - looked < 0.05 * (without - by_chance)


def test_a_first_look_draws_ties_from_everywhere():
    E = 100.0 * np.arange(4000)[:, np.newaxis]  # each row covers itself alone
    params = {"bandwidth": 1.0, "n_reference": 2000}
    weights = np.ones(4000)
    seeds = range(40)
    first = [
        max_herding(E, 1, weights=weights, random_state=seed, **params)[0]
        for seed in seeds
    ]
    assert abs(np.mean(first) - 2000) < 4 * 4000 / np.sqrt(12 * len(seeds))
    assert len(set(first)) > 30


def test_a_reference_row_is_not_wanted_for_its_own_sake(rng):
    """The sample used to count itself as its share of the pool, and was picked."""
    E = rng.normal(size=(5000, 32)).astype(np.float32)
    seed = np.random.RandomState(0)
    picked = max_herding(E, 50, n_reference=500, bandwidth=3.0, random_state=0)
    reference = seed.choice(5000, 500, replace=False)
    assert np.isin(picked, reference).sum() < 20


# ProbCover's radius, and what comes after ------------------------------------------


def test_radius_is_a_quantile_of_the_distance_to_another_cluster():
    E = np.array([[0.0], [1.0], [8.0], [9.5]])
    # Nearest rows of the other cluster: 8, 7, 7, 8.5.
    assert purity_radius(E, n_clusters=2, purity=0.95) == pytest.approx(7, rel=1e-3)
    assert purity_radius(E, n_clusters=2, purity=0.0) == pytest.approx(8.5, rel=1e-3)


def test_balls_are_as_pure_as_asked_for(rng):
    E = clouds(rng, 2000, 8, n_clouds=4).astype(np.float32)
    for purity in (0.5, 0.9):
        radius = purity_radius(E, purity=purity, n_clusters=4, random_state=0)
        _, labels = kmeans(E, 4, random_state=0)
        mixed = (cdist(E, E) <= radius) & (labels[:, np.newaxis] != labels)
        assert 1 - mixed.any(axis=1).mean() == pytest.approx(purity, abs=0.01)


def test_one_cluster_leaves_the_spread_for_a_radius():
    assert purity_radius(np.ones((9, 2))) == 1


def test_once_all_is_covered_the_farthest_rows_come_next():
    E = np.array([[0.0], [1.0], [2.0], [10.0], [10.5], [30.0]])
    picked = prob_cover(E, 6, radius=1.5, labeled=[[31.0]], random_state=0)
    # The label covers 30. Three rows, then two get covered; then the distances to the
    # nearest pick are 1, 1, .5 and 1.
    assert picked[0] == 1
    assert picked[1] in (3, 4)
    assert set(picked[2:5]) == {0, 2, 5}


def test_a_pool_covered_by_labels_is_picked_from_by_distance():
    E = np.arange(5.0)[:, np.newaxis]
    picked = prob_cover(E, 3, radius=100.0, labeled=[[0.0]], random_state=0)
    assert picked.tolist() == [4, 2, 1] or picked.tolist() == [4, 2, 3]


# What all of them promise ----------------------------------------------------------


@pytest.mark.parametrize("formula", FORMULAS)
def test_repeated_rows_are_not_picked_twice(rng, formula):
    for n_different in (1, 4, 40):
        E = np.repeat(rng.normal(size=(n_different, 6)).astype(np.float32), 30, axis=0)
        E = E[rng.permutation(len(E))] + 100
        for labeled in (None, E[:3]):
            n = min(25, len(E))
            picked = formula(E, n, labeled=labeled, random_state=0)
            assert len(set(picked.tolist())) == n
            different = {tuple(row) for row in E[picked]}
            known = set() if labeled is None else {tuple(row) for row in labeled}
            if formula is not prob_cover:
                # No copy is taken while there is something new.
                assert len(different | known) >= min(n, n_different)


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_whole_pool_can_be_ordered(rng, formula):
    E = rng.normal(size=(300, 5))
    assert sorted(formula(E, 300, random_state=0)) == list(range(300))
    assert formula(E[:1], 1).tolist() == [0]


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_answer_moves_with_the_rows(rng, formula):
    E = clouds(rng, 1000, 8).astype(np.float32)
    order = rng.permutation(len(E))
    params = {"radius": 1.0} if formula is prob_cover else {}
    picked = formula(E, 40, random_state=0, **params)
    moved = order[formula(E[order], 40, random_state=0, **params)]
    if formula is prob_cover:  # ties
        assert len(np.intersect1d(picked[:3], moved[:3])) > 0
    else:
        assert moved.tolist() == picked.tolist()


@pytest.mark.parametrize("formula", FORMULAS)
def test_sparse_rows_give_the_picks_of_dense_ones(rng, formula):
    E = rng.exponential(size=(400, 30)) * (rng.random_sample((400, 30)) < 0.3)
    params = {"radius": 2.0} if formula is prob_cover else {}
    if formula is max_herding:
        params["bandwidth"] = 2.0
    expected = formula(E, 25, labeled=E[:4], random_state=0, **params)
    for make in (sp.csr_array, sp.csr_matrix):
        picked = formula(make(E), 25, labeled=make(E[:4]), random_state=0, **params)
        assert picked.tolist() == expected.tolist()


@pytest.mark.parametrize("make", [sp.csr_array, sp.csr_matrix])
def test_sparse_rows_work_out_a_bandwidth_and_a_radius(rng, make):
    E = rng.exponential(size=(60, 5)) * (rng.random_sample((60, 5)) < 0.5)
    expected = max_herding(E, 9, random_state=0)
    assert max_herding(make(E), 9, random_state=0).tolist() == expected.tolist()
    copies = make(np.ones((20, 5)))  # the radius comes from the spread
    assert np.unique(prob_cover(copies, 9, random_state=0)).size == 9


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_large_offset_costs_no_digits(rng, formula):
    E = rng.normal(size=(500, 4))
    params = {"radius": 1.0} if formula is prob_cover else {}
    expected = formula(E, 20, labeled=E[:3], random_state=0, **params)
    picked = formula(E + 1e6, 20, labeled=E[:3] + 1e6, random_state=0, **params)
    assert picked.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("formula", "n", "share"),
    [
        (k_center_greedy, 50_000, 0.25),
        (facility_location, 20_000, 1.0),
        (max_herding, 20_000, 1.0),
        (prob_cover, 10_000, 1.5),
    ],
)
def test_memory_stays_a_share_of_the_pool(rng, formula, n, share):
    E = rng.standard_normal((n, 64)).astype(np.float32)
    params = {} if formula in (k_center_greedy, prob_cover) else {"n_reference": 1000}
    peak = peak_bytes(formula, E, 100, labeled=E[:200], random_state=0, **params)
    assert peak < share * E.nbytes + 2**23  # and tiles of fixed size


def test_float32_is_not_widened(rng):
    assert Points(rng.normal(size=(9, 3)).astype(np.float32)).norms.dtype == np.float32
    assert Points(rng.normal(size=(9, 3))).norms.dtype == np.float64


def test_distances_agree_with_scipy(rng):
    A, B = rng.normal(size=(90, 7)) + 5, rng.normal(size=(600, 7)) + 5
    points = Points(A)
    others = points.like(B).take(slice(None))
    expected = cdist(A, B, "sqeuclidean")
    np.testing.assert_allclose(points.squared(slice(None), others), expected)
    which, squared = points.nearest(others)
    np.testing.assert_array_equal(which, expected.argmin(axis=1))
    np.testing.assert_allclose(squared, expected.min(axis=1))
    np.testing.assert_array_equal(
        points.within(slice(None), others, 9.0), expected <= 9.0
    )


# Through a learner -----------------------------------------------------------------


@pytest.fixture
def taught(digits):
    X, _, y, _ = digits
    X = X[:600]
    return ModelView(LogisticRegression(max_iter=300).fit(X[:50], y[:50]), X[:50]), X


@pytest.mark.parametrize(
    ("strategy", "formula", "params"),
    [
        (CoreSet(), k_center_greedy, {}),
        (FacilityLocation(200), facility_location, {"n_reference": 200}),
        (MaxHerding(2.0), max_herding, {"bandwidth": 2.0}),
        (ProbCover(1.5), prob_cover, {"radius": 1.5}),
        (ProbCover(), prob_cover, {"n_clusters": 10}),
    ],
)
def test_strategies_pick_as_their_formulas(taught, strategy, formula, params):
    view, X = taught
    E, labeled = X.astype(np.float32), X[:50].astype(np.float32)
    expected = formula(E, 20, labeled=labeled, random_state=3, **params)
    assert strategy(view, X, 20, random_state=3).tolist() == expected.tolist()


@pytest.mark.parametrize("measure", ["margin", "entropy", "least_confidence"])
def test_uherding_weighs_by_uncertainty(taught, measure):
    view, X = taught
    proba = view.predict_proba(X)
    unsure = {
        "margin": 1 - margin(proba),
        "entropy": entropy(proba),
        "least_confidence": 1 - proba.max(axis=1),
    }[measure]
    E = X.astype(np.float32)
    expected = uherding(E, unsure, 20, labeled=E[:50], random_state=3)
    picked = UHerding(measure)(view, X, 20, random_state=3)
    assert picked.tolist() == expected.tolist()


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: type(s).__name__)
def test_they_choose_the_first_rows_too(digits, strategy):
    X, _, y, _ = digits
    learner = ActiveLearner(
        LogisticRegression(max_iter=300),
        strategy,
        initial=strategy,
        n_initial=10,
        n_labels=20,
        random_state=0,
    )
    assert learner.fit(X, y).n_iter_ == 1
    first, _ = ActiveLearner(initial=strategy, random_state=0).query(X, 10)
    assert len(set(y[first])) > 2


def test_images_are_embedded_as_their_flattened_rows(rng):
    images = rng.random_sample((60, 1, 4, 4))
    learner = ActiveLearner(GaussianNB(), initial=CoreSet())
    flat, _ = learner.query(images.reshape(60, -1), 9)
    folded, _ = clone(learner).query(images, 9)
    assert folded.tolist() == flat.tolist()


# Bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize("formula", FORMULAS)
def test_bad_embeddings_are_refused(formula):
    with pytest.raises(PoolExhaustedError, match=r"at most 3, .* got 4"):
        formula(np.ones((3, 2)), 4)
    with pytest.raises(ValueError, match=r"E must hold finite .* in 1 of 3"):
        formula([[0.0], [np.nan], [1.0]], 1, labeled=[[0.0]])
    with pytest.raises(ValueError, match="labeled must have the 2 columns of E"):
        formula(np.ones((3, 2)), 1, labeled=np.ones((3, 1)))
    with pytest.raises(TypeError, match="n_instances must be an integer"):
        formula(np.ones((3, 2)), 1.5)


def test_infinity_is_refused_without_a_warning():
    with pytest.raises(ValueError, match="E must hold finite numbers"):
        k_center_greedy([[0.0], [np.inf], [1.0]], 1)


def test_bad_parameters_are_refused(taught):
    E = np.arange(4.0)[:, np.newaxis]
    with pytest.raises(ValueError, match="weights must be 4 finite numbers from 0 up"):
        max_herding(E, 1, weights=[1.0, 1.0, 1.0, -1.0])
    with pytest.raises(ValueError, match="weights must be 4 finite numbers from 0 up"):
        facility_location(E, 1, weights=[1.0])
    with pytest.raises(ValueError, match="bandwidth must be above 0, got 0"):
        max_herding(E, 1, bandwidth=0)
    with pytest.raises(ValueError, match="radius must be above 0, got 0"):
        prob_cover(E, 1, radius=0)
    with pytest.raises(ValueError, match=r"purity must be in \[0, 1\]"):
        prob_cover(E, 1, purity=95)
    with pytest.raises(ValueError, match="n_clusters must be at least 2, got 1"):
        ProbCover(n_clusters=1)(*taught)
    with pytest.raises(ValueError, match="uncertainty must be one of 'margin'"):
        UHerding("margins")(*taught)
    with pytest.raises(ValueError, match="n_reference must be at least 1"):
        MaxHerding(n_reference=0)(*taught)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uherding_of_a_model_that_doubts_nothing_picks_by_lot(rng, dtype):
    E = rng.normal(size=(30, 3)).astype(dtype)
    assert np.unique(uherding(E, np.zeros(30, dtype), 9, random_state=0)).size == 9


def test_the_largest_gap_does_not_grow_with_an_offset(rng):
    """Time stamps in milliseconds used to be rounded to 131 seconds first."""
    X, y = rng.uniform(0, 3.6e6, size=(400, 1)), np.arange(400) % 2
    gaps = []
    for stamps in (X, 1.7e12 + X):
        view = ModelView(LogisticRegression().fit(X, y), stamps[:3], y[:3])
        picks = CoreSet()(view, stamps, 30, random_state=0)
        gaps.append(np.diff(np.sort(X[picks, 0])).max())
    assert gaps[1] == pytest.approx(gaps[0], rel=0.01)


# Large pools ---------------------------------------------------------------------


@pytest.fixture
def few_candidates(monkeypatch):
    for name, number in {"LARGE": 1500, "A_REFERENCE_ROW": 0, "ALONE": 100}.items():
        monkeypatch.setattr(_candidates, f"_{name}", number)


@pytest.mark.parametrize("n_labels", [0, 30])
@pytest.mark.parametrize("n_clouds", [1, 20])
def test_candidates_of_large_pools_lose_little(
    rng, monkeypatch, few_candidates, n_clouds, n_labels
):
    E = clouds(rng, 8000 + n_labels, 16, n_clouds).astype(np.float32)
    labeled, E = E[:n_labels], E[n_labels:]
    params = {"bandwidth": 1.5, "n_reference": 2000, "labeled": labeled}

    def coverage(picked):
        known = np.concatenate([E[picked], labeled])
        return np.exp(-(cdist(E, known) ** 2) / (2 * 1.5**2)).max(1).mean()

    among_few = coverage(max_herding(E, 30, random_state=0, **params))
    monkeypatch.setattr(_candidates, "_LARGE", 8000)
    among_all = coverage(max_herding(E, 30, random_state=0, **params))
    by_chance = coverage(rng.permutation(8000)[:30])
    assert among_all - among_few < 0.02 * (among_all - by_chance)


def test_a_row_that_counts_alone_is_a_candidate(rng, few_candidates):
    E = rng.normal(size=(8000, 8)).astype(np.float32)
    unsure = rng.uniform(size=8000) / 10
    unsure[7123] = 1.0
    E[4567] = 1e5  # far from all
    params = {"n_reference": 2000, "random_state": 0}
    assert uherding(E[:, :4], unsure, 1, bandwidth=1e-4, **params) == 7123
    assert 4567 in facility_location(E, 2, **params)


@pytest.mark.parametrize("formula", [facility_location, max_herding])
def test_sparse_rows_have_the_candidates_of_dense_ones(rng, few_candidates, formula):
    E = rng.exponential(size=(3000, 12)) * (rng.random_sample((3000, 12)) < 0.3)
    params = {"n_reference": 2000, "random_state": 0}
    expected = formula(E, 9, labeled=E[:4], **params)
    found = formula(sp.csr_array(E), 9, labeled=sp.csr_array(E[:4]), **params)
    assert found.tolist() == expected.tolist()


def test_copies_in_large_pools_are_picked_once(rng, few_candidates):
    E = np.repeat(rng.normal(size=(20, 6)), 200, axis=0).astype(np.float32)
    picked = max_herding(E, 30, n_reference=2000, random_state=0)
    assert len(np.unique(picked)) == 30
    assert len(np.unique(E[picked[:20]], axis=0)) == 20


def test_middles_are_the_means_of_what_is_nearest():
    E = np.array([[0.0], [1.0], [2.0], [10.0], [12.0]])
    reference = _nearness.KernelReference(-1e-9, Points(E), np.full(5, 0.2))
    reference.start(np.full(5, np.inf))
    centre = reference.points.centre
    found = _candidates.middles(reference, np.array([[3.0], [9.0]]) - centre) + centre
    np.testing.assert_allclose(found, [[1.0], [11.0]], rtol=1e-5)


def test_columns_that_were_forgotten_are_computed_again(rng):
    matrix = rng.normal(size=(7, 40))
    columns = Columns(lambda at: matrix[:, at], 40, 10)
    for _ in range(30):
        at = rng.permutation(40)[: rng.randint(1, 11)]
        np.testing.assert_array_equal(columns.of(at), matrix[:, at].T)


@pytest.mark.parametrize("formula", [facility_location, max_herding])
def test_half_precision_rows_give_the_picks_of_single(rng, formula):
    E = rng.normal(size=(900, 20)).astype(np.float16)
    single = formula(E.astype(np.float32), 20, random_state=0)
    assert formula(E, 20, random_state=0).tolist() == single.tolist()
