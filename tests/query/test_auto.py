"""The default takes what serves the model and the rows, and says what and why."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView
from skal.query import (
    Auto,
    Deduplicate,
    DiverseBatch,
    InformationDensity,
    Margin,
    MaxHerding,
    Mixture,
    Shortlist,
    StochasticBatch,
    UHerding,
    as_strategy,
)


class Plain(ClassifierMixin, BaseEstimator):
    """Predicts, and does no more."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def with_gaps(X):
    X = X.copy()
    X[::3, 0] = np.nan
    return X


def in_words(X):
    return pd.DataFrame({"left": pd.Categorical(np.where(X[:, 0] < 0, "yes", "no"))})


def in_texts(X):
    return ["left" if x < 0 else "right side" for x in X[:, 0]]


def same(X):
    return X


def trees():
    return HistGradientBoostingClassifier(
        max_iter=3, min_samples_leaf=2, random_state=0
    )


def frame_trees():
    return HistGradientBoostingClassifier(
        max_iter=3, min_samples_leaf=2, categorical_features="from_dtype"
    )


FINITE = "and the rows embed as finite numbers"
#: The model, what its rows are made into, what asks, and why.
CASES = {
    "probabilities": (LogisticRegression(), same, "uherding", FINITE),
    "sparse rows": (LogisticRegression(), sp.csr_matrix, "uherding", FINITE),
    "texts, vectorized": (
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        in_texts,
        "uherding",
        FINITE,
    ),
    "gaps": (trees(), with_gaps, "margin", "do not embed as finite numbers"),
    "categories": (frame_trees(), in_words, "margin", "do not embed as numbers"),
    "decision values": (LinearSVC(), same, "margin", "no probabilities"),
    "votes": (
        VotingClassifier([("a", LinearSVC()), ("b", GaussianNB()), ("c", LinearSVC())]),
        same,
        "vote_entropy",
        "vote, and do no more",
    ),
    "predictions": (Plain(), same, "max_herding", f"does no more, {FINITE}"),
    "predictions of gaps": (Plain(), with_gaps, "random", "does no more, and the rows"),
    "regressor": (Ridge(), same, "facility_location", "regressor, and the rows embed"),
    "regressor of gaps": (
        HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2),
        with_gaps,
        "greedy_sampling",
        "regressor, and the rows do not embed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_asks_by_what_serves_and_says_why(blobs, case):
    estimator, made_into, alias, why = CASES[case]
    X, y = made_into(blobs[0][:120]), blobs[1][:120]
    y = y + 0.5 if case.startswith("regressor") else y
    learner = ActiveLearner(estimator, n_labels=50, n_initial=30, random_state=0)
    learner.fit(X, y)
    told = learner.history_["info"][1]
    assert told["strategy"] == alias
    assert why in told["why"]
    assert learner.history_["n_labels"].tolist() == [30, 40, 50]


def test_a_gap_among_the_labelled_rows_counts_too(blobs):
    X, y = blobs
    view = ModelView(trees().fit(with_gaps(X), y), with_gaps(X)[:40], y[:40])
    picked, info = Auto()(view, X[100:], 5, random_state=0)
    assert info["strategy"] == "margin"
    expected, _ = Margin()(view, X[100:], 5, random_state=0)
    np.testing.assert_array_equal(picked, expected)


def test_several_labels_a_row(blobs):
    X = blobs[0]
    Y = (X[:, :2] > 0).astype(int)
    learner = ActiveLearner(MultiOutputClassifier(LogisticRegression()), n_labels=40)
    told = learner.fit(X, Y).history_["info"][-1]
    assert told["strategy"] == "uherding"


def test_as_initial_it_covers_the_pool_and_sets_words_aside(blobs):
    X, _ = blobs
    served = (
        (X, GaussianNB(), MaxHerding(scale="auto")),
        (in_words(X), frame_trees(), "random"),
    )
    for rows, model, expected in served:
        first, other = (
            ActiveLearner(model, initial=initial, random_state=0).query(rows, 5)[0]
            for initial in ("auto", expected)
        )
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize(
    "strategy",
    [
        DiverseBatch("auto"),
        Deduplicate("auto"),
        Shortlist("auto", 100),
        Mixture([("a", "auto"), ("b", "random")]),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_it_stands_inside_other_strategies(blobs, strategy):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), strategy, n_labels=30, random_state=0)
    assert len(learner.fit(X, y).y_training_) == 30


@pytest.mark.parametrize("wrapper", [InformationDensity, StochasticBatch])
def test_a_wrapper_of_scores_treats_it_as_it_treats_uherding(blobs, wrapper):
    model = LogisticRegression()
    outcomes = []
    for base in (Auto(), UHerding()):
        try:
            wrapper(base).check(model, "multiclass")
            outcomes.append(None)
        except (TypeError, ValueError) as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]


def test_it_is_tuned_cloned_and_pickled_like_any_other(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), n_labels=20, random_state=0)
    search = GridSearchCV(learner, {"query_strategy": ["auto", "random"]}, cv=2)
    assert search.fit(X, y).best_params_["query_strategy"] in ("auto", "random")
    assert clone(Auto()).get_params() == {}
    assert isinstance(pickle.loads(pickle.dumps(Auto())), Auto)


@pytest.mark.parametrize("made_into", [same, with_gaps, sp.csr_matrix, np.float16])
@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), DecisionTreeClassifier(), KNeighborsClassifier(), trees()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_it_serves_wherever_margin_does(blobs, estimator, made_into):
    X, y = made_into(blobs[0][:150] * 100), blobs[1][:150]
    options = {"n_labels": 35, "n_initial": 25, "random_state": 0}
    try:
        ActiveLearner(estimator, "margin", **options).fit(X, y)
    except (TypeError, ValueError):
        pytest.skip("margin does not serve there either")
    assert len(ActiveLearner(estimator, "auto", **options).fit(X, y).y_training_) == 35


@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e18])
def test_numbers_of_any_size_are_served(blobs, scale):
    X = blobs[0] * np.array([1, scale, *[1] * (blobs[0].shape[1] - 2)])
    learner = ActiveLearner(DecisionTreeClassifier(), n_labels=30, random_state=0)
    assert len(learner.fit(X, blobs[1]).y_training_) == 30


def test_it_is_the_default_by_its_name():
    assert ActiveLearner().query_strategy == "auto"
    assert isinstance(as_strategy("auto"), Auto)
