"""The four lights: what they say, and when they cannot tell yet."""

import numpy as np
import pytest

from skal.label import Event, LabelSession
from skal.label._derived import Derived
from skal.label._ledger import Ledger
from skal.label._lights import (
    accuracy_light,
    ceiling_of,
    doubt_light,
    gain_light,
    read_lights,
    stability_light,
)
from skal.label._temperature import at_temperature, temperature_of


def point(low, high, accuracy=0.8, n_audit=50, n_labels=400):
    return {
        "low": low,
        "high": high,
        "accuracy": accuracy,
        "n_audit": n_audit,
        "n_labels": n_labels,
    }


def test_before_the_first_model_none_can_tell():
    lights = read_lights(Derived())
    assert [light.name for light in lights] == [
        "accuracy",
        "stability",
        "doubt",
        "gain",
    ]
    assert {light.state for light in lights} == {"cannot tell"}


@pytest.mark.parametrize(
    ("curve", "state"),
    [
        ([], "cannot tell"),
        ([point(None, None)], "cannot tell"),
        ([point(0.3, 0.95)], "cannot tell"),
        ([point(0.7, 0.88)], "go on"),
        ([point(0.91, 0.98)], "enough"),
        ([point(0.91, 0.98), point(None, None)], "enough"),
    ],
)
def test_accuracy_is_enough_once_its_low_end_reaches_the_goal(curve, state):
    assert accuracy_light(curve).state == state


def test_accuracy_says_what_its_rows_buy():
    words = accuracy_light([point(0.64, 0.91)], ceiling=0.97).advice
    assert words == (
        "80% right, between 64% and 91%, on 50 rows drawn at random, with 400 labels. "
        "People agree with themselves on 97% of rows shown again. The goal is 90%."
    )


def test_accuracy_counts_the_rows_that_were_drawn_and_skipped():
    """A figure over the rows that were easy to tell used to pass for one over all."""
    light = accuracy_light([point(0.91, 0.98)], n_skipped=3)
    assert "Not counted: 3 drawn and skipped" in light.advice
    assert "skipped" not in accuracy_light([point(0.91, 0.98)]).advice
    X, y = np.random.default_rng(0).normal(size=(60, 2)), 20 * ["a", "b", "b"]
    with LabelSession(X, classes=["a", "b"], audit=0.5, random_state=0) as session:
        items = session.ask(20)
        drawn = [item for item in items if item.source == "random"]
        for item in items:
            said = y[int(item.id)]
            session.label(item.id, said) if item not in drawn[:4] else session.skip(
                item
            )
        assert session.snapshot().n_skipped == 4
        session.train()
        assert "Not counted: 4 drawn and skipped" in session.lights[0].advice
        session.label(drawn[0], "a")
        session.discard(drawn[1])
        session.undo()  # and skipped again
        session.discard(drawn[2])
        assert session.snapshot().n_skipped == 2


@pytest.mark.parametrize(
    ("kappas", "state"),
    [
        ([None, 0.99, 1.0], "cannot tell"),
        ([0.2, 1.0, 0.99, 0.995], "enough"),
        ([1.0, 1.0, 1.0, 0.9], "go on"),
    ],
)
def test_stability_looks_at_the_last_three_pairs(kappas, state):
    assert stability_light(kappas).state == state


def test_doubt_counts_the_rows_that_are_not_sure():
    light = doubt_light([0.5, 0.79, 0.8, 0.99], n_audit=30)
    assert (light.state, light.value) == ("go on", 0.5)
    assert light.advice == "2 of 4 rows are under 0.8."
    assert doubt_light([0.9] * 99 + [0.1], n_audit=30).state == "enough"
    assert doubt_light([0.9] * 99, n_audit=29).state == "cannot tell"
    assert doubt_light(None, n_audit=30).state == "cannot tell"
    assert doubt_light([], n_audit=0).state == "enough"


LABELS = [100, 120, 150, 180, 220, 270, 330, 400]


def rightness(accuracy, n_rows, rng):
    """Return where models are right: rows that one gets, those of more accuracy do."""
    chance = rng.uniform(size=n_rows)
    return chance < np.asarray(accuracy)[:, None]


def test_gain_of_a_curve_that_rises(rng):
    accuracy = 0.5 + 0.2 * np.log(np.array(LABELS) / 100)
    light = gain_light(LABELS, rightness(accuracy, 2000, rng))
    assert light.state == "go on"
    expected = 400 * np.expm1(0.01 / 0.2)  # 20.5
    assert light.low < expected < light.high
    assert light.value == pytest.approx(expected, rel=0.3)


def test_gain_of_a_curve_that_is_flat(rng):
    assert gain_light(LABELS, rightness([0.9] * 8, 400, rng)).state == "enough"


def test_gain_cannot_tell_where_its_band_covers_zero(rng):
    right = rng.uniform(size=(8, 40)) < 0.7  # as noisy as it gets
    light = gain_light(LABELS, right)
    assert light.state == "cannot tell"
    assert "may rise or not" in light.advice


@pytest.mark.parametrize(
    ("n_labels", "shape"),
    [([], (0, 0)), (LABELS[:3], (3, 100)), (LABELS, (8, 19)), ([50] * 5, (5, 100))],
    ids=["nothing", "few models", "few rows", "same labels"],
)
def test_gain_cannot_tell_from_too_little(n_labels, shape):
    assert gain_light(n_labels, np.ones(shape, bool)).state == "cannot tell"


def test_the_temperature_takes_back_what_was_put_on(rng):
    proba = rng.dirichlet(np.ones(3), size=4000)
    codes = np.array([rng.choice(3, p=one) for one in proba])
    too_sure = at_temperature(proba, 0.5)
    assert temperature_of(too_sure, codes) == pytest.approx(2, rel=0.1)
    np.testing.assert_allclose(at_temperature(too_sure, 2.0), proba, atol=1e-6)


def said_again(events):
    ledger = Ledger()
    ledger.update(events)
    return ledger.said_again()


def test_the_ceiling_is_what_people_say_again():
    def said(item, value, source="strategy", kind="label"):
        return Event(item, "me", kind, value, source=source)

    events = [said(i, "a") for i in range(6)]
    assert ceiling_of(said_again(events)) is None
    events += [said(i, "a" if i else "b", "again") for i in range(6)]
    events += [said(9, "a", "again"), said(1, None, "again", "skip")]
    share, low, high = ceiling_of(said_again(events))
    assert share == pytest.approx(5 / 6)
    assert 0.3 < low < share < high < 1


def test_an_answer_taken_back_is_no_answer_of_a_row_shown_again():
    """It used to count, so that a slip and its undo were two disagreements."""
    session = LabelSession(["x"] * 5, classes=["a", "b"], train="elsewhere")
    for row in session.pool.ids:
        session.label(row, "a")
        session.label(row, "b", source="again")
        session.undo()
        session.label(row, "a", source="again")
    assert ceiling_of(session.snapshot().said_again)[0] == 1
