"""Several people label one pool: nobody gets the other's row, nobody runs dry."""

import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest

from skal.label import Event, LabelSession, LabelStore, Lease


def pool_of(n, **options):
    texts = [f"text {i}" for i in range(n)]
    options = {"classes": ["a", "b"], "train": "elsewhere", "random_state": 0} | options
    return LabelSession(texts, **options)


@pytest.fixture
def store():
    store = LabelStore()
    store.set_items([(str(i), f"sha256:{i}") for i in range(5)])
    return store


# Leases ------------------------------------------------------------------------------


def test_a_row_that_somebody_has_is_not_lent(store):
    assert [lease.item for lease in store.lease("ann", [1, 2])] == [1, 2]
    assert [lease.item for lease in store.lease("bob", [2, 3])] == [3]
    assert store.leases()[2].annotator == "ann"


def test_a_row_that_is_not_there_is_not_lent(store):
    with pytest.raises(ValueError, match="item must be the number of a row"):
        store.lease("ann", [1, 99])
    assert store.leases() == {}


def test_a_lease_that_ran_out_lets_others_have_the_row(store):
    store.lease("ann", [1], seconds=-1)
    assert store.leases() == {}
    assert [*store.leases(of="ann")] == [1]
    assert store.lease("bob", [1])[0].annotator == "bob"
    assert store.leases(of="ann")[1].annotator == "bob"


def test_an_answer_ends_a_lease(store):
    store.lease("ann", [1, 2, 3])
    store.append([Event(1, "ann", "label", "a"), Event(2, "ann", "skip")])
    store.append([Event(3, "bob", "label", "a")])  # not bob's to end
    assert [*store.leases()] == [3]


def test_rows_can_be_given_back(store):
    store.lease("ann", [1, 2, 3])
    store.release("bob")
    store.release("ann", [2])
    assert [*store.leases()] == [1, 3]
    store.release("ann")
    assert store.leases() == {}


def test_who_chooses_sees_what_is_held(store):
    store.lease("ann", [Lease(4, source="strategy", rank=2, score=0.5)])
    seen = []
    store.lease("bob", lambda held: seen.append(held) or [])
    assert seen[0][4].rank == 2
    assert seen[0][4].score == 0.5


def test_a_failing_choice_lends_nothing(store):
    def choose(held):
        store.lease("ann", [1])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.lease("ann", choose)
    assert store.leases() == {}


def test_an_undone_row_is_lent_again_as_it_came_up(store):
    asked = Lease(2, source="random", p_select=0.2, model=3, predicted="a")
    store.lease("ann", [1])
    store.lease("ann", [asked])
    store.append([Event(2, "ann", "label", "a", source="random", p_select=0.2)])
    store.undo("ann")
    assert [*store.leases()] == [2, 1]  # it comes first
    assert store.leases()[2].source == "random"
    assert store.leases()[2].p_select == 0.2
    store.redo("ann")
    assert [*store.leases()] == [1]


# Two people in one pool --------------------------------------------------------------


def test_an_item_once_asked_is_not_exchanged():
    session = pool_of(50)
    first = session.ask(3)
    session.derived.publish(seq=0, ranking=[(50, 0.1)])
    assert session.ask(3) == first
    session.label(first[1], "a")
    assert session.ask(2) == [first[0], first[2]]


def test_an_item_is_kept_beyond_its_time_while_nobody_else_has_it():
    session = pool_of(50)
    [item] = session.ask()
    session.store.lease("me", [session.store.leases()[item.item]], seconds=-1)
    assert session.ask() == [item]
    session.store.lease("me", [session.store.leases()[item.item]], seconds=-1)
    session.store.lease("bob", [item.item])
    assert session.ask() != [item]


def test_two_people_are_asked_for_different_rows():
    session = pool_of(50)
    ann, bob = session.ask(20, "ann"), session.ask(20, "bob")
    assert not {i.id for i in ann} & {i.id for i in bob}
    assert len(session.ask(20, "cyd")) == 10
    assert session.ask(1, "dan") == []  # all are with somebody
    session.store.release("ann")
    assert len(session.ask(20, "dan")) == 20


def test_skips_go_to_the_end_of_the_line_and_do_not_end():
    session = pool_of(4)
    skipped = []
    for _ in range(4):
        [item] = session.ask()
        session.skip(item)
        skipped.append(item.id)
    assert sorted(skipped) == ["0", "1", "2", "3"]
    assert [item.id for item in session.ask(4)] == skipped
    [other] = session.ask(1, "bob")[:1] or [None]
    assert other is None  # they are with me again
    session.store.release("me")
    assert len(session.ask(4, "bob")) == 4


def test_a_discarded_row_is_not_asked_again():
    session = pool_of(3)
    [item] = session.ask()
    session.discard(item)
    left = {item.id for item in session.ask(3)}
    assert left == {"0", "1", "2"} - {item.id}
    session.undo()
    assert session.ask()[0].id == item.id


def answer_all(session, name, asked, batch=1):
    """Ask and answer until nothing is left."""
    while items := session.ask(batch, name):
        for item in items:
            asked.append((name, item.item))
            session.label(item, "ab"[item.item % 2], annotator=name)


@pytest.mark.parametrize("batch", [1, 7])
def test_threads_share_a_pool(batch):
    session, asked = pool_of(200), []
    threads = [
        threading.Thread(target=answer_all, args=(session, name, asked, batch))
        for name in ("ann", "bob", "cyd")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item for _, item in asked) == [*range(1, 201)]
    assert session.n_labels == 200


WORKER = """
import sys, time
from skal.label import LabelSession
from skal.label._sources import MemorySource

project, name, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
texts = [f"text {i}" for i in range(n)]
session = LabelSession.open(project, X=texts, train="elsewhere", annotator=name)
print("ready", flush=True)
sys.stdin.readline()
slow = 0.0
while True:
    began = time.perf_counter()
    items = session.ask(10)
    for item in items:
        session.label(item, "ab"[item.item % 2])
    if not items:
        break
    slow = max(slow, time.perf_counter() - began)
print(session.store.last_seq(), round(slow, 3), flush=True)
session.close()
"""


def run_two_processes(project, n):
    """Let two processes label all rows at the same time; return who said what."""
    with pool_of(n, project=project):
        pass
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, project, name, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("ann", "bob")
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=300)
    assert [worker.returncode for worker in workers] == [0, 0]
    with LabelStore(project / "labels.db") as store:
        return store.events()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_two_processes_and_5000_rows(tmp_path):
    events = run_two_processes(tmp_path / "p", 5000)
    labels = [event for event in events if event.kind == "label"]
    assert sorted(event.item for event in labels) == [*range(1, 5001)]  # none twice
    counts = Counter(event.annotator for event in labels)
    assert min(counts["ann"], counts["bob"]) > 500  # and neither ran dry
    last = {event.annotator: event.seq for event in labels}
    assert min(last.values()) > len(events) - 200


def test_two_sessions_share_a_project(tmp_path):
    """Each has its own connections and its own picture, as in two processes."""
    asked = []
    with (
        pool_of(80, project=tmp_path / "p") as one,
        pool_of(80, project=tmp_path / "p") as other,
    ):
        threads = [
            threading.Thread(target=answer_all, args=(session, name, asked, 5))
            for session, name in ((one, "ann"), (other, "bob"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.n_labels == other.n_labels == 80
    assert sorted(item for _, item in asked) == [*range(1, 81)]


# Repeats and the audit ---------------------------------------------------------------


def test_a_share_of_rows_is_shown_to_two_people():
    session = pool_of(120, repeat=0.25)
    shown = []
    for turn in range(100):
        name = ("ann", "bob")[turn % 2]
        [item] = session.ask(1, name)
        shown.append((item.source, item.id, name))
        session.label(item, "a", annotator=name)
    again = [(id, name) for source, id, name in shown if source == "again"]
    assert 20 <= len(again) <= 25
    first = {id: name for source, id, name in shown if source != "again"}
    assert all(first[id] != name for id, name in again)
    assert session.agreement.n_rows[0, 1] == len(again)


def test_one_person_is_asked_for_old_rows_again():
    session = pool_of(200, repeat=0.1)
    shown = []
    for _ in range(100):
        [item] = session.ask()
        shown.append((item.source, item.id))
        session.label(item, "a")
    places = [i for i, (source, _) in enumerate(shown) if source == "again"]
    assert len(places) >= 8
    for place in places:
        id = shown[place][1]
        assert min(i for i, (_, known) in enumerate(shown) if known == id) < place - 19
    assert session.agreement.share[0, 0] == 1
    assert session.n_labels == 100 - len(places)


def test_every_tenth_row_is_drawn_at_random():
    session = pool_of(400)
    ranked = [(int(i) + 1, None) for i in session.snapshot().candidates]
    session.derived.publish(seq=0, n_labels=5, ranking=ranked)
    sources = []
    for _ in range(100):
        [item] = session.ask()
        sources.append(item.source)
        session.label(item, "a")
    assert sources == (["strategy"] * 9 + ["random"]) * 10
    assert len(session.snapshot().audit) == 10
    assert len(session.snapshot().train) == 90
    assert session.pool.reserved[session.snapshot().audit].all()


@pytest.mark.long
def test_random_rows_are_any_of_those_kept_for_the_audit():
    counts, session = Counter(), pool_of(40, audit=0.3)
    kept = session.pool.numbers_reserved().tolist()
    for seed in range(150):
        session._asker.seed = seed
        drawn = next(item for item in session.ask(10) if item.source == "random")
        counts[drawn.item] += 1
        session.store.release("me")
    assert sorted(counts) == kept
    expected = 150 / len(kept)
    assert max(counts.values()) < expected + 4 * np.sqrt(expected)


def test_rows_kept_for_the_audit_are_asked_when_nothing_else_is_left():
    session = pool_of(60)
    asked = session.ask(60)
    assert len(asked) == 60
    assert session.ask(60) == asked


def test_a_person_does_not_wait_for_others_for_long(tmp_path):
    with pool_of(300, project=tmp_path / "p") as session:
        times = []
        for _ in range(60):
            began = time.perf_counter()
            [item] = session.ask()
            session.label(item, "a")
            times.append(time.perf_counter() - began)
    assert np.median(times) < 0.2
