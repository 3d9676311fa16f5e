"""The members of a committee are draws of what it says about units of rows."""

import pickle

import numpy as np
import pytest
from helpers import Brightness, Tagger
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier

from skal import ActiveLearner
from skal.query import Aggregate, functional
from skal.structured import Committee, Units

TEXTS = [["a", "bb"], ["ccc"], ["dd", "e", "fff", "g"]]
TAGS = [[0, 1], [1], [0, 0, 1, 1]]


def test_draws_are_the_members_and_their_mean_is_the_answer(pixels):
    X, y = pixels
    committee = Committee([Brightness()] * 3, bootstrap=True, random_state=0)
    committee.fit(X, y)
    middles = [member.middle_ for member in committee.estimators_]
    assert len({*middles}) == 3
    draws = committee.sample_units(X)
    expected = [member.predict_units(X) for member in committee.estimators_]
    np.testing.assert_array_equal(draws, expected)
    np.testing.assert_array_equal(committee.sample_units(X, 2), expected[:2])
    np.testing.assert_allclose(committee.predict_units(X), np.mean(expected, axis=0))
    assert (committee.predict(X) == (np.mean(middles) < X)).mean() > 0.99
    assert committee.score(X, y) > 0.7
    again = Committee([Brightness()] * 3, bootstrap=True, random_state=0).fit(X, y)
    assert [member.middle_ for member in again.estimators_] == middles


def test_members_are_seeded_apart_but_for_those_that_have_a_seed(pixels):
    X, y = pixels[0][:, 0], pixels[1][:, 0]

    def stacked(forest, X):
        return np.stack(forest.predict_proba(X), axis=1)

    members = [
        Units(RandomForestClassifier(3, random_state=seed), stacked)
        for seed in (None, None, 7, 7)
    ]
    first, second, third, fourth = (
        Committee(members, random_state=0).fit(X, y).sample_units(X)
    )
    assert (first != second).any()
    assert (third == fourth).all()


def test_it_is_asked_for_by_what_members_dispute(pixels):
    X, y = pixels
    committee = Committee([Brightness()] * 4, bootstrap=True)
    learner = ActiveLearner(
        committee, Aggregate("bald", "mean"), n_labels=30, random_state=0
    )
    learner.fit(X, y)
    draws = learner.estimator_.sample_units(X).reshape(4, -1, 2)
    expected = functional.mutual_information(draws).reshape(len(X), -1).mean(axis=1)
    np.testing.assert_allclose(learner.score_pool(X), expected)
    again = clone(learner).fit(X, y)
    np.testing.assert_array_equal(again.labeled_iter_, learner.labeled_iter_)


def test_texts_have_a_list_of_draws():
    committee = Committee([("one", Tagger()), ("two", Tagger())]).fit(TEXTS, TAGS)
    draws = committee.sample_units(TEXTS)
    assert [row.shape for row in draws] == [(2, 2, 2), (2, 1, 2), (2, 4, 2)]
    mean = committee.predict_units(TEXTS)
    np.testing.assert_allclose(
        mean[0], committee.estimators_[0].predict_units(TEXTS)[0]
    )
    assert [row.tolist() for row in committee.predict(TEXTS)][1] == [1]


def test_members_have_names_where_they_are_given(pixels):
    committee = Committee([("one", Brightness()), ("two", Tagger())])
    assert committee.get_params()["two"].__class__ is Tagger
    committee.set_params(two=Brightness())
    copy = pickle.loads(pickle.dumps(committee.fit(*pixels)))
    np.testing.assert_array_equal(
        copy.sample_units(pixels[0]), committee.sample_units(pixels[0])
    )


def test_members_that_find_units_of_their_own_are_told_apart():
    class Finds(BaseEstimator):
        def __init__(self, n=1):
            self.n = n

        def fit(self, X, y):
            return self

        def predict_units(self, X):
            return [np.ones((self.n, 1)) for _ in X]

    class Detects(Finds):
        def predict_boxes(self, X):
            return [{"boxes": np.zeros((self.n, 4))} for _ in X]

    committee = Committee([Finds(1), Finds(2)]).fit([0], [0])
    with pytest.raises(ValueError, match=r"the same units of a row, .*BoxDisagreement"):
        committee.sample_units([0, 1])
    committee = Committee([Detects(1), Detects(2)]).fit([0], [0])
    assert not hasattr(committee, "predict_units")
    boxes = committee.sample_boxes([0, 1])
    assert [[len(draw["boxes"]) for draw in row] for row in boxes] == [[1, 2], [1, 2]]
    assert not hasattr(Committee([Brightness()]), "sample_boxes")


@pytest.mark.parametrize(
    ("estimators", "error", "match"),
    [
        (Brightness(), TypeError, "estimators must be a list of estimators"),
        ([], ValueError, "estimators must hold at least one estimator"),
        ([("a", Brightness()), ("a", Brightness())], ValueError, "unique names"),
        (["a"], TypeError, "estimators must be a list of estimators"),
    ],
)
def test_members_are_estimators(estimators, error, match, pixels):
    with pytest.raises(error, match=match):
        Committee(estimators).fit(*pixels)


def test_there_are_no_more_draws_than_members(pixels):
    committee = Committee([Brightness()]).fit(*pixels)
    with pytest.raises(ValueError, match="at most 1, the number of members of Commit"):
        committee.sample_units(pixels[0], 2)


def test_members_that_miss_a_class_are_refused_in_words(pixels):
    class Wider(Brightness):
        def predict_units(self, X):
            units = super().predict_units(X)
            return np.concatenate([units, 0 * units[..., :1]], axis=-1)

    committee = Committee([Brightness(), Wider()]).fit(*pixels)
    with pytest.raises(ValueError, match=r"in as many classes, .* Name the classes"):
        committee.sample_units(pixels[0])
