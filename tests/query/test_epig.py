"""EPIG: the mean information of pairs, by hand."""

import numpy as np
import pytest
from helpers import draws, members_of
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from skal import ActiveLearner, ModelView, Rows
from skal.query import EPIG, as_strategy
from skal.query.functional import epig, mutual_information


def information_of_labels(samples, targets):
    """Mean over the targets of the information of two labels, pair by pair."""
    out = np.zeros((samples.shape[1], targets.shape[1]))
    for i, j in np.ndindex(out.shape):
        joint = np.einsum("sa,sb->ab", samples[:, i], targets[:, j]) / len(samples)
        apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
        some = joint > 0
        out[i, j] = (joint[some] * np.log(joint[some] / apart[some])).sum()
    return out.mean(axis=1)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize(
    ("n_draws", "n", "m", "n_classes"),
    [(5, 30, 8, 3), (1, 6, 4, 2), (20, 300, 2, 2), (4, 3, 60, 20), (3, 2, 1, 600)],
)
def test_scores_are_mean_informations_of_pairs(
    n_draws, n, m, n_classes, dtype, atol, rng
):
    samples = draws(rng, n_draws, n, n_classes, dtype)
    targets = draws(rng, n_draws, m, n_classes, dtype)
    found = epig(samples, targets)
    assert found.dtype == dtype
    expected = information_of_labels(samples.astype(float), targets.astype(float))
    np.testing.assert_allclose(found, expected, atol=atol)


def test_values_computed_by_hand():
    a, b, half = [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]
    samples = np.array([[a, a, half], [a, b, half], [b, a, half], [b, b, half]])
    targets = np.array([[a, a], [a, half], [b, b], [b, half]])
    # Row 0 goes with target 0, and with target 1 in half of the draws. For that pair
    # the joint is [[3, 1], [1, 3]] / 8.
    half_known = np.log(2) + 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    expected = [(np.log(2) + half_known) / 2, 0, 0]
    np.testing.assert_allclose(epig(samples, targets), expected, atol=1e-12)


def test_no_row_tells_more_about_targets_than_about_the_model(rng):
    samples = draws(rng, 10, 2000, 4, np.float32)
    scores = epig(samples, samples[:, :50])
    assert scores.min() >= 0
    assert (scores <= mutual_information(samples) + 1e-5).all()
    assert (epig(samples, samples[:, :1]) > scores - 1e-5)[0]


def test_order_and_chunks_do_not_matter(rng):
    samples, targets = draws(rng, 6, 900, 3), draws(rng, 6, 400, 3)
    expected = epig(samples, targets)
    rows, columns, members = (rng.permutation(k) for k in (900, 400, 6))
    for found, places in (
        (epig(samples[:, rows], targets[:, columns]), rows),
        (epig(samples[members], targets[members]), slice(None)),
        (epig(samples[:, :, ::-1], targets[:, :, ::-1]), slice(None)),
    ):
        np.testing.assert_allclose(found, expected[places], atol=1e-12)
    parts = [epig(samples[:, i : i + 7], targets) for i in range(0, 900, 7)]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-12)


def test_samples_of_other_draws_or_classes_are_refused(rng):
    samples = draws(rng, 6, 10, 3)
    match = r"target_samples must have the draws and the classes of samples, \(6, 3\)"
    for targets in (samples[:5], samples[:, :, :2], samples[:, :0]):
        with pytest.raises(ValueError, match=match):
            epig(samples, targets)
    assert epig(samples[:, :0], samples).shape == (0,)


# The strategy ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def forest(digits):
    X, _, y, _ = digits
    model = RandomForestClassifier(20, max_depth=5, random_state=0)
    return model.fit(X[:60], y[:60])


def test_the_strategy_scores_against_the_given_targets(forest, digits):
    X, targets = digits[1], digits[0][100:150]
    expected = epig(members_of(forest, X), members_of(forest, targets))
    for given in (targets, Rows(digits[0], np.arange(100, 150))):
        picked, info = EPIG(X_target=given)(forest, X, 10, random_state=0)
        assert set(picked) == set(np.argsort(-expected)[:10])
        np.testing.assert_allclose(info["score"], expected[picked], atol=1e-5)


def test_with_as_many_targets_as_rows_the_whole_pool_is_the_target(forest, digits):
    X = digits[1]
    members = members_of(forest, X)
    expected = epig(members, members)
    picked, info = EPIG(n_targets=10_000)(forest, X, 5, random_state=0)
    np.testing.assert_allclose(info["score"], expected[picked], atol=1e-5)
    np.testing.assert_allclose(info["score"], np.sort(expected)[:-6:-1], atol=1e-5)


def test_drawn_targets_follow_the_seed(forest, digits):
    X = digits[1]
    first, again, other = (
        EPIG(n_targets=3)(forest, X, 20, random_state=seed)[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_it_passes_over_odd_rows_that_bald_would_ask_for(rng):
    """Two groups far apart; only the first is a target."""
    X = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(30, 1, (200, 2))])
    y = (X[:, 0] > X[:, 0].mean()) * 1
    y[::7] = 1 - y[::7]
    seen = rng.permutation(400)[:60]
    model = RandomForestClassifier(40, max_features=1, random_state=0)
    model.fit(X[seen], (y + (X[:, 1] + 0.3 * rng.normal(size=400) > 0) * 2)[seen])
    picked, _ = EPIG(X_target=X[:100])(model, X[100:], 10, random_state=0)
    assert (picked < 100).mean() >= 0.9


def test_multilabel_scores_are_means_over_labels():
    X, Y = make_multilabel_classification(200, n_classes=3, random_state=0)
    model = RandomForestClassifier(9, max_depth=3, random_state=0).fit(X[:80], Y[:80])
    by_label = []
    for j in range(3):
        members = np.array([tree.predict_proba(X)[j] for tree in model.estimators_])
        by_label.append(epig(members, members[:, :30]))
    expected = np.mean(by_label, axis=0)
    picked, info = EPIG(X_target=X[:30])(ModelView(model, X[:80], Y[:80]), X, 5)
    np.testing.assert_allclose(info["score"], expected[picked], atol=1e-5)
    assert expected[picked].min() >= np.sort(expected)[-5] - 1e-5


def test_a_learner_runs_with_its_name(digits):
    X, _, y, _ = digits
    assert type(as_strategy("epig")) is EPIG
    learner = ActiveLearner(
        RandomForestClassifier(10, max_depth=3), "epig", n_labels=30, random_state=0
    ).fit(X, y)
    assert len(np.unique(np.concatenate(learner.history_["indices"]))) == 30


def test_bad_parameters_and_regressors_are_named(forest, digits, blobs):
    with pytest.raises(ValueError, match="n_targets must be at least 1, got 0"):
        EPIG(n_targets=0)(forest, digits[1])
    with pytest.raises(ValueError, match="at most 20, the number of members"):
        EPIG(n_samples=21)(forest, digits[1])
    X, y = blobs
    model = RandomForestRegressor(3, random_state=0).fit(X, y + 0.5)
    with pytest.raises(TypeError, match=r"EPIG needs a classifier.*CommitteeStd"):
        EPIG()(model, X)
