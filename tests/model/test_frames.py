"""Frames of any index and of nullable columns are answered as their arrays are."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import ARDRegression, BayesianRidge, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, ModelView, Rows
from skal.query import CommitteeStd, Margin


@pytest.fixture(scope="module")
def shuffled():
    """Return a frame with its index out of order, and a target."""
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.normal(size=(90, 3)), columns=list("abc"))
    X.index = rng.permutation(90)
    return X, X["a"].to_numpy() ** 2 + rng.normal(size=90) / 10


@pytest.mark.parametrize("wrap", [None, make_pipeline], ids=["bare", "pipeline"])
@pytest.mark.parametrize(
    "estimator",
    [BayesianRidge(), ARDRegression(), GaussianProcessRegressor(alpha=0.1)],
    ids=repr,
)
def test_the_deviation_of_a_frame_is_read_by_place(estimator, wrap, shuffled):
    """A Series of deviations was sliced by its labels where most rows were asked."""
    X, y = shuffled
    model = estimator if wrap is None else wrap(StandardScaler(), estimator)
    model.fit(X.iloc[:30], y[:30])
    view = ModelView(model)
    expected = np.asarray(model.predict(X, return_std=True)[1])
    for some in (np.arange(4, 90), None, np.arange(89, 40, -3)):
        rows = Rows(X, some)
        np.testing.assert_allclose(
            CommitteeStd().score_samples(view, rows),
            expected[rows.positions()],
            rtol=1e-6,
        )
    picks, _ = CommitteeStd()(model, X, 10, random_state=0)
    assert set(picks) == set(np.argsort(expected)[-10:])


def test_a_learner_reads_the_deviation_of_a_frame_by_place(shuffled):
    X, y = shuffled
    picks = [
        ActiveLearner(
            BayesianRidge(), "committee_std", n_initial=3, n_labels=9, random_state=0
        )
        .fit(data, y)
        .labeled_iter_
        for data in (X, X.to_numpy())
    ]
    np.testing.assert_array_equal(*picks)


class Labelled(ClassifierMixin, BaseEstimator):
    """Answers with frames and series that carry the index of the question."""

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return pd.DataFrame(self.model_.predict_proba(X), index=X.index)

    def predict(self, X):
        return pd.Series(self.model_.predict(X), index=X.index)

    def decision_function(self, X):
        return pd.Series(self.model_.decision_function(X), index=X.index)


def test_answers_with_an_index_are_read_by_place(shuffled):
    X, y = shuffled
    model = Labelled().fit(X, (y > 1).astype(int))
    view, plain = ModelView(model), ModelView(model.model_)
    some = X.iloc[np.arange(89, 40, -3)]
    for method in ("predict_proba", "predict", "decision_function"):
        answer = getattr(view, method)(some)
        assert type(answer) is np.ndarray
        np.testing.assert_allclose(answer, getattr(plain, method)(some))
    np.testing.assert_allclose(
        Margin().score_samples(view, some), Margin().score_samples(plain, some)
    )


@pytest.fixture(scope="module")
def nullable():
    """Return a frame of nullable and of plain columns, and its array."""
    rng = np.random.RandomState(1)
    counts, sizes = rng.randint(5, size=60), rng.normal(size=60)
    flags = rng.normal(size=60) > 0
    frame = pd.DataFrame(
        {
            "count": pd.array(counts, dtype="Int64"),
            "size": sizes,
            "flag": pd.array(flags, dtype="boolean"),
        }
    )
    frame.loc[::7, "count"] = pd.NA
    array = np.column_stack([counts, sizes, flags]).astype(float)
    array[::7, 0] = np.nan
    return frame, array


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(n_estimators=4, random_state=0),
        BaggingClassifier(
            HistGradientBoostingClassifier(max_iter=2), 3, random_state=0
        ),
        RandomForestRegressor(n_estimators=4, random_state=0),
        BaggingRegressor(RandomForestRegressor(2, random_state=0), 3, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_members_take_missing_values_as_their_ensemble_does(estimator, nullable):
    """pd.NA used to reach the members, which cannot read it."""
    frame, array = nullable
    y = (array[:, 1] > 0).astype(int)
    view = ModelView(estimator.fit(frame, y))
    ask = view.sample_proba if hasattr(view, "classes_") else view.sample_predict
    samples = ask(frame)
    answer = view.predict_proba if hasattr(view, "classes_") else view.predict
    np.testing.assert_allclose(samples.mean(axis=0), answer(frame), rtol=1e-5)
    np.testing.assert_allclose(samples, ask(array))


def test_nullable_columns_are_their_own_embedding(nullable):
    frame, array = nullable
    whole = frame.drop(columns="count")
    model = GaussianNB().fit(whole, array[:, 1] > 0)
    np.testing.assert_array_equal(
        ModelView(model).embed(whole), array[:, 1:].astype(np.float32)
    )
