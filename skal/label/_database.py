"""One SQLite file, opened so that what it has acknowledged cannot be lost."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skal.label._private import make_private_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Seconds that a writer waits for another process before it gives up.
WAIT = 30.0
#: File systems of other machines: locks and shared memory cannot be trusted there.
REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "ceph"}


@dataclass(frozen=True, eq=False)
class _Opened:
    """A connection, and the thread that it was opened for."""

    process: int
    thread: threading.Thread
    connection: sqlite3.Connection


class Database:
    """A SQLite file, or one in memory, that threads and processes may share.

    Each thread has a connection of its own; the threads of a process take turns to
    write. In memory there is one connection, and its readers take turns too.

    Parameters
    ----------
    path : Path or None, default=None
        The file, made with mode 0600 where it is not there; None keeps all in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._local = threading.local()
        self._opened: list[_Opened] = []
        self._closed = False
        self._memory = self._connect() if path is None else None
        if path is not None:
            make_private_file(path)
            self._journal = self._wanted_journal()
            self.connection()

    def connection(self) -> sqlite3.Connection:
        """Return the connection of this thread."""
        if self._closed:
            raise ValueError("store must be open, got a closed one. Open it again.")
        if self._memory is not None:
            return self._memory
        known = getattr(self._local, "known", None)
        # A forked child must not touch the connection of its parent.
        if known is None or known[0] != os.getpid():
            known = self._local.known = os.getpid(), self._connect()
        return known[1]

    def rows(self, sql: str, params: Any = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        if self._memory is None:
            return self.connection().execute(sql, params).fetchall()
        with self._lock:
            return self.connection().execute(sql, params).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is written inside, all of it or nothing; parts may nest."""
        with self._lock:
            connection = self.connection()
            if connection.in_transaction:
                yield connection
                return
            with committed(connection):
                yield connection

    def pragma(self, name: str) -> Any:
        """Return a setting of the connection of this thread."""
        return self.rows(f"PRAGMA {name}")[0][0]

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing can be read or written any more."""
        return self._closed

    def close(self) -> None:
        """Close the connections of all threads; closing again does nothing."""
        with self._lock:
            self._closed = True
            self._let_go(lambda opened: True)

    def __del__(self) -> None:
        if hasattr(self, "_opened"):
            self._let_go(lambda opened: True)

    def _let_go(self, of):
        """Close connections of this process; a parent's are the parent's."""
        for opened in [one for one in self._opened if of(one)]:
            self._opened.remove(opened)
            if opened.process == os.getpid():
                opened.connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            ":memory:" if self.path is None else self.path,
            timeout=WAIT,
            isolation_level=None,  # BEGIN and COMMIT are ours
            check_same_thread=False,  # close() closes those of other threads
        )
        connection.row_factory = sqlite3.Row
        with self._lock:
            self._let_go(lambda opened: not opened.thread.is_alive())
            thread = threading.current_thread()
            self._opened.append(_Opened(os.getpid(), thread, connection))
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")  # REPLACE deletes, too
        # Views and triggers of a file from a stranger may not call what can harm.
        connection.execute("PRAGMA trusted_schema = OFF")
        if self.path is not None:
            self._make_durable(connection)
        return connection

    def _make_durable(self, connection: sqlite3.Connection) -> None:
        in_wal = set_journal(connection, self._journal) == "wal"
        if self._journal == "WAL" and not in_wal:
            self._journal = "DELETE"
            set_journal(connection, "DELETE")
            self._warn_of_journal()
        # Without WAL, FULL leaves a moment in which a commit can be taken back.
        level = "FULL" if in_wal else "EXTRA"
        connection.execute(f"PRAGMA synchronous = {level}")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: past the disk's own cache

    def _wanted_journal(self) -> str:
        if file_system_of(self.path) in REMOTE:
            self._warn_of_journal()
            return "DELETE"
        return "WAL"

    def _warn_of_journal(self) -> None:
        warnings.warn(
            f"{self.path} lies on a file system that cannot keep a write-ahead log. "
            "Labels are as safe, but readers and writers wait for each other. A "
            "project on a local disk does not.",
            UserWarning,
            stacklevel=6,
        )


def set_journal(connection: sqlite3.Connection, mode: str) -> str:
    """Ask for a journal mode; return the one that there is.

    While somebody else begins to write to a new file SQLite calls it locked at once,
    and does not wait as it does for all else.
    """
    until = time.monotonic() + WAIT
    while True:
        try:
            (found,) = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return found


@contextmanager
def committed(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is written inside, all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise


def file_system_of(path):
    """Return the type of the file system that a file lies on; "" where unknown."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    place, best = str(path.resolve()), ("", "")
    for line in mounts.read_text("utf-8", "replace").splitlines():
        _, where, kind, *_ = line.split(" ")
        where = where.replace("\\040", " ")
        inside = place == where or place.startswith(where.rstrip("/") + "/")
        if inside and len(where) >= len(best[0]):
            best = where, kind
    return best[1]
