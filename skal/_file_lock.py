"""A lock that one process holds at a time, and that goes with it, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO
from weakref import WeakSet

if sys.platform == "win32":
    import msvcrt

    # A byte that no reader wants: Windows keeps others from reading what is locked.
    FAR = 2**30

    def _take(file: IO[bytes]) -> None:
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
        finally:
            file.seek(0)
else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """The lock on a file.

    The system holds it for the process and frees it when the process ends, killed or
    not: flock on Linux and macOS, which NFS (from version 4, or with its lock daemon)
    and SMB pass on to the server; a locked byte on Windows.

    Parameters
    ----------
    path : Path
        The file; its folder must be there.
    mode : int, default=0o666
        Who may read and write it where it is made, less the umask. Whoever may read it
        can hold it.
    """

    def __init__(self, path: Path, mode: int = 0o666) -> None:
        self.path = path
        self.mode = mode
        self.file: IO[bytes] | None = None

    def take(self, *, create: bool = True) -> None:
        """Take it at once.

        Parameters
        ----------
        create : bool, default=True
            Whether to make a file that is not there.

        Raises
        ------
        BlockingIOError
            If it is held, by another process or by this one.
        OSError
            If the file cannot be opened, or the file system has no locks.
        """
        # Not where a link leads: in a stranger's folder that may be any file.
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
        flags |= os.O_CREAT if create else 0
        file = os.fdopen(os.open(self.path, flags, self.mode), "r+b", buffering=0)
        try:
            _take(file)
        except OSError:
            file.close()
            raise
        self.file = file
        _HELD.add(self)

    def free(self) -> None:
        """Let others have it."""
        if self.file is not None:
            self.file.close()
            self.file = None


#: A forked child has the locks of its parent too, and would hold them after its death.
_HELD: WeakSet[FileLock] = WeakSet()


def _leave_to_the_parent() -> None:
    for lock in _HELD:
        lock.free()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)
