"""KrigingBeliever makes a batch as if its predictions were labels."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, LogisticRegression

from skal import ActiveLearner, ModelView
from skal.query import (
    CommitteeStd,
    ExpectedImprovement,
    KrigingBeliever,
    RandomSampling,
    Shortlist,
)


@pytest.fixture
def waves(rng):
    X = np.sort(rng.uniform(0, 10, size=80))[:, np.newaxis]
    return X, np.sin(X[:, 0])


def process():
    return GaussianProcessRegressor(optimizer=None, alpha=1e-6)


def view_of(model, X, y):
    return ModelView(model.fit(X[::16], y[::16]), X[::16], y[::16], random_state=0)


@pytest.mark.parametrize("base", [ExpectedImprovement(), CommitteeStd()])
def test_each_row_is_picked_as_if_those_before_had_their_predictions(base, waves):
    X, y = waves
    picked, info = KrigingBeliever(base)(view_of(process(), X, y), X, 5, random_state=0)
    X_known, y_known = X[::16], y[::16]
    for row, score in zip(picked, info["score"], strict=True):
        model = process().fit(X_known, y_known)
        scores = base.score_samples(ModelView(model, X_known, y_known), X)
        assert scores[row] == pytest.approx(scores.max(), rel=1e-5)
        assert score == pytest.approx(scores[row], rel=1e-5)
        X_known = np.append(X_known, X[[row]], axis=0)
        y_known = np.append(y_known, model.predict(X[[row]]))


def test_a_batch_of_a_process_is_spread_out(waves):
    X, y = waves
    alone = CommitteeStd()(view_of(process(), X, y), X, 4, random_state=0)[0]
    believed = KrigingBeliever("committee_std")
    apart = believed(view_of(process(), X, y), X, 4, random_state=0)[0]

    def nearest(rows):
        return np.diff(np.sort(X[rows, 0])).min()

    assert nearest(apart) > 5 * nearest(alone)


def test_the_model_and_the_labels_stay_as_they_are(waves):
    X, y = waves
    view = view_of(process(), X, y)
    before = view.predict(X).copy()
    KrigingBeliever()(view, X, 3, random_state=0)
    assert view.n_labels == 5
    np.testing.assert_array_equal(view.estimator.predict(X), before)


def test_it_serves_a_learner_and_tunes(waves):
    X, y = waves
    learner = ActiveLearner(
        BayesianRidge(),
        KrigingBeliever(Shortlist(ExpectedImprovement(), n_candidates=30)),
        n_initial=5,
        n_labels=11,
        batch_size=3,
        random_state=0,
    ).set_params(query_strategy__base__base__tradeoff=0.1)
    assert len(np.unique(np.concatenate(learner.fit(X, y).history_["indices"]))) == 11


def test_a_base_without_scores_tells_none(waves):
    X, y = waves
    result = KrigingBeliever(RandomSampling())(view_of(process(), X, y), X, 3)
    assert result[1] == {}


def test_what_it_does_not_serve_is_refused(waves):
    X, y = waves
    with pytest.raises(TypeError, match="KrigingBeliever needs a regressor"):
        KrigingBeliever("random").check(LogisticRegression(), "multiclass")
    with pytest.raises(TypeError, match="needs labels"):
        KrigingBeliever("random")(process().fit(X, y), X, 2)
