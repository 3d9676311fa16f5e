"""``skal label``: what it says, what it keeps, and that it cannot lose a label."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.client import HTTPException
from types import SimpleNamespace
from uuid import uuid4

import pytest
from helpers import is_alive, run_skal
from label.serving import Client, served
from sklearn.datasets import load_digits

from skal.label import LabelStore, command_line
from skal.label._trainer import _opened

#: Starts servers on demand, each a process that can be killed; skal is read once.
NURSERY = """
import json, os, signal, sys
from skal.label import command_line as desk
heavy = ("starlette", "uvicorn", "anywidget", "torch")
print(json.dumps([name for name in heavy if name in sys.modules]), flush=True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the killed are buried at once
for line in sys.stdin:
    if os.fork():
        continue
    try:
        path = line.strip()
        options = {"text": "body"}
        session = desk.open_project(path, options=options, classes=["pos", "neg"])
        with desk.Desk(session, train=False) as running:
            print(os.getpid(), running.links["me"], flush=True)
            running.run()
    finally:
        os._exit(0)
"""


@pytest.fixture(scope="module")
def nursery():
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        process.heavy = json.loads(process.stdout.readline())
        yield process
        process.stdin.close()
        process.wait(20)


class Server:
    """A server of the nursery."""

    def __init__(self, nursery, path):
        nursery.stdin.write(f"{path}\n")
        nursery.stdin.flush()
        pid, self.link = nursery.stdout.readline().split()
        self.pid = int(pid)
        self.client = entered(self.link)

    def kill(self, how=signal.SIGKILL):
        os.kill(self.pid, how)

    def wait(self):
        deadline = time.monotonic() + 20
        while is_alive(self.pid):
            assert time.monotonic() < deadline, "It does not end."
            time.sleep(0.01)


def write_texts(folder, n):
    path = folder / "texts.csv"
    path.write_text("body\n" + "".join(f"text {i}\n" for i in range(n)))
    return path


class Command:
    """A server in a process of its own, which can be killed."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "COLUMNS": "200",
            },
        )
        line = self.process.stdout.readline()
        assert "http://" in line, line
        self.link = re.search(r"http://\S+", line)[0]
        self.client = entered(self.link)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)
        self.process.stdout.close()


def entered(link):
    """Return a client that has followed a start link."""
    port, token = re.search(r":(\d+)/\?token=(\S+)", link).groups()
    nobody = SimpleNamespace(cookie=lambda name: "", key=lambda name: "")
    client = Client(SimpleNamespace(port=int(port), keys=nobody))
    _, headers, body = client.send("GET", f"/?token={token}", Origin=None)
    client.headers["Cookie"] = headers["set-cookie"].split(";")[0]
    client.headers["X-Skal-Key"] = re.search(rb"#(\w+)", body)[1].decode()
    return client


def label_and_kill(nursery, folder, n_labels, n_kills, seed):
    """Post labels as an outbox does, while somebody kills the server at random."""
    path = write_texts(folder, n_labels)
    rng = random.Random(seed)
    waiting = [
        (i + 1, rng.choice(["pos", "neg"]), str(uuid4())) for i in range(n_labels)
    ]
    meant = {item: value for item, value, _ in waiting}
    acknowledged, n_lost = set(), 0
    server = Server(nursery, path)
    ends = sorted(rng.sample(range(n_labels), n_kills))
    try:
        while waiting:
            killer = None
            if ends and n_labels - len(waiting) >= ends[0]:
                ends.pop(0)
                killer = threading.Timer(rng.random() * 0.02, server.kill)
                killer.start()
            while waiting and (
                killer is not None or not ends or n_labels - len(waiting) < ends[0]
            ):
                item, value, event = waiting[0]
                try:
                    saved = server.client.label(item, value, event)["saved"]
                except (OSError, HTTPException):
                    n_lost += 1
                    break
                assert saved == [event]
                acknowledged.add(event)
                waiting.pop(0)
            if killer is not None:
                killer.join()
                server.wait()
                server = Server(nursery, path)
    finally:
        server.kill(signal.SIGTERM)
        server.wait()
    with LabelStore(folder / "texts.csv.skal" / "labels.db") as store:
        events = store.events()
        current = {one.item: one.value for one in store.current()}
    names = [event.event for event in events]
    assert acknowledged <= set(names)
    assert len(names) == len(set(names)) == n_labels
    assert current == meant
    return n_lost


@pytest.mark.long
def test_a_server_killed_twice_has_every_label_it_acknowledged(nursery, tmp_path):
    label_and_kill(nursery, tmp_path, n_labels=60, n_kills=2, seed=0)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_server_killed_twenty_times_loses_no_label_of_a_thousand(nursery, tmp_path):
    """With kill -9, at any moment: every label acknowledged is there, none is twice."""
    n_lost = label_and_kill(nursery, tmp_path, n_labels=1000, n_kills=20, seed=1)
    assert n_lost >= 5  # some were on their way, or this has tried nothing


@contextmanager
def in_background(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread


def test_a_label_does_not_wait_for_the_trainer(monkeypatch):
    """While a refit runs that ends only when the labels are in."""
    over = threading.Event()
    with served(train="elsewhere") as server:
        client = Client(server)
        for row in client.ask("next", n=10)["items"]:
            client.label(row["item"], "pos" if row["item"] % 2 else "neg")
        started = threading.Event()

        def fit(*args, **kwargs):
            started.set()
            over.wait(30)
            raise RuntimeError("given up")

        monkeypatch.setattr(server.session.learner, "fit", fit, raising=False)

        def train():
            with pytest.raises(RuntimeError, match="given up"):
                server.session.train()

        with in_background(train) as thread:
            assert started.wait(10)
            for row in client.ask("next", n=10)["items"]:
                client.label(row["item"], "pos")
            assert server.session.n_labels == 20
            assert thread.is_alive()
            over.set()
            thread.join(10)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_label_is_fast_while_a_trainer_sleeps_a_minute(tmp_path, capsys):
    """The real command, a real trainer process, an estimator that sleeps in ``fit``."""
    path = write_texts(tmp_path, 400)
    (tmp_path / "sleepy.py").write_text(
        "import time\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "class Sleepy(LogisticRegression):\n"
        "    def fit(self, X, y):\n"
        "        time.sleep(60)\n"
        "        return super().fit(X, y)\n"
    )
    config = tmp_path / "sleepy.toml"
    config.write_text('[estimator]\nclass = "sleepy.Sleepy"\n')
    sys.path.append(str(tmp_path))
    command = ["-m", "skal", "label", path, "--text", "body", "--classes", "pos,neg"]
    server = Command(*command, "--config", config, "--no-browser")
    sys.path.remove(str(tmp_path))
    try:
        for item in range(1, 21):
            server.client.label(item, "pos" if item % 2 else "neg")
        deadline = time.monotonic() + 60
        while server.client.ask("progress")["model"]["phase"] != "Training":
            assert time.monotonic() < deadline, server.client.ask("progress")
            time.sleep(0.2)
        times = []
        for item in range(21, 321):
            start = time.perf_counter()
            server.client.label(item, "pos" if item % 2 else "neg")
            times.append(1000 * (time.perf_counter() - start))
        assert server.client.ask("progress")["model"]["phase"] == "Training"
    finally:
        server.end()
    p95 = sorted(times)[int(0.95 * len(times))]
    with capsys.disabled():
        print(f"\na label while a trainer sleeps: p95 {p95:.0f} ms")  # noqa: T201
    assert p95 < 1000  # the trainer would have held it for a minute


@pytest.mark.long
def test_the_command_goes_on_where_it_was_left(tmp_path):
    path = write_texts(tmp_path, 30)
    command = ["-m", "skal", "label", path, "--text", "body", "--no-browser"]
    first = Command(*command, "--classes", "pos,neg", "--annotators", "anna,ben")
    item = first.client.ask("next", n=1)["items"][0]["item"]
    first.client.label(item, "pos")
    first.end(signal.SIGINT)
    assert first.process.returncode == 0
    with path.open("a") as file:
        file.write("one more\n")
    second = Command(*command, "--annotators", "ben")
    try:
        assert second.client.port == first.client.port
        state = second.client.ask("state")
        assert (state["annotator"], state["classes"]) == ("ben", ["pos", "neg"])
        progress = second.client.ask("progress")
        assert (progress["n_labels"], progress["n_items"]) == (1, 31)
        # A link and a cookie of the first start open nothing any more.
        assert first.client.send("POST", "/api/state", b"{}")[0] == 403
    finally:
        second.end()


@pytest.fixture
def ready(monkeypatch):
    """Run no server: what the command sets up, and no more."""
    desks = []
    monkeypatch.setattr(command_line.Desk, "run", lambda self: desks.append(self))
    monkeypatch.setattr(command_line.webbrowser, "open", lambda url: desks.append(url))
    monkeypatch.setattr("skal.label._supervisor.Supervisor.start", lambda self: self)
    monkeypatch.setattr("skal.label._supervisor.Supervisor.stop", lambda self: None)
    return desks


def said(result):
    return " ".join(result.output.replace("│", " ").split())


def test_a_link_for_each_annotator(ready, tmp_path):
    path = write_texts(tmp_path, 5)
    result = run_skal(
        "label", path, "--text", "body", "-c", "pos, neg", "--annotators", "anna,ben"
    )
    assert result.exit_code == 0, result.output
    links = re.findall(r"(anna|ben): http://127.0.0.1:\d+/\?token=(\S+)", said(result))
    assert [name for name, _ in links] == ["anna", "ben"]
    assert len({token for _, token in links}) == 2
    assert "same command goes on" in said(result)


def test_the_browser_is_given_a_file_and_not_the_token(ready, tmp_path):
    """Everybody on this computer can read the arguments of a process."""
    path = write_texts(tmp_path, 5)
    result = run_skal("label", path, "--text", "body", "-c", "pos,neg")
    assert result.exit_code == 0, result.output
    (opened,) = [one for one in ready if isinstance(one, str)]
    assert opened == (tmp_path / "texts.csv.skal" / "start.html").as_uri()
    assert not (tmp_path / "texts.csv.skal" / "start.html").exists()  # at the end


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", "body"], "classes must be given"),
        (["--text", "bodi", "-c", "a,b"], "text must name a column"),
        (["--text", "body", "-c", "a,,b"], "must be names with commas between"),
        (["--text", "body", "-c", "a,b", "--config", "cn"], "model must be one of"),
        (["--text", "body", "-c", "a,b", "--audit", "2"], "--audit"),
        (["--text", "body", "-c", "a,b", "--guidelines", "none.md"], "does not exist"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    arguments, words, ready, tmp_path
):
    path = write_texts(tmp_path, 5)
    result = run_skal("label", path, *arguments)
    assert result.exit_code == 2
    assert words in said(result)
    assert not (tmp_path / "texts.csv.skal").exists()


def test_a_source_that_is_not_there(ready, tmp_path):
    result = run_skal("label", tmp_path / "nothing", "-c", "a,b")
    assert result.exit_code == 2
    assert "nothing" in said(result)


def test_a_project_is_on_one_desk_at_a_time(ready, tmp_path):
    path = write_texts(tmp_path, 5)
    arguments = ["--text", "body", "-c", "a,b", "--no-browser"]
    assert run_skal("label", path, *arguments).exit_code == 0
    session = command_line.open_project(path)
    with command_line.Desk(session, train=False):
        result = run_skal("label", path, *arguments)
        assert "another skal label has open" in said(result)
    assert run_skal("label", path, *arguments).exit_code == 0


def test_labels_that_exist_name_the_classes(ready, tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("body,stars\nfine,5\ndull,1\nlong,\n")
    result = run_skal(
        "label", path, "--text", "body", "--label", "stars", "--no-browser"
    )
    assert result.exit_code == 0, result.output
    with command_line.open_project(path) as session:
        assert session.classes == ["1", "5"]
        assert session.n_labels == 2


def test_options_are_remembered_and_can_be_changed(ready, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n1,2,3\n4,5,6\n")
    guide = tmp_path / "guide.md"
    guide.write_text("Look twice.")
    run = [path, "-c", "x,y", "--show", "a,b", "--guidelines", guide, "--no-browser"]
    assert run_skal("label", *run, "-s", "entropy", "--audit", "0.3").exit_code == 0
    with command_line.open_project(path) as session:
        assert session.pool.show(0)["fields"].keys() == {"a", "b"}
        assert session.guidelines == "Look twice."
        assert session.audit == 0.3
        assert session.store.meta["model"] == {"strategy": "entropy"}
    with command_line.open_project(path, options={"show": ["c"]}) as session:
        assert session.pool.show(0)["fields"].keys() == {"c"}


def test_none_of_these_is_one_more_button_and_no_class_of_the_model(ready, tmp_path):
    path = write_texts(tmp_path, 30)
    run = [path, "--text", "body", "-c", "pos,neg", "--no-browser"]
    assert run_skal("label", *run, "--reject-label", "neither").exit_code == 0
    assert run_skal("label", *run, "-s", "in_scope").exit_code == 0  # it is kept
    with command_line.open_project(path, strategy="in_scope") as session:
        assert session.classes == ["pos", "neg", "neither"]
        ids = session.pool.ids
        session.label_many(ids[:12], ["pos", "neg", "neither"] * 4)
    with _opened(tmp_path / "texts.csv.skal", trust=False) as session:
        shot = session.snapshot()
        assert session.train()["n_rejected"] == sum(shot.y == "neither") > 0
        assert session.learner.classes_.tolist() == ["neg", "pos"]
        assert session.learner.query_strategy == "in_scope"


def test_a_project_of_a_stranger_runs_no_code_of_its_own(ready, tmp_path):
    path = write_texts(tmp_path, 5)
    assert run_skal("label", path, "--text", "body", "-c", "a,b").exit_code == 0
    with LabelStore(tmp_path / "texts.csv.skal" / "labels.db") as store:
        store.meta["model"] = {"estimator": {"class": "subprocess.Popen"}}
    result = run_skal("label", path)
    assert "subprocess.Popen" in said(result)
    assert "--trust" in said(result)
    assert result.exit_code == 2


def test_digits_are_there_to_try_it_out(ready, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    digits = load_digits()
    monkeypatch.setattr(
        "sklearn.datasets.load_digits",
        lambda: SimpleNamespace(images=digits.images[:20]),
    )
    for _ in range(2):
        assert run_skal("label", "digits", "--no-browser").exit_code == 0
    folder = tmp_path / "skal" / "label" / "digits"
    assert len(list(folder.iterdir())) == 20
    with command_line.open_project(folder) as session:
        assert session.classes == [str(digit) for digit in range(10)]


def test_without_the_extra_the_command_names_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = run_skal("label", write_texts(tmp_path, 5), "-c", "a,b")
    assert "pip install 'skal[label]'" in said(result)


def test_importing_the_room_brings_neither_server_nor_nets(nursery):
    assert nursery.heavy == []
