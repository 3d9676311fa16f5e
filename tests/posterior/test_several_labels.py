"""Posteriors of networks that know several labels a row."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skal import ActiveLearner
from skal.nets import MLPNetClassifier, NetClassifier
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee
from skal.posterior._links import label_likelihood
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
    LaplaceClassifier(net(), n_samples=20, prior_precision=10.0, random_state=0),
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


@pytest.mark.parametrize("posterior", POSTERIORS[:3])
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
    with pytest.raises(ValueError, match="criterion must be 'cross_entropy' or"):
        LaplaceClassifier(model).fit(X, Y[:, 0])


@pytest.mark.parametrize(
    "change", [{"subset_of_weights": "all", "structure": "diag"}, {}]
)
def test_laplace_refuses_what_it_cannot_weigh(labelled, change):
    model = net() if change else net(class_weight="balanced")
    with pytest.raises(ValueError, match="subset_of_weights must be 'last_layer', and"):
        LaplaceClassifier(model, **change).fit(*labelled)


def logistic(n_features, n_outputs):
    """Return a linear layer: its embedding is the row itself."""
    return nn.Linear(n_features, n_outputs)


def hessian_of(fitted, X, known):
    """Return the Hessian (L, d + 1, d + 1) of each label's summed loss."""
    E = np.column_stack([X, np.ones(len(X))])
    p = fitted.predict_proba(X)
    weight = p * (1 - p) * known  # (n, L)
    return np.einsum("nl,nd,ne->lde", weight, E, E)


def test_the_variance_of_a_logit_is_that_of_its_label_alone(labelled):
    """The Hessian has a block a label: closed form, rows without the label left out."""
    X, Y = labelled
    holes = Y.astype(float)
    holes[::3, 1] = np.nan
    model = NetClassifier(logistic, criterion="bce", max_steps=60, random_state=0)
    posterior = LaplaceClassifier(model, structure="full", prior_precision=2.0)
    posterior.fit(X, holes)
    H = hessian_of(posterior.estimator_, X, ~np.isnan(holes))
    covariance = np.linalg.inv(H + 2 * np.eye(X.shape[1] + 1))
    E = np.column_stack([X, np.ones(len(X))])
    expected = np.einsum("nd,lde,ne->nl", E, covariance, E)
    found = posterior._model.variances(E.astype(np.float32), 2.0)
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    logits = posterior._model.logits(E)
    shrunk = 1 / (1 + np.exp(-logits / np.sqrt(1 + np.pi / 8 * expected)))
    posterior.link = "probit"
    np.testing.assert_allclose(posterior.predict_proba(X), shrunk, atol=1e-3)


@pytest.mark.parametrize("structure", ["full", "kron", "diag"])
def test_cross_validation_finds_a_precision_for_labels_known_in_part(
    labelled, structure
):
    X, Y = labelled
    holes = Y.astype(float)
    holes[::2, 0] = np.nan
    posterior = LaplaceClassifier(net(), structure=structure, random_state=0)
    posterior.fit(X, holes)
    losses = posterior.cv_results_["mean_test_loss"]
    assert np.isfinite(losses).all()
    # 2.5 labels a row, each of which chance knows to log 2.
    assert losses.min() < 2.5 * np.log(2)


def test_the_loss_of_a_row_is_that_of_its_known_labels():
    logits = np.array([[[0.0, 2.0]], [[1.0, -1.0]]])  # (L, T, m)
    values = np.array([[1.0, 0.0], [np.nan, 1.0]])  # (m, L)
    chance = label_likelihood(logits, values)[0]
    np.testing.assert_allclose(chance, [[0.5, expit(-1.0)], [1, expit(-1.0)]])


@pytest.mark.parametrize("posterior", POSTERIORS[:3])
@pytest.mark.parametrize("kind", [csr_array, np.ma.masked_array])
def test_labels_come_as_a_net_takes_them(labelled, posterior, kind):
    """A sparse y had no rows; what lay under a mask was taken for labels."""
    X, Y = labelled
    known = np.random.default_rng(0).random(Y.shape) < 0.8
    known[:, 0] = True
    given = csr_array(Y), Y.astype(float)
    if kind is np.ma.masked_array:
        given = np.ma.array(Y, mask=~known), np.where(known, Y, np.nan)
    fits = [clone(posterior).set_params(random_state=0).fit(X, y) for y in given]
    np.testing.assert_array_equal(*(fit.predict_proba(X) for fit in fits))
