"""A process that is killed in the middle has lost nothing that it acknowledged."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from skal.label import Event, LabelStore

#: Appends labels one by one; each name is written out once its label is safe.
WRITER = """
import os, sys
from skal.label import Event, LabelStore

store = LabelStore(sys.argv[1])
out = sys.stdout.fileno()
for i in range(int(sys.argv[2]), 1000):
    event = Event(i % 50 + 1, "ann", "label", "cat", event=f"e-{i}")
    store.append([event])
    os.write(out, f"{i}\\n".encode())
"""


def run_and_kill(path, start, seconds):
    """Append labels from ``start`` on, kill after a while; return those acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(start)],
        stdout=subprocess.PIPE,
        bufsize=0,  # or readline would take lines from communicate
    )
    first = writer.stdout.readline()  # imports are over
    time.sleep(seconds)
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.communicate(timeout=60)[0]
    lines = (first + rest).split(b"\n")[:-1]  # what comes after the last is cut off
    return [int(line) for line in lines]


def check(path, acknowledged):
    """Every acknowledged label is there, in order, and none twice."""
    with LabelStore(path) as store:  # refuses a damaged file
        names = [event.event for event in store.events()]
    assert len(set(names)) == len(names)
    assert names[: len(acknowledged)] == [f"e-{i}" for i in acknowledged]
    assert len(names) - len(acknowledged) in (0, 1)  # one may have been under way
    return len(names)


@pytest.fixture
def path(tmp_path):
    with LabelStore(tmp_path / "labels.db") as store:
        store.set_items([(str(i), f"sha256:{i}") for i in range(50)])
    return tmp_path / "labels.db"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.long
@pytest.mark.timeout(600)
def test_killed_20_times_at_random_points_nothing_is_lost(path):
    draws, acknowledged, n = random.Random(0), [], 0
    for _ in range(20):
        acknowledged = [*range(n), *run_and_kill(path, n, draws.uniform(0, 0.4))]
        n = check(path, acknowledged)
        if n == 1000:
            break
    assert n > 100


def test_what_is_acknowledged_is_in_the_file(path):
    """As another process sees it, without a close or a checkpoint."""
    writer = LabelStore(path)
    writer.append([Event(1, "ann", "label", "cat", event="e-0")])
    with LabelStore(path) as reader:
        assert [event.event for event in reader.events()] == ["e-0"]
    writer.close()
