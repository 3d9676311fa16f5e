"""Batches of uncertain and different rows: each by hand, and in bounded memory."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import peak_bytes
from scipy.stats import chisquare, entropy
from sklearn.datasets import load_diabetes, make_multilabel_classification
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import NearestNeighbors

from skal import ActiveLearner, ModelView
from skal.exceptions import PoolExhaustedError
from skal.query import (
    CDAL,
    CLUE,
    FALCUN,
    ALFAMix,
    ClusterMargin,
    ContrastiveAL,
    DiscriminativeAL,
    DropQuery,
    Entropy,
    InformationDensity,
    Margin,
    RandomSampling,
    WeightedKMeans,
)
from skal.query.functional import (
    alfa_mix,
    badge,
    bait,
    cdal,
    clue,
    cluster_margin,
    contrastive,
    discriminative,
    drop_query,
    expected_gradient_length,
    falcun,
    information_density,
    kmeans_sampling,
    margin,
    weighted_kmeans,
)
from skal.query.functional import entropy as entropy_of
from skal.query.functional._perturbation import _changed_by, _slopes_of

N_CLASSES, N_FEATURES = 4, 8
SLOPES = np.random.RandomState(7).normal(size=(N_FEATURES, N_CLASSES))


def head(E):
    """Return the probabilities of a linear last layer and a softmax."""
    logits = np.asarray(E @ SLOPES) + np.arange(N_CLASSES) / 4
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    return proba / proba.sum(axis=1, keepdims=True)


KNOWN = np.random.RandomState(8).normal(size=(12, N_FEATURES))
Y_KNOWN = np.arange(12) % 3

#: Each formula that picks a batch, as a function of E, n_instances and the seed.
BATCHES = {
    "badge": lambda E, n, seed: badge(head(E), E, n, random_state=seed),
    "bait": lambda E, n, seed: bait(head(E), E, n, random_state=seed),
    "clue": lambda E, n, seed: clue(head(E), E, n, random_state=seed),
    "cluster_margin": lambda E, n, seed: cluster_margin(
        head(E), E, n, random_state=seed
    ),
    "weighted_kmeans": lambda E, n, seed: weighted_kmeans(
        entropy_of(head(E)), E, n, random_state=seed
    ),
    "falcun": lambda E, n, seed: falcun(head(E), n, random_state=seed),
    "cdal": lambda E, n, seed: cdal(head(E), n, random_state=seed),
    "discriminative": lambda E, n, seed: discriminative(
        E, n, KNOWN.astype(E.dtype), random_state=seed
    ),
    "drop_query": lambda E, n, seed: drop_query(head, E, n, random_state=seed),
    "alfa_mix": lambda E, n, seed: alfa_mix(
        head, E, n, KNOWN.astype(E.dtype), Y_KNOWN, random_state=seed
    ),
}


# All of them ---------------------------------------------------------------------


@pytest.mark.parametrize("name", BATCHES)
def test_no_row_is_repeated_where_rows_repeat(name, rng):
    E = rng.normal(size=(9, N_FEATURES)).astype(np.float32)
    E = E[rng.permutation(np.repeat(np.arange(9), 20))]
    for n in (5, 40):
        picked = BATCHES[name](E, n, 0)
        assert picked.dtype == np.int64
        assert len(set(picked)) == len(picked) == n


@pytest.mark.parametrize("name", BATCHES)
def test_the_whole_pool_and_one_row_can_be_picked(name, rng):
    E = rng.normal(size=(25, N_FEATURES))
    assert sorted(BATCHES[name](E, 25, 0)) == list(range(25))
    assert BATCHES[name](E[:1], 1, 0).tolist() == [0]


@pytest.mark.parametrize("name", BATCHES)
def test_sparse_embeddings_serve(name, rng):
    E = rng.normal(size=(60, N_FEATURES))
    E[np.abs(E) < 0.5] = 0
    picked = BATCHES[name](sp.csr_array(E), 10, 0)
    assert len(set(picked)) == 10


@pytest.mark.parametrize("name", BATCHES)
def test_more_rows_than_the_pool_holds_are_refused(name, rng):
    with pytest.raises(PoolExhaustedError, match="at most 3, the number of rows"):
        BATCHES[name](rng.normal(size=(3, N_FEATURES)), 4, 0)


@pytest.mark.parametrize("name", BATCHES)
def test_memory_is_a_part_of_the_embeddings(name):
    """Beyond a fixed buffer, and a copy of the rows that are clustered."""
    small, large = (
        np.random.default_rng(0).standard_normal((n, N_FEATURES), dtype=np.float32)
        for n in (20_000, 60_000)
    )
    peaks = [peak_bytes(BATCHES[name], E, 10, 0) for E in (small, large)]
    answers = 40_000 * N_CLASSES * 8 * 4  # probabilities, and what heads make of them
    assert peaks[1] - peaks[0] < 2 * (large.nbytes - small.nbytes) + answers


# Clusters ------------------------------------------------------------------------


def test_clue_weighs_rows_by_their_entropy(rng):
    E = rng.normal(size=(80, N_FEATURES))
    proba = head(E)
    expected = kmeans_sampling(
        E, 6, sample_weight=entropy(proba, axis=1), random_state=3
    )
    np.testing.assert_array_equal(clue(proba, E, 6, random_state=3), expected)


def test_the_temperature_of_clue_is_that_of_the_softmax(rng):
    E = rng.normal(size=(80, N_FEATURES))
    logits = E @ SLOPES
    softened = np.exp(logits / 2.5)
    softened /= softened.sum(axis=1, keepdims=True)
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    picked = clue(proba, E, 6, temperature=2.5, random_state=3)
    expected = clue(softened, E, 6, random_state=3)
    np.testing.assert_array_equal(picked, expected)


def test_clue_serves_where_the_model_is_sure_of_everything():
    proba = np.tile([1.0, 0.0], (20, 1))
    picked = clue(proba, np.arange(20.0), 5, random_state=0)
    assert len(set(picked)) == 5


def test_weighted_kmeans_by_hand():
    """Zhdanov: the four best of five rows, two clusters, weighted means, middles."""
    E = [[0.0], [1.0], [10.0], [11.0], [50.0]]
    scores = [1.0, 0.1, 0.2, 1.0, 0.05]
    for seed in range(20):
        picked = weighted_kmeans(scores, E, 2, beta=2, random_state=seed)
        # The means 0.09 and 10.83 are nearest to rows 0 and 3; the latter weighs more.
        assert picked.tolist() == [3, 0]


def test_weighted_kmeans_at_beta_1_takes_the_best_rows(rng):
    scores = rng.random_sample(50)
    picked = weighted_kmeans(scores, rng.normal(size=(50, 3)), 8, beta=1)
    assert sorted(picked) == sorted(np.argsort(-scores)[:8])


def test_cluster_margin_takes_small_clusters_first_and_then_goes_round():
    E = np.repeat([0.0, 10.0, 30.0], [1, 2, 4]) + np.linspace(0, 0.1, 7)
    cluster = np.repeat([0, 1, 2], [1, 2, 4])
    proba = np.column_stack([np.linspace(0.5, 0.6, 7), np.linspace(0.5, 0.4, 7)])
    for seed in range(10):
        picked = cluster_margin(
            proba, E, 6, shortlist=2, n_clusters=3, random_state=seed
        )
        assert cluster[picked].tolist() == [0, 1, 2, 1, 2, 2]


def test_cluster_margin_looks_at_small_margins_only(rng):
    E = rng.normal(size=(200, N_FEATURES))
    proba = head(E)
    picked = cluster_margin(proba, E, 5, shortlist=4, random_state=0)
    assert set(picked) <= set(np.argsort(margin(proba))[:20])


# Probabilities -------------------------------------------------------------------


def test_falcun_draws_by_uncertainty_and_distance():
    """The first and the second of 2 000 draws, against their exact chances."""
    proba = head(np.random.RandomState(2).normal(size=(10, N_FEATURES)) / 3)
    gamma = 3.0
    unsure = 1 - margin(proba)
    first = (2 * unsure) ** gamma
    first /= first.sum()
    second = np.zeros(10)
    for row in range(10):
        nearest = np.minimum(unsure, np.abs(proba - proba[row]).sum(axis=1))
        wanted = (unsure + nearest / nearest.max()) ** gamma
        wanted[row] = 0
        second += first[row] * wanted / wanted.sum()
    state = np.random.RandomState(0)
    draws = [falcun(proba, 2, gamma=gamma, random_state=state) for _ in range(2000)]
    for picks, chances in zip(np.transpose(draws), (first, second), strict=True):
        counts = np.bincount(picks, minlength=10)
        assert chisquare(counts, 2000 * chances).pvalue > 1e-3


def test_gamma_goes_from_chance_to_greed(rng):
    proba = head(rng.normal(size=(50, N_FEATURES)))
    greedy = {falcun(proba, 1, gamma=2000.0, random_state=s)[0] for s in range(20)}
    assert greedy == {margin(proba).argmin()}
    even = [falcun(proba, 1, gamma=0.0, random_state=seed)[0] for seed in range(400)]
    assert chisquare(np.bincount(even, minlength=50)).pvalue > 1e-3


def divergence(p, q):
    return (entropy(p, q) + entropy(q, p)) / 2


def test_cdal_picks_the_farthest_row_as_brute_force_does(rng):
    proba, known = head(rng.normal(size=(40, N_FEATURES))), head(KNOWN)
    nearest = [min(divergence(p, q) for q in known) for p in proba]
    expected: list[int] = []
    for _ in range(8):
        expected.append(int(np.argmax(nearest)))
        apart = [divergence(p, proba[expected[-1]]) for p in proba]
        nearest = np.minimum(nearest, apart)
    picked = cdal(proba, 8, proba_labeled=known)
    assert picked.tolist() == expected


def test_cdal_starts_in_the_middle():
    proba = [[0.9, 0.1], [0.55, 0.45], [0.1, 0.9]]
    assert cdal(proba, 1).tolist() == [1]
    assert set(cdal(proba, 3, random_state=0)) == {0, 1, 2}
    with pytest.raises(ValueError, match="must have the 2 columns of proba, got"):
        cdal(proba, 1, proba_labeled=[[0.2, 0.3, 0.5]])


# Against the labelled rows -------------------------------------------------------


@pytest.mark.parametrize("n_neighbors", [1, 5, 40])
def test_contrastive_is_the_mean_divergence_to_near_labelled_rows(n_neighbors, rng):
    E, known = rng.normal(size=(30, 3)), rng.normal(size=(15, 3))
    proba, proba_known = rng.dirichlet(np.ones(4), 30), rng.dirichlet(np.ones(4), 15)
    size = min(n_neighbors, 15)
    near = NearestNeighbors(n_neighbors=size).fit(known).kneighbors(E)[1]
    expected = [
        np.mean([entropy(proba_known[j], p) for j in row])
        for p, row in zip(proba, near, strict=True)
    ]
    scores = contrastive(proba, E, proba_known, known, n_neighbors=n_neighbors)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    mixed = contrastive(
        proba, E, proba_known, sp.csr_array(known), n_neighbors=n_neighbors
    )
    np.testing.assert_allclose(mixed, expected, rtol=1e-5)


def test_contrastive_refuses_what_does_not_fit():
    proba, E = [[0.5, 0.5]], [[0.0]]
    with pytest.raises(ValueError, match=r"must have rows of 2 classes.*\(1, 3\)"):
        contrastive(proba, E, [[0.2, 0.3, 0.5]], [[0.0]])
    with pytest.raises(ValueError, match="labeled must have the 1 columns of E"):
        contrastive(proba, E, [[0.5, 0.5]], [[0.0, 1.0]])


def test_discriminative_ranks_as_scikit_learn_does(rng):
    E, known = rng.normal(size=(300, 5)) + 0.5, rng.normal(size=(30, 5))
    picked = discriminative(E, 30, known, n_sub_batches=1, regularization=0.01)
    scale = np.sqrt((E**2).mean())
    model = LogisticRegression(C=100 / 330, class_weight="balanced", tol=1e-8)
    model.fit(np.concatenate([known, E]) / scale, np.arange(330) >= 30)
    expected = np.argsort(-model.decision_function(E / scale))[:30]
    assert len(np.intersect1d(picked, expected)) >= 29


def test_discriminative_spreads_its_parts():
    """One part takes all from the farther group, several from both."""
    rng = np.random.RandomState(0)
    groups = np.repeat([[8.0, 0.0], [0.0, 5.0]], 50, axis=0)
    E, known = groups + 0.1 * rng.normal(size=(100, 2)), rng.normal(size=(10, 2)) - 2
    picked = discriminative(E, 20, known, n_sub_batches=1, random_state=0)
    assert (picked < 50).all()
    picked = discriminative(E, 20, known, n_sub_batches=20, random_state=0)
    assert 3 < (picked < 50).sum() < 17


def test_discriminative_learns_from_a_sample_of_a_large_pool(rng):
    E, known = rng.normal(size=(2000, 5)) + 0.5, rng.normal(size=(30, 5))
    full = discriminative(E, 200, known, n_sub_batches=1)
    part = discriminative(E, 200, known, n_sub_batches=1, max_rows=800, random_state=0)
    assert 100 < len(np.intersect1d(full, part)) < 200


def test_discriminative_refuses_a_pool_without_labels():
    with pytest.raises(ValueError, match="labeled must hold at least one row"):
        discriminative([[0.0], [1.0]], 1, None)


# Density -------------------------------------------------------------------------


def test_information_density_is_the_mean_cosine(rng):
    E, scores = rng.normal(size=(40, 3)), rng.random_sample(40)
    E[0] = 0
    density = (1 + cosine_similarity(E).mean(axis=1)) / 2
    for beta in (0.0, 1.0, 2.5):
        np.testing.assert_allclose(
            information_density(scores, E, beta=beta), scores * density**beta
        )
    np.testing.assert_allclose(
        information_density(scores, sp.csr_array(E)), scores * density
    )


def test_information_density_refuses_scores_below_0():
    with pytest.raises(ValueError, match=r"scores must be from 0 up, got -1\.0"):
        information_density([-1.0, 0.0], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="must have the same rows"):
        information_density([1.0], [[1.0], [2.0]])
    with pytest.raises(ValueError, match=r"must have shape \(n,\), got \(1, 1\)"):
        information_density([[1.0]], [[1.0]])


# Disturbed embeddings ------------------------------------------------------------


def test_drop_query_picks_among_rows_whose_prediction_changes():
    """A head of one feature: without it the prediction is class 1."""

    def fragile(E):
        sure = (E[:, 0] > 0.5).astype(float)
        return np.column_stack([sure, 1 - sure])

    E = np.zeros((100, 5))
    E[:30, 0] = 1 + np.arange(30)
    changed = [drop_query(fragile, E, 10, random_state=seed) for seed in range(5)]
    assert np.max(changed) < 30


def test_drop_query_lets_in_rows_that_change_less_often():
    E = np.random.RandomState(0).normal(size=(40, N_FEATURES)) * 10
    assert len(set(drop_query(head, E, 30, dropout=0.0, random_state=0))) == 30


def test_slopes_of_a_linear_head_are_exact(rng):
    E = rng.normal(size=(300, N_FEATURES)).astype(np.float32)
    centred = SLOPES - SLOPES.mean(axis=1, keepdims=True)
    slopes = _slopes_of(head, E, np.random.RandomState(0))
    np.testing.assert_allclose(slopes, centred, atol=1e-5)
    slopes = _slopes_of(head, sp.csr_array(E), np.random.RandomState(0))
    np.testing.assert_allclose(slopes, centred, atol=1e-5)


def test_the_gradient_is_that_of_the_loss(rng):
    """Against central differences of the loss of the predicted class."""
    z = rng.normal(size=N_FEATURES)
    p = head(z[np.newaxis])[0]
    label, step = p.argmax(), 1e-5
    numeric = [
        (np.log(head((z - d)[np.newaxis])) - np.log(head((z + d)[np.newaxis])))[
            0, label
        ]
        / (2 * step)
        for d in step * np.eye(N_FEATURES)
    ]
    slopes = _slopes_of(head, rng.normal(size=(100, N_FEATURES)), rng)
    gradient = (p - np.eye(N_CLASSES)[label]) @ slopes.T
    np.testing.assert_allclose(gradient, numeric, atol=1e-6)


def test_alfa_mix_changes_the_rows_next_to_the_boundary_first(rng):
    E = rng.normal(size=(500, N_FEATURES))
    slopes = _slopes_of(head, E, rng)
    anchors = [KNOWN[label == Y_KNOWN].mean(axis=0) for label in range(3)]
    margins = margin(head(E))
    before: set[int] = set()
    for step in (1 / 32, 1 / 8, 1 / 2):
        changed = _changed_by(head, E, slopes, anchors, step)
        assert before <= set(changed)
        before = set(changed)
    changed = _changed_by(head, E, slopes, anchors, 1 / 32)
    assert 0 < len(changed) < 250
    assert margins[changed].mean() < margins.mean() / 2


def test_alfa_mix_by_hand():
    """The gradient runs along both features, the anchor lies along the second one."""

    def plane(E):
        p = 1 / (1 + np.exp(-(E[:, 0] + E[:, 1])))
        return np.column_stack([1 - p, p])

    E = np.array([[1.0, 1.0], [1.0, -0.5], [8.0, 8.0]])
    anchors = [np.array([1.0, -2.0])]
    slopes = np.array([[-0.5, 0.5], [-0.5, 0.5]])
    # Only the second feature may move: by at most 3 and 1.5 and 10, of which .5 of
    # |z* - z| / sqrt(2) is 1.06, .53 and 4.3; 2, .5 and 16 are needed.
    assert _changed_by(plane, E, slopes, anchors, 0.5).tolist() == [1]
    assert _changed_by(plane, E, slopes, anchors, 1.0).tolist() == [0, 1]


def test_alfa_mix_draws_at_random_where_no_prediction_changes(rng):
    def stubborn(E):
        return np.tile([0.9, 0.1], (len(E), 1))

    E = rng.normal(size=(50, 3))
    picked = [
        alfa_mix(stubborn, E, 5, E[:3], [0, 1, 1], random_state=seed)
        for seed in range(100)
    ]
    assert all(len(set(batch)) == 5 for batch in picked)
    assert len(np.unique(picked)) == 50


def test_alfa_mix_and_drop_query_refuse_what_does_not_fit():
    E = [[0.0], [1.0]]
    with pytest.raises(ValueError, match="labeled must hold at least one row"):
        alfa_mix(head, E, 1, None, [])
    with pytest.raises(ValueError, match="y_labeled and labeled must have the same"):
        alfa_mix(head, E, 1, [[0.0]], [0, 1])
    with pytest.raises(ValueError, match=r"dropout must be below 1, got 1\.0"):
        drop_query(head, E, 1, dropout=1.0)
    with pytest.raises(ValueError, match="n_passes must be at least 1"):
        drop_query(head, E, 1, n_passes=0)


def test_parameters_out_of_range_are_refused():
    proba, E = [[0.5, 0.5], [0.2, 0.8]], [[0.0], [1.0]]
    with pytest.raises(ValueError, match=r"temperature must be above 0, got 0\.0"):
        clue(proba, E, 1, temperature=0.0)
    with pytest.raises(ValueError, match=r"beta must be in \[1, inf\], got 0\.5"):
        weighted_kmeans([0.1, 0.2], E, 1, beta=0.5)
    with pytest.raises(ValueError, match=r"shortlist must be in \[1, inf\]"):
        cluster_margin(proba, E, 1, shortlist=0.1)
    with pytest.raises(ValueError, match="n_clusters must be at least 1"):
        cluster_margin(proba, E, 1, n_clusters=0)
    with pytest.raises(ValueError, match=r"gamma must be in \[0, inf\]"):
        falcun(proba, 1, gamma=-1.0)
    with pytest.raises(ValueError, match="scores must be 2 finite numbers from 0 up"):
        weighted_kmeans([-0.1, 0.2], E, 1)
    with pytest.raises(ValueError, match="n_sub_batches must be at least 1"):
        discriminative(E, 1, [[0.0]], n_sub_batches=0)


# In a learner --------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(digits):
    """A view of a model of the digits, and the pool."""
    X_train, X_test, y_train, _ = digits
    model = LogisticRegression(max_iter=500).fit(X_train[:60], y_train[:60])
    return ModelView(model, X_train[:60], y_train[:60]), X_test


def test_strategies_and_formulas_agree(asked):
    view, X = asked
    proba, E = view.predict_proba(X), view.embed(X)
    known = view.predict_proba(view.X_training), view.embed(view.X_training)
    pairs = [
        (CLUE(temperature=2.0), partial(clue, proba, E, temperature=2.0)),
        (
            ClusterMargin(4, 6),
            partial(cluster_margin, proba, E, shortlist=4, n_clusters=6),
        ),
        (FALCUN(5.0), partial(falcun, proba, gamma=5.0)),
        (CDAL(), partial(cdal, proba, proba_labeled=known[0])),
        (
            DiscriminativeAL(3),
            partial(discriminative, E, labeled=known[1], n_sub_batches=3),
        ),
        (
            DropQuery(5, 0.5),
            partial(drop_query, view.head_proba, E, n_passes=5, dropout=0.5),
        ),
        (
            ALFAMix(),
            partial(
                alfa_mix,
                view.head_proba,
                E,
                labeled=known[1],
                y_labeled=view.y_training,
            ),
        ),
    ]
    uncertainties = {
        "margin": 1 - margin(proba),
        "least_confidence": 1 - proba.max(axis=1),
        "entropy": entropy_of(proba),
    }
    pairs += [
        (WeightedKMeans(3, score), partial(weighted_kmeans, values, E, beta=3))
        for score, values in uncertainties.items()
    ]
    for strategy, formula in pairs:
        picked = strategy(view, X, 12, random_state=1)
        expected = formula(n_instances=12, random_state=1)
        np.testing.assert_array_equal(picked, expected, err_msg=repr(strategy))
    np.testing.assert_array_equal(
        ContrastiveAL(4).score_samples(view, X),
        contrastive(proba, E, *known, n_neighbors=4),
    )
    np.testing.assert_array_equal(
        InformationDensity(beta=2.0).score_samples(view, X),
        information_density(entropy_of(proba), E, beta=2.0),
    )


@pytest.mark.parametrize(
    "name",
    [
        "alfa_mix",
        "cdal",
        "clue",
        "cluster_margin",
        "contrastive",
        "discriminative",
        "drop_query",
        "falcun",
        "information_density",
        "weighted_kmeans",
    ],
)
def test_strategies_go_by_their_names(name, digits):
    X, _, y, _ = digits
    learner = ActiveLearner(
        LogisticRegression(), name, n_labels=40, n_initial=20, random_state=0
    )
    assert learner.fit(X[:300], y[:300]).n_iter_ == 2


@pytest.mark.parametrize(
    "strategy",
    [
        ALFAMix(),
        CDAL(),
        CLUE(),
        ClusterMargin(),
        ContrastiveAL(),
        DropQuery(),
        FALCUN(),
    ],
)
def test_classification_strategies_refuse_other_targets(strategy):
    X, y = load_diabetes(return_X_y=True)
    forest = RandomForestRegressor(3, random_state=0).fit(X[:50], y[:50])
    with pytest.raises(TypeError, match="For a regressor use"):
        strategy(ModelView(forest, X[:50], y[:50]), X, 2)


@pytest.mark.parametrize("strategy", [ALFAMix(), CDAL(), ContrastiveAL(), DropQuery()])
def test_strategies_of_one_class_a_row_refuse_several_labels(strategy):
    X, y = make_multilabel_classification(60, random_state=0)
    model = MultiOutputClassifier(LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="needs one class a row, got multilabel"):
        strategy(ModelView(model, X, y), X, 2)


def test_discriminative_serves_regressors(rng):
    X, y = load_diabetes(return_X_y=True)
    forest = RandomForestRegressor(3, random_state=0).fit(X[:50], y[:50])
    picked = DiscriminativeAL()(ModelView(forest, X[:50], y[:50]), X[50:], 5)
    assert len(set(picked)) == 5


def test_a_net_is_asked_through_its_embedding_and_its_head(digits):
    """The gradient found from probabilities is that of the net's last layer."""
    from skal.nets import CNNClassifier

    X, _, y, _ = digits
    X = X[:200].reshape(-1, 8, 8).astype(np.float32)
    net = CNNClassifier(channels=(4,), hidden=16, max_steps=20, random_state=0)
    view = ModelView(net.fit(X[:60], y[:60]), X[:60], y[:60])
    E = view.embed(X[60:])
    residual = (
        view.head_proba(E) - np.eye(10)[view.predict_proba(X[60:]).argmax(axis=1)]
    )
    found = residual @ _slopes_of(view.head_proba, E, np.random.RandomState(0)).T
    expected = residual @ net.passes().head.weight.detach().numpy()
    alive = E.std(axis=0) > 1e-3  # along the others the rows tell nothing
    np.testing.assert_allclose(found[:, alive], expected[:, alive], atol=1e-3)
    for strategy in (ALFAMix(), DropQuery(), CLUE()):
        assert len(set(strategy(view, X[60:], 10, random_state=0))) == 10


@pytest.mark.parametrize("strategy", [ContrastiveAL(), DiscriminativeAL(), ALFAMix()])
def test_strategies_that_compare_with_labels_ask_for_some(strategy, asked):
    view, X = asked
    with pytest.raises(TypeError, match=r"needs labels, .* Label some rows first"):
        strategy(view.estimator, X, 2)


def test_information_density_weighs_strategies_that_score(asked):
    view, X = asked
    assert InformationDensity("vote_entropy").needs == {"votes", "embed"}
    np.testing.assert_allclose(
        InformationDensity(Entropy(), beta=0.0).score_samples(view, X),
        Entropy().score_samples(view, X),
    )
    with pytest.raises(
        TypeError, match="must be a strategy that scores rows, got Rand"
    ):
        InformationDensity(RandomSampling()).score_samples(view, X)
    with pytest.raises(ValueError, match="base must give scores from 0 up"):
        InformationDensity(BelowZero()).score_samples(view, X)


class BelowZero(Margin):
    """A score below 0 that says no bound."""

    alias = None
    lowest = None


def test_weighted_kmeans_knows_its_scores(asked):
    view, X = asked
    with pytest.raises(ValueError, match="score must be one of 'entropy'"):
        WeightedKMeans(score="entropi")(view, X, 2)


@pytest.mark.parametrize("formula", [falcun, cdal])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_probabilities_that_are_not_finite_are_refused(formula, value):
    with pytest.raises(ValueError, match="proba must hold finite numbers"):
        formula([[0.5, 0.5], [value, 0.5]], 1)


GOOD = np.array([[0.5, 0.5], [0.2, 0.8]])
FINITE = {
    "expected_gradient_length proba": lambda p: expected_gradient_length(p, GOOD),
    "expected_gradient_length E": lambda E: expected_gradient_length(GOOD, E),
    "clue proba": lambda p: clue(p, GOOD, 1),
    "clue E": lambda E: clue(GOOD, E, 1),
    "cluster_margin proba": lambda p: cluster_margin(p, GOOD, 1),
    "cluster_margin E": lambda E: cluster_margin(GOOD, E, 1),
    "contrastive proba": lambda p: contrastive(p, GOOD, GOOD, GOOD),
    "contrastive E": lambda E: contrastive(GOOD, E, GOOD, GOOD),
    "contrastive proba_labeled": lambda p: contrastive(GOOD, GOOD, p, GOOD),
    "contrastive labeled": lambda E: contrastive(GOOD, GOOD, GOOD, E),
    "discriminative E": lambda E: discriminative(E, 1, GOOD),
    "discriminative labeled": lambda E: discriminative(GOOD, 1, E),
    "information_density E": lambda E: information_density([1.0, 1.0], E),
    "information_density scores": lambda scores: information_density(scores[1], GOOD),
}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("case", FINITE)
def test_formulas_name_what_is_not_finite(case, value):
    """They took it without a word, and answered NaN or just anything."""
    name, formula, bad = case.split()[1], FINITE[case], GOOD.copy()
    formula(bad)
    bad[1, 0] = value
    for one in [bad] + [sp.csr_array(bad)] * (name in ("E", "labeled")):
        with pytest.raises(ValueError, match=f"^{name} must hold finite numbers"):
            formula(one)


def test_a_shortlist_without_end_is_the_pool(rng):
    E, proba = rng.normal(size=(20, 2)), rng.dirichlet([1, 1], size=20)
    assert len(cluster_margin(proba, E, 3, shortlist=np.inf, random_state=0)) == 3
