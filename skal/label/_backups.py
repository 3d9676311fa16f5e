"""Copies of a database that roll, and the way back from them."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from skal.label._private import make_private_file, make_private_folder, sync_folder

if TYPE_CHECKING:
    from skal.label._database import Database

#: How many copies are kept; the first is the newest.
COPIES = 5
#: A copy is made whenever so many events are new.
EVENTS_A_BACKUP = 500


class Backups:
    """Copies a database in time: now and then, and at the end if anything is new."""

    def __init__(self, database: Database, last_seq: int) -> None:
        self._database = database
        self._written = last_seq
        self._copied = last_seq_in_copies(database.path)

    def written(self, seq: int) -> None:
        """Hear how far the events go, and make a copy if it is time."""
        self._written = max(self._written, seq)
        self._copy_if_new(EVENTS_A_BACKUP)

    def finish(self) -> None:
        """Make a copy if anything is new."""
        self._copy_if_new(1)

    def _copy_if_new(self, enough):
        if self._written - self._copied >= enough:
            self._copied = self._written
            back_up(self._database)


def backups_of(path: Path) -> list[Path]:
    """Return where the copies of a database lie, newest first, there or not."""
    folder = path.parent / "backups"
    return [folder / f"{path.stem}-{i}.db" for i in range(1, COPIES + 1)]


def back_up(database: Database) -> Path | None:
    """Copy a database while it is in use, and let the oldest copy go."""
    if database.path is None:
        return None
    copies = backups_of(database.path)
    make_private_folder(copies[0].parent)
    sweep(copies[0].parent)
    new = copies[0].with_suffix(f".{uuid4().hex}.new")
    make_private_file(new)
    with closing(sqlite3.connect(new)) as copy:
        database.connection().backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, not three
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    for older, younger in zip(copies[:0:-1], copies[-2::-1], strict=True):
        with suppress(FileNotFoundError):  # another process may be at it
            younger.replace(older)
    new.replace(copies[0])
    sync_folder(copies[0].parent)
    return copies[0]


def sweep(folder: Path) -> None:
    """Remove what processes left that were killed while they made a copy."""
    for begun in folder.glob("*.new*"):
        with suppress(FileNotFoundError):
            if time.time() - begun.stat().st_mtime > 3600:
                begun.unlink()


def last_seq_in_copies(path: Path | None) -> int:
    """Return the last event that the newest copy knows, 0 where there is none."""
    if path is None or not backups_of(path)[0].exists():
        return 0
    try:
        with closing(sqlite3.connect(backups_of(path)[0])) as copy:
            return copy.execute("SELECT max(seq) FROM event").fetchone()[0] or 0
    except sqlite3.DatabaseError:  # a copy that is no good is replaced
        return 0


def check_sound(path: Path) -> None:
    """Refuse a damaged database, and say how to go back to a copy of it."""
    with closing(sqlite3.connect(path, timeout=30.0)) as connection:
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, not damaged
                raise
            found = str(error)
    if found == "ok":
        return
    words = " ".join(found.split())
    raise ValueError(
        f"{path} must be a sound SQLite file, got a damaged one ({words}). "
        f"{way_out(path)}"
    )


def way_out(path: Path) -> str:
    """Say how to get a damaged database back."""
    sound = [copy for copy in backups_of(path) if copy.exists()]
    if not sound:
        return "There is no backup beside it."
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(sound[0].stat().st_mtime))
    return (
        f"LabelStore.restore({str(path)!r}) goes back to the backup of {made} and "
        "keeps the damaged file beside it."
    )


def restore(path: Path) -> Path:
    """Put the newest sound copy in place of a database; return the copy's path."""
    for copy in backups_of(path):
        if not copy.exists():
            continue
        try:
            check_sound(copy)
        except ValueError:
            continue
        put_aside(path)
        make_private_file(path)
        with (
            closing(sqlite3.connect(copy)) as source,
            closing(sqlite3.connect(path)) as target,
        ):
            source.backup(target)
        return copy
    raise FileNotFoundError(
        f"path must have a sound backup in {backups_of(path)[0].parent}, got none."
    )


def put_aside(path: Path) -> None:
    """Rename a database and what belongs to it, so that nothing is lost for good."""
    mark = time.strftime("%Y%m%d-%H%M%S")
    for ending in ("", "-wal", "-shm"):
        part = Path(f"{path}{ending}")
        if part.exists():
            part.replace(f"{path}.damaged-{mark}{ending}")
