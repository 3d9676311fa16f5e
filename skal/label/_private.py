"""Files and folders that nobody but their owner may read, and that outlast a crash."""

from __future__ import annotations

import os
import stat


def make_private_file(path):
    """Make a file that only its owner can read, or take the others' rights away."""
    new = not path.exists()
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if new:
        sync_folder(path.parent)
    if stat.S_IMODE(path.stat().st_mode) != 0o600:
        path.chmod(0o600)


def sync_folder(path):
    """Wait until the names in a folder are on disk, where folders can be opened."""
    if os.name == "nt":
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_private_folder(path):
    """Make a folder that only its owner can enter, or take the others' rights away."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) != 0o700:
        path.chmod(0o700)


def write_private(path, text):
    """Write a file that nobody else could read at any moment."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
