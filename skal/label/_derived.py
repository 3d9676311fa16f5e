"""What models say of the items: derived from labels, made anew at any time."""

from __future__ import annotations

import json
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

import numpy as np

from skal.label._remade import RemadeFile

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

#: Raised when a table changes: an older file is thrown away, nothing in it is precious.
VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS model(version INTEGER PRIMARY KEY, seq INTEGER,
    n_labels INTEGER, started REAL, ended REAL, info TEXT);
CREATE TABLE IF NOT EXISTS prediction(item INTEGER PRIMARY KEY, label TEXT,
    confidence REAL);
CREATE TABLE IF NOT EXISTS ranking(rank INTEGER PRIMARY KEY, item INTEGER, score REAL);
CREATE TABLE IF NOT EXISTS curve(version INTEGER PRIMARY KEY, n_labels INTEGER,
    accuracy REAL, low REAL, high REAL, n_audit INTEGER);
CREATE TABLE IF NOT EXISTS status(key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS said(version INTEGER, item INTEGER, label TEXT,
    PRIMARY KEY(version, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feature(digest TEXT, recipe TEXT, value BLOB,
    PRIMARY KEY(digest, recipe)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stamp(path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER,
    digest TEXT);
CREATE INDEX IF NOT EXISTS prediction_of ON prediction(label, confidence);
"""
#: How many models are remembered by what they said of the rows of the audit.
KEPT = 12


class Derived:
    """The tables that trainers write and pages read.

    A refit replaces the predictions and the ranking in one transaction: whoever reads
    sees those of one model, whole. The file may be deleted at any time, also while it
    is open: it is made anew, and the next refit fills it.

    Parameters
    ----------
    path : str or path, default=None
        The file, ``model.db`` of a project; None keeps everything in memory.

    Notes
    -----
    Any thread may call any method; a lock lets them in one by one. Processes meet in
    the file: SQLite in WAL mode lets all of them read while one writes.

    Examples
    --------
    >>> from skal.label._derived import Derived
    >>> derived = Derived()
    >>> derived.publish(seq=2, n_labels=2, ranking=[(7, 0.9), (3, 0.1)],
    ...     predictions=[(3, "cat", 0.8), (7, "dog", 0.6)])
    1
    >>> derived.ranking()
    (array([7, 3]), array([0.9, 0.1]))
    >>> derived.predictions(label="dog")
    {7: ('dog', 0.6)}
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._file = RemadeFile(self.path, VERSION, _TABLES)

    # Written by the trainer ---------------------------------------------------------

    def publish(
        self,
        version: int | None = None,
        seq: int = 0,
        n_labels: int = 0,
        predictions: Iterable[tuple[int, str, float]] = (),
        ranking: Iterable[tuple[int, float | None]] = (),
        curve: tuple[float | None, float | None, float | None, int] | None = None,
        info: Mapping[str, Any] | None = None,
        *,
        started: float | None = None,
        said: Iterable[tuple[int, str]] = (),
        status: Mapping[str, Any] | None = None,
    ) -> int:
        """Replace what the last model said by what a new one says, all at once.

        Parameters
        ----------
        version : int, default=None
            Number of the model; None takes the next.
        seq : int, default=0
            The last event that the model knew.
        n_labels : int, default=0
            How many labels it was trained on.
        predictions : iterable of (item, label, confidence), default=()
            What it takes each item for.
        ranking : iterable of (item, score), default=()
            Items in the order in which to ask them.
        curve : (accuracy, low, high, n_audit), default=None
            Its point on the learning curve, where it has one.
        info : mapping, default=None
            Notes, written as JSON.
        started : float, default=None
            When the refit began; None means now.
        said : iterable of (item, label), default=()
            What it takes the rows of the audit for, kept for the last few models.
        status : mapping, default=None
            Entries of the status that change with it.

        Returns
        -------
        int
            The number of the model.
        """
        now = time()
        with self._file.transaction() as connection:
            if version is None:
                (last,) = connection.execute(
                    "SELECT max(version) FROM model"
                ).fetchone()
                version = (last or 0) + 1
            row = (version, seq, n_labels, started or now, now, _json(info or {}))
            connection.execute("INSERT INTO model VALUES(?, ?, ?, ?, ?, ?)", row)
            connection.execute("DELETE FROM prediction")
            connection.executemany(
                "INSERT INTO prediction VALUES(?, ?, ?)", predictions
            )
            connection.execute("DELETE FROM ranking")
            ranked = ((rank, *one) for rank, one in enumerate(ranking))
            connection.executemany("INSERT INTO ranking VALUES(?, ?, ?)", ranked)
            if curve is not None:
                point = (version, n_labels, *curve)
                connection.execute("INSERT INTO curve VALUES(?, ?, ?, ?, ?, ?)", point)
            connection.executemany(
                "INSERT INTO said VALUES(?, ?, ?)", ((version, *one) for one in said)
            )
            connection.execute("DELETE FROM said WHERE version <= ?", (version - KEPT,))
            _write_status(connection, status or {})
        return version

    def set_status(self, **entries: Any) -> None:
        """Write entries of the status; None removes one.

        Parameters
        ----------
        **entries : dict
            Values that JSON can hold, by name.
        """
        with self._file.transaction() as connection:
            _write_status(connection, entries)

    # Read by everybody --------------------------------------------------------------

    @property
    def status(self) -> dict[str, Any]:
        """What the trainer is at: phase, error, warnings, since and so on."""
        return {
            key: json.loads(value)
            for key, value in self._file.rows("SELECT key, value FROM status")
        }

    def model(self) -> dict[str, Any] | None:
        """Return the newest model, None before the first.

        Returns
        -------
        dict or None
            ``version``, ``seq`` (the last event it knew), ``n_labels``, ``started``,
            ``ended`` and ``info``, its notes.
        """
        found = self.models(1)
        return found[0] if found else None

    def models(self, limit: int = -1) -> list[dict[str, Any]]:
        """List the models, the newest first.

        Parameters
        ----------
        limit : int, default=-1
            How many at most; -1 lists all.

        Returns
        -------
        list of dict
            As :meth:`model` returns them.
        """
        rows = self._file.dicts(
            "SELECT * FROM model ORDER BY version DESC LIMIT ?", limit
        )
        return [{**row, "info": json.loads(row["info"])} for row in rows]

    def ranking(self, limit: int = -1) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the items in the order in which to ask them.

        Parameters
        ----------
        limit : int, default=-1
            How many at most; -1 lists all.

        Returns
        -------
        items : ndarray of int64
            Best first.
        scores : ndarray of float
            How much each is wanted, NaN where the strategy does not say.
        """
        sql = "SELECT item, score FROM ranking ORDER BY rank LIMIT ?"
        rows = self._file.rows(sql, limit)
        items = np.array([item for item, _ in rows], np.int64)
        return items, np.array([score for _, score in rows], float)

    def predictions(
        self,
        items: Sequence[int] | None = None,
        label: str | None = None,
        limit: int = -1,
    ) -> dict[int, tuple[str, float]]:
        """Return what the newest model takes items for.

        Parameters
        ----------
        items : sequence of int, default=None
            These alone, in their order, as far as they are known; None takes all, the
            surest first.
        label : str, default=None
            Those taken for this class alone.
        limit : int, default=-1
            How many at most; -1 lists all.

        Returns
        -------
        dict of int to (str, float)
            For each item the class, and how sure the model is of it.
        """
        sql = "SELECT item, label, confidence FROM prediction"
        if items is None:
            where, given = ("", ()) if label is None else (" WHERE label = ?", (label,))
            sql += f"{where} ORDER BY confidence DESC, item LIMIT ?"
            return {row[0]: row[1:] for row in self._file.rows(sql, *given, limit)}
        wanted = [int(item) for item in items]
        sql += " WHERE item IN (SELECT value FROM json_each(?))"
        found = {row[0]: row[1:] for row in self._file.rows(sql, _json(wanted))}
        kept = [
            (item, found[item])
            for item in wanted
            if item in found and label in (None, found[item][0])
        ]
        return dict(kept if limit < 0 else kept[:limit])

    def curve(self) -> list[dict[str, Any]]:
        """List the points of the learning curve, the oldest first.

        Returns
        -------
        list of dict
            ``version``, ``n_labels``, ``accuracy``, ``low`` and ``high``, None where no
            interval was due, and ``n_audit``.
        """
        return self._file.dicts("SELECT * FROM curve ORDER BY version")

    def said(self, version: int) -> dict[int, str]:
        """Return what one of the last models took the rows of the audit for.

        Parameters
        ----------
        version : int
            Number of the model.

        Returns
        -------
        dict of int to str
            A label for each item; empty for a model that is no longer remembered.
        """
        sql = "SELECT item, label FROM said WHERE version = ?"
        return dict(self._file.rows(sql, version))

    # What costs much to work out again ------------------------------------------------

    def features(
        self, recipe: str, digests: Iterable[str], dtype: Any
    ) -> dict[str, NDArray[Any]]:
        """Return the features that were kept, by the digest of the content.

        Parameters
        ----------
        recipe : str
            How features are made; others are not returned.
        digests : iterable of str
            Whose features.
        dtype : dtype
            What they were kept in.

        Returns
        -------
        dict of str to ndarray
            Those that are there.
        """
        sql = (
            "SELECT digest, value FROM feature WHERE recipe = ? AND "
            "digest IN (SELECT value FROM json_each(?))"
        )
        rows = self._file.rows(sql, recipe, _json(list(digests)))
        return {digest: np.frombuffer(value, dtype) for digest, value in rows}

    def keep_features(self, recipe: str, features: Mapping[str, NDArray[Any]]) -> None:
        """Keep features for another time.

        Parameters
        ----------
        recipe : str
            How they were made.
        features : mapping of str to ndarray
            By the digest of the content.
        """
        rows = (
            (digest, recipe, np.ascontiguousarray(value).tobytes())
            for digest, value in features.items()
        )
        with self._file.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO feature VALUES(?, ?, ?)", rows
            )

    def stamps(self) -> dict[str, tuple[int, int, str]]:
        """Return size, time of change and digest of each file, as they were seen last.

        Returns
        -------
        dict of str to (int, int, str)
            By the path of the file.
        """
        rows = self._file.rows("SELECT path, size, mtime, digest FROM stamp")
        return {path: (size, mtime, digest) for path, size, mtime, digest in rows}

    def keep_stamps(self, stamps: Mapping[str, tuple[int, int, str]]) -> None:
        """Keep size, time of change and digest of files, in place of those before.

        Parameters
        ----------
        stamps : mapping of str to (int, int, str)
            By the path of the file.
        """
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM stamp")
            rows = ((path, *stamp) for path, stamp in stamps.items())
            connection.executemany("INSERT INTO stamp VALUES(?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file; what is in memory alone is gone."""
        self._file.close()


def _write_status(connection, entries):
    gone = [(key,) for key, value in entries.items() if value is None]
    kept = [(key, _json(value)) for key, value in entries.items() if value is not None]
    connection.executemany("DELETE FROM status WHERE key = ?", gone)
    connection.executemany("INSERT OR REPLACE INTO status VALUES(?, ?)", kept)


def _json(value):
    return json.dumps(value, ensure_ascii=False)
