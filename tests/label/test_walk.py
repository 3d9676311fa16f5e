"""Whatever is called in whatever order, a session agrees with a simple picture."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from skal.label import LabelSession

PEOPLE = st.sampled_from(["ann", "bob"])
CLASSES = st.sampled_from(["a", "b"])


class Walk(RuleBasedStateMachine):
    """Two people, and rows that come and go between any two calls."""

    def __init__(self):
        super().__init__()
        texts = [f"text {i}" for i in range(8)]
        self.session = LabelSession(
            texts,
            classes=["a", "b"],
            ids=[f"r{i}" for i in range(8)],
            train="elsewhere",
            audit=0.25,
            random_state=0,
        )
        self.there = {f"r{i}" for i in range(8)}
        self.n_rows = 8
        self.last = {}  # id -> person -> what they said last
        self.asked = {"ann": [], "bob": []}  # unanswered, as they were asked

    def say(self, who, id, what):
        self.last.setdefault(id, {})[who] = what
        self.asked[who] = [other for other in self.asked[who] if other != id]

    @rule(who=PEOPLE, n=st.integers(1, 4))
    def ask(self, who, n):
        items = [item.id for item in self.session.ask(n, who)]
        assert len(set(items)) == len(items)
        assert set(items) <= self.there
        other = {"ann": "bob", "bob": "ann"}[who]
        assert not set(items) & set(self.asked[other])
        waiting = [id for id in self.asked[who] if id in self.open()]
        assert items[: len(waiting)] == waiting[:n]  # never exchanged
        free = self.open() - set(self.asked[other])
        assert len(items) == min(n, len(free))  # nobody runs dry
        self.asked[who] += [id for id in items if id not in self.asked[who]]

    @precondition(lambda self: self.there)
    @rule(who=PEOPLE, value=CLASSES, data=st.data())
    def label(self, who, value, data):
        id = data.draw(st.sampled_from(sorted(self.there)))
        self.session.label(id, value, annotator=who)
        self.say(who, id, value)

    @precondition(lambda self: self.there)
    @rule(who=PEOPLE, what=st.sampled_from(["skip", "discard"]), data=st.data())
    def pass_over(self, who, what, data):
        id = data.draw(st.sampled_from(sorted(self.there)))
        getattr(self.session, what)(id, annotator=who)
        self.say(who, id, what)

    @rule(who=PEOPLE, value=CLASSES)
    def answer_all(self, who, value):
        for id in [id for id in self.asked[who] if id in self.open()]:
            self.session.label(id, value, annotator=who)
            self.say(who, id, value)

    @rule()
    def add_row(self):
        id = f"r{self.n_rows}"
        self.session.add_rows([f"text {self.n_rows}"], ids=[id])
        self.there.add(id)
        self.n_rows += 1

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def remove_row(self, data):
        id = data.draw(st.sampled_from(sorted(self.there)))
        self.session.remove_rows([id])
        self.there.remove(id)

    def out(self, id):
        return "discard" in self.last.get(id, {}).values()

    def labelled(self):
        said = {id: {*self.last.get(id, {}).values()} for id in self.there}
        return {id for id in self.there if said[id] & {"a", "b"} and not self.out(id)}

    def open(self):
        labelled = self.labelled()
        return {id for id in self.there if id not in labelled and not self.out(id)}

    @invariant()
    def the_session_agrees(self):
        assert self.session.n_labels == len(self.labelled())
        shot = self.session.snapshot()
        ids = self.session.pool.ids
        trained = [ids[i] for i in shot.train] + [ids[i] for i in shot.audit]
        assert sorted(trained) == sorted(self.labelled())
        assert {ids[i] for i in shot.candidates} <= self.open()
        assert len(shot.candidates) or not self.open()

    def teardown(self):
        self.session.close()


class LongWalk(Walk):
    """The same, for longer."""


bounded = {"deadline": None, "database": None}
bounded["suppress_health_check"] = [HealthCheck.too_slow]
TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=3, stateful_step_count=12, **bounded)
TestLongWalk = pytest.mark.long(LongWalk.TestCase)
TestLongWalk.settings = settings(max_examples=60, stateful_step_count=30, **bounded)
