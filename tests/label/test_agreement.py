"""Agreement counts rows that two people have labelled, and what chance would give."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from skal.label import Event, LabelSession
from skal.label._agreement import agreement_of, kappa_of_models
from skal.label._ledger import Ledger


def said(**labels):
    return [
        Event(item, who, "label", value)
        for who, row in labels.items()
        for item, value in enumerate(row)
        if value != "."
    ]


def test_shares_and_kappa_of_each_pair():
    ann, bob, cyd = "aabbab", "abbba.", "......"
    found = agreement_of(said(ann=ann, bob=bob, cyd=cyd + "a"), [])
    assert found.names == ["ann", "bob", "cyd"]
    assert found.n_rows.tolist() == [[0, 5, 0], [5, 0, 0], [0, 0, 0]]
    assert found.share[0, 1] == 0.8
    expected = cohen_kappa_score([*ann[:5]], [*bob[:5]])
    np.testing.assert_allclose(found.kappa[[0, 1], [1, 0]], expected)
    assert np.isnan(found.share[0, 2])


def test_full_agreement_on_one_class_says_nothing_beyond_chance():
    found = agreement_of(said(ann="aaa", bob="aaa"), [])
    assert found.share[0, 1] == 1
    assert np.isnan(found.kappa[0, 1])


def test_one_with_themselves_is_on_the_diagonal():
    again = [("ann", "a", "a"), ("ann", "a", "b"), ("ann", "b", "b")]
    found = agreement_of(said(ann="abb"), again)
    np.testing.assert_allclose(found.share, [[2 / 3]])
    assert found.n_rows.tolist() == [[3]]


def test_a_ledger_knows_who_was_asked_again():
    ledger = Ledger()
    events = [
        Event(1, "ann", "label", "a", source="strategy", seq=1),
        Event(1, "ann", "label", "b", source="strategy", seq=2),  # a correction
        Event(1, "ann", "label", "a", source="again", seq=3),
        Event(1, "bob", "label", "a", source="again", seq=4),  # the first of bob's
    ]
    ledger.update(events)
    assert ledger.said_again() == [("ann", "b", "a")]


def test_nobody_agrees_on_nothing():
    found = agreement_of([], [])
    assert found.names == []
    assert found.share.shape == (0, 0)


def test_a_correction_is_no_other_answer():
    """A slip at a row asked again used to count as two disagreements."""
    texts = [f"text {i}" for i in range(60)]
    session = LabelSession(
        texts, classes=["a", "b"], train="elsewhere", random_state=0, repeat=0.2
    )
    again = None
    while again is None:
        (item,) = session.ask()
        again = item if item.source == "again" else None
        session.label(item.id, "a" if again is None else "b")
    assert session.agreement.share.tolist() == [[0]]
    assert session.relabel(again.id, "a").source == "given"
    assert session.agreement.share.tolist() == [[1]]
    session.undo()
    assert session.agreement.share.tolist() == [[0]]


@pytest.mark.parametrize("seed", range(5))
def test_models_are_compared_by_cohens_kappa(seed):
    first, second = np.random.RandomState(seed).randint(3, size=(2, 50)).astype(str)
    found = kappa_of_models(dict(enumerate(first)), dict(enumerate(second)))
    assert found == pytest.approx(cohen_kappa_score(first, second))


def test_models_where_there_is_nothing_to_agree_on():
    assert kappa_of_models({1: "a"}, {2: "a"}) is None
    assert kappa_of_models({1: "a", 2: "a"}, {1: "a", 2: "a"}) == 0
    assert kappa_of_models({1: "a", 2: "b", 3: "c"}, {1: "a", 2: "b"}) == 1
