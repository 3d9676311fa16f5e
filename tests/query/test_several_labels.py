"""Strategies on rows that carry several labels each."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier

from skal import ActiveLearner, ModelView
from skal.query import (
    BADGE,
    CLUE,
    FALCUN,
    LCI,
    MMC,
    ClusterMargin,
    Margin,
    WeightedKMeans,
    functional,
)
from skal.query._several_labels import cardinality, n_present


@pytest.fixture(scope="module")
def view():
    X, Y = make_multilabel_classification(150, n_classes=4, random_state=0)
    model = OneVsRestClassifier(LogisticRegression()).fit(X[:60], Y[:60])
    return ModelView(model, X[:60], Y[:60]), X[60:]


def test_mmc_is_the_fall_of_the_loss():
    proba = np.array([[0.9, 0.2, 0.6], [0.1, 0.3, 0.2], [0.8, 0.8, 0.7]])
    signs = np.array([[1, -1, 1], [-1, -1, -1], [1, 1, 1]])  # 2, 0 and 3 labels
    expected = (1 - signs * (2 * proba - 1)).sum(axis=1) / 2
    np.testing.assert_allclose(functional.mmc(proba, [2, 0, 3]), expected)


def test_mmc_is_the_mean_of_margins_and_a_count_that_does_not_fit(view):
    view, X = view
    proba = view.predict_proba(X)
    as_predicted = (proba > 0.5).sum(axis=1)
    doubt = functional.mmc(proba, as_predicted)
    np.testing.assert_allclose(doubt, 2 + 2 * Margin().score_samples(view, X))
    one_more = np.minimum(as_predicted + 1, 4)
    next_best = np.where(proba > 0.5, 1, 1 - 2 * proba).min(axis=1)
    more = np.where(one_more > as_predicted, next_best, 0)
    np.testing.assert_allclose(functional.mmc(proba, one_more), doubt + more)


def test_mmc_learns_the_number_of_labels_from_the_sorted_shares(view):
    view, X = view
    known, proba = view.predict_proba(view.X_training), view.predict_proba(X)

    def shares(p):
        return -np.sort(-p, axis=1) / p.sum(axis=1, keepdims=True)

    helper = LogisticRegression(max_iter=1000)
    helper.fit(shares(known), view.y_training.sum(axis=1))
    expected = functional.mmc(proba, helper.predict(shares(proba)))
    np.testing.assert_allclose(MMC().score_samples(view, X), expected)


def test_the_number_of_labels_is_learnt_from_rows_known_whole():
    proba = np.array([[0.9, 0.9], [0.9, 0.1], [0.5, 0.5]])
    y = np.array([[1, 1], [1, 0], [1, np.nan]])
    assert n_present(proba[:2], proba, y).tolist() == [2, 1]
    assert n_present(proba, proba, y[[1, 2]][[0, 0, 1]]).tolist() == [1, 1, 1]
    alone = np.array([[1, np.nan], [np.nan, 1]])
    assert n_present(proba, proba[:2], alone).tolist() == [2, 2, 2]


def test_cardinality_counts_each_label_where_it_is_known():
    assert cardinality([[1, 0], [0, 0], [1, 1], [0, 0]]) == 0.75
    assert cardinality([[1, np.nan], [0, np.nan], [np.nan, 1]]) == 1.5


def test_lci_by_hand():
    proba = [[0.9, 0.2, 0.6], [0.1, 0.3, 0.2], [0.8, 0.9, 0.7]]
    gaps, strange = np.array([0.4, 0.7, 0.7]), np.array([0.5, 1.5, 1.5])
    for beta in (0, 0.25, 1):
        expected = gaps**-beta * strange ** (1 - beta)
        scores = functional.lci(proba, 1.5, beta=beta)
        np.testing.assert_allclose(scores, expected)


def test_lci_takes_the_cardinality_of_the_labelled_rows(view):
    view, X = view
    usual = view.y_training.sum(axis=1).mean()
    expected = functional.lci(view.predict_proba(X), usual, beta=0.3)
    np.testing.assert_allclose(LCI(0.3).score_samples(view, X), expected)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"n_present must be a number from 0 to 2 for"):
        functional.mmc([[0.1, 0.2]], [3])
    with pytest.raises(ValueError, match=r"cardinality must be in \[0, 2\], got 3"):
        functional.lci([[0.1, 0.2]], 3)
    with pytest.raises(ValueError, match=r"proba must .*finite"):
        functional.lci([[0.1, np.nan]], 1)


@pytest.mark.parametrize("strategy", [MMC(), LCI()])
def test_one_class_a_row_is_refused(strategy, blobs):
    X, y = blobs
    model = LogisticRegression().fit(X, y)
    with pytest.raises(TypeError, match="needs multilabel targets, got multiclass"):
        strategy(ModelView(model, X, y), X)


@pytest.mark.parametrize("strategy", [MMC(), LCI()])
def test_labelled_rows_are_needed(strategy, view):
    view, X = view
    with pytest.raises(TypeError, match=type(strategy).__name__):
        strategy(view.estimator, X)


@pytest.mark.parametrize("name", ["mmc", "lci", "badge", "clue", "falcun"])
def test_labels_that_nobody_has_seen_vary_are_served(name):
    X, Y = make_multilabel_classification(120, n_classes=5, random_state=1)
    Y[:40, 0], Y[:40, 1] = 0, 1  # live these are constant
    model = MultiOutputClassifier(LogisticRegression())
    learner = ActiveLearner(model, name, random_state=0).fit(X[:40], Y[:40])
    indices, _ = learner.query(X[40:], 5)
    assert len(set(indices.tolist())) == 5


# Batches: what each formula makes of labels that are distributions of their own ---


def test_badge_spreads_the_gradients_of_logistic_losses(view):
    view, X = view
    proba, E = view.predict_proba(X), view.embed(X)
    h = np.column_stack([E, np.ones(len(E))])
    residual = proba - (proba > 0.5)
    gradients = (residual[:, :, None] * h[:, None]).reshape(len(X), -1)
    points = functional._gradient.Gradients(proba, E.astype(float), multilabel=True)
    np.testing.assert_allclose(points.norms, (gradients**2).sum(axis=1))
    squared = ((gradients[:, None] - gradients[[3, 7]]) ** 2).sum(axis=2)
    found = points.squared(np.arange(len(X)), points.take([3, 7]))
    np.testing.assert_allclose(found, squared, rtol=1e-6, atol=1e-6)
    first = BADGE()(view, X, 5, random_state=0)[0]
    assert first == (gradients**2).sum(axis=1).argmax()


def as_two_classes(proba):
    return np.column_stack([1 - proba, proba])


def test_one_label_is_two_classes(view):
    """With one label alone the forms for labels pick what those for classes do."""
    view, X = view
    proba, E = view.predict_proba(X)[:, :1], view.embed(X)
    for formula, more in [
        (functional.badge, (E,)),
        (functional.clue, (E,)),
        (functional.cluster_margin, (E,)),
        (functional.falcun, ()),
    ]:
        expected = formula(as_two_classes(proba), *more, 10, random_state=0)
        picked = formula(proba, *more, 10, multilabel=True, random_state=0)
        np.testing.assert_array_equal(picked, expected, formula.__name__)


@pytest.mark.parametrize(
    ("strategy", "picks"),
    [
        (
            CLUE(2.0),
            lambda p, E: functional.clue(
                p, E, 6, temperature=2.0, multilabel=True, random_state=0
            ),
        ),
        (
            ClusterMargin(4),
            lambda p, E: functional.cluster_margin(
                p, E, 6, shortlist=4, multilabel=True, random_state=0
            ),
        ),
        (
            FALCUN(3),
            lambda p, E: functional.falcun(
                p, 6, gamma=3, multilabel=True, random_state=0
            ),
        ),
        (
            WeightedKMeans(4),
            lambda p, E: functional.weighted_kmeans(
                1 - np.abs(2 * p - 1).mean(axis=1), E, 6, beta=4, random_state=0
            ),
        ),
    ],
    ids=["CLUE", "ClusterMargin", "FALCUN", "WeightedKMeans"],
)
def test_batches_take_the_means_over_the_labels(strategy, picks, view):
    view, X = view
    expected = picks(view.predict_proba(X), view.embed(X))
    np.testing.assert_array_equal(strategy(view, X, 6, random_state=0), expected)
