"""PseudoLabelClassifier: what it chooses, what it says of it, and what it wraps."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearner, ModelView
from skal.pseudo import PseudoLabelClassifier
from skal.pseudo._selection import best_temperature, places_in_class
from skal.query import Margin

#: Every check that is expected to fail, with its reason.
EXPECTED_FAILURES = {
    "check_classifiers_classes": (
        "labels every row with one of the classes -1 and 1, and the default "
        "missing_label=-1 takes rows labelled -1 as unlabelled"
    ),
}


def expected_failures(model):
    return {} if model.missing_label is None else EXPECTED_FAILURES


@parametrize_with_checks(
    [
        PseudoLabelClassifier(),
        PseudoLabelClassifier(missing_label=None),
        PseudoLabelClassifier(
            LogisticRegression(),
            criterion="entropy",
            calibrate="temperature",
            weight="confidence",
        ),
    ],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


class Told(ClassifierMixin, BaseEstimator):
    """Answers with the row itself, and notes what it was fitted on."""

    fits: list = []  # noqa: RUF012 (on the class: every clone adds to it)

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        Told.fits.append((np.array(X), np.array(y), sample_weight))
        return self

    def predict_proba(self, X):
        return np.asarray(X, dtype=float)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture
def told():
    """Return rows that are probabilities of two classes, and y: two labels of six."""
    Told.fits = []
    first = np.array([0.9, 0.1, 0.97, 0.04, 0.8, 0.6])
    return np.column_stack([first, 1 - first]), np.array([0, 1, -1, -1, -1, -1])


def test_probable_rows_get_a_label(told):
    X, y = told
    model = PseudoLabelClassifier(Told(), threshold=0.95).fit(X, y)
    assert model.pseudo_labels_.tolist() == [-1, -1, 0, 1, -1, -1]
    assert model.transduction_.tolist() == [0, 1, 0, 1, -1, -1]
    assert model.labeled_iter_.tolist() == [0, 0, 1, 1, -1, -1]
    assert model.n_pseudo_labeled_ == 2
    assert [len(X) for X, _, _ in Told.fits] == [2, 4]
    assert Told.fits[-1][1].tolist() == [0, 1, 0, 1]


def test_rows_of_low_entropy_get_a_label(told):
    X, y = told
    entropy = -(X * np.log(X)).sum(axis=1)
    model = PseudoLabelClassifier(Told(), criterion="entropy", threshold=entropy[3])
    assert model.fit(X, y).pseudo_labels_.tolist() == [-1, -1, 0, 1, -1, -1]


@pytest.mark.parametrize(("k", "expected"), [(1, [0]), (3, [0, 1, 0]), (0.5, [0, 1])])
def test_the_k_surest_rows_get_a_label(told, k, expected):
    X, y = told
    model = PseudoLabelClassifier(Told(), criterion="k_best", threshold=k).fit(X, y)
    assert model.pseudo_labels_[model.labeled_iter_ == 1].tolist() == expected


def test_a_cap_keeps_the_surest_rows_of_each_class(told):
    X, y = told
    model = PseudoLabelClassifier(Told(), threshold=0.5, per_class_cap=1).fit(X, y)
    assert model.pseudo_labels_.tolist() == [-1, -1, 0, 1, -1, -1]


@pytest.mark.parametrize(
    ("criterion", "threshold", "decay", "expected"),
    [
        ("proba", 0.9, 0.03, 0.96),
        ("proba", 0.9, 1.0, 1.0),
        ("entropy", 0.5, 0.1, 0.3),
        ("entropy", 0.5, 1.0, 0.0),
        ("k_best", 3, 1.0, 1.0),
    ],
)
def test_the_threshold_gets_stricter_with_each_label(
    told, criterion, threshold, decay, expected
):
    X, y = told
    model = PseudoLabelClassifier(
        Told(), criterion=criterion, threshold=threshold, decay=decay
    ).fit(X, y)
    assert model.threshold_ == pytest.approx(expected)


def test_weights_of_pseudo_labels(told):
    X, y = told
    PseudoLabelClassifier(Told(), weight=0.25).fit(X, y)
    assert Told.fits[0][2] is None
    assert Told.fits[-1][2].tolist() == [1, 1, 0.25, 0.25]
    PseudoLabelClassifier(Told(), weight="confidence").fit(X, y)
    assert np.allclose(Told.fits[-1][2], [1, 1, 0.97, 0.96])
    weights = np.arange(1.0, 7.0)
    PseudoLabelClassifier(Told(), weight=0.5).fit(X, y, sample_weight=weights)
    assert Told.fits[-2][2].tolist() == [1, 2]
    assert Told.fits[-1][2].tolist() == [1, 2, 1.5, 2]
    assert weights.tolist() == [1, 2, 3, 4, 5, 6]


def test_where_nothing_is_sure_there_is_one_fit(told):
    X, y = told
    model = PseudoLabelClassifier(Told(), threshold=0.99).fit(X, y)
    assert (model.n_pseudo_labeled_, len(Told.fits)) == (0, 1)


def test_pseudo_labels_are_rebuilt_from_scratch(blobs):
    X, y = blobs
    partial = np.where(np.arange(len(y)) < 20, y, -1)
    model = PseudoLabelClassifier(threshold=0.6).fit(X, partial)
    first = model.pseudo_labels_.copy()
    fewer = np.where(np.arange(len(y)) < 12, y, -1)
    model.fit(X, fewer).fit(X, partial)
    assert np.array_equal(model.pseudo_labels_, first)


def test_a_full_y_is_a_plain_fit(blobs):
    X, y = blobs
    model = PseudoLabelClassifier(LogisticRegression()).fit(X, y)
    assert np.array_equal(
        model.predict_proba(X), LogisticRegression().fit(X, y).predict_proba(X)
    )
    assert model.n_pseudo_labeled_ == 0
    assert np.array_equal(model.transduction_, y)


def test_pseudo_labels_help_where_clusters_are_classes():
    """The spread of a cluster is learnt from its unlabelled rows."""
    centers = [[0, -3], [0, 3]]
    X, y = make_blobs(400, centers=centers, cluster_std=1.0, random_state=0)
    X = X * [4, 1]
    gains = []
    for seed in range(20):
        known = np.random.RandomState(seed).choice(400, 6, replace=False)
        partial = np.full(400, -1)
        partial[known] = y[known]
        if len(set(y[known])) == 2:
            plain = GaussianNB().fit(X[known], y[known])
            model = PseudoLabelClassifier(GaussianNB(), threshold=0.9)
            gains.append(model.fit(X, partial).score(X, y) - plain.score(X, y))
    assert np.mean(gains) > 0.01


@pytest.mark.parametrize(
    ("labels", "missing_label", "dtype"),
    [
        (["a", "bb"], "unlabeled", "U"),
        (["a", "bb"], -1, "O"),
        (["a", "bb"], None, "O"),
        ([3, 7], -1, "i"),
        ([3, 7], np.nan, "f"),
        ([-1, 1], None, "O"),
        ([False, True], -1, "O"),
    ],
)
def test_labels_of_any_kind(told, labels, missing_label, dtype):
    X, codes = told
    values = np.array(labels, dtype=object)
    y = np.array([missing_label if c < 0 else values[c] for c in codes], dtype=object)
    model = PseudoLabelClassifier(Told(), missing_label=missing_label).fit(X, y)
    assert model.transduction_.dtype.kind == dtype
    assert model.transduction_[:4].tolist() == [*labels, *labels]
    left = model.transduction_[4]
    assert left is missing_label or left == missing_label or np.isnan(left)
    assert set(model.predict(X)) <= set(labels)


@pytest.mark.parametrize("kind", ["frame", "sparse", "list", "images"])
def test_rows_of_any_kind(digits, kind):
    X, _, y, _ = digits
    X, y = X[:300], np.where(np.arange(300) < 60, y[:300], -1)
    plain = PseudoLabelClassifier(criterion="k_best", threshold=50).fit(X, y)
    flat = make_pipeline(Flat(), LogisticRegression()) if kind == "images" else None
    rows = {
        "frame": lambda: pd.DataFrame(X).add_prefix("pixel"),
        "sparse": lambda: sp.csr_array(X),
        "list": lambda: X.tolist(),
        "images": lambda: X.reshape(-1, 1, 8, 8),
    }[kind]()
    model = PseudoLabelClassifier(flat, criterion="k_best", threshold=50).fit(rows, y)
    assert np.array_equal(model.pseudo_labels_, plain.pseudo_labels_)
    if kind == "frame":
        assert model.feature_names_in_[0] == "pixel0"


class Flat(BaseEstimator):
    """Flattens images."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.reshape(len(X), -1)


# Calibration -------------------------------------------------------------------


def test_the_temperature_of_probabilities_that_are_too_sure(rng):
    logits = rng.normal(size=(4000, 3))
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (proba.cumsum(axis=1) > rng.uniform(size=(4000, 1))).argmax(axis=1)
    for factor in (1, 3):
        sure = np.exp(factor * logits)
        sure /= sure.sum(axis=1, keepdims=True)
        assert best_temperature(sure, codes) == pytest.approx(factor, rel=0.1)
    doubtful = np.exp(logits / 3)
    doubtful /= doubtful.sum(axis=1, keepdims=True)
    assert best_temperature(doubtful, codes) == pytest.approx(1, abs=0.01)


def test_calibration_makes_the_choice_more_careful(blobs):
    X, y = blobs
    partial = np.where(np.arange(len(y)) < 40, y, -1)
    sure = KNeighborsClassifier(3)
    plain = PseudoLabelClassifier(sure).fit(X, partial)
    careful = PseudoLabelClassifier(sure, calibrate="temperature").fit(X, partial)
    assert plain.temperature_ == 1
    assert careful.temperature_ > 1.5
    assert 0 <= careful.n_pseudo_labeled_ < plain.n_pseudo_labeled_


def test_calibration_with_a_single_row_of_each_class(told):
    X, y = told
    model = PseudoLabelClassifier(Told(), calibrate="temperature").fit(X, y)
    assert (model.temperature_, model.n_pseudo_labeled_) == (1, 2)


def test_places_in_class():
    assert places_in_class(np.array([2, 0, 2, 2, 0])).tolist() == [0, 0, 1, 2, 1]


# In a learner ------------------------------------------------------------------


def simulation(estimator, digits, **params):
    X, _, y, _ = digits
    learner = ActiveLearner(
        estimator,
        **{"n_labels": 60, **params},
        n_initial=30,
        use_unlabeled=True,
        random_state=0,
    )
    return learner.fit(X[:400], y[:400])


@pytest.mark.parametrize(
    "estimator",
    [
        PseudoLabelClassifier(threshold=0.7),
        make_pipeline(StandardScaler(), PseudoLabelClassifier(threshold=0.7)),
        PseudoLabelClassifier(
            make_pipeline(StandardScaler(), LogisticRegression()), weight=0.5
        ),
        SelfTrainingClassifier(LogisticRegression(), threshold=0.7),
        LabelSpreading(gamma=1),
    ],
    ids=["alone", "in a pipeline", "around a pipeline", "self-training", "spreading"],
)
def test_history_tells_how_many_pseudo_labels_there_were_and_how_right(
    digits, estimator
):
    learner = simulation(estimator, digits)
    history, y = learner.history_, digits[2][:400]
    model = learner.estimator_
    model = model[-1] if hasattr(model, "steps") else model
    codes = np.where(learner.labeled_iter_ < 0, -1, y)
    given = (codes == -1) & (model.transduction_ != -1)
    assert history["n_pseudo_labeled"].dtype == np.int64
    assert history["n_pseudo_labeled"][-1] == given.sum() > 0
    accuracy = np.mean(model.transduction_[given] == y[given])
    assert history["pseudo_accuracy"][-1] == pytest.approx(accuracy)
    assert {len(column) for column in history.values()} == {4}


def test_history_of_a_partial_fit_knows_the_count_only(digits):
    X, _, y, _ = digits
    partial = np.where(np.arange(400) < 60, y[:400], -1)
    learner = ActiveLearner(PseudoLabelClassifier(threshold=0.7), use_unlabeled=True)
    history = learner.fit(X[:400], partial).history_
    assert history["n_pseudo_labeled"].tolist() == [
        learner.estimator_.n_pseudo_labeled_
    ]
    assert np.isnan(history["pseudo_accuracy"]).all()


def test_history_without_unlabeled_rows_has_no_such_columns(blobs):
    learner = ActiveLearner(n_labels=20, random_state=0).fit(*blobs)
    assert "n_pseudo_labeled" not in learner.history_


def test_a_net_keeps_its_history_in_a_learner(digits):
    from skal.nets import MLPNetClassifier

    model = PseudoLabelClassifier(MLPNetClassifier(max_steps=20), threshold=0.2)
    learner = simulation(model, digits, n_labels=40)
    again = simulation(model, digits, n_labels=40)
    counts = learner.history_["n_pseudo_labeled"]
    assert np.all(counts > 0)
    assert np.array_equal(counts, again.history_["n_pseudo_labeled"])


def test_right_pseudo_labels_of_classes_by_name(blobs):
    X, codes = blobs
    y = np.array(["ant", "bee", "cat"])[codes]
    learner = ActiveLearner(
        PseudoLabelClassifier(threshold=0.6),
        n_labels=30,
        use_unlabeled=True,
        classes=["ant", "bee", "cat", "dog"],
        random_state=0,
    ).fit(X, y)
    assert learner.history_["pseudo_accuracy"][-1] > 0.6
    assert learner.predict_proba(X).shape == (300, 4)


def test_hidden_labels_do_not_matter(digits):
    X, _, y, _ = digits
    X, y = X[:400], y[:400].copy()
    learner = ActiveLearner(
        PseudoLabelClassifier(threshold=0.7),
        n_labels=50,
        use_unlabeled=True,
        random_state=0,
    )
    bought = clone(learner).fit(X, y).labeled_iter_
    hidden = np.flatnonzero(bought < 0)
    y[hidden] = np.roll(y[hidden], 1)
    other = clone(learner).fit(X, y)
    assert np.array_equal(other.labeled_iter_, bought)


def test_a_simulation_ends_in_the_model_of_a_live_loop(digits):
    X, _, y, _ = digits
    X, y = X[:400], y[:400]
    learner = simulation(PseudoLabelClassifier(threshold=0.7, decay=1e-3), digits)
    partial = np.full(400, -1)
    live = ActiveLearner(
        PseudoLabelClassifier(threshold=0.7, decay=1e-3),
        use_unlabeled=True,
        random_state=0,
    )
    partial[np.flatnonzero(learner.labeled_iter_ >= 0)] = y[learner.labeled_iter_ >= 0]
    live.fit(X, partial)
    assert np.allclose(live.predict_proba(X), learner.predict_proba(X))


def test_real_labels_alone_count_as_labels(digits):
    learner = simulation(PseudoLabelClassifier(threshold=0.5), digits)
    assert learner.history_["n_labels"].tolist() == [30, 40, 50, 60]
    assert len(learner.y_training_) == 60
    assert (learner.labeled_iter_ >= 0).sum() == 60


# What it passes on -------------------------------------------------------------


class Bodied(LogisticRegression):
    """Has a body and a head, and draws samples."""

    def embed(self, X):
        return 2 * np.asarray(X, np.float32)

    def head_proba(self, E):
        return self.predict_proba(np.asarray(E) / 2)

    def sample_proba(self, X, n_samples=None, random_state=None):
        return np.stack([self.predict_proba(X)] * (n_samples or 3))


def test_what_the_estimator_offers_is_passed_on(blobs):
    X, y = blobs
    partial = np.where(np.arange(len(y)) < 30, y, -1)
    model = PseudoLabelClassifier(Bodied()).fit(X, partial)
    assert np.allclose(model.embed(X), 2 * X)
    assert np.allclose(
        model.head_proba(model.embed(X)), model.predict_proba(X), atol=1e-5
    )
    assert model.sample_proba(X, n_samples=2, random_state=0).shape == (2, 300, 3)
    view = ModelView(model, X[:30], y[:30])
    assert np.allclose(view.embed(X), 2 * X)
    assert view.sample_proba(X, 2).shape == (2, 300, 3)


def test_a_net_is_taught_by_weight(digits):
    from skal.nets import MLPNetClassifier

    X, _, y, _ = digits
    X, y = X[:300].astype(np.float32), np.where(np.arange(300) < 60, y[:300], -1)
    net = MLPNetClassifier(max_steps=60, random_state=0)
    model = PseudoLabelClassifier(net, threshold=0.5, weight="confidence").fit(X, y)
    assert model.n_pseudo_labeled_ > 0
    assert np.allclose(
        model.head_proba(model.embed(X)), model.predict_proba(X), atol=1e-5
    )
    assert model.sample_proba(X[:5], n_samples=3, random_state=0).shape == (3, 5, 10)


def test_what_the_estimator_lacks_is_lacking(blobs):
    X, y = blobs
    model = PseudoLabelClassifier()
    for method in ("embed", "head_proba", "sample_proba", "decision_function"):
        assert hasattr(model, method) == hasattr(LogisticRegression(), method)
    forest = PseudoLabelClassifier(RandomForestClassifier(5, random_state=0))
    view = ModelView(forest.fit(X, np.where(np.arange(len(y)) < 50, y, -1)))
    assert view.sample_proba(X).shape == (5, 300, 3)  # members, through the wrapper


def test_class_weights_are_told_by_label(blobs):
    X, codes = blobs
    y = np.array(["ant", "bee", "cat"], dtype=object)[codes]
    y[60:] = -1
    weight = {"ant": 1, "bee": 30, "cat": 1, "dog": 2}
    model = PseudoLabelClassifier(LogisticRegression(class_weight=weight)).fit(X, y)
    plain = PseudoLabelClassifier(LogisticRegression()).fit(X, y)
    assert (model.predict(X) == "bee").sum() > (plain.predict(X) == "bee").sum()


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_the_last_step_of_a_pipeline(blobs, routing):
    X, y = blobs
    partial = np.where(np.arange(len(y)) < 30, y, -1)
    with config_context(enable_metadata_routing=routing):
        last = LogisticRegression()
        last = last.set_fit_request(sample_weight=True) if routing else last
        scaler = StandardScaler()
        scaler = scaler.set_fit_request(sample_weight=False) if routing else scaler
        pipe = make_pipeline(scaler, last)
        model = PseudoLabelClassifier(pipe, threshold=0.7, weight=1e-6)
        model.fit(X, partial)
        assert model.n_pseudo_labeled_ > 0
        heavy = clone(model).set_params(weight=1.0).fit(X, partial)
    assert not np.allclose(heavy.predict_proba(X), model.predict_proba(X), atol=1e-3)


def test_it_is_tuned_clones_and_pickles(digits):
    X, _, y, _ = digits
    X, y = X[:300], np.where(np.arange(300) < 150, y[:300], -1)
    search = GridSearchCV(
        PseudoLabelClassifier(LogisticRegression()),
        {"threshold": [0.8, 0.95], "estimator__C": [0.1, 10]},
        cv=2,
        scoring=real_accuracy,
    ).fit(X, y)
    assert search.best_params_.keys() == {"threshold", "estimator__C"}
    model = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(model.predict(X), search.predict(X))


def real_accuracy(model, X, y):
    return model.score(X[y != -1], y[y != -1])


def test_rows_without_a_label_are_left_out_of_the_score(blobs):
    X, y = blobs
    partial = np.where(np.arange(len(y)) < 30, y, -1)
    model = PseudoLabelClassifier().fit(X, partial)
    with pytest.warns(UserWarning, match="The score leaves out"):
        assert model.score(X, partial) == model.score(X[:30], y[:30])


# Errors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"estimator": Ridge()}, TypeError, "classifier with predict_proba, got Ridge"),
        ({"estimator": LinearSVC()}, TypeError, "predict_proba, got LinearSVC"),
        ({"criterion": "margin"}, ValueError, "criterion must be one of"),
        ({"threshold": 1.5}, ValueError, r"threshold must be in \[0, 1\]"),
        ({"threshold": "high"}, TypeError, "threshold must be a number"),
        (
            {"threshold": 1.5, "criterion": "k_best"},
            ValueError,
            "threshold must be a whole number of rows or a share",
        ),
        ({"per_class_cap": 0}, ValueError, "per_class_cap must be at least 1"),
        ({"decay": -1}, ValueError, "decay must be in"),
        ({"weight": "sure"}, ValueError, "weight must be one of 'confidence'"),
        ({"weight": -1}, ValueError, "weight must be in"),
        ({"calibrate": "isotonic"}, ValueError, "calibrate must be one of"),
        (
            {"estimator": KNeighborsClassifier(), "weight": 0.5},
            TypeError,
            "weight must be 1.*KNeighborsClassifier, whose fit takes no sample_weight",
        ),
    ],
)
def test_parameters_out_of_bounds(blobs, params, error, match):
    with pytest.raises(error, match=match):
        PseudoLabelClassifier(**params).fit(*blobs)


def test_weights_for_an_estimator_that_takes_none(blobs):
    X, y = blobs
    with pytest.raises(TypeError, match="sample_weight None, for KNeighborsClassifier"):
        PseudoLabelClassifier(KNeighborsClassifier()).fit(X, y, np.ones(len(y)))


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([-1, -1, -1], "y must hold at least one label, got 3 missing ones"),
        ([[1, 0], [0, 1], [1, 1]], "y must be one label a row, got multilabel"),
        ([-1, 1, 1], "pass missing_label=None"),
        (None, "requires y to be passed"),
    ],
)
def test_bad_labels(y, match):
    with pytest.raises(ValueError, match=match):
        PseudoLabelClassifier().fit([[0.0], [1.0], [2.0]], y)


def test_weights_of_the_wrong_length(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="a weight for each of the 300 rows"):
        PseudoLabelClassifier().fit(X, y, sample_weight=[1.0, 2.0])


def test_a_diverged_model_is_refused(told):
    X, y = told
    X = X.copy()
    X[3] = np.nan
    with pytest.raises(ValueError, match="Told answered NaN probabilities"):
        PseudoLabelClassifier(Told()).fit(X, y)


def test_several_labels_a_row_are_nothing_it_claims_to_know():
    tags = get_tags(PseudoLabelClassifier(RandomForestClassifier()))
    assert not tags.target_tags.multi_output
    assert not tags.classifier_tags.multi_label


def test_a_learner_refuses_to_go_on_from_its_weights(blobs):
    learner = ActiveLearner(PseudoLabelClassifier(SGDClassifier()), warm_start=True)
    with pytest.raises(ValueError, match="warm_start must be False"):
        learner.fit(*blobs)


def test_a_strategy_asks_it_as_any_classifier(digits):
    learner = simulation(
        PseudoLabelClassifier(threshold=0.7), digits, query_strategy=Margin()
    )
    indices, _ = learner.query(digits[1], 5)
    assert len(set(indices)) == 5
