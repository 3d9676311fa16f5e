"""ConsistencyClassifier: what it learns from unlabelled rows, and what it tells."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn
from torch_helpers import TwoParts

from skal import ActiveLearner, ModelView, MultiInput
from skal.datasets import fetch_mnist
from skal.exceptions import CollapseWarning
from skal.nets import (
    CNNClassifier,
    DatasetPool,
    MLPNetClassifier,
    NetClassifier,
    SegmentationNet,
)
from skal.posterior import EnsembleClassifier, MCDropoutCommittee
from skal.pseudo import ConsistencyClassifier
from skal.pseudo._collapse import warn_of_collapse
from skal.pseudo._consistency_fit import prior_for

# Fits of a moment learn little.
pytestmark = pytest.mark.filterwarnings("ignore::skal.exceptions.CollapseWarning")

WEIGHTS = "a row of weight 2 is drawn into batches once, a row that stands twice twice"
#: Every check that is expected to fail, with its reason.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
    "check_sample_weight_equivalence_on_sparse_data": WEIGHTS,
}


@parametrize_with_checks(
    [
        ConsistencyClassifier(
            MLPNetClassifier(max_steps=60), missing_label=None, align="labels"
        )
    ],
    expected_failed_checks=lambda model: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def mlp(max_steps=20, **params):
    """Return a small net that is fitted in a moment."""
    params = {"hidden": (32,), "random_state": 0, **params}
    return MLPNetClassifier(max_steps=max_steps, **params)


def sure_of_all(estimator=None, **params):
    """Return a classifier that takes every guess for a pseudo-label."""
    params = {"threshold": 0.0, "min_threshold": 0.0, "align": None, **params}
    return ConsistencyClassifier(mlp() if estimator is None else estimator, **params)


@pytest.fixture
def moons():
    X, y = make_moons(300, noise=0.1, random_state=0)
    return X.astype(np.float32), y, np.where(np.arange(300) < 12, y, -1)


# What it learns ----------------------------------------------------------------


def test_unlabelled_rows_help_where_clusters_are_classes():
    gains = []
    for seed in range(2):
        X, y = make_moons(300, noise=0.1, random_state=seed)
        partial = np.where(np.arange(300) < 8, y, -1)
        net = mlp(150, random_state=seed)
        model = ConsistencyClassifier(net).fit(X, partial)
        gains.append(model.score(X, y) - net.fit(X[:8], y[:8]).score(X, y))
    assert np.mean(gains) > 0.02


def test_a_full_y_is_a_plain_fit(moons):
    X, y, _ = moons
    model = ConsistencyClassifier(mlp()).fit(X, y)
    assert np.array_equal(model.predict_proba(X), mlp().fit(X, y).predict_proba(X))
    assert model.n_pseudo_labeled_ == 0
    assert np.array_equal(model.transduction_, y)


def test_a_pseudo_label_is_told_from_a_label(moons):
    X, y, partial = moons
    wrong = np.where(partial >= 0, 1 - y, -1)  # so that guesses are not y
    model = sure_of_all(mlp(60)).fit(X, wrong)
    assert np.array_equal(model.labeled_iter_, np.where(wrong >= 0, 0, 1))
    assert np.array_equal(model.transduction_[:12], wrong[:12])
    assert np.all(model.pseudo_labels_[:12] == -1)
    assert np.array_equal(model.pseudo_labels_[12:], model.predict(X[12:]))
    assert model.n_pseudo_labeled_ == 288


def test_of_what_it_is_sure_is_held_against_the_thresholds(moons):
    X, _, partial = moons
    params = {"align": None, "class_thresholds": False, "threshold": 0.8}
    model = ConsistencyClassifier(mlp(100), **params).fit(X, partial)
    sure = (model.predict_proba(X).max(axis=1) >= 0.8) & (partial < 0)
    assert 0 < sure.sum() < 288
    assert np.array_equal(model.labeled_iter_ == 1, sure)


def test_the_order_of_unlabelled_rows_does_not_matter():
    """But for what batches are drawn of them: the pool is easy."""
    X = np.random.RandomState(0).normal(size=(200, 2)) + 4
    X[::2] -= 8
    y = np.arange(200) % 2
    partial = np.where(np.arange(200) < 10, y, -1)
    order = np.r_[:10, 10 + np.random.RandomState(0).permutation(190)]
    first = sure_of_all(mlp(100)).fit(X, partial)
    second = sure_of_all(mlp(100)).fit(X[order], partial[order])
    assert np.array_equal(first.transduction_[order], second.transduction_)
    assert np.array_equal(second.transduction_, y[order])


def test_seeds_are_kept_and_the_state_of_torch_is(moons):
    X, _, partial = moons
    before = torch.get_rng_state()
    for model in (sure_of_all(), sure_of_all(mlp(random_state=None), random_state=7)):
        first, second = (clone(model).fit(X, partial) for _ in range(2))
        assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    other = clone(model).set_params(random_state=8).fit(X, partial)
    assert not np.array_equal(other.predict_proba(X), second.predict_proba(X))
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_of_no_weight_are_as_if_absent(moons):
    X, _, partial = moons
    weights = np.ones(300)
    absent = np.r_[10:12, 200:300]
    weights[absent] = 0
    far, others = X.copy(), partial.copy()
    far[absent] += 100
    first = sure_of_all().fit(X, partial, sample_weight=weights)
    second = sure_of_all().fit(far, others, sample_weight=weights)
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert np.all(first.labeled_iter_[200:] == -1)


def test_weights_count_among_labels_and_among_others(moons):
    X, _, partial = moons
    plain = sure_of_all().fit(X, partial).predict_proba(X)
    weights = np.where(partial < 0, 5.0, 0.1)  # alike within each kind
    same = sure_of_all().fit(X, partial, sample_weight=weights).predict_proba(X)
    assert np.allclose(plain, same, atol=1e-5)
    weights[12:150] = 50
    other = sure_of_all().fit(X, partial, sample_weight=weights).predict_proba(X)
    assert not np.allclose(plain, other, atol=1e-5)


def test_the_steps_before_it_see_all_rows(moons):
    X, _, partial = moons
    model = sure_of_all(make_pipeline(StandardScaler(), mlp())).fit(X, partial)
    assert np.allclose(model.estimator_[0].mean_, X.mean(axis=0), atol=1e-5)
    assert model.n_features_in_ == 2
    assert model.predict(X).shape == (300,)
    alone = sure_of_all(make_pipeline(mlp())).fit(X, partial)
    assert np.array_equal(
        alone.predict_proba(X), sure_of_all().fit(X, partial).predict_proba(X)
    )


# The prior, and collapse -------------------------------------------------------


def test_the_prior_by_hand():
    counts = np.array([6.0, 2.0])
    assert prior_for(None, counts) is None
    assert prior_for("auto", counts) == "auto"
    assert prior_for("uniform", counts).tolist() == [0.5, 0.5]
    assert prior_for("labels", counts).tolist() == [0.7, 0.3]
    assert prior_for([3, 1], counts).tolist() == [0.75, 0.25]


@pytest.mark.parametrize(
    "align",
    [[0.5, 0.5, 0.5], [1.0, 0.0], 0.5, [1.0, np.inf], ["a", "b"], {0: 0.5, 1: 0.5}],
)
def test_a_prior_that_is_none(moons, align):
    X, _, partial = moons
    with pytest.raises(ValueError, match="align must hold a share above 0"):
        sure_of_all(align=align).fit(X, partial)


def test_aligned_guesses_come_as_often_as_the_prior_says(moons):
    X, _, partial = moons
    shares = []
    for align in ([0.7, 0.3], [0.3, 0.7]):
        model = sure_of_all(mlp(100), align=align).fit(X, partial)
        shares.append(np.mean(model.predict(X) == 0))
    assert shares[0] > shares[1] + 0.1


@pytest.mark.parametrize(
    ("n_first", "n_sure", "shares", "match"),
    [
        (195, 200, [0.5, 0.5], "'ant' makes 98% of the .* labels alone made it 50%"),
        (195, 200, [0.9, 0.1], None),  # the pool is like that
        (120, 200, [0.5, 0.5], None),
        (120, 200, [0.1, 0.9], "'ant' makes 60% of the .* labels alone made it 10%"),
        (195, 200, None, None),
        (200, 0, [0.5, 0.5], "sure of none of 200 unlabelled rows"),
    ],
)
def test_collapse_is_told(n_first, n_sure, shares, match):
    codes, sure = (np.arange(200) >= n_first).astype(int), np.arange(200) < n_sure
    before = [] if shares is None else [np.array(shares)]
    told = codes, sure, before, np.array(["ant", "bee"])
    if match:
        with pytest.warns(CollapseWarning, match=match):
            warn_of_collapse(*told)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_of_collapse(*told)


def test_few_rows_tell_nothing_of_a_collapse():
    told = np.zeros(99, int), np.zeros(99, bool), [np.ones(2) / 2], np.array([0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_collapse(*told)


def rare():
    """Return one row in fifty of a class apart, and five labels of each class."""
    rng = np.random.RandomState(0)
    y = (np.arange(612) % 51 == 0).astype(int)
    X = (rng.normal(size=(612, 5)) + 4 * y[:, None]).astype(np.float32)
    known = np.r_[np.flatnonzero(y)[:5], np.flatnonzero(y == 0)[:5]]
    partial = np.full(612, -1)
    partial[known] = y[known]
    return X, y, partial


@pytest.mark.parametrize(("max_steps", "delay"), [(200, 0.1), (200, 0.5)])
def test_a_rare_class_stays_rare(max_steps, delay):
    """Aligned to classes that come alike, it was found in three rows of four."""
    X, y, partial = rare()
    model = ConsistencyClassifier(mlp(max_steps), delay=delay)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, partial)
    assert model.score(X, y) > 0.97


def test_a_fit_that_learnt_nothing_warns(moons):
    X, _, partial = moons
    model = ConsistencyClassifier(mlp(2), threshold=1.0, min_threshold=1.0)
    with pytest.warns(CollapseWarning, match="sure of none of 288") as caught:
        model.fit(X, partial)
    assert caught[0].filename == __file__
    assert model.n_pseudo_labeled_ == 0


# Labels and rows of any kind ---------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "missing_label", "dtype"),
    [
        (["a", "bb"], "unlabeled", "U"),
        (["a", "bb"], None, "O"),
        ([3, 7], -1, "i"),
        ([3, 7], np.nan, "f"),
        ([-1, 1], None, "O"),
    ],
)
def test_labels_of_any_kind(moons, labels, missing_label, dtype):
    X, _, codes = moons
    names = np.array(labels, dtype=object)
    y = np.array([missing_label if c < 0 else names[c] for c in codes], dtype=object)
    model = ConsistencyClassifier(
        mlp(), missing_label=missing_label, threshold=0.8
    ).fit(X, y)
    assert model.transduction_.dtype.kind in (dtype, names.dtype.kind, "i")
    assert model.transduction_[:12].tolist() == y[:12].tolist()
    assert set(model.predict(X)) <= set(labels)
    assert model.classes_.tolist() == labels


@pytest.mark.parametrize("kind", ["frame", "list", "uint8", "data set"])
def test_rows_of_any_kind(digits, kind):
    X, _, y, _ = digits
    images = (X[:200] * 16).reshape(-1, 8, 8).astype(np.uint8)
    y = np.where(np.arange(200) < 60, y[:200], -1)
    cnn = CNNClassifier(channels=(4,), hidden=8, max_steps=10, random_state=0)
    rows, net = {
        "frame": (pd.DataFrame(X[:200]).add_prefix("pixel"), mlp()),
        "list": (X[:200].tolist(), mlp()),
        "uint8": (images, cnn),
        "data set": (DatasetPool([(torch.from_numpy(i), 0) for i in images]), cnn),
    }[kind]
    model = sure_of_all(net).fit(rows, y)
    assert model.predict_proba(rows).shape == (200, 10)
    assert model.n_pseudo_labeled_ == 140
    if kind == "frame":
        assert model.feature_names_in_[0] == "pixel0"


def test_rows_of_several_parts(moons):
    X, _, partial = moons
    rows = MultiInput(left=X, right=X[:, ::-1].copy())
    net = NetClassifier(TwoParts, max_steps=10, random_state=0)
    model = sure_of_all(net, strong={"left": "mask_noise"}).fit(rows, partial)
    assert model.predict(rows).shape == (300,)


class Normed(nn.Sequential):
    """A small network with BatchNorm."""

    def __init__(self, n_features, n_classes):
        layers = [nn.Linear(n_features, 32), nn.BatchNorm1d(32), nn.ReLU()]
        super().__init__(*layers, nn.Linear(32, n_classes))


def test_batch_norm_and_a_net_of_ones_own(moons):
    X, y, partial = moons
    net = NetClassifier(Normed, max_steps=60, random_state=0)
    model = ConsistencyClassifier(net).fit(X, partial)
    assert model.score(X, y) > 0.8
    assert int(model.estimator_.module_[1].num_batches_tracked) == 60


def test_bfloat16(moons):
    X, y, partial = moons
    net = mlp(60, mixed_precision=True)
    assert ConsistencyClassifier(net).fit(X, partial).score(X, y) > 0.8


# From round to round -----------------------------------------------------------


def test_a_warm_start_goes_on_from_the_weights(moons):
    X, y, partial = moons
    cold = ConsistencyClassifier(mlp(100), delay=0).fit(X, partial)
    warm = clone(cold).set_params(warm_start=True).fit(X, partial)
    assert np.array_equal(warm.predict_proba(X), cold.predict_proba(X))
    before, weights = warm.estimator_, first_weights(warm).clone()
    warm.set_params(estimator__max_steps=1)
    warm.fit(X, np.where(np.arange(300) < 20, y, -1))
    assert 0 < (first_weights(warm) - weights).abs().max() < 0.1
    assert torch.equal(next(before.module_.parameters()), weights)
    with pytest.raises(ValueError, match="y must hold the classes of the last fit"):
        warm.fit(X, np.where(partial < 0, -1, 2))


def test_a_warm_start_wants_the_same_kind_of_estimator(moons):
    X, _, partial = moons
    model = sure_of_all(warm_start=True).fit(X, partial)
    model.set_params(estimator=make_pipeline(StandardScaler(), mlp()))
    with pytest.raises(ValueError, match=r"estimator must be of the kind .*Pipeline"):
        model.fit(X, partial)


def first_weights(model):
    return next(model.estimator_.module_.parameters())


def simulation(estimator, digits, **params):
    X, _, y, _ = digits
    learner = ActiveLearner(
        estimator,
        **{"n_labels": 40, **params},
        n_initial=30,
        use_unlabeled=True,
        random_state=0,
    )
    return learner.fit(X[:300], y[:300])


@pytest.mark.parametrize(
    "estimator",
    [
        sure_of_all(),
        make_pipeline(StandardScaler(), sure_of_all()),
        MCDropoutCommittee(sure_of_all(), n_samples=3),
    ],
    ids=["alone", "in a pipeline", "in a posterior"],
)
def test_history_tells_how_many_pseudo_labels_there_were_and_how_right(
    digits, estimator
):
    learner = simulation(estimator, digits)
    history, y = learner.history_, digits[2][:300]
    assert history["n_pseudo_labeled"].tolist() == [270, 260]
    hidden = learner.labeled_iter_ < 0
    accuracy = np.mean(learner.predict(digits[0][:300])[hidden] == y[hidden])
    # a posterior's own answer is not what its network was sure of
    assert history["pseudo_accuracy"][-1] == pytest.approx(accuracy, abs=0.1)


@pytest.mark.parametrize("estimator", [mlp(), make_pipeline(StandardScaler(), mlp())])
def test_a_warm_loop(digits, estimator):
    learner = simulation(sure_of_all(estimator), digits, warm_start=True)
    assert learner.estimator_.warm_start
    assert learner.history_["n_pseudo_labeled"].tolist() == [270, 260]


def test_hidden_labels_do_not_matter(digits):
    X, _, y, _ = digits
    X, y = X[:300], y[:300].copy()
    learner = simulation(sure_of_all(), digits)
    bought, proba = learner.labeled_iter_, learner.predict_proba(X)
    hidden = np.flatnonzero(bought < 0)
    y[hidden] = np.roll(y[hidden], 1)
    other = clone(learner).fit(X, y)
    assert np.array_equal(other.labeled_iter_, bought)
    assert np.array_equal(other.predict_proba(X), proba)


def test_a_simulation_ends_in_the_model_of_a_live_loop(digits):
    X, _, y, _ = digits
    learner = simulation(sure_of_all(random_state=0), digits)
    partial = np.where(learner.labeled_iter_ >= 0, y[:300], -1)
    live = ActiveLearner(
        sure_of_all(random_state=0), use_unlabeled=True, random_state=0
    ).fit(X[:300], partial)
    assert np.array_equal(live.predict_proba(X), learner.predict_proba(X))


# What it passes on -------------------------------------------------------------


def test_what_the_net_offers_is_passed_on(moons):
    X, _, partial = moons
    model = sure_of_all().fit(X, partial)
    proba = model.predict_proba(X)
    assert np.allclose(model.head_proba(model.embed(X)), proba, atol=1e-6)
    assert model.sample_proba(X[:5], n_samples=3, random_state=0).shape == (3, 5, 2)
    view = ModelView(model, X[:12], partial[:12])
    assert view.embed(X).shape == model.embed(X).shape
    assert view.sample_proba(X, 2).shape == (2, 300, 2)
    assert not hasattr(model, "decision_function")


def test_posteriors_stand_around_it(moons):
    X, _, partial = moons
    committee = MCDropoutCommittee(sure_of_all(), n_samples=3, random_state=0)
    assert committee.fit(X, partial).sample_proba(X).shape == (3, 300, 2)
    members = sure_of_all(mlp(random_state=None))
    ensemble = EnsembleClassifier(members, n_members=2, random_state=0)
    first, second = ensemble.fit(X, partial).sample_proba(X)
    assert first.shape == (300, 2)
    assert not np.allclose(first, second)


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_the_last_step_of_a_pipeline(moons, routing):
    X, _, partial = moons
    weights = np.where(np.arange(300) < 6, 100.0, 1.0)
    with config_context(enable_metadata_routing=routing):
        last, scaler = mlp(), StandardScaler()
        if routing:
            last = last.set_fit_request(sample_weight=True)
            scaler = scaler.set_fit_request(sample_weight=False)
        model = sure_of_all(make_pipeline(scaler, last))
        plain = clone(model).fit(X, partial).predict_proba(X)
        model.fit(X, partial, sample_weight=weights)
        assert not np.allclose(model.predict_proba(X), plain, atol=1e-4)


def test_it_is_tuned_clones_and_pickles(moons):
    X, y, _ = moons
    search = GridSearchCV(
        sure_of_all(), {"threshold": [0.0, 0.5], "estimator__lr": [1e-3]}, cv=2
    ).fit(X, y)
    model = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(model.predict(X), search.predict(X))


# Errors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"estimator": Ridge()}, TypeError, "classifier with predict_proba, got Ridge"),
        (
            {"estimator": LogisticRegression()},
            TypeError,
            "a classifying network of skal.nets.*got LogisticRegression.*PseudoLabel",
        ),
        ({"estimator": SegmentationNet()}, TypeError, "classifying network.*Segment"),
        ({"estimator": mlp(classes=[0, 1])}, ValueError, "classes must be None"),
        ({"estimator": mlp(criterion="bce")}, ValueError, "criterion must be for one"),
        ({"threshold": 1.5}, ValueError, r"threshold must be in \[0, 1\]"),
        ({"min_threshold": 0.99}, ValueError, "min_threshold must be in"),
        ({"align": "balanced"}, ValueError, "align must be one of"),
        ({"unlabeled_ratio": 0}, ValueError, "unlabeled_ratio must be above 0"),
        ({"unlabeled_weight": -1}, ValueError, "unlabeled_weight must be in"),
        ({"unlabeled_weight": np.inf}, ValueError, "unlabeled_weight must be finite"),
        ({"delay": 1.5}, ValueError, "delay must be in"),
        ({"ramp": -1}, ValueError, "ramp must be in"),
        ({"ema_decay": 1}, ValueError, "ema_decay must be below 1"),
        ({"strong": "cutout"}, ValueError, "strong must be .*got 'cutout'"),
    ],
)
def test_parameters_out_of_bounds(moons, params, error, match):
    X, _, partial = moons
    model = ConsistencyClassifier(**{"estimator": mlp(), **params})
    with pytest.raises(error, match=match):
        model.fit(X, partial)


def test_labels_that_have_no_weight_are_none(moons):
    X, _, partial = moons
    with pytest.raises(ValueError, match="must be above 0 for a row with a label"):
        sure_of_all().fit(X, partial, sample_weight=(partial < 0).astype(float))


def test_strangers_among_the_parameters_of_fit(moons):
    X, _, partial = moons
    with pytest.raises(TypeError, match=r"sample_weight, got \['groups'\] too"):
        sure_of_all().fit(X, partial, groups=partial)


@pytest.mark.parametrize(
    ("strong", "got"),
    [
        (lambda rows: rows[:, :1], r"\(36, 1\)"),
        (lambda rows: rows[1:], r"\(35, 2\)"),
        (lambda rows: None, "None"),
    ],
)
def test_a_fit_that_fails_leaves_the_model_as_it_was(moons, strong, got):
    X, _, partial = moons
    model = sure_of_all(warm_start=True).fit(X, partial)
    before = model.predict_proba(X)
    model.set_params(strong=strong, estimator__batch_size=12)
    with pytest.raises(ValueError, match=rf"strong must return .*\(36, 2\), got {got}"):
        model.fit(X, partial)
    assert np.array_equal(model.predict_proba(X), before)


# Real images -------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow_data
@pytest.mark.timeout(600)
def test_forty_labels_of_mnist_are_worth_many_more(data_folder):
    """Two thousand unlabelled digits beside them, and half the steps of a recipe."""
    X, y = fetch_mnist(data_dir=data_folder, subset="train", return_X_y=True)
    X_test, y_test = fetch_mnist(data_dir=data_folder, subset="test", return_X_y=True)
    rng = np.random.RandomState(0)
    rows = rng.permutation(len(X))[:2000]
    known = np.concatenate([rows[y[rows] == digit][:4] for digit in range(10)])
    partial = np.where(np.isin(rows, known), y[rows], -1)
    net = CNNClassifier(channels=(16, 32, 64), max_steps=600, random_state=0)
    model = ConsistencyClassifier(net).fit(X[rows], partial)
    alone = net.fit(X[known], y[known])
    gain = model.score(X_test, y_test) - alone.score(X_test, y_test)
    assert gain > 0.03
    given = model.labeled_iter_ == 1
    assert given.sum() > 1500
    assert np.mean(model.transduction_[given] == y[rows][given]) > 0.93
