"""The widget answers messages as the server answers requests."""

import json

import pytest

from skal.label import LabelSession
from skal.label._page import Answers
from skal.label._server._app import STATIC

pytest.importorskip("anywidget", reason="no anywidget")

TEXTS = [f"text {i} {'good' if i % 2 else 'bad'}" for i in range(40)]


class Kernel:
    """The widget, and what it sends."""

    def __init__(self, session, monkeypatch):
        from skal.label import LabelWidget

        self.sent = []
        self.widget = LabelWidget(session)
        monkeypatch.setattr(
            self.widget,
            "send",
            lambda told, buffers=None: self.sent.append((told, buffers)),
        )

    def ask(self, name, **payload):
        self.widget._heard(
            self.widget, {"id": "1", "name": name, "payload": payload}, []
        )
        told, buffers = self.sent[-1]
        assert told["id"] == "1"
        return told, buffers


@pytest.fixture
def session():
    with LabelSession(
        TEXTS, classes=["pos", "neg"], train="elsewhere", random_state=0
    ) as session:
        yield session


@pytest.fixture
def kernel(session, monkeypatch):
    kernel = Kernel(session, monkeypatch)
    yield kernel
    kernel.widget.close()


def test_messages_are_answered_as_over_http(kernel, session):
    answers = Answers(session)
    for name, payload in [
        ("next", {"n": 3}),
        ("history", {}),
        ("progress", {}),
        ("search", {"text": "good"}),
    ]:
        told, _ = kernel.ask(name, **payload)
        assert told["answer"] == answers.answer(name, payload, "me")
        json.dumps(told, allow_nan=False)


def test_a_label_is_taken(kernel, session):
    told, _ = kernel.ask("next", n=1)
    item = told["answer"]["items"][0]["item"]
    said = {"event": "e", "item": item, "kind": "label", "value": "pos"}
    told, _ = kernel.ask("events", events=[said])
    assert told["answer"]["saved"] == ["e"]
    assert session.n_labels == 1


@pytest.mark.parametrize(
    ("name", "payload", "status"),
    [
        ("nope", {}, 404),
        ("suggestion", {"item": 999}, 400),
        ("media", {"item": 1, "size": "thumb"}, 404),
        ("media", {"item": 1, "size": "../x"}, 400),
        ("media", {}, 400),
    ],
)
def test_an_error_comes_back_in_words(name, payload, status, kernel):
    told, _ = kernel.ask(name, **payload)
    assert told["status"] == status
    assert told["error"]


@pytest.mark.long
def test_pictures_come_as_bytes(digit_images, monkeypatch):
    with LabelSession(
        str(digit_images), classes=["0", "1"], train="elsewhere"
    ) as session:
        kernel = Kernel(session, monkeypatch)
        told, buffers = kernel.ask("media", item=1, size="thumb")
        assert told["answer"] == {"type": "image/webp"}
        assert buffers[0][:4] == b"RIFF"
        kernel.widget.close()


def test_page_and_widget_are_one_module():
    from skal.label import LabelWidget

    text = (STATIC / "page.js").read_text(encoding="utf-8")
    assert str(LabelWidget._esm) == text
    assert "export default" in text
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "http://",
        "https://",
        "import ",
    ):
        assert word not in text.replace("http://www.w3.org/2000/svg", ""), word


STUB = """async ({ code }) => {
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const module = await import(url);
  const heard = [];
  window.sent = [];
  const model = {
    on: (name, callback) => heard.push(callback),
    off: (name, callback) => heard.splice(heard.indexOf(callback), 1),
    send: async (message) => {
      const [told, picture] = await window.kernel(message);
      const buffers = picture ? [new DataView(Uint8Array.from(picture).buffer)] : [];
      for (const callback of [...heard]) callback(told, buffers);
    },
  };
  window.outside = 0;
  document.addEventListener('keydown', () => { window.outside += 1; });
  const el = document.getElementById('cell');
  window.stop = module.default.render({ model, el });
}"""


@pytest.mark.long
def test_the_module_is_drawn_in_a_notebook(
    chromium, digit_images, digit_of, monkeypatch
):
    """With a stub of anywidget's model; the kernel behind it is a real widget."""
    classes = [str(i) for i in range(10)]
    with LabelSession(str(digit_images), classes=classes, train="elsewhere") as session:
        kernel = Kernel(session, monkeypatch)

        def answer(message):
            told, buffers = kernel.ask(message["name"], **message["payload"])
            return [
                {**told, "id": message["id"]},
                list(buffers[0]) if buffers else None,
            ]

        context = chromium.new_context(viewport={"width": 1100, "height": 800})
        page = context.new_page()
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.expose_function("kernel", answer)
        page.set_content("<h1>A notebook</h1><div id='cell'></div><input id='other'>")
        page.add_style_tag(path=STATIC / "page.css")
        page.evaluate(STUB, {"code": (STATIC / "page.js").read_text(encoding="utf-8")})
        page.wait_for_selector(".sight img.tiny")
        meant = {}
        page.click(".skal .where")
        for _ in range(5):
            id = page.locator(".where .id").inner_text()
            meant[id] = digit_of(id)
            page.keyboard.press(digit_of(id))
        page.wait_for_selector("text=All saved")
        told = {
            session.pool.id_of(one.item): one.value for one in session.store.current()
        }
        assert told == meant
        # A letter that says nothing here is no command of the notebook's either: in
        # JupyterLab an "a" made a cell and took the keys that followed.
        page.keyboard.press("a")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("window.outside") == 0
        page.keyboard.press("Control+s")  # saves the notebook
        assert page.evaluate("window.outside") == 2  # the letter, and Control alone
        page.click("#other")
        page.keyboard.press("1")
        page.wait_for_timeout(200)
        assert session.n_labels == 5
        page.evaluate("window.stop()")
        assert page.locator("#cell .frame").count() == 0
        assert wrong == []
        context.close()
        kernel.widget.close()
