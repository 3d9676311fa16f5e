"""``skal export``, ``skal import`` and ``skal ls-backend``."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest
from helpers import run_skal

from skal.label import LabelSession
from skal.label._label_studio import LabelConfig


@pytest.fixture
def project(tmp_path):
    """Return the folder of a project of four texts with two labels."""
    folder = tmp_path / "texts.skal"
    with LabelSession(
        ["a", "b", "c", "d"], classes=["=x", "y"], project=folder, train="elsewhere"
    ) as session:
        session.label("0", "=x")
        session.label("1", "y")
        session.derived.publish(seq=2, n_labels=2, predictions=[(3, "y", 0.5)])
    return folder


@pytest.fixture
def fresh(tmp_path):
    folder = tmp_path / "fresh.skal"
    texts = ["a", "b", "c", "d"]
    LabelSession(texts, classes=["=x", "y"], project=folder, train="elsewhere").close()
    return folder


def said(result):
    """Return the output without the frame around errors, which wraps lines."""
    return " ".join(result.output.replace("│", " ").split())


def n_labels(folder):
    texts = ["a", "b", "c", "d"]
    with LabelSession.open(folder, X=texts, train="elsewhere") as session:
        return session.n_labels


def test_labels_go_out_and_in(project, fresh, tmp_path):
    result = run_skal("export", project, "--to", "csv", "--neutralise-formulas")
    assert result.exit_code == 0, result.output
    path = tmp_path / "texts.labels.csv"
    assert said(result) == f"Written: {path}"
    assert ",'=x," in path.read_text()

    result = run_skal("import", fresh, path, "--dry-run")
    assert "2 are new Nothing was written." in said(result)
    assert n_labels(fresh) == 0
    result = run_skal("import", fresh, path)
    assert "2 are new Written: 2" in said(result)
    assert n_labels(fresh) == 2
    assert said(run_skal("import", fresh, "--undo")) == "Taken back: 2"
    assert said(run_skal("import", fresh, "--undo")) == "Taken back: 0"
    assert n_labels(fresh) == 0


def test_a_project_is_known_by_its_source_too(project, tmp_path):
    (tmp_path / "texts").mkdir()
    result = run_skal("export", tmp_path / "texts", "--to", "label-studio", "--all")
    assert result.exit_code == 0, result.output
    tasks = json.loads((tmp_path / "texts.labels.label-studio.json").read_text())
    assert len(tasks) == 4
    assert "Labelling config:" in said(result)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "xls"], "to must be one of"),
        (["--to", "csv", "--out", "no/a.csv"], "must lie in an existing folder"),
        (["--to", "imagefolder"], "without image files, whose kind is 'text'"),
    ],
)
def test_a_wrong_export_is_told_in_a_line(options, words, project):
    result = run_skal("export", project, *options)
    assert result.exit_code == 2
    assert words in said(result)


def test_a_wrong_import_is_told_in_a_line(project, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text("name,species\n2,Z\n3,z\n")
    columns = ["--id", "name", "--label", "species"]
    result = run_skal("import", project, path, *columns)
    assert result.exit_code == 2
    assert "2 unknown classes: 'Z' (1 times), 'z' (1 times)" in said(result)
    assert "--rename" in said(result)
    assert "must be THEIRS=OURS" in said(
        run_skal("import", project, path, "--rename", "Z")
    )
    assert "one of them" in said(run_skal("import", project))
    assert "one of them" in said(run_skal("import", project, path, "--undo"))
    renamed = [*columns, "--rename", "Z=y", "--rename", "z=y"]
    assert "Written: 2" in said(run_skal("import", project, path, *renamed))


def test_the_backend_listens_to_this_machine_unless_told(project):
    for host in ("0.0.0.0", "192.168.0.1", "box.local"):
        result = run_skal("ls-backend", project, "--host", host)
        assert result.exit_code == 2
        assert "must be an address of this machine alone" in said(result)


def test_the_backend_does_not_train_what_was_in_memory(project):
    result = run_skal("ls-backend", project, "--train")
    assert result.exit_code == 2
    assert "train must be False for a project whose rows were in memory" in said(result)


@pytest.mark.long
def test_the_backend_trains_on_what_arrives(tmp_path):
    """Annotations come by webhook; the next answers are those of a new model."""
    path = tmp_path / "stones.csv"
    weights = [i + 100 * (i % 2) for i in range(16)]
    path.write_text("\n".join(["weight,size", *(f"{w},{w}" for w in weights)]))
    LabelSession(path, classes=["pos", "neg"], project=f"{path}.skal").close()
    config = LabelConfig.of("table", ["pos", "neg"])
    with backend(path, "--train") as client:
        for i in range(12):
            said = {"id": i, "result": [config.result("neg" if i % 2 else "pos")]}
            body = {"action": "ANNOTATION_CREATED", "annotation": said}
            body |= {"project": {"id": 1}, "task": {"data": {"skal_id": str(i)}}}
            assert client.post("/webhook", json=body).status_code == 201
        asked = {"tasks": [{"data": {"skal_id": "15"}}], "label_config": config.xml()}
        until = time.monotonic() + 120
        while time.monotonic() < until:
            (reply,) = client.post("/predict", json=asked).json()["results"]
            if reply["result"]:
                break
            time.sleep(0.5)
        assert reply["result"][0]["value"] == {"choices": ["neg"]}


@pytest.mark.long
def test_the_backend_runs_until_it_is_interrupted(project):
    with backend(project) as client:
        assert client.get("/versions").json() == {"versions": ["skal-1"]}
        assert client.get("/", auth=("skal", "wrong")).status_code == 401


@contextmanager
def backend(project, *options):
    """Run the command, and interrupt it; it ends without a word of complaint."""
    command = [sys.executable, "-m", "skal", "ls-backend", project, "--port", "0"]
    env = os.environ | {"SKAL_LS_PASSWORD": "correct horse battery"}
    with subprocess.Popen(
        [*command, *options],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            address = process.stdout.readline().split()[-1]
            auth = "skal", "correct horse battery"
            with httpx.Client(base_url=address, auth=auth, verify=False) as client:
                yield client
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == 0
