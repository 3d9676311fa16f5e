"""The formulas: by hand, against slow references, in bounded memory."""

from collections import Counter

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats
from helpers import peak_bytes, sorted_margin
from scipy.spatial.distance import cdist

from skal.exceptions import PoolExhaustedError
from skal.query.functional import (
    committee_std,
    consensus_entropy,
    entropy,
    expected_model_change,
    greedy_sampling,
    kl_divergence,
    least_confidence,
    margin,
    mean_over_labels,
    vote_entropy,
)

OF_PROBA = [least_confidence, margin, entropy]
OF_SAMPLES = [vote_entropy, consensus_entropy, kl_divergence]
METHODS = ["GSx", "GSy", "iGS"]


def counted_votes(samples):
    return [
        scipy.stats.entropy(list(Counter(samples[:, i].argmax(axis=1)).values()))
        for i in range(samples.shape[1])
    ]


REFERENCES = {
    least_confidence: lambda proba: 1 - proba.max(axis=1),
    margin: sorted_margin,
    entropy: lambda proba: scipy.stats.entropy(proba, axis=1),
    vote_entropy: counted_votes,
    consensus_entropy: lambda samples: scipy.stats.entropy(samples.mean(0), axis=1),
    kl_divergence: lambda samples: np.mean(
        [scipy.stats.entropy(p, samples.mean(axis=0), axis=1) for p in samples], axis=0
    ),
}


def simplex(rng, *shape, dtype=np.float64):
    """Draw probabilities, some of them exactly 0."""
    proba = rng.exponential(size=shape) ** 3 * (rng.random_sample(shape) > 0.1)
    proba[..., 0] += 1e-3
    return (proba / proba.sum(axis=-1, keepdims=True)).astype(dtype)


# Formulas over (n, C) ------------------------------------------------------------


def test_scores_of_probabilities_by_hand():
    proba = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0, 0.5]]
    log = np.log
    np.testing.assert_allclose(least_confidence(proba), [0.5, 0, 2 / 3, 0.5])
    np.testing.assert_allclose(margin(proba), [0.25, 1, 0, 0])
    np.testing.assert_allclose(entropy(proba), [1.5 * log(2), 0, log(3), log(2)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 64, 65, 200])
@pytest.mark.parametrize("formula", OF_PROBA)
def test_scores_of_probabilities_equal_the_slow_reference(
    formula, n_classes, dtype, rng
):
    proba = simplex(rng, 3000, n_classes, dtype=dtype)
    score = formula(proba)
    assert score.dtype == dtype
    expected = REFERENCES[formula](proba.astype(np.float64))
    np.testing.assert_allclose(score, expected, atol=30 * np.finfo(dtype).eps)


@pytest.mark.parametrize("n_classes", [3, 100])
@pytest.mark.parametrize("formula", OF_PROBA)
def test_memory_layout_does_not_matter(formula, n_classes, rng):
    proba = simplex(rng, 5000, n_classes)
    wide = np.full((10_000, n_classes + 2), np.nan)
    wide[::-2, 1:-1] = proba
    for same in (np.asfortranarray(proba), wide[::-2, 1:-1]):
        np.testing.assert_allclose(formula(same), formula(proba), atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 10, 100])
@pytest.mark.parametrize("formula", OF_PROBA)
def test_a_row_scores_the_same_wherever_it_stands(formula, n_classes, dtype, rng):
    proba = simplex(rng, 2**18 // n_classes + 5, n_classes, dtype=dtype)
    order = rng.permutation(len(proba))
    np.testing.assert_array_equal(formula(proba)[order], formula(proba[order]))


@pytest.mark.parametrize("n_classes", [4, 80])
@pytest.mark.parametrize("formula", OF_PROBA)
def test_the_order_of_the_classes_does_not_matter(formula, n_classes, rng):
    proba = simplex(rng, 500, n_classes)
    shuffled = proba[:, rng.permutation(n_classes)]
    np.testing.assert_allclose(formula(shuffled), formula(proba), atol=1e-14)


@pytest.mark.parametrize("n_classes", [5, 100])
def test_a_certain_row_stays_certain_among_many_classes(n_classes):
    proba = np.eye(n_classes)
    np.testing.assert_array_equal(margin(proba), np.ones(n_classes))
    np.testing.assert_array_equal(least_confidence(proba), np.zeros(n_classes))
    np.testing.assert_array_equal(entropy(proba), np.zeros(n_classes))


def test_two_classes_are_ranked_alike_by_all_three(rng):
    p = rng.random_sample(200)
    proba = np.column_stack([p, 1 - p])
    order = np.argsort(np.abs(p - 0.5))
    np.testing.assert_array_equal(np.argsort(margin(proba)), order)
    np.testing.assert_array_equal(np.argsort(-least_confidence(proba)), order)
    np.testing.assert_array_equal(np.argsort(-entropy(proba)), order)


def test_one_class_is_certain():
    proba = np.ones((3, 1), np.float32)
    np.testing.assert_array_equal(least_confidence(proba), np.zeros(3))
    np.testing.assert_array_equal(margin(proba), np.ones(3))
    np.testing.assert_array_equal(entropy(proba), np.zeros(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_impossible_classes_add_nothing_to_the_entropy(dtype):
    """No warning either: the logarithm of 0 is never taken."""
    tiny = np.nextafter(dtype(0), dtype(1))
    proba = np.array([[0.5, 0.5], [1.0, 0.0], [1.0, tiny]], dtype)
    score = entropy(np.hstack([proba, np.zeros_like(proba)]))
    np.testing.assert_allclose(score, [np.log(2), 0, 0], rtol=1e-6, atol=1e-30)
    assert not np.signbit(score).any()


@pytest.mark.parametrize("n_classes", [3, 80])
@pytest.mark.parametrize("formula", OF_PROBA)
def test_nan_spoils_its_own_row_only(formula, n_classes, rng):
    proba = simplex(rng, 10, n_classes)
    proba[4, 1] = np.nan
    assert np.flatnonzero(np.isnan(formula(proba))).tolist() == [4]


@pytest.mark.parametrize("formula", OF_PROBA)
def test_whole_numbers_and_lists_are_probabilities_too(formula):
    one_hot = np.eye(3, dtype=int)
    np.testing.assert_array_equal(formula(one_hot), formula(one_hot.astype(float)))
    np.testing.assert_array_equal(formula(one_hot.tolist()), formula(one_hot))
    assert formula(one_hot).dtype == np.float64
    assert formula(np.eye(3, dtype=np.float16)).dtype == np.float32


@pytest.mark.parametrize("formula", OF_PROBA)
def test_an_empty_pool_has_no_scores(formula):
    assert formula(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("formula", OF_PROBA)
def test_input_is_left_alone(formula, rng):
    for n_classes in (3, 80):
        proba = simplex(rng, 50, n_classes)
        proba.setflags(write=False)
        formula(proba)


@pytest.mark.parametrize("formula", OF_PROBA)
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (3, 0)])
def test_probabilities_of_the_wrong_shape_are_refused(formula, shape):
    with pytest.raises(ValueError, match=r"proba must be an array of shape \(n, C\)"):
        formula(np.zeros(shape))


@pytest.mark.parametrize("formula", OF_PROBA)
def test_probabilities_must_be_numbers(formula):
    with pytest.raises(TypeError, match="proba must be real numbers, got dtype"):
        formula([["a", "b"]])


@pytest.mark.parametrize("n_classes", [10, 100])
@pytest.mark.parametrize("formula", OF_PROBA)
def test_scores_need_little_memory_beyond_themselves(formula, n_classes):
    n = 4_000_000 // n_classes
    proba = np.full((n, n_classes), 1 / n_classes, np.float32)
    assert peak_bytes(formula, proba) <= 4 * n + 3e6


# Formulas over (S, n, C) ---------------------------------------------------------


def test_disagreement_by_hand():
    samples = [
        [[1.0, 0.0], [0.9, 0.1], [0.5, 0.5]],
        [[0.0, 1.0], [0.6, 0.4], [0.5, 0.5]],
    ]
    ln2 = np.log(2)
    shared = scipy.stats.entropy([0.75, 0.25])
    kl = shared - np.mean([scipy.stats.entropy(p) for p in ([0.9, 0.1], [0.6, 0.4])])
    np.testing.assert_allclose(vote_entropy(samples), [ln2, 0, 0])
    np.testing.assert_allclose(consensus_entropy(samples), [ln2, shared, ln2])
    np.testing.assert_allclose(kl_divergence(samples), [ln2, kl, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_draws", "n_classes"), [(2, 2), (7, 10), (3, 100), (1, 4)])
@pytest.mark.parametrize("formula", OF_SAMPLES)
def test_disagreement_equals_the_slow_reference(
    formula, n_draws, n_classes, dtype, rng
):
    samples = simplex(rng, n_draws, 300, n_classes, dtype=dtype)
    score = formula(samples)
    assert score.dtype == dtype
    expected = REFERENCES[formula](samples.astype(np.float64))
    np.testing.assert_allclose(score, expected, atol=30 * np.finfo(dtype).eps)


@pytest.mark.parametrize("formula", OF_SAMPLES)
def test_disagreement_does_not_depend_on_layout_or_place(formula, rng):
    samples = simplex(rng, 5, 4000, 10, dtype=np.float32)
    order = rng.permutation(4000)
    np.testing.assert_array_equal(formula(samples)[order], formula(samples[:, order]))
    rows_first = np.ascontiguousarray(samples.swapaxes(0, 1)).swapaxes(0, 1)
    np.testing.assert_array_equal(formula(rows_first), formula(samples))


@pytest.mark.parametrize("formula", OF_SAMPLES)
def test_the_order_of_the_members_does_not_matter(formula, rng):
    samples = simplex(rng, 6, 300, 4)
    shuffled = samples[rng.permutation(6)]
    np.testing.assert_allclose(formula(shuffled), formula(samples), atol=1e-14)


def test_members_that_agree_do_not_disagree(rng):
    one = simplex(rng, 1000, 5, dtype=np.float32)
    samples = np.stack([one] * 7)
    np.testing.assert_array_equal(vote_entropy(samples), np.zeros(1000))
    np.testing.assert_allclose(kl_divergence(samples), np.zeros(1000), atol=1e-6)
    assert kl_divergence(samples).min() >= 0
    np.testing.assert_allclose(consensus_entropy(samples), entropy(one), atol=1e-6)


def test_disagreement_is_at_most_the_log_of_members_and_classes():
    certain = np.eye(4)[:, np.newaxis]  # four members, one row, four classes
    for formula in OF_SAMPLES:
        np.testing.assert_allclose(formula(certain), np.log(4))
        np.testing.assert_allclose(formula(certain[:2]), np.log(2))


def test_a_tie_within_a_member_is_a_vote_for_the_first_class():
    tie = [[[0.5, 0.5]], [[1.0, 0.0]], [[0.0, 1.0]]]
    expected = scipy.stats.entropy([2 / 3, 1 / 3])
    np.testing.assert_allclose(vote_entropy(tie), [expected])


def test_a_committee_on_one_class_agrees():
    samples = np.ones((3, 2, 1))
    for formula in OF_SAMPLES:
        np.testing.assert_array_equal(formula(samples), [0, 0])


@pytest.mark.parametrize("formula", OF_SAMPLES)
@pytest.mark.parametrize("shape", [(3, 2), (0, 3, 2), (2, 3, 0)])
def test_samples_of_the_wrong_shape_are_refused(formula, shape):
    match = r"samples must be an array of shape \(S, n, C\), got \("
    with pytest.raises(ValueError, match=match):
        formula(np.zeros(shape))


@pytest.mark.parametrize("formula", OF_SAMPLES)
def test_disagreement_needs_little_memory_beyond_itself(formula):
    samples = np.full((10, 40_000, 10), 0.1, np.float32)
    assert peak_bytes(formula, samples) <= 4 * 40_000 + 4e6


# Committees of regressors --------------------------------------------------------


def test_committee_std_is_the_deviation_over_members(rng):
    predictions = rng.normal(size=(5, 300))
    np.testing.assert_allclose(committee_std(predictions), predictions.std(axis=0))
    two_outputs = rng.normal(size=(5, 300, 2))
    expected = two_outputs.std(axis=0).mean(axis=1)
    np.testing.assert_allclose(committee_std(two_outputs), expected)


def test_committee_std_by_hand():
    np.testing.assert_array_equal(committee_std([[1, 5], [3, 5]]), [1, 0])
    np.testing.assert_array_equal(committee_std([[4.0]]), [0])
    np.testing.assert_array_equal(committee_std([[[1, 0]], [[3, 4]]]), [1.5])


def test_committee_std_refuses_a_single_prediction():
    with pytest.raises(ValueError, match=r"predictions must be .* \(S, n\) or"):
        committee_std([1.0, 2.0])


# Multilabel ----------------------------------------------------------------------


def test_mean_over_labels_by_hand():
    proba = [[0.5, 1.0], [0.2, 0.1]]
    expected = {
        least_confidence: [0.25, 0.15],
        margin: [0.5, 0.7],
        entropy: [
            np.log(2) / 2,
            np.mean([scipy.stats.entropy([p, 1 - p]) for p in (0.2, 0.1)]),
        ],
    }
    for formula, scores in expected.items():
        np.testing.assert_allclose(mean_over_labels(formula, proba), scores)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("formula", [*OF_PROBA, *OF_SAMPLES])
def test_mean_over_labels_equals_a_loop_over_labels(formula, dtype, rng):
    shape = (4, 3000, 30) if formula in OF_SAMPLES else (9000, 30)
    proba = rng.random_sample(shape).astype(dtype)
    pairs = np.stack([1 - proba, proba], axis=-1)
    expected = np.mean([formula(pairs[..., j, :]) for j in range(30)], axis=0)
    score = mean_over_labels(formula, proba)
    assert score.dtype == dtype
    np.testing.assert_allclose(score, expected, atol=20 * np.finfo(dtype).eps)


def test_mean_over_labels_takes_any_formula(rng):
    proba = rng.random_sample((50, 3))
    present = mean_over_labels(lambda pairs: pairs[:, 1], proba)
    np.testing.assert_allclose(present, proba.mean(axis=1))


def test_mean_over_labels_refuses_other_ranks():
    with pytest.raises(ValueError, match=r"shape \(n, L\) or \(S, n, L\), got \(3,\)"):
        mean_over_labels(entropy, [0.1, 0.2, 0.3])


def test_mean_over_labels_needs_little_memory_beyond_its_result():
    proba = np.full((200_000, 20), 0.3, np.float32)
    assert peak_bytes(mean_over_labels, entropy, proba) <= 4 * 200_000 + 6e6


# Greedy sampling -----------------------------------------------------------------


def brute_greedy(E, n_instances, predictions, labeled, y_labeled, method):
    """Recompute every distance at every step, as the paper's formulas are written."""
    predictions = np.reshape(predictions, (len(E), -1))
    y_labeled = np.reshape(y_labeled, (len(labeled), -1))
    labeled, y_labeled, picked = list(labeled), list(y_labeled), []
    for _ in range(n_instances):
        d_x = cdist(E, labeled)
        d_y = cdist(predictions, y_labeled)
        distance = {"GSx": d_x, "GSy": d_y, "iGS": d_x * d_y}[method].min(axis=1)
        distance[picked] = -1
        picked.append(int(distance.argmax()))
        labeled.append(E[picked[-1]])
        y_labeled.append(predictions[picked[-1]])
    return picked


def regression_pool(rng, n, n_labels, n_features, n_outputs=1, dtype=np.float64):
    E = rng.normal(size=(n + n_labels, n_features)).astype(dtype)
    y = rng.normal(size=(n + n_labels, n_outputs)).squeeze()
    return {
        "E": E[n_labels:],
        "predictions": y[n_labels:],
        "labeled": E[:n_labels],
        "y_labeled": y[:n_labels],
    }


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(("n_features", "n_labels"), [(3, 1), (40, 600)])
@pytest.mark.parametrize("method", METHODS)
def test_greedy_sampling_equals_brute_force(
    method, n_features, n_labels, n_outputs, rng
):
    arrays = regression_pool(rng, 700, n_labels, n_features, n_outputs)
    picked = greedy_sampling(n_instances=25, method=method, **arrays)
    assert picked.dtype == np.int64
    expected = brute_greedy(n_instances=25, method=method, **arrays)
    assert picked.tolist() == expected


@pytest.mark.parametrize("method", ["GSx", "iGS"])
def test_greedy_sampling_takes_sparse_embeddings(method, rng):
    arrays = regression_pool(rng, 300, 20, 30)
    for name in ("E", "labeled"):
        arrays[name][rng.random_sample(arrays[name].shape) < 0.7] = 0
    dense = greedy_sampling(n_instances=10, method=method, **arrays)
    for kind in (sp.csr_matrix, sp.csr_array):
        as_sparse = {name: kind(arrays[name]) for name in ("E", "labeled")}
        picked = greedy_sampling(n_instances=10, method=method, **arrays | as_sparse)
        np.testing.assert_array_equal(picked, dense)
    cold = greedy_sampling(arrays["E"], 10, method="GSx")
    np.testing.assert_array_equal(
        greedy_sampling(sp.csr_array(arrays["E"]), 10, method="GSx"), cold
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_single_picks_with_predictions_for_labels(method, rng):
    arrays = regression_pool(rng, 200, 5, 4)
    batch = greedy_sampling(n_instances=6, method=method, **arrays)
    singles, left = [], np.arange(200)
    labeled, y_labeled = arrays["labeled"], arrays["y_labeled"]
    for _ in range(6):
        pick = left[
            greedy_sampling(
                arrays["E"][left],
                1,
                predictions=arrays["predictions"][left],
                labeled=labeled,
                y_labeled=y_labeled,
                method=method,
            )[0]
        ]
        singles.append(pick)
        left = left[left != pick]
        labeled = np.vstack([labeled, arrays["E"][pick]])
        y_labeled = np.append(y_labeled, arrays["predictions"][pick])
    assert batch.tolist() == singles


def test_greedy_sampling_by_hand():
    arrays = {
        "E": [[1.0], [2.0], [4.0], [5.0]],
        "labeled": [[0.0]],
        "predictions": [8.0, 3.0, 2.1, 0.5],
        "y_labeled": [0.0],
    }
    # GSx: 5 is 5 away; then 2 is nearest to 0 by 2, 1 by 1, 4 is 1 from 5.
    assert greedy_sampling(n_instances=2, method="GSx", **arrays).tolist() == [3, 1]
    # GSy: 8; then 3 is 3 from 0.
    assert greedy_sampling(n_instances=2, method="GSy", **arrays).tolist() == [0, 1]
    # iGS: products 8, 6, 8.4, 2.5; then min(8, 3 * 5.9), min(6, 2 * .9), min(2.5, 1.6)
    assert greedy_sampling(n_instances=2, method="iGS", **arrays).tolist() == [2, 0]


@pytest.mark.parametrize("labeled", [None, np.empty((0, 1))])
def test_gsx_starts_at_the_centre_and_goes_to_the_far_ends(labeled):
    E = [[0.0], [9.0], [4.0], [5.5], [1.0]]  # the mean is 3.9
    picked = greedy_sampling(E, 3, method="GSx", labeled=labeled)
    assert picked.tolist() == [2, 1, 0]


@pytest.mark.parametrize("n_features", [2, 40])
def test_repeated_rows_are_picked_last_and_never_twice(n_features, rng):
    E = np.repeat(rng.normal(size=(6, n_features)), 5, axis=0)
    picked = greedy_sampling(E, 30, method="GSx", random_state=0)
    assert sorted(picked) == list(range(30))
    assert len(set(picked[:6] // 5)) == 6
    picked = greedy_sampling(E, 5, method="GSx", labeled=E[:1], random_state=0)
    assert sorted(picked // 5) == [1, 2, 3, 4, 5]


def test_ties_are_broken_uniformly(rng):
    E = [[1.0], [-1.0], [1.0], [0.0]]
    firsts = Counter(
        int(greedy_sampling(E, 1, labeled=[[0.0]], method="GSx", random_state=rng)[0])
        for _ in range(900)
    )
    assert sorted(firsts) == [0, 1, 2]
    assert scipy.stats.chisquare(list(firsts.values())).pvalue > 1e-4


def test_the_same_seed_gives_the_same_picks(rng):
    E = np.zeros((50, 2))
    first = greedy_sampling(E, 20, method="GSx", random_state=3)
    np.testing.assert_array_equal(
        first, greedy_sampling(E, 20, method="GSx", random_state=3)
    )
    other = greedy_sampling(E, 20, method="GSx", random_state=4)
    assert first.tolist() != other.tolist()


@pytest.mark.parametrize("n_features", [3, 40])
@pytest.mark.parametrize("method", METHODS)
def test_far_from_the_origin_nothing_changes(method, n_features, rng):
    arrays = regression_pool(rng, 400, 30, n_features)
    moved = {name: values + 2.0**20 for name, values in arrays.items()}
    np.testing.assert_array_equal(
        greedy_sampling(n_instances=15, method=method, **moved),
        greedy_sampling(n_instances=15, method=method, **arrays),
    )


@pytest.mark.parametrize("method", METHODS)
def test_single_precision_and_whole_numbers_do(method, rng):
    arrays = regression_pool(rng, 300, 20, 5)
    arrays = {name: np.round(64 * values) for name, values in arrays.items()}
    expected = greedy_sampling(n_instances=9, method=method, random_state=0, **arrays)
    for dtype in (np.float32, np.int16):
        cast = {name: values.astype(dtype) for name, values in arrays.items()}
        picked = greedy_sampling(n_instances=9, method=method, random_state=0, **cast)
        np.testing.assert_array_equal(picked, expected)


def test_greedy_sampling_never_holds_pool_by_labels(rng):
    arrays = regression_pool(rng, 20_000, 2000, 32, dtype=np.float32)
    assert peak_bytes(greedy_sampling, n_instances=5, **arrays) < 2e7  # 3.2e8 if so


def test_greedy_sampling_refuses_more_rows_than_there_are():
    with pytest.raises(PoolExhaustedError, match=r"at most 2, .* got 3"):
        greedy_sampling([[0.0], [1.0]], 3, method="GSx")


@pytest.mark.parametrize("method", ["GSy", "iGS"])
@pytest.mark.parametrize("missing", ["predictions", "y_labeled"])
@pytest.mark.parametrize("nothing", [None, np.empty(0)])
def test_greedy_sampling_of_targets_needs_targets(method, missing, nothing, rng):
    arrays = regression_pool(rng, 10, 3, 2) | {missing: nothing}
    if missing == "predictions" and nothing is not None:
        match = "must have the same rows" if method == "iGS" else "at most 0"
    else:
        match = f"must hold rows for method={method!r}.*GSx"
    with pytest.raises(ValueError, match=match):
        greedy_sampling(n_instances=1, method=method, **arrays)


def test_greedy_sampling_says_what_does_not_fit(rng):
    arrays = regression_pool(rng, 10, 3, 2)
    with pytest.raises(ValueError, match="labeled must have the 2 columns of E"):
        greedy_sampling(n_instances=1, **arrays | {"labeled": np.zeros((3, 5))})
    with pytest.raises(ValueError, match="E and predictions must have the same rows"):
        greedy_sampling(n_instances=1, **arrays | {"predictions": np.zeros(9)})
    with pytest.raises(ValueError, match="labeled and y_labeled must have the same"):
        greedy_sampling(n_instances=1, **arrays | {"y_labeled": np.zeros(4)})
    with pytest.raises(ValueError, match="leave 1 rows without a distance"):
        greedy_sampling(n_instances=1, **arrays | {"predictions": [np.nan, *[0.0] * 9]})
    with pytest.raises(ValueError, match=r"method must be one of 'GSx'.* got 'gsx'"):
        greedy_sampling(n_instances=1, **arrays, method="gsx")
    with pytest.raises(ValueError, match="n_instances must be at least 1"):
        greedy_sampling(n_instances=0, **arrays)


# Expected model change -----------------------------------------------------------


def test_expected_model_change_by_hand():
    predictions = [1.0, 1.0, 0.0]
    members = [[2.0, 1.0, -1.0], [4.0, 1.0, 1.0]]
    E = [[0.0, 0.0], [3.0, 4.0], [2.0, 2.0]]
    scores = expected_model_change(predictions, members, E)
    np.testing.assert_allclose(scores, [2, 0, 3])
    np.testing.assert_allclose(
        expected_model_change(predictions, members, sp.csr_array(E)), scores
    )


def test_expected_model_change_is_the_mean_length_of_the_gradient(rng):
    """The gradient of half the squared loss of a linear model, one per member."""
    E = rng.normal(size=(20, 3))
    f, members = rng.normal(size=(20, 2)), rng.normal(size=(5, 20, 2))
    inputs = np.column_stack([E, np.ones(20)])
    gradients = np.einsum("kno,nd->knod", f - members, inputs)
    expected = np.sqrt((gradients**2).sum(axis=(2, 3))).mean(axis=0)
    np.testing.assert_allclose(expected_model_change(f, members, E), expected)


def test_expected_model_change_refuses_other_shapes():
    with pytest.raises(ValueError, match="must have the same rows, got"):
        expected_model_change([0.0, 1.0], [[0.0, 1.0, 2.0]], [[0.0], [1.0]])
    with pytest.raises(ValueError, match="must have the same rows, got"):
        expected_model_change([0.0, 1.0], [[0.0, 1.0]], [[0.0]])
