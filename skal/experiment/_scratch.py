"""Temporary folders of runs: the next run removes those whose run was killed."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from skal._file_lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "skal-run-"
OWNER = ".owner"
#: Seconds after which a folder has its lock, if its run is alive.
NEW = 60.0


@contextmanager
def scratch_folder(where: Path | None = None) -> Iterator[Path]:
    """Give a run a temporary folder, which is locked as long as the run lives.

    Parameters
    ----------
    where : Path, default=None
        A folder that is there, which it is to lie in; None is the system's for such.

    Yields
    ------
    Path
        The folder; it is removed when the run has ended.
    """
    where = Path(tempfile.gettempdir()) if where is None else where
    remove_orphans(where)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
    lock = FileLock(folder / OWNER)
    with suppress(OSError):  # where nothing can be locked nothing is found dead
        lock.take()
    try:
        yield folder
    finally:
        lock.free()
        shutil.rmtree(folder, ignore_errors=True)


def remove_orphans(where: Path) -> None:
    """Remove the temporary folders whose run is no more.

    Parameters
    ----------
    where : Path
        The folder that they are in.
    """
    for folder in where.glob(f"{PREFIX}*"):
        lock = FileLock(folder / OWNER)
        try:  # folders of other users are none of ours, nor are links
            if folder.is_symlink() or time.time() - folder.stat().st_mtime < NEW:
                continue
            lock.take(create=False)
        except OSError:  # its run lives, or another run has just removed it
            continue
        lock.free()
        shutil.rmtree(folder, ignore_errors=True)
