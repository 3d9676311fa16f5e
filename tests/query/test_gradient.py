"""Gradient strategies: lengths, BADGE and BAIT against plain algorithms."""

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import peak_bytes
from scipy.stats import chisquare
from sklearn.datasets import load_diabetes, make_multilabel_classification
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import BADGE, BAIT, ExpectedGradientLength
from skal.query.functional import badge, bait, expected_gradient_length
from skal.query.functional._distances import Points
from skal.query.functional._seeding import draw_far
from skal.testing import strategy_checks


def pool_of(rng, n, d=4, n_classes=3):
    """Draw probabilities and embeddings."""
    proba = rng.random_sample((n, n_classes)) ** 3 + 1e-3
    return proba / proba.sum(axis=1, keepdims=True), rng.normal(size=(n, d))


def gradients(proba, E):
    """Return the gradients of the predicted class, written out: (n, C (d + 1))."""
    residual = proba - np.eye(proba.shape[1])[proba.argmax(axis=1)]
    inputs = np.column_stack([E, np.ones(len(E))])
    return np.einsum("nc,nd->ncd", residual, inputs).reshape(len(E), -1)


def squared_distances(G):
    return ((G[:, np.newaxis] - G) ** 2).sum(axis=2)


# Expected gradient length --------------------------------------------------------


def test_expected_gradient_length_is_the_mean_length_over_the_labels(rng):
    proba, E = pool_of(rng, 20)
    inputs = np.column_stack([E, np.ones(20)])
    expected = np.zeros(20)
    for label in range(3):
        residual = proba - np.eye(3)[label]
        gradient = np.einsum("nc,nd->ncd", residual, inputs)
        expected += proba[:, label] * np.sqrt((gradient**2).sum(axis=(1, 2)))
    scores = expected_gradient_length(proba, E)
    np.testing.assert_allclose(scores, expected)
    np.testing.assert_allclose(expected_gradient_length(proba, sp.csr_array(E)), scores)


def test_expected_gradient_length_by_hand():
    scores = expected_gradient_length([[0.5, 0.5], [0.0, 1.0]], [[3.0], [3.0]])
    np.testing.assert_allclose(scores, [np.sqrt(0.5) * np.sqrt(10), 0])


# BADGE ---------------------------------------------------------------------------


def test_badge_picks_as_explicit_gradients_do_from_the_same_stream(rng):
    proba, E = pool_of(rng, 200, d=6, n_classes=5)
    G = Points(gradients(proba, E), np.zeros(35))
    for seed in range(5):
        state = np.random.RandomState(seed)
        longest = state.choice([np.argmax(G.norms)])
        nearest = G.nearest(G.take([longest]))[1]
        explicit = draw_far(G, nearest, None, 79, state)
        picked = badge(proba, E, 80, random_state=seed)
        np.testing.assert_array_equal(picked, [longest, *explicit])


def test_badge_draws_by_squared_distance():
    """The second and the third pick of 2 000 draws, against their exact chances."""
    proba, E = pool_of(np.random.RandomState(3), 12)
    G = gradients(proba, E)
    apart = squared_distances(G)
    first = np.argmax((G**2).sum(axis=1))
    second = apart[first] / apart[first].sum()
    third = np.zeros(12)
    for row in np.delete(np.arange(12), first):
        nearest = np.minimum(apart[first], apart[row])
        third += second[row] * nearest / nearest.sum()
    state = np.random.RandomState(0)
    draws = np.array([badge(proba, E, 3, random_state=state) for _ in range(2000)])
    assert (draws[:, 0] == first).all()
    for picks, chances in ((draws[:, 1], second), (draws[:, 2], third)):
        counts = np.bincount(picks, minlength=12)
        assert counts[first] == 0
        left = np.arange(12) != first
        assert chisquare(counts[left], 2000 * chances[left]).pvalue > 1e-3


@pytest.mark.long
def test_old_distances_give_the_distribution_of_new_ones(monkeypatch):
    """Drawing by distances that miss many picks, against bringing them up to date."""
    from skal.query.functional import _seeding

    proba, E = pool_of(np.random.RandomState(5), 15)
    counts = []
    for n_stale in (1, 32):
        monkeypatch.setattr(_seeding, "_PICKS", n_stale)
        state = np.random.RandomState(0)
        draws = [badge(proba, E, 6, random_state=state)[-1] for _ in range(800)]
        counts.append(np.bincount(draws, minlength=15))
    new, old = np.array(counts)
    share = (new + old) / 2
    statistic = ((new - old) ** 2 / np.maximum(2 * share, 1)).sum()
    assert statistic < 40  # a chi-square with 14 degrees of freedom: 99.97 %


def test_badge_counts_the_bias():
    """Without it a row in the origin of the embedding would have no gradient."""
    proba = [[0.5, 0.5], [0.9, 0.1], [0.9, 0.1]]
    picked = badge(proba, [[0.0], [0.0], [0.01]], 1, random_state=0)
    assert picked.tolist() == [0]


def test_badge_repeats_no_row_where_rows_repeat(rng):
    """A peer returns the same position twice on such pools."""
    proba, E = pool_of(rng, 10, d=16)
    kinds = rng.permutation(np.repeat(np.arange(10), 30))
    for dtype in (np.float32, np.float64):
        picked = badge(proba[kinds], E[kinds].astype(dtype), 50, random_state=0)
        assert len(set(picked)) == 50
        assert sorted(kinds[picked[:10]]) == list(range(10))


def test_badge_draws_evenly_where_nothing_is_to_be_learnt():
    proba, E = np.tile([1.0, 0.0], (40, 1)), np.zeros((40, 2))
    picked = [badge(proba, E, 10, random_state=seed) for seed in range(100)]
    assert all(len(set(batch)) == 10 for batch in picked)
    assert len(np.unique(picked)) == 40


def test_badge_takes_sparse_embeddings_and_the_whole_pool(rng):
    proba, E = pool_of(rng, 30)
    dense = badge(proba, E, 30, random_state=0)
    assert sorted(dense) == list(range(30))
    sparse = badge(proba, sp.csr_array(E), 30, random_state=0)
    np.testing.assert_array_equal(sparse, dense)


def test_badge_makes_no_array_of_classes_by_features(rng):
    proba, E = pool_of(rng, 20_000, d=64, n_classes=10)
    E = E.astype(np.float32)
    assert peak_bytes(badge, proba, E, 100, random_state=0) < 0.75 * E.nbytes


@pytest.mark.parametrize("formula", [badge, bait])
def test_gradient_batches_refuse_what_does_not_fit(formula):
    proba = [[0.5, 0.5], [0.2, 0.8]]
    with pytest.raises(PoolExhaustedError, match="at most 2, the number of rows"):
        formula(proba, [[0.0], [1.0]], 3)
    with pytest.raises(ValueError, match="proba and E must have the same rows, got"):
        formula(proba, [[0.0]], 1)
    with pytest.raises(ValueError, match="n_instances must be at least 1"):
        formula(proba, [[0.0], [1.0]], 0)


def test_badge_refuses_numbers_that_are_not_finite():
    with pytest.raises(ValueError, match="finite numbers, got others in 1 of 2 rows"):
        badge([[0.5, 0.5], [0.2, 0.8]], [[np.nan], [1.0]], 1)


# BAIT ----------------------------------------------------------------------------


def brute_bait(proba, E, n, known=None, *, top=None, regularization=1.0):
    """Try every row in every step, with matrices written out and inverted anew."""

    def columns(p, e):
        h = np.append(e, 1)
        if top is None:
            return np.sqrt(p.max() * (1 - p.max())) * h[:, np.newaxis]
        parts = [
            np.sqrt(p[y]) * np.kron(np.eye(len(p))[y] - p, h)
            for y in np.argsort(-p)[:top]
        ]
        return np.stack(parts, axis=1)

    informations = [V @ V.T for V in map(columns, proba, E)]
    seen = [V @ V.T for V in map(columns, *known)] if known else []
    F = sum(informations + seen) / len(informations + seen)
    M = regularization * np.eye(len(F)) + sum(seen, np.zeros_like(F))

    def error(change):
        return np.trace(np.linalg.solve(M + change, F))

    picked: list[int] = []
    for _ in range(min(2 * n, len(proba))):
        left = [i for i in range(len(proba)) if i not in picked]
        picked.append(min(left, key=lambda i: error(informations[i])))
        M = M + informations[picked[-1]]
    while len(picked) > n:
        drop = min(picked, key=lambda i: error(-informations[i]))
        M = M - informations[drop]
        picked.remove(drop)
    return picked


@pytest.mark.parametrize("top", [None, 1, 2, 3])
@pytest.mark.parametrize("labeled", [False, True])
def test_bait_picks_as_brute_force_does(top, labeled, rng):
    proba, E = pool_of(rng, 25)
    known = pool_of(rng, 6) if labeled else None
    given = dict(zip(("proba_labeled", "labeled"), known or (None, None), strict=True))
    likelihood = "binary" if top is None else "categorical"
    for n in (1, 5, 20):
        picked = bait(
            proba,
            E,
            n,
            likelihood=likelihood,
            top_classes=top or 2,
            regularization=0.1,
            **given,
        )
        expected = brute_bait(proba, E, n, known, top=top, regularization=0.1)
        assert picked.tolist() == expected


def test_both_likelihoods_of_bait_agree_on_two_classes(rng):
    """Two opposite gradients of the softmax carry twice the information of one."""
    proba, E = pool_of(rng, 40, n_classes=2)
    binary = bait(proba, E, 8, regularization=0.05)
    categorical = bait(proba, E, 8, likelihood="categorical", regularization=0.1)
    np.testing.assert_array_equal(binary, categorical)


def test_bait_leaves_out_what_labelled_rows_have_taught():
    proba = np.full((3, 2), 0.5)
    E = [[5.0, 0.0], [0.0, 4.0], [5.0, 0.0]]
    assert bait(proba, E, 1, regularization=0.01, random_state=0)[0] in (0, 2)
    known = {"proba_labeled": np.full((20, 2), 0.5), "labeled": [[5.0, 0.0]] * 20}
    assert bait(proba, E, 1, regularization=0.01, **known).tolist() == [1]


@pytest.mark.parametrize("likelihood", ["binary", "categorical"])
def test_bait_breaks_ties_at_random_and_repeats_no_row(likelihood, rng):
    proba, E = pool_of(rng, 5)
    kinds = np.repeat(np.arange(5), 6)
    firsts = set()
    for seed in range(40):
        picked = bait(
            proba[kinds], E[kinds], 12, likelihood=likelihood, random_state=seed
        )
        assert len(set(picked)) == 12
        firsts.add(picked[0])
    assert len(firsts) > 3


def test_bait_takes_sparse_embeddings(rng):
    proba, E = pool_of(rng, 30)
    for likelihood in ("binary", "categorical"):
        dense = bait(proba, E, 5, likelihood=likelihood)
        sparse = bait(proba, sp.csr_array(E), 5, likelihood=likelihood)
        np.testing.assert_array_equal(dense, sparse)


@pytest.mark.long
def test_bait_makes_no_array_of_classes_by_features(rng):
    proba, E = pool_of(rng, 20_000, d=64, n_classes=10)
    E = E.astype(np.float32)
    assert peak_bytes(bait, proba, E, 20) < 1.5 * E.nbytes
    small, large = (
        peak_bytes(bait, proba[:n], E[:n], 5, likelihood="categorical")
        for n in (1000, 3000)
    )
    width = 10 * 65  # of a gradient
    assert large - small < 0.2 * 2000 * width * 4


def test_bait_refuses_parameters_out_of_range():
    proba, E = [[0.5, 0.5], [0.2, 0.8]], [[0.0], [1.0]]
    with pytest.raises(ValueError, match="likelihood must be one of 'binary'"):
        bait(proba, E, 1, likelihood="bernoulli")
    with pytest.raises(ValueError, match=r"regularization must be above 0, got 0\.0"):
        bait(proba, E, 1, regularization=0.0)
    with pytest.raises(ValueError, match="top_classes must be at least 1"):
        bait(proba, E, 1, likelihood="categorical", top_classes=0)
    with pytest.raises(ValueError, match="must be given together"):
        bait(proba, E, 1, labeled=[[1.0]])
    with pytest.raises(ValueError, match="must have the columns of proba and E"):
        bait(proba, E, 1, proba_labeled=[[0.5, 0.5]], labeled=[[1.0, 2.0]])


CATEGORICAL_LAWS = {"positions", "repeated_rows", "same_answer", "one_class", "sparse"}


@pytest.mark.long
def test_the_categorical_likelihood_keeps_the_laws_that_shapes_can_break():
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=501)
    X = rng.normal(size=(3, 3))[y] + rng.normal(size=(501, 3))
    laws = strategy_checks(BAIT("categorical"), X=X, y=y)
    for name, law in laws:
        if name in CATEGORICAL_LAWS:
            law()


# In a learner --------------------------------------------------------------------


def fitted_view(digits, random_state=None):
    X_train, X_test, y_train, _ = digits
    model = LogisticRegression(max_iter=500).fit(X_train[:60], y_train[:60])
    view = ModelView(model, X_train[:60], y_train[:60], random_state=random_state)
    return view, X_test


def test_strategies_and_formulas_agree(digits):
    view, X = fitted_view(digits)
    proba, E = view.predict_proba(X), view.embed(X)
    np.testing.assert_array_equal(
        BADGE()(view, X, 20, random_state=1), badge(proba, E, 20, random_state=1)
    )
    np.testing.assert_array_equal(
        ExpectedGradientLength().score_samples(view, X),
        expected_gradient_length(proba, E),
    )
    known = {"proba_labeled": view.predict_proba(view.X_training)}
    known["labeled"] = view.embed(view.X_training)
    options = {"likelihood": "categorical", "top_classes": 1, "regularization": 0.5}
    np.testing.assert_array_equal(
        BAIT(**options)(view, X, 4, random_state=1),
        bait(proba, E, 4, random_state=1, **options, **known),
    )


@pytest.mark.parametrize("name", ["badge", "bait", "expected_gradient_length"])
def test_gradient_strategies_go_by_their_names(name, digits):
    X, _, y, _ = digits
    learner = ActiveLearner(
        LogisticRegression(), name, n_labels=40, n_initial=20, random_state=0
    )
    assert learner.fit(X[:300], y[:300]).n_iter_ == 2


@pytest.mark.parametrize("strategy", [BADGE(), BAIT(), ExpectedGradientLength()])
def test_gradient_strategies_refuse_other_targets(strategy):
    X, y = load_diabetes(return_X_y=True)
    forest = RandomForestRegressor(3, random_state=0).fit(X[:50], y[:50])
    with pytest.raises(TypeError, match="For a regressor use"):
        strategy(forest, X, 2)


@pytest.mark.parametrize("strategy", [BAIT(), ExpectedGradientLength()])
def test_strategies_of_one_class_a_row_refuse_several_labels(strategy):
    X, y = make_multilabel_classification(60, random_state=0)
    model = MultiOutputClassifier(LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="needs one class a row, got multilabel"):
        strategy(ModelView(model, X, y), X, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bait_refuses_what_is_not_finite(value):
    with pytest.raises(ValueError, match="E must hold finite numbers"):
        bait([[0.5, 0.5], [0.2, 0.8]], [[value], [0.0]], 1)
    with pytest.raises(ValueError, match="proba must hold finite numbers"):
        bait([[0.5, 0.5], [value, 0.8]], [[1.0], [0.0]], 1)
