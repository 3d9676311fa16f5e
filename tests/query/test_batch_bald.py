"""BatchBALD: picks and gains against an exhaustive search."""

import warnings
from itertools import product

import numpy as np
import pytest
from helpers import members_of
from scipy.special import xlogy
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import BALD, BatchBALD, as_strategy
from skal.query.functional import batch_bald, mutual_information
from skal.query.functional._joint import Joint, group, thin_out

SPENT = "posterior draws can tell at most"


def draws(rng, n_draws, n, n_classes, dtype=float, noise=0.6):
    """Random distributions; improbable classes of every seventh row get chance 0."""
    logits = 2 * rng.standard_normal((1, n, n_classes))
    logits = logits + noise * rng.standard_normal((n_draws, n, n_classes))
    samples = np.exp(logits)
    samples /= samples.sum(axis=2, keepdims=True)
    some = samples[:, ::7]
    some[some < 0.05] = 0
    some /= some.sum(axis=2, keepdims=True)
    return samples.astype(dtype)


def joint_information(samples, rows):
    """Information of the labels of rows: every configuration, one after the other."""
    entropy = 0.0
    for labels in product(range(samples.shape[2]), repeat=len(rows)):
        chance = samples[:, rows, labels].prod(axis=1).mean()
        entropy -= chance * np.log(chance) if chance > 0 else 0
    given_draw = -xlogy(samples[:, rows], samples[:, rows]).sum(axis=(1, 2)).mean()
    return entropy - given_draw


def exhaustive(samples, n_instances):
    """Greedy picks and gains where every row is looked at in every step."""
    picked, gains, before = [], [], 0.0
    for _ in range(n_instances):
        information = np.full(samples.shape[1], -np.inf)
        for i in set(range(samples.shape[1])) - set(picked):
            information[i] = joint_information(samples, [*picked, i])
        picked.append(int(information.argmax()))
        gains.append(information.max() - before)
        before = information.max()
    return picked, gains


def enumerated(samples, rows):
    """Gains of all rows after some have been picked, in double precision."""
    joint = np.ones((len(samples), 1))  # (S, C ** k)
    for i in rows:
        joint = (joint[:, :, None] * samples[:, i, None, :]).reshape(len(samples), -1)
    joint = joint[:, joint.any(axis=0)]
    weights = joint.mean(axis=0)
    beliefs = (joint / joint.sum(axis=0)).T  # (M, S)
    predicted = np.einsum("ms,snc->mnc", beliefs, samples)
    given_draw = -xlogy(samples, samples).sum(axis=2).mean(axis=0)
    return -np.einsum("m,mnc->n", weights, xlogy(predicted, predicted)) - given_draw


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n_draws", "n", "n_classes", "n_instances"),
    [(20, 25, 3, 4), (12, 60, 2, 5), (40, 12, 5, 3), (30, 80, 4, 2)],
)
def test_picks_and_gains_are_those_of_an_exhaustive_search(
    n_draws, n, n_classes, n_instances, dtype, rng
):
    samples = draws(rng, n_draws, n, n_classes, dtype)
    picked, gains = batch_bald(samples, n_instances, random_state=0)
    expected, expected_gains = exhaustive(samples.astype(float), n_instances)
    assert picked.tolist() == expected
    assert picked.dtype == np.int64
    np.testing.assert_allclose(gains, expected_gains, atol=1e-5)


def test_many_configurations_pick_as_an_exhaustive_search(rng):
    """7 ** 5 configurations, followed all: bounds are those of merged ones here."""
    samples = draws(rng, 50, 300, 7)
    picked, gains = batch_bald(samples, 6, n_configurations=20_000, random_state=0)
    for k in range(6):
        expected = enumerated(samples, picked[:k])
        expected[picked[:k]] = -np.inf
        assert picked[k] == expected.argmax()
        assert gains[k] == pytest.approx(expected[picked[k]], abs=1e-8)


def test_the_first_pick_is_that_of_bald_and_gains_never_grow(rng):
    samples = draws(rng, 30, 500, 4, np.float32)
    picked, gains = batch_bald(samples, 8, random_state=0)
    information = mutual_information(samples)
    assert picked[0] == information.argmax()
    assert gains[0] == pytest.approx(information.max(), abs=1e-5)
    assert (np.diff(gains) < 1e-3).all()  # the last ones are subject to chance
    assert (gains <= information[picked] + 1e-3).all()
    assert gains.sum() < np.log(30)


def test_sampled_configurations_come_near_the_exact_gains(rng):
    """Exact: 4 ** 7 configurations. 500 drawn ones are within .01 nats."""
    samples = draws(rng, 40, 200, 4)
    rows = np.argsort(mutual_information(samples))[-14::2]
    expected = enumerated(samples, rows)
    for seed in range(5):
        joint, state = Joint(40, 500, np.dtype(float)), np.random.RandomState(seed)
        for i in rows:
            joint.add(samples[:, i], state)
        assert len(joint.weights) <= 500
        found = joint.gains(samples)
        assert np.abs(found - expected).max() < 0.01
        assert (joint.merged() or joint).gains(samples).min() >= -1e-12
        told = np.log(40) - joint.remaining
        assert told == pytest.approx(joint_information(samples, list(rows)), abs=0.01)


def test_merged_configurations_bound_the_gains(rng):
    samples = draws(rng, 25, 150, 5, np.float32)
    joint = Joint(25, 3000, samples.dtype)
    for i in (3, 4, 5, 6, 8, 9):
        joint.add(samples[:, i], rng)
        merged = joint.merged()
        if merged is not None:
            assert len(merged.weights) < len(joint.weights) / 10
            bounds, gains = merged.gains(samples), joint.gains(samples)
            assert (bounds >= gains - joint.slack).all()
            assert (bounds - gains).mean() < 0.1 * bounds.max()
    assert merged is not None


def test_groups_keep_the_mass_and_the_mean(rng):
    beliefs = rng.dirichlet(np.full(6, 0.5), size=400)
    weights = rng.uniform(size=400) * 10.0 ** rng.randint(-60, 0, size=400)
    merged, centres = group(weights, beliefs.astype(np.float32), 30)
    assert len(merged) <= 30
    assert merged.sum() == pytest.approx(weights.sum())
    np.testing.assert_allclose(merged @ centres, weights @ beliefs, rtol=1e-5)
    np.testing.assert_allclose(centres.sum(axis=1), 1, rtol=1e-5)


def test_thinning_out_keeps_the_large_and_is_fair_to_the_small():
    rng = np.random.RandomState(0)
    values = np.array([5.0, 0.1, 0.2, 4.0, 0.3, 0.4, 0.5, 1e-12])
    size, n_trials = 4, 4000
    counts, sums = np.zeros(len(values)), []
    for _ in range(n_trials):
        kept, chance = thin_out(values, size, rng)
        assert len(kept) == size
        counts[kept] += 1
        sums.append((values[kept] / chance).sum())
    np.testing.assert_allclose(sums, values.sum())
    np.testing.assert_array_equal(counts[[0, 3]], n_trials)
    small = [1, 2, 4, 5, 6]
    np.testing.assert_allclose(
        counts[small] / n_trials, values[small] * 2 / 1.5, atol=0.03
    )


def test_copies_of_a_row_wait_while_others_tell_more():
    """64 draws are 6 bits; a row shows one bit, and the first one shows best."""
    bits = (np.arange(64)[:, None] >> np.arange(6)) % 2  # (64, 6)
    chance = np.abs(bits - np.array([0.001, 0.01, 0.02, 0.03, 0.04, 0.05]))
    samples = np.stack([1 - chance, chance], axis=2)[:, np.repeat(np.arange(6), 10)]
    picked, gains = batch_bald(samples, 6, random_state=0)
    assert (picked // 10).tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(gains, mutual_information(samples)[picked])
    top_of_bald = np.argsort(-mutual_information(samples))[:6]
    assert np.unique(top_of_bald // 10).tolist() == [0]


def test_equal_rows_are_picked_equally_often(rng):
    samples = np.repeat(draws(rng, 20, 2, 3, np.float32), 40, axis=1)
    firsts = [batch_bald(samples, 1, random_state=seed)[0][0] for seed in range(300)]
    counts = np.bincount(firsts, minlength=80)
    best = np.flatnonzero(counts)
    assert best.max() - best.min() < 40
    assert len(best) >= 38
    assert counts.max() < 25


def test_the_order_of_rows_draws_and_classes_does_not_matter(rng):
    samples = draws(rng, 20, 300, 4)
    picked, gains = batch_bald(samples, 6, random_state=0)
    order = rng.permutation(300)
    for moved, places in (
        (samples[:, order], order),
        (samples[rng.permutation(20)], np.arange(300)),
        (samples[:, :, ::-1], np.arange(300)),
        (np.asfortranarray(samples), np.arange(300)),
    ):
        again, again_gains = batch_bald(moved, 6, random_state=0)
        np.testing.assert_array_equal(places[again], picked)
        np.testing.assert_allclose(again_gains, gains, atol=1e-9)


def test_a_class_of_probability_0_changes_nothing(rng):
    samples = draws(rng, 20, 100, 3)
    wider = np.concatenate([samples, np.zeros((20, 100, 2))], axis=2)
    expected, gains = batch_bald(samples, 5, random_state=0)
    found, found_gains = batch_bald(wider, 5, random_state=0)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found_gains, gains, atol=1e-12)


# When the draws have nothing left to tell ------------------------------------------


def test_a_batch_beyond_the_information_of_the_draws_is_completed_by_chance(rng):
    samples = draws(rng, 5, 400, 4, np.float32, noise=1.5)
    with pytest.warns(UserWarning, match=r"log\(5\) = 1.61 nats, and \d+ of 50 rows"):
        picked, gains = batch_bald(samples, 50, random_state=0)
    told = np.isfinite(gains)
    n_told = told.sum()
    assert 2 <= n_told <= 10
    assert told[:n_told].all()
    assert 0.95 * np.log(5) <= gains[told].sum() <= np.log(5) + 1e-6
    assert len(np.unique(picked)) == 50

    # The rest is drawn in proportion to BALD: neither its top nor its mean.
    information = mutual_information(samples)
    information[picked[told]] = np.nan
    drawn = []
    for seed in range(60):
        with pytest.warns(UserWarning, match=SPENT):
            picked, _ = batch_bald(samples, n_told + 1, random_state=seed)
        drawn.append(information[picked[-1]])
    proportional = np.nansum(information**2) / np.nansum(information)
    error = np.nanstd(information) / np.sqrt(60)
    assert np.nanmean(drawn) == pytest.approx(proportional, abs=4 * error)


def test_a_batch_within_the_information_does_not_warn(rng):
    samples = draws(rng, 200, 200, 4, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, gains = batch_bald(samples, 10, random_state=0)
    assert np.isfinite(gains).all()


def test_a_single_draw_tells_nothing(rng):
    with pytest.warns(UserWarning, match=r"log\(1\) = 0.00 nats, and 0 of 7 rows"):
        picked, gains = batch_bald(draws(rng, 1, 20, 3), 7, random_state=0)
    assert len(np.unique(picked)) == 7
    assert np.isnan(gains).all()


def test_draws_that_agree_tell_nothing(rng):
    samples = np.repeat(draws(rng, 1, 20, 3, np.float32), 10, axis=0)
    with pytest.warns(UserWarning, match="0 of 20 rows tell 0.00 of them"):
        picked, gains = batch_bald(samples, 20, random_state=0)
    assert sorted(picked) == list(range(20))
    assert np.isnan(gains).all()


def test_twin_draws_stop_where_they_cannot_be_told_apart(rng):
    """Four draws that are two: log 2 nats is all there is, half of log 4."""
    samples = np.repeat(draws(rng, 2, 50, 3, noise=3), 2, axis=0)
    with pytest.warns(UserWarning, match=SPENT):
        _, gains = batch_bald(samples, 10, random_state=0)
    assert np.nansum(gains) <= np.log(2) + 1e-9
    assert np.isnan(gains[-1])


def test_the_whole_pool_can_be_asked_for_but_no_more(rng):
    samples = draws(rng, 4, 12, 3, noise=3)
    with pytest.warns(UserWarning, match=SPENT):
        picked, _ = batch_bald(samples, 12, random_state=0)
    assert sorted(picked) == list(range(12))
    with pytest.raises(PoolExhaustedError, match=r"at most 12.*got 13"):
        batch_bald(samples, 13)


def test_bad_arguments_are_named(rng):
    samples = draws(rng, 4, 5, 2)
    with pytest.raises(ValueError, match="n_configurations must be at least 1, got 0"):
        batch_bald(samples, 1, n_configurations=0)
    with pytest.raises(ValueError, match=r"samples must be an array of shape \(S, n"):
        batch_bald(samples[0], 1)
    samples[1, 2] = np.nan
    with pytest.raises(ValueError, match="samples must hold no NaN, got some in 1"):
        batch_bald(samples, 1)


# The strategy ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def forest(digits):
    X, _, y, _ = digits
    model = RandomForestClassifier(60, min_samples_leaf=8, random_state=0)
    return model.fit(X[:60], y[:60])


def test_the_strategy_picks_as_the_function(forest, digits):
    X = digits[1]
    expected, gains = batch_bald(members_of(forest, X), 3)
    picked, info = BatchBALD()(forest, X, 3, random_state=0)
    np.testing.assert_array_equal(picked, expected)
    np.testing.assert_allclose(info["score"], gains, atol=1e-6)


def test_a_shortlist_loses_nothing_while_gains_exceed_what_was_left_out(forest, digits):
    X = digits[1]
    expected, info = BatchBALD(n_candidates=len(X))(forest, X, 2, random_state=0)
    left_out = np.sort(BALD().score_samples(forest, X))
    enough = (left_out >= info["score"].min()).sum() + 1
    assert enough < 0.8 * len(X)
    picked, _ = BatchBALD(n_candidates=enough)(forest, X, 2, random_state=0)
    np.testing.assert_array_equal(picked, expected)


def test_a_shortlist_holds_at_least_the_batch(forest, digits):
    picked, _ = BatchBALD(n_candidates=1)(forest, digits[1], 5, random_state=0)
    top, _ = BALD()(forest, digits[1], 5, random_state=0)
    assert set(picked) == set(top)


def test_n_samples_takes_the_first_members(forest, digits):
    X = digits[1]
    expected, _ = batch_bald(members_of(forest, X)[:20], 2)
    picked, _ = BatchBALD(n_samples=20)(forest, X, 2, random_state=0)
    np.testing.assert_array_equal(picked, expected)
    with pytest.raises(ValueError, match="at most 60, the number of members"):
        BatchBALD(n_samples=61)(forest, X, 2)


def test_what_the_batch_lacks_is_drawn_from_the_whole_pool(forest, digits):
    X = digits[1]
    strategy = BatchBALD(n_samples=4, n_candidates=20)
    with pytest.warns(UserWarning, match=r"4 posterior draws.*of 20 rows"):
        picked, info = strategy(forest, X, 20, random_state=0)
    assert len(np.unique(picked)) == 20
    assert np.isnan(info["score"]).any()
    top, _ = BALD(n_samples=4)(forest, X, 20, random_state=0)
    assert not set(picked) <= set(top)


def test_it_spreads_what_bald_puts_on_copies(forest, digits):
    X = np.repeat(digits[1], 10, axis=0)
    picked, _ = BatchBALD()(forest, X, 3, random_state=0)
    top, _ = BALD()(forest, X, 3, random_state=0)
    assert len(np.unique(picked // 10)) == 3
    assert len(np.unique(top // 10)) == 1


def test_a_learner_runs_with_its_name(digits):
    X, _, y, _ = digits
    assert as_strategy("batch_bald").get_params() == BatchBALD().get_params()
    model = RandomForestClassifier(80, min_samples_leaf=8)
    learner = ActiveLearner(
        model, "batch_bald", n_labels=22, batch_size=4, random_state=0
    ).fit(X, y)
    assert len(np.unique(np.concatenate(learner.history_["indices"]))) == 22


@pytest.mark.parametrize("name", ["n_candidates", "n_configurations", "n_samples"])
def test_bad_parameters_are_named(name, forest, digits):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        BatchBALD(**{name: 0})(forest, digits[1])


def test_regressors_and_multilabel_targets_are_refused(blobs):
    X, y = blobs
    model = RandomForestRegressor(3, random_state=0).fit(X, y + 0.5)
    with pytest.raises(TypeError, match=r"BatchBALD needs a classifier.*CommitteeStd"):
        BatchBALD()(model, X)
    X, Y = make_multilabel_classification(50, n_classes=3, random_state=0)
    model = RandomForestClassifier(3, random_state=0).fit(X, Y)
    with pytest.raises(TypeError, match=r"BatchBALD needs one class a row.*Use BALD"):
        BatchBALD()(ModelView(model, X, Y), X)
