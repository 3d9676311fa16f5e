"""A store keeps every event, whatever happens, and tells what counts today."""

import copy
import os
import pickle
import sqlite3
import stat
import threading
from dataclasses import replace

import numpy as np
import pytest

from skal.label import Event, LabelStore, _database


@pytest.fixture
def store(tmp_path):
    with LabelStore(tmp_path / "p" / "labels.db") as store:
        store.set_items([(name, f"sha256:{name}") for name in "abc"])
        yield store


def said(store):
    return [(e.item, e.annotator, e.kind, e.value) for e in store.current()]


# What is on disk ---------------------------------------------------------------------


def test_a_commit_waits_for_the_disk(store):
    pragma = store._database.pragma
    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("foreign_keys") == 1
    assert pragma("fullfsync") == 1
    assert pragma("user_version") == 1


def test_each_thread_waits_for_the_disk(store):
    found = []
    thread = threading.Thread(
        target=lambda: found.append(
            [store._database.pragma(name) for name in ("journal_mode", "synchronous")]
        )
    )
    thread.start()
    thread.join()
    assert found == [["wal", 2]]


def test_without_a_write_ahead_log_labels_are_as_safe(tmp_path, monkeypatch):
    monkeypatch.setattr(_database, "file_system_of", lambda path: "nfs4")
    with pytest.warns(UserWarning, match="local disk"):
        store = LabelStore(tmp_path / "labels.db")
    with store:
        assert store._database.pragma("journal_mode") == "delete"
        assert store._database.pragma("synchronous") == 3  # EXTRA
        store.set_items([("a", "")])
        assert store.append([Event(1, "ann", "label", "cat")]) == [1]


def test_the_file_system_of_a_path_is_that_of_the_innermost_mount(
    monkeypatch, tmp_path
):
    mounts = "/dev/vda / ext4 rw 0 0\nhost:/x /mnt/my\\040share nfs4 rw 0 0\n"
    monkeypatch.setattr(_database.Path, "exists", lambda self: True)
    monkeypatch.setattr(_database.Path, "read_text", lambda self, *args: mounts)
    path = _database.Path
    assert _database.file_system_of(path("/mnt/my share/p/labels.db")) == "nfs4"
    assert _database.file_system_of(path("/mnt/my shared/labels.db")) == "ext4"


def test_nobody_else_may_read(tmp_path):
    before = os.umask(0)
    try:
        folder = tmp_path / "project"
        with LabelStore(folder / "labels.db") as store:
            store.set_items([("a", "")])
            store.append([Event(1, "ann", "label", "cat")])
            store.backup()
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode)
                for path in [folder, *folder.rglob("*")]
            }
    finally:
        os.umask(before)
    folders = {"project": 0o700, "backups": 0o700}
    assert {name: folders.get(name, 0o600) for name in modes} == modes
    assert {"labels.db", "labels.db-wal", "labels.db-shm", "labels-1.db"} <= {*modes}


def test_a_folder_that_was_there_is_left_as_it_is(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(0o755)
    LabelStore(folder / "labels.db").close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "labels.db"
    path.touch(mode=0o644)
    LabelStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_written_is_there_when_it_is_opened_again(tmp_path):
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        store.set_items([("a", "sha256:1")])
        event = Event(1, "ann", "label", "cat", lead_ms=12.5, p_select=0.25, rank=3)
        store.append([event])
        store.meta["classes"] = ["cat", 3]
    with LabelStore(path) as store:
        assert store.events() == [replace(event, seq=1)]
        assert store.meta["classes"] == ["cat", 3]


# Events ------------------------------------------------------------------------------


def test_events_are_never_changed_or_deleted(store):
    store.append([Event(1, "ann", "label", "cat")])
    connection = store._database.connection()
    for sql in (
        "UPDATE event SET value = 'dog'",
        "DELETE FROM event",
        "REPLACE INTO event SELECT * FROM event",
        "INSERT OR REPLACE INTO event (seq, event, item, annotator, kind, time) "
        "VALUES (1, 'x', 1, 'ann', 'skip', 0)",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            connection.execute(sql)
    assert said(store) == [(1, "ann", "label", "cat")]


def test_an_event_that_is_reported_again_is_not_added_again(store):
    event = Event(1, "ann", "label", "cat")
    later = replace(event, time=event.time + 60)
    assert store.append([event]) == store.append([later]) == [1]
    assert store.append([event, event, Event(2, "ann", "skip")]) == [1, 1, 2]
    assert store.last_seq() == 2


def test_a_name_stands_for_one_event(store):
    event = Event(1, "ann", "label", "cat")
    store.append([event])
    for other in (
        replace(event, value="dog"),
        replace(event, item=2),
        replace(event, annotator="bob"),
    ):
        with pytest.raises(ValueError, match=r"names a label by 'ann'.*new UUID"):
            store.append([Event(3, "ann", "label", "cat"), other])
    assert store.last_seq() == 1  # nothing of the rest, either


BAD = [
    ({"kind": "lable"}, ValueError, "kind must be one of 'label'"),
    ({"annotator": ""}, ValueError, "annotator must be text"),
    ({"annotator": 3}, TypeError, "annotator must be text"),
    ({"value": None}, TypeError, "value must be text"),
    ({"value": ""}, ValueError, "value must be text of at least one letter"),
    ({"value": "a\0b"}, ValueError, "value must be text"),
    ({"value": "\ud800"}, ValueError, "UTF-8"),
    ({"value": "x" * 10_001}, ValueError, "at most 10000 letters"),
    ({"item": None}, ValueError, "item must be the number of a row"),
    ({"item": "1"}, TypeError, "item must be the number of a row"),
    ({"item": True}, TypeError, "item must be the number of a row"),
    ({"item": 99}, ValueError, "item must be the number of a row in the store"),
    ({"event": ""}, ValueError, "event must be text"),
    ({"event": "x" * 101}, ValueError, "at most 100 letters"),
    ({"source": "guess"}, ValueError, "source must be one of"),
    ({"lead_ms": "soon"}, TypeError, "lead_ms must be a number"),
    ({"time": None}, TypeError, "time must be a number"),
    ({"lead_ms": float("nan")}, ValueError, "lead_ms must be a finite number"),
    ({"rank": 2**70}, ValueError, "rank must be a finite number"),
    ({"target": "x"}, ValueError, "target must be None for a label"),
    ({"kind": "undo", "target": "x"}, ValueError, "target must name an event"),
    ({"kind": "undo"}, TypeError, "target must be text"),
    ({"batch": ""}, ValueError, "batch must be text"),
]


@pytest.mark.parametrize(("change", "error", "words"), BAD)
def test_a_bad_event_is_refused_before_anything_is_written(store, change, error, words):
    good = Event(1, "ann", "label", "cat")
    with pytest.raises(error, match=words):
        store.append([good, replace(good, **{"event": "new", **change})])
    assert store.last_seq() == 0
    assert store.annotators() == []


def test_numbers_of_numpy_are_numbers(store):
    event = Event(np.int64(1), "ann", "label", "cat", rank=np.int32(4), score=np.pi)
    store.append([event])
    assert store.current()[0].item == 1
    assert store.events(after=np.int64(0), item=np.int64(1))[0].rank == 4
    assert store.lease("ann", np.array([2]))[0].item == 2


def test_only_events_are_events(store):
    with pytest.raises(TypeError, match="events must be a list of Event"):
        store.append(["label"])


def test_events_are_found_by_person_row_and_place(store):
    store.append(
        [
            Event(1, "ann", "label", "cat"),
            Event(2, "bob", "label", "dog"),
            Event(1, "bob", "note", "blurred"),
        ]
    )
    assert [e.seq for e in store.events(annotator="bob")] == [2, 3]
    assert [e.seq for e in store.events(item=1)] == [1, 3]
    assert [e.seq for e in store.events(after=1, limit=1)] == [2]
    assert store.annotators() == ["ann", "bob"]


def test_the_last_word_of_each_person_counts(store):
    store.append(
        [
            Event(1, "ann", "label", "cat"),
            Event(1, "bob", "label", "dog"),
            Event(1, "ann", "skip"),
            Event(2, "ann", "discard"),
            Event(2, "ann", "note", "not a cat"),
        ]
    )
    assert said(store) == [
        (1, "bob", "label", "dog"),
        (1, "ann", "skip", None),
        (2, "ann", "discard", None),
    ]


# Undo --------------------------------------------------------------------------------


def test_undo_takes_back_and_redo_brings_back(store):
    store.append([Event(1, "ann", "label", "cat")])
    store.append([Event(1, "ann", "label", "dog")])
    assert store.undo("ann").value == "dog"
    assert said(store) == [(1, "ann", "label", "cat")]
    assert store.undo("ann").value == "cat"
    assert store.undo("ann") is None
    assert said(store) == []
    assert store.redo("ann").value == "cat"
    assert store.redo("ann").value == "dog"
    assert store.redo("ann") is None
    assert said(store) == [(1, "ann", "label", "dog")]
    assert store.last_seq() == 6  # all of it stays in the record


def test_something_new_ends_what_could_be_redone(store):
    store.append([Event(1, "ann", "label", "cat")])
    store.undo("ann")
    store.append([Event(2, "ann", "label", "dog")])
    assert store.redo("ann") is None


def test_people_undo_what_they_did_themselves(store):
    store.append([Event(1, "ann", "label", "cat"), Event(2, "bob", "label", "dog")])
    assert store.undo("ann").item == 1
    assert said(store) == [(2, "bob", "label", "dog")]


def test_a_batch_is_undone_at_one_go(store):
    store.append([Event(1, "ann", "label", "cat", batch="b")])
    batch = [Event(i, "ann", "label", "dog", batch="grid") for i in (1, 2, 3)]
    store.append(batch)
    assert store.undo("ann").item == 1
    assert said(store) == [(1, "ann", "label", "cat")]
    store.redo("ann")
    assert len(said(store)) == 3


def test_an_undo_that_is_reported_again_takes_back_nothing_more(store):
    store.append([Event(1, "ann", "label", "cat"), Event(2, "ann", "label", "dog")])
    first = store.undo("ann", id="u-1")
    assert store.undo("ann", id="u-1") == first
    assert said(store) == [(1, "ann", "label", "cat")]
    assert store.redo("ann", id="r-1") == store.redo("ann", id="r-1") == first
    with pytest.raises(ValueError, match="names a undo by 'ann'"):
        store.undo("bob", id="u-1")


def test_a_thing_that_is_not_the_last_can_be_undone(store):
    events = [Event(i, "ann", "label", "cat") for i in (1, 2, 3)]
    store.append(events)
    store.undo("ann", events[0].event)
    assert [row[0] for row in said(store)] == [2, 3]
    with pytest.raises(ValueError, match="event must name something that this person"):
        store.undo("ann", events[0].event)
    with pytest.raises(ValueError, match="event must name something that this person"):
        store.undo("bob", events[1].event)
    assert store.redo("ann").item == 1


# Rows --------------------------------------------------------------------------------


def test_rows_keep_their_number_wherever_they_go(store):
    store.append([Event(1, "ann", "label", "cat")])
    added, moved, gone = store.set_items([("new/a", "sha256:a"), ("d", "sha256:d")])
    assert (added, moved, gone) == ([4], [1], [2, 3])
    assert [(i.item, i.id) for i in store.items() if i.present] == [
        (1, "new/a"),
        (4, "d"),
    ]
    assert store.set_items([("a", "sha256:a"), ("b", "sha256:b")])[0] == []
    assert said(store) == [(1, "ann", "label", "cat")]


def test_rows_may_swap_their_ids(store):
    added, moved, gone = store.set_items([("a", "sha256:b"), ("b", "sha256:a")])
    assert (added, sorted(moved), gone) == ([], [1, 2], [3])
    assert [(i.item, i.id) for i in store.items()][:2] == [(1, "b"), (2, "a")]


def test_an_id_names_one_row(store):
    before = store.items()
    with pytest.raises(ValueError, match="ids must be unique, got 'a' twice"):
        store.set_items([("a", "sha256:1"), ("a", "sha256:2")])
    with pytest.raises(TypeError, match="ids must be text"):
        store.set_items([(1, "sha256:1")])
    assert store.items() == before


def test_the_same_rows_again_write_nothing(store):
    before = store._database.connection().total_changes
    store.set_items([(row.id, row.digest) for row in store.items()])
    assert store._database.connection().total_changes == before


# People ------------------------------------------------------------------------------


def test_a_token_tells_who_somebody_is_and_is_not_kept(store):
    token = store.add_annotator("ann")
    assert len(token) >= 43  # 256 bits
    assert store.annotator_of(token) == "ann"
    assert store.annotator_of(token + "x") is None
    assert store.annotator_of("") is None
    kept = store._database.rows("SELECT * FROM annotator")
    assert token not in str([tuple(row) for row in kept])
    again = store.add_annotator("ann")
    assert store.annotator_of(token) is None
    assert store.annotator_of(again) == "ann"


# The object --------------------------------------------------------------------------


def test_meta_is_a_dict(store):
    store.meta["a"] = {"b": [1, None]}
    assert dict(store.meta) == {"a": {"b": [1, None]}}
    assert len(store.meta) == 1
    assert store.meta.get("c") is None
    del store.meta["a"]
    with pytest.raises(KeyError):
        del store.meta["a"]


def test_a_store_in_memory_serves_threads():
    store = LabelStore()
    store.set_items([(str(i), str(i)) for i in range(80)])

    def work(name):
        for i in range(20):
            store.append([Event(i + 1, name, "label", "cat")])
            store.current()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.current()) == 80
    store.close()


def test_stores_may_open_and_close_one_file_at_the_same_time(tmp_path):
    """Making it, migrating it and backing it up are done by whoever comes first."""
    failed = []

    def work(name, folder, barrier):
        barrier.wait()
        try:
            with LabelStore(folder / "labels.db") as store:
                store.set_items([("a", "")])
                store.append([Event(1, name, "label", "cat")])
        except Exception as error:
            failed.append(error)

    for turn in range(3):
        folder, barrier = tmp_path / str(turn), threading.Barrier(4)
        threads = [
            threading.Thread(target=work, args=(name, folder, barrier))
            for name in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with LabelStore(folder / "labels.db") as store:
            assert len(store.current()) == 4
    assert not failed


def test_a_closed_store_says_so(tmp_path):
    store = LabelStore(tmp_path / "labels.db")
    store.close()
    store.close()
    with pytest.raises(ValueError, match="store must be open"):
        store.current()


def test_a_store_stays_in_its_process(store):
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"Open LabelStore\(path\) there"):
            take(store)


def test_a_failing_commit_leaves_nothing(store):
    def fail_in_the_middle():
        with store._database.transaction() as connection:
            connection.execute("INSERT INTO meta VALUES ('a', '1')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    assert dict(store.meta) == {}
    store.append([Event(1, "ann", "label", "cat")])


def test_connections_of_threads_that_ended_are_closed(store):
    for _ in range(5):
        thread = threading.Thread(target=store.current)
        thread.start()
        thread.join()
    assert len(store._database._opened) <= 2
