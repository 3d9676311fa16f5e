"""Disagreement of committees against plain formulas over the members."""

from collections import Counter

import numpy as np
import pytest
import scipy.stats
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, ModelView
from skal.query import CommitteeStd, ConsensusEntropy, KLDivergence, VoteEntropy

STRATEGIES = [VoteEntropy, ConsensusEntropy, KLDivergence]
NAMES = np.array(["ape", "bee", "cat"])


def votes_of(members):
    votes = np.argmax(members, axis=2)
    shares = [list(Counter(column).values()) for column in votes.T]
    return [scipy.stats.entropy(share) for share in shares]


def mean_divergence(members):
    consensus = np.mean(members, axis=0)
    return np.mean([scipy.stats.entropy(p, consensus, axis=1) for p in members], axis=0)


REFERENCES = {
    VoteEntropy: votes_of,
    ConsensusEntropy: lambda members: scipy.stats.entropy(
        np.mean(members, axis=0), axis=1
    ),
    KLDivergence: mean_divergence,
}


def member_proba(ensemble, X):
    """Each member's probabilities, put by hand into the ensemble's columns."""
    members = np.zeros((len(ensemble.estimators_), len(X), len(ensemble.classes_)))
    subsets = getattr(ensemble, "estimators_features_", None)
    for s, member in enumerate(ensemble.estimators_):
        columns = slice(None) if subsets is None else subsets[s]
        codes = np.asarray(member.classes_, int)
        members[s][:, codes] = member.predict_proba(X[:, columns])
    return members


COMMITTEES = {
    "forest": RandomForestClassifier(12, max_depth=3, random_state=0),
    "extra trees": ExtraTreesClassifier(12, max_depth=3, random_state=0),
    "bagging": BaggingClassifier(GaussianNB(), 7, max_features=1, random_state=0),
    "bagging that misses classes": BaggingClassifier(
        KNeighborsClassifier(2), 12, max_samples=4, random_state=0
    ),
    "voting": VotingClassifier(
        [("lr", LogisticRegression()), ("nb", GaussianNB())], voting="soft"
    ),
}


@pytest.fixture
def named_blobs(blobs):
    X, y = blobs
    return X, NAMES[y]


@pytest.mark.parametrize("committee", COMMITTEES.values(), ids=COMMITTEES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scores_are_the_disagreement_of_the_members(strategy, committee, named_blobs):
    X, y = named_blobs
    model = committee.fit(X[:60], y[:60])
    expected = REFERENCES[strategy](member_proba(model, X))
    scores = strategy().score_samples(model, X)
    assert np.ptp(scores) > 0.01
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_some_bootstraps_do_miss_a_class(named_blobs):
    X, y = named_blobs
    model = COMMITTEES["bagging that misses classes"].fit(X[:60], y[:60])
    assert {len(member.classes_) for member in model.estimators_} >= {2, 3}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_learner_gives_the_scores_of_its_committee(strategy, named_blobs):
    """Inside a learner the members see codes; the first labels miss a class."""
    X, y = named_blobs
    seen = np.flatnonzero(y != "bee")[:30]
    forest = RandomForestClassifier(8, max_depth=2)
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), forest),
        strategy(),
        classes=NAMES,
        random_state=0,
    ).fit(X[seen], y[seen])
    inner = learner.estimator_
    expected = REFERENCES[strategy](member_proba(inner[-1], inner[:-1].transform(X)))
    np.testing.assert_allclose(learner.score_pool(X), expected, atol=1e-6)
    picked, _ = learner.query(X, 20)
    assert len(np.unique(picked)) == 20
    assert learner.score_pool(X)[picked].min() >= np.sort(expected)[-20] - 1e-6


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_n_samples_takes_the_first_members(strategy, blobs):
    X, y = blobs
    model = RandomForestClassifier(9, max_depth=2, random_state=0).fit(X[:60], y[:60])
    expected = REFERENCES[strategy](member_proba(model, X)[:4])
    scores = strategy(n_samples=4).score_samples(model, X)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    with pytest.raises(ValueError, match="at most 9, the number of members"):
        strategy(n_samples=10).score_samples(model, X)
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        strategy(n_samples=0).score_samples(model, X)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_stream_of_chunks_scores_as_the_whole(strategy, rng):
    """40 members on 60 000 rows of 10 classes are too many samples to keep."""
    X = rng.normal(size=(60_000, 2))
    y = np.arange(200) % 10
    model = RandomForestClassifier(40, max_depth=3, random_state=0).fit(X[:200], y)
    scores = strategy().score_samples(model, X)
    some = rng.permutation(60_000)[:500]
    expected = strategy().score_samples(model, X[some])
    np.testing.assert_allclose(scores[some], expected, atol=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_multilabel_scores_are_means_over_labels(strategy):
    X, Y = make_multilabel_classification(200, n_classes=3, random_state=0)
    model = RandomForestClassifier(9, max_depth=3, random_state=0).fit(X[:80], Y[:80])
    view = ModelView(model, X[:80], Y[:80])
    by_label = []
    for j in range(3):
        members = [tree.predict_proba(X)[j] for tree in model.estimators_]
        by_label.append(REFERENCES[strategy](np.array(members)))
    expected = np.mean(by_label, axis=0)
    scores = strategy().score_samples(view, X)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_single_model_is_no_committee(strategy, blobs):
    X, y = blobs
    with pytest.raises(TypeError, match=r"LogisticRegression does not offer.*forest"):
        strategy()(LogisticRegression().fit(X, y), X)
    learner = ActiveLearner(LogisticRegression(), strategy(), n_labels=50)
    with pytest.raises(TypeError, match=f"{strategy.__name__}.*LogisticRegression"):
        learner.fit(X, y)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_committee_of_regressors_is_told_what_serves_it(strategy, blobs):
    X, y = blobs
    model = RandomForestRegressor(3, random_state=0).fit(X, y + 0.5)
    match = rf"{strategy.__name__} needs a classifier.*CommitteeStd"
    with pytest.raises(TypeError, match=match):
        strategy()(model, X)


# CommitteeStd --------------------------------------------------------------------


@pytest.fixture
def curve(rng):
    X = rng.uniform(-3, 3, size=(400, 2))
    return X, np.sin(X[:, 0]) * 5 + X[:, 1] + 0.1 * rng.normal(size=400)


def test_committee_std_of_a_forest_is_that_of_its_trees(curve):
    X, y = curve
    model = RandomForestRegressor(11, random_state=0).fit(X[:50], y[:50])
    trees = np.array([tree.predict(X) for tree in model.estimators_])
    scores = CommitteeStd().score_samples(model, X)
    np.testing.assert_allclose(scores, trees.std(axis=0))
    scores = CommitteeStd(n_samples=5).score_samples(model, X)
    np.testing.assert_allclose(scores, trees[:5].std(axis=0))


def test_committee_std_of_a_bagging_heeds_its_columns(curve):
    X, y = curve
    bag = BaggingRegressor(LinearRegression(), 6, max_features=1, random_state=0)
    model = make_pipeline(StandardScaler(), bag).fit(X[:50], y[:50])
    Z = model[0].transform(X)
    members = [
        member.predict(Z[:, columns])
        for member, columns in zip(
            model[1].estimators_, model[1].estimators_features_, strict=True
        )
    ]
    scores = CommitteeStd().score_samples(model, X)
    np.testing.assert_allclose(scores, np.std(members, axis=0))


def test_committee_std_of_a_gaussian_process_is_its_own(curve):
    X, y = curve
    model = GaussianProcessRegressor(optimizer=None).fit(X[:30], y[:30])
    expected = model.predict(X, return_std=True)[1]
    np.testing.assert_allclose(CommitteeStd().score_samples(model, X), expected)
    assert CommitteeStd()(model, X, n_instances=50)[0].min() >= 30


def test_committee_std_of_several_outputs_is_their_mean(curve):
    X, y = curve
    Y = np.column_stack([y, X[:, 0] * 100])
    model = RandomForestRegressor(5, random_state=0).fit(X[:50], Y[:50])
    trees = np.array([tree.predict(X) for tree in model.estimators_])
    scores = CommitteeStd().score_samples(model, X)
    np.testing.assert_allclose(scores, trees.std(axis=0).mean(axis=1))


def test_committee_std_runs_in_a_learner(curve):
    X, y = curve
    learner = ActiveLearner(
        RandomForestRegressor(5), "committee_std", n_labels=40, random_state=0
    ).fit(X, y)
    assert learner.n_iter_ == 3
    assert len(np.unique(np.concatenate(learner.history_["indices"]))) == 40


def test_committee_std_refuses_classifiers_and_single_regressors(curve):
    X, y = curve
    forest = RandomForestClassifier(5, random_state=0).fit(X, y > 0)
    with pytest.raises(TypeError, match=r"CommitteeStd needs a regr.*VoteEntropy"):
        CommitteeStd()(forest, X)
    with pytest.raises(TypeError, match=r"LinearRegression does not offer.*Bagging"):
        CommitteeStd()(LinearRegression().fit(X, y), X)
