"""LearnedStrategy keeps the laws, hands over beyond its horizon, and warns."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner, ModelView
from skal.learned import (
    LearnedStrategy,
    Scorer,
    load_scorer,
    pool_features,
    untrained_scorer,
)
from skal.testing import _defaults, strategy_checks

#: Laws of many draws or many rows.
LONG = {"memory", "row_order", "ties"}
UNTRAINED = untrained_scorer(random_state=0)


def laws(strategy, estimator, leave_out=()):
    return [
        pytest.param(law, id=f"{strategy.scorer}-{name}")
        for name, law in strategy_checks(strategy, estimator=estimator)
        if name not in leave_out
    ]


LOGISTIC = LogisticRegression(max_iter=500)
FOREST = RandomForestClassifier(5, random_state=0)


@pytest.mark.parametrize("law", laws(LearnedStrategy(), LOGISTIC, LONG))
def test_the_strategy_keeps_the_law(law, monkeypatch):
    monkeypatch.setattr(_defaults, "N_POOL", 1000)
    law()


@pytest.mark.long
@pytest.mark.parametrize(
    "law",
    [
        *laws(LearnedStrategy(), LOGISTIC),
        *laws(LearnedStrategy("forest-v1"), FOREST),
        *laws(LearnedStrategy(UNTRAINED), None),
    ],
)
def test_the_strategy_keeps_the_law_at_full_size(law):
    law()


def view_of(X, y, rows, estimator=LOGISTIC):
    return ModelView(estimator.fit(X[rows], y[rows]), X[rows], y[rows], random_state=0)


def test_one_pick_is_the_row_of_the_highest_score(blobs):
    X, y = blobs
    view = view_of(X, y, np.arange(12))
    candidates, state = pool_features(view, X[12:200])
    scores = load_scorer("logistic-v1").score(candidates, state)
    picked, info = LearnedStrategy()(view, X[12:200], random_state=0)
    assert picked == scores.argmax()
    assert info["score"] == scores.max()
    assert info["strategy"] == "logistic-v1"


def test_a_batch_takes_its_own_picks_into_account(blobs):
    """A scorer that wants distance alone picks as k-center-greedy does."""
    X, y = blobs
    W = np.zeros((18, 1))
    W[5] = 1.0  # the distance to the nearest label
    view = view_of(X, y, np.arange(3), GaussianNB(var_smoothing=1e-3))
    far = LearnedStrategy(Scorer([(W, np.zeros(1))]))
    picked, _ = far(view, X[3:], 8, random_state=0)
    known, pool = list(X[:3]), X[3:]
    for row in picked:
        gap = np.linalg.norm(pool[:, None] - np.array(known), axis=2).min(axis=1)
        assert gap[row] >= 0.999 * min(gap.max(), 4 * UNIT(pool, X[:3]))
        known.append(pool[row])


def test_probabilities_in_half_precision_are_enough(blobs):
    """Their rounding once overflowed."""
    X, y = blobs

    class Half(LogisticRegression):
        def predict_proba(self, X):
            return super().predict_proba(X).astype(np.float16)

    candidates, _ = pool_features(view_of(X, y, np.arange(12), Half()), X[12:])
    assert np.isfinite(candidates).all()


def UNIT(pool, known):
    return np.median(np.linalg.norm(pool[:, None] - known, axis=2).min(axis=1))


def test_beyond_the_horizon_the_fallback_asks(blobs):
    X, y = blobs
    scorer = Scorer(UNTRAINED.weights, {"name": "short", "horizon": 4.0})
    strategy = LearnedStrategy(scorer, fallback="random")
    learner = ActiveLearner(
        LOGISTIC, strategy, n_labels=20, n_initial=10, batch_size=2, random_state=0
    ).fit(X, y)
    asked = [info["strategy"] for info in learner.history_["info"][1:]]
    assert asked == ["short", "short", "random", "random", "random"]


def test_another_kind_of_model_is_warned_of(blobs):
    X, y = blobs
    view = view_of(X, y, np.arange(12), GaussianNB())
    match = r"'logistic-v1' was trained with LogisticRegression.*GaussianNB"
    with pytest.warns(UserWarning, match=match):
        LearnedStrategy()(view, X[12:], random_state=0)


@pytest.mark.parametrize(
    ("estimator", "way_out"),
    [
        (GaussianNB(), r"Train one by fit_regression, or ask by UHerding\."),
        (
            RandomForestClassifier(5, random_state=0),
            r"'forest-v1' was trained with such models\.",
        ),
    ],
    ids=["none comes with skal", "another comes with skal"],
)
def test_the_warning_names_the_way_out(blobs, estimator, way_out):
    X, y = blobs
    view = view_of(X, y, np.arange(12), estimator)
    with pytest.warns(UserWarning, match=way_out):
        LearnedStrategy("logistic-v1")(view, X[12:], random_state=0)


def test_a_forest_has_a_scorer_of_its_own(blobs):
    X, y = blobs
    view = view_of(X, y, np.arange(12), FOREST)
    candidates, state = pool_features(view, X[12:200])
    scores = load_scorer("forest-v1").score(candidates, state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picked, info = LearnedStrategy("forest-v1")(view, X[12:200], random_state=0)
    assert scores[picked] == scores.max()
    assert info["strategy"] == "forest-v1"


def test_the_kind_of_model_is_that_inside(blobs):
    X, y = blobs
    piped = make_pipeline(StandardScaler(), LogisticRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = view_of(X, y, np.arange(12), piped)
        LearnedStrategy()(view, X[12:], random_state=0)


def test_from_a_file_it_asks_as_from_the_scorer(blobs, tmp_path):
    X, y = blobs
    UNTRAINED.save(tmp_path / "mine.npz")
    view = view_of(X, y, np.arange(12))
    ways = [UNTRAINED, tmp_path / "mine.npz", str(tmp_path / "mine.npz")]
    ways.append(pickle.loads(pickle.dumps(UNTRAINED)))
    picks = [
        LearnedStrategy(way)(view, X[12:], 5, random_state=0)[0].tolist()
        for way in ways
    ]
    assert picks == [picks[0]] * 4


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"scorer": "logistik"}, ValueError, "scorer must be one of"),
        ({"scorer": 3}, TypeError, "scorer must be a name, a path or a Scorer, got 3"),
        ({"fallback": "margn"}, ValueError, "fallback must be one of 'margin'"),
        ({"fallback": None}, TypeError, "fallback must be a name"),
    ],
)
def test_bad_parameters_are_refused_before_any_work(blobs, params, error, match):
    X, y = blobs
    learner = ActiveLearner(LOGISTIC, LearnedStrategy(**params), n_labels=20)
    with pytest.raises(error, match=match):
        learner.fit(X, y)


def test_labels_must_be_known(blobs):
    X, y = blobs
    with pytest.raises(TypeError, match=r"LearnedStrategy needs labels"):
        LearnedStrategy()(LogisticRegression().fit(X, y), X)
