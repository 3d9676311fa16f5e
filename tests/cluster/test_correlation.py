"""Correlation clustering and its chances, against plain sums and every partition."""

from itertools import product

import numpy as np

from skal.cluster._closure import Closure
from skal.cluster._correlation import correlation_clustering, one_hot
from skal.cluster._evidence import Evidence
from skal.cluster._mean_field import mean_field
from skal.cluster._noisy import estimate_noise


def some_evidence(rng, n=7, first=None):
    """Return evidence of random answers about n items, and as a plain matrix."""
    pairs = np.column_stack(np.triu_indices(n, 1))
    values = rng.choice([-1, -0.5, 0.5, 1, np.nan], len(pairs))
    first = np.zeros(n, int) if first is None else first
    evidence = Evidence.of(n, pairs, values, 0.2, first)
    dense = np.zeros((n, n))
    dense[tuple(pairs.T)] = np.nan_to_num(values) * np.log(0.8 / 0.2)
    dense += dense.T
    signs = np.where(first[:, np.newaxis] == first, 1, -1)
    dense += evidence.prior_weight * np.where(np.eye(n, dtype=bool), 0, signs)
    return evidence, dense


def inside(dense, labels):
    """Return the summed evidence of the pairs inside groups."""
    same = np.equal.outer(labels, labels) & ~np.eye(len(dense), dtype=bool)
    return dense[same].sum() / 2


def test_products_with_the_evidence_are_those_of_the_whole_matrix(rng):
    evidence, dense = some_evidence(rng, first=np.array([0, 0, 1, 1, 2, 2, 2]))
    assert evidence.prior_weight > 0
    memberships = rng.uniform(size=(7, 3))
    np.testing.assert_allclose(evidence.times(memberships), dense @ memberships)
    pairs = np.column_stack(np.triu_indices(7, 1))
    np.testing.assert_allclose(evidence.of_pairs(pairs), dense[tuple(pairs.T)])
    order = rng.permutation(7)
    moved = evidence.take(order)
    np.testing.assert_allclose(
        moved.times(memberships), dense[np.ix_(order, order)] @ memberships
    )


def test_no_move_and_no_merger_improves_the_groups(rng):
    for _ in range(20):
        evidence, dense = some_evidence(rng, first=rng.randint(3, size=7))
        labels = correlation_clustering(evidence, rng.randint(3, size=7), None)
        best = inside(dense, labels)
        for item, group in product(range(7), range(labels.max() + 2)):
            moved = labels.copy()
            moved[item] = group
            assert inside(dense, moved) <= best + 1e-9
        for one, other in product(range(labels.max() + 1), repeat=2):
            merged = np.where(labels == one, other, labels)
            assert inside(dense, merged) <= best + 1e-9


def test_the_groups_are_mostly_the_best_there_are(rng):
    n_best = 0
    for _ in range(10):
        evidence, dense = some_evidence(rng, n=6)
        labels = correlation_clustering(evidence, np.arange(6), None)
        every = (inside(dense, np.array(p)) for p in product(*map(range, range(1, 7))))
        n_best += inside(dense, labels) >= max(every) - 1e-9
    assert n_best >= 8


def test_no_more_groups_than_allowed_unless_an_answer_must_be_honoured():
    apart = np.array([[0, 1], [0, 2], [1, 2]])
    evidence = Evidence.of(3, apart, -np.ones(3), 0.2, np.zeros(3, int))
    assert len(set(correlation_clustering(evidence, np.zeros(3, int), None))) == 3
    assert len(set(correlation_clustering(evidence, np.zeros(3, int), 2))) == 2
    hard = evidence.merged(Closure.of(3, np.empty((0, 2), int), apart))
    assert len(set(correlation_clustering(hard, np.zeros(3, int), 2))) == 3


def test_chances_are_a_fixed_point(rng):
    evidence, dense = some_evidence(rng)
    labels = correlation_clustering(evidence, np.arange(7), None)
    chances = mean_field(evidence, labels)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    fresh = np.exp(dense @ chances)
    fresh /= fresh.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances, fresh, atol=0.05)
    assert chances.shape == one_hot(labels).shape


def test_noise_is_the_share_of_answers_that_the_groups_contradict():
    pairs = np.array([[0, 1]] * 40 + [[0, 2]] * 60)
    values = np.r_[np.ones(30), -np.ones(10), -np.ones(60)]
    # 10 of 100 answers, and 2 of 20 that are reckoned with beforehand
    assert estimate_noise(pairs, values, np.array([0, 0, 1])) == 12 / 120
