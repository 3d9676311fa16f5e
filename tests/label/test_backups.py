"""Copies of a store roll, damage is found, and the way back is told and works."""

import os
import sqlite3
import time
from contextlib import closing

import pytest

from skal.label import Event, LabelStore, _backups


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        store.set_items([(f"{i}", f"sha256:{i}") for i in range(300)])
        store.append([Event(i, "ann", "label", "cat") for i in range(1, 301)])
    return path


def labels_in(path):
    with closing(sqlite3.connect(path)) as copy:
        return copy.execute("SELECT count(*) FROM event").fetchone()[0]


def damage(path):
    """Overwrite pages in the middle of a file."""
    size = path.stat().st_size
    with path.open("rb+") as file:
        for at in range(size // 3, size - 600, 700):
            file.seek(at)
            file.write(b"\xff\x00damage" * 60)


def test_closing_makes_a_backup_if_anything_is_new(path):
    folder = path.parent / "backups"
    assert [p.name for p in folder.iterdir()] == ["labels-1.db"]
    LabelStore(path).close()
    assert [p.name for p in folder.iterdir()] == ["labels-1.db"]
    with LabelStore(path) as store:
        store.append([Event(1, "ann", "skip")])
    assert labels_in(folder / "labels-1.db") == 301
    assert labels_in(folder / "labels-2.db") == 300


def test_five_backups_roll(path):
    with LabelStore(path) as store:
        for i in range(1, 8):
            store.append([Event(i, "ann", "skip")])
            store.backup()
        folder = path.parent / "backups"
        found = [labels_in(folder / f"labels-{i}.db") for i in range(1, 6)]
    assert found == [307, 306, 305, 304, 303]
    assert len([*folder.iterdir()]) == 5


def test_a_backup_is_made_now_and_then(path, monkeypatch):
    monkeypatch.setattr(_backups, "EVENTS_A_BACKUP", 10)
    with LabelStore(path) as store:
        for i in range(1, 26):
            store.append([Event(i, "ann", "skip")])
        newest = path.parent / "backups" / "labels-1.db"
        assert labels_in(newest) == 320
        assert labels_in(newest.with_name("labels-2.db")) == 310


def test_what_a_killed_process_left_is_backed_up_by_the_next(path):
    store = LabelStore(path)
    store.append([Event(1, "ann", "skip")])
    store._database.close()  # without a backup, as a kill would
    LabelStore(path).close()
    assert labels_in(path.parent / "backups" / "labels-1.db") == 301


def test_copies_that_were_never_finished_are_swept(path):
    folder = path.parent / "backups"
    for name, age in (("labels-1.77.new", 7200), ("labels-1.78.new", 0)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    with LabelStore(path) as store:
        store.backup()
    left = sorted(p.name for p in folder.iterdir())
    assert left == ["labels-1.78.new", "labels-1.db", "labels-2.db"]


def test_a_store_in_memory_has_no_backup():
    assert LabelStore().backup() is None


def test_damage_is_found_and_a_backup_restores(path):
    damage(path)
    with pytest.raises(ValueError, match=r"damaged one .*LabelStore\.restore\('"):
        LabelStore(path)
    copy = LabelStore.restore(path)
    assert copy.name == "labels-1.db"
    with LabelStore(path) as store:
        assert len(store.current()) == 300
        assert store._database.pragma("synchronous") == 2
        store.append([Event(1, "ann", "skip")])
    kept = [p.name for p in path.parent.iterdir() if "damaged" in p.name]
    assert len(kept) >= 1  # the damaged file is still there to look at


def test_what_is_no_database_is_found(path):
    path.write_bytes(b"<html>" * 1000)
    with pytest.raises(ValueError, match="sound SQLite file"):
        LabelStore(path)


def test_a_damaged_backup_is_passed_over(path):
    with LabelStore(path) as store:
        store.append([Event(1, "ann", "skip")])
    damage(path)
    damage(path.parent / "backups" / "labels-1.db")
    assert LabelStore.restore(path).name == "labels-2.db"
    with LabelStore(path) as store:
        assert store.last_seq() == 300


def test_without_a_backup_the_error_says_so(tmp_path):
    path = tmp_path / "labels.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(ValueError, match="There is no backup beside it"):
        LabelStore(path)
    with pytest.raises(FileNotFoundError, match="path must have a sound backup"):
        LabelStore.restore(path)
    assert path.exists()
