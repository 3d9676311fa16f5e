"""MultiInput: rows of several arrays go through the loop like those of one."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skal import ActiveLearner, MultiInput, Rows


@pytest.fixture
def both(blobs):
    """Return rows of two parts, and their labels."""
    X, y = blobs
    return MultiInput(table=X[:60], number=np.arange(60)), y[:60]


def the_table(X):
    return X["table"]


def of_table():
    return make_pipeline(FunctionTransformer(the_table), LogisticRegression())


def test_rows_are_selected_in_every_part(both):
    X, _ = both
    assert len(X) == 60
    assert X.shape == (60,)
    for rows in (X[[4, 2]], X[np.array([4, 2])], Rows(X).take([4, 2]).data()):
        assert rows["number"].tolist() == [4, 2]
        np.testing.assert_array_equal(rows["table"], X["table"][[4, 2]])
    assert X[1:3]["number"].tolist() == [1, 2]
    assert X[np.arange(60) > 57]["number"].tolist() == [58, 59]
    assert X[[]].shape == (0,)
    assert X[-1]["number"] == 59
    assert [row["number"] for row in X[:2]] == [0, 1]
    with pytest.raises(IndexError, match="row must be one of 60, got 60"):
        X[60]


def test_parts_may_be_of_any_type_of_rows():
    parts = [
        pd.DataFrame({"a": [1.0, 2.0, 3.0]}),
        sp.csr_array(np.eye(3)),
        [[1], [2, 3], [4]],
    ]
    X = MultiInput(*parts)
    again = X[[2, 0]].concat_rows(X[[1]])
    assert again.parts[0]["a"].tolist() == [3, 1, 2]
    np.testing.assert_array_equal(again.parts[1].toarray(), np.eye(3)[[2, 0, 1]])
    assert again.parts[2] == [[4], [1], [2, 3]]


def test_a_row_of_a_frame_is_a_row():
    """A position was taken for the name of a column."""
    X = MultiInput(age=pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=[7, 8]))
    assert [row["age"].tolist() for row in X] == [[1.0, 3.0], [2.0, 4.0]]


def test_parts_of_several_lengths_are_refused():
    with pytest.raises(ValueError, match=r"parts of one length, got \{'a': 3, 'b': 2}"):
        MultiInput(a=np.zeros(3), b=np.zeros(2))
    with pytest.raises(ValueError, match="MultiInput must hold a part at least"):
        MultiInput()
    with pytest.raises(TypeError, match="got a dict as part 0"):
        MultiInput({"image": np.zeros((2, 3))})


def test_rows_with_other_parts_do_not_follow(both):
    X, y = both
    learner = ActiveLearner(of_table()).teach(X, y)
    with pytest.raises(ValueError, match=r"parts of the rows before, \['table', 'num"):
        learner.teach(MultiInput(table=X["table"]), y)
    with pytest.raises(ValueError, match="got ndarray"):
        learner.teach(X["table"], y)


def test_a_loop_over_several_parts_is_that_over_the_part_that_counts(both):
    """A dict of arrays was refused, and there was nothing to put them in."""
    X, y = both
    params = {"n_initial": 10, "batch_size": 10, "random_state": 0}
    alone = ActiveLearner(LogisticRegression(), n_labels=40, **params).fit(
        X["table"], y
    )
    for pool in (X, dict(X.parts)):
        simulated = ActiveLearner(of_table(), n_labels=40, **params).fit(pool, y)
        np.testing.assert_array_equal(simulated.labeled_iter_, alone.labeled_iter_)
        live = ActiveLearner(of_table(), **params)
        left = np.arange(60)
        for _ in range(4):
            picks, rows = live.query(pool, candidates=left)
            live = pickle.loads(pickle.dumps(live))
            np.testing.assert_array_equal(rows["number"], picks)
            live.teach(rows, y[picks])
            left = np.setdiff1d(left, picks)
        np.testing.assert_array_equal(
            live.predict_proba(X), alone.predict_proba(X["table"])
        )
    assert cross_val_score(of_table(), X, y, cv=3).min() > 0.5


def test_rows_taught_again_are_known_by_all_parts(both):
    X, y = both
    learner = ActiveLearner(of_table()).teach(X[:20], y[:20])
    learner.teach(X[5:25], y[5:25], on_repeat="replace")
    assert len(learner.X_training_) == 25
    other = MultiInput(table=X["table"][:1], number=np.array([70]))
    assert len(learner.teach(other, y[:1], on_repeat="replace").X_training_) == 26


def test_rows_with_nan_in_any_part_are_named(both):
    X, y = both
    learner = ActiveLearner(of_table()).teach(X, y)
    table = X["table"].copy()
    table[7, 0] = np.nan
    with pytest.raises(ValueError, match="NaN") as caught:
        learner.query(MultiInput(table=table, number=X["number"]), 2)
    assert caught.value.__notes__ == ["X holds NaN or infinity in row 7."]


def test_an_estimator_of_tables_refuses_several_parts_by_name(both):
    X, y = both
    with pytest.raises(TypeError, match=r"a MultiInput of table, number. Use a net of"):
        ActiveLearner().fit(X, y)
