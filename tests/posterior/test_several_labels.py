"""Posteriors of networks that know several labels a row."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.nets import MLPNetClassifier
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee
from skal.query import BALD, VoteEntropy


@pytest.fixture(scope="module")
def labelled():
    """Return X (80, 5) and Y (80, 3)."""
    return make_multilabel_classification(80, 5, n_classes=3, random_state=0)


def net(**params):
    return MLPNetClassifier(hidden=(8,), max_steps=20, **{"criterion": "bce", **params})


POSTERIORS = [
    MCDropoutCommittee(net(), n_samples=4, random_state=0),
    EnsembleClassifier(net(), n_members=3, random_state=0),
    EnsembleClassifier(
        RandomForestClassifier(3), n_members=2, bootstrap=True, random_state=0
    ),
]


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_a_posterior_knows_the_chance_of_each_label(labelled, posterior):
    X, Y = labelled
    posterior.fit(X, Y)
    proba, draws = posterior.predict_proba(X), posterior.sample_proba(X)
    assert proba.shape == Y.shape
    np.testing.assert_allclose(draws.mean(axis=0), proba, atol=1e-6)
    np.testing.assert_array_equal(posterior.predict(X), proba > 0.5)
    np.testing.assert_allclose(
        posterior.head_proba(posterior.embed(X)), proba, atol=1e-5
    )
    for strategy in (BALD(), VoteEntropy()):
        assert strategy.score_samples(posterior, X).shape == (len(X),)


@pytest.mark.parametrize("posterior", POSTERIORS[:2])
def test_a_learner_asks_a_posterior_of_several_labels(labelled, posterior):
    X, Y = labelled
    learner = ActiveLearner(posterior, "bald", n_labels=24, random_state=0)
    assert learner.fit(X, Y).predict_proba(X).shape == Y.shape


def test_members_see_the_rows_that_a_bootstrap_draws(labelled):
    X, Y = labelled
    holes = Y.astype(float)
    holes[::2, 0] = np.nan
    ensemble = EnsembleClassifier(net(), n_members=2, bootstrap=True, random_state=0)
    draws = ensemble.fit(X, holes).sample_proba(X)
    assert not np.array_equal(draws[0], draws[1])


@pytest.mark.parametrize("criterion", ["focal", lambda scores, codes: scores[:, 0]])
def test_laplace_refuses_a_loss_that_is_no_likelihood(labelled, criterion):
    X, Y = labelled
    model = make_pipeline(StandardScaler(), net(criterion=criterion))
    with pytest.raises(ValueError, match="criterion must be 'cross_entropy'"):
        LaplaceClassifier(model).fit(X, Y[:, 0])
