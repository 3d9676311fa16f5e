"""A strip is drawn between two classes; only real rows are asked for and labelled."""

import json
from base64 import b64decode

import numpy as np
import pytest
from label.serving import Client, served
from sklearn.datasets import load_digits

from skal.label import LabelSession
from skal.label._page import Answers, _strips
from skal.label._server import Pictures

X, y = load_digits(return_X_y=True)
IMAGES, CLASSES = X[:80].reshape(-1, 8, 8), [str(i) for i in range(10)]


class Asked:
    """A session of pictures, and its page without a server."""

    def __init__(self, session, pictures):
        self.session = session
        self._answers = Answers(session, pictures)

    def ask(self, name, who="me", **payload):
        answer = self._answers.answer(name, payload, who)
        return json.loads(json.dumps(answer))  # as it is sent

    def label(self, n):
        for item in self.session.ask(n):
            self.session.label(item.id, str(y[int(item.id)]))


@pytest.fixture
def page(tmp_path):
    options = {"classes": CLASSES, "train": "elsewhere", "random_state": 0}
    with LabelSession(IMAGES, **options) as session:
        pictures = Pictures(session, tmp_path)
        yield Asked(session, pictures)
        pictures.close()


def pixels(step, size):
    width, height = size
    return np.frombuffer(b64decode(step["pixels"]), np.uint8).reshape(height, width, 3)


def test_the_ends_are_the_labelled_rows_nearest_to_the_row(page):
    """All components are kept of so few rows, so that the ends are as they are."""
    page.label(30)
    [row] = page.ask("next", n=1)["items"]
    strip = page.ask("strip", item=row["item"])
    assert strip["size"] == [8, 8]
    labels = page.session.labels
    shown = {i: np.rint(IMAGES[i] * (255 / IMAGES[i].max())) for i in range(80)}
    mine = shown[int(row["id"])]
    for name, at in (("first", 0), ("second", -1)):
        ids = labels["id"][labels["label"] == strip[name]].astype(int)
        nearest = min(ids, key=lambda i: ((shown[i] - mine) ** 2).sum())
        drawn = pixels(strip["steps"][at], strip["size"])
        np.testing.assert_allclose(drawn[..., 0], shown[nearest], atol=1.01)
        np.testing.assert_array_equal(drawn[..., 0], drawn[..., 2])
    assert strip["first"] != strip["second"]


def test_classes_may_be_chosen(page):
    page.label(40)
    item = page.ask("next", n=1)["items"][0]["item"]
    known = page.ask("strip", item=item)["classes"]
    chosen = {"first": known[-1], "second": known[0]}
    strip = page.ask("strip", item=item, **chosen)
    assert (strip["first"], strip["second"]) == (known[-1], known[0])
    nearest = page.ask("strip", item=item)["first"]
    assert page.ask("strip", item=item, second=nearest)["first"] != nearest


def test_rows_like_a_drawn_picture_are_open_ones(page):
    """None that has an answer, is kept for the audit, or is on another's screen."""
    page.label(30)
    session = page.session
    mine = page.ask("next", n=3)["items"]
    others = {row["item"] for row in page.ask("next", "bob", n=10)["items"]}
    strip = page.ask("strip", item=mine[0]["item"])
    like = {item for step in strip["steps"] for item in step["items"]}
    assert all(len(step["items"]) == 5 for step in strip["steps"])
    shut = {session.pool.number(id) for id in session.labels["id"]}
    shut |= others | set(session.pool.numbers_reserved().tolist())
    assert like.isdisjoint(shut | {mine[0]["item"]})
    assert all(step["label"] is None for step in strip["steps"])


def test_a_drawn_picture_has_what_the_model_takes_rows_like_it_for(page):
    page.label(40)
    page.session.train()
    item = page.ask("next", n=1)["items"][0]["item"]
    said = page.session.derived.predictions()
    for step in page.ask("strip", item=item)["steps"]:
        labels = [said[one][0] for one in step["items"]]
        assert labels.count(step["label"]) == max(map(labels.count, labels))
        assert step["share"] == labels.count(step["label"]) / len(labels)


def test_rows_that_are_asked_for_come_to_nobody_else(page):
    """They came up as rows that somebody looked for; no drawn picture has a label."""
    page.label(30)
    before = len(page.session.store.events())
    queue = {row["item"] for row in page.ask("next", n=2)["items"]}
    item = min(queue)
    wanted = page.ask("strip", item=item)["steps"][3]["items"]
    assert len(page.session.store.events()) == before  # a look is no answer
    rows = page.ask("ask_for", items=wanted)["items"]
    assert [row["item"] for row in rows] == wanted
    assert len(page.session.store.events()) == before
    bobs = {row["item"] for row in page.ask("next", "bob", n=40)["items"]}
    assert bobs.isdisjoint(wanted)
    assert page.ask("ask_for", "bob", items=wanted)["items"] == []
    own = {row["item"] for row in page.ask("next", n=40)["items"]}
    assert own >= {*wanted, *queue}  # also after the page was opened anew
    for row in rows:
        page.session.label(row["id"], "3", source="search")
    events = page.session.store.events()[before:]
    assert len(events) == len(wanted)
    sources = {item: "initial" if item in queue else "search" for item in wanted}
    assert {event.item: event.source for event in events} == sources


def test_a_row_that_was_asked_for_keeps_how_it_came_up(page):
    [item] = page.session.ask(1)
    [again] = page.session.ask_for([item.id, item.id])
    assert (again.item, again.source) == (item.item, item.source)
    page.session.label(item, "3")
    assert page.session.ask_for([item.id]) == []  # it has an answer


def test_rows_of_the_audit_are_not_asked_for(page):
    pool = page.session.pool
    reserved = [pool.id_of(item) for item in pool.numbers_reserved()]
    assert reserved
    assert page.session.ask_for(reserved) == []


def test_a_look_trains_nothing_and_says_nothing(page):
    page.label(30)
    page.session.train()
    before = page.session.derived.model(), page.session.store.last_seq()
    leases = page.session.store.leases()
    item = next(iter(page.session.pool.numbers().tolist()))
    page.ask("strip", item=item)
    assert (page.session.derived.model(), page.session.store.last_seq()) == before
    assert page.session.store.leases() == leases


def test_what_cannot_be_drawn_is_told(page):
    session = page.session
    item = session.ask(1)[0]
    assert "two classes" in page.ask("strip", item=item.item)["why"]
    session.label(item, "3")
    assert "two classes" in page.ask("strip", item=item.item)["why"]
    session.label(session.ask(1)[0], "8")
    with pytest.raises(ValueError, match="first must be a class that rows have"):
        page.ask("strip", item=item.item, first="zebra")
    with pytest.raises(ValueError, match="second must be a class that rows have"):
        page.ask("strip", item=item.item, second="0")  # no label of it yet
    with pytest.raises(ValueError, match="second must be another class"):
        page.ask("strip", item=item.item, first="3", second="3")
    with pytest.raises(ValueError, match="item must be the number of a row"):
        page.ask("strip", item=10_000)
    assert len(page.ask("strip", item=item.item)["steps"]) == 7


def test_nobody_waits_while_the_pictures_of_others_are_looked_at(page):
    page.label(20)
    strips = page._answers._strips
    with strips._lock:
        assert "Try again" in page.ask("strip", item=1)["why"]
    assert page.ask("strip", item=1)["steps"]


@pytest.mark.parametrize("broken", [{1}, set(range(1, 80)), set(range(2, 81))])
def test_rows_whose_pictures_are_broken_have_no_strip(page, broken, monkeypatch):
    page.label(20)
    gallery = page._answers._strips._gallery
    whole = gallery._read

    def read(item):
        if item in broken:
            raise ValueError("broken")
        return whole(item)

    monkeypatch.setattr(gallery, "_read", read)
    why = "cannot be read" if 1 in broken else "cannot be seen yet"
    assert why in page.ask("strip", item=1)["why"]
    if len(broken) == 1:
        assert page.ask("strip", item=2)["steps"]


def test_none_of_these_is_no_end(tmp_path):
    options = {"train": "elsewhere", "random_state": 0, "reject_label": "other"}
    with LabelSession(IMAGES, classes=["a", "b"], **options) as session:
        pictures = Pictures(session, tmp_path)
        page = Asked(session, pictures)
        for item, label in zip(session.ask(3), ("a", "other", "b"), strict=True):
            session.label(item, label)
        assert sorted(page.ask("strip", item=1)["classes"]) == ["a", "b"]
        pictures.close()


@pytest.mark.parametrize("X", [["a", "b"], np.eye(3)])
def test_other_rows_have_no_strips(X, tmp_path):
    with LabelSession(X, classes=["a", "b"], train="elsewhere") as session:
        pictures = Pictures(session, tmp_path)
        page = Asked(session, pictures)
        assert page.ask("state")["strips"] is False
        with pytest.raises(ValueError, match="item must be a picture"):
            page.ask("strip", item=1)
        pictures.close()


def test_a_page_without_pictures_has_none(page):
    answers = Answers(page.session)
    assert answers.answer("state", {}, "me")["strips"] is False
    with pytest.raises(ValueError, match="item must be a picture"):
        answers.answer("strip", {"item": 1}, "me")


def test_files_are_drawn_small_over_http(digit_images, digit_of, monkeypatch):
    """An answer is of a bounded size, whatever the pictures are."""
    monkeypatch.setattr(_strips, "LEARNT_ON", 30)
    with served(str(digit_images), classes=CLASSES) as server:
        client, session = Client(server), server.session
        assert client.ask("state")["strips"] is True
        for item in session.ask(20):
            session.label(item.id, digit_of(item.id))
        body = json.dumps({"item": client.ask("next", n=1)["items"][0]["item"]})
        status, _, said = client.send("POST", "/api/strip", body.encode())
        assert status == 200
        assert len(said) < 7 * (32 * 32 * 3 * 4 / 3 + 300)
        strip = json.loads(said)
        assert pixels(strip["steps"][0], strip["size"]).std() > 0
        status, _, said = client.send("POST", "/api/strip", b'{"item":1,"first":"x"}')
        assert status == 400
        assert b"first must be a class" in said
