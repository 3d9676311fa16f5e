"""Labels that are corrected, rows that are taken back or taught again."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from helpers import Witness, in_order
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skal import ActiveLearner

NAMES = np.array(["bird", "cat", "dog"])
TEXT_MODEL = make_pipeline(HashingVectorizer(n_features=32), LogisticRegression())


def state_of(learner):
    """Return every attribute, by identity and by content."""
    return {name: (id(v), pickle.dumps(v)) for name, v in vars(learner).items()}


def assert_alike(one, other, X):
    """Compare learners: what they know, what they answer, what they would ask."""
    assert list(one.y_training_) == list(other.y_training_)
    assert one.n_iter_ == other.n_iter_
    assert len(one.history_["n_labels"]) == len(other.history_["n_labels"])
    if hasattr(other, "classes_"):
        assert list(one.classes_) == list(other.classes_)
    answer = "predict_proba" if hasattr(other, "predict_proba") else "predict"
    for method in (answer, "predict"):
        ours, theirs = (getattr(learner, method)(X) for learner in (one, other))
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(one.query(X, 9)[0], other.query(X, 9)[0])


def taught(learner, batches, **on_repeat):
    learner = clone(learner)
    for X, y in batches:
        learner = pickle.loads(pickle.dumps(learner)).teach(X, y, **on_repeat)
    return learner


def learners():
    for estimator, strategy in (
        (LogisticRegression(), "margin"),
        (RandomForestClassifier(3), "vote_entropy"),
        (GaussianNB(), "core_set"),
        (SVC(), "random"),
    ):
        yield ActiveLearner(estimator, strategy, random_state=3)


every_learner = pytest.mark.parametrize(
    "learner", list(learners()), ids=lambda each: type(each.estimator).__name__
)


# correct -----------------------------------------------------------------------


@every_learner
@pytest.mark.parametrize("n_batches", [1, 3])
def test_a_correction_leaves_what_the_right_label_would_have_left(
    blobs, learner, n_batches
):
    X, y = blobs[0], NAMES[blobs[1]]
    parts = np.split(np.arange(60), n_batches)
    wrong = y.copy()
    slips = [2, 31, 59]
    wrong[slips] = ["dog", "cta", "bird"]
    right = taught(learner, [(X[part], y[part]) for part in parts])
    mended = taught(learner, [(X[part], wrong[part]) for part in parts])
    history = mended.history_
    mended = pickle.loads(pickle.dumps(mended.correct(slips, y[slips])))
    assert_alike(mended, right, X)
    for name, column in mended.history_.items():
        assert str(column.tolist()) == str(history[name].tolist())
    np.testing.assert_array_equal(mended.labeled_iter_, right.labeled_iter_)


def test_corrections_of_numbers(blobs):
    X = blobs[0]
    learner = ActiveLearner(Ridge(), "random", random_state=0)
    right = taught(learner, [(X[:9], X[:9, 0]), (X[9:20], X[9:20, 0])])
    mended = taught(learner, [(X[:9], X[:9, 1]), (X[9:20], X[9:20, 0])])
    assert_alike(mended.correct(np.arange(9), X[:9, 0]), right, X)


def test_corrections_of_several_labels_a_row(blobs):
    X, y = blobs
    Y = np.column_stack([y == 0, y > 0, X[:, 0] > 0]).astype(int)
    learner = ActiveLearner(RandomForestClassifier(3), "margin", random_state=0)
    right = taught(learner, [(X[:30], Y[:30])])
    mended = taught(learner, [(X[:30], 1 - Y[:30])]).correct(np.ones(30, bool), Y[:30])
    np.testing.assert_array_equal(mended.predict_proba(X), right.predict_proba(X))


def test_a_correction_of_what_a_simulation_bought_keeps_its_classes(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), n_labels=30, random_state=0).fit(X, y)
    of_one = np.flatnonzero(learner.y_training_ == 1)
    n_iter, indices = learner.n_iter_, learner.history_["indices"]
    learner.correct(of_one, np.zeros(len(of_one), int))
    assert set(learner.y_training_) == {0, 2}
    assert learner.classes_.tolist() == [0, 1, 2]
    assert learner.n_iter_ == n_iter
    for ours, theirs in zip(learner.history_["indices"], indices, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_class_stays_while_an_earlier_model_answers_in_it(blobs):
    X, y = blobs[0], NAMES[blobs[1]]
    learner = ActiveLearner(GaussianNB(), store_estimators=True, random_state=0)
    learner.teach(X[:20], [*y[:19], "dgo"]).teach(X[20:40], y[20:40])
    learner.correct([19], y[19:20])
    assert "dgo" in learner.classes_
    assert [p.shape for p in learner.staged_predict_proba(X[:5])] == [(5, 4)] * 2
    alone = GaussianNB().fit(X[:40], y[:40])
    np.testing.assert_array_equal(learner.predict(X), alone.predict(X))
    np.testing.assert_array_equal(learner.estimators_[-1].theta_, alone.theta_)


def test_a_class_stays_where_teaching_again_takes_its_last_label(blobs):
    """The columns of the model before it could not be found: an error in staged_*."""
    X, y = blobs[0], NAMES[blobs[1]]
    learner = ActiveLearner(GaussianNB(), store_estimators=True, random_state=0)
    learner.teach(X[:20], [*y[:19], "dgo"])
    learner.teach(X[19:20], y[19:20], on_repeat="replace")
    assert "dgo" in learner.classes_
    assert [p.shape for p in learner.staged_predict_proba(X[:5])] == [(5, 4)] * 2
    alone = GaussianNB().fit(X[:20], y[:20])
    np.testing.assert_array_equal(learner.predict(X), alone.predict(X))


def test_a_correction_goes_on_from_the_weights_where_the_start_is_warm(blobs):
    X, y = blobs
    estimator = SGDClassifier(loss="log_loss", tol=None, max_iter=3)
    learner = ActiveLearner(estimator, warm_start=True, random_state=0)
    learner.teach(X[:20], y[:20]).teach(X[20:40], y[20:40])
    before = learner.estimator_.coef_
    learner.correct([0], [y[0]])
    assert not np.array_equal(learner.estimator_.coef_, before)
    cold = clone(learner.estimator_).fit(X[:40], y[:40])
    assert not np.array_equal(learner.estimator_.coef_, cold.coef_)


def test_a_correction_of_the_first_labels_starts_afresh_though_starts_are_warm(blobs):
    X, y = blobs
    estimator = SGDClassifier(loss="log_loss", tol=None, max_iter=3)
    learner = ActiveLearner(estimator, warm_start=True, random_state=0)
    mended = taught(learner, [(X[:20], y[19::-1])]).correct(np.arange(20), y[:20])
    assert_alike(mended, taught(learner, [(X[:20], y[:20])]), X)


def test_labels_of_one_class_can_be_corrected_into_two_and_back(blobs):
    X = blobs[0]
    learner = ActiveLearner(LogisticRegression(), random_state=0)
    learner.teach(X[:12], np.zeros(12, int))
    first = learner.query(X, 4)[0]
    learner.correct(np.arange(6), [1] * 6)
    right = taught(learner, [(X[:12], [1] * 6 + [0] * 6)])
    assert_alike(learner, right, X)
    learner.correct(np.arange(6), [0] * 6)
    with pytest.raises(NotFittedError):
        learner.predict(X)
    assert not hasattr(learner, "history_")
    assert learner.y_training_.tolist() == [0] * 12
    np.testing.assert_array_equal(learner.query(X, 4)[0], first)
    assert_alike(learner.correct(np.arange(6), [1] * 6), right, X)


def two_rounds(blobs, **params):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), random_state=0, **params)
    return learner.teach(X[:12], y[:12]).teach(X[12:20], y[12:20])


BAD_CORRECTIONS = [
    ([20], [1], IndexError, r"indices must lie in \[0, 19\], got 20"),
    ([1, 1], [1, 1], ValueError, "indices must be different rows, got 2 of which 1"),
    ([1.5], [1], TypeError, "indices must be whole numbers"),
    ([1, 2], [1], ValueError, "y must hold a label for each of the 2 indices, got 1"),
    ([1], [-1], ValueError, r"y must hold labels, got 1 missing .* forget\(indices\)"),
    ([1], ["a"], ValueError, "y must hold labels like those before"),
    (np.arange(20), [0] * 20, ValueError, "failed on labels of one class: all 20"),
]


@pytest.mark.parametrize(("indices", "y", "error", "match"), BAD_CORRECTIONS)
def test_a_bad_correction_is_refused_and_changes_nothing(
    blobs, indices, y, error, match
):
    learner = two_rounds(blobs)
    before = state_of(learner)
    with pytest.raises(error, match=match):
        learner.correct(indices, y)
    assert state_of(learner) == before


def test_a_label_outside_classes_is_refused_in_a_correction(blobs):
    learner = two_rounds(blobs, classes=[0, 1, 2])
    before = state_of(learner)
    with pytest.raises(ValueError, match=r"y holds the labels \[7\]"):
        learner.correct([1], [7])
    assert state_of(learner) == before


@pytest.mark.parametrize("args", [("correct", [0], [1]), ("forget", [0])])
def test_there_must_be_something_to_amend(args):
    method, *amendment = args
    with pytest.raises(NotFittedError, match=f"{method} needs rows that were taught"):
        getattr(ActiveLearner(), method)(*amendment)
    message = f"use_unlabeled must be False for {method}"
    with pytest.raises(ValueError, match=message):
        getattr(ActiveLearner(use_unlabeled=True), method)(*amendment)


def test_nothing_to_amend_changes_nothing(blobs):
    learner = two_rounds(blobs)
    before = state_of(learner)
    learner.correct([], []).forget([])
    assert state_of(learner) == before


# forget ------------------------------------------------------------------------


@every_learner
def test_rows_taken_back_leave_what_the_others_would_have_left(blobs, learner):
    X, y = blobs[0], NAMES[blobs[1]]
    parts = np.split(np.arange(60), 3)
    gone = [0, 19, 20, 45]
    whole = taught(learner, [(X[part], y[part]) for part in parts])
    kept = [np.setdiff1d(part, gone) for part in parts]
    right = taught(learner, [(X[part], y[part]) for part in kept])
    mask = np.isin(np.arange(60), gone)
    mended = pickle.loads(pickle.dumps(whole.forget(mask)))
    assert_alike(mended, right, X)
    assert mended.labeled_iter_[gone].tolist() == [-1] * 4
    np.testing.assert_array_equal(mended.labeled_iter_[~mask], right.labeled_iter_)
    assert mended.history_["n_labels"].tolist() == [20, 40, 56]
    for ours, theirs in zip(
        mended.history_["indices"], right.history_["indices"], strict=True
    ):
        np.testing.assert_array_equal(ours[ours >= 0], theirs)
    both = [each.teach(X[60:70], y[60:70]) for each in (mended, right)]
    assert_alike(*both, X)
    assert (mended.labeled_iter_ >= 0).sum() == len(mended.y_training_)


def test_rows_taken_back_from_a_simulation_are_marked_in_labeled_iter(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), n_labels=40, random_state=0).fit(X, y)
    order = np.concatenate(learner.history_["indices"])
    learner.teach(X[:1], y[:1]).forget([3, 25, 40])
    assert learner.labeled_iter_[order[[3, 25]]].tolist() == [-1, -1]
    assert learner.labeled_iter_[-1] == -1
    kept = np.delete(order, [3, 25])
    np.testing.assert_array_equal(learner.X_training_, X[kept])
    assert (learner.labeled_iter_[kept] >= 0).all()
    np.testing.assert_array_equal(
        np.concatenate(learner.history_["indices"][:4]), order
    )


def test_stages_after_rows_were_taken_back_hold_what_is_left_of_them(blobs):
    learner = two_rounds(blobs, store_estimators=True).forget([0, 15])
    sizes = [len(stage.y_training_) for stage in learner.staged()]
    assert sizes == [11, 18]


def test_a_stage_whose_rows_were_all_taken_back_may_be_asked(blobs):
    """It was an IndexError."""
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), store_estimators=True, random_state=0)
    learner.teach(X[:4], y[:4]).teach(X[4:12], y[4:12]).forget(range(4))
    stages = list(learner.staged())
    assert [len(stage.y_training_) for stage in stages] == [0, 8]
    assert [len(stage.query(X, 3)[0]) for stage in stages] == [3, 3]


def test_a_parameter_goes_with_its_row():
    X, y = np.arange(8.0)[:, None], [0, 1] * 4
    learner = ActiveLearner(Witness(), in_order, random_state=0)
    learner.teach(X, y, sample_weight=np.arange(8.0)).forget([0, 6])
    seen, _, params = learner.estimator_.seen_
    assert (
        seen.ravel().tolist() == params["sample_weight"].tolist() == [1, 2, 3, 4, 5, 7]
    )
    learner.correct([0], [0])
    assert learner.estimator_.seen_[1].tolist() == [0, 0, 1, 0, 1, 1]
    assert learner.estimator_.seen_[2]["sample_weight"].tolist() == [1, 2, 3, 4, 5, 7]


def test_the_last_row_cannot_be_taken_back(blobs):
    learner = two_rounds(blobs)
    before = state_of(learner)
    with pytest.raises(ValueError, match="indices must leave a row, got all 20"):
        learner.forget(np.arange(20))
    assert state_of(learner) == before


# rows taught again -------------------------------------------------------------


CONTAINERS = {
    "array": (np.asarray, LogisticRegression()),
    "csr": (sp.csr_array, LogisticRegression()),
    "pandas": (lambda X: pd.DataFrame(X, columns=["a", "b"]), LogisticRegression()),
    "polars": (lambda X: pl.DataFrame(X, schema=["a", "b"]), LogisticRegression()),
    "tensor": (torch.tensor, LogisticRegression()),
    "list": (lambda X: X.tolist(), LogisticRegression()),
    "texts": (lambda X: [f"{a:.2f} {b:.1f}" for a, b in X], TEXT_MODEL),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_row_taught_again_takes_its_last_label(blobs, name):
    contain, estimator = CONTAINERS[name]
    X, y = blobs[0][:40], NAMES[blobs[1][:40]]
    first, second = np.arange(20), np.array([25, 3, 3, 26, 25, 0])
    again = ["dog", "bird", "cat", "dog", "bird", "cat"]
    batches = [(contain(X[first]), y[first]), (contain(X[second]), again)]
    learner = ActiveLearner(estimator, random_state=0)
    told = taught(learner, batches, on_repeat="replace")
    expected = [*y[:20], "bird", "dog"]
    expected[3], expected[0] = "cat", "cat"
    assert told.y_training_.tolist() == expected
    assert told.history_["n_labels"].tolist() == [20, 22]
    assert told.history_["indices"][1].tolist() == [0, 3, 20, 21]
    assert told.labeled_iter_.tolist() == [0] * 20 + [1, 1]
    alone = clone(estimator).fit(contain(X[[*first, 25, 26]]), expected)
    assert told.predict(contain(X)).tolist() == alone.predict(contain(X)).tolist()


def test_a_batch_of_known_rows_leaves_rounds_as_whole_numbers(blobs):
    """A round without a new row made floats of labeled_iter_."""
    X, y = blobs
    learner = ActiveLearner(GaussianNB()).teach(X[:20], y[:20])
    learner.teach(X[:3], y[3:6], on_repeat="replace")
    assert learner.labeled_iter_.dtype.kind == "i"
    assert learner.labeled_iter_.tolist() == [0] * 20


def test_rows_of_one_batch_are_taught_as_one_by_one(rng):
    X, y = rng.randint(0, 3, (20, 2)), rng.randint(0, 3, 20)
    weight = rng.uniform(size=20)
    for on_repeat in ("append", "replace"):
        at_once = ActiveLearner(Witness(), in_order, random_state=0)
        at_once.teach(X[:9], y[:9], sample_weight=weight[:9], on_repeat=on_repeat)
        stepwise = clone(at_once)
        stepwise.teach(X[:9], y[:9], sample_weight=weight[:9], on_repeat=on_repeat)
        at_once.teach(X[9:], y[9:], sample_weight=weight[9:], on_repeat=on_repeat)
        for row in range(9, 20):
            part = slice(row, row + 1)
            stepwise.teach(
                X[part], y[part], sample_weight=weight[part], on_repeat=on_repeat
            )
        ours, theirs = at_once.estimator_.seen_, stepwise.estimator_.seen_
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
        np.testing.assert_array_equal(
            ours[2]["sample_weight"], theirs[2]["sample_weight"]
        )
        n_rows = 20 if on_repeat == "append" else len(np.unique(X, axis=0))
        assert len(ours[0]) == n_rows


def test_rows_that_count_twice_are_all_labelled_anew():
    X = np.array([[0.0], [1.0], [0.0], [2.0]])
    learner = ActiveLearner(KNeighborsRegressor(1), "random", random_state=0)
    learner.teach(X, [1.0, 2.0, 3.0, 4.0])
    learner.teach([[0.0]], [9.0], on_repeat="replace")
    assert learner.y_training_.tolist() == [9.0, 2.0, 9.0, 4.0]


def test_repeats_can_be_refused(blobs):
    X, y = blobs
    learner = two_rounds(blobs)
    before = state_of(learner)
    message = "X must hold rows that were not taught before, got 2 that were, the first"
    for rows in ([25, 3, 4], [25, 26, 25, 25]):
        with pytest.raises(ValueError, match=message):
            learner.teach(X[rows], y[rows], on_repeat="error")
        assert state_of(learner) == before
    learner.teach(X[20:30], y[20:30], on_repeat="error")
    assert len(learner.y_training_) == 30


def test_on_repeat_is_one_of_three_words(blobs):
    with pytest.raises(ValueError, match=r"on_repeat must be one of .*got 'keep'"):
        two_rounds(blobs).teach(blobs[0][:1], [0], on_repeat="keep")


# near spellings ----------------------------------------------------------------


def test_classes_that_are_spelt_alike_are_told_of_once():
    learner = ActiveLearner(GaussianNB(), random_state=0)
    X = np.arange(8.0)[:, None]
    learner.teach(X[:3], ["cat", "dog", "cat"])
    match = r"differ in case or blanks alone: 'Cat' and 'cat' and 'cat '\. .*correct\("
    with pytest.warns(UserWarning, match=match) as caught:
        learner.teach(X[3:6], ["cat ", "dog", "Cat"])
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.teach(X[6:7], ["Cat"])
        learner.correct([3, 5, 6], ["cat"] * 3)
    assert learner.classes_.tolist() == ["cat", "dog"]
    with pytest.warns(UserWarning, match="'caT' and 'cat'"):
        learner.correct([0], ["caT"])


def test_classes_that_are_given_may_be_spelt_alike():
    X, y = np.arange(4.0)[:, None], ["a", "A", "a", "A"]
    ActiveLearner(GaussianNB(), classes=["A", "a"]).teach(X, y)
    with pytest.warns(UserWarning, match="'A' and 'a'"):
        ActiveLearner(GaussianNB()).fit(X, y)
