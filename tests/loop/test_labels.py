"""A learner takes labels of any kind, and any mark for those that are missing."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC

from skal import ActiveLearner, ModelView
from skal.nets import MLPNetClassifier
from skal.pseudo import PseudoLabelClassifier
from skal.query import GreedySampling


class Witness(KNeighborsClassifier):
    """One nearest neighbour that keeps the codes it was fitted on."""

    def __init__(self):
        super().__init__(n_neighbors=1)

    def fit(self, X, y):
        self.seen_ = X, y
        return super().fit(X, y)


def rows(n):
    return np.arange(n, dtype=float)[:, None]


# what counts as missing --------------------------------------------------------

NA = pd.NA
MISSING = {
    "-1": (np.array([7, -1, 3, 7]), [3, 7]),
    "-1 in a list": ([7, -1, 3, 7], [3, 7]),
    "-1.0": (np.array([7.0, -1.0, 3.0, 7.0]), [3, 7]),
    "NaN": (np.array([7, np.nan, 3, 7]), [3, 7]),
    "NaN in a list": ([7, np.nan, 3, 7], [3, 7]),
    "None in a list": ([7, None, 3, 7], [3, 7]),
    "NaN among halves": (np.array([7.0, np.nan, 3.0, 7.0], np.float32), [3, 7]),
    "NA, Int64": (pd.Series([7, NA, 3, 7], dtype="Int64"), [3, 7]),
    "NaN, Series": (pd.Series([7, None, 3, 7]), [3, 7]),
    "null, polars": (pl.Series([7, None, 3, 7]), [3, 7]),
    "words, None": (["x", None, "b", "x"], ["b", "x"]),
    "words, NaN": (["x", np.nan, "b", "x"], ["b", "x"]),
    "words, object NaN": (np.array(["x", np.nan, "b", "x"], object), ["b", "x"]),
    "words, object -1": (np.array(["x", -1, "b", "x"], object), ["b", "x"]),
    "words, object NA": (np.array(["x", NA, "b", "x"], object), ["b", "x"]),
    "words, Series": (pd.Series(["x", None, "b", "x"]), ["b", "x"]),
    "words, Series NA": (pd.Series(["x", NA, "b", "x"], dtype="string"), ["b", "x"]),
    "words, object Series": (
        pd.Series(["x", None, "b", "x"], dtype=object),
        ["b", "x"],
    ),
    "words, polars": (pl.Series(["x", None, "b", "x"]), ["b", "x"]),
    "words, Categorical": (pd.Categorical(["x", None, "b", "x"]), ["b", "x"]),
    "words, category": (
        pd.Series(["x", None, "b", "x"], dtype="category"),
        ["b", "x"],
    ),
    "masked": (np.ma.array([7, 9, 3, 7], mask=[0, 1, 0, 0]), [3, 7]),
    "masked, words": (np.ma.array(["x", "q", "b", "x"], mask=[0, 1, 0, 0]), ["b", "x"]),
    "masked, objects": (
        np.ma.array(["x", "q", "b", "x"], object, mask=[0, 1, 0, 0]),
        ["b", "x"],
    ),
    "codes, category": (pd.Series([7, None, 3, 7], dtype="category"), [3, 7]),
    "booleans, None": ([True, None, False, True], [False, True]),
    "booleans, boolean": (
        pd.Series([True, NA, False, True], dtype="boolean"),
        [False, True],
    ),
    "booleans, polars": (pl.Series([True, None, False, True]), [False, True]),
}


@pytest.mark.parametrize("name", MISSING)
def test_rows_without_a_label_are_known_by_any_mark(name):
    y, classes = MISSING[name]
    learner = ActiveLearner(Witness()).fit(rows(4), y)
    assert learner.classes_.tolist() == classes
    np.testing.assert_array_equal(learner.labeled_iter_, [0, -1, 0, 0])
    np.testing.assert_array_equal(learner.estimator_.seen_[0], rows(4)[[0, 2, 3]])
    np.testing.assert_array_equal(learner.estimator_.seen_[1], [1, 0, 1])
    low, high = classes
    assert learner.predict(rows(4)[[0, 2, 3]]).tolist() == [high, low, high]
    assert learner.y_training_.tolist() == [high, low, high]


@pytest.mark.parametrize("name", MISSING)
def test_a_simulation_needs_every_label_whatever_the_mark(name):
    y, _ = MISSING[name]
    learner = ActiveLearner(Witness(), n_labels=3)
    with pytest.raises(ValueError, match=r"got 1 of 4 labels missing with n_labels=3"):
        learner.fit(rows(4), y)


@pytest.mark.parametrize("name", MISSING)
def test_rows_without_a_label_are_left_out_of_the_score(name):
    y, _ = MISSING[name]
    learner = ActiveLearner(Witness()).fit(rows(4), y)
    with pytest.warns(UserWarning, match="score leaves out 1 of 4 rows") as told:
        assert learner.score(rows(4), y) == 1.0
    assert len(told) == 1
    assert told[0].filename == __file__


@pytest.mark.parametrize("estimator", [KNeighborsRegressor(1), GaussianNB()], ids=str)
def test_a_score_needs_labels(estimator):
    learner = ActiveLearner(estimator).fit(rows(4), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="y must hold labels to score against"):
        learner.score(rows(2), [np.nan, np.nan])


@pytest.mark.parametrize(
    ("missing_label", "y"),
    [("?", ["x", "?", "b", "x"]), (0, [2, 0, 1, 2]), (99, [2, 99, 1, None])],
)
def test_any_label_can_be_the_mark(missing_label, y):
    learner = ActiveLearner(Witness(), missing_label=missing_label).fit(rows(4), y)
    assert learner.labeled_iter_[1] == -1
    assert missing_label not in learner.classes_.tolist()
    assert len(learner.classes_) == 2


@pytest.mark.parametrize("missing_label", [-1, 0, "?", None, True])
def test_no_mark_hides_labels_of_another_kind(missing_label):
    words, flags = ["0", "-1", "True", "None"], [True, False, True, False]
    learner = ActiveLearner(Witness(), missing_label=missing_label)
    learner.set_params(classes=words)
    assert np.all(learner.fit(rows(4), words).labeled_iter_ == 0)
    learner.set_params(classes=None)
    assert np.all(learner.fit(rows(4), flags).labeled_iter_ == 0)


def put(mark, width):
    y = np.array(["yes", "no", "yes", "no"], f"<U{width}")
    y[::2] = mark
    return y


BETWEEN_WORDS = {
    "-1": (put(-1, 3), "-1"),
    "-1.0": (put(-1.0, 4), "-1.0"),
    "NaN": (put(np.nan, 3), "nan"),
    "None": (put(None, 4), "None"),
    "NA": (put(NA, 4), "<NA>"),
    "NaT": (put(np.datetime64("NaT"), 3), "NaT"),
    "object": (put(-1, 3).astype(object), "-1"),
    "Series": (pd.Series(["yes", str(None), "no"]), "None"),
    "list": (np.array(["yes", np.nan, "no"]).tolist(), "nan"),
    "one letter": (put(-1, 1), "-"),
}


@pytest.mark.parametrize("name", BETWEEN_WORDS)
def test_words_that_read_like_a_mark_are_refused(name):
    """``y[::2] = -1`` among words made a class of its own."""
    y, word = BETWEEN_WORDS[name]
    X, said = rows(len(y)), rf"y must hold labels, got the words \['{word}'\]"
    for learn in (ActiveLearner(Witness()).fit, ActiveLearner(Witness()).teach):
        with pytest.raises(ValueError, match=said):
            learn(X, y)
    with pytest.raises(ValueError, match=said):
        ActiveLearner(Witness(), n_labels=2).fit(X, y)
    with pytest.raises(ValueError, match=said):
        ActiveLearner(Witness()).fit(X[:2], ["no", "yes"]).score(X, y)
    with pytest.raises(ValueError, match=f"Pass missing_label='{word}' if they are"):
        PseudoLabelClassifier().fit(X, y)


def test_words_that_read_like_a_mark_are_what_the_user_says():
    y = ["a", "-1", "b", "None"]
    every = ActiveLearner(Witness(), missing_label=None).fit(rows(4), y)
    assert every.classes_.tolist() == sorted(y)
    assert every.score(rows(4), y) == 1.0
    every = ActiveLearner(Witness(), classes=y).fit(rows(4), y)
    assert every.teach(rows(4) + 9, y).classes_.tolist() == sorted(y)
    marked = ActiveLearner(Witness(), missing_label="-1").fit(rows(4), y)
    assert marked.labeled_iter_.tolist() == [0, -1, 0, 0]
    with pytest.raises(ValueError, match=r"got the words \['99'\]"):
        ActiveLearner(Witness(), missing_label=99).fit(rows(2), ["99", "a"])


def test_signs_are_classes():
    assert ActiveLearner(Witness()).fit(rows(2), ["-", "+"]).score(rows(1), ["-"]) == 1


def test_the_mark_that_is_not_set_is_a_class():
    learner = ActiveLearner(Witness(), missing_label=None, n_labels=4, n_initial=2)
    learner.fit(rows(4), [-1, 1, -1, 1])
    assert learner.classes_.tolist() == [-1, 1]
    assert learner.predict(rows(4)).tolist() == [-1, 1, -1, 1]


@pytest.mark.parametrize("y", [[-1, 1, -1, 1], [1.0, -1.0, 1.0, 1.0], [[-1], [1]]])
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_classes_minus_one_and_one_are_not_taken_for_missing_labels(y):
    learner = ActiveLearner(Witness())
    with pytest.raises(ValueError, match=r"Pass missing_label=None if -1 is a class"):
        learner.fit(rows(len(y)), y)
    with pytest.raises(ValueError, match=r"If -1 is a class, pass missing_label=None"):
        learner.set_params(n_labels=2).fit(rows(len(y)), y)


@pytest.mark.parametrize(
    ("missing_label", "classes", "said"),
    [
        (-1, [-1, 1], r"got -1 among \[-1, 1\]\. Pass missing_label=None if -1 is"),
        (-1, np.array([-1.0, 0, 1]), "Pass missing_label=None if -1 is a class"),
        (-1, ["a", -1], "Pass missing_label=None if -1 is a class"),
        (0, range(3), "Pass missing_label=None if 0 is a class"),
        ("?", ["a", "?"], r"Pass missing_label=None if '\?' is a class"),
        (None, [0, np.nan], r"classes must be labels, none .* got nan among"),
        (-1, ["a", None], "got None among"),
    ],
    ids=str,
)
def test_a_mark_is_no_class(missing_label, classes, said):
    """Every row of class -1 was dropped."""
    learner = ActiveLearner(Witness(), missing_label=missing_label, classes=classes)
    for learn in (learner.fit, learner.teach):
        with pytest.raises(ValueError, match=said):
            learn(rows(4), [1, -1, 1, -1])
    with pytest.raises(ValueError, match=said):
        learner.query(rows(4))


def test_words_and_booleans_are_not_the_number_that_marks():
    for mark, classes in [(-1, ["-1", "1"]), (0, [False, True]), (True, ["1", "2"])]:
        learner = ActiveLearner(Witness(), missing_label=mark, classes=classes)
        assert learner.fit(rows(2), classes).classes_.tolist() == classes


SENTIMENT = {
    "array": np.array([-1, 0, 1, -1, 1]),
    "list": [-1, 0, 1, -1, 1],
    "float": np.array([-1.0, 0, 1, -1, 1]),
    "object": np.array([-1, 0, 1, -1, 1], object),
    "Series": pd.Series([-1, 0, 1, -1, 1]),
}


@pytest.mark.parametrize("name", SENTIMENT)
def test_minus_one_beside_zero_and_one_is_told_once(name):
    """Sentiments -1, 0 and 1 were trained on, and scored, without the negative."""
    y = SENTIMENT[name]
    with pytest.warns(UserWarning, match="pass missing_label=None; if it is not") as w:
        learner = ActiveLearner(Witness()).fit(rows(5), y).teach(rows(5) + 9, y)
    assert len(w) == 1
    assert w[0].filename == __file__
    with pytest.warns(
        UserWarning, match="leaves out 2 of 5 rows.* if the mark is a cl"
    ):
        learner.score(rows(5), y)
    learner = ActiveLearner(Witness()).teach(rows(2), [0, 1])
    with pytest.warns(UserWarning, match='-1 was taken for "unlabelled"') as w:
        learner.teach(rows(5), y).teach(rows(5), y)
    assert len(w) == 1
    assert w[0].filename == __file__
    three = ActiveLearner(Witness(), missing_label=None).fit(rows(5), y)
    assert three.classes_.tolist() == [-1, 0, 1]
    assert three.score(rows(5), y) == 1.0


def test_the_usual_mark_is_taken_quietly():
    for y in ([-1, 0, 1, 2], [-1, 3, 5, 5], [None, 0, 1, 1]):
        ActiveLearner(Witness()).fit(rows(4), y)
    ActiveLearner(Witness(), classes=[0, 1]).fit(rows(4), [-1, 0, 1, 1])
    ActiveLearner(Witness()).fit(rows(4), np.array([-1, True, False, True], object))
    training = SelfTrainingClassifier(Witness())
    ActiveLearner(training, use_unlabeled=True).fit(rows(4), [-1, 0, 1, 1])
    PseudoLabelClassifier().fit(rows(4), [-1, 0, 1, 1])


def test_classes_say_that_minus_one_marks_a_missing_label():
    learner = ActiveLearner(Witness(), classes=[0, 1]).fit(rows(3), [1, -1, 1])
    assert learner.predict_proba(rows(1)).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("hole", [np.nan, None])
def test_one_class_beside_missing_labels_is_one_class(hole):
    """NaN and None were reported as a class -1."""
    learner = ActiveLearner(Witness()).fit(rows(3), [1, hole, 1])
    assert learner.classes_.tolist() == [1]


# the kinds of y ----------------------------------------------------------------

LABELS = {
    "list": ["no", "yes", "no", "yes"],
    "tuple": ("no", "yes", "no", "yes"),
    "array": np.array(["no", "yes", "no", "yes"]),
    "object": np.array(["no", "yes", "no", "yes"], object),
    "Series": pd.Series(["no", "yes", "no", "yes"], index=[9, 9, 1, 0]),
    "Categorical": pd.Categorical(["no", "yes", "no", "yes"], ["yes", "no", "hm"]),
    "category": pd.Series(["no", "yes", "no", "yes"], dtype="category"),
    "polars": pl.Series(["no", "yes", "no", "yes"]),
    "polars Enum": pl.Series(["no", "yes", "no", "yes"], dtype=pl.Enum(["yes", "no"])),
}


@pytest.mark.parametrize("n_labels", [None, 4])
@pytest.mark.parametrize("name", LABELS)
def test_labels_come_in_any_container(name, n_labels):
    learner = ActiveLearner(Witness(), n_labels=n_labels, n_initial=2, batch_size=1)
    learner.fit(rows(4), LABELS[name])
    assert learner.classes_.tolist() == ["no", "yes"]
    assert learner.predict(rows(4)).tolist() == ["no", "yes", "no", "yes"]
    assert learner.score(rows(4), LABELS[name]) == 1.0


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.int8, np.int32, np.float32, np.float64]
)
@pytest.mark.parametrize("n_labels", [None, 4])
def test_labels_come_back_as_they_were(dtype, n_labels):
    y = np.array([0, 1, 1, 0], dtype)
    learner = ActiveLearner(Witness(), n_labels=n_labels, n_initial=2).fit(rows(4), y)
    assert learner.classes_.dtype == dtype
    assert learner.predict(rows(4)).dtype == dtype
    np.testing.assert_array_equal(learner.predict(rows(4)), y)
    assert learner.estimator_.seen_[1].dtype.kind == "i"


@pytest.mark.parametrize(
    "column", [np.array, pd.DataFrame, lambda y: y], ids=["array", "frame", "list"]
)
@pytest.mark.parametrize("n_labels", [None, 4])
def test_a_column_of_labels_is_flattened_with_a_warning(column, n_labels):
    learner = ActiveLearner(Witness(), n_labels=n_labels, n_initial=2)
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        learner.fit(rows(4), column([[3], [5], [5], [3]]))
    assert learner.predict(rows(4)).tolist() == [3, 5, 5, 3]
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        learner.teach(rows(2) + 9, column([[7], [-1]]))
    assert learner.classes_.tolist() == [3, 5, 7]


def test_continuous_labels_are_no_classes():
    with pytest.raises(ValueError, match="continuous"):
        ActiveLearner(Witness()).fit(rows(4), [0.5, 1.5, 0.5, 1.5])


def test_later_labels_may_be_longer_words():
    learner = ActiveLearner(Witness()).teach(rows(2), ["a", "b"])
    learner.teach(rows(2) + 5, ["a", "hippopotamus"])
    assert learner.predict([[6.0]]).tolist() == ["hippopotamus"]


# the full set of classes -------------------------------------------------------


def test_classes_fix_the_width_before_all_are_seen():
    learner = ActiveLearner(GaussianNB(), classes=["d", "a", "c", "b"])
    learner.teach(rows(4), ["b", "b", "d", "d"])
    assert learner.classes_.tolist() == ["a", "b", "c", "d"]
    inner = GaussianNB().fit(rows(4), [1, 1, 3, 3]).predict_proba(rows(4))
    proba = learner.predict_proba(rows(4))
    np.testing.assert_array_equal(proba[:, [1, 3]], inner)
    assert np.all(proba[:, [0, 2]] == 0)
    log_proba = learner.predict_log_proba(rows(4))
    assert np.all(np.isneginf(log_proba[:, [0, 2]]))
    np.testing.assert_allclose(np.exp(log_proba), proba)
    np.testing.assert_array_equal(learner.estimator_.classes_, [1, 3])


def test_a_simulation_knows_every_class_of_y_from_its_first_round():
    y = np.array([1, 1, 0, 0, 2, 3])
    learner = ActiveLearner(
        Witness(), n_labels=4, n_initial=4, initial=lambda learner, X: range(4)
    ).fit(rows(6), y)
    assert learner.classes_.tolist() == [0, 1, 2, 3]
    assert learner.predict_proba(rows(1)).tolist() == [[0, 1, 0, 0]]


def test_a_one_class_model_predicts_its_class_with_certainty():
    learner = ActiveLearner(GaussianNB(), classes=[5, 6, 7]).teach(rows(3), [6, 6, 6])
    assert learner.predict_proba(rows(2)).tolist() == [[0, 1, 0], [0, 1, 0]]
    assert learner.predict(rows(2)).tolist() == [6, 6]
    assert len(learner.query(rows(5), 2)[0]) == 2


@pytest.mark.parametrize("classes", [[0, 1], np.array([1, 0]), (1, 0, 1), range(2)])
def test_classes_may_come_in_any_order(classes):
    learner = ActiveLearner(Witness(), classes=classes).fit(rows(2), [1, 0])
    assert learner.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("n_labels", [None, 4])
@pytest.mark.parametrize(
    ("classes", "y", "strangers"),
    [
        ([0, 1], [0, 2, 1, 3], "[2, 3]"),
        (["a", "b"], ["a", "zz", "b", "b"], "['zz']"),
        ([0, 1], ["a", "b", "a", "b"], "['a', 'b']"),
        (["a", "b"], [0, 1, 0, 1], "[0, 1]"),
        ([1, 2], [True, False, True, False], "[False]"),
    ],
)
def test_labels_outside_classes_are_named(classes, y, strangers, n_labels):
    learner = ActiveLearner(Witness(), classes=classes, n_labels=n_labels)
    with pytest.raises(ValueError, match="which are not among the known") as error:
        learner.fit(rows(4), y)
    assert strangers in str(error.value)


def test_a_simulation_finds_labels_outside_classes_before_it_fits_anything():
    """The run went on to the round in which such a row was bought."""
    y = np.array([0, 1] * 10 + [2])
    learner = ActiveLearner(
        GaussianNB(),
        lambda learner, X, n_instances: range(n_instances),
        initial=lambda learner, X, n_instances: range(n_instances),
        classes=[0, 1],
        n_labels=1.0,
        n_initial=4,
    )
    with pytest.raises(ValueError, match=r"labels \[2\]"):
        learner.fit(rows(21), y)
    assert not hasattr(learner, "estimator_")


def test_labels_that_no_class_has_count_as_wrong():
    learner = ActiveLearner(Witness()).fit(rows(4), ["a", "b", "a", "b"])
    assert learner.score(rows(4), ["a", "b", "new", "b"]) == 0.75


# decision values ---------------------------------------------------------------


@pytest.mark.parametrize("estimator", [LinearSVC(), SVC(), LogisticRegression()])
def test_decision_values_of_two_seen_classes_are_spread_over_all(blobs, estimator):
    X, y = blobs[0][blobs[1] < 2], blobs[1][blobs[1] < 2]
    learner = ActiveLearner(estimator, classes=[-5, 0, 1, 9]).fit(X, y)
    inner = learner.estimator_.decision_function(X)
    decision = learner.decision_function(X)
    lowest = -np.abs(inner) - 1
    expected = np.column_stack([lowest, -inner, inner, lowest])
    np.testing.assert_allclose(decision, expected)
    best = learner.classes_[decision.argmax(axis=1)]
    np.testing.assert_array_equal(best, learner.predict(X))


@pytest.mark.parametrize("estimator", [LinearSVC(), SVC(), LogisticRegression()])
def test_decision_values_of_three_seen_classes_are_spread_over_all(blobs, estimator):
    X, y = blobs
    learner = ActiveLearner(estimator, classes=range(5)).fit(X, y + 1)
    inner = learner.estimator_.decision_function(X)
    decision = learner.decision_function(X)
    np.testing.assert_array_equal(decision[:, 1:4], inner)
    for absent in (0, 4):
        np.testing.assert_allclose(decision[:, absent], inner.min(axis=1) - 1)


def test_decision_values_of_all_classes_are_the_estimators_own(blobs):
    X, y = blobs
    both, codes = X[y < 2], y[y < 2]
    learner = ActiveLearner(LinearSVC(random_state=0)).fit(
        both, np.array(["n", "p"])[codes]
    )
    alone = LinearSVC(random_state=0).fit(both, codes)
    np.testing.assert_array_equal(
        learner.decision_function(X), alone.decision_function(X)
    )
    learner = ActiveLearner(LinearSVC(random_state=0)).fit(X, y)
    alone = LinearSVC(random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        learner.decision_function(X), alone.decision_function(X)
    )


def test_methods_are_there_where_the_estimator_has_them():
    forest, svc = ActiveLearner(RandomForestClassifier()), ActiveLearner(LinearSVC())
    assert hasattr(forest, "predict_proba")
    assert hasattr(forest, "predict_log_proba")
    assert not hasattr(forest, "decision_function")
    assert not hasattr(svc, "predict_proba")
    assert hasattr(svc, "decision_function")
    assert not hasattr(ActiveLearner(Ridge()), "predict_proba")


# multilabel --------------------------------------------------------------------


@pytest.fixture
def tagged(blobs):
    """Return rows and three labels each: one common, one rare, one crossing both."""
    X, y = blobs
    return X, np.column_stack([y > 0, y == 1, X[:, 0] > 1]).astype(int)


MULTILABEL = [
    RandomForestClassifier(7, random_state=0),
    KNeighborsClassifier(5),
    MultiOutputClassifier(GaussianNB()),
    OneVsRestClassifier(LogisticRegression()),
]


def chances(estimator, X):
    """Return (n, L) chances by hand."""
    proba = estimator.predict_proba(X)
    if isinstance(proba, list):
        return np.column_stack(
            [
                p @ (np.asarray(c) == 1)
                for p, c in zip(proba, classes_by_label(estimator), strict=True)
            ]
        )
    return proba


def classes_by_label(estimator):
    return estimator.classes_


@pytest.mark.parametrize("estimator", MULTILABEL, ids=str)
def test_multilabel_chances_are_one_array(tagged, estimator):
    X, Y = tagged
    learner = ActiveLearner(estimator).fit(X, Y)
    proba = learner.predict_proba(X)
    assert proba.shape == (300, 3)
    np.testing.assert_allclose(proba, chances(learner.estimator_, X), atol=1e-12)
    np.testing.assert_array_equal(learner.predict(X), learner.estimator_.predict(X))
    np.testing.assert_array_equal(learner.classes_, [0, 1, 2])
    assert learner.y_training_.shape == (300, 3)


@pytest.mark.parametrize("estimator", MULTILABEL, ids=str)
def test_multilabel_targets_are_bought_whole_rows_at_a_time(tagged, estimator):
    X, Y = tagged
    learner = ActiveLearner(estimator, n_labels=60, n_initial=40, random_state=0).fit(
        X, Y
    )
    assert learner.history_["n_labels"].tolist() == [40, 50, 60]
    np.testing.assert_array_equal(
        learner.y_training_, Y[np.concatenate(learner.history_["indices"])]
    )
    assert learner.score(X, Y) > 0.4


@pytest.mark.parametrize("estimator", MULTILABEL[:2], ids=str)
def test_a_label_that_every_row_has_or_lacks_is_certain(blobs, estimator):
    """A label that every labelled row had was given no chance."""
    X, y = blobs
    Y = np.column_stack([np.ones_like(y), np.zeros_like(y), y == 1]).astype(int)
    learner = ActiveLearner(estimator).fit(X, Y)
    proba = learner.predict_proba(X[:20])
    np.testing.assert_allclose(proba[:, 0], 1)
    np.testing.assert_allclose(proba[:, 1], 0, atol=1e-12)
    np.testing.assert_array_equal(learner.predict(X[:20])[:, :2], [[1, 0]] * 20)
    seen_by_strategies = ModelView(learner.estimator_, X, Y).predict_proba(X[:20])
    np.testing.assert_array_equal(seen_by_strategies, proba)


@pytest.mark.parametrize("hole", [-1, np.nan, None])
def test_multilabel_rows_without_labels_are_left_out(tagged, hole):
    X, Y = tagged
    partial = Y.astype(object if hole is None else float)
    partial[100:] = hole
    learner = ActiveLearner(KNeighborsClassifier(5)).fit(X, partial)
    alone = KNeighborsClassifier(5).fit(X[:100], Y[:100])
    np.testing.assert_array_equal(learner.predict(X), alone.predict(X))
    np.testing.assert_array_equal(learner.labeled_iter_, np.repeat([0, -1], [100, 200]))


@pytest.mark.parametrize(
    "contain", [sp.csr_matrix, sp.csc_array, pd.DataFrame, np.ndarray.tolist], ids=str
)
@pytest.mark.parametrize("n_labels", [None, 60])
def test_multilabel_targets_come_in_any_container(tagged, contain, n_labels):
    X, Y = tagged
    learner = ActiveLearner(KNeighborsClassifier(5), n_labels=n_labels, n_initial=60)
    learner.set_params(random_state=0)
    expected = learner.fit(X, Y).predict(X)
    np.testing.assert_array_equal(learner.fit(X, contain(Y)).predict(X), expected)


def test_multilabel_rows_must_be_labelled_whole():
    with pytest.raises(ValueError, match="y must be labelled a whole row at a time"):
        ActiveLearner(Witness()).fit(rows(3), [[0, 1], [-1, 1], [1, 1]])


def test_several_classes_for_each_row_are_refused():
    with pytest.raises(ValueError, match="y must be one label a row, or a binary"):
        ActiveLearner(Witness()).fit(rows(3), [[0, 1], [2, 1], [1, 1]])


# regression --------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        np.array([0.5, np.nan, -1.0, 2.0]),
        [0.5, None, -1.0, 2.0],
        [0.5, np.nan, -1, 2],
        pd.Series([0.5, None, -1.0, 2.0]),
        pd.Series([0.5, pd.NA, -1.0, 2.0], dtype="Float64"),
        np.array([0.5, pd.NA, -1.0, 2.0], object),
        pl.Series([0.5, None, -1.0, 2.0]),
    ],
    ids=["array", "None", "list", "Series", "Float64", "object NA", "polars"],
)
def test_only_nan_is_missing_in_regression(y):
    learner = ActiveLearner(KNeighborsRegressor(1)).fit(rows(4), y)
    np.testing.assert_array_equal(learner.labeled_iter_, [0, -1, 0, 0])
    assert learner.y_training_.tolist() == [0.5, -1.0, 2.0]
    assert learner.predict(rows(4)[[0, 2, 3]]).tolist() == [0.5, -1.0, 2.0]
    assert not hasattr(learner, "classes_")


@pytest.mark.parametrize("n_labels", [None, 4])
def test_minus_one_is_a_number_in_regression(n_labels):
    learner = ActiveLearner(
        KNeighborsRegressor(1), "random", n_labels=n_labels, n_initial=1, batch_size=1
    ).fit(rows(4), [-1, 1, -1, 1])
    assert learner.predict(rows(4)).tolist() == [-1, 1, -1, 1]
    assert np.all(learner.labeled_iter_ >= 0)


def test_targets_under_a_mask_are_missing():
    """What lay under a numpy mask was taken for the target."""
    y = np.ma.array([0.0, 1.0, 99.0, 3.0], mask=[0, 0, 1, 0])
    learner = ActiveLearner(KNeighborsRegressor(1)).fit(rows(4), y)
    assert learner.y_training_.tolist() == [0.0, 1.0, 3.0]
    learner.fit(rows(4), np.ma.column_stack([y, -y]))
    assert learner.y_training_.tolist() == [[0.0, 0.0], [1.0, -1.0], [3.0, -3.0]]
    model = PseudoLabelClassifier().fit(rows(4), np.ma.array([0, 1, 7, 1], mask=y.mask))
    assert model.classes_.tolist() == [0, 1]


def test_regression_with_several_outputs():
    Y = np.column_stack([np.arange(6.0), -np.arange(6.0)])
    partial = Y.copy()
    partial[4] = np.nan
    learner = ActiveLearner(KNeighborsRegressor(1)).fit(rows(6), partial)
    np.testing.assert_array_equal(learner.predict(rows(4)), Y[:4])
    learner.teach([[4.0], [9.0]], [[4.0, -4.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(learner.predict(rows(6)), Y)
    assert learner.y_training_.shape == (6, 2)
    with pytest.warns(UserWarning, match="leaves out 1 of 6 rows"):
        assert learner.score(rows(6), partial) == 1.0
    partial[0, 0] = np.nan
    with pytest.raises(ValueError, match="y must be labelled a whole row at a time"):
        learner.fit(rows(6), partial)


@pytest.mark.parametrize("method", ["GSx", "GSy", "iGS"])
def test_regression_with_several_outputs_is_simulated(method):
    X = np.linspace(0, 1, 30)[:, None]
    Y = np.column_stack([X.ravel(), X.ravel() ** 2])
    learner = ActiveLearner(
        Ridge(), GreedySampling(method), n_labels=12, n_initial=3, random_state=0
    ).fit(X, Y)
    assert learner.y_training_.shape == (12, 2)
    assert learner.predict(X).shape == (30, 2)


def test_a_column_of_numbers_stays_a_column():
    learner = ActiveLearner(KNeighborsRegressor(1)).fit(rows(3), rows(3))
    assert learner.predict(rows(3)).shape == (3, 1)


def test_predictions_may_come_with_their_deviation(blobs):
    X = blobs[0]
    learner = ActiveLearner(BayesianRidge()).fit(X, X[:, 0])
    mean, std = learner.predict(X, return_std=True)
    alone = BayesianRidge().fit(X, X[:, 0]).predict(X, return_std=True)
    np.testing.assert_array_equal((mean, std), alone)


# estimators around estimators --------------------------------------------------


def test_a_search_inside_speaks_codes(blobs):
    X, y = blobs
    names = np.array(["x", "y", "z"])[y]
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, cv=2)
    learner = ActiveLearner(search, n_labels=60, n_initial=40, random_state=0)
    learner.fit(X, names)
    assert learner.score(X, names) > 0.6
    assert learner.estimator_.best_estimator_.classes_.tolist() == [0, 1, 2]


def test_calibration_inside_speaks_codes(blobs):
    X, y = blobs
    names = np.array(["x", "y", "z"])[y]
    learner = ActiveLearner(CalibratedClassifierCV(LinearSVC(), cv=2), n_labels=60)
    learner.set_params(n_initial=40, random_state=0).fit(X, names)
    assert learner.predict_proba(X).shape == (300, 3)
    assert learner.score(X, names) > 0.6


def test_a_frozen_model_of_the_same_codes_is_left_as_it_is(blobs):
    X, y = blobs
    model = GaussianNB().fit(X, y)
    learner = ActiveLearner(FrozenEstimator(model), n_labels=30, random_state=0)
    learner.fit(X, y)
    np.testing.assert_array_equal(learner.predict_proba(X), model.predict_proba(X))
    assert learner.score(X, y) == model.score(X, y)


@pytest.mark.parametrize("names", [[1, 2, 3], ["x", "y", "z"]], ids=str)
def test_a_frozen_model_that_speaks_labels_is_refused(blobs, names):
    """It was decoded as if it spoke codes, and scored next to nothing."""
    X, y = blobs
    names = np.array(names)[y]
    model = FrozenEstimator(GaussianNB().fit(X, names))
    with pytest.raises(ValueError, match=r"estimator must .* got FrozenEstimator"):
        ActiveLearner(model).fit(X, names)


def test_dummies_know_their_classes():
    learner = ActiveLearner(DummyClassifier(strategy="prior"), classes=list("abc"))
    learner.fit(rows(4), ["c", "c", "c", "a"])
    assert learner.predict_proba(rows(1)).tolist() == [[0.25, 0, 0.75]]
    assert learner.predict(rows(1)).tolist() == ["c"]


# parameters of the estimator that name classes ---------------------------------------


@pytest.mark.parametrize("words", [["ham", "spam"], [1, 2]])
def test_class_weights_and_positive_labels_are_labels(blobs, words):
    """They used to be read as codes, silently where the labels were integers."""
    X, y = blobs
    y = np.array(words)[(y == 0).astype(int)]
    heavy = LogisticRegression(class_weight={words[0]: 1, words[1]: 50})
    model = FixedThresholdClassifier(heavy, threshold=0.1, pos_label=words[1])
    learner = ActiveLearner(model).fit(X, y)
    np.testing.assert_array_equal(learner.predict(X), model.fit(X, y).predict(X))


def test_a_class_weight_for_no_class_is_refused(blobs):
    X, y = blobs
    model = LogisticRegression(class_weight={"spam": 2})
    with pytest.raises(ValueError, match="estimator__class_weight must name known"):
        ActiveLearner(model).fit(X, np.array(["a", "b", "c"])[y])


@pytest.mark.parametrize("classes", [2, "spam"])
def test_classes_must_be_a_list(blobs, classes):
    with pytest.raises(TypeError, match="classes must be a list of every label"):
        ActiveLearner(classes=classes).fit(*blobs)


@pytest.mark.parametrize(
    "classes",
    [(c for c in "ab"), map(str, "ab"), iter("ab")],
    ids=["()", "map", "iter"],
)
@pytest.mark.parametrize("learner", [ActiveLearner(), MLPNetClassifier()], ids=str)
def test_classes_must_be_there_for_more_than_one_reading(classes, learner):
    """A generator was used up by its check: no class was known."""
    learner.set_params(classes=classes)
    with pytest.raises(TypeError, match="which can be read only once"):
        learner.fit(np.eye(2, dtype=np.float32), ["a", "b"])
