"""Locks: one holder at a time, and none that has died."""

import os
import signal
import subprocess
import sys
import time

import pytest

from skal import _file_lock
from skal._file_lock import FileLock

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="There is no fork.")


def held_by_another(path, more="time.sleep(60)"):
    """Start a process that has the lock, and return it once it does."""
    code = (
        "import os, pathlib, runpy, sys, time\n"
        "FileLock = runpy.run_path(sys.argv[1])['FileLock']\n"
        "lock = FileLock(pathlib.Path(sys.argv[2]))\n"
        "lock.take()\n"
        f"{more}\n"
    )
    command = [sys.executable, "-S", "-c", code, _file_lock.__file__, str(path)]
    process = subprocess.Popen(command)
    while not path.is_file() or is_free(path):
        time.sleep(0.005)
    return process


def is_free(path):
    lock = FileLock(path)
    try:
        lock.take(create=False)
    except BlockingIOError:
        return False
    lock.free()
    return True


def test_one_holder_at_a_time(tmp_path):
    first, second = FileLock(tmp_path / "a"), FileLock(tmp_path / "a")
    first.take()
    with pytest.raises(BlockingIOError):
        second.take()
    first.free()
    second.take()
    second.free()
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "b").take(create=False)


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
        "if not os.fork():\n"  # the child itself says that it is there
        f"    pathlib.Path({str(noted)!r}).write_text(str(os.getpid()))\n"
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


@posix
def test_a_private_lock_is_held_by_nobody_else(tmp_path):
    lock = FileLock(tmp_path / "a", mode=0o600)
    lock.take()
    assert lock.path.stat().st_mode & 0o777 == 0o600
    lock.free()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="Links are followed.")
def test_links_are_not_followed(tmp_path):
    """In a folder from elsewhere it may lead to any file."""
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic links"):
        FileLock(tmp_path / "a").take()
