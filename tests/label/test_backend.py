"""The ML backend: what Label Studio asks, and who may ask."""

import json
import sys
import time
from base64 import b64decode, b64encode
from contextlib import ExitStack
from queue import Queue

import httpx
import pytest

from skal.label import LabelSession
from skal.label._backend import Backend, BackendServer
from skal.label._backend._guard import new_password, set_password
from skal.label._label_studio import LabelConfig
from skal.label._shelf import Shelf

TEXTS = ["good", "bad", "fine", "poor"]
CONFIG = LabelConfig.of("text", ["pos", "neg"])


@pytest.fixture
def session():
    with LabelSession(TEXTS, classes=["pos", "neg"], train="elsewhere") as session:
        session.derived.publish(
            version=7,
            seq=9,
            n_labels=4,
            predictions=[(i, "neg" if i % 2 else "pos", 0.75) for i in (1, 2, 3)],
            ranking=[(2, 0.9), (3, None)],
        )
        yield session


@pytest.fixture
def backend(session):
    return Backend(Shelf.of(session))


def task(id, **data):
    return {"id": id, "data": data}


def predict(backend, *tasks):
    body = {"tasks": list(tasks), "label_config": CONFIG.xml(), "project": "1.2"}
    status, reply = backend.answer("predict", body)
    assert status == 200
    return reply["results"]


def test_it_is_there_and_says_its_version(backend):
    assert backend.answer("health", {}).body == {"status": "UP", "model_class": "Skal"}
    assert backend.answer("", {}).status == 200
    setup = {"project": "1.2", "schema": CONFIG.xml(), "access_token": "secret"}
    assert backend.answer("setup", setup) == (200, {"model_version": "skal-7"})
    assert backend.answer("versions", {}).body == {"versions": ["skal-7"]}


def test_an_answer_a_task_in_the_order_of_the_tasks(backend):
    """Label Studio zips them."""
    found = predict(
        backend,
        task(1, text="fine"),
        task(2, skal_id="1"),
        task(3, text="never seen"),
        task(4, text="other words", skal_id="0"),
    )
    choices = [one["result"] and one["result"][0]["value"]["choices"] for one in found]
    assert choices == [["neg"], ["pos"], [], ["neg"]]
    assert [one["score"] for one in found] == [0.5, 0.0, 1.0, 1.0]
    assert {one["model_version"] for one in found} == {"skal-7"}


def test_a_row_is_known_by_what_it_holds_before_its_id(backend):
    """A file whose rows had moved was answered for the rows that stood there before."""
    digest = backend.shelf.store.items()[1].digest
    moved = [
        task(1, text="fine", skal_id="1"),
        task(2, skal_id="0", skal_digest=digest),
        task(3, skal_id="0", skal_digest="of a row that is gone"),
    ]
    found = [one["result"] for one in predict(backend, *moved)]
    choices = [one and one[0]["value"]["choices"] for one in found]
    assert choices == [["neg"], ["pos"], []]
    happened = [
        webhook("ANNOTATION_CREATED", one["id"]) | {"task": one} for one in moved
    ]
    words = heard(backend, *happened)
    assert sorted(item for item, *_ in words) == [2, 3]
    assert backend.annotations.refused == 1


def test_names_are_those_of_the_config_that_is_asked_with(backend):
    xml = (
        CONFIG.xml().replace('"choice"', '"mood"', 1).replace('name="text"', 'name="t"')
    )
    xml = xml.replace('toName="text"', 'toName="t"')
    body = {"tasks": [task(1, text="good")], "label_config": xml}
    (found,) = backend.answer("predict", body).body["results"]
    assert (found["result"][0]["from_name"], found["result"][0]["to_name"]) == (
        "mood",
        "t",
    )


def test_a_new_model_answers_at_once(backend, session):
    assert predict(backend, task(1, text="good"))[0]["model_version"] == "skal-7"
    session.derived.publish(seq=9, n_labels=5, predictions=[(1, "pos", 0.5)])
    (found,) = predict(backend, task(1, text="good"))
    assert found["model_version"] == "skal-8"
    assert found["result"][0]["value"] == {"choices": ["pos"]}


def test_a_model_is_read_once(backend, session, monkeypatch):
    """Label Studio asks three times a task; each is a look-up."""
    predict(backend, task(1, text="good"))

    def fail(*args):
        raise AssertionError("The predictions were read again.")

    monkeypatch.setattr(session.derived, "predictions", fail)
    monkeypatch.setattr(session.derived, "ranking", fail)
    assert len(predict(backend, *[task(i, text="good") for i in range(50)])) == 50


def test_before_the_first_model_there_is_nothing_to_say():
    with LabelSession(TEXTS, classes=["pos"], train="elsewhere") as session:
        backend = Backend(Shelf.of(session))
        assert backend.answer("setup", {}).body == {"model_version": "skal-0"}
        nothing = {"result": [], "score": 1.0, "model_version": "skal-0"}
        assert predict(backend, task(1, text="good")) == [nothing]


def test_a_config_with_other_classes_is_refused_when_it_is_set_up(backend):
    """Its annotations would be left out, one by one."""
    config = LabelConfig.of("text", ["pos", "lion"])
    with pytest.raises(ValueError, match=r"got 'lion'\. Its classes are 'pos', 'neg'"):
        backend.answer("setup", {"schema": config.xml()})


@pytest.mark.parametrize(
    "name", ["train", "validate", "job_status", "delete", "duplicate_model"]
)
def test_calls_of_older_versions_are_answered(name, backend):
    assert backend.answer(name, {"project": "1.2"}).status == 200


def test_other_calls_are_not_there(backend):
    assert backend.answer("../predict", {}).status == 404


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"tasks": 3}, "tasks must be a list, got int"),
        ({"tasks": [], "label_config": "<View/>"}, "must hold one <Choices>"),
    ],
)
def test_what_cannot_be_answered_is_an_error(payload, words, backend):
    with pytest.raises(ValueError, match=words):
        backend.answer("predict", payload)


def webhook(action, id=5, text="good", **annotation):
    shown = {"result": [CONFIG.result("pos")], "completed_by": 1, "id": id}
    shown |= {"updated_at": "2026-11-28T21:24:01Z", "lead_time": 2.5} | annotation
    return {
        "action": action,
        "annotation": shown,
        "task": task(1, text=text),
        "project": {"id": 2, "token": "secret"},
    }


def heard(backend, *payloads):
    """Send webhooks, and return what counts when they are written down."""
    backend.annotations.start()
    for payload in payloads:
        assert backend.answer("webhook", payload) == (
            201,
            {"result": None, "status": "ok"},
        )
    backend.annotations.stop()
    words = backend.shelf.store.current()
    return [(w.item, w.annotator, w.kind, w.value) for w in words]


def test_annotations_become_labels(backend):
    words = heard(
        backend,
        webhook("ANNOTATION_CREATED"),
        webhook("ANNOTATION_CREATED", 6, "bad", result=[], was_cancelled=True),
    )
    assert words == [
        (1, "user-1", "label", "pos"),
        (2, "user-1", "skip", None),
    ]
    (event,) = backend.shelf.store.events(item=1)
    assert (event.source, event.lead_ms) == ("import", 2500)


def test_an_annotation_that_is_sent_twice_is_one_label(backend):
    heard(backend, webhook("ANNOTATION_CREATED"), webhook("ANNOTATION_CREATED"))
    assert len(backend.shelf.store.events()) == 1


def test_an_annotation_that_is_changed_is_a_correction(backend):
    later = {"result": [CONFIG.result("neg")], "updated_at": "2026-11-28T21:25:00Z"}
    words = heard(
        backend,
        webhook("ANNOTATION_CREATED"),
        webhook("ANNOTATION_UPDATED", **later),
    )
    assert words == [(1, "user-1", "label", "neg")]


def test_an_annotation_that_is_deleted_is_undone(backend):
    deleted = {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 5}]}
    deleted["project"] = {"id": 2}
    assert heard(backend, webhook("ANNOTATION_CREATED"), deleted) == []
    assert [e.kind for e in backend.shelf.store.events()] == ["label", "undo"]


def test_what_has_no_place_here_is_counted_and_left_out(backend):
    words = heard(
        backend,
        webhook("ANNOTATION_CREATED", text="never seen"),
        webhook("ANNOTATION_CREATED", result=[CONFIG.result("lion")]),
        webhook("ANNOTATION_CREATED", result=[]),
        {"action": "START_TRAINING", "project": {"id": 2}},
        {"action": "PROJECT_UPDATED"},
    )
    assert (words, backend.annotations.refused) == ([], 3)


def test_too_much_at_once_is_sent_back(backend, monkeypatch):
    monkeypatch.setattr(backend.annotations, "_waiting", Queue(1))
    assert backend.answer("webhook", webhook("ANNOTATION_CREATED")).status == 201
    assert backend.answer("webhook", webhook("ANNOTATION_CREATED")).status == 503


@pytest.fixture(scope="module")
def server():
    """Return a client of a backend that runs for all the tests that follow."""
    with ExitStack() as stack:
        session = stack.enter_context(
            LabelSession(TEXTS, classes=["pos", "neg"], train="elsewhere")
        )
        session.derived.publish(seq=9, n_labels=4, predictions=[(1, "pos", 0.75)])
        shelf, hosts = Shelf.of(session), ["box.local", "in.docker:80"]
        password = new_password(shelf)
        running = BackendServer(shelf, port=0, allow_hosts=hosts)
        stack.enter_context(running)
        base = f"http://127.0.0.1:{running.port}"
        auth = "skal", password
        # No certificates are read: that takes a while, and there are none.
        yield stack.enter_context(httpx.Client(base_url=base, auth=auth, verify=False))


def test_label_studio_is_answered_over_http(server):
    assert server.get("/health").json()["status"] == "UP"
    body = {"tasks": [task(1, text="good")], "label_config": CONFIG.xml()}
    assert server.post("/predict", json=body).json()["results"][0]["score"] == 1.0
    assert server.post("/webhook", json={"action": "X"}).status_code == 201
    assert server.post("/predict", content=b"[" * 10_000).status_code == 400
    assert server.post("/predict", json=[]).status_code == 400
    assert server.put("/predict", json={}).status_code == 405


def test_an_answer_is_sent_at_once(server):
    """It took 44 ms: head and body went apart, and TCP waited in between."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        server.get("/health")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.035


@pytest.mark.parametrize(
    "auth",
    [None, ("skal", ""), ("skal", "x"), ("other", None), ("", None)],
    ids=str,
)
def test_without_the_password_nothing_is_said(auth, server):
    password = password_of(server)
    auth = auth and (auth[0], password if auth[1] is None else auth[1])
    for call in ("/health", "/predict", "/nothing"):
        reply = server.post(call, json={}, auth=auth)
        assert reply.status_code == 401
        assert "Skal" not in reply.text


def password_of(client):
    request = next(client.auth.auth_flow(client.build_request("GET", "/")))
    word = request.headers["authorization"].split()[1]
    return b64decode(word).decode().partition(":")[2]


@pytest.mark.parametrize("word", ["Basic !", "Basic", "Bearer x", "Basic c2thbA=="])
def test_a_broken_credential_is_refused(word, server):
    reply = server.get("/health", headers={"authorization": word}, auth=None)
    assert reply.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:1"},
        {"host": "in.docker:81"},
        {"origin": "http://127.0.0.1"},
        {"origin": "null"},
        {"sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
def test_strange_hosts_and_pages_in_browsers_are_refused(headers, server):
    assert server.get("/health", headers=headers).status_code == 403


def test_other_hosts_are_allowed_by_name(server):
    names = [f"localhost:{server.base_url.port}", f"box.local:{server.base_url.port}"]
    for host in [*names, "in.docker:80"]:
        assert server.get("/health", headers={"host": host}).status_code == 200


def test_a_body_that_is_too_long_is_refused(server, monkeypatch):
    monkeypatch.setattr("skal.label._backend._app.MAX_BODY", 10)
    assert server.post("/predict", content=b"x" * 100).status_code == 413


def test_nothing_of_a_body_is_logged(server, caplog, capfd):
    caplog.set_level(0)
    server.post("/setup", json={"access_token": "secret-1", "schema": "<secret-2"})
    payload = webhook("ANNOTATION_CREATED", text="secret-3")
    server.post("/webhook", json=payload)
    server.post("/predict", content=b'{"secret-4"')
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("http")]
    said = " ".join([*ours, *capfd.readouterr()])
    assert "secret" not in said


def test_the_password_is_kept_as_a_hash(session):
    password = new_password(Shelf.of(session))
    kept = json.dumps(dict(session.store.meta))
    assert password not in kept
    assert b64encode(password.encode()).decode() not in kept


@pytest.mark.parametrize("missing", ["starlette.applications", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(missing, session, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r'pip install "skal\[label\]"'):
        BackendServer(Shelf.of(session), port=0)


def test_a_short_password_is_refused(session):
    with pytest.raises(ValueError, match="of 16 letters at least, got 5"):
        set_password(Shelf.of(session), "short")
