"""An estimator is taught codes that it can take, whatever classes have no label yet."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from skal import ActiveLearner, ModelView


class Gapless(GaussianNB):
    """Refuses codes that are not 0 to k-1, in the words of XGBClassifier."""

    def fit(self, X, y, **params):
        refuse_gaps(y)
        return super().fit(X, y, **params)


class WarmGapless(SGDClassifier):
    """The same, going on from its weights."""

    def fit(self, X, y, **params):
        refuse_gaps(y)
        self.went_on_ = hasattr(self, "coef_")
        return super().fit(X, y, **params)


class WeightedGapless(LogisticRegression):
    """The same, with weights of classes."""

    def fit(self, X, y):
        refuse_gaps(y)
        self.weights_ = self.class_weight
        return super().fit(X, y)


class Wide(DecisionTreeClassifier):
    """Answers with six columns, whatever it was taught."""

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        return np.column_stack([proba, np.zeros((len(X), 6 - proba.shape[1]))])


def refuse_gaps(y):
    found = np.unique(y)
    if not np.array_equal(found, np.arange(len(found))):
        expected = np.arange(len(found))
        raise ValueError(
            f"Invalid classes inferred from unique values of `y`.  Expected: "
            f"{expected}, got {found}"
        )


@pytest.fixture(scope="module")
def words():
    """Return X, y: rows of five classes, and where those with a gap between are."""
    rng = np.random.RandomState(0)
    codes = np.arange(100) % 5
    X = rng.normal(size=(100, 2)) + 3 * np.column_stack([codes, codes**2])
    return X, np.array(["a", "b", "c", "d", "e"])[codes]


@pytest.mark.parametrize(
    "strict", [Gapless(), make_pipeline(StandardScaler(), Gapless())]
)
def test_a_gap_in_the_first_labels_is_closed(words, strict):
    """XGBClassifier failed where the first labels left a class out."""
    X, y = words
    few = np.flatnonzero(np.isin(y, ["b", "e"]))[:12]
    alone = GaussianNB().fit(X[few], y[few])
    learner = ActiveLearner(strict, "entropy", classes=list("abcde"), random_state=0)
    learner.teach(X[few], y[few])
    assert learner.classes_.tolist() == list("abcde")
    assert learner.estimator_.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(learner.predict(X), alone.predict(X))
    proba = learner.predict_proba(X)
    np.testing.assert_allclose(proba[:, [1, 4]], alone.predict_proba(X), atol=1e-12)
    assert not proba[:, [0, 2, 3]].any()
    assert learner.score(X, y) == alone.score(X, y) == 0.4
    view = learner.__skal_view__()
    np.testing.assert_array_equal(view.predict_proba(X), proba)
    np.testing.assert_array_equal(view.predict(X), learner.predict(X))
    again = pickle.loads(pickle.dumps(learner))
    np.testing.assert_array_equal(again.query(X, 3)[0], learner.query(X, 3)[0])
    learner.teach(X[:10], y[:10])  # the gap is gone
    assert learner.estimator_.classes_.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(learner.predict(X), learner.predict(X).astype("U1"))


def test_a_simulation_goes_on_over_gaps_and_picks_as_others_do(words):
    X, y = words
    options = {"n_labels": 14, "n_initial": 2, "batch_size": 2, "random_state": 1}
    strict = ActiveLearner(Gapless(), store_estimators=True, **options).fit(X, y)
    other = ActiveLearner(GaussianNB(), store_estimators=True, **options).fit(X, y)
    assert len(np.unique(strict.y_training_[:2])) == 2
    np.testing.assert_array_equal(strict.labeled_iter_, other.labeled_iter_)
    for name in "staged_predict", "staged_predict_proba":
        both = getattr(strict, name)(X), getattr(other, name)(X)
        for one, two in zip(*both, strict=True):
            np.testing.assert_array_equal(one, two)
    assert [*strict.staged_score(X, y)] == [*other.staged_score(X, y)]


def test_estimators_that_take_gaps_are_taught_the_codes_of_all_classes(words):
    X, y = words
    learner = ActiveLearner(GaussianNB(), classes=list("abcde"))
    learner.teach(X[[1, 4, 6, 9]], y[[1, 4, 6, 9]])
    assert learner.estimator_.classes_.tolist() == [1, 4]


def test_class_weights_follow_into_codes_without_gaps(words):
    X, y = words
    weights = {"a": 1, "b": 2, "e": 5}
    learner = ActiveLearner(
        WeightedGapless(class_weight=weights), classes=list("abcde")
    )
    learner.teach(X[[1, 4, 6, 9]], y[[1, 4, 6, 9]])
    assert learner.estimator_.weights_ == {0: 2, 1: 5}


def test_a_warm_start_goes_on_in_codes_without_gaps(words):
    X, y = words
    learner = ActiveLearner(
        WarmGapless(), warm_start=True, classes=list("abcde"), random_state=0
    )
    learner.teach(X[[1, 4]], y[[1, 4]])
    assert not learner.estimator_.went_on_
    learner.teach(X[[6, 9]], y[[6, 9]])
    assert learner.estimator_.went_on_
    assert set(learner.predict(X)) == {"b", "e"}


def test_gaps_are_closed_beside_unlabelled_rows(words):
    X, y = words
    partial = np.where(np.isin(y, ["b", "e"]), y, None)
    partial[50:] = None
    learner = ActiveLearner(
        SelfTrainingClassifier(Gapless()), use_unlabeled=True, classes=list("abcde")
    )
    learner.fit(X, partial)
    assert set(learner.predict(X)) == {"b", "e"}
    assert learner.history_["n_pseudo_labeled"][0] > 0


def test_the_first_error_stands_where_closing_the_gap_does_not_help(words):
    class Broken(GaussianNB):
        def fit(self, X, y):
            raise ValueError(f"cannot {sorted(set(y.tolist()))}")

    X, y = words
    with pytest.raises(ValueError, match=r"cannot \[1, 4\]"):
        ActiveLearner(Broken(), classes=list("abcde")).teach(X[[1, 4]], y[[1, 4]])


# more columns than classes ---------------------------------------------------------


@pytest.fixture(scope="module")
def ten_outputs(torch):
    """Return a net of skorch, as wide as ten classes."""
    from skorch import NeuralNetClassifier

    class Ten(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(2, 10)

        def forward(self, X):
            return self.linear(X.float())

    return NeuralNetClassifier(
        Ten,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=2,
        train_split=None,
        verbose=0,
    )


@pytest.mark.parametrize("known", [pytest.param(10, marks=pytest.mark.long), 8, None])
def test_a_net_of_skorch_may_be_wider_than_its_classes(
    ten_outputs, seeded_torch, known
):
    """There was a broadcast error, or there were ten columns for eight classes."""
    y = np.array([1, 2, 4, 5, 6, 7] * 4)
    X = np.random.RandomState(0).normal(size=(24, 2)).astype(np.float32)
    classes = None if known is None else np.arange(known)
    learner = ActiveLearner(ten_outputs, classes=classes, random_state=0)
    learner.teach(X, y)
    raw = learner.estimator_.predict_proba(X)
    own = learner.estimator_.classes_
    proba = learner.predict_proba(X)
    assert proba.shape == (24, len(learner.classes_))
    kept = raw[:, own] / raw[:, own].sum(axis=1, keepdims=True)
    places = np.searchsorted(learner.classes_, [1, 2, 4, 5, 6, 7])
    np.testing.assert_allclose(proba[:, places], kept, rtol=1e-5)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    best = learner.classes_[proba.argmax(axis=1)]
    np.testing.assert_array_equal(learner.predict(X), best)
    view = learner.__skal_view__()
    np.testing.assert_array_equal(view.predict_proba(X), proba)
    np.testing.assert_array_equal(view.predict(X), best)
    outside = ModelView(learner.estimator_)
    np.testing.assert_array_equal(outside.predict_proba(X)[:, 0], kept[:, 0])
    assert len(set(learner.query(X, 5)[0])) == 5


def test_a_net_of_skorch_that_is_too_narrow_for_the_gaps_is_taught_without(
    ten_outputs,
    seeded_torch,
):
    y = np.array([2, 5, 11, 14] * 4)
    X = np.random.RandomState(0).normal(size=(16, 2)).astype(np.float32)
    learner = ActiveLearner(ten_outputs, classes=np.arange(15), random_state=0)
    learner.teach(X, y)
    assert learner.estimator_.classes_.tolist() == [0, 1, 2, 3]
    assert set(learner.predict(X)) <= {2, 5, 11, 14}
    assert np.flatnonzero(learner.predict_proba(X).any(axis=0)).tolist() == [
        *(2, 5, 11, 14)
    ]


def test_more_columns_than_classes_are_refused_where_nobody_knows_whose(words):
    X, y = words
    wide = ActiveLearner(Wide(), classes=list("abcde"))
    wide.teach(X[[0, 1]], y[[0, 1]])  # codes 0 and 1 are the first two in any case
    np.testing.assert_array_equal(wide.predict_proba(X)[:, 2:], 0)
    wide = ActiveLearner(Wide(), classes=list("abcde"))
    wide.teach(X[[1, 4]], y[[1, 4]])
    with pytest.raises(ValueError, match=r"got 6 columns from Wide for the 2 codes"):
        wide.predict_proba(X)


def test_codes_of_a_model_that_is_gone_do_not_hold_for_the_next(words):
    """Rows taken back from a model left its codes, in which the next had a gap.

    Nothing was said of the model that was gone.
    """

    class Wary(Gapless):
        def fit(self, X, y):
            if np.bincount(y)[np.unique(y)].min() < 2:
                raise ValueError("A class has one row.")
            return super().fit(X, y)

    X = words[0][:8]
    learner = ActiveLearner(Wary(), classes=list("abcdef"), random_state=0)
    learner.teach(X, list("bbddffff"))
    with pytest.warns(UserWarning, match="There is no model yet"):
        learner.forget([0])
    assert not hasattr(learner, "estimator_")
    with pytest.warns(UserWarning, match="There is no model yet"):
        learner.forget([1])
    learner.forget([0, 1])
    np.testing.assert_array_equal(learner.predict(X), ["f"] * 8)
