"""A folder of results has one run at a time."""

import errno
import os
import threading

import pytest
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from skal import _file_lock
from skal.experiment import Experiment
from skal.experiment._owner import owned


def small(**more):
    settings = {"n_labels": 30, "n_initial": 10, "seeds": 1, **more}
    return Experiment(GaussianNB(), ["random"], load_iris(return_X_y=True), **settings)


def in_a_thread(call):
    """Return what a call returns or raises in a thread of its own."""
    found = []

    def run():
        try:
            found.append(call())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("method", ["run", "check"])
def test_the_second_run_is_told_who_has_the_folder(tmp_path, method):
    """Runs that started together removed each other's files."""
    call = getattr(small(), method)
    with owned(tmp_path):
        error = in_a_thread(lambda: call(tmp_path))
        assert isinstance(error, BlockingIOError)
        text = str(error)
        assert text.startswith(f"directory must be free, got {str(tmp_path)!r}, into")
        assert f"process {os.getpid()} on " in text
        assert "since 20" in text
        assert "Wait until that has ended and run again" in text
        assert "choose another folder" in text
        assert call(tmp_path)  # whoever has it may go on
    assert in_a_thread(lambda: call(tmp_path))
    assert (tmp_path / ".owner").read_bytes() == b""


def test_a_run_that_fails_gives_the_folder_back(tmp_path):
    def fail():
        with owned(tmp_path):
            raise ArithmeticError

    assert isinstance(in_a_thread(fail), ArithmeticError)
    assert small().run(tmp_path).records


def test_where_files_cannot_be_locked_it_warns(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_file_lock, "_take", fail)
    with pytest.warns(UserWarning, match="cannot be locked .No locks available"):
        assert small().run(tmp_path).records


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="Links are followed.")
def test_a_link_for_a_lock_is_not_followed(tmp_path):
    """What it leads to would be replaced."""
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / ".owner").symlink_to(tmp_path / "mine")
    with pytest.warns(UserWarning, match="cannot be locked"):
        small().run(tmp_path / "results")
    assert (tmp_path / "mine").read_text() == "mine"
