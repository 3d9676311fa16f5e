"""A process that is killed in the middle has lost nothing that it acknowledged."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from skal.label import Event, LabelStore

#: Forks a child that appends labels and tells of each once it is safe, kills it within
#: .01 s of some label, and looks what is there; 20 times, and then lets one end.
SCRIPT = """
import json, os, random, signal, sys, time
from skal.label import Event, LabelStore

path, draws = sys.argv[1], random.Random(0)

def append(start, end, out):
    store = LabelStore(path)
    for i in range(start, end):
        store.append([Event(i % 50 + 1, "ann", "label", "cat", event=f"e-{i}")])
        os.write(out, f"{i}\\n".encode())
    os._exit(0)

def run(start, n_labels, seconds):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        append(start, start + (10**6 if n_labels else 100), write)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        said = [told.readline() for _ in range(n_labels)]
        if n_labels:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        said += told
    os.waitpid(child, 0)
    return [int(line) for line in said if line.endswith(b"\\n")]

n = 0
for kill in range(21):
    last = kill == 20
    acknowledged = run(n, 0 if last else draws.randint(1, 20), draws.uniform(0, 0.01))
    with LabelStore(path) as store:  # refuses a damaged file
        names = [event.event for event in store.events()]
    print(json.dumps([acknowledged, names]), flush=True)
    n = len(names)
"""


@pytest.fixture
def path(tmp_path):
    with LabelStore(tmp_path / "labels.db") as store:
        store.set_items([(str(i), f"sha256:{i}") for i in range(50)])
    return tmp_path / "labels.db"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.long
@pytest.mark.timeout(600)
def test_killed_20_times_at_random_points_nothing_is_lost(path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    known = 0
    for line in done.stdout.splitlines():
        acknowledged, names = json.loads(line)
        assert acknowledged == [*range(known, known + len(acknowledged))] != []
        # All of those are there, in order and once; one more may have been under way.
        assert names == [f"e-{i}" for i in range(len(names))]
        assert len(names) - (known + len(acknowledged)) in (0, 1)
        known = len(names)
    assert len(acknowledged) == 100  # the last one came to its end


def test_what_is_acknowledged_outlives_the_power_supply(path, tmp_path):
    """The files alone, as a disk keeps them that is told to sync, hold every label."""
    with LabelStore(path) as store:
        for i in range(5):
            store.append([Event(i + 1, "ann", "label", "cat")])
            disk = tmp_path / f"disk{i}"
            disk.mkdir()
            for ending in ("", "-wal"):  # what is shared in memory is lost
                shutil.copy(f"{path}{ending}", disk)
            with LabelStore(disk / path.name) as found:
                assert len(found.current()) == i + 1


def test_what_is_acknowledged_is_in_the_file(path):
    """As another process sees it, without a close or a checkpoint."""
    writer = LabelStore(path)
    writer.append([Event(1, "ann", "label", "cat", event="e-0")])
    with LabelStore(path) as reader:
        assert [event.event for event in reader.events()] == ["e-0"]
    writer.close()
