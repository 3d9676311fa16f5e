"""skal and a real Label Studio: tasks go there, annotations come back.

Makes a folder of digits, labels some of them in skal, starts a Label Studio of its own
on this machine and shows every step of docs/labels_in_and_out.md with it: the import of
tasks with predictions, skal as the ML backend, the order by uncertainty, annotations
that arrive as they are made, and an export that comes back.

    python -m venv ls-env && ls-env/bin/pip install label-studio
    python examples/label_studio.py ls-env/bin/label-studio

It takes some minutes, most of them for Label Studio's first start, and printed (beside
the times of single calls):

    skal: 30 labels by ann, 1 skip by me, a model
    Label Studio: 1.23.2
    imported: 60 tasks, 60 predictions, scores from 0.0 to 1.0
    an image: image/png
    backend: Connected skal-4
    skal: 10 more labels, another model
    retrieved: Retrieved 60 predictions in 12.4 s; 60 by skal-4, 60 by skal-5
    lowest scores: 17 49 46 42 7 11
    shown next:    17 49 46 42 7 11
    arrived by webhook: 6 words by user-1, 1 of them a skip
    refused without the password: 401
    the user's token is in the backend's log: False
    annotated without skal: 29 21 41
    back in the project:
    from-label-studio.json: 40 labels, skips and discards
      40 match rows of the project
      37 of them are there already
      3 are new
    in a fresh project: 40 words, all of them the same: True
    only here, for they were said after the export: 10
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image
from sklearn.datasets import load_digits

from skal.label import LabelSession, export_labels, import_labels

N_IMAGES = 60
CLASSES = [str(digit) for digit in range(10)]
LS_PORT, BACKEND_PORT = 18080, 19090
LS = f"http://127.0.0.1:{LS_PORT}"


def main():
    """Go through it all, in a folder that is removed at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("label_studio", help="the label-studio executable")
    parser.add_argument("--keep", type=Path, help="folder for what was exchanged")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skal-ls-") as folder:
        folder = Path(folder)
        digits = make_photos(folder / "photos")
        project = label_some(folder, digits)
        tasks = export_labels(project, "label-studio")
        with label_studio(args.label_studio, folder) as client:
            show_label_studio(client, folder, project, tasks, digits, args.keep)


def make_photos(folder):
    """Write the first digits as images; return what each of them shows."""
    folder.mkdir()
    data = load_digits()
    for i in range(N_IMAGES):
        image = Image.fromarray((data.images[i] * 15).astype("uint8"))
        image.resize((64, 64)).save(folder / f"{i:02}.png")
    return {f"{i:02}.png": str(data.target[i]) for i in range(N_IMAGES)}


def label_some(folder, digits):
    """Label thirty images in skal, skip one, and train."""
    project = folder / "photos.skal"
    with LabelSession(
        folder / "photos", classes=CLASSES, project=project, random_state=0, audit=0
    ) as session:
        skipped = session.ask()[0]
        session.skip(skipped.id)
        for _ in range(3):
            for item in session.ask(10):
                session.label(item.id, digits[item.id], annotator="ann")
            session.train()
        print(f"skal: {session.n_labels} labels by ann, 1 skip by me, a model")
    return project


@contextmanager
def label_studio(executable, folder):
    """Start Label Studio on this machine, with a user made on its command line."""
    token = secrets.token_hex(20)
    command = [executable, "start", "--init", "--no-browser"]
    command += ["--data-dir", folder / "ls", "--internal-host", "127.0.0.1"]
    command += ["--port", LS_PORT, "--username", "eve@example.com"]
    command += ["--password", secrets.token_hex(8), "--user-token", token]
    command += ["--enable-legacy-api-token"]
    env = os.environ | {
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(folder),
        "ML_BLOCK_LOCAL_IP": "false",  # the backend is at this machine
        "SSRF_PROTECTION_ENABLED": "false",  # and so are its webhooks
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    with (
        (folder / "label-studio.log").open("w") as log,
        running([str(word) for word in command], log, env),
        httpx.Client(
            base_url=LS,
            headers={"Authorization": f"Token {token}", "x-token": token},
            timeout=120,
        ) as client,
    ):
        wait_for(client, "/api/version", 600)  # the first start makes a database
        print("Label Studio:", client.get("/api/version").json()["release"])
        yield client


@contextmanager
def running(command, log, env):
    """Run a program, and end it."""
    process = subprocess.Popen(
        command, stdout=log, stderr=log, env=env, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(client, address, seconds):
    """Wait until a server answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if client.get(address).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    raise TimeoutError(f"{client.base_url} did not answer in {seconds} s.")


def show_label_studio(client, folder, project, tasks, digits, keep):
    """Import, look at the predictions, connect the backend, annotate, come back."""
    number = import_tasks(client, folder, tasks)
    found = tasks_of(client, number)
    scores = [task["predictions"][0]["score"] for task in found.values()]
    print(
        f"imported: {len(found)} tasks, {len(scores)} predictions, scores from "
        f"{min(scores)} to {max(scores)}"
    )
    print(
        "an image:",
        client.get(found["00.png"]["data"]["image"]).headers["content-type"],
    )

    password = secrets.token_hex(12)
    command = [sys.executable, "-m", "skal", "ls-backend", str(project)]
    command += ["--port", str(BACKEND_PORT)]
    env = os.environ | {"SKAL_LS_PASSWORD": password}
    with (folder / "backend.log").open("w") as log, running(command, log, env):
        with httpx.Client(
            base_url=f"http://127.0.0.1:{BACKEND_PORT}", auth=("skal", password)
        ) as backend:
            wait_for(backend, "/health", 60)
            ask_directly(backend, tasks)
        connect(client, number, password)
        new_model(project, digits)
        retrieve(client, number)
        annotate_what_comes(client, number, digits)
        time.sleep(5)  # webhooks are sent behind
        with LabelSession.open(project, train="elsewhere") as session:
            words = [w for w in session.store.current() if w.annotator == "user-1"]
        print(
            f"arrived by webhook: {len(words)} words by user-1, "
            f"{sum(word.kind == 'skip' for word in words)} of them a skip"
        )
        print(
            "refused without the password:",
            httpx.get(f"http://127.0.0.1:{BACKEND_PORT}/health").status_code,
        )
    log = (folder / "backend.log").read_text()
    print("the user's token is in the backend's log:", client.headers["x-token"] in log)
    # With the backend gone, the rest comes by the export alone.
    print("annotated without skal:", *annotate(client, number, digits, 3))
    come_back(client, number, folder, project, keep)


def import_tasks(client, folder, tasks):
    """Make a project of the labelling config, and import the tasks."""
    config = tasks.with_suffix(".xml").read_text(encoding="utf-8")
    made = client.post(
        "/api/projects", json={"title": "digits", "label_config": config}
    )
    number = made.raise_for_status().json()["id"]
    storage = {"project": number, "path": str(folder / "photos"), "title": "photos"}
    storage |= {"use_blob_urls": True}
    client.post("/api/storages/localfiles", json=storage).raise_for_status()
    client.post(
        f"/api/projects/{number}/import", json=json.loads(tasks.read_text())
    ).raise_for_status()
    return number


def tasks_of(client, number):
    """Return the tasks of a project, by skal's ids."""
    address = f"/api/tasks?project={number}&fields=all&page_size=1000"
    tasks = client.get(address).raise_for_status().json()["tasks"]
    return {task["data"]["skal_id"]: task for task in tasks}


def ask_directly(backend, tasks):
    """Time what Label Studio asks before it shows a task."""
    config = tasks.with_suffix(".xml").read_text(encoding="utf-8")
    body = {"tasks": json.loads(tasks.read_text()), "label_config": config}
    for call in ("/health", "/setup", "/predict"):
        times = []
        for _ in range(20):
            start = time.perf_counter()
            backend.post(call, json=body).raise_for_status()
            times.append(1000 * (time.perf_counter() - start))
        print(f"{call}: {sorted(times)[10]:.1f} ms, the median of 20")


def connect(client, number, password):
    """Connect skal as the ML backend.

    Label Studio sends the user name and password with its questions, and none with its
    webhooks: they have those in the address.
    """
    backend = {
        "project": number,
        "url": f"http://skal:{password}@127.0.0.1:{BACKEND_PORT}",
        "title": "skal",
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": "skal",
        "basic_auth_pass": password,
    }
    made = client.post("/api/ml", json=backend).raise_for_status().json()
    print("backend:", made["readable_state"], made["model_version"])


def new_model(project, digits):
    """Label ten more in skal; the next model has another version."""
    with LabelSession.open(project) as session:
        for item in session.ask(10):
            session.label(item.id, digits[item.id], annotator="ann")
        session.train()
        print("skal: 10 more labels, another model")


def retrieve(client, number):
    """Let Label Studio ask for the predictions of all tasks."""
    start = time.perf_counter()
    action = f"/api/dm/actions?id=retrieve_tasks_predictions&project={number}"
    chosen = {"all": True, "excluded": []}
    reply = client.post(action, json={"project": str(number), "selectedItems": chosen})
    took = time.perf_counter() - start
    versions = {}
    for task in tasks_of(client, number).values():
        for guess in task["predictions"]:
            name = guess["model_version"]
            versions[name] = versions.get(name, 0) + 1
    print(
        f"retrieved: {reply.raise_for_status().json()['detail']} in {took:.1f} s;",
        ", ".join(f"{count} by {name}" for name, count in sorted(versions.items())),
    )


def annotate_what_comes(client, number, digits):
    """Annotate what Label Studio shows next, in the order of uncertainty."""
    newest = max(
        (
            guess["model_version"]
            for task in tasks_of(client, number).values()
            for guess in task["predictions"]
        ),
        key=lambda name: int(name.removeprefix("skal-")),
    )
    settings = {"sampling": "Uncertainty sampling", "model_version": newest}
    client.patch(f"/api/projects/{number}", json=settings).raise_for_status()
    scores = {
        task["id"]: guess["score"]
        for task in tasks_of(client, number).values()
        for guess in task["predictions"]
        if guess["model_version"] == newest and not task["annotations"]
    }
    lowest = sorted(scores, key=scores.get)[:6]
    print("lowest scores:", *lowest)
    print("shown next:   ", *annotate(client, number, digits, 6))


def annotate(client, number, digits, n):
    """Annotate what comes next, and skip the last; return the numbers of the tasks."""
    shown = []
    for i in range(n):
        task = client.get(f"/api/projects/{number}/next").raise_for_status().json()
        shown.append(task["id"])
        choice = {"choices": [digits[task["data"]["skal_id"]]]}
        result = {"from_name": "choice", "to_name": "image", "type": "choices"}
        said = {"result": [result | {"value": choice}], "lead_time": 1.5}
        if i == n - 1:
            said = {"result": [], "was_cancelled": True}
        address = f"/api/tasks/{task['id']}/annotations?project={number}"
        client.post(address, json=said).raise_for_status()
    return shown


def come_back(client, number, folder, project, keep):
    """Export from Label Studio, and import into the project and into a fresh one."""
    address = f"/api/projects/{number}/export?exportType=JSON"
    export = folder / "from-label-studio.json"
    export.write_bytes(client.get(address).raise_for_status().content)
    print("back in the project:")
    print(import_labels(project, export))
    with LabelSession(folder / "photos", classes=CLASSES, train="elsewhere") as fresh:
        import_labels(fresh, export)
        there = words_of(fresh)
    with LabelSession.open(project, train="elsewhere") as session:
        here = words_of(session)
    missing = [word for word in here.items() if word not in there.items()]
    print(
        f"in a fresh project: {len(there)} words, all of them the same:",
        all(here.get(key) == word for key, word in there.items()),
    )
    print(f"only here, for they were said after the export: {len(missing)}")
    if keep is not None:
        keep.mkdir(exist_ok=True)
        (keep / "export.json").write_bytes(export.read_bytes())


def words_of(session):
    """Return what counts: (id, annotator) -> kind and class."""
    ids = {row.item: row.id for row in session.store.items()}
    return {
        (ids[word.item], word.annotator): (word.kind, word.value)
        for word in session.store.current()
    }


if __name__ == "__main__":
    main()
