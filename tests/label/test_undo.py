"""Undo, redo and corrections do what a list of pictures of the world would do."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from skal.label import Event, LabelStore
from skal.label._ledger import Ledger, majority
from skal.label._undo import Turn, stacks

PEOPLE = st.sampled_from(["ann", "bob"])
ITEMS = st.integers(1, 4)
CLASSES = st.sampled_from(["cat", "dog", "eel"])


class Person:
    """What one person has said, as pictures: each action adds one, undo goes back."""

    def __init__(self):
        self.pictures = [{}]
        self.now = 0

    @property
    def said(self):
        return self.pictures[self.now]

    def act(self, changes):
        del self.pictures[self.now + 1 :]
        self.pictures.append({**self.said, **changes})
        self.now += 1

    def undo(self):
        self.now -= self.now > 0

    def redo(self):
        self.now += self.now < len(self.pictures) - 1


class Undoing(RuleBasedStateMachine):
    """A store, a ledger that follows it now and then, and the pictures."""

    def __init__(self):
        super().__init__()
        self.store = LabelStore()
        self.store.set_items([(str(i), f"sha256:{i}") for i in range(4)])
        self.people = {"ann": Person(), "bob": Person()}
        self.ledger = Ledger()
        self.sent = []
        self.n_batches = 0

    @rule(who=PEOPLE, item=ITEMS, value=CLASSES)
    def label(self, who, item, value):
        self.act(who, {item: ("label", value)})

    @rule(who=PEOPLE, item=ITEMS, kind=st.sampled_from(["skip", "discard"]))
    def pass_over(self, who, item, kind):
        self.act(who, {item: (kind, None)})

    @rule(who=PEOPLE, item=ITEMS)
    def note(self, who, item):
        self.store.append([Event(item, who, "note", "hm")])
        self.people[who].act({})

    @rule(who=PEOPLE, items=st.sets(ITEMS, min_size=1), value=CLASSES)
    def batch(self, who, items, value):
        self.n_batches += 1
        changes = dict.fromkeys(sorted(items), ("label", value))
        self.act(who, changes, batch=f"batch-{self.n_batches}")

    def act(self, who, changes, batch=None):
        events = [
            Event(item, who, kind, value, batch=batch)
            for item, (kind, value) in changes.items()
        ]
        self.store.append(events)
        self.sent.append(events)
        self.people[who].act(changes)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def report_again(self, data):
        self.store.append(data.draw(st.sampled_from(self.sent)))

    @rule(who=PEOPLE)
    def undo(self, who):
        could = self.people[who].now > 0
        assert (self.store.undo(who) is not None) == could
        self.people[who].undo()

    @rule(who=PEOPLE)
    def redo(self, who):
        person = self.people[who]
        could = person.now < len(person.pictures) - 1
        assert (self.store.redo(who) is not None) == could
        person.redo()

    @rule(who=PEOPLE, times=st.integers(1, 6))
    def undo_often(self, who, times):
        for i in range(times):
            self.store.undo(who, id=f"{self.store.last_seq()}-{i}")
            self.people[who].undo()

    @rule()
    def follow(self):
        self.ledger.update(self.store.events(self.ledger.seq))

    @invariant()
    def the_view_shows_the_picture_of_today(self):
        found = {(e.item, e.annotator): (e.kind, e.value) for e in self.store.current()}
        expected = {
            (item, who): said
            for who, person in self.people.items()
            for item, said in person.said.items()
        }
        assert found == expected

    def teardown(self):
        self.follow()
        current = self.store.current()
        kept = [e for said in self.ledger.said.values() for e in said.values()]
        assert sorted(kept, key=lambda e: e.seq) == current
        anew = Ledger()
        anew.update(self.store.events())
        assert anew.said == self.ledger.said
        assert anew.labels == self.ledger.labels == labels_of(current)
        self.store.close()


def labels_of(current):
    """Return the label of each row, by the rule as it is written down."""
    rows = {}
    for event in current:
        rows.setdefault(event.item, []).append(event)
    labels = {item: majority(said) for item, said in rows.items()}
    return {item: label for item, label in labels.items() if label is not None}


class LongUndoing(Undoing):
    """The same, for longer."""


bounded = {"deadline": None, "database": None}
bounded["suppress_health_check"] = [HealthCheck.too_slow]
TestUndoing = Undoing.TestCase
TestUndoing.settings = settings(max_examples=5, stateful_step_count=15, **bounded)
TestLongUndoing = pytest.mark.long(LongUndoing.TestCase)
TestLongUndoing.settings = settings(max_examples=200, stateful_step_count=30, **bounded)


def event(item, who, value, seq, kind="label"):
    return Event(item, who, kind, value, seq=seq)


def test_most_people_are_right_and_the_last_of_two():
    ann, bob = event(1, "ann", "cat", 1), event(1, "bob", "dog", 2)
    assert majority([ann]).value == "cat"
    assert majority([ann, bob]).value == "dog"
    assert majority([bob, event(1, "ann", "cat", 3)]).value == "cat"
    assert majority([ann, bob, event(1, "cyd", "cat", 3)]).value == "cat"
    cyd = event(1, "cyd", "dog", 1)
    late = [event(1, "dan", "cat", 4), event(1, "eve", "cat", 3)]
    assert majority([bob, cyd, *late]).seq == 4  # in whatever order they come
    assert majority([*late, bob, cyd]).seq == 4
    assert majority([ann, event(1, "bob", None, 2, "skip")]).value == "cat"
    assert majority([ann, event(1, "bob", None, 2, "discard")]) is None
    assert majority([]) is None


def test_what_was_redone_is_the_next_to_go():
    acts = [Turn("a", None, "label", None), Turn("b", None, "label", None)]
    undo, redo = Turn("u", None, "undo", "a"), Turn("r", None, "redo", "a")
    batch = Turn("c", "batch", "skip", None)
    assert stacks(acts) == (["a", "b"], [])
    assert stacks([*acts, undo]) == (["b"], ["a"])
    assert stacks([*acts, undo, redo]) == (["b", "a"], [])
    assert stacks([*acts, undo, undo]) == (["b"], ["a"])
    assert stacks([*acts, undo, batch]) == (["b", "batch"], [])
