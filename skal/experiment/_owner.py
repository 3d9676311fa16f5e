"""One run at a time in a folder of results."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from time import strftime
from typing import TYPE_CHECKING
from warnings import warn

from skal._file_lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The file that is locked; it holds who has the folder, and stays there, empty.
OWNER = ".owner"
#: Folder -> (process, thread) that has it: within a run it is taken anew for nothing.
_OWNERS: dict[Path, tuple[int, int]] = {}


@contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Have a folder to oneself; it is made where it is not there.

    Parameters
    ----------
    directory : Path
        The folder.

    Raises
    ------
    BlockingIOError
        If another run has it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    place = directory.resolve()
    if _OWNERS.get(place) == _me():
        yield
        return
    lock = _locked(directory)
    _OWNERS[place] = _me()
    try:
        _write(lock, _myself())
        yield
    finally:
        _OWNERS.pop(place, None)
        _write(lock, b"")
        lock.free()


def check_free(directory: Path) -> None:
    """Refuse a folder that a run has."""
    if (directory / OWNER).is_file() and _OWNERS.get(directory.resolve()) != _me():
        _locked(directory).free()


def _me():
    return os.getpid(), get_ident()


def _locked(directory):
    """Take the lock, or say who has it."""
    lock = FileLock(directory / OWNER)
    try:
        lock.take()
    except BlockingIOError as error:
        raise BlockingIOError(
            f"directory must be free, got {str(directory)!r}, into which "
            f"{_owner(lock.path)}. Wait until that has ended and run again, which "
            "computes nothing twice, or choose another folder."
        ) from error
    except PermissionError:
        raise
    except OSError as error:
        warn(
            f"{str(directory)!r} lies where files cannot be locked ({error.strerror}). "
            "Take care that one run at a time writes into it.",
            stacklevel=4,
        )
    return lock


def _myself():
    who = {
        "process": os.getpid(),
        "machine": socket.gethostname(),
        "since": strftime("%Y-%m-%d %H:%M:%S"),
    }
    return json.dumps(who).encode()


def _write(lock, content):
    if lock.file is not None:
        lock.file.seek(0)
        lock.file.truncate()
        lock.file.write(content)


def _owner(path):
    """Say who has a folder; it may have been taken just now."""
    try:
        who = json.loads(path.read_bytes())
        return (
            f"process {who['process']} on {who['machine']} has been running an "
            f"experiment since {who['since']}"
        )
    except (OSError, ValueError, TypeError, KeyError):
        return "another process is running an experiment"
