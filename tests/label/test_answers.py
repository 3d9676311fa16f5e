"""What a page is told, over HTTP and by messages alike."""

import json
import math
import time
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.label import Event, LabelSession
from skal.label._page import Answers
from skal.label._page._said import near_class
from skal.label._page._shown import as_json

TEXTS = [f"text {i} {'good' if i % 2 else 'bad'}" for i in range(40)]


@pytest.fixture
def session():
    with LabelSession(
        TEXTS, classes=["pos", "neg"], train="elsewhere", random_state=0, audit=0
    ) as session:
        yield session


@pytest.fixture
def ask(session):
    answers = Answers(session)

    def ask(name, annotator="me", /, **payload):
        # What goes to a browser goes through JSON without NaN.
        return json.loads(
            json.dumps(answers.answer(name, payload, annotator), allow_nan=False)
        )

    return ask


def event(item, kind="label", value=None, **more):
    return {"event": str(uuid4()), "item": item, "kind": kind, "value": value, **more}


def test_the_state_tells_what_does_not_change(ask, session):
    state = ask("state")
    assert state["classes"] == ["pos", "neg"]
    assert (state["kind"], state["annotator"]) == ("text", "me")
    assert state["key"] != Answers(session)._key  # two projects in memory are two


def test_rows_come_without_a_word_of_the_model(ask, session):
    session.train()
    rows = ask("next", n=5)["items"]
    assert len({row["item"] for row in rows}) == 5
    assert rows[0].keys() == {"item", "id", "show", "source"}
    assert ask("next", n=5)["items"] == rows  # asked and not answered: the same again


def test_a_new_model_changes_what_nobody_has_seen(ask, session):
    for row in ask("next", n=6)["items"]:
        ask(
            "events",
            events=[event(row["item"], value="neg" if row["item"] % 2 else "pos")],
        )
    before = [row["item"] for row in ask("next", n=10)["items"]]
    session.train()
    after = [row["item"] for row in ask("next", n=10, shown=[before[0]])["items"]]
    assert before[0] in after
    leases = session.store.leases()
    assert all(leases[item].model == 1 for item in after if item != before[0])


def test_events_are_taken_in_order_and_a_bad_one_stops_no_other(ask, session):
    a, b = (row["item"] for row in ask("next", n=2)["items"])
    batch = str(uuid4())
    events = [
        event(a, value="pos", lead_ms=12),
        event(a, value="nope"),
        event(99_999, value="pos"),
        event(b, "skip"),
        event(b, "shout"),
        event(b, "note", "odd"),
        {"event": batch, "kind": "batch", "value": "neg", "items": [7, 8]},
        {"event": str(uuid4()), "kind": "undo", "target": batch},
        {"event": str(uuid4()), "kind": "redo", "target": batch},
        event(a, value="pos", source="import"),
    ]
    answer = ask("events", events=events)
    bad = [events[i]["event"] for i in (1, 2, 4, 9)]
    assert [one["event"] for one in answer["refused"]] == bad
    assert answer["saved"] == [
        one["event"] for one in events if one["event"] not in bad
    ]
    assert "add_class" in answer["refused"][0]["error"]
    assert session.n_labels == 3
    assert ask("events", events=events) == answer  # again: nothing more happens
    assert session.n_labels == 3
    assert session.store.events()[0].lead_ms == 12


def test_an_undo_sent_twice_takes_back_one_thing(ask, session):
    a, b = (row["item"] for row in ask("next", n=2)["items"])
    said = [event(a, value="pos"), event(b, value="pos")]
    ask("events", events=said)
    undo = {"event": str(uuid4()), "kind": "undo", "target": said[1]["event"]}
    for _ in range(3):
        assert ask("events", events=[undo])["refused"] == []
    assert session.n_labels == 1


def test_history_tells_acts_page_by_page(ask, session):
    rows = [row["item"] for row in ask("next", n=5)["items"]]
    said = [event(item, value="pos") for item in rows]
    ask("events", events=said)
    ask("batch", label="neg", right=[20, 21], wrong=[22], event="b")
    ask("undo", event=str(uuid4()))
    told = ask("history", n=4)
    assert [one["item"] for one in told["events"][:3]] == rows[2:]
    assert told["events"][0]["show"]["kind"] == "text"
    assert told["events"][3]["items"] == [20, 21]
    assert [one["undone"] for one in told["events"]] == [False] * 3 + [True]
    assert told["more"]
    older = ask("history", n=4, before=told["events"][0]["seq"])
    assert [one["item"] for one in older["events"]] == rows[:2]
    assert not older["more"]
    assert ask("history", n=0) == {"events": [], "more": True}
    assert ask("history", "somebody else") == {"events": [], "more": False}


def test_history_of_a_row_that_has_left(ask, session):
    row = ask("next", n=1)["items"][0]
    ask("events", events=[event(row["item"], value="pos")])
    session.remove_rows([row["id"]])
    assert ask("history")["events"][0]["show"] is None


def test_suggestion_grid_and_search(ask, session):
    assert ask("suggestion", item=1) == {"label": None, "confidence": None}
    assert "No model yet" in ask("grid", label="pos")["why"]
    for row in ask("next", n=10)["items"]:
        ask(
            "events",
            events=[
                event(row["item"], value=["neg", "pos"]["good" in row["show"]["text"]])
            ],
        )
    session.train()
    assert ask("suggestion", item=2)["label"] == "pos"
    grid = ask("grid", label="pos", n=5)["items"]
    assert all("good" in row["show"]["text"] for row in grid)
    assert sum(ask("grid", label="pos")["counts"].values()) == 30
    found = ask("search", text="text 7")["items"]
    assert [row["id"] for row in found] == ["7", "17", "27", "37"]
    assert len(ask("search", like=found[0]["item"], n=3)["items"]) == 3
    with pytest.raises(ValueError, match="got 'nope'"):
        ask("grid", label="nope")
    with pytest.raises(ValueError, match="item must be the number of a row"):
        ask("suggestion", item=10**9)


def test_progress_counts_by_class_and_by_hour(ask, session):
    """A label every ten seconds, with a pause that nobody worked in."""
    now = time.time()

    def say(item, before, kind="label", value=None):
        happened = Event(item, "me", kind, value, time=now - before)
        session.store.append([happened])

    for item, before in enumerate((9020, 9010, 9000), 1):
        say(item, before, value="pos")
    for item, before in enumerate((60, 50, 40, 30), 4):
        say(item, before, value="neg" if item == 5 else "pos")
    say(8, 20, "skip")
    say(9, 20, "discard")
    told = ask("progress")
    assert (told["n_items"], told["n_labels"]) == (40, 7)
    assert (told["n_skipped"], told["n_discarded"]) == (1, 1)
    assert [one["n"] for one in told["by_class"]] == [6, 1]
    assert told["per_hour"] is None  # four in this hour are no pace yet
    assert told["model"]["version"] is None
    assert [light["state"] for light in told["lights"]] == ["cannot tell"] * 4
    assert told["agreement"] is None
    say(10, 20, value="pos")
    told = ask("progress")
    assert told["per_hour"] == 360  # four gaps of ten seconds
    assert [one["per_hour"] for one in told["by_class"]] == [288, 72]


def test_progress_tells_of_model_and_agreement(ask, session):
    items = session.ask(10)
    for who in ("me", "you"):
        session.label_many(
            [item.id for item in items], ["pos", "neg"] * 5, annotator=who
        )
    session.train()
    session.label(items[0].id, "neg", annotator="me")
    told = ask("progress")
    assert told["model"]["version"] == 1
    assert told["model"]["behind"] == 1
    names = told["agreement"]["names"]
    share = told["agreement"]["share"][names.index("me")][names.index("you")]
    assert share == pytest.approx(0.9)


def test_a_class_is_added_once_it_is_sure(ask, session):
    assert ask("add_class", name=" Pos ") == {"near": "pos"}
    assert ask("add_class", name="\uff30os") == {"near": "pos"}  # a wide P
    assert session.classes == ["pos", "neg"]
    assert ask("add_class", name="Pos", sure=True)["classes"] == ["pos", "neg", "Pos"]
    assert ask("add_class", name="third")["classes"][-1] == "third"
    with pytest.raises(ValueError, match="at least one letter"):
        ask("add_class", name="  ")


def test_classes_that_are_numbers_stay_numbers():
    with LabelSession(TEXTS, classes=[3, 4], train="elsewhere") as session:
        answers = Answers(session)
        row = answers.answer("next", {"n": 1}, "me")["items"][0]
        answers.answer("events", {"events": [event(row["item"], value="3")]}, "me")
        assert answers.answer("state", {}, "me")["classes"] == ["3", "4"]
        assert session.history[row["id"]][0].value == "3"


@pytest.mark.parametrize(
    "payload", [{"x": 1}, {"n": "many"}, {"n": None}, {"shown": 3}]
)
def test_a_payload_that_makes_no_sense_is_a_value_error(payload, ask):
    with pytest.raises(ValueError, match=r".+"):
        ask("next", **payload)


@pytest.mark.parametrize("name", ["nxt", "_label", "__class__", "answer", ""])
def test_nothing_but_requests_is_called(name, ask):
    with pytest.raises(LookupError, match="name must be one of"):
        ask(name)


def test_what_is_shown_has_no_path_and_no_nan():
    assert as_json({"kind": "image", "image": "/secret/a.png"}) == {"kind": "image"}
    shown = as_json({"kind": "table", "fields": {"a": math.nan, "b": "", "c": 1}})
    assert shown["fields"] == [["a", None], ["b", None], ["c", "1"]]
    assert as_json({"kind": "text", "text": "a", "cut": 9})["more"] == 9


def test_near_class():
    assert near_class("cat ", ["Cat", "dog"]) == "Cat"
    assert near_class("newyork", ["New York", "dog"]) == "New York"
    assert near_class("Cat", ["Cat", "dog"]) is None
    assert near_class("bird", ["Cat", "dog"]) is None


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("pnsxbur")), max_size=20))
def test_any_order_of_answers_equals_a_list_of_them(acts):
    """The page's model of undo and redo: a stack of acts, and one of undone acts."""
    with LabelSession(TEXTS[:6], classes=["pos", "neg"], train="elsewhere") as session:
        answers = Answers(session)
        done, undone = [], []
        for item, act in acts:
            name = str(uuid4())
            if act == "u":
                target = done[-1][0] if done else None
                if done:
                    undone.append(done.pop())
                said = {"event": name, "kind": "undo", "target": target}
            elif act == "r":
                if undone:
                    done.append(undone.pop())
                said = {"event": name, "kind": "redo"}
            elif act == "b":
                said = {"event": name, "kind": "batch", "value": "neg", "items": [5, 6]}
                done.append((name, {5: "neg", 6: "neg"}))
                undone = []
            else:
                kind = {"s": "skip", "x": "discard"}.get(act, "label")
                value = {"p": "pos", "n": "neg"}.get(act)
                said = {"event": name, "item": item, "kind": kind, "value": value}
                done.append((name, {item: value or kind}))
                undone = []
            for _ in range(2):  # an outbox may send everything twice
                assert not answers.answer("events", {"events": [said]}, "me")["refused"]
        meant = {}
        for _, values in done:
            meant |= values
        told = {one.item: one.value or one.kind for one in session.store.current()}
        assert told == meant


def test_the_progress_counts_the_rows_that_are_there(session, ask):
    """Rows that had gone, or were thrown out, used to be counted as labelled."""
    session.label_many(["0", "1", "2"], "pos")
    session.discard("2", annotator="ann")
    session.remove_rows(["0"])
    told = ask("progress")
    assert (told["n_items"], told["n_labels"], told["n_discarded"]) == (39, 1, 1)
    assert [one["n"] for one in told["by_class"]] == [1, 0]
