"""Uncertainty scores are the formulas of the probabilities."""

import numpy as np
import pytest
import scipy.stats
from helpers import sorted_margin
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skal import ActiveLearner, ModelView, Rows
from skal.query import Entropy, LeastConfidence, Margin, Shortlist, StochasticBatch
from skal.query.functional import (
    decision_margin,
    entropy,
    least_confidence,
    margin,
)
from skal.testing import check_strategy

STRATEGIES = [LeastConfidence, Margin, Entropy]


REFERENCES = {
    LeastConfidence: lambda proba: 1 - proba.max(axis=1),
    Margin: lambda proba: -sorted_margin(proba),
    Entropy: lambda proba: scipy.stats.entropy(proba, axis=1),
}


@pytest.fixture(scope="module")
def multilabel():
    return make_multilabel_classification(200, n_classes=4, random_state=0)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scores_are_the_formula_of_the_probabilities(strategy, blobs):
    X, y = blobs
    model = LogisticRegression().fit(X[:100], y[:100])
    expected = REFERENCES[strategy](model.predict_proba(X))
    scores = strategy().score_samples(model, X)
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    picked, info = strategy()(model, X, n_instances=10)
    np.testing.assert_array_equal(picked, np.argsort(-scores)[:10])
    np.testing.assert_array_equal(info["score"], scores[picked])


def test_the_rows_between_the_classes_are_asked_first():
    X = np.array([[-5.0], [-2.0], [-0.1], [1.0], [4.0]])
    model = LogisticRegression().fit([[-1.0], [1.0]], ["no", "yes"])
    for strategy in STRATEGIES:
        assert strategy()(model, X, n_instances=5)[0].tolist() == [2, 3, 1, 4, 0]


def test_the_three_disagree_on_three_classes():
    """Two close, one best but low, many diffuse: each measure has its favourite."""
    proba = np.array(
        [[0.48, 0.47, 0.05, 0], [0.4, 0.3, 0.3, 0], [0.46, 0.18, 0.18, 0.18]]
    )
    favourites = [f()(Oracle(proba), np.arange(3))[0][0] for f in STRATEGIES]
    assert favourites == [1, 0, 2]


class Oracle(LogisticRegression):
    """Answers the probabilities that it was given, row number by row number."""

    def __init__(self, proba=None):
        super().__init__()
        self.proba = proba

    classes_ = np.arange(4)

    def predict_proba(self, X):
        return self.proba[X]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_labels_may_be_strings_and_classes_unseen(strategy, blobs):
    X, y = blobs
    names = np.array(["ape", "bee", "cat"])[y]
    seen = np.flatnonzero(y != 1)[:40]
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), LogisticRegression()),
        strategy(),
        classes=["ape", "bee", "cat"],
        random_state=0,
    ).fit(X[seen], names[seen])
    two_columns = learner.estimator_.predict_proba(X)
    assert two_columns.shape == (300, 2)
    expected = REFERENCES[strategy](two_columns)
    np.testing.assert_allclose(learner.score_pool(X), expected, atol=1e-12)
    picked, _ = learner.query(X, 5)
    np.testing.assert_array_equal(picked, np.argsort(-expected)[:5])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_class_leaves_ties_to_chance(strategy):
    forest = RandomForestClassifier(3, random_state=0).fit(np.zeros((4, 2)), ["a"] * 4)
    X = np.arange(60.0).reshape(30, 2)
    assert len(np.unique(strategy().score_samples(forest, X))) == 1
    picks = [strategy()(forest, X, 5, random_state=seed)[0] for seed in range(40)]
    assert len(np.unique(picks)) == 30


@pytest.mark.parametrize(
    "estimator",
    [
        OneVsRestClassifier(LogisticRegression()),
        RandomForestClassifier(20, random_state=0),
    ],
)
@pytest.mark.parametrize(
    ("strategy", "formula", "sign"),
    [
        (LeastConfidence, least_confidence, 1),
        (Margin, margin, -1),
        (Entropy, entropy, 1),
    ],
)
def test_multilabel_scores_are_means_over_labels(
    estimator, strategy, formula, sign, multilabel
):
    X, Y = multilabel
    model = estimator.fit(X[:100], Y[:100])
    view = ModelView(model, X[:100], Y[:100])
    assert view.target_type == "multilabel"
    P = model.predict_proba(X)
    if isinstance(P, list):
        P = np.column_stack([p[:, 1] for p in P])
    by_label = [formula(np.column_stack([1 - p, p])) for p in P.T]
    expected = sign * np.mean(by_label, axis=0)
    scores = strategy().score_samples(view, X)
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_selection_of_rows_scores_as_in_the_whole(strategy, digits):
    X, _, y, _ = digits
    view = ModelView(LogisticRegression().fit(X[:60], y[:60]))
    some = np.array([700, 3, 3, 41])
    np.testing.assert_array_equal(
        strategy().score_samples(view, Rows(X).take(some)),
        strategy().score_samples(view, X)[some],
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_regressor_is_told_what_serves_it(strategy):
    X, y = np.arange(6.0).reshape(-1, 1), np.linspace(0, 1, 6)
    match = rf"{strategy.__name__} needs a classifier, got Ridge\. .*CommitteeStd"
    with pytest.raises(TypeError, match=match):
        strategy()(Ridge().fit(X, y), X)
    with pytest.raises(TypeError, match=match):
        ActiveLearner(Ridge(), strategy(), n_labels=4).fit(X, y)


# decision values instead of probabilities -----------------------------------------


def test_the_margin_of_decision_values_by_hand():
    np.testing.assert_array_equal(decision_margin([-3, 0.5]), [3, 0.5])
    values = np.array([[1, 4, 2.5], [-1, -1, -7]])
    np.testing.assert_array_equal(decision_margin(values), [1.5, 0])
    np.testing.assert_array_equal(decision_margin([[2.0]]), [np.inf])


@pytest.mark.parametrize("wrapped", [False, True])
def test_two_classes_are_asked_for_at_their_hyperplane(blobs, wrapped):
    """LinearSVC was refused: it has no probabilities."""
    X, y = blobs
    two = y != 2
    X, y = X[two], y[two]
    svm = LinearSVC(random_state=0)
    model = make_pipeline(StandardScaler(), svm) if wrapped else svm
    model.fit(X[:60], y[:60])
    distance = np.abs(model.decision_function(X))
    nearest = np.argsort(distance)[:7]
    for strategy in Margin(), LeastConfidence():
        picked, info = strategy(model, X, n_instances=7)
        np.testing.assert_array_equal(picked, nearest)
        assert np.all(np.diff(info["score"]) <= 0)
    scores = Margin().score_samples(model, X)
    np.testing.assert_allclose(scores, -distance / (1 + distance))
    scores = LeastConfidence().score_samples(model, X)
    np.testing.assert_allclose(scores, 0.5 - 0.5 * distance / (1 + distance))


def test_several_classes_are_asked_for_where_two_values_are_close(blobs):
    X, y = blobs
    model = RidgeClassifier().fit(X[:60], y[:60])
    values = np.sort(model.decision_function(X), axis=1)
    lead = values[:, 2] - values[:, 1]
    picked = Margin()(model, X, n_instances=9)[0]
    np.testing.assert_array_equal(picked, np.argsort(lead)[:9])
    picked = LeastConfidence()(model, X, n_instances=9)[0]
    np.testing.assert_array_equal(picked, np.argsort(values[:, 2])[:9])


def test_decision_values_of_labels_are_averaged(multilabel):
    X, Y = multilabel
    model = OneVsRestClassifier(RidgeClassifier()).fit(X, Y)
    distance = np.abs(model.decision_function(X))
    view = ModelView(model, X, Y)
    scores = Margin().score_samples(view, X)
    np.testing.assert_allclose(scores, -(distance / (1 + distance)).mean(axis=1))
    assert LeastConfidence().score_samples(view, X).min() > 0


@pytest.mark.parametrize("classes", [None, ["a", "b", "c", "d"]])
def test_a_learner_around_an_svm_asks_by_margin_at_once(blobs, classes):
    X, y = blobs[0], np.array(["a", "c", "d"])[blobs[1]]
    learner = ActiveLearner(LinearSVC(), "margin", random_state=0, classes=classes)
    seen = np.flatnonzero(y != "c")[:30]
    learner.teach(X[seen], y[seen])  # two classes, a third later
    alone = LinearSVC(random_state=0).fit(X[seen], y[seen])
    nearest = np.argsort(np.abs(alone.decision_function(X)))[:5]
    np.testing.assert_array_equal(learner.query(X, 5)[0], nearest)
    distance = np.abs(alone.decision_function(X))
    np.testing.assert_allclose(learner.score_pool(X), -distance / (1 + distance))
    learner.teach(X[:30], y[:30])
    for strategy in "least_confidence", Shortlist("margin"), StochasticBatch("margin"):
        learner.set_params(query_strategy=strategy)
        assert len(set(learner.query(X, 6)[0])) == 6


def test_values_of_pairs_of_classes_are_refused(blobs):
    pairs = SVC(decision_function_shape="ovo", random_state=0).fit(*blobs)
    with pytest.raises(
        ValueError, match=r"a class, 3, got one a pair of them from SVC"
    ):
        Margin().score_samples(pairs, blobs[0])
    two = blobs[1] != 2
    pairs.fit(blobs[0][two], blobs[1][two])  # the only pair there is
    assert len(Margin().score_samples(pairs, blobs[0])) == 300


@pytest.mark.long
@pytest.mark.parametrize("strategy", [Margin(), LeastConfidence()], ids=repr)
def test_the_laws_hold_for_decision_values(strategy):
    check_strategy(strategy, estimator=RidgeClassifier())
