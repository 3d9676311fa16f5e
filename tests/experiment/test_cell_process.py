"""Cells that fail in odd ways, do not end, or whose run is killed: what they cost."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from helpers import is_alive
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from skal.experiment import Experiment
from skal.experiment._limits import Clock, OutOfTime, time_limit
from skal.experiment._sent import pickled

IRIS = load_iris(return_X_y=True)


def small(estimators, strategies=("random",), **more):
    defaults = {"n_labels": 30, "n_initial": 10, "seeds": 1}
    return Experiment(estimators, strategies, IRIS, **{**defaults, **more})


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("There is nothing to say.")


class Own(BaseException):
    """Is no Exception."""


class Raises(GaussianNB):
    """Raises an error in its second round."""

    def __init__(self, error=None):
        super().__init__()
        self.error = error

    def fit(self, X, y):
        if len(y) == 20:
            raise self.error
        return super().fit(X, y)


class Exits(GaussianNB):
    def fit(self, X, y):
        sys.exit("That is enough.")


class Deaf(GaussianNB):
    """Goes on for ever, whatever is raised."""

    def fit(self, X, y):
        while True:
            try:
                time.sleep(60)
            except:  # noqa: E722
                continue


class HardOfHearing(GaussianNB):
    """Loses its first interruption, and ends late."""

    def fit(self, X, y):
        try:
            time.sleep(60)
        except:  # noqa: E722
            self.n_lost_ = 1
        return super().fit(X, y)


class Deadly(GaussianNB):
    def fit(self, X, y):
        os._exit(0)


class Slow(GaussianNB):
    def fit(self, X, y):
        time.sleep(60)


# Errors that are no Exception -----------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (GeneratorExit(), "GeneratorExit: "),
        (asyncio.CancelledError(), "CancelledError: "),
        (Own("mine"), "Own: mine"),
        (Mute(), "Mute: it cannot say what"),
    ],
)
def test_whatever_is_raised_costs_its_cell_and_no_more(error, reason):
    """All but Exception ended the whole run."""
    results = small({"good": GaussianNB(), "bad": Raises(error)}).run()
    assert [one["estimator"] for one in results.records] == ["good"]
    assert [one["reason"] for one in results.failures] == [reason]
    assert "in fit" in results.failures[0]["traceback"]


def test_an_interrupt_ends_the_run():
    with pytest.raises(KeyboardInterrupt):
        small(Raises(KeyboardInterrupt())).run()


@pytest.mark.long
def test_exits_in_workers_cost_their_cells():
    results = small({"good": GaussianNB(), "bad": Exits()}, n_jobs=2, seeds=2).run()
    assert len(results.records) == 2
    assert {one["reason"] for one in results.failures} == {
        "SystemExit: That is enough."
    }


# Time limits ----------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="There is no alarm.")
def test_the_alarm_interrupts_and_is_put_back():
    handler = signal.getsignal(signal.SIGALRM)
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    with pytest.raises(OutOfTime), time_limit(0.02):
        time.sleep(60)
    assert signal.getsignal(signal.SIGALRM) == handler
    if left:  # that of the test runner
        signal.setitimer(signal.ITIMER_REAL, left, interval)
    with pytest.raises(OutOfTime):
        Clock(0.0).check()


@pytest.mark.long
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_cell_that_does_not_end_is_ended(tmp_path, n_jobs):
    """A bare ``except:`` swallowed the time limit, and the run never ended."""
    bad = {"deaf": Deaf(), "late": HardOfHearing(), "slow": Slow(), "dead": Deadly()}
    experiment = small(
        {**bad, "good": GaussianNB()}, time_limit=0.5, n_jobs=n_jobs, seeds=1
    )
    results = experiment.run(tmp_path)  # which ended
    reasons = {one["estimator"]: one["reason"] for one in results.failures}
    assert reasons.pop("dead").startswith("WorkerDied")
    assert set(reasons) == {"deaf", "late", "slow"}
    assert set(reasons.values()) == {"TimeLimit: the cell took longer than 0.5 s."}
    assert [one["estimator"] for one in results.records] == ["good"]


@pytest.mark.long
def test_files_do_not_depend_on_a_time_limit(tmp_path):
    for name, more in (("a", {}), ("b", {"time_limit": 60.0, "n_jobs": 2})):
        small(GaussianNB(), ["margin", "random"], **more).run(tmp_path / name)
    for path in (tmp_path / "a" / "cells").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "cells" / path.name).read_bytes()


def test_what_cannot_be_sent_is_refused_under_a_time_limit():
    lock = Raises(threading.Lock())
    match = r"time_limit must be None for .*got 9\.0\. Leave time_limit out"
    with pytest.raises(TypeError, match=match):
        small(lock, time_limit=9.0).check()


def test_arrays_in_files_are_sent_by_their_place(tmp_path):
    array = np.memmap(tmp_path / "a", float, "w+", shape=(10**6,))
    array[3] = 3.0
    array.flush()
    assert len(pickled(array)) < 10**4


# Killed runs ----------------------------------------------------------------------

SCRIPT = """
import sys, time
from pathlib import Path
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB
from skal.experiment import Experiment

class Slow(GaussianNB):
    def fit(self, X, y):
        (Path(sys.argv[1]) / "pids").mkdir(exist_ok=True)
        (Path(sys.argv[1]) / "pids" / str(__import__("os").getpid())).touch()
        time.sleep(60)

Experiment(Slow(), ["random"], load_iris(return_X_y=True), n_labels=30, n_initial=10,
    seeds=4, n_jobs=2, time_limit=eval(sys.argv[2])).run()
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "getpgid"), reason="Processes are asked by number.")
@pytest.mark.parametrize("limit", ["None", "50.0"])
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_run(tmp_path, limit, sign):
    """They went on for minutes, and nobody read what came of it."""
    pids = tmp_path / "pids"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, tmp_path, limit],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    while not pids.is_dir() or len([*pids.iterdir()]) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sign)
    process.wait(timeout=60)
    start = time.monotonic()
    while any(is_alive(int(path.name)) for path in pids.iterdir()):
        assert time.monotonic() - start < 20
        time.sleep(0.05)
