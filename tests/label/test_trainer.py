"""The trainer is a process that may die at any time, fail, or take too long."""

import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from helpers import is_alive
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier

from skal import ActiveLearner
from skal.label import LabelSession, _supervisor
from skal.label._derived import Derived
from skal.label._sources import TableFile
from skal.label._supervisor import Supervisor
from skal.label._trainer import in_words, is_time, run_trainer, train

N_ROWS = 200

#: Models of a user's own, in a file of a project that is trusted.
OWN = """
import time
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import MultinomialNB

class Sleeper(MultinomialNB):
    def fit(self, X, y):
        time.sleep(600)

class Fragile(MultinomialNB):
    def fit(self, X, y):
        if len(y) < 20:
            raise ZeroDivisionError("too few for me")
        return super().fit(X, y)
"""


class Failing(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise ZeroDivisionError("by nothing\nat all")


@pytest.fixture
def project(tmp_path):
    """A project of texts, half of them good, with no label yet."""
    file = tmp_path / "films.csv"
    lines = (f"{'good fine' if i % 2 else 'bad dull'} film {i}" for i in range(N_ROWS))
    file.write_text("\n".join(["body", *lines]))
    folder = tmp_path / "films.csv.skal"
    source = TableFile(file, text="body")
    LabelSession(source, classes=["+", "-"], project=folder, random_state=0).close()
    return folder


def open_page(project, learner=None):
    """Open a session as the page does: another process trains."""
    return LabelSession.open(project, learner=learner, train="elsewhere")


def answer(session, n=1):
    """Label n rows as they are asked for; return what was acknowledged."""
    given = {}
    for item in session.ask(n):
        given[item.id] = "+-"[int(item.id) % 2]
        session.label(item.id, given[item.id])
    return given


def wait_for(what, seconds=120):
    """Wait for something that must come; the machine may be busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    return pytest.fail("It did not come.")


def labels_in(session):
    return {
        session.pool.id_of(event.item): event.value
        for event in session.store.current()
        if event.kind == "label"
    }


# A fit that fails ----------------------------------------------------------------


def test_a_fit_that_fails_leaves_the_last_ranking_and_says_why(project):
    with open_page(project) as session:
        session.train()
        ranking = session.derived.ranking()[0].tolist()
    with open_page(project, Failing()) as session:
        answer(session, 10)
        assert is_time(session)
        assert train(session) == session.store.last_seq()
        status = session.derived.status
        assert status["phase"] == "failed"
        assert status["error"] == "ZeroDivisionError: by nothing at all"
        assert session.derived.ranking()[0].tolist() == ranking


def test_after_a_failure_only_new_labels_are_another_try(project):
    with open_page(project, Failing()) as session:
        answer(session, 10)
        failed_at = train(session)
        answer(session, 2)
        assert is_time(session)  # the model is old
        assert not is_time(session, failed_at)
        answer(session, 3)
        assert is_time(session, failed_at)


def test_a_fit_that_works_again_takes_the_error_away(project):
    with open_page(project) as session:
        answer(session, 10)
        session.derived.set_status(error="Old", failed_at=0)
        assert train(session) == -1
        status = session.derived.status
        assert status["phase"] == "idle"
        assert not {"error", "failed_at"} & status.keys()
        assert not is_time(session)


@pytest.mark.filterwarnings("default")
def test_what_a_fit_warns_of_is_told_in_the_status_and_not_printed(project, recwarn):
    """It used to be printed in the terminal of ``skal label``, at each refit."""
    with open_page(project, ActiveLearner(DummyClassifier(), "margin")) as session:
        answer(session, 10)
        assert train(session) == -1
        (line,) = session.derived.status["warnings"]
        assert "cannot choose: all candidates have the same score" in line
        assert not recwarn.list
    with open_page(project) as session:
        assert train(session) == -1
        assert "warnings" not in session.derived.status


def test_a_project_that_cannot_be_trained_says_why(tmp_path):
    LabelSession([[1.0], [2.0]], classes=["a", "b"], project=tmp_path).close()
    assert run_trainer(tmp_path) == 3
    status = Derived(tmp_path / "model.db").status
    assert status["phase"] == "failed"
    assert "X must be given for a project whose rows were in memory" in status["error"]


def test_a_model_of_elsewhere_is_not_run_without_trust(project):
    with open_page(project) as session:
        session.store.meta["model"] = {"estimator": {"class": "os.system"}}
    assert run_trainer(project) == 3
    assert "Say --trust" in Derived(project / "model.db").status["error"]


def test_an_error_is_a_line_of_bounded_length():
    assert in_words(ValueError("a\n  b")) == "ValueError: a b"
    assert len(in_words(ValueError("x" * 9999))) < 510


def test_bad_time_limit(project):
    with pytest.raises(ValueError, match="time_limit must be above 0, got 0"):
        Supervisor(project, time_limit=0)


class Dead:
    """A process that ends as soon as it begins."""

    pid, stdin, returncode = 1, None, 1

    def poll(self):
        return self.returncode

    def kill(self):
        pass

    def wait(self):
        pass


@pytest.fixture
def starts(monkeypatch):
    """When trainers were started, each of them dead at once."""
    when = []
    monkeypatch.setattr(
        _supervisor.subprocess, "Popen", lambda *_, **__: when.append(clock()) or Dead()
    )
    monkeypatch.setattr(_supervisor, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(_supervisor, "LOOK", 0.005)
    return when


clock = time.monotonic


def test_a_trainer_that_keeps_dying_is_started_less_and_less_often(project, starts):
    with Supervisor(project):
        wait_for(lambda: len(starts) > 4)
    gaps = [later - one for one, later in pairwise(starts)]
    assert all(gap >= 0.02 * 2**i for i, gap in enumerate(gaps))


def test_a_trainer_that_cannot_work_is_not_started_again(project, starts, monkeypatch):
    monkeypatch.setattr(Dead, "returncode", _supervisor.CANNOT)
    with Supervisor(project):
        time.sleep(0.1)
    assert len(starts) == 1


def test_the_trainer_imports_nothing_of_the_folder_one_is_in(
    project, tmp_path, monkeypatch
):
    """A folder of images from a stranger may hold a numpy.py."""
    commands = []
    monkeypatch.setattr(
        _supervisor.subprocess,
        "Popen",
        lambda command, **options: commands.append((command, options)) or Dead(),
    )
    monkeypatch.syspath_prepend("")
    with Supervisor(project):
        pass
    command, options = commands[0]
    assert command[1] == "-P"
    assert "" not in options["env"]["PYTHONPATH"].split(os.pathsep)


# Killed at random -------------------------------------------------------------------


def train_for_ever(project):
    """Train in a fork, over and over, until somebody kills it."""
    pid = os.fork()
    if pid == 0:
        try:
            session = open_page(project)
            while True:
                session.train()
        finally:
            os._exit(1)
    return pid


def check_whole(project, n_rows=N_ROWS):
    """Check that what models say is that of one model, and all of it."""
    derived = Derived(project / "model.db")
    model = derived.model()
    if model is None:
        return None
    predictions, (ranking, _) = derived.predictions(), derived.ranking()
    assert len(predictions) in ({0} if model["info"].get("cold") else {n_rows})
    assert len(set(ranking.tolist())) == len(ranking) > 0
    if predictions:
        assert model["n_labels"] == derived.curve()[-1]["n_labels"]
        said = derived.said(model["version"])
        assert all(predictions[item][0] == label for item, label in said.items())
    derived.close()
    return model


def kill_at_random_times(project, n_kills, longest):
    """Kill a trainer that trains over and over, every other time within a later fit."""
    draw = random.Random(0)
    told, versions = {}, set()

    def version():
        model = session.derived.model()
        return 0 if model is None else model["version"]

    with open_page(project) as session:
        for turn in range(n_kills):
            pid, before = train_for_ever(project), version()
            if turn % 2:
                wait_for(lambda before=before: version() > before)
            end = time.monotonic() + draw.uniform(0.05, longest)
            while time.monotonic() < end:
                if len(told) < N_ROWS // 2:  # some stay to be ranked
                    told |= answer(session)
                time.sleep(0.02)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            assert labels_in(session) == told
            check_whole(project)
            versions.add(version())
        told |= answer(session, 10)
        session.train()
        model = check_whole(project)
        shot = session.snapshot()
    assert model["n_labels"] == len(shot.train)
    assert len(shot.train) + len(shot.audit) == len(told)
    return versions


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_trainer_that_is_killed_loses_nothing(project):
    kill_at_random_times(project, 2, 0.1)


@needs_fork
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_trainer_that_is_killed_twenty_times_loses_nothing(project):
    versions = kill_at_random_times(project, 20, 1.5)
    assert len(versions) > 9  # it came far enough to write, in between


# The process itself -------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_trainer_ranks_trains_and_starts_again_when_killed(project):
    with open_page(project) as session, Supervisor(project) as supervisor:
        wait_for(session.derived.model)  # ranked before there is any label
        answer(session, 10)
        wait_for(lambda: session.derived.model()["n_labels"] >= 5)
        first = supervisor.pid
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: supervisor.pid not in (None, first))
        told = answer(session, 20)
        assert told.items() <= labels_in(session).items()
        wait_for(lambda: session.derived.model()["n_labels"] >= 20)
        assert session.derived.predictions()
        second = supervisor.pid
    assert supervisor.pid is None
    assert not is_alive(second)
    assert Derived(project / "model.db").status["phase"] == "stopped"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_trainer_dies_with_its_parent(project):
    code = (
        "import sys, time; from skal.label._supervisor import Supervisor\n"
        f"supervisor = Supervisor({str(project)!r}).start()\n"
        "print(supervisor.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not is_alive(child))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_fit_that_takes_too_long_is_stopped_and_nobody_waits(
    project, tmp_path, monkeypatch
):
    with open_page(project) as session:
        session.train()
        session.store.meta["model"] = {"estimator": {"class": "own_models.Sleeper"}}
        (tmp_path / "own_models.py").write_text(OWN)
        monkeypatch.syspath_prepend(tmp_path)
        before = session.derived.ranking()[0].tolist()
        answer(session, 10)
        status = lambda: session.derived.status  # noqa: E731
        with Supervisor(project, trust=True, time_limit=3) as supervisor:
            wait_for(lambda: status().get("phase") == "training")
            sleeper, took = supervisor.pid, []
            for _ in range(4):
                began = time.monotonic()
                answer(session)
                took.append(time.monotonic() - began)
            wait_for(lambda: "longer than 3 seconds" in status().get("error", ""))
            wait_for(lambda: supervisor.pid not in (None, sleeper))
            assert session.derived.ranking()[0].tolist() == before
    assert max(took) < 2  # on a busy machine; the fit would have slept 600 seconds


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_model_of_the_users_own_that_fails_at_first(project, tmp_path, monkeypatch):
    with open_page(project) as session:
        session.store.meta["model"] = {"estimator": {"class": "own_models.Fragile"}}
        (tmp_path / "own_models.py").write_text(OWN)
        monkeypatch.syspath_prepend(tmp_path)
        answer(session, 10)
        with Supervisor(project, trust=True) as supervisor:
            wait_for(lambda: session.derived.status.get("phase") == "failed")
            assert "too few for me" in session.derived.status["error"]
            pid = supervisor.pid
            answer(session, 30)
            wait_for(session.derived.predictions)
            assert supervisor.pid == pid  # it failed and lived on
