"""The ensembles and pipelines of imbalanced-learn answer as scikit-learn's do."""

import numpy as np
import pytest
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, ModelView
from skal._model import check_needs, provides
from skal.query import BALD, CoreSet, KLDivergence, VoteEntropy

forest = BalancedRandomForestClassifier(n_estimators=4, random_state=0)
COMMITTEES = {
    "forest": forest,
    "bagging": BalancedBaggingClassifier(n_estimators=4, random_state=0),
    "bagging of features": BalancedBaggingClassifier(
        n_estimators=4, max_features=0.5, random_state=0
    ),
    "bagging of votes": BalancedBaggingClassifier(
        Perceptron(), n_estimators=4, random_state=0
    ),
    "easy ensemble": EasyEnsembleClassifier(n_estimators=4, random_state=0),
    "pipeline": make_pipeline(PCA(2), SMOTE(random_state=0, k_neighbors=2), forest),
    "search": GridSearchCV(forest, {"max_depth": [2]}, cv=2),
}


@pytest.fixture(scope="module")
def rare():
    """Return rows of three classes, one of them rare."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(150, 4))
    return X, np.array(["a", "b", "rare"])[np.digitize(X[:, 0], [0.0, 1.2])]


@pytest.mark.parametrize("name", COMMITTEES)
def test_balanced_ensembles_are_committees(name, rare):
    """A forest subclassed elsewhere used to be refused, though the view answered."""
    X, y = rare
    for strategy in (VoteEntropy(), BALD(), KLDivergence()):
        check_needs(strategy, COMMITTEES[name])
    model = COMMITTEES[name].fit(X, y)
    assert provides(model, "samples")
    samples = ModelView(model).sample_proba(X)
    assert samples.shape == (4, 150, 3)
    np.testing.assert_allclose(
        samples.mean(axis=0), model.predict_proba(X), rtol=1e-4, atol=1e-6
    )


def test_a_learner_asks_a_balanced_committee(rare):
    X, y = rare
    learner = ActiveLearner(
        BalancedBaggingClassifier(n_estimators=4, random_state=0),
        "vote_entropy",
        n_initial=60,
        n_labels=80,
        random_state=0,
    )
    assert learner.fit(X, y).n_iter_ > 0


def test_balanced_boosting_is_no_committee(rare):
    boosting = RUSBoostClassifier(n_estimators=3, random_state=0)
    for model in (boosting, boosting.fit(*rare)):
        assert not provides(model, "samples")
        assert not provides(model, "votes")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([PCA(2), RandomOverSampler(random_state=0)], lambda m, X: m[0].transform(X)),
        ([RandomOverSampler(random_state=0), PCA(2)], lambda m, X: m[1].transform(X)),
        (
            [StandardScaler(), PCA(2), *[RandomUnderSampler(random_state=0)] * 2],
            lambda m, X: m[1].transform(m[0].transform(X)),
        ),
        ([RandomOverSampler(random_state=0)], lambda m, X: X),
    ],
    ids=["last", "first", "two", "alone"],
)
def test_samplers_are_skipped_on_the_way_to_the_embedding(steps, expected, rare):
    """A sampler right before the classifier used to have "no attribute transform"."""
    X, y = rare
    model = make_pipeline(*steps, LogisticRegression()).fit(X, y)
    view = ModelView(model)
    np.testing.assert_allclose(view.embed(X), expected(model, X), atol=1e-6)
    np.testing.assert_allclose(
        view.head_proba(view.embed(X)), view.predict_proba(X), atol=1e-5
    )


def test_samplers_are_skipped_before_the_first_label(rare):
    X, _ = rare
    model = make_pipeline(PCA(2), SMOTE(random_state=0), LogisticRegression())
    learner = ActiveLearner(model, initial=CoreSet(), random_state=0)
    positions, _ = learner.query(X, 5)
    assert len(set(positions)) == 5
