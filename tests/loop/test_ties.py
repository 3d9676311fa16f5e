"""A strategy that cannot choose, because all scores tie, is named once."""

import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner
from skal._loop import ties
from skal.query import (
    DiverseBatch,
    Entropy,
    InformationDensity,
    Margin,
    RandomSampling,
    Shortlist,
    StochasticBatch,
)

UNDERFITTED = HistGradientBoostingClassifier(max_iter=1)  # wants 20 rows in each leaf
CERTAIN = DecisionTreeClassifier()


@pytest.fixture
def halves(blobs):
    X, y = blobs
    return X[y < 2], y[y < 2]


@pytest.mark.parametrize("estimator", [UNDERFITTED, CERTAIN], ids=["shy", "certain"])
@pytest.mark.parametrize(
    "strategy", [Margin(), Shortlist("margin", 60), DiverseBatch(), StochasticBatch()]
)
def test_a_strategy_that_cannot_choose_is_named_once(halves, estimator, strategy):
    X, y = halves
    learner = ActiveLearner(estimator, strategy, n_labels=25, batch_size=5)
    learner.set_params(random_state=0)
    match = f"{type(strategy).__name__} cannot choose: .*{type(estimator).__name__}"
    with pytest.warns(UserWarning, match=match) as caught:
        learner.fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert [info.get("tied") for info in learner.history_["info"]] == [
        None,
        *[True] * 3,
    ]


def test_a_live_loop_warns_once_however_often_it_is_asked(halves):
    X, y = halves
    learner = ActiveLearner(UNDERFITTED, "margin", random_state=0).fit(X[:15], y[:15])
    with pytest.warns(UserWarning, match="Margin cannot choose") as caught:
        learner.query(X[15:], 5)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in (15, 20):
            learner = pickle.loads(pickle.dumps(learner))
            rows, asked = learner.query(X[start:], 5)
            learner.teach(asked, y[start:][rows])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("strategy", "size"),
    [
        (RandomSampling(), 5),
        (Entropy(), 30),  # the whole pool: there is no choice
        (InformationDensity(), 5),  # its base ties, it does not
        ("core_set", 5),
    ],
    ids=str,
)
def test_who_can_choose_or_has_no_choice_is_not_named(halves, strategy, size):
    X = halves[0]
    labels = [0] * 7 + [1] * 8
    learner = ActiveLearner(UNDERFITTED, strategy, random_state=0)
    learner.fit(X[:15], labels).query(X[15:45], size)


@pytest.mark.filterwarnings("error")
def test_a_pool_of_one_row_is_no_tie(halves):
    X, y = halves
    learner = ActiveLearner(UNDERFITTED, "margin", random_state=0).fit(X[:15], y[:15])
    learner.query(X[15:16])
    sure = ActiveLearner(LogisticRegression(), "margin", random_state=0).fit(
        X[:15], y[:15]
    )
    sure.query(X[15:], 5)


@pytest.mark.parametrize(("process", "times"), [("MainProcess", 2), ("Loky-1", 1)])
def test_a_worker_says_it_once_for_all_of_its_runs(halves, monkeypatch, process, times):
    X, y = halves
    monkeypatch.setattr(ties, "current_process", lambda: SimpleNamespace(name=process))
    monkeypatch.setattr(ties, "_SAID", set())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for seed in range(2):
            learner = ActiveLearner(
                UNDERFITTED, "margin", n_labels=20, random_state=seed
            )
            learner.fit(X, y)
    assert len(caught) == times


def test_a_strategy_asked_directly_tells_of_a_tie(halves):
    X, y = halves
    model = DecisionTreeClassifier(random_state=0).fit(X, y)
    _, info = Margin()(model, X, 3, random_state=0)
    assert info["tied"] is True
    assert np.isfinite(info["score"]).all()
    model = LogisticRegression().fit(X, y)
    assert "tied" not in Margin()(model, X, 3, random_state=0)[1]
