"""Members that vote serve the strategies that read nothing but votes."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Perceptron, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView, Rows
from skal._model import as_view, provides
from skal.query import BALD, VariationRatio, VoteEntropy
from skal.query.functional import mean_over_labels, variation_ratio, vote_entropy

VOTERS = [
    ("lines", LinearSVC(random_state=0)),
    ("perceptron", Perceptron(random_state=0)),
    ("bayes", GaussianNB()),
    ("tree", DecisionTreeClassifier(max_depth=2, random_state=0)),
]


@pytest.fixture(scope="module")
def words():
    rng = np.random.RandomState(5)
    X = rng.normal(size=(150, 4))
    return X, np.array(["zebra", "ant", "bee"])[
        np.digitize(X @ [2, -1, 0.5, 0], [-1, 1])
    ]


def hard_votes(model, X):
    """Count by hand: one column a class, one row a voter."""
    votes = np.array([voter.predict(X) for voter in model.estimators_])
    return np.eye(len(model.classes_))[votes]


@pytest.mark.parametrize(
    ("strategy", "formula"),
    [(VoteEntropy, vote_entropy), (VariationRatio, variation_ratio)],
)
def test_hard_voters_are_a_committee_of_votes(strategy, formula, words):
    X, y = words
    model = VotingClassifier(VOTERS).fit(X, y)
    expected = formula(hard_votes(model, X))
    assert np.ptp(expected) > 0
    scores = strategy().score_samples(model, X)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    np.testing.assert_allclose(
        strategy(n_samples=2).score_samples(model, X),
        formula(hard_votes(model, X)[:2]),
        rtol=1e-6,
    )


@pytest.mark.parametrize("kind", ["pipeline", "search", "frozen", "learner"])
def test_hard_votes_are_found_through_layers(kind, words):
    X, y = words
    voters = VotingClassifier(VOTERS)
    model = {
        "pipeline": lambda: make_pipeline(StandardScaler(), voters).fit(X, y),
        "search": lambda: GridSearchCV(voters, {}, cv=2).fit(X, y),
        "frozen": lambda: FrozenEstimator(voters.fit(X, y)),
        "learner": lambda: make_pipeline(ActiveLearner(voters, "random")).fit(X, y),
    }[kind]()
    seen = model[0].transform(X) if kind == "pipeline" else X
    expected = hard_votes(VotingClassifier(VOTERS).fit(seen, y), seen)
    np.testing.assert_allclose(
        VoteEntropy().score_samples(model, X), vote_entropy(expected), rtol=1e-6
    )
    labels = as_view(model).classes_[expected.argmax(axis=2)]
    np.testing.assert_array_equal(as_view(model).sample_predict(X), labels)


def test_hard_voters_are_asked_once_for_each_row(words):
    X, y = words
    asked = []

    class Counting(RidgeClassifier):
        def predict(self, X):
            asked.append(len(X))
            return super().predict(X)

    model = VotingClassifier([("a", Counting()), ("b", GaussianNB())]).fit(X, y)
    view = ModelView(model)
    rows = Rows(X)
    VoteEntropy().score_samples(view, rows.take(np.arange(100)))
    VariationRatio().score_samples(view, rows)
    view.sample_predict(rows)
    assert sum(asked) == len(X)


def test_a_class_that_no_voter_knows_gets_no_vote(words):
    X, y = words
    model = VotingClassifier(VOTERS).fit(X[y != "bee"], y[y != "bee"])
    view = ModelView(model, classes=["ant", "bee", "zebra"])
    shares = view.reduce_votes(lambda votes: votes.mean(axis=0)[:, 1], X)
    np.testing.assert_array_equal(shares, np.zeros(150))
    assert set(np.unique(view.sample_predict(X))) == {"ant", "zebra"}


def test_votes_alone_give_no_probabilities(words):
    X, y = words
    model = VotingClassifier(VOTERS)
    for either in (model, model.fit(X, y)):
        assert provides(either, "votes")
        assert not provides(either, "samples")
    with pytest.raises(TypeError, match=r"BALD needs samples .* VotingClassifier"):
        BALD().score_samples(model, X)


@pytest.mark.parametrize("member", [LinearSVC(), Perceptron()], ids=repr)
def test_bagged_members_without_probabilities_vote(member, words):
    X, y = words
    model = BaggingClassifier(member, 5, random_state=0)
    assert provides(model, "votes")
    model.fit(X, y)
    np.testing.assert_allclose(
        VoteEntropy().score_samples(model, X),
        vote_entropy(hard_votes(model, X)),
        rtol=1e-6,
    )


def test_the_votes_of_probable_classes_are_read_from_the_samples(words):
    X, y = words
    view = ModelView(RandomForestClassifier(7, max_depth=3, random_state=0).fit(X, y))
    np.testing.assert_array_equal(
        VoteEntropy().score_samples(view, X), vote_entropy(view.sample_proba(X))
    )


def test_votes_on_many_labels_are_read_from_the_samples():
    X, y = make_multilabel_classification(80, 5, n_classes=4, random_state=0)
    view = ModelView(RandomForestClassifier(7, random_state=0).fit(X, y), X, y)
    np.testing.assert_array_equal(
        VoteEntropy().score_samples(view, X),
        mean_over_labels(vote_entropy, view.sample_proba(X)),
    )


def test_a_learner_asks_hard_voters(words):
    X, y = words
    learner = ActiveLearner(
        VotingClassifier(VOTERS), "vote_entropy", n_labels=40, random_state=0
    )
    assert learner.fit(X, y).n_iter_ > 0
