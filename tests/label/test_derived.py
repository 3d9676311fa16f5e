"""What models say is written whole, read whole, and may be deleted at any time."""

import os
import sqlite3
import stat
import threading

import numpy as np
import pytest

from skal.label import LabelStore
from skal.label._derived import KEPT, Derived


@pytest.fixture(params=["memory", "file"])
def derived(request, tmp_path):
    path = None if request.param == "memory" else tmp_path / "model.db"
    found = Derived(path)
    yield found
    found.close()


def test_before_the_first_model_there_is_nothing(derived):
    assert derived.model() is None
    assert derived.predictions() == {}
    assert [len(one) for one in derived.ranking()] == [0, 0]
    assert derived.curve() == []
    assert derived.status == {}


@pytest.mark.parametrize("kind", [Derived, LabelStore])
def test_who_opens_a_new_file_waits_for_who_writes_to_it(kind, tmp_path):
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, other.execute, ["COMMIT"])
    timer.start()
    opened = kind(path)
    assert not (opened.curve() if kind is Derived else opened.leases())
    assert not timer.is_alive()
    opened.close()
    other.close()


def test_what_is_published_is_read(derived):
    version = derived.publish(
        seq=9,
        n_labels=4,
        predictions=[(1, "a", 0.6), (2, "b", 0.9), (3, "a", 0.8)],
        ranking=[(3, 0.5), (1, None)],
        curve=(0.75, 0.5, 0.9, 8),
        info={"kappa": 0.5},
        started=1.0,
        said=[(1, "a")],
        status={"phase": "idle"},
    )
    model = derived.model()
    assert (version, model["version"], model["seq"], model["n_labels"]) == (1, 1, 9, 4)
    assert model["info"] == {"kappa": 0.5}
    assert model["started"] == 1.0 < model["ended"]
    items, scores = derived.ranking()
    assert items.tolist() == [3, 1]
    assert scores[0] == 0.5
    assert np.isnan(scores[1])
    assert derived.ranking(1)[0].tolist() == [3]
    assert list(derived.predictions()) == [2, 3, 1]  # the surest first
    assert derived.predictions(label="a", limit=1) == {3: ("a", 0.8)}
    assert list(derived.predictions([1, 99, 3])) == [1, 3]
    assert derived.predictions([1, 2], label="b") == {2: ("b", 0.9)}
    assert derived.curve() == [
        {
            "version": 1,
            "n_labels": 4,
            "accuracy": 0.75,
            "low": 0.5,
            "high": 0.9,
            "n_audit": 8,
        }
    ]
    assert derived.said(1) == {1: "a"}
    assert derived.status == {"phase": "idle"}


def test_the_next_model_replaces_what_the_last_one_said(derived):
    derived.publish(predictions=[(1, "a", 0.6)], ranking=[(1, 1.0)])
    assert derived.publish(predictions=[(2, "b", 0.7)]) == 2
    assert derived.predictions() == {2: ("b", 0.7)}
    assert len(derived.ranking()[0]) == 0
    assert [one["version"] for one in derived.models()] == [2, 1]


def test_the_last_few_models_are_remembered_by_what_they_said(derived):
    for version in range(1, KEPT + 3):
        derived.publish(said=[(1, f"label {version}")])
    assert derived.said(2) == {}
    assert derived.said(3) == {1: "label 3"}


def test_a_refit_that_breaks_off_changes_nothing(derived):
    derived.publish(predictions=[(1, "a", 0.6)], ranking=[(1, 1.0)])

    def breaks_off():
        yield 2, 0.5
        raise RuntimeError("the model fell ill")

    with pytest.raises(RuntimeError, match="fell ill"):
        derived.publish(predictions=[(2, "b", 0.7)], ranking=breaks_off())
    assert derived.predictions() == {1: ("a", 0.6)}
    assert derived.ranking()[0].tolist() == [1]
    assert derived.model()["version"] == 1


def test_a_full_disk_is_called_so(derived):
    """The error used to be about a ROLLBACK of what SQLite had taken back already."""
    derived.set_status(phase="idle")
    derived._file.rows("PRAGMA max_page_count = 30")
    long = {f"note {i}": 10_000 * "x" for i in range(200)}
    with pytest.raises(sqlite3.OperationalError, match="full"):
        derived.set_status(**long)
    derived.set_status(phase="training")
    assert derived.status == {"phase": "training"}


def test_the_status_changes_entry_by_entry(derived):
    derived.set_status(phase="training", error="no", done=3)
    derived.set_status(phase="idle", error=None)
    assert derived.status == {"phase": "idle", "done": 3}


def test_features_are_kept_by_content_and_recipe(derived):
    value = np.arange(3, dtype=np.float16)
    derived.keep_features("edges", {"sha256:1": value})
    found = derived.features("edges", ["sha256:1", "sha256:2"], np.float16)
    assert list(found) == ["sha256:1"]
    np.testing.assert_array_equal(found["sha256:1"], value)
    assert derived.features("colours", ["sha256:1"], np.float16) == {}


def test_threads_share_one(derived):
    errors = []

    def work(item):
        try:
            for _ in range(5):
                derived.publish(predictions=[(item, "a", 0.5)])
                assert len(derived.predictions()) == 1
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert derived.model()["version"] == 20


# The file ---------------------------------------------------------------------------


def test_nobody_else_may_read_the_file(tmp_path):
    derived = Derived(tmp_path / "model.db")
    derived.set_status(phase="idle")
    for name in os.listdir(tmp_path):
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600
    derived.close()


def test_a_reader_sees_what_another_connection_wrote(tmp_path):
    writer, reader = (Derived(tmp_path / "model.db") for _ in range(2))
    assert reader.model() is None
    writer.publish(predictions=[(1, "a", 0.5)])
    assert reader.predictions() == {1: ("a", 0.5)}
    writer.close()
    reader.close()


def test_a_file_that_is_deleted_while_it_is_open_is_made_anew(tmp_path):
    one, other = (Derived(tmp_path / "model.db") for _ in range(2))
    one.publish(predictions=[(1, "a", 0.5)])
    assert other.predictions()
    for path in tmp_path.iterdir():
        path.unlink()
    assert one.predictions() == {}
    other.publish(predictions=[(2, "b", 0.5)])
    assert one.predictions() == {2: ("b", 0.5)}
    one.close()
    other.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0"])
def test_a_damaged_file_is_made_anew(tmp_path, content):
    (tmp_path / "model.db").write_bytes(content)
    derived = Derived(tmp_path / "model.db")
    derived.publish(predictions=[(1, "a", 0.5)])
    assert derived.predictions() == {1: ("a", 0.5)}
    derived.close()


def test_a_file_of_another_version_is_made_anew(tmp_path):
    import sqlite3

    connection = sqlite3.connect(tmp_path / "model.db")
    connection.execute("CREATE TABLE model(other TEXT)")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    derived = Derived(tmp_path / "model.db")
    assert derived.model() is None
    derived.close()
