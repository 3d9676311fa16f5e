"""A learner works inside scikit-learn's tools, and they work inside it."""

import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skal import ActiveLearner
from skal.exceptions import PoolExhaustedError
from skal.query import Entropy, LeastConfidence, Margin, RandomSampling, Shortlist
from skal.stopping import KappaAverage

WORDS = np.array(["cherry", "apple", "banana"])


@pytest.fixture(scope="module")
def small(digits):
    """Return 400 digits and their labels."""
    X, _, y, _ = digits
    return X[:400], y[:400]


@pytest.fixture(scope="module")
def sorted_words():
    """Return rows of three classes side by side, sorted by class, labels in words."""
    centers = [[-5, 0], [0, 0], [5, 0]]
    X, y = make_blobs(210, centers=centers, shuffle=False, random_state=0)
    return X, WORDS[y]


def learner(**params):
    # A plain estimator, and a strategy that scores each row: the defaults are neither.
    plain = {"estimator": LogisticRegression(), "query_strategy": "margin"}
    return ActiveLearner(**{**plain, "n_labels": 30, "random_state": 0, **params})


def both_ends(learner, X, n_instances=1):
    """Choose the rows farthest left and right."""
    order = np.argsort(X[:, 0])
    half = n_instances // 2
    return np.concatenate([order[:half], order[-half:]])


def missing_a_class():
    """Return a learner whose only labels miss the class in the middle."""
    return learner(n_labels=4, n_initial=4, initial=both_ends)


# Searches -----------------------------------------------------------------------


@pytest.mark.long
def test_a_grid_over_everything_that_a_learner_has(blobs):
    search = GridSearchCV(
        learner(query_strategy=Shortlist("margin", 50)),
        [
            {"query_strategy": ["random", "entropy", Margin(), Shortlist()]},
            {
                "query_strategy__base": ["entropy", LeastConfidence()],
                "query_strategy__n_candidates": [20, 60],
            },
            {"estimator": [LogisticRegression()], "estimator__C": [0.1, 1.0]},
            {"n_labels": [20, 0.2, 1.0, None], "batch_size": [5, 50]},
            {"initial": ["random", "stratified"], "n_initial": [3, 15]},
            {"stopping": [None, KappaAverage()]},
        ],
        cv=3,
        error_score="raise",
    ).fit(*blobs)
    scores = search.cv_results_["mean_test_score"]
    assert np.all(scores > 0.5)
    assert len(scores) == 4 + 4 + 2 + 8 + 4 + 2
    assert isinstance(search.best_estimator_, ActiveLearner)


def test_a_grid_reaches_through_wrappers_to_any_depth(blobs):
    strategy = Shortlist(Shortlist(Entropy(), 20), 40)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), learner(query_strategy=strategy)),
        {
            "activelearner__query_strategy__base__base": [Margin(), RandomSampling()],
            "activelearner__query_strategy__base__n_candidates": [10, 30],
        },
        cv=2,
        error_score="raise",
    ).fit(*blobs)
    assert search.best_score_ > 0.5
    assert isinstance(strategy.base.base, Entropy)


def test_a_grid_tunes_a_pipeline_inside_the_learner(small):
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(
        learner(estimator=pipe, n_labels=60, batch_size=25),
        {"estimator__logisticregression__C": [0.01, 1.0]},
        cv=2,
        error_score="raise",
    ).fit(*small)
    assert search.score(*small) > 0.7


@pytest.mark.long
def test_bought_labels_show_in_the_score(small):
    """More labels, a better model: else the budget would not be what is varied."""
    _, scores = validation_curve(
        learner(batch_size=25),
        *small,
        param_name="n_labels",
        param_range=[15, 60, 240],
        cv=3,
        error_score="raise",
    )
    means = scores.mean(axis=1)
    assert np.all(np.diff(means) > 0)
    assert means[-1] > 0.85


def test_halving_spends_labels_as_its_resource(small):
    search = HalvingGridSearchCV(
        learner(batch_size=10),
        {"query_strategy": ["margin", "random", "entropy", "least_confidence"]},
        resource="n_labels",
        min_resources=20,
        max_resources=80,
        factor=2,
        cv=3,
        random_state=0,
        error_score="raise",
    ).fit(*small)
    assert search.n_resources_ == [20, 40, 80]
    assert search.best_estimator_.n_labels == 80
    assert search.best_estimator_.history_["n_labels"][-1] == 80
    means = [
        search.cv_results_["mean_test_score"][search.cv_results_["iter"] == i].max()
        for i in range(3)
    ]
    assert means[0] < means[1] < means[2]


def test_the_best_learner_of_a_search_can_be_asked_and_taught(blobs):
    X, y = blobs
    search = GridSearchCV(learner(), {"batch_size": [5, 10]}, cv=2).fit(X, y)
    best = search.best_estimator_
    indices, rows = best.query(X, 4)
    best.teach(rows, y[indices])
    assert best.history_["n_labels"][-1] == 34
    assert np.isfinite(search.predict_proba(X)).all()


@pytest.mark.long
def test_parallel_workers_find_the_same(blobs):
    searches = [
        GridSearchCV(
            learner(estimator=RandomForestClassifier(n_estimators=3)),
            {"query_strategy": ["random", "vote_entropy"]},
            cv=2,
            n_jobs=n_jobs,
            error_score="raise",
        ).fit(*blobs)
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(
        *(search.cv_results_["mean_test_score"] for search in searches)
    )
    np.testing.assert_array_equal(
        *(search.predict_proba(blobs[0]) for search in searches)
    )


def test_a_grid_of_wrong_names_says_which_are_known(blobs):
    search = GridSearchCV(
        learner(), {"query_strategy": ["margn"]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="query_strategy must be one of 'margin'"):
        search.fit(*blobs)


# Cross-validation ---------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring", ["accuracy", "neg_log_loss", "roc_auc_ovr", "balanced_accuracy"]
)
@pytest.mark.parametrize(
    "make", [learner, missing_a_class], ids=["all classes", "missing a class"]
)
def test_scores_are_finite_and_folds_are_stratified(make, scoring, sorted_words):
    scores = cross_val_score(
        make(), *sorted_words, cv=3, scoring=scoring, error_score="raise"
    )
    assert np.all(np.isfinite(scores))
    floor = -25 if scoring == "neg_log_loss" else 0.6
    assert np.all(scores > floor)


def test_the_few_labels_of_these_tests_do_miss_a_class(sorted_words):
    fitted = missing_a_class().fit(*sorted_words)
    assert set(fitted.y_training_) == {"cherry", "banana"}
    assert len(fitted.estimator_.classes_) == 2


def test_sensible_scores_where_every_class_is_seen(sorted_words):
    scores = cross_validate(
        learner(),
        *sorted_words,
        cv=3,
        scoring=["accuracy", "neg_log_loss", "roc_auc_ovr"],
        error_score="raise",
    )
    assert scores["test_accuracy"].min() > 0.9
    assert scores["test_neg_log_loss"].min() > -0.3
    assert scores["test_roc_auc_ovr"].min() > 0.95


def test_the_members_of_cross_validation_can_be_looked_into(sorted_words):
    folds = cross_validate(learner(), *sorted_words, cv=3, return_estimator=True)
    for fold in folds["estimator"]:
        assert fold.history_["n_labels"].tolist() == [10, 20, 30]
        np.testing.assert_array_equal(fold.classes_, sorted(WORDS))


def test_probabilities_of_folds_have_all_columns(sorted_words):
    X, y = sorted_words
    proba = cross_val_predict(missing_a_class(), X, y, cv=3, method="predict_proba")
    assert proba.shape == (210, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_a_learning_curve_over_pool_sizes(blobs):
    sizes, _, scores = learning_curve(
        learner(), *blobs, train_sizes=[50, 150], cv=3, error_score="raise"
    )
    assert sizes.tolist() == [50, 150]
    assert np.all(scores > 0.5)


def test_regressors_are_cross_validated(rng):
    X = rng.normal(size=(120, 3))
    y = X @ [1.0, 2.0, 3.0] + 0.1 * rng.normal(size=120)
    regressor = learner(estimator=Ridge(), query_strategy="greedy_sampling")
    assert cross_val_score(regressor, X, y, cv=3, error_score="raise").min() > 0.9
    stacked = StackingRegressor([("active", regressor), ("all", Ridge())], cv=2)
    assert stacked.fit(X, y).score(X, y) > 0.9


# Around a learner ---------------------------------------------------------------


AROUND = {
    "calibrated": lambda inner: CalibratedClassifierCV(inner, cv=3),
    "calibrated isotonic": lambda inner: CalibratedClassifierCV(
        inner, cv=3, method="isotonic"
    ),
    "stacking": lambda inner: StackingClassifier(
        [("active", inner), ("bayes", GaussianNB())], cv=3
    ),
    "soft voting": lambda inner: VotingClassifier(
        [("active", inner), ("bayes", GaussianNB())], voting="soft"
    ),
    "bagging": lambda inner: BaggingClassifier(inner, 3, random_state=0),
    "pipeline": lambda inner: make_pipeline(StandardScaler(), inner),
    "search": lambda inner: GridSearchCV(inner, {"batch_size": [5, 10]}, cv=2),
}


@pytest.mark.parametrize("inner", [learner, missing_a_class], ids=["all", "missing"])
@pytest.mark.parametrize("name", AROUND)
def test_meta_estimators_work_around_a_learner(name, inner, sorted_words):
    X, y = sorted_words
    model = AROUND[name](inner()).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (210, 3)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.classes_, sorted(WORDS))
    assert model.score(X, y) > (0.9 if inner is learner else 0.6)


def test_a_stack_makes_up_for_a_learner_that_misses_a_class(sorted_words):
    X, y = sorted_words
    stack = AROUND["stacking"](missing_a_class()).fit(X, y)
    assert stack.score(X, y) > 0.9
    assert set(stack.predict(X)) == set(WORDS)


def test_one_learner_a_class_against_the_rest(sorted_words):
    X, y = sorted_words
    model = OneVsRestClassifier(learner()).fit(X, y)
    assert model.score(X, y) > 0.7
    assert [inner.history_["n_labels"][-1] for inner in model.estimators_] == [30] * 3


def test_a_threshold_is_tuned_around_a_learner(blobs):
    X, y = blobs
    rare = np.where(y == 2, "rare", "usual")
    model = TunedThresholdClassifierCV(
        learner(), scoring="balanced_accuracy", cv=3
    ).fit(X, rare)
    assert model.score(X, rare) > 0.6


def test_a_fitted_learner_is_calibrated_without_a_refit(blobs):
    X, y = blobs
    fitted = learner().fit(X[:150], y[:150])
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X[150:], y[150:])
    assert calibrated.score(X, y) > 0.6
    assert fitted.history_["n_labels"][-1] == 30


def test_a_learner_in_a_learner_buys_within_what_was_bought(blobs):
    """The outer one reveals 60 labels; the inner one trains on 20 of them."""
    X, y = blobs
    outer = learner(
        estimator=learner(n_labels=20, n_initial=5, batch_size=5),
        n_labels=60,
        n_initial=30,
        batch_size=15,
    ).fit(X, WORDS[y])
    assert outer.estimator_.history_["n_labels"][-1] == 20
    assert outer.score(X, WORDS[y]) > 0.6
    assert outer.score_pool(X).shape == (300,)


def test_the_same_learner_gives_the_same_in_each_tool(blobs):
    X, y = blobs
    direct = learner().fit(X, y).predict_proba(X)
    piped = make_pipeline("passthrough", learner()).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(direct, piped)


def test_tools_tell_classifiers_from_regressors():
    assert is_classifier(ActiveLearner())
    assert is_classifier(make_pipeline(StandardScaler(), ActiveLearner()))
    assert is_regressor(ActiveLearner(Ridge()))
    assert is_classifier(ActiveLearner(make_pipeline(LogisticRegression())))
    assert is_regressor(ActiveLearner(make_pipeline(Ridge())))


# Pipelines ----------------------------------------------------------------------


def test_the_last_step_is_asked_about_transformed_rows(blobs):
    X, y = blobs
    pipe = make_pipeline(StandardScaler(), learner()).fit(X, y)
    pool = pipe[:-1].transform(X)
    indices, rows = pipe[-1].query(pool, 6)
    np.testing.assert_array_equal(rows, pool[indices])
    pipe[-1].teach(rows, y[indices])
    assert pipe[-1].history_["n_labels"][-1] == 36
    assert pipe.score(X, y) > 0.7
    assert pipe[-1].score_pool(pool).shape == (300,)


def test_a_pipeline_inside_equals_one_outside_where_it_needs_no_labels(blobs):
    X, y = blobs
    halve = Pipeline([("scale", StandardScaler().fit(X))])
    frozen = FrozenEstimator(halve)
    outside = make_pipeline(frozen, learner()).fit(X, y)
    inside = learner(estimator=make_pipeline(frozen, LogisticRegression())).fit(X, y)
    np.testing.assert_array_equal(
        np.concatenate(outside[-1].history_["indices"]),
        np.concatenate(inside.history_["indices"]),
    )
    np.testing.assert_allclose(outside.predict_proba(X), inside.predict_proba(X))


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_texts_are_learned_with_the_vectorizer_on_either_side(place):
    words = {"pets": "cat dog fish", "food": "rice bean corn", "cars": "road fuel tyre"}
    rng = np.random.RandomState(0)
    y = np.repeat(list(words), 30)
    X = [" ".join(rng.choice(words[label].split(), 2)) for label in y]
    text = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model = {
        "inside": learner(estimator=text, n_initial=15, n_labels=45),
        "outside": make_pipeline(TfidfVectorizer(), learner(n_initial=15, n_labels=45)),
    }[place].fit(X, y)
    assert model.score(X, y) > 0.9
    if place == "inside":
        indices, rows = model.query(X, 3)
        assert rows == [X[i] for i in indices]


def test_frames_stay_frames_through_set_output(blobs):
    X, y = blobs
    frame = pd.DataFrame(X, columns=["left", "right"], index=range(1000, 1300))
    pipe = make_pipeline(StandardScaler(), learner()).set_output(transform="pandas")
    pipe.fit(frame, pd.Series(WORDS[y], index=frame.index))
    pool = pipe[:-1].transform(frame)
    indices, rows = pipe[-1].query(pool, 4)
    assert isinstance(rows, pd.DataFrame)
    assert rows.index.tolist() == (indices + 1000).tolist()
    assert pipe[-1].feature_names_in_.tolist() == ["left", "right"]
    assert isinstance(pipe[-1].X_training_, pd.DataFrame)
    assert pipe.score(frame, WORDS[y]) > 0.6


def test_set_output_inside_the_learner_is_kept(blobs):
    X, y = blobs
    scaler = StandardScaler().set_output(transform="pandas")
    frame = pd.DataFrame(X, columns=["left", "right"])
    model = learner(estimator=make_pipeline(scaler, LogisticRegression()))
    model.fit(frame, y)
    assert isinstance(model.estimator_[:-1].transform(frame), pd.DataFrame)
    assert len(model.query(frame, 3)[0]) == 3


# Parameters, copies, files ------------------------------------------------------


def deep():
    return ActiveLearner(
        make_pipeline(StandardScaler(), LogisticRegression(C=3.0)),
        Shortlist(Shortlist("entropy", 7), 70),
        n_labels=25,
        stopping=KappaAverage(),
        random_state=1,
    )


def test_nested_parameters_are_read_and_set():
    nested = deep()
    params = nested.get_params()
    assert params["estimator__logisticregression__C"] == 3.0
    assert params["query_strategy__base__n_candidates"] == 7
    assert params["stopping__threshold"] == nested.stopping.threshold
    nested.set_params(
        estimator__logisticregression__C=5.0,
        query_strategy__base__base="margin",
        batch_size=3,
    )
    assert nested.estimator[-1].C == 5.0
    assert nested.query_strategy.base.base == "margin"
    with pytest.raises(ValueError, match="Invalid parameter 'n_label'"):
        nested.set_params(n_label=3)


def test_a_clone_shares_nothing_and_knows_nothing(blobs):
    fitted = deep().fit(*blobs)
    copy = clone(fitted)
    assert repr(copy) == repr(fitted)
    assert copy.estimator is not fitted.estimator
    assert copy.query_strategy.base is not fitted.query_strategy.base
    assert not [name for name in vars(copy) if name.endswith("_")]
    np.testing.assert_array_equal(
        copy.fit(*blobs).predict_proba(blobs[0]), fitted.predict_proba(blobs[0])
    )


def test_fitting_leaves_the_parameters_alone(blobs):
    params = deep()
    before = {name: repr(value) for name, value in params.get_params().items()}
    strategy, estimator = params.query_strategy, params.estimator
    params.fit(*blobs).query(blobs[0], 2)
    assert {name: repr(value) for name, value in params.get_params().items()} == before
    assert params.query_strategy is strategy
    assert params.estimator is estimator
    assert not hasattr(estimator[0], "mean_")


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(ActiveLearner()) == "ActiveLearner()"
    shown = repr(ActiveLearner(LogisticRegression(), Shortlist("entropy"), n_labels=9))
    assert re.sub(r"\s+", "", shown) == (
        "ActiveLearner(estimator=LogisticRegression(),n_labels=9,"
        "query_strategy=Shortlist(base='entropy'))"
    )


@pytest.mark.parametrize("fit", [False, True])
def test_the_diagram_shows_the_estimator_inside(fit, blobs):
    shown = deep().fit(*blobs) if fit else deep()
    html = estimator_html_repr(make_pipeline(StandardScaler(), shown))
    for name in ("ActiveLearner", "StandardScaler", "LogisticRegression"):
        assert name in html
    assert ("Not fitted" in estimator_html_repr(shown)) != fit


def by_pickle(learner, path):
    return pickle.loads(pickle.dumps(learner))


def by_joblib(learner, path):
    joblib.dump(learner, path / "learner.joblib")
    return joblib.load(path / "learner.joblib")


@pytest.mark.parametrize("travel", [by_pickle, by_joblib])
def test_a_learner_goes_on_after_a_journey_as_if_it_had_stayed(travel, blobs, tmp_path):
    X, y = blobs
    stayed = deep().fit(X, WORDS[y])
    gone = travel(stayed, tmp_path)
    for traveller in (stayed, gone):
        indices, rows = traveller.query(X, 5)
        traveller.teach(rows, WORDS[y][indices])
    np.testing.assert_array_equal(gone.X_training_, stayed.X_training_)
    np.testing.assert_array_equal(gone.predict_proba(X), stayed.predict_proba(X))
    assert gone.history_["n_labels"].tolist() == stayed.history_["n_labels"].tolist()


def test_an_unfitted_learner_travels(tmp_path):
    assert repr(by_joblib(deep(), tmp_path)) == repr(deep())


# Metadata -----------------------------------------------------------------------


class Weighed(LogisticRegression):
    """Remember the weights that reach fit and score."""

    def fit(self, X, y, sample_weight=None):
        self.weights_ = sample_weight
        return super().fit(X, y, sample_weight)

    def score(self, X, y, sample_weight=None):
        self.scored_ = sample_weight
        return super().score(X, y, sample_weight)


@pytest.fixture
def weights():
    return np.arange(300.0) + 1


def test_weights_reach_the_estimator_sliced_to_the_labelled_rows(blobs, weights):
    X, y = blobs
    fitted = learner(estimator=Weighed()).fit(X, y, sample_weight=weights)
    bought = np.concatenate(fitted.history_["indices"])
    np.testing.assert_array_equal(fitted.estimator_.weights_, weights[bought])


def test_weights_reach_a_step_of_a_pipeline_inside(blobs, weights):
    X, y = blobs
    pipe = make_pipeline(StandardScaler(), Weighed())
    fitted = learner(estimator=pipe).fit(X, y, weighed__sample_weight=weights)
    bought = np.concatenate(fitted.history_["indices"])
    np.testing.assert_array_equal(fitted.estimator_[-1].weights_, weights[bought])


def test_weights_are_routed_where_they_are_requested(blobs, weights):
    X, y = blobs
    with config_context(enable_metadata_routing=True):
        asking = (
            Weighed()
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True)
        )
        fitted = learner(estimator=asking).fit(X, y, sample_weight=weights)
        bought = np.concatenate(fitted.history_["indices"])
        np.testing.assert_array_equal(fitted.estimator_.weights_, weights[bought])
        fitted.score(X, y, sample_weight=weights)
        np.testing.assert_array_equal(fitted.estimator_.scored_, weights)


def test_weights_pass_through_a_pipeline_and_a_search(blobs, weights):
    X, y = blobs
    with config_context(enable_metadata_routing=True):
        asking = (
            Weighed()
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True)
        )
        search = GridSearchCV(
            make_pipeline("passthrough", learner(estimator=asking)),
            {"activelearner__batch_size": [10, 20]},
            cv=2,
            error_score="raise",
        ).fit(X, y, sample_weight=weights)
        best = search.best_estimator_[-1]
        bought = np.concatenate(best.history_["indices"])
        np.testing.assert_array_equal(best.estimator_.weights_, weights[bought])


def test_weights_that_nobody_asked_for_are_an_error(blobs, weights):
    X, y = blobs
    with config_context(enable_metadata_routing=True):
        with pytest.raises(ValueError, match=r"sample_weight.* not explicitly set"):
            learner(estimator=Weighed()).fit(X, y, sample_weight=weights)
        unasked = Weighed().set_fit_request(sample_weight=False)
        with pytest.raises(TypeError, match="sample_weight"):
            learner(estimator=unasked).fit(X, y, sample_weight=weights)


def test_taught_weights_are_routed_and_joined(blobs, weights):
    X, y = blobs
    with config_context(enable_metadata_routing=True):
        asking = Weighed().set_fit_request(sample_weight=True)
        taught = ActiveLearner(asking, random_state=0)
        taught.fit(X[:50], y[:50], sample_weight=weights[:50])
        taught.teach(X[50:60], y[50:60], sample_weight=weights[50:60])
    np.testing.assert_array_equal(taught.estimator_.weights_, weights[:60])


def test_an_exhausted_pool_is_an_error_through_a_pipeline_too(blobs):
    pipe = make_pipeline(StandardScaler(), learner()).fit(*blobs)
    with pytest.raises(PoolExhaustedError, match="at most 300"):
        pipe[-1].query(pipe[:-1].transform(blobs[0]), 301)


def test_a_learner_requests_no_metadata_of_its_own_but_groups_and_costs():
    """score names sample_weight, which became a request of the learner's own."""
    request = ActiveLearner().get_metadata_routing()._self_request
    assert request.fit.requests == {"groups": True, "costs": True}
    assert request.score.requests == {"groups": True}
