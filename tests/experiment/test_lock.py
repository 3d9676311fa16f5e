"""Locks: one holder at a time, and none that has died."""

import os
import signal
import subprocess
import sys
import time

import pytest

from skal.experiment import _lock, _scratch
from skal.experiment._lock import Lock
from skal.experiment._scratch import remove_orphans, scratch_folder

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="There is no fork.")


def held_by_another(path, more="time.sleep(60)"):
    """Start a process that has the lock, and return it once it does."""
    code = (
        "import os, pathlib, runpy, sys, time\n"
        "Lock = runpy.run_path(sys.argv[1])['Lock']\n"
        "lock = Lock(pathlib.Path(sys.argv[2]))\n"
        "lock.take()\n"
        f"{more}\n"
    )
    command = [sys.executable, "-S", "-c", code, _lock.__file__, str(path)]
    process = subprocess.Popen(command)
    while not path.is_file() or is_free(path):
        time.sleep(0.005)
    return process


def is_free(path):
    lock = Lock(path)
    try:
        lock.take(create=False)
    except BlockingIOError:
        return False
    lock.free()
    return True


def test_one_holder_at_a_time(tmp_path):
    first, second = Lock(tmp_path / "a"), Lock(tmp_path / "a")
    first.take()
    with pytest.raises(BlockingIOError):
        second.take()
    first.free()
    second.take()
    second.free()
    with pytest.raises(FileNotFoundError):
        Lock(tmp_path / "b").take(create=False)


def test_a_killed_holder_holds_it_no_more(tmp_path):
    process = held_by_another(tmp_path / "a")
    process.kill()
    process.wait()
    assert is_free(tmp_path / "a")


@posix
def test_what_a_killed_holder_has_forked_does_not_hold_it(tmp_path):
    """A forked worker that outlived its parent kept the lock of the parent."""
    noted = tmp_path / "child"
    more = (
        "if child := os.fork():\n"
        f"    pathlib.Path({str(noted)!r}).write_text(str(child))\n"
        "time.sleep(60)"
    )
    process = held_by_another(tmp_path / "a", more)
    while not noted.is_file() or not noted.read_text():
        time.sleep(0.005)
    process.kill()
    process.wait()
    try:
        assert is_free(tmp_path / "a")
    finally:
        os.kill(int(noted.read_text()), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="Links are followed.")
def test_links_are_not_followed(tmp_path):
    """In a folder from elsewhere it may lead to any file."""
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic links"):
        Lock(tmp_path / "a").take()


# Temporary folders ----------------------------------------------------------------


def left_behind(where, name, seconds=100.0):
    folder = where / f"skal-run-{name}"
    folder.mkdir()
    (folder / ".owner").touch()
    then = time.time() - seconds
    os.utime(folder, (then, then))
    return folder


def test_folders_of_runs_that_died_are_removed(tmp_path, monkeypatch):
    """After every kill one stayed behind."""
    monkeypatch.setattr(_scratch.tempfile, "tempdir", str(tmp_path))
    dead, alive = left_behind(tmp_path, "dead"), left_behind(tmp_path, "alive")
    new = left_behind(tmp_path, "new", seconds=0.0)
    other = tmp_path / "skal-run-other"
    other.mkdir()
    os.utime(other, (0, 0))
    link = tmp_path / "skal-run-link"
    link.symlink_to(left_behind(tmp_path, "elsewhere").rename(tmp_path / "elsewhere"))
    lock = Lock(alive / ".owner")
    lock.take()
    with scratch_folder() as folder:
        assert not dead.exists()
        assert {*tmp_path.iterdir()} == {
            *(folder, alive, new, other, link, tmp_path / "elsewhere")
        }
        os.utime(folder, (0, 0))
        remove_orphans(tmp_path)
        assert folder.is_dir()
    assert not folder.exists()
    lock.free()
