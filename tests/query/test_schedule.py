"""Schedule asks by one strategy first and by others later."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner, ModelView
from skal.query import Auto, Bandit, Schedule

MODEL = GaussianNB()
TWO = [("first", "random"), ("then", "margin")]
THREE = [("a", "random"), ("b", "margin"), ("c", "entropy")]


def counts(strategies, n_labels=60, **params):
    """Return how many rows of each batch of 10 each strategy has picked."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 2))
    learner = ActiveLearner(
        MODEL, Schedule(strategies, **params), n_labels=n_labels, random_state=0
    ).fit(X, (X[:, 0] > 0).astype(int))
    names = [name for name, _ in strategies]
    return [
        [info["base"].tolist().count(name) for name in names]
        for info in learner.history_["info"][1:]
    ]


def test_it_switches_at_a_number_of_labels():
    found = counts(TWO, switch=30, unit="labels")
    assert found == [[10, 0], [10, 0], [0, 10], [0, 10], [0, 10]]


def test_it_switches_after_so_many_rounds():
    found = counts(THREE, switch=[1, 3], unit="rounds")
    assert found == [[10, 0, 0], [0, 10, 0], [0, 10, 0], [0, 0, 10], [0, 0, 10]]


def test_it_switches_by_labels_for_each_class():
    found = counts(TWO, switch=20)  # of two classes
    assert found == [[10, 0], [10, 0], [10, 0], [0, 10], [0, 10]]


def test_it_hands_over_in_a_straight_line():
    found = counts(TWO, n_labels=80, switch=20, unit="labels", ramp=40)
    assert [row[1] for row in found[:2]] == [0, 0]
    assert found[2][1] in (2, 3)  # a quarter
    assert found[3] == [5, 5]
    assert found[4][1] in (7, 8)
    assert found[5:] == [[0, 10]] * 2


def test_a_strategy_may_have_the_name_of_a_parameter_of_mixture():
    """On the ramp it was refused, in the middle of a run."""
    named = [("bases", "random"), ("weights", "margin")]
    found = counts(named, n_labels=40, switch=10, unit="labels", ramp=20)
    assert found[1:] == [[5, 5], [0, 10]]


def second_half(round, n_labels):
    return "then" if n_labels >= 40 else "first"


def test_a_function_names_the_strategy():
    assert counts(TWO, switch=second_half)[2:4] == [[10, 0], [0, 10]]


def test_a_name_that_no_strategy_has_is_refused():
    with pytest.raises(ValueError, match=r"switch must return one of .*got 'last'"):
        counts(TWO, switch=lambda round, n_labels: "last")


def test_one_that_asks_alone_tells_what_it_has_to_tell(blobs):
    X, y = blobs
    model = ModelView(MODEL.fit(X, y), X, y)
    _, info = Schedule([("one", Auto()), ("two", "margin")], 999)(model, X, 2)
    assert info["strategy"] == "uherding"
    assert info["base"].tolist() == ["one", "one"]


def test_a_bandit_that_takes_over_learns(blobs):
    X, y = blobs
    arms = [("chance", "random"), ("doubt", "margin")]
    late = Schedule([("first", "random"), ("learn", Bandit(arms))], 20, "labels")
    learner = ActiveLearner(MODEL, late, n_labels=50, batch_size=5, random_state=0).fit(
        X, y
    )
    infos = learner.history_["info"][1:]
    assert set(infos[1]["base"]) == {"first"}
    assert set(infos[2]["base"]) <= {"chance", "doubt"}
    np.testing.assert_allclose(infos[2]["probabilities"], [0.5, 0.5])
    assert abs(infos[-1]["probabilities"][0] - 0.5) > 0.05


def test_it_may_choose_the_first_rows_where_its_first_strategy_can(blobs):
    X, _ = blobs
    schedule = Schedule([("cover", "core_set"), ("doubt", "margin")])
    learner = ActiveLearner(MODEL, schedule, initial=schedule, random_state=0)
    expected = ActiveLearner(MODEL, initial="core_set", random_state=0)
    assert learner.query(X)[0].tolist() == expected.query(X)[0].tolist()
    with pytest.raises(ValueError, match="initial must be a strategy that needs no"):
        ActiveLearner(MODEL, initial=Schedule(switch=second_half)).query(X)
    with pytest.raises(ValueError, match="initial must be a strategy that needs no"):
        ActiveLearner(MODEL, initial=Schedule(switch=0)).query(X)


@pytest.mark.parametrize("switch", [[5, 10], [], "late", -1, [None]])
def test_switches_must_be_one_less_than_there_are_strategies(switch):
    with pytest.raises(ValueError, match="switch must be 1 numbers, none below 0"):
        Schedule(TWO, switch).check(MODEL, "multiclass")
    with pytest.raises(ValueError, match="switch must be 2 numbers"):
        Schedule(THREE, [9, 8]).check(MODEL, "multiclass")


def test_a_regressor_has_no_labels_per_class():
    numbers = [("far", "core_set"), ("doubt", "committee_std")]
    match = 'needs unit="labels" or "rounds" for a regressor, got \'labels_per_class\''
    with pytest.raises(TypeError, match=match):
        Schedule([("far", "core_set"), ("chance", "random")]).check(
            Ridge(), "regression"
        )
    with pytest.raises(TypeError, match="members"):  # which a ridge has none of
        Schedule(numbers, 30, unit="labels").check(Ridge(), "regression")
    far = [("far", "core_set"), ("chance", "random")]
    Schedule(far, 30, unit="labels").check(Ridge(), "regression")
