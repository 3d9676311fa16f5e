"""What the history of a live loop tells of the pool that was asked."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner


def asked_once(X, y, **params):
    """Return a learner with a first round, and what it asks for then."""
    learner = ActiveLearner(LogisticRegression(), "margin", random_state=0, **params)
    rows, _ = learner.query(X)
    learner.teach(X[rows], y[rows])
    left = np.setdiff1d(np.arange(len(X)), rows)
    asked, _ = learner.query(X, 6, candidates=left)
    return pickle.loads(pickle.dumps(learner)), asked


def last(learner, *names):
    return [learner.history_[name][-1] for name in names]


def test_answers_in_another_order_keep_their_positions_and_scores(blobs):
    X, y = blobs
    learner, asked = asked_once(X, y)
    wanted = dict(zip(asked.tolist(), learner.score_pool(X[asked]), strict=True))
    rows = np.array([asked[4], 7, asked[0]])  # and one that nobody asked for
    learner.teach(X[rows].tolist(), y[rows])
    indices, pool_indices, score = last(learner, "indices", "pool_indices", "score")
    assert indices.tolist() == [10, 11, 12]
    assert pool_indices.tolist() == [asked[4], -1, asked[0]]
    expected = [wanted[asked[4]], np.nan, wanted[asked[0]]]
    np.testing.assert_allclose(score, expected)


def test_answers_that_come_one_by_one_share_the_time_of_their_query(blobs):
    X, y = blobs
    learner, asked = asked_once(X, y)
    for row in asked[::-1]:
        learner.teach(X[[row]], y[[row]])
    told = np.concatenate(learner.history_["pool_indices"][1:]).tolist()
    assert told == asked[::-1].tolist()
    seconds = learner.history_["query_time"]
    assert seconds[1] > 0
    assert seconds[2:].tolist() == [0] * 5
    learner.teach(X[:1], y[:1])
    assert last(learner, "pool_indices")[0].tolist() == [-1]
    assert np.isnan(last(learner, "query_time")[0])


def test_equal_rows_are_answered_one_each(blobs):
    X, y = np.repeat(blobs[0][:60], 2, axis=0), np.repeat(blobs[1][:60], 2)
    learner = ActiveLearner(GaussianNB(), random_state=0).fit(X[:40], y[:40])
    asked, rows = learner.query(X, 8, candidates=np.arange(40, 120))
    learner.teach(rows, y[asked])
    assert last(learner, "pool_indices")[0].tolist() == asked.tolist()
    assert learner.history_["pool_indices"][0].tolist() == list(range(40))


def test_a_first_round_of_many_answers_knows_all_of_its_rows(blobs):
    X, y = blobs[0], (blobs[1] == 1).astype(int)
    for estimator in (LogisticRegression(), GaussianNB()):  # one that must wait
        learner = ActiveLearner(estimator, n_initial=2, random_state=3)
        free, told = np.ones(len(y), bool), []
        while len(np.unique(y[told])) < 2:
            rows, _ = learner.query(X, candidates=free)
            learner = pickle.loads(pickle.dumps(learner)).teach(X[rows], y[rows])
            free[rows] = False
            told += rows.tolist()
        assert learner.history_["pool_indices"][0].tolist() == told
        assert learner.history_["query_time"][0] > 0
        simulated = ActiveLearner(estimator, n_initial=2, n_labels=20, random_state=3)
        first = simulated.fit(X, y).history_["pool_indices"][0]
        assert told == first.tolist()
        assert len(told) > 2


def test_a_first_round_that_loses_a_row_knows_the_others(blobs):
    X, y = blobs[0], (blobs[1] == 1).astype(int)
    ones, others = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    for estimator in (LogisticRegression(), GaussianNB()):
        learner = ActiveLearner(estimator, n_initial=4, random_state=3)
        rows, _ = learner.query(X, candidates=ones)
        learner.teach(X[rows], y[rows]).forget([1])
        more, _ = learner.query(X, 2, candidates=others)
        learner.teach(X[more], y[more])
        told = [*np.delete(rows, 1).tolist(), *more.tolist()]
        assert learner.history_["pool_indices"][0].tolist() == told
        np.testing.assert_array_equal(learner.X_training_, X[told])


def test_a_row_that_was_taken_back_was_asked_for_all_the_same(blobs):
    X, y = blobs
    learner, asked = asked_once(X, y)
    learner.teach(X[asked], y[asked]).forget([11])
    indices, pool_indices = last(learner, "indices", "pool_indices")
    assert indices.tolist() == [10, -1, 11, 12, 13, 14]
    assert pool_indices.tolist() == asked.tolist()


def test_corrections_leave_a_question_open(blobs):
    X, y = blobs
    learner, asked = asked_once(X, y)
    learner.correct([0], [y[1]]).forget([1])
    learner.teach(X[asked], y[asked])
    assert last(learner, "pool_indices")[0].tolist() == asked.tolist()


def test_the_index_of_a_frame_tells_which_rows_were_labelled(blobs):
    X, y = blobs
    frame = pd.DataFrame(X, columns=["a", "b"], index=[f"row {i}" for i in range(300)])
    learner = ActiveLearner(LogisticRegression(), random_state=0)
    told = []
    for _ in range(2):
        rows, asked = learner.query(frame, 8)
        learner.teach(asked, y[rows])
        told += rows.tolist()
    assert learner.X_training_.index.tolist() == [f"row {i}" for i in told]
    assert np.concatenate(learner.history_["pool_indices"]).tolist() == told


@pytest.mark.parametrize("contain", [list, pd.Series], ids=["list", "series"])
def test_a_strategy_may_tell_anything(blobs, contain):
    def chatty(learner, X, n_instances=1):
        return np.arange(n_instances), {"score": contain(["a"] * 2), "mood": [1, [2]]}

    X, y = blobs
    learner = ActiveLearner(GaussianNB(), chatty, random_state=0).fit(X[:30], y[:30])
    rows, asked = learner.query(X[30:], 2)
    learner.teach(asked, y[30:][rows])
    assert last(learner, "info")[0] == {"mood": [1, [2]]}
    assert list(last(learner, "score")[0]) == ["a", "a"]


def test_a_strategy_is_told_where_the_labels_of_each_round_are(blobs):
    """Bought, taught and asked, taught unasked; and rows of all three taken back."""
    X, y = blobs
    learner = ActiveLearner(
        GaussianNB(), "margin", n_labels=30, batch_size=10, random_state=0
    ).fit(X[:200], y[:200])
    learner.set_params(n_labels=None)
    asked, rows = learner.query(X, 4, candidates=np.arange(200, 290))
    learner.teach(rows, y[asked])
    learner.teach(X[290:292], y[290:292])
    places = learner.__skal_view__().history["places"]
    assert np.concatenate(places).tolist() == list(range(36))
    assert [len(one) for one in places] == [10, 10, 10, 4, 2]

    learner.forget([1, 12, 31, 35])
    history = learner.__skal_view__().history
    gone = [place < 0 for place in history["places"]]
    assert [np.flatnonzero(one).tolist() for one in gone] == [[1], [2], [], [1], [1]]
    kept = np.concatenate(history["places"])
    assert kept[kept >= 0].tolist() == list(range(32))
    order = np.concatenate(history["indices"][:3])[~np.concatenate(gone[:3])]
    np.testing.assert_array_equal(learner.X_training_[:28], X[order])
    assert "places" not in learner.history_
