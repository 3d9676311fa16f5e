"""Laplace: each structure against a Hessian by brute force, and what precision does."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from helpers import peak_bytes
from scipy.special import expit
from scipy.special import softmax as exact_softmax
from sklearn import config_context
from sklearn.datasets import load_iris, make_blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skal.nets import MLPNetClassifier, NetClassifier
from skal.posterior import LaplaceClassifier, _links, _precision
from skal.posterior._all_weights import AllWeights
from skal.posterior._curvature import STRUCTURES, OutputCurvature
from skal.posterior._laplace import loss_weights
from skal.posterior._last_layer import LastLayer
from skal.posterior._linear_head import LinearHead

TAU = 0.7
ONE = np.ones(1)


@pytest.fixture(scope="module")
def logistic(iris):
    return LogisticRegression(max_iter=1000).fit(*iris)


def small_net(**params):
    params = {"hidden": (5,), "max_steps": 60, "random_state": 0, **params}
    return MLPNetClassifier(**params)


@pytest.fixture(scope="module")
def net(iris):
    return small_net().fit(*iris)


# The curvature, by brute force ----------------------------------------------------


def loss_of_logistic(theta, X, codes):
    """Return the summed cross-entropy of weights (K * D,) for rows with a 1."""
    logits = torch.as_tensor(X, dtype=theta.dtype) @ theta.reshape(-1, X.shape[1]).T
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return torch.nn.functional.cross_entropy(
        logits, torch.as_tensor(codes), reduction="sum"
    )


def hessian_of(model, X, y):
    """Return the Hessian in coef_ and intercept_ by differentiating twice."""
    X1 = np.column_stack([X, np.ones(len(X))])
    theta = np.column_stack([model.coef_, model.intercept_]).ravel()
    theta = torch.as_tensor(theta, dtype=torch.float64)
    codes = np.searchsorted(model.classes_, y)
    return torch.autograd.functional.hessian(
        lambda t: loss_of_logistic(t, X1, codes), theta
    ).numpy()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_full_is_the_hessian_of_logistic_regression(iris, n_classes):
    X, y = iris[0][iris[1] < n_classes], iris[1][iris[1] < n_classes]
    model = LogisticRegression(max_iter=1000).fit(X, y)
    laplace = LastLayer(model, X, np.ones(len(y)), "full")
    vectors = laplace.posterior.vectors.astype(float)
    H = vectors * laplace.eigenvalues @ vectors.T
    expected = hessian_of(model, X, y)
    np.testing.assert_allclose(H, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_full_is_the_hessian_of_the_last_layer_of_a_net(iris, net):
    X, y = iris
    laplace = LastLayer(net, X, np.ones(len(y)), "full")
    E1 = np.column_stack([net.embed(X), np.ones(len(X))]).astype(float)
    codes = np.searchsorted(net.classes_, y)
    theta = torch.as_tensor(laplace.theta.ravel())
    H = torch.autograd.functional.hessian(
        lambda t: loss_of_logistic(t, E1, codes), theta
    ).numpy()
    vectors = laplace.posterior.vectors.astype(float)
    got = vectors * laplace.eigenvalues @ vectors.T
    np.testing.assert_allclose(got, H, rtol=1e-3, atol=1e-4 * H.max())


def covariance_of(posterior, shape):
    """Return the covariance that ``perturb`` gives, from what it does to a basis."""
    basis = np.eye(np.prod(shape), dtype=np.float32).reshape(-1, *shape)
    root = posterior.perturb(basis, TAU).reshape(len(basis), -1).astype(float)
    return root.T @ root


@pytest.fixture(scope="module")
def pieces():
    """Return features, curvature and weights of twenty rows, K = 3 and D = 4."""
    rng = np.random.RandomState(0)
    features = rng.normal(size=(20, 4)).astype(np.float32)
    proba = exact_softmax(rng.normal(size=(20, 3)), axis=1).astype(np.float32)
    weight = rng.uniform(0.5, 2, 20).astype(np.float32)
    return features, proba, weight


def whole_hessian(features, proba, weight):
    return sum(
        w * np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
        for x, p, w in zip(*map(np.float64, (features, proba, weight)), strict=True)
    )


def by_definition(structure, features, proba, weight):
    """Return the precision matrix without the prior."""
    H = whole_hessian(features, proba, weight)
    if structure == "full":
        return H
    if structure == "diag":
        return np.diag(np.diag(H))
    if structure == "isotropic":
        return np.eye(len(H)) * np.trace(H) / len(H)
    A = (features * weight[:, None]).T @ features
    B = sum(
        w * (np.diag(p) - np.outer(p, p)) for p, w in zip(proba, weight, strict=True)
    )
    return np.kron(B / weight.sum(), A)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_each_structure_is_its_definition(pieces, structure):
    features, proba, weight = pieces
    posterior = STRUCTURES[structure]([(features, OutputCurvature(proba, 3), weight)])
    precision = by_definition(structure, features, proba, weight) + TAU * np.eye(12)
    covariance = covariance_of(posterior, (3, 4))
    np.testing.assert_allclose(covariance, np.linalg.inv(precision), atol=2e-5)
    new = np.random.RandomState(1).normal(size=(5, 4)).astype(np.float32)
    got = posterior.variances(new, TAU)
    against_others = 1.5 * np.eye(3) - 0.5
    for i, x in enumerate(new):
        J = against_others @ np.kron(np.eye(3), x)  # (3, 12)
        np.testing.assert_allclose(got[i], np.diag(J @ covariance @ J.T), rtol=1e-3)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_sparse_features_give_the_same(pieces, structure):
    features, proba, weight = pieces
    features = features * (features > 0)
    parts = OutputCurvature(proba, 3), weight
    dense = STRUCTURES[structure]([(features, *parts)])
    sparse = STRUCTURES[structure]([(sp.csr_matrix(features), *parts)])
    np.testing.assert_allclose(
        covariance_of(sparse, (3, 4)), covariance_of(dense, (3, 4)), atol=1e-5
    )
    np.testing.assert_allclose(
        sparse.variances(sp.csr_matrix(features), TAU),
        dense.variances(features, TAU),
        rtol=1e-3,
    )


@pytest.mark.parametrize("structure", ["full", "kron"])
def test_kron_is_exact_where_all_rows_are_equally_uncertain(pieces, structure):
    features, proba, weight = pieces
    proba = np.broadcast_to(proba[:1], proba.shape)
    posterior = STRUCTURES[structure]([(features, OutputCurvature(proba, 3), weight)])
    precision = whole_hessian(features, proba, weight) + TAU * np.eye(12)
    np.testing.assert_allclose(
        covariance_of(posterior, (3, 4)), np.linalg.inv(precision), atol=2e-5
    )


def test_the_curvature_of_two_classes_is_that_of_one_logit():
    curvature = OutputCurvature(np.array([[0.3, 0.7]]), 1)
    for found in (curvature.between(0, 0), curvature.diagonal(), curvature.total(ONE)):
        np.testing.assert_allclose(found.ravel(), [0.21])
    both = OutputCurvature(np.array([[0.3, 0.7]]), 2)
    np.testing.assert_allclose(both.total(ONE), [[0.21, -0.21], [-0.21, 0.21]])


@pytest.mark.parametrize("piece", [2**23, 1000])
def test_the_curvature_in_pieces_is_that_of_its_definition(rng, monkeypatch, piece):
    monkeypatch.setattr("skal.posterior._base._CHUNK_BYTES", piece)
    proba, weight = rng.dirichlet(np.ones(5), 30), rng.rand(30)
    each = [np.diag(p) - np.outer(p, p) for p in proba]
    curvature = OutputCurvature(proba, 5)
    total = np.tensordot(weight, each, axes=1)
    np.testing.assert_allclose(curvature.total(weight), total, atol=1e-14)
    np.testing.assert_allclose(curvature.diagonal(), [np.diag(e) for e in each])
    for a, b in [(0, 0), (1, 3), (4, 2)]:
        np.testing.assert_allclose(curvature.between(a, b), [e[a, b] for e in each])


@pytest.mark.parametrize("structure", ["diag", "kron", "isotropic"])
def test_many_classes_need_no_matrix_a_row(structure, rng):
    """The curvature (n, C, C) took 977 MB for 1 600 rows of 400 classes."""
    n, C, d = 800, 200, 8
    y = np.arange(n) % C
    X = (rng.normal(size=(C, d))[y] + rng.normal(size=(n, d))).astype(np.float32)
    linear = LogisticRegression()
    linear.classes_, linear.n_features_in_ = np.arange(C), d
    linear.coef_, linear.intercept_ = rng.normal(size=(C, d)), np.zeros(C)
    posterior = LaplaceClassifier(
        FrozenEstimator(linear), structure=structure, prior_precision=1.0, n_samples=4
    )
    posterior.fit(X[:C], y[:C])  # what is imported and kept is not counted
    assert peak_bytes(posterior.fit, X, y) < 0.3 * 4 * n * C * C  # 128 MB


def jacobian(net, X):
    """Return (n, K, P) of all weights, one row and one logit at a time."""
    module = net.module_
    rows = []
    for row in torch.cat(list(net.passes().batches(X))):
        logits = module(row[None])[0]
        gradients = [
            torch.autograd.grad(logit, module.parameters(), retain_graph=True)
            for logit in logits
        ]
        rows.append([torch.cat([g.ravel() for g in grads]) for grads in gradients])
    return np.array([[g.numpy() for g in row] for row in rows], float)


@pytest.mark.parametrize("structure", ["diag", "isotropic"])
def test_all_weights_have_the_diagonal_of_the_gauss_newton_matrix(iris, net, structure):
    X, weight = iris[0][:30], np.random.RandomState(0).uniform(0.5, 2, 30)
    model = AllWeights(net, X, weight, structure)
    J, proba = jacobian(net, X), net.predict_proba(X).astype(float)
    expected = sum(
        w * np.einsum("kp,kl,lp->p", j, np.diag(p) - np.outer(p, p), j)
        for j, p, w in zip(J, proba, weight, strict=True)
    )
    if structure == "isotropic":
        expected = np.full_like(expected, expected.mean())
    np.testing.assert_allclose(model.eigenvalues, expected, rtol=1e-3, atol=1e-5)
    (batch,) = model.chunks(X, 1)
    inverse = 1 / (expected + TAU)
    against_others = (1.5 * np.eye(3) - 0.5) @ J  # (n, K, P)
    np.testing.assert_allclose(
        model.variances(batch, TAU), np.square(against_others) @ inverse, rtol=1e-3
    )
    noise = np.random.RandomState(1).normal(size=(2, len(expected))).astype(np.float32)
    moved = model.logits(batch)[:, None] + np.einsum(
        "nkp,sp->nsk", J, noise * inverse**0.5
    )
    got = model.draw_logits(batch, model.draws(noise, TAU))
    np.testing.assert_allclose(got, moved, rtol=1e-3, atol=1e-3)


def test_a_small_chunk_of_jacobians_gives_the_same(iris, net, monkeypatch):
    X = iris[0][:10]
    expected = AllWeights(net, X, np.ones(10), "diag").eigenvalues
    monkeypatch.setattr("skal.posterior._all_weights._JACOBIAN_BYTES", 1)
    got = AllWeights(net, X, np.ones(10), "diag").eigenvalues
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_last_layer_agrees_with_laplace_torch(iris, net):
    """Its Kronecker factors leave out the bias, so only full and diag are compared."""
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        laplace = pytest.importorskip("laplace")
        X, y = torch.as_tensor(net.embed(iris[0])), torch.as_tensor(iris[1])
        loader = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(X, y), batch_size=150
        )
        head = net.passes().head
        theirs = laplace.Laplace(
            head, "classification", "all", "full", prior_precision=TAU
        )
        theirs.fit(loader)
        covariance = theirs.posterior_covariance.detach().numpy()
    ours = LastLayer(net, iris[0], np.ones(len(y)), "full")
    K, D = ours.theta.shape
    weights_then_bias = np.argsort(
        np.column_stack(
            [np.arange(K * (D - 1)).reshape(K, -1), K * (D - 1) + np.arange(K)]
        ),
        axis=None,
    )
    got = covariance_of(ours.posterior, (K, D))
    got = got[np.ix_(weights_then_bias, weights_then_bias)]
    np.testing.assert_allclose(got, covariance, atol=1e-3 * np.abs(covariance).max())


# Draws and links --------------------------------------------------------------------


def fit_on(iris, estimator=None, **params):
    params = {"prior_precision": 1.0, "random_state": 0, **params}
    estimator = LogisticRegression(max_iter=1000) if estimator is None else estimator
    return LaplaceClassifier(estimator, **params).fit(*iris)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_draws_have_the_covariance_of_the_posterior(iris, structure):
    posterior = fit_on(iris, structure=structure)
    model = posterior._model
    noise = posterior._noise(model, 3000, 0)
    draws = model.draws(noise, 1.0).reshape(3000, -1).astype(float)
    expected = covariance_of_tau(model.posterior, model.theta.shape, 1.0)
    scale = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        draws.mean(axis=0), model.theta.ravel(), atol=4.5 * scale.max() / 3000**0.5
    )
    correlation = (np.cov(draws.T) - expected) / scale / scale[:, None]
    assert np.abs(correlation).max() < 0.13


def covariance_of_tau(posterior, shape, tau):
    basis = np.eye(np.prod(shape), dtype=np.float32).reshape(-1, *shape)
    root = posterior.perturb(basis, tau).reshape(len(basis), -1).astype(float)
    return root.T @ root


def test_a_draw_is_a_linear_classifier(iris):
    """Every row sees the same weights."""
    posterior = fit_on(iris)
    samples = posterior.sample_proba(iris[0], n_samples=3, random_state=5)
    logits = np.log(samples[..., :2]) - np.log(samples[..., 2:])  # (S, n, 2)
    X1 = np.column_stack([iris[0], np.ones(150)])
    for draw in logits:
        weights, *_ = np.linalg.lstsq(X1, draw, rcond=None)
        np.testing.assert_allclose(X1 @ weights, draw, atol=5e-3)


def test_the_mean_of_many_draws_is_nearly_probit(iris):
    mc = fit_on(iris, structure="full", n_samples=2000).predict_proba(iris[0])
    probit = fit_on(iris, structure="full", link="probit").predict_proba(iris[0])
    assert np.abs(mc - probit).max() < 0.06


def test_plugin_is_the_estimators_own_answer(iris, logistic):
    posterior = fit_on(iris, link="plugin")
    np.testing.assert_allclose(
        posterior.predict_proba(iris[0]), logistic.predict_proba(iris[0]), atol=1e-5
    )


def test_probit_of_two_classes_is_mackays_formula(iris):
    X, y = iris[0][iris[1] > 0], iris[1][iris[1] > 0]
    posterior = fit_on((X, y), link="probit", structure="full")
    model = posterior._model
    X1 = np.column_stack([X, np.ones(len(X))])
    f = X1 @ model.theta[0]
    v = np.einsum(
        "nd,de,ne->n", X1, covariance_of_tau(model.posterior, (1, 5), 1.0), X1
    )
    expected = expit(f / np.sqrt(1 + np.pi / 8 * v))
    np.testing.assert_allclose(posterior.predict_proba(X)[:, 1], expected, rtol=1e-3)


def test_a_narrow_prior_leaves_the_estimator_and_a_wide_one_knows_less(iris, logistic):
    plain = logistic.predict_proba(iris[0])
    narrow = fit_on(iris, prior_precision=1e6).predict_proba(iris[0])
    np.testing.assert_allclose(narrow, plain, atol=3e-3)
    wide = fit_on(iris, prior_precision=1e-2).predict_proba(iris[0])
    assert wide.max(axis=1).mean() < plain.max(axis=1).mean()


def test_far_from_the_labels_it_is_unsure(iris):
    far = iris[0][:20] * -30
    posterior = fit_on(iris, structure="full", prior_precision=0.1)
    sure = posterior.estimator_.predict_proba(far).max(axis=1).mean()
    assert sure > 0.99
    assert posterior.predict_proba(far).max(axis=1).mean() < 0.95


@pytest.mark.parametrize("link", ["mc", "probit", "plugin"])
def test_the_head_of_the_embedding_is_the_prediction(iris, link):
    posterior = fit_on(iris, small_net(), link=link)
    E = posterior.embed(iris[0])
    np.testing.assert_allclose(
        posterior.head_proba(E), posterior.predict_proba(iris[0]), atol=1e-5
    )


def test_all_weights_have_an_embedding_but_no_head(iris):
    posterior = fit_on(
        iris, small_net(), subset_of_weights="all", structure="diag", n_samples=3
    )
    assert posterior.embed(iris[0]).shape == (150, 5)
    assert not hasattr(posterior, "head_proba")


def test_all_weights_of_a_linear_model_are_its_last_layer(iris):
    for structure in ("diag", "isotropic"):
        both = [
            fit_on(iris, subset_of_weights=subset, structure=structure)
            for subset in ("all", "last_layer")
        ]
        a, b = (posterior.predict_proba(iris[0]) for posterior in both)
        np.testing.assert_array_equal(a, b)


# The precision ----------------------------------------------------------------------


def test_cross_validation_takes_the_least_precision_that_is_not_clearly_worse():
    taus, weight = np.array([1.0, 10.0, 100.0, 1000.0]), np.ones(200)
    rng = np.random.RandomState(0)
    base = rng.exponential(size=(200, 1))
    noise = 0.01 * rng.normal(size=(200, 4))
    flat = base + np.array([1.0, 0.0, 0.0, 0.0]) + noise
    assert _precision.choose(flat, taus, weight) == 10.0
    dip = base + np.array([1.0, 0.5, 0.0, 0.5]) + noise
    assert _precision.choose(dip, taus, weight) == 100.0


def test_the_largest_precision_tried_is_a_cap():
    taus, falling = np.array([1.0, 10.0, 1000.0]), np.tile([[3.0, 2.0, 1.0]], (50, 1))
    assert _precision.choose(falling, taus, np.ones(50)) == 1000.0


def test_samples_that_hardly_differ_warn(iris):
    with pytest.warns(
        UserWarning, match=r"hardly differ, by .* is 1e\+09, which leaves"
    ):
        fit_on(iris, prior_precision=1e9)


def test_cross_validation_does_not_end_in_samples_that_agree(iris):
    """Its best precision was 10 million for such a model: BALD chose by chance."""
    posterior = LaplaceClassifier(LogisticRegression(max_iter=1000), random_state=0)
    samples = posterior.fit(*iris).sample_proba(iris[0])
    assert posterior.prior_precision_ <= 1e3
    assert samples.std(axis=0).max() > 0.05


def test_rows_of_weight_zero_do_not_choose():
    taus, weight = np.array([1.0, 10.0, 100.0]), np.r_[np.ones(50), np.zeros(50)]
    loss = np.r_[np.tile([[1.0, 0, 1]], (50, 1)), np.tile([[0.0, 9, 9]], (50, 1))]
    assert _precision.choose(loss, taus, weight) == 10.0


def noisy_blobs():
    X, y = make_blobs(200, centers=4, cluster_std=3.0, random_state=0)
    flip = np.random.RandomState(0).uniform(size=200) < 0.2
    y[flip] = (y[flip] + 1) % 4
    return X, y


def test_the_precision_found_is_good_on_rows_never_seen():
    """An overfitted model: the best precision of a grid is hardly better."""
    X, y = noisy_blobs()
    wide = np.column_stack([X, np.random.RandomState(1).normal(size=(200, 8))])
    estimator = LogisticRegression(C=10, max_iter=5000)
    posterior = LaplaceClassifier(estimator, structure="full", random_state=0)
    posterior.fit(wide[:100], y[:100])
    found = posterior.prior_precision_
    grid = {
        tau: nll(
            fit_on(
                (wide[:100], y[:100]), estimator, structure="full", prior_precision=tau
            ),
            wide[100:],
            y[100:],
        )
        for tau in posterior.cv_results_["prior_precision"]
    }
    plain = estimator.fit(wide[:100], y[:100])
    assert grid[found] < nll(plain, wide[100:], y[100:])
    assert grid[found] < min(grid.values()) + 0.1


def nll(model, X, y):
    return -np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean()


def test_cv_results_hold_every_precision_tried(iris):
    posterior = LaplaceClassifier(
        LogisticRegression(C=0.1, max_iter=1000), structure="diag", random_state=0
    )
    posterior.fit(*iris)
    tried = posterior.cv_results_["prior_precision"]
    assert posterior.prior_precision_ in tried
    np.testing.assert_allclose(tried[[0, 6, -1]], [1e-2, 1e1, 1e4])
    assert posterior.cv_results_["mean_test_loss"].shape == tried.shape
    assert fit_on(iris).cv_results_ == {}


def test_marglik_is_the_evidence_of_the_gaussian(iris):
    posterior = fit_on(iris, structure="full", prior_precision="marglik")
    model = posterior._model
    H = model.posterior.vectors * model.eigenvalues @ model.posterior.vectors.T
    theta = model.theta.ravel()

    def evidence(tau):
        A = H + tau * np.eye(len(H))
        sign, logdet = np.linalg.slogdet(A)
        assert sign == 1
        return len(H) / 2 * np.log(tau) - tau / 2 * theta @ theta - logdet / 2

    best = evidence(posterior.prior_precision_)
    for factor in (0.8, 1.25):
        assert evidence(factor * posterior.prior_precision_) < best


def test_weights_may_name_classes_that_no_row_has(iris):
    """A network in whose first batch a rare class was missing could not be fitted."""
    weights = {"classes": range(5), "class_weight": {0: 0.5, 4: 2}}
    net = MLPNetClassifier(max_steps=1, random_state=0, **weights)
    posterior = LaplaceClassifier(net, prior_precision=1.0).fit(*iris)
    weight = loss_weights(posterior.estimator_, iris[1], None)
    np.testing.assert_array_equal(weight, np.where(iris[1] == 0, 0.5, 1))
    with pytest.raises(ValueError, match="not in class_weight"):  # as ever
        posterior.set_params(estimator__class_weight={0: 0.5, 9: 2}).fit(*iris)


def test_the_natural_precision_is_that_of_the_penalty():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(C=0.25, max_iter=1000).fit(X, y)
    assert LastLayer(model, X, np.ones(150), "diag").unit == 4.0
    free = LogisticRegression(C=np.inf, max_iter=5000).fit(X, y)
    theta = np.column_stack([free.coef_, free.intercept_])
    np.testing.assert_allclose(
        LastLayer(free, X, np.ones(150), "diag").unit, 1 / np.square(theta).mean()
    )


def test_folds_hold_out_every_row_of_a_class_with_two_once():
    codes = np.array([0] * 7 + [1] * 2 + [2] + [3] * 5)
    folds = _precision.held_out_folds(codes, 3, np.random.RandomState(0))
    held = np.concatenate(folds)
    assert sorted(held) == [i for i in range(15) if codes[i] != 2]
    for fold in folds:
        rest = np.setdiff1d(np.arange(15), fold)
        assert set(codes[rest]) == {0, 1, 2, 3}
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_single_rows_of_every_class_take_the_natural_precision(iris):
    rows = [np.flatnonzero(iris[1] == label)[0] for label in range(3)]
    posterior = LaplaceClassifier(LogisticRegression(C=0.5))
    with pytest.warns(UserWarning, match="no class has two rows, so that no row"):
        posterior.fit(iris[0][rows], iris[1][rows])
    assert posterior.prior_precision_ == 2.0


# What it can wrap -------------------------------------------------------------------


@pytest.mark.parametrize("structure", STRUCTURES)
def test_around_a_pipeline_it_is_the_same_as_behind_one(iris, structure):
    X, y = iris
    scaler = StandardScaler().fit(X)
    outside = fit_on((scaler.transform(X), y), structure=structure)
    inside = fit_on(
        iris,
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        structure=structure,
    )
    np.testing.assert_allclose(
        inside.predict_proba(X), outside.predict_proba(scaler.transform(X)), atol=1e-5
    )


def test_around_a_search(iris):
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1.0]})
    posterior = fit_on(iris, search)
    assert posterior.estimator_.best_params_
    assert posterior.sample_proba(iris[0]).shape == (100, 150, 3)


def test_around_a_net_in_a_pipeline(iris):
    posterior = fit_on(iris, make_pipeline(StandardScaler(), small_net()))
    E = posterior.embed(iris[0])
    assert E.shape == (150, 5)
    np.testing.assert_allclose(
        posterior.head_proba(E), posterior.predict_proba(iris[0]), atol=1e-5
    )


def test_around_a_frozen_estimator_nothing_is_fitted_again(iris, net):
    posterior = fit_on(iris, FrozenEstimator(net))
    np.testing.assert_array_equal(
        posterior.estimator_.predict_proba(iris[0]), net.predict_proba(iris[0])
    )


@pytest.mark.parametrize("structure", ["full", "kron", "diag"])
def test_sparse_rows(iris, structure):
    X = np.maximum(iris[0] - 2, 0)
    estimator = make_pipeline(MaxAbsScaler(), LogisticRegression(max_iter=1000))
    dense = fit_on((X, iris[1]), estimator, structure=structure)
    sparse = fit_on((sp.csr_matrix(X), iris[1]), estimator, structure=structure)
    np.testing.assert_allclose(
        sparse.predict_proba(sp.csr_matrix(X)), dense.predict_proba(X), atol=1e-3
    )
    assert sp.issparse(sparse.embed(sp.csr_matrix(X)))


def test_other_linear_models_with_a_softmax(iris):
    posterior = fit_on(iris, LinearDiscriminantAnalysis())
    assert posterior.predict_proba(iris[0]).shape == (150, 3)


def test_without_intercept(iris):
    posterior = fit_on(iris, LogisticRegression(fit_intercept=False, max_iter=1000))
    assert posterior._model.theta.shape == (3, 4)


def test_one_class_is_certain(iris):
    X = iris[0][:10]
    net = small_net(classes=[0, 1])
    posterior = LaplaceClassifier(net, random_state=0, prior_precision=10.0)
    posterior.fit(X, np.zeros(10, int))
    assert posterior.sample_proba(X).shape == (100, 10, 2)
    with pytest.raises(ValueError, match=r"two classes at least, got \[0\.0\]\. Name"):
        LaplaceClassifier(small_net()).fit(X, np.zeros(10))


def test_label_smoothing_is_switched_off_for_the_fit(iris):
    estimator = make_pipeline(StandardScaler(), small_net(label_smoothing=0.1))
    posterior = fit_on(iris, estimator)
    assert posterior.estimator_[-1].label_smoothing == 0
    assert estimator[-1].label_smoothing == 0.1


def test_weights_count_as_rows(iris):
    X, y = iris[0].astype(float), iris[1]  # in float32 the two fits end apart
    weight = np.random.RandomState(0).randint(1, 4, len(y))
    estimator = LogisticRegression(tol=1e-8, max_iter=5000)
    posterior = LaplaceClassifier(
        estimator, structure="full", prior_precision=1.0, random_state=0
    )  # its draws hang on eigenvectors, but not on their signs
    weighted = posterior.fit(X, y, sample_weight=weight).predict_proba(X)
    rows = np.repeat(np.arange(len(y)), weight)
    repeated = posterior.fit(X[rows], y[rows]).predict_proba(X)
    np.testing.assert_allclose(weighted, repeated, atol=1e-4)


def test_class_weights_count_too(iris):
    X, y = iris
    estimator = LogisticRegression(class_weight={0: 2, 1: 1, 2: 3}, max_iter=5000)
    by_class = fit_on(iris, estimator, structure="full").predict_proba(X)
    weight = np.array([2.0, 1, 3])[y]
    posterior = LaplaceClassifier(
        LogisticRegression(max_iter=5000),
        structure="full",
        prior_precision=1.0,
        random_state=0,
    )
    by_row = posterior.fit(X, y, sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(by_class, by_row, atol=1e-3)


def test_a_class_of_no_weight_may_be_absent_from_a_network(iris):
    """Its labels were looked up among classes without it: an IndexError."""
    X, y = iris
    weight = np.where(y == 1, 0.0, 1.0)
    posterior = LaplaceClassifier(small_net(), n_folds=2, random_state=0)
    weighted = posterior.fit(X, y, sample_weight=weight)
    results = weighted.cv_results_["mean_test_loss"]
    np.testing.assert_array_equal(weighted.classes_, [0, 2])
    absent = posterior.fit(X[y != 1], y[y != 1])
    np.testing.assert_allclose(results, absent.cv_results_["mean_test_loss"], rtol=1e-3)
    weight[np.flatnonzero(y == 1)[0]] = 1.0  # a single row, which is not held out
    weighted = posterior.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(weighted.classes_, [0, 1, 2])


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_the_hessian_through_a_pipeline(iris, routing):
    """It was that of rows which all count alike."""
    X, y = iris
    weight = np.random.RandomState(0).uniform(0, 5, len(y))
    linear = LogisticRegression(max_iter=5000)
    scaled = StandardScaler().fit_transform(X)
    posterior = LaplaceClassifier(linear, structure="full", prior_precision=1.0)
    expected = posterior.fit(scaled, y, sample_weight=weight)._model.eigenvalues
    pipeline = make_pipeline(StandardScaler(), linear)
    posterior = posterior.set_params(estimator=pipeline)
    with config_context(enable_metadata_routing=routing):
        if routing:
            pipeline[0].set_fit_request(sample_weight=False)
            pipeline[1].set_fit_request(sample_weight=True)
            posterior.fit(X, y, sample_weight=weight)
        else:
            posterior.fit(X, y, logisticregression__sample_weight=weight)
    np.testing.assert_allclose(
        posterior._model.eigenvalues, expected, rtol=1e-3, atol=1e-3
    )


def test_weights_of_another_step_do_not_count(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    posterior = LaplaceClassifier(pipeline, structure="full", prior_precision=1.0)
    weight = np.full(len(y), 3.0)  # which leaves the scale as it is
    given = posterior.fit(X, y, standardscaler__sample_weight=weight)
    eigenvalues = given._model.eigenvalues
    np.testing.assert_allclose(
        eigenvalues, posterior.fit(X, y)._model.eigenvalues, rtol=1e-3, atol=1e-3
    )
    with config_context(enable_metadata_routing=True):
        pipeline[0].set_fit_request(sample_weight=True)
        pipeline[1].set_fit_request(sample_weight=False)
        posterior.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(
        eigenvalues, posterior._model.eigenvalues, rtol=1e-3, atol=1e-3
    )


def test_weights_reach_a_pipeline_in_a_search(iris):
    X, y = iris
    weight = np.full(len(y), 3.0)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    search = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2)
    posterior = LaplaceClassifier(search, structure="full", prior_precision=1.0)
    posterior.fit(X, y, logisticregression__sample_weight=weight)
    direct = LaplaceClassifier(pipeline, structure="full", prior_precision=1.0)
    direct.fit(X, y, logisticregression__sample_weight=weight)
    np.testing.assert_allclose(
        posterior._model.eigenvalues, direct._model.eigenvalues, rtol=1e-3, atol=1e-3
    )


# What it refuses --------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RandomForestClassifier, "OneVsRestSigmoids"])
def test_no_linear_head_is_an_error(iris, kind):
    estimator = (
        OneVsRestSigmoids(max_iter=1000) if kind == "OneVsRestSigmoids" else kind(5)
    )
    with pytest.raises(
        TypeError, match=r"must end in a softmax of a linear layer.*Use"
    ):
        fit_on(iris, estimator)


class OneVsRestSigmoids(LogisticRegression):
    def predict_proba(self, X):
        proba = expit(self.decision_function(X))
        return proba / proba.sum(axis=1, keepdims=True)


def test_labels_that_a_frozen_estimator_does_not_know_are_an_error(iris, net):
    """They were an IndexError."""
    X, y = iris
    with pytest.raises(ValueError, match=r"y must hold labels .* \[0, 1, 2\], got \[5"):
        LaplaceClassifier(FrozenEstimator(net)).fit(X, np.where(y == 2, 5, y))


def test_a_net_without_a_last_linear_layer_is_an_error(iris):
    def no_linear(n_features, n_classes):
        return torch.nn.Sequential(
            torch.nn.Linear(n_features, n_classes), torch.nn.Tanh()
        )

    with pytest.raises(TypeError, match="must end in a"):
        fit_on(iris, NetClassifier(no_linear, max_steps=5, random_state=0))


def test_a_hessian_that_does_not_fit_is_an_error(pieces, monkeypatch):
    features, proba, weight = pieces
    monkeypatch.setattr("skal.posterior._curvature._LARGEST", 8 * 11**2)
    curvature = OutputCurvature(proba, 3)
    with pytest.raises(ValueError, match=r"a matrix of 12 x 12\. Use 'kron' or 'diag'"):
        STRUCTURES["full"]([(features, curvature, weight)])
    STRUCTURES["kron"]([(features, curvature, weight)])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"structure": "block"}, ValueError, "structure must be one of"),
        ({"link": "bridge"}, ValueError, "link must be one of"),
        ({"subset_of_weights": "some"}, ValueError, "subset_of_weights must be one of"),
        ({"subset_of_weights": "all"}, ValueError, "structure must be 'diag' or 'iso"),
        ({"prior_precision": "best"}, ValueError, "prior_precision must be one of"),
        ({"prior_precision": 0}, ValueError, "prior_precision must be above 0, got 0"),
        ({"prior_precision": -1}, ValueError, r"prior_precision must be in \[0, inf\]"),
        ({"prior_precision": None}, TypeError, "prior_precision must be a number"),
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1"),
        ({"n_folds": 1}, ValueError, "n_folds must be at least 2"),
    ],
)
def test_parameters_are_checked(iris, params, error, message):
    with pytest.raises(error, match=message):
        fit_on(iris, **params)


def test_a_head_keeps_its_bias_apart():
    head = LinearHead(np.ones((1, 3)), True, 1.0)
    np.testing.assert_array_equal(head.features([[2.0, 3.0]]), [[2, 3, 1]])


# Many precisions at once ------------------------------------------------------------


def curved(structure, n_classes=3, kind=np.asarray):
    """Return a structure of some rows, and the rows."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, 5)).astype(np.float32)
    X[X < -0.5] = 0
    proba = rng.dirichlet(np.ones(max(n_classes, 2)), 40)
    curvature = OutputCurvature(proba, 1 if n_classes == 2 else n_classes)
    return STRUCTURES[structure]([(kind(X), curvature, np.ones(40))]), kind(X)


@pytest.mark.parametrize("structure", sorted(STRUCTURES))
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "csr"])
def test_many_precisions_are_one_after_another(structure, n_classes, kind):
    posterior, X = curved(structure, n_classes, kind)
    taus = np.array([0.1, 1.0, 30.0])
    one_by_one = np.stack([posterior.variances(X, tau) for tau in taus])
    np.testing.assert_allclose(posterior.variances(X, taus), one_by_one, rtol=1e-4)


@pytest.mark.parametrize("structure", sorted(STRUCTURES))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_draws_for_the_search_spread_as_the_posterior_does(structure, n_classes):
    posterior, X = curved(structure, n_classes)
    K = len(posterior.outer) if hasattr(posterior, "outer") else posterior.shape[0]
    noise = _links.noise_for((K, 5), 4000, 0)
    (moves,) = posterior.deviations(noise, np.array([2.0]))(X[:8])  # (K, S, m)
    weights = posterior.perturb(noise, 2.0)  # (S, K, D)
    logits = np.einsum("skd,nd->ksn", weights, X[:8])
    for n in range(8):
        np.testing.assert_allclose(
            np.cov(moves[:, :, n]), np.cov(logits[:, :, n]), atol=0.08
        )


@pytest.mark.parametrize("structure", sorted(STRUCTURES))
@pytest.mark.parametrize("link", ["mc", "probit"])
def test_the_search_scores_what_is_predicted(structure, link, iris, logistic):
    X, y = iris
    posterior = LaplaceClassifier(
        FrozenEstimator(logistic), structure=structure, prior_precision=1.0
    ).fit(X, y)
    model = posterior._model
    rows = model.inputs(logistic, X)
    noise = _links.noise_for(model.theta.shape, 2000, 0)
    taus = np.array([0.5, 5.0])
    found = np.concatenate([*_links.likelihoods(model, rows, y, taus, link, noise)])
    for column, tau in zip(found.T, taus, strict=True):
        expected = _links.predictive(model, rows, tau, link, noise)[
            np.arange(len(y)), y
        ]
        np.testing.assert_allclose(
            column, expected, atol=0.03 if link == "mc" else 1e-5
        )


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", ["linear", "net"])
def test_features_far_from_zero_have_a_head(kind, seeded_torch):
    """float32 leaves logits of such features few digits: the model was blamed."""
    X, y = make_blobs(120, n_features=5, centers=2, cluster_std=3.0, random_state=1)
    X = (X + 1e5).astype(np.float32)
    model = LogisticRegression(max_iter=5000, solver="newton-cholesky")
    if kind == "net":
        model = NetClassifier(torch.nn.Linear(5, 2), max_steps=3)
    posterior = LaplaceClassifier(model, prior_precision=1.0, random_state=0).fit(X, y)
    assert np.isfinite(posterior.sample_proba(X, n_samples=3)).all()
