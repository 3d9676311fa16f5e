"""Stores of older versions are brought to the newest, all of it or nothing."""

import sqlite3
from contextlib import closing

import pytest

from skal.label import Event, LabelStore, _schema


@pytest.fixture
def path(tmp_path):
    """Return a store of today with a label in it."""
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        store.set_items([("a", "sha256:a")])
        store.append([Event(1, "ann", "label", "cat")])
    return path


def test_an_empty_file_becomes_a_store(tmp_path):
    path = tmp_path / "labels.db"
    path.touch()
    with LabelStore(path) as store:
        assert store._database.pragma("user_version") == len(_schema.STEPS)
        assert store.events() == []


def test_an_older_store_is_brought_forward_after_a_backup(path, monkeypatch):
    step = (
        "ALTER TABLE event ADD COLUMN mood TEXT",
        "CREATE TABLE tag (item INTEGER REFERENCES item (item), tag TEXT)",
    )
    monkeypatch.setattr(_schema, "STEPS", [*_schema.STEPS, step])
    with LabelStore(path) as store:
        assert store._database.pragma("user_version") == 2
        assert [row["mood"] for row in store._database.rows("SELECT mood FROM event")]
        assert [e.value for e in store.current()] == ["cat"]
        store.append([Event(1, "ann", "label", "dog")])
    with closing(sqlite3.connect(path.parent / "backups/labels-2.db")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        assert copy.execute("SELECT value FROM event").fetchall() == [("cat",)]


def test_a_step_that_fails_changes_nothing(path, monkeypatch):
    step = ("ALTER TABLE event ADD COLUMN mood TEXT", "CREATE TABLE event (x)")
    with monkeypatch.context() as patch:
        patch.setattr(_schema, "STEPS", [*_schema.STEPS, step])
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            LabelStore(path)
    with LabelStore(path) as store:
        assert store._database.pragma("user_version") == 1
        columns = store._database.rows("PRAGMA table_info(event)")
        assert "mood" not in [row["name"] for row in columns]
        assert [e.value for e in store.current()] == ["cat"]


def test_a_newer_store_is_left_alone(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ValueError, match=r"version 1 or older, got 99.*Update skal"):
        LabelStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
