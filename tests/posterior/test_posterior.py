"""Posteriors keep their laws, scikit-learn's rules, and what each one promises."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearner, ModelView
from skal._seed import draw_seed
from skal.calibration import TemperatureScaling
from skal.nets import CNNClassifier, MLPNetClassifier, NetClassifier, NetRegressor
from skal.posterior import EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee
from skal.posterior._base import chunks_of, softmax
from skal.query import ConsensusEntropy, Margin, VoteEntropy
from skal.testing import posterior_checks


def small_net(**params):
    return MLPNetClassifier(**{"hidden": (16,), "max_steps": 30, **params})


# The laws ---------------------------------------------------------------------------

POSTERIORS = {
    "mc dropout, last": MCDropoutCommittee(small_net(), n_samples=6),
    "mc dropout, all": MCDropoutCommittee(small_net(), n_samples=6, dropout="all"),
    "mc dropout in a pipeline": MCDropoutCommittee(
        make_pipeline(StandardScaler(), small_net()), n_samples=6
    ),
    "laplace of a net": LaplaceClassifier(
        small_net(), prior_precision=10.0, n_samples=8
    ),
    "laplace, cross-validated": LaplaceClassifier(
        LogisticRegression(), structure="full", n_samples=8
    ),
    "laplace in a pipeline": LaplaceClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()),
        structure="diag",
        prior_precision="marglik",
        n_samples=8,
    ),
    "laplace, all weights": LaplaceClassifier(
        small_net(),
        subset_of_weights="all",
        structure="diag",
        prior_precision=10.0,
        n_samples=4,
    ),
    "ensemble of nets": EnsembleClassifier(small_net(), n_members=3),
    "ensemble of bootstraps": EnsembleClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()), bootstrap=True
    ),
}


LAWS = [
    pytest.param(law, id=f"{name}-{law_name}")
    for name, posterior in POSTERIORS.items()
    for law_name, law in posterior_checks(posterior)
]


@pytest.mark.parametrize("law", LAWS)
def test_every_posterior_keeps_the_laws(law):
    law()


# scikit-learn's rules ---------------------------------------------------------------

#: Why each check that is expected to fail does: both ask that a weight is the row
#: repeated, to 1e-7.
DRAWS_ROWS = "a network and a bootstrap draw rows, which weights do not repeat"
SINGLE = "samples are in single precision; see test_weights_count_as_rows"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (DRAWS_ROWS, SINGLE),
    "check_sample_weight_equivalence_on_sparse_data": (DRAWS_ROWS, SINGLE),
}


def expected_failures(posterior):
    which = int(isinstance(posterior, LaplaceClassifier))
    return {check: reasons[which] for check, reasons in EXPECTED_FAILURES.items()}


@parametrize_with_checks(
    [
        LaplaceClassifier(LogisticRegression(), prior_precision=1.0, random_state=0),
        EnsembleClassifier(LogisticRegression(), bootstrap=True, random_state=0),
        MCDropoutCommittee(
            small_net(max_steps=60, random_state=0), n_samples=8, random_state=0
        ),
    ],
    expected_failed_checks=expected_failures,
)
def test_posteriors_pass_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", ["mc dropout, last", "laplace of a net"])
def test_a_search_tunes_what_is_inside(iris, name):
    X, y = iris
    grid = {"estimator__hidden": [(4,), (8,)], "n_samples": [3, 5]}
    search = GridSearchCV(POSTERIORS[name], grid, cv=2, scoring="neg_log_loss")
    assert search.fit(X, y).best_estimator_.n_samples in (3, 5)


def test_scores_are_stratified_by_class(iris):
    X, y = iris
    order = np.argsort(y, kind="stable")
    posterior = LaplaceClassifier(prior_precision=1.0)
    assert cross_val_score(posterior, X[order], y[order], cv=3).min() > 0.9


def test_weights_are_routed(iris):
    X, y = iris
    weight = np.random.RandomState(0).uniform(1, 3, len(y))
    with config_context(enable_metadata_routing=True):
        inner = LogisticRegression(max_iter=1000).set_fit_request(sample_weight=True)
        posterior = LaplaceClassifier(inner, prior_precision=1.0, random_state=0)
        routed = posterior.fit(X, y, sample_weight=weight).predict_proba(X)
    plain = LaplaceClassifier(
        LogisticRegression(max_iter=1000), prior_precision=1.0, random_state=0
    )
    expected = plain.fit(X, y, sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(routed, expected, atol=1e-6)


@pytest.mark.parametrize(
    "posterior",
    [
        EnsembleClassifier(DecisionTreeClassifier(max_depth=3), bootstrap=True),
        LaplaceClassifier(LogisticRegression(max_iter=1000), prior_precision=1.0),
        MCDropoutCommittee(small_net(max_steps=100)),
    ],
    ids=lambda posterior: type(posterior).__name__,
)
def test_a_learner_asks_a_posterior(iris, posterior):
    X, y = iris
    for strategy in (VoteEntropy(), ConsensusEntropy(), Margin()):
        learner = ActiveLearner(
            clone(posterior), strategy, n_labels=30, batch_size=10, random_state=0
        )
        assert learner.fit(X, y).score(X, y) > 0.5
    names = np.array(["a", "b", "c"])[y]
    view = ModelView(clone(posterior).fit(X, names), random_state=0)
    proba = view.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert view.sample_proba(X, 3).shape == (3, 150, 3)


def test_a_seed_seeds_what_is_inside_and_no_seed_does_not(iris):
    X, y = iris
    for seed, same in ((0, True), (None, False)):
        fits = [
            MCDropoutCommittee(small_net(), random_state=seed).fit(X, y)
            for _ in range(2)
        ]
        first, second = (committee.predict_proba(X) for committee in fits)
        assert np.array_equal(first, second) == same
    assert small_net().random_state is None


# MC dropout -------------------------------------------------------------------------


def test_a_committee_is_the_net_itself_under_masks(iris):
    X, y = iris
    committee = MCDropoutCommittee(
        small_net(random_state=0), dropout="all", random_state=0
    )
    committee.fit(X, y)
    net = small_net(random_state=0).fit(X, y)
    np.testing.assert_allclose(
        committee.sample_proba(X, 5, random_state=3),
        net.sample_proba(X, 5, random_state=draw_seed(3)),
        atol=1e-6,
    )


def test_the_last_dropout_alone_leaves_the_others_off(iris):
    X, y = iris
    net = small_net(hidden=(16, 8), random_state=0)
    spread = [
        np.ptp(MCDropoutCommittee(net, dropout=which).fit(X, y).sample_proba(X), axis=0)
        for which in ("last", "all")
    ]
    assert 0 < spread[0].mean() < spread[1].mean()


def test_the_head_is_there_for_the_last_dropout_alone(iris):
    committee = MCDropoutCommittee(small_net(), dropout="all").fit(*iris)
    assert not hasattr(committee, "head_proba")
    assert committee.embed(iris[0]).shape == (150, 16)


def test_something_between_the_last_dropout_and_the_head_leaves_no_head_proba(iris):
    def between(n_features, n_classes):
        return torch.nn.Sequential(
            torch.nn.Linear(n_features, 8),
            torch.nn.Dropout(),
            torch.nn.ReLU(),
            torch.nn.Linear(8, n_classes),
        )

    committee = MCDropoutCommittee(NetClassifier(between, max_steps=5), random_state=0)
    committee.fit(*iris)
    assert committee.predict_proba(iris[0]).shape == (150, 3)
    assert committee.embed(iris[0]).shape == (150, 8)
    with pytest.raises(AttributeError, match="head_proba") as raised:
        _ = committee.head_proba
    assert "last dropout comes right before its last" in str(raised.value.__cause__)
    view = ModelView(committee)._expecting(Both())
    proba = view.predict_proba(iris[0])  # not from a head that is not there
    np.testing.assert_allclose(proba, committee.predict_proba(iris[0]))


class Both(Margin):
    needs = frozenset({"proba", "embed"})


def test_images_and_bfloat16(iris):
    X = np.random.RandomState(0).randint(0, 256, (40, 8, 8)).astype(np.uint8)
    y = np.arange(40) % 3
    for bfloat16 in (False, True):
        net = CNNClassifier(max_steps=5, channels=(4, 8), hidden=8, bfloat16=bfloat16)
        committee = MCDropoutCommittee(net, n_samples=4, random_state=0).fit(X, y)
        samples = committee.sample_proba(X)
        assert samples.shape == (4, 40, 3)
        np.testing.assert_allclose(
            samples.mean(axis=0), committee.predict_proba(X), atol=1e-6
        )
        np.testing.assert_allclose(
            committee.head_proba(committee.embed(X)),
            committee.predict_proba(X),
            atol=2e-2 if bfloat16 else 1e-5,
        )


def test_dropout_needs_a_net(iris):
    with pytest.raises(TypeError, match=r"must be a network of skal.nets, .* Logistic"):
        MCDropoutCommittee(LogisticRegression(max_iter=1000)).fit(*iris)
    with pytest.raises(TypeError, match=r"none of p > 0\. Add"):
        MCDropoutCommittee(small_net(dropout=0.0)).fit(*iris)


def test_what_changes_a_networks_probabilities_goes_around_the_committee(iris):
    """The temperature was passed over in silence."""
    X, y = iris
    net = small_net(random_state=0)
    with pytest.raises(TypeError, match=r"got TemperatureScaling\. Put MCDropoutCommi"):
        MCDropoutCommittee(TemperatureScaling(net, cv=2)).fit(X, y)
    model = TemperatureScaling(MCDropoutCommittee(net), cv=2).fit(X, y)
    assert model.sample_proba(X[:3], 4).shape == (4, 3, 3)


@pytest.mark.parametrize(
    "posterior", [EnsembleClassifier, LaplaceClassifier, MCDropoutCommittee]
)
@pytest.mark.parametrize("estimator", [LinearSVC(), NetRegressor(max_steps=1)])
def test_estimators_without_probabilities_are_refused(iris, posterior, estimator):
    """They used to fail after the fit, with an AttributeError."""
    with pytest.raises(TypeError, match=r"a classifier with predict_proba, got \w+\. "):
        posterior(estimator).fit(*iris)


def test_the_parameters_of_a_committee_are_checked(iris):
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        MCDropoutCommittee(n_samples=0).fit(*iris)
    with pytest.raises(ValueError, match="dropout must be one of"):
        MCDropoutCommittee(dropout="first").fit(*iris)


# Ensembles --------------------------------------------------------------------------


def test_members_are_the_samples(iris):
    X, y = iris
    ensemble = EnsembleClassifier(small_net(), n_members=3, random_state=0).fit(X, y)
    expected = [member.predict_proba(X) for member in ensemble.estimators_]
    np.testing.assert_array_equal(ensemble.sample_proba(X), expected)
    np.testing.assert_array_equal(ensemble.sample_proba(X, 2), expected[:2])
    seeds = {member.random_state for member in ensemble.estimators_}
    assert len(seeds) == 3


def network(n_classes=3, width=16):
    layers = [torch.nn.Linear(4, width), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, n_classes))


class Small(torch.nn.Sequential):
    def __init__(self, n_classes, width=16):
        super().__init__(*network(n_classes, width))


@pytest.mark.usefixtures("seeded_torch")
@pytest.mark.parametrize("around", [make_pipeline, lambda net: net])
def test_members_that_start_from_one_module_are_warned_of(iris, around):
    """A module given as an instance: BALD was a ten thousandth of what it should be."""
    net = NetClassifier(Small(3), max_steps=5, lr=1e-3)
    ensemble = EnsembleClassifier(around(net), n_members=3, random_state=0)
    words = r"All 3 members start from the same weights, those of the Small .* module__"
    with pytest.warns(UserWarning, match=words):
        ensemble.fit(*iris)
    apart = ensemble.sample_proba(iris[0]).std(axis=0).max()
    for better in ({"module": Small}, {"module": network}, {"module__width": 16}):
        fresh = clone(net).set_params(**better)
        ensemble.set_params(**{"estimator": around(fresh)}).fit(*iris)
        assert ensemble.sample_proba(iris[0]).std(axis=0).max() > 5 * apart


@pytest.mark.usefixtures("seeded_torch")
def test_one_module_serves_where_rows_or_nothing_differ(iris):
    net = NetClassifier(Small(3), max_steps=5)
    EnsembleClassifier(net, n_members=2, bootstrap=True).fit(*iris)
    EnsembleClassifier(net, n_members=1).fit(*iris)


def test_a_fixed_seed_inside_does_not_make_members_the_same(iris):
    ensemble = EnsembleClassifier(small_net(random_state=0), n_members=2).fit(*iris)
    assert np.ptp(ensemble.sample_proba(iris[0]), axis=0).max() > 0.01


def test_jobs_do_not_change_the_members(iris):
    tree = DecisionTreeClassifier()
    with parallel_config(backend="threading"):
        fits = [
            EnsembleClassifier(tree, bootstrap=True, n_jobs=jobs, random_state=0).fit(
                *iris
            )
            for jobs in (None, 2)
        ]
    a, b = (ensemble.sample_proba(iris[0]) for ensemble in fits)
    np.testing.assert_array_equal(a, b)


def test_equal_members_warn(iris):
    ensemble = EnsembleClassifier(LogisticRegression(max_iter=1000))
    with pytest.warns(UserWarning, match=r"All 5 members are the same.*bootstrap=True"):
        ensemble.fit(*iris)


def test_an_ensemble_refuses_more_samples_than_members(iris):
    ensemble = EnsembleClassifier(LogisticRegression(max_iter=1000), bootstrap=True)
    with pytest.raises(ValueError, match=r"at most 5, the number of members .* got 6"):
        ensemble.fit(*iris).sample_proba(iris[0], 6)
    with pytest.raises(ValueError, match="n_members must be at least 1"):
        EnsembleClassifier(n_members=0).fit(*iris)


def test_a_bootstrap_may_miss_a_class_but_never_all_but_one():
    X = np.arange(12.0)[:, None]
    y = np.array(["a"] * 10 + ["b", "c"])
    ensemble = EnsembleClassifier(
        LogisticRegression(), n_members=20, bootstrap=True, random_state=0
    ).fit(X, y)
    known = {len(member.classes_) for member in ensemble.estimators_}
    assert known == {2, 3}
    assert ensemble.classes_.tolist() == ["a", "b", "c"]
    assert ensemble.sample_proba(X).shape == (20, 12, 3)
    np.testing.assert_allclose(ensemble.predict_proba(X).sum(axis=1), 1)


def test_a_bootstrap_draws_rows_that_count(iris):
    """All rows of some weight may be left out, and the fit of a network then failed."""
    X, y = iris
    weight = np.zeros(len(y))
    weight[[np.flatnonzero(y == 0)[0], np.flatnonzero(y == 2)[0]]] = 1.0
    net = small_net(hidden=(2,), max_steps=1)
    ensemble = EnsembleClassifier(net, n_members=10, bootstrap=True, random_state=0)
    ensemble.fit(X, y, sample_weight=weight)
    assert all(list(member.classes_) == [0, 2] for member in ensemble.estimators_)


def test_bootstrapped_weights_follow_their_rows():
    class Remembers(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            self.seen_ = X[:, 0].copy(), sample_weight.copy()
            return super().fit(X, y, sample_weight)

    X = np.arange(20.0)[:, None]
    ensemble = EnsembleClassifier(Remembers(), n_members=2, bootstrap=True)
    ensemble.fit(X, np.arange(20) % 2, sample_weight=np.arange(20.0))
    for member in ensemble.estimators_:
        np.testing.assert_array_equal(*member.seen_)


@pytest.mark.parametrize("kind", ["plain", "pipeline", "nets", "sparse"])
def test_the_embedding_of_an_ensemble_is_that_of_all_members(iris, kind):
    X, y = iris
    estimator, width, bootstrap = {
        "plain": (LogisticRegression(max_iter=1000), 4, True),
        "pipeline": (make_pipeline(StandardScaler(), LogisticRegression()), 12, True),
        "nets": (small_net(), 48, False),
        "sparse": (make_pipeline(MaxAbsScaler(), LogisticRegression()), 12, True),
    }[kind]
    X = sp.csr_matrix(X) if kind == "sparse" else X
    ensemble = EnsembleClassifier(estimator, n_members=3, bootstrap=bootstrap)
    ensemble.fit(X, y)
    E = ensemble.embed(X)
    assert E.shape == (150, width)
    assert sp.issparse(E) == (kind == "sparse")
    np.testing.assert_allclose(
        ensemble.head_proba(E), ensemble.predict_proba(X), atol=1e-5
    )


# Small parts ------------------------------------------------------------------------


def test_softmax_of_one_logit_is_that_of_two():
    logit = np.array([[-800.0], [-1.0], [0.0], [1.0], [800.0]])
    two = softmax(np.column_stack([np.zeros(5), logit[:, 0]]))
    np.testing.assert_allclose(softmax(logit), two, atol=1e-12)
    np.testing.assert_allclose(softmax(np.array([[1e4, 0.0]])), [[1, 0]])


def test_chunks_cover_all_rows():
    X = np.arange(10)
    parts = list(chunks_of(X, 2**23 // 3))
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(parts), X)


def test_the_default_estimators():
    assert isinstance(LaplaceClassifier()._template(), LogisticRegression)
    assert isinstance(MCDropoutCommittee()._template(), MLPNetClassifier)
    assert isinstance(EnsembleClassifier()._template(), MLPNetClassifier)


def test_there_is_nothing_to_ask_before_fit(iris):
    for posterior in (LaplaceClassifier(), MCDropoutCommittee(), EnsembleClassifier()):
        assert not hasattr(posterior, "n_features_in_")
        with pytest.raises(AttributeError, match="has no n_features_in_ before fit"):
            _ = posterior.n_features_in_


@pytest.mark.parametrize(
    "posterior",
    [
        MCDropoutCommittee(small_net(max_steps=2)),
        LaplaceClassifier(LogisticRegression(max_iter=1000), prior_precision=1.0),
    ],
    ids=["mc dropout", "laplace"],
)
def test_a_fit_that_fails_leaves_a_posterior_as_it_was(iris, posterior):
    """Its seed was lost, so that the same question got another answer."""
    X, y = iris
    posterior = clone(posterior).fit(X, y)
    before = posterior.sample_proba(X[:5])
    with pytest.raises(ValueError, match="NaN"):
        posterior.fit(X, np.where(y == 0, np.nan, y))
    np.testing.assert_array_equal(posterior.sample_proba(X[:5]), before)


def test_log_probabilities(iris):
    model = LogisticRegression(max_iter=1000)
    posterior = LaplaceClassifier(model, prior_precision=1.0).fit(*iris)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = posterior.predict_log_proba(iris[0])
    np.testing.assert_allclose(
        np.exp(logs), posterior.predict_proba(iris[0]), rtol=1e-5
    )
