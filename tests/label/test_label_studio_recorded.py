"""What a real Label Studio 1.23 sent, and what it exported, as it was recorded.

``examples/label_studio.py`` shows the same with a Label Studio that runs.
"""

import json
from pathlib import Path

import pytest

from skal.label import LabelSession, import_labels
from skal.label._backend import Backend
from skal.label._shelf import Shelf

RECORDED = Path(__file__).parent / "label_studio"
CALLS = json.loads((RECORDED / "calls.json").read_text(encoding="utf-8"))["calls"]


def body_of(call, action=None):
    return next(
        one["body"]
        for one in CALLS
        if one["call"] == call and action in (None, one["body"].get("action"))
    )


@pytest.fixture
def backend():
    names = ["0.png", "1.png", "2.png"]
    with LabelSession(
        ["a", "b", "c"], ids=names, classes=["cat", "dog"], train="elsewhere"
    ) as session:
        session.derived.publish(
            version=4,
            seq=1,
            n_labels=2,
            predictions=[(1, "dog", 0.5), (2, "cat", 0.75), (3, "cat", 1.0)],
            ranking=[(2, None), (1, None)],
        )
        yield Backend(Shelf.of(session))


def test_every_call_is_answered(backend):
    statuses = {}
    for one in CALLS:
        name = one["call"].split("/")[-1]
        statuses[name] = backend.answer(name, one["body"] or {}).status
    assert statuses == {
        "health": 200,
        "setup": 200,
        "predict": 200,
        "versions": 200,
        "webhook": 201,
    }


def test_the_tasks_that_it_sends_are_known(backend):
    reply = backend.answer("predict", body_of("POST /predict")).body["results"]
    assert [one["score"] for one in reply] == [0.5, 0.0, 1.0]
    assert reply[0] == {
        "model_version": "skal-4",
        "score": 0.5,
        "result": [
            {
                "from_name": "choice",
                "to_name": "image",
                "type": "choices",
                "value": {"choices": ["dog"]},
                "score": 0.5,
            }
        ],
    }


def test_what_people_do_there_happens_here(backend):
    """Somebody says cat, makes it a dog, deletes it, and skips the row."""
    store = backend.shelf.store
    backend.annotations.start()
    for one in CALLS:
        if one["call"] == "POST /webhook":
            backend.answer("webhook", one["body"])
    backend.annotations.stop()
    happened = [(event.kind, event.value) for event in store.events()]
    assert happened == [
        ("label", "cat"),
        ("label", "dog"),
        ("undo", None),
        ("undo", None),
        ("skip", None),
    ]
    (word,) = store.current()
    assert (word.item, word.annotator, word.kind) == (1, "user-1", "skip")
    assert backend.annotations.refused == 0


def test_its_export_comes_back():
    tasks = json.loads((RECORDED / "export.json").read_text(encoding="utf-8"))
    names = [task["data"]["skal_id"] for task in tasks]
    with LabelSession(
        names, ids=names, classes=list("0123456789"), train="elsewhere"
    ) as session:
        report = import_labels(session, RECORDED / "export.json")
        words = [(w.annotator, w.kind, w.value) for w in session.store.current()]
    assert (report.n_read, report.new, report.problems) == (4, 4, [])
    assert words == EXPORTED


#: A label and a skip that came from skal, and two words of a user there.
EXPORTED = [
    ("ann", "label", "1"),
    ("user-1", "label", "6"),
    ("me", "skip", None),
    ("user-1", "skip", None),
]
