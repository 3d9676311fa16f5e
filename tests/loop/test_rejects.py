"""A row may belong to no class: it counts as asked, and no model is fitted to it."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import Witness
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.semi_supervised import SelfTrainingClassifier

from skal import ActiveLearner, ModelView
from skal.callback import HeldOutMonitor
from skal.query import CoreSet, Deduplicate, QueryStrategy, RandomTail
from skal.stopping import OverallUncertainty, RecallTarget

WORDS = np.array(["ant", "bee", "cat", "dog", "elk"])
#: A label of y, the label that rejects, and the type of y.
KINDS = {
    "ints": (lambda y: np.where(y < 3, y, -5), -5),
    "a float for ints": (lambda y: np.where(y < 3, y, -5), -5.0),
    "floats": (lambda y: np.where(y < 3, y, -5.0), -5),
    "words": (lambda y: np.where(y < 3, WORDS[y], "other"), "other"),
    "a word among ints": (lambda y: [int(k) if k < 3 else "no" for k in y], "no"),
    "an int among words": (lambda y: [str(WORDS[k]) if k < 3 else -5 for k in y], -5),
    "objects": (lambda y: np.where(y < 3, WORDS[y], "no").astype(object), "no"),
    "a nullable column": (
        lambda y: pd.Series(np.where(y < 3, y, 99), dtype="Int64"),
        99,
    ),
    "a category": (
        lambda y: pd.Series(np.where(y < 3, WORDS[y], "no"), dtype="category"),
        "no",
    ),
}


@pytest.fixture
def open_pool():
    """Return 300 rows of five groups, of which the last two are foreign."""
    rng = np.random.RandomState(0)
    y = rng.randint(5, size=300)
    centres = rng.randn(5, 3) * 4
    return centres[y] + rng.randn(300, 3), y


def played(learner, X, y, n_labels):
    """Play a live run, pickled every round, to a number of labels."""
    live, y = clone(learner).set_params(n_labels=None), np.asarray(y, object)
    left = np.ones(len(X), bool)
    while (n := n_labels - np.sum(~left)) > 0:
        indices, rows = live.query(X, candidates=left)
        live.teach(rows[:n], y[indices[:n]].tolist())
        left[indices[:n]] = False
        live = pickle.loads(pickle.dumps(live))
    return live


def assert_same_run(first, second, X):
    assert_array_equal(first.X_training_, second.X_training_)
    assert list(first.y_training_) == list(second.y_training_)
    for name in ("n_labels", "n_rejected"):
        assert_array_equal(first.history_[name], second.history_[name])
    assert_array_equal(first.predict(X), second.predict(X))


@pytest.mark.parametrize("kind", KINDS)
def test_a_simulation_is_the_live_run(open_pool, kind):
    X, codes = open_pool
    write, reject = KINDS[kind]
    y = write(codes)
    learner = ActiveLearner(
        GaussianNB(), n_labels=42, n_initial=5, reject_label=reject, random_state=0
    ).fit(X, y)
    assert_same_run(learner, played(learner, X, y, 42), X)
    asked = np.concatenate(learner.history_["indices"])
    assert len(asked) == 42
    assert learner.history_["n_rejected"][-1] == np.sum(codes[asked] >= 3) > 3
    assert len(learner.classes_) == 3
    assert set(learner.predict(X)) <= set(learner.classes_)
    assert list(learner.y_training_) == [*np.array(y, dtype=object)[asked]]


def test_no_model_sees_a_rejected_row(open_pool):
    X, y = open_pool
    y = np.where(y < 3, y, -5)
    weight = np.arange(300.0)
    learner = ActiveLearner(Witness(), "random", n_labels=50, reject_label=-5)
    learner.fit(X, y, sample_weight=weight)
    seen, _, params = learner.estimator_.seen_
    bought = np.concatenate(learner.history_["indices"])
    known = bought[y[bought] >= 0]
    assert_array_equal(seen, X[known])
    assert_array_equal(params["sample_weight"], weight[known])


def test_given_rows_may_be_rejected(open_pool):
    X, codes = open_pool
    y = np.where(codes < 3, codes, -5)
    y[::2] = -1
    learner = ActiveLearner(GaussianNB(), reject_label=-5).fit(X, y)
    known = y >= 0
    expected = GaussianNB().fit(X[known], y[known]).predict_proba(X)
    np.testing.assert_allclose(learner.predict_proba(X), expected)
    assert_array_equal(learner.labeled_iter_, np.where(y == -1, -1, 0))
    assert learner.history_["n_rejected"].tolist() == [np.sum(y == -5)]


@pytest.mark.parametrize("estimator", [LogisticRegression(), DummyClassifier()])
def test_a_first_round_goes_on_past_rejects_and_one_class(open_pool, estimator):
    """A dummy can be fitted on one class, a logistic regression cannot."""
    X, codes = open_pool
    y = np.where(codes == 0, "a", np.where(np.arange(300) % 40 == 1, "b", "no"))
    learner = ActiveLearner(
        estimator, "random", n_labels=70, n_initial=2, reject_label="no", random_state=3
    ).fit(X, y)
    first = learner.history_["indices"][0]
    assert len(first) > 2
    assert set(y[first]) == {"a", "b", "no"}
    assert y[first[-1]] in {"a", "b"}
    assert_same_run(learner, played(learner, X, y, 70), X)


def test_a_live_first_round_may_hold_nothing_but_rejects():
    learner = ActiveLearner(reject_label="no", classes=["b", "a"]).teach(
        [[0.0], [1.0]], ["no", "no"]
    )
    assert learner.y_training_.tolist() == ["no", "no"]
    assert not hasattr(learner, "estimator_")
    learner.teach([[2.0]], ["a"]).teach([[3.0]], ["b"])
    assert learner.y_training_.tolist() == ["no", "no", "a", "b"]
    assert learner.n_iter_ == 0
    assert learner.history_["n_rejected"].tolist() == [2]
    assert learner.predict([[0.0], [9.0]]).tolist() == ["a", "b"]


def test_ints_stay_ints_after_a_first_batch_of_rejects():
    learner = ActiveLearner(reject_label=-5).teach([[0.0]], [-5])
    learner.teach([[1.0], [2.0]], [0, 7])
    assert learner.y_training_.dtype.kind == "i"
    assert learner.classes_.tolist() == [0, 7]


def test_a_simulation_that_finds_nothing_but_rejects_says_so():
    y = np.array(["no"] * 20 + ["a", "b"])
    learner = ActiveLearner(
        initial=lambda learner, X, n_instances: np.arange(n_instances),
        n_labels=15,
        reject_label="no",
    )
    with pytest.raises(ValueError, match=r"all 15 were rejected.*raise n_labels"):
        learner.fit(np.arange(22.0)[:, None], y)


def test_stratified_first_rows_hold_their_share_of_rejects(open_pool):
    X, codes = open_pool
    y = [int(code) if code < 3 else "no" for code in codes]
    learner = ActiveLearner(
        initial="stratified", n_labels=20, n_initial=20, reject_label="no"
    ).fit(X, y)
    rejected = sum(label == "no" for label in learner.y_training_)
    assert rejected == pytest.approx(20 * np.mean(codes >= 3), abs=1)


def test_a_label_is_corrected_to_a_reject_and_back():
    X = [[0.0], [1.0], [2.0], [3.0], [4.0]]
    learner = ActiveLearner(reject_label="none").teach(X, ["a", "b", "a", "b", "c"])
    before = learner.predict_proba(X)
    learner.correct([4], ["none"])
    assert learner.classes_.tolist() == ["a", "b"]  # c has no label any more
    assert learner.history_["n_rejected"].tolist() == [1]
    assert learner.history_["n_labels"].tolist() == [5]
    learner.correct([4], ["c"])
    assert learner.y_training_.tolist() == ["a", "b", "a", "b", "c"]
    assert learner.history_["n_rejected"].tolist() == [0]
    assert_array_equal(learner.predict_proba(X), before)


def test_a_class_that_only_fills_the_place_of_a_reject_is_forgotten():
    X = [[0.0], [1.0], [2.0], [3.0]]
    learner = ActiveLearner(reject_label=-5).teach(X, [0, 1, 2, -5])
    learner.forget([0])
    assert learner.classes_.tolist() == [1, 2]
    assert learner.y_training_.tolist() == [1, 2, -5]


def test_rejecting_all_that_is_left_waits_for_more():
    learner = ActiveLearner(reject_label="no").teach([[0.0], [1.0]], ["a", "b"])
    learner.correct([0, 1], ["no", "no"])
    assert not hasattr(learner, "estimator_")
    learner.teach([[2.0], [3.0]], ["a", "c"])
    assert learner.classes_.tolist() == ["a", "c"]


def test_a_rejected_row_is_taught_anew():
    learner = ActiveLearner(reject_label="no")
    learner.teach([[0.0], [1.0], [2.0], [3.0]], ["a", "b", "no", "a"])
    learner.teach([[2.0], [0.0]], ["b", "no"], on_repeat="replace")
    assert learner.y_training_.tolist() == ["no", "b", "b", "a"]
    assert learner.history_["n_rejected"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="that were, the first at position 0"):
        learner.teach([[0.0]], ["a"], on_repeat="error")


@pytest.mark.parametrize("n_labels", [None, 60])
def test_a_rejected_row_is_no_unlabelled_row(open_pool, n_labels):
    X, codes = open_pool
    y = np.where(codes < 3, codes, -5)
    if n_labels is None:
        y[100:] = -1
    learner = ActiveLearner(
        SelfTrainingClassifier(GaussianNB()),
        "random",
        use_unlabeled=True,
        n_labels=n_labels,
        reject_label=-5,
        random_state=0,
    ).fit(X, y)
    n_rejected = learner.history_["n_rejected"][-1]
    assert n_rejected > 0
    assert len(learner.estimator_.transduction_) == 300 - n_rejected
    if n_labels is not None:  # whatever foreign rows are taken for is wrong
        assert learner.history_["pseudo_accuracy"][-1] < 0.75


def test_a_warm_start_and_the_models_of_every_round(open_pool):
    X, codes = open_pool
    y = np.where(codes < 3, WORDS[codes], "no")
    learner = ActiveLearner(
        LogisticRegression(),
        n_labels=40,
        warm_start=True,
        store_estimators=True,
        stopping=OverallUncertainty(1e-9),
        reject_label="no",
        random_state=0,
    ).fit(X, y)
    known = codes < 3
    scores = [*learner.staged_score(X[known], y[known])]
    assert scores[-1] == learner.score(X[known], y[known])
    assert len(scores) == len(learner.history_["stopping"]) == 4
    stages = [len(stage.y_training_) for stage in learner.staged()]
    assert stages == [10, 20, 30, 40]
    assert_same_run(learner, played(learner, X, y, 40), X)


def test_a_score_leaves_rejected_rows_out_and_says_so(open_pool):
    X, codes = open_pool
    y = np.where(codes < 3, WORDS[codes], "no")
    learner = ActiveLearner(GaussianNB(), reject_label="no").fit(X, y)
    known = codes < 3
    with pytest.warns(UserWarning, match="Those that y rejects are left out"):
        score = learner.score(X, y, sample_weight=np.arange(300.0))
    weight = np.arange(300.0)[known]
    assert score == learner.score(X[known], y[known], sample_weight=weight)
    with pytest.raises(ValueError, match="labels to score against, got none"):
        learner.score(X[~known], y[~known])


@pytest.mark.filterwarnings("ignore:The score is that of the rows")
def test_a_search_and_a_monitor_score_what_is_in_scope(open_pool):
    X, codes = open_pool
    y = np.where(codes < 3, codes, -5)
    monitor = HeldOutMonitor(X[200:], y[200:])
    learner = ActiveLearner(GaussianNB(), n_labels=30, reject_label=-5, random_state=0)
    clone(learner).set_callbacks(monitor).fit(X[:200], y[:200])
    known = 200 + np.flatnonzero(y[200:] >= 0)
    fitted = clone(learner).fit(X[:200], y[:200])
    last = monitor.get_logs().data[-1]
    assert last["score"] == fitted.score(X[known], y[known])
    assert last["n_labels"] == 30
    search = GridSearchCV(learner, {"batch_size": [5, 10]}, cv=3, error_score="raise")
    assert search.fit(X, y).best_score_ > 0.8


@pytest.mark.parametrize("word", ["no", -5])
def test_a_regressor_may_reject_rows(open_pool, word):
    X, codes = open_pool
    y = [
        word if code > 2 else float(row[0]) for code, row in zip(codes, X, strict=True)
    ]
    learner = ActiveLearner(
        Ridge(), "random", n_labels=50, reject_label=word, random_state=0
    ).fit(X, y)
    assert learner.history_["n_rejected"][-1] > 5
    known = codes < 3
    assert learner.score(X[known], X[known, 0]) > 0.99
    assert_same_run(learner, played(learner, X, y, 50), X)


def test_of_several_labels_a_row_is_rejected_whole(open_pool):
    X, codes = open_pool
    y = np.column_stack([codes == 0, codes < 2]).astype(int)
    y[codes > 2] = -5
    learner = ActiveLearner(
        RandomForestClassifier(5), "random", n_labels=40, reject_label=-5
    ).fit(X, y)
    assert learner.predict_proba(X).shape == (300, 2)
    assert np.sum(learner.y_training_[:, 0] == -5) == learner.history_["n_rejected"][-1]
    y[0] = [0, -5]
    with pytest.raises(ValueError, match="reject a row as a whole, got -5 for some"):
        learner.fit(X, y)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"reject_label": -1}, ValueError, "must differ from missing_label, got -1"),
        (
            {"reject_label": "?", "missing_label": "?"},
            ValueError,
            "differ from missing",
        ),
        ({"reject_label": "b", "classes": ["a", "b"]}, ValueError, "none of classes"),
        ({"reject_label": np.nan}, ValueError, "a word or a finite number, got nan"),
        ({"reject_label": True}, TypeError, "a word, a number or None, got True"),
        ({"reject_label": ["no"]}, TypeError, r"or None, got \['no'\]"),
    ],
)
def test_a_reject_label_that_cannot_be_one_is_refused(params, error, message):
    for call in ("fit", "teach"):
        with pytest.raises(error, match=message):
            getattr(ActiveLearner(**params), call)([[0.0], [1.0]], ["a", "b"])


def test_a_regressor_has_no_missing_label_to_clash_with():
    learner = ActiveLearner(Ridge(), reject_label=-1).fit([[0.0], [1.0]], [-1, 2.0])
    assert learner.history_["n_rejected"].tolist() == [1]


def test_a_number_that_became_a_word_is_refused():
    y = np.array(["a", "b", -5])
    with pytest.raises(
        ValueError, match="the word '-5', which reads like reject_label"
    ):
        ActiveLearner(reject_label=-5).fit(np.eye(3), y)
    learner = ActiveLearner(reject_label=-5, classes=["a", "b", "-5"])
    assert len(learner.fit(np.eye(3), y).classes_) == 3


@pytest.mark.parametrize("n_labels", [None, 2])
def test_nothing_but_rejects_cannot_be_fitted(n_labels):
    learner = ActiveLearner(reject_label="no", n_labels=n_labels)
    with pytest.raises(ValueError, match=r"must hold (at least one label|a row that)"):
        learner.fit([[0.0], [1.0]], ["no", "no"])


def test_class_weights_do_not_name_what_is_no_class():
    learner = ActiveLearner(
        LogisticRegression(class_weight={"a": 1, "no": 2}), reject_label="no"
    )
    with pytest.raises(ValueError, match="must name known classes"):
        learner.fit([[0.0], [1.0], [2.0]], ["a", "b", "no"])


def test_a_label_that_rejects_may_come_later_and_change():
    learner = ActiveLearner().teach([[0.0], [1.0]], ["a", "b"])
    learner.set_params(reject_label="no").teach([[2.0]], ["no"])
    learner.set_params(reject_label="none").teach([[3.0]], ["a"])
    assert learner.y_training_.tolist() == ["a", "b", "none", "a"]
    learner.set_params(reject_label=None).teach([[4.0]], ["c"])
    assert learner.classes_.tolist() == ["a", "b", "c"]
    assert learner.history_["n_rejected"].tolist() == [0, 1, 1, 1]


def test_without_a_label_nothing_is_rejected():
    learner = ActiveLearner().fit([[0.0], [1.0]], ["a", "b"])
    assert "n_rejected" not in learner.history_
    assert ModelView(learner.estimator_).X_rejected is None


def test_the_view_offers_the_rejected_rows():
    learner = ActiveLearner(reject_label="no")
    learner.teach(np.arange(3.0)[:, None], ["a", "no", "b"])
    view = learner.__skal_view__()
    assert view.X_training.tolist() == [[0.0], [2.0]]
    assert view.y_training.tolist() == ["a", "b"]
    assert view.X_rejected.tolist() == [[1.0]]
    assert view.n_labels == 2


def test_what_covers_a_pool_counts_rejected_rows_as_covered():
    """The farthest row would be its neighbour otherwise, again and again."""
    X = np.array([[0.0], [1.0], [50.0]])
    pool = np.array([[50.1], [20.0], [0.2]])
    learner = ActiveLearner(GaussianNB(), CoreSet(), reject_label="no")
    learner.teach(X, ["a", "b", "no"])
    assert learner.query(pool, 1)[0].tolist() == [1]
    learner.set_params(query_strategy=Deduplicate("random", 0.5, metric="euclidean"))
    assert set(learner.query(pool, 1)[0]) == {1}


def test_the_default_draws_no_warning_of_rejects(open_pool):
    X, codes = open_pool
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ActiveLearner(GaussianNB(), n_labels=30).fit(X, codes).score(X, codes)


def test_the_view_says_in_which_order_rows_were_rejected(open_pool):
    X, y = open_pool
    learner = ActiveLearner(
        GaussianNB(), "random", n_labels=40, reject_label=-5, random_state=0
    ).fit(X, np.where(y < 3, y, -5))
    view = learner.__skal_view__()
    assert_array_equal(view.is_rejected, learner.y_training_ == -5)
    assert_array_equal(view.in_order(view.y_training, -5), learner.y_training_)
    learner = clone(learner).fit(X[y < 3], y[y < 3])
    view = learner.__skal_view__()
    assert view.is_rejected is None
    assert_array_equal(view.in_order(view.y_training), learner.y_training_)


def test_a_search_with_a_promised_recall_counts_rejected_rows(open_pool):
    """Rejects read as a class of their own: the picks do not depend on the model."""
    X, y = open_pool
    rule = RecallTarget(2, recall=0.5)
    learner = ActiveLearner(
        GaussianNB(),
        RandomTail(AsListed(), 2, patience=10),
        initial=AsListed(),
        stopping=rule,
        n_labels=1.0,
        n_initial=20,
        random_state=0,
    )
    order = np.argsort(y == 2, kind="stable")[np.r_[230:260, :230]]  # a dry stretch
    X, y = X[order], np.where(y < 3, y, -5)[order]
    expected = clone(learner).fit(X, y)
    found = clone(learner).set_params(reject_label=-5).fit(X, y)
    assert found.history_["n_rejected"][-1] > 20
    samples = [one.history_["stopping"][-1]["samples"] for one in (found, expected)]
    assert len(samples[1]) > 1
    assert_array_equal(*samples)
    assert_array_equal(found.labeled_iter_, expected.labeled_iter_)


class AsListed(QueryStrategy):
    """Pick the first rows there are."""

    def _query(self, view, rows, n_instances, rng):
        return np.arange(n_instances)
