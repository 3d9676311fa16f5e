"""One SQLite file of what can be made anew, and may be deleted at any time."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from skal.label._database import committed, set_journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class RemadeFile:
    """A SQLite file that is made anew where it is deleted, damaged or old.

    One connection for all threads, who take turns.

    Parameters
    ----------
    path : Path or None
        The file; None keeps all in memory.
    version : int
        Of the tables; a file of another is thrown away.
    tables : str
        What makes the tables that are not there.
    """

    def __init__(self, path: Path | None, version: int, tables: str) -> None:
        self.path = path
        self.version = version
        self.tables = tables
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None

    def rows(self, sql: str, *given: Any) -> list[Any]:
        """Return all rows of a query."""
        with self._lock:
            return self._connected().execute(sql, given).fetchall()

    def dicts(self, sql: str, *given: Any) -> list[dict[str, Any]]:
        """Return all rows of a query, by the names of their columns."""
        with self._lock:
            found = self._connected().execute(sql, given)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is written inside, all of it or nothing."""
        with self._lock:
            connection = self._connected()
            with committed(connection):
                yield connection

    def _connected(self):
        """Return the connection; a new one where the file has been replaced."""
        if self._connection is not None and self._inode == _inode(self.path):
            return self._connection
        if self._connection is not None:
            self._connection.close()
        self._connection = self._open()
        self._inode = _inode(self.path)
        return self._connection

    def _open(self):
        """Open the tables; a file that is damaged, or of another version, goes."""
        path = self.path
        if path is None:
            return self._connect(":memory:")
        if not path.exists():  # never readable by others, not for a moment
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            return self._connect(path)
        except sqlite3.DatabaseError as error:
            # Locked, or no place to write: not damaged.
            if isinstance(error, sqlite3.OperationalError):
                raise
        for name in (path, f"{path}-wal", f"{path}-shm"):
            Path(name).unlink(missing_ok=True)
        return self._open()

    def _connect(self, path):
        connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, self.version):
                raise sqlite3.DatabaseError(f"of version {version}")
            # May be lost with the power: it is made anew. So no wait for the disk.
            connection.execute("PRAGMA synchronous = NORMAL")
            if path != ":memory:":
                set_journal(connection, "WAL")
            connection.executescript(
                f"{self.tables} PRAGMA user_version = {self.version};"
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the file; what is in memory alone is gone."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None


def _inode(path):
    try:
        return None if path is None else os.stat(path).st_ino
    except FileNotFoundError:
        return -1
