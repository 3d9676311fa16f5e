"""BALD and its kin against plain formulas over the members."""

import numpy as np
import pytest
import scipy.stats
from helpers import draws
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner, ModelView
from skal.query import (
    BALD,
    ConsensusEntropy,
    KLDivergence,
    MeanStd,
    PredictiveEntropy,
    VariationRatio,
    as_strategy,
)
from skal.query.functional import (
    consensus_entropy,
    kl_divergence,
    mean_std,
    mutual_information,
    predictive_entropy,
    variation_ratio,
)

FORMULAS = [mutual_information, predictive_entropy, variation_ratio, mean_std]
STRATEGIES = {
    BALD: mutual_information,
    PredictiveEntropy: predictive_entropy,
    VariationRatio: variation_ratio,
    MeanStd: mean_std,
}


def information_by_bayes(samples):
    """H of the draw less H of the draw given the label, row by row and in full."""
    n_draws, n, _ = samples.shape
    out = np.full(n, np.log(n_draws))
    for i in range(n):
        for of_label in samples[:, i].T:  # (S,): chances of one label under each draw
            if of_label.sum() > 0:
                out[i] -= of_label.mean() * scipy.stats.entropy(of_label)
    return out


def votes_against(samples):
    votes = samples.argmax(axis=2)
    return [1 - np.bincount(column).max() / len(column) for column in votes.T]


REFERENCES = {
    mutual_information: information_by_bayes,
    predictive_entropy: lambda s: scipy.stats.entropy(s.mean(axis=0), axis=1),
    variation_ratio: votes_against,
    mean_std: lambda s: np.sqrt((s**2).mean(0) - s.mean(0) ** 2).mean(axis=1),
}


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7, 900, 3), (20, 200, 40), (3, 11, 100), (1, 9, 2)])
def test_formulas_agree_with_plain_references(formula, dtype, shape, rng):
    samples = draws(rng, *shape, dtype)
    found = formula(samples)
    assert found.dtype == dtype
    np.testing.assert_allclose(
        found, REFERENCES[formula](samples.astype(float)), atol=2e-6
    )


def test_values_computed_by_hand():
    sure, unsure = [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]
    samples = np.stack([sure, unsure], axis=1)
    log2 = np.log(2)
    np.testing.assert_allclose(mutual_information(samples), [log2, 0], atol=1e-12)
    np.testing.assert_allclose(predictive_entropy(samples), [log2, log2])
    np.testing.assert_allclose(variation_ratio(samples), [0.5, 0])
    np.testing.assert_allclose(mean_std(samples), [0.5, 0])


def test_information_is_the_divergence_and_within_its_bounds(rng):
    samples = draws(rng, 6, 2000, 4, np.float32)
    information = mutual_information(samples)
    np.testing.assert_array_equal(information, kl_divergence(samples))
    np.testing.assert_array_equal(
        predictive_entropy(samples), consensus_entropy(samples)
    )
    assert information.min() >= 0
    assert (information <= predictive_entropy(samples)).all()
    assert information.max() <= np.log(4) + 1e-6


@pytest.mark.parametrize("formula", FORMULAS)
def test_draws_that_agree_hold_no_information_and_one_draw_none(formula, rng):
    samples = draws(rng, 1, 50, 5)
    expected = predictive_entropy(samples) if formula is predictive_entropy else 0
    for n_draws in (1, 4):
        found = formula(np.repeat(samples, n_draws, axis=0))
        np.testing.assert_allclose(found, np.broadcast_to(expected, 50), atol=1e-12)


@pytest.mark.parametrize("formula", FORMULAS)
def test_order_of_rows_draws_and_classes_and_chunks_do_not_matter(formula, rng):
    samples = draws(rng, 5, 4000, 3)
    expected = formula(samples)
    rows, members = rng.permutation(4000), rng.permutation(5)
    np.testing.assert_allclose(formula(samples[:, rows]), expected[rows], atol=1e-12)
    np.testing.assert_allclose(formula(samples[members]), expected, atol=1e-12)
    np.testing.assert_allclose(formula(samples[:, :, ::-1]), expected, atol=1e-12)
    parts = [formula(samples[:, start : start + 77]) for start in range(0, 4000, 77)]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-12)


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_refuse_other_shapes(formula):
    with pytest.raises(ValueError, match=r"samples must be an array of shape \(S, n"):
        formula([[0.5, 0.5]])
    assert formula(np.empty((3, 0, 2))).shape == (0,)


# The strategies ------------------------------------------------------------------


@pytest.fixture(scope="module")
def forest(digits):
    X, _, y, _ = digits
    return RandomForestClassifier(12, max_depth=5, random_state=0).fit(X[:80], y[:80])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scores_are_the_formula_of_the_members(strategy, forest, digits):
    X = digits[1]
    members = np.array([tree.predict_proba(X) for tree in forest.estimators_])
    expected = REFERENCES[STRATEGIES[strategy]](members)
    scores = strategy().score_samples(forest, X)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    expected = REFERENCES[STRATEGIES[strategy]](members[:5])
    scores = strategy(n_samples=5).score_samples(forest, X)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_two_names_of_one_score_pick_the_same_rows(forest, digits):
    X = digits[1]
    for first, second in ((BALD, KLDivergence), (PredictiveEntropy, ConsensusEntropy)):
        np.testing.assert_array_equal(
            first()(forest, X, 20, random_state=0)[0],
            second()(forest, X, 20, random_state=0)[0],
        )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_stream_of_chunks_scores_as_the_whole(strategy, rng):
    """40 members on 50 000 rows of 10 classes are too many samples to keep."""
    X = rng.normal(size=(50_000, 2))
    y = np.arange(200) % 10
    model = RandomForestClassifier(40, max_depth=3, random_state=0).fit(X[:200], y)
    scores = strategy().score_samples(model, X)
    some = rng.permutation(50_000)[:500]
    expected = strategy().score_samples(model, X[some])
    np.testing.assert_allclose(scores[some], expected, atol=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_multilabel_scores_are_means_over_labels(strategy):
    X, Y = make_multilabel_classification(200, n_classes=3, random_state=0)
    model = RandomForestClassifier(9, max_depth=3, random_state=0).fit(X[:80], Y[:80])
    reference = REFERENCES[STRATEGIES[strategy]]
    by_label = [
        reference(np.array([tree.predict_proba(X)[j] for tree in model.estimators_]))
        for j in range(3)
    ]
    scores = strategy().score_samples(ModelView(model, X[:80], Y[:80]), X)
    np.testing.assert_allclose(scores, np.mean(by_label, axis=0), atol=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_only_committees_of_classifiers_are_served(strategy, blobs):
    X, y = blobs
    with pytest.raises(TypeError, match=r"LogisticRegression does not offer.*forest"):
        strategy()(LogisticRegression().fit(X, y), X)
    model = RandomForestRegressor(3, random_state=0).fit(X, y + 0.5)
    match = rf"{strategy.__name__} needs a classifier.*CommitteeStd"
    with pytest.raises(TypeError, match=match):
        strategy()(model, X)
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        strategy(n_samples=0)(RandomForestClassifier(3, random_state=0).fit(X, y), X)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_learner_runs_with_the_name(strategy, digits):
    X, _, y, _ = digits
    name = {
        BALD: "bald",
        PredictiveEntropy: "predictive_entropy",
        VariationRatio: "variation_ratio",
        MeanStd: "mean_std",
    }[strategy]
    assert type(as_strategy(name)) is strategy
    learner = ActiveLearner(
        RandomForestClassifier(10, max_depth=3), name, n_labels=40, random_state=0
    )
    learner.fit(X, y)
    assert len(np.unique(np.concatenate(learner.history_["indices"]))) == 40


@pytest.mark.parametrize("name", ["bald", "batch_bald", "epig", "mean_std", "entropy"])
def test_scores_know_no_class_that_has_no_label(name):
    """Columns of padding used to change rounding, ties and with them the picks."""
    X, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(10, random_state=0).fit(X[:120:5], y[:120:5])
    views = (
        ModelView(forest, X[:120:5], y[:120:5], classes=classes, random_state=0)
        for classes in (None, range(9))
    )
    known, padded = (as_strategy(name)(view, X, 3, random_state=0) for view in views)
    np.testing.assert_array_equal(known[0], padded[0])
    np.testing.assert_array_equal(known[1]["score"], padded[1]["score"])
