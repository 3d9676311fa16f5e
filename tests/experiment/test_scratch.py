"""Temporary folders of runs: those of runs that were killed are removed."""

import os
import time

from skal._file_lock import FileLock
from skal.experiment import _scratch
from skal.experiment._scratch import remove_orphans, scratch_folder


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
    lock = FileLock(alive / ".owner")
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
