"""A session asks, takes answers of every sort, trains in time, and forgets nothing."""

import copy
import pickle
import stat
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.label import Event, LabelSession, open_source
from skal.label._log import EventLog
from skal.label._stored_items import ItemTable
from skal.stopping import Any, KappaAverage, MaxConfidence, OverallUncertainty

TEXTS = ["good film", "bad film", "a good one", "so bad", "fine", "dull"]


def session_of(X=TEXTS, **options):
    options = {"classes": ["pos", "neg"], "train": "elsewhere", "random_state": 0} | (
        options
    )
    return LabelSession(X, **options)


@pytest.fixture
def session():
    return session_of(ids=list("abcdef"))


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def picture(session):
    """Return all that a failing call must leave alone."""
    return (
        session.store.events(),
        session.store.items(),
        session.store.leases(),
        session.classes,
        session.n_labels,
        list(session.pool.ids),
        session.pool.present.tolist(),
        session.labels.to_dict(),
    )


# Files -------------------------------------------------------------------------------


def test_the_columns_of_a_file_can_be_named_and_are_remembered(tmp_path):
    """Only the command line could, and a file of texts was one of fields."""
    file, project = tmp_path / "films.csv", tmp_path / "p"
    rows = ["key,body,year,stars", "x,so fine,1999,5", "y,dull,2001,", "z,long,2002,1"]
    file.write_text("\n".join(rows))
    films = open_source(file, text="body", label="stars", id="key")
    with session_of(films, classes=None, project=project) as session:
        assert (session.pool.kind, session.pool.ids) == ("text", ["x", "y", "z"])
        assert session.classes == ["1", "5"]
        assert session.ask()[0].show == {"kind": "text", "text": "dull"}
        session.label("y", "1")
    with LabelSession.open(project, train="elsewhere") as session:
        assert session.labels["id"].tolist() == ["x", "z", "y"]
        assert session.pool.show(0)["text"] == "so fine"
    table = open_source(str(file), show=("year", "body"))
    assert list(table.show(0)["fields"]) == ["year", "body"]


def test_images_may_have_the_labels_of_their_folders(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "1.png")
    assert open_source(tmp_path, label="folders").labels == ["cat", "dog"]
    with pytest.raises(ValueError, match="text must be None for a source of images"):
        open_source(tmp_path, text="body")


def test_columns_that_a_file_has_not_are_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("body\nfine\n")
    with pytest.raises(ValueError, match=r"text must name a column of 'a\.csv'"):
        open_source(tmp_path / "a.csv", text="bdy")
    with pytest.raises(TypeError, match=r"show must be a list .* Say \['body'\]"):
        open_source(tmp_path / "a.csv", show="body")
    with pytest.raises(ValueError, match="source must be"):
        open_source(tmp_path / "b.csv")


# Labels ------------------------------------------------------------------------------


def test_labels_of_rows_that_were_never_asked_are_welcome(session):
    event = session.label("c", "pos", lead_ms=800)
    assert (event.seq, event.value, event.source) == (1, "pos", "given")
    session.label("d", "neg", source="search")
    assert session.labels["id"].tolist() == ["c", "d"]
    assert session.labels["source"].tolist() == ["given", "search"]
    assert {item.id for item in session.ask(6)} == set("abef")


def test_an_answer_tells_how_its_row_came_up(session):
    session.derived.publish(
        seq=0,
        n_labels=4,
        predictions=[(2, "neg", 0.75)],
        ranking=[(2, 0.5), (1, 0.25)],
    )
    item = session.ask()[0]
    assert (item.id, item.rank, item.score) == ("b", 0, 0.5)
    assert (item.source, item.suggestion) == ("strategy", "neg")
    event = session.label(item, "pos")
    assert (event.rank, event.score, event.model) == (0, 0.5, 1)
    assert (event.source, event.predicted) == ("strategy", "neg")
    row = session.labels.iloc[0]
    assert (row["label"], row["round"], row["score"]) == ("pos", 1, 0.5)
    assert row["annotator"] == "me"
    assert abs(row["time"].timestamp() - time.time()) < 60


def test_a_correction_replaces_a_label_and_stays_in_the_record(session):
    session.label("a", "pos")
    session.relabel("a", "neg")
    assert session.labels["label"].tolist() == ["neg"]
    assert [e.value for e in session.history["a"]] == ["pos", "neg"]
    assert session.n_labels == 1
    with pytest.raises(ValueError, match="id must be that of a row with a label"):
        session.relabel("b", "neg")


def test_a_corrected_audit_row_stays_one():
    session = session_of([f"text {i}" for i in range(60)], audit=0.5)
    items = session.ask(10)
    for item in items:
        session.label(item, "pos")
    audit = [item for item in items if item.source == "random"]
    assert len(audit) == 5
    session.relabel(audit[0], "neg")
    session.label_many([audit[1].id], "neg", source="import", annotator="bob")
    shot = session.snapshot()
    assert len(shot.audit) == 5
    assert len(shot.train) == 5
    assert not {*shot.audit} & {*shot.candidates}


def test_rows_that_were_asked_and_are_labelled_at_one_go_keep_their_part():
    """The rows drawn for the audit used to be trained on then, and told nothing."""
    session = session_of([f"text {i}" for i in range(200)], audit=0.2)
    while session.n_labels < 50:
        items = session.ask(10)
        events = session.label_many({item.id: "pos" for item in items})
        assert [event.source for event in events] == [item.source for item in items]
    shot = session.snapshot()
    assert (len(shot.audit), len(shot.train)) == (10, 40)
    left = set(session.pool.ids) - set(session.labels["id"])
    assert session.label_many([min(left)], "pos")[0].source == "batch"


def test_what_somebody_discarded_has_no_label(session):
    """The frame used to list what others had said of it."""
    session.label("a", "pos")
    session.label("b", "neg")
    session.discard("a", annotator="bob")
    assert session.labels["id"].tolist() == ["b"]
    assert len(session.labels) == session.n_labels == len(session.snapshot().train)
    session.undo("bob")
    assert session.labels["id"].tolist() == ["a", "b"]


def test_the_same_event_again_changes_nothing(session):
    first = session.label("a", "pos", event="e-1")
    again = session.label("a", "pos", event="e-1")
    assert again.seq == first.seq
    batch = session.label_many(["b", "c"], "neg", event="batch-1")
    assert session.label_many(["b", "c"], "neg", event="batch-1")[0].seq == batch[0].seq
    assert session.store.last_seq() == 3
    session.undo(event="u-1")
    session.undo(event="u-1")
    assert session.n_labels == 1


def test_many_labels_are_one_undo(session):
    session.label("a", "pos")
    session.label_many({"a": "neg", "b": "pos"})
    session.label_many(["c", "d"], ["pos", "neg"])
    session.label_many(["e", "f"], "pos")
    assert session.n_labels == 6
    assert session.undo().batch is not None
    assert session.n_labels == 4
    session.undo()
    session.undo()
    assert session.labels["label"].tolist() == ["pos"]
    session.redo()
    assert session.labels["label"].tolist() == ["neg", "pos"]


def test_a_skip_leaves_a_row_open_and_a_discard_takes_it_out(session):
    session.skip("a")
    session.discard("b")
    session.note("c", "whose film is this?")
    assert session.n_labels == 0
    assert "b" not in {item.id for item in session.ask(6)}
    assert [e.kind for e in session.history["b"]] == ["discard"]
    assert session.history["c"][0].value == "whose film is this?"
    assert len(session.history) == 6
    assert set(session.history) == set("abcdef")
    session.label("b", "pos")
    assert session.n_labels == 1


def test_an_undone_row_is_asked_next(session):
    first, second = session.ask(2)
    session.label(first, "pos")
    session.label(second, "pos")
    session.undo()
    session.undo()
    assert [item.id for item in session.ask(2)] == [first.id, second.id]


def test_one_thing_of_many_is_undone_by_name(session):
    event = session.label("a", "pos")
    session.label("b", "neg")
    assert session.undo(target=event.event).item == event.item
    assert session.labels["id"].tolist() == ["b"]
    assert session.undo("bob") is None


# Classes -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["Pos", "pos ", " POS", "\uff50\uff4f\uff53"])
def test_near_spellings_are_refused_with_a_word(session, value):
    with pytest.raises(ValueError, match="Did you mean 'pos'"):
        session.label("a", value)
    with pytest.raises(ValueError, match="more than case or spaces"):
        session.add_class(value)
    assert session.store.last_seq() == 0


def test_an_unknown_class_is_refused_until_it_is_added(session):
    with pytest.raises(ValueError, match=r"'pos'.*got 'mixed'.*add_class\('mixed'\)"):
        session.label("a", "mixed")
    assert session.add_class("mixed") == "mixed"
    assert session.add_class("mixed") == "mixed"
    session.label("a", "mixed")
    assert session.classes == ["pos", "neg", "mixed"]
    assert session.store.last_seq() == 2


def test_a_class_that_looks_like_another_is_added_with_a_warning(session):
    session.add_class("neutral")
    with pytest.warns(UserWarning, match="spelt much like 'neutral'"):
        session.add_class("neutrl")
    assert session.add_class("Pos", near=True) == "Pos"
    session.label("a", "Pos")
    assert session.labels["label"].tolist() == ["Pos"]


def test_a_class_that_was_added_by_mistake_can_go(session):
    session.add_class("mixd")
    session.label("a", "mixd")
    with pytest.raises(ValueError, match="no row has, got 'mixd', which 1 have"):
        session.remove_class("mixd")
    session.relabel("a", "pos")
    session.remove_class("mixd")
    assert session.classes == ["pos", "neg"]
    with pytest.raises(ValueError, match="value must be one of"):
        session.label("a", "mixd")
    with pytest.raises(ValueError, match="was there from the start"):
        session.remove_class("neg")
    assert session.undo().value == "pos"  # the class is no step of undo
    assert session.classes == ["pos", "neg", "mixd"]  # and the row has it again
    session.undo()
    assert session.classes == ["pos", "neg"]
    assert session.add_class("mixd") == "mixd"
    assert session.classes == ["pos", "neg", "mixd"]


def test_classes_may_be_numbers(digits):
    X, y = digits
    session = session_of(X[:20], classes=range(9))
    session.label(0, y[0])  # a numpy integer
    session.label(1, "1")
    assert session.labels["label"].tolist() == [0, 1]
    assert session.snapshot().y.dtype.kind == "i"
    with pytest.raises(ValueError, match=r"value must be one of 0, .*got 11"):
        session.label(2, 11)
    with pytest.raises(ValueError, match="name must be a number"):
        session.add_class("nine")
    assert session.add_class("9") == 9
    assert session.classes == [*range(10)]


def test_classes_come_from_the_labels_that_there_are():
    session = session_of(classes=None, y=["pos", None, "neg", np.nan, "pos", None])
    assert session.classes == ["neg", "pos"]
    assert session.n_labels == 3
    assert session.labels["annotator"].unique().tolist() == ["given"]
    assert session.undo() is None  # nobody here did that


def test_classes_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="classes must be unique, got '1' twice"):
        session_of(classes=[1, "1"])
    with pytest.warns(UserWarning, match="differ in case or spaces alone"):
        session_of(classes=["pos", "Pos"])
    with pytest.raises(TypeError, match="classes must be a list"):
        session_of(classes="pos")


# Rows --------------------------------------------------------------------------------


def test_rows_may_join_and_leave_between_any_two_calls():
    session = session_of(train="ask")
    asked = session.ask(2)
    assert session.add_rows(["new and good", "new and bad"]) == ["6", "7"]
    session.label("6", "pos")
    session.label(asked[0], "pos")
    session.remove_rows([asked[0].id, "5"])
    assert session.n_labels == 1
    assert session.ask(2)[0] == asked[1]  # still the one that was on the screen
    left = {item.id for item in session.ask(8)}
    assert left == set("01234567") - {asked[0].id, "5", "6"}
    session.train()
    assert len(session.history[asked[0].id]) == 1
    with pytest.raises(ValueError, match="id must be the id of a row of the pool"):
        session.label("5", "pos")


def test_frames_keep_their_index():
    frame = pd.DataFrame({"n": [1.0, 2.0, np.nan], "w": ["x", "y", "z"]}, list("abc"))
    session = session_of(frame)
    session.add_rows(pd.DataFrame({"n": [3.0], "w": ["x"]}, ["d"]))
    session.label("d", "pos")
    assert session.labels["id"].tolist() == ["d"]
    assert session.ask(4)[0].show["kind"] == "table"


def test_a_row_that_left_comes_back_with_its_label(session):
    session.label("a", "pos")
    session.remove_rows(["a"])
    assert session.n_labels == 0
    session.add_rows(["good film"], ids=["a"])
    assert session.n_labels == 1


@pytest.mark.parametrize(
    "X",
    [np.eye(4), csr_array(np.eye(4)), np.zeros((4, 2, 2)), ["a", "b", "c", "d"]],
    ids=["array", "csr", "images", "texts"],
)
def test_rows_of_any_kind(X):
    session = session_of(X)
    item = session.ask()[0]
    assert item.show["kind"] == session.pool.kind
    more = X[:1] if not isinstance(X, list) else ["e"]
    assert session.add_rows(more) == ["4"]
    session.label("4", "pos")


# A project ---------------------------------------------------------------------------


def test_a_project_goes_on_where_it_was_left(tmp_path):
    project = tmp_path / "p"
    with session_of(project=project, audit=0.2, guidelines="Look twice.") as session:
        session.add_class("mixed")
        first = session.ask(2)
        session.label(first[0], "mixed")
        seed = session.seed
    with LabelSession.open(project, X=TEXTS, train="elsewhere") as session:
        assert session.classes == ["pos", "neg", "mixed"]
        assert (session.seed, session.audit) == (seed, 0.2)
        assert session.guidelines == "Look twice."
        assert session.n_labels == 1
        assert session.ask(1)[0].id == first[1].id  # still on the screen
        assert session.undo().value == "mixed"
    with session_of(project=project, classes=["pos", "neg", "odd"]) as session:
        assert session.classes == ["pos", "neg", "mixed", "odd"]


def test_shares_that_are_not_given_stay_as_they_are(tmp_path):
    """To name the rows of a project again used to reset them to the defaults."""
    with session_of(project=tmp_path / "p") as session:
        assert (session.audit, session.repeat) == (0.1, 0.0)
    with session_of(project=tmp_path / "p", audit=0.3, repeat=0.2) as session:
        kept = session.pool.reserved
    with session_of(project=tmp_path / "p") as session:
        assert (session.audit, session.repeat) == (0.3, 0.2)
        np.testing.assert_array_equal(session.pool.reserved, kept)
    with session_of(project=tmp_path / "p", audit=0.0) as session:
        meta = session.store.meta
        assert (meta["audit"], meta["repeat"]) == (0.0, 0.2)


def test_rows_that_moved_keep_their_labels(tmp_path):
    with session_of(project=tmp_path / "p") as session:
        session.label(1, "neg")  # "bad film"
    changed = ["something new", *TEXTS[2:], TEXTS[1]]
    with LabelSession.open(tmp_path / "p", X=changed, train="elsewhere") as session:
        assert session.labels["id"].tolist() == ["5"]


def test_a_project_is_begun_once(tmp_path, monkeypatch):
    """Two who began it at once used to keep other rows each for the audit."""
    begun = []

    def draw(given):
        if not begun:  # another process begins between a look and a word
            begun.append(None)
            begun.append(session_of(project=tmp_path / "p", random_state=1))
        return given

    monkeypatch.setattr("skal.label._opening.draw_seed", draw)
    with (
        session_of(project=tmp_path / "p", random_state=2) as late,
        begun[1] as early,
    ):
        assert late.seed == early.seed == early.store.meta["seed"] == 1


def test_a_pool_may_begin_empty():
    """The first look used to train on no rows, and to fail."""
    session = session_of([], train="ask")
    assert session.ask(3) == []
    session.add_rows(["good", "bad"])
    assert len(session.ask(3)) == 2


def test_what_can_be_read_once_is_read_once():
    """Classes used to be none then, and labels no classes."""
    session = session_of(classes=map(str, [1, 2]), ids=(f"r{i}" for i in range(6)))
    assert session.classes == ["1", "2"]
    assert session.pool.ids == [f"r{i}" for i in range(6)]
    session = session_of(classes=None, y=iter(["a", "b", *[None] * 4]))
    assert session.classes == ["a", "b"]
    assert session.n_labels == 2
    session.label_many(iter(["2", "3"]), iter(["a", "b"]))
    assert session.n_labels == 4


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_columns_of_a_frame_are_texts_and_labels(dtype):
    """A column of texts used to be taken for a table, and its gaps to be an error."""
    frame = pd.DataFrame({"text": [*TEXTS[:5], None], "y": ["a", "b", *[None] * 4]})
    frame = frame.astype(dtype).set_axis(list("abcdef"))
    session = session_of(frame["text"], y=frame["y"], classes=None)
    assert (session.pool.kind, session.pool.ids) == ("text", list("abcdef"))
    assert session.pool.show(5)["text"] == ""
    assert (session.classes, session.n_labels) == (["a", "b"], 2)
    assert session.add_rows(pd.Series(["new"], index=["g"])) == ["g"]
    assert len(session_of(frame.drop(columns="y")).ask(6)) == 6
    assert session_of([*TEXTS, None]).pool.kind == "text"


def test_whole_numbers_with_gaps_are_whole_numbers():
    """Frames make floats of them, which used to be no classes."""
    y = pd.Series([1, 0, *[None] * 4])
    for given in (y, y.astype("Int64")):
        session = session_of(y=given, classes=[0, 1])
        assert (session.classes, session.n_labels) == ([0, 1], 2)
        assert session_of(y=given, classes=None).classes == [0, 1]
        assert session.label(2, 1.0).value == "1"
    assert session_of(y=[0.5, 1.0, *[None] * 4], classes=None).classes == [0.5, 1.0]


def test_a_row_in_the_place_of_another_has_not_its_label(tmp_path):
    """The frame used to give the label of a row that is gone to the new one."""
    with session_of(project=tmp_path / "p") as session:
        session.label(1, "neg")
        session.label(2, "pos")
    changed = ["good film", "something new", *TEXTS[2:]]
    with LabelSession.open(tmp_path / "p", X=changed, train="elsewhere") as session:
        assert session.labels["id"].tolist() == ["2"]
        assert session.n_labels == 1


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save_image(folder / name)
    return folder


def save_image(path):
    """Save an image that no other is like."""
    shade = sum(path.as_posix().encode()) % 251
    Image.fromarray(np.full((8, 8), shade, np.uint8)).save(path)


def test_ids_and_labels_of_rows_on_disk_are_refused(photos, tmp_path):
    """They used to be passed over in silence."""
    for given in ({"y": ["a"] * 3}, {"ids": "abc"}):
        with pytest.raises(ValueError, match="must be None where the rows of X are"):
            session_of(photos, **given)
    with pytest.raises(ValueError, match="y must hold one for each of 6 rows"):
        session_of(y=["pos", "neg"])


def test_files_may_come_move_and_go(photos, tmp_path):
    options = {"project": tmp_path / "p", "classes": ["x", "y"]}
    with session_of(photos, **options) as session:
        session.label_many({"a/1.png": "x", "b/1.png": "y"})
        (photos / "a/1.png").rename(photos / "moved.png")
        (photos / "b/1.png").unlink()
        save_image(photos / "new.png")
        assert session.rescan() == (["new.png"], ["moved.png"], ["b/1.png"])
        assert session.labels["id"].tolist() == ["moved.png", "b/1.png"]
        assert session.n_labels == 1
        assert {item.id for item in session.ask(9)} == {"a/2.png", "new.png"}
        with pytest.raises(ValueError, match=r"files.*rescan"):
            session.add_rows(["x"])
    save_image(photos / "b/1.png")
    with LabelSession.open(tmp_path / "p", train="elsewhere") as session:
        assert session.n_labels == 2
        assert session.pool.kind == "image"


def test_images_like_one_wait_for_the_trainer(photos):
    with session_of(photos) as session:
        with pytest.raises(ValueError, match="like must wait until the images"):
            session.search(like="a/1.png")
        assert [item.id for item in session.search("b/")] == ["b/1.png"]


def test_what_people_said_goes_before_what_a_file_says(tmp_path):
    y = ["pos", "neg", None, None, None, None]
    with session_of(project=tmp_path / "p", y=y) as session:
        session.relabel(0, "neg")
    y = ["pos", "pos", "pos", None, None, None]
    with session_of(project=tmp_path / "p", y=y) as session:
        assert session.snapshot().y.tolist() == ["neg", "pos", "pos"]
        n = session.store.last_seq()
    with session_of(project=tmp_path / "p", y=y) as session:
        assert session.store.last_seq() == n


def test_a_project_has_a_folder_of_its_own(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    folder.chmod(0o755)
    session_of(project=folder).close()  # an empty one is taken
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (tmp_path / "a.png").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(ValueError, match="project must be a folder of its own"):
        session_of(project=tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert not (tmp_path / "labels.db").exists()


@pytest.mark.parametrize("name", ["notes.txt", "notes.txt/project"])
def test_a_file_is_no_project(name, tmp_path):
    """It used to be a bare NotADirectoryError."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"project must be a folder, .*'notes\.txt'"):
        session_of(project=tmp_path / name)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_project_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="project must be a folder"):
        LabelSession.open(tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_project_of_rows_in_memory_wants_them_again(tmp_path):
    session_of(project=tmp_path / "p").close()
    with pytest.raises(ValueError, match="X must be given"):
        LabelSession.open(tmp_path / "p")
    with pytest.raises(
        ValueError, match=r"kind 'text' as in this project, got 'array'"
    ):
        LabelSession.open(tmp_path / "p", X=np.eye(3))


def test_nothing_in_a_project_is_a_pickle(tmp_path, digits):
    X, y = digits
    with LabelSession(X[:80], classes=range(10), project=tmp_path / "p") as session:
        for i in range(20):
            session.label(i, y[i])
        session.train()
    for path in (tmp_path / "p").rglob("*"):
        if path.is_file():
            assert path.read_bytes()[:15] == b"SQLite format 3"


def test_two_sessions_see_what_the_other_did(tmp_path):
    with (
        session_of(project=tmp_path / "p") as one,
        session_of(project=tmp_path / "p") as other,
    ):
        one.add_class("mixed")
        one.label(0, "mixed")
        assert other.classes[-1] == "mixed"
        assert other.n_labels == 1
        other.undo()
        assert one.n_labels == 0
        one.add_rows(["one more"])
        assert len(one.ask(5)) == 5
        assert len(other.ask(5, "bob")) == 2  # it knows of six rows, and of leases


def test_a_session_is_opened_again_not_pickled(session):
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"LabelSession\.open\(project\)"):
            take(session)


# Failing calls -----------------------------------------------------------------------

BAD_CALLS = [
    (lambda s: s.label("z", "pos"), "id must be the id of a row .*Near ones are"),
    (lambda s: s.label("a", "good"), "value must be one of"),
    (lambda s: s.label("a", "pos", source="hat"), "source must be one of"),
    (lambda s: s.label("a", "pos", lead_ms="x"), "lead_ms must be a number"),
    (lambda s: s.label("a", "pos", annotator=""), "annotator must be text"),
    (lambda s: s.label("a", "pos", event=""), "event must be text"),
    (lambda s: s.relabel("f", "pos"), "row with a label"),
    (lambda s: s.label_many({"a": "pos", "z": "neg"}), "id must be the id"),
    (lambda s: s.label_many({"a": "pos", "b": "nag"}), "Did you mean 'neg'"),
    (lambda s: s.label_many(["a", "a"], "pos"), "each row once"),
    (lambda s: s.label_many(["a", "b"], ["pos"]), "one for each of 2 ids"),
    (lambda s: s.label_many({"a": "pos"}, "pos"), "value must be None"),
    (lambda s: s.label_many("abc", "pos"), "labels must be a list of ids"),
    (lambda s: s.skip("z"), "id must be the id"),
    (lambda s: s.discard("z"), "id must be the id"),
    (lambda s: s.note("a", ""), "value must be text"),
    (lambda s: s.note("a", None), "value must be text"),
    (lambda s: s.undo(target="nothing"), "event must name something"),
    (lambda s: s.add_class(""), "name must be text"),
    (lambda s: s.add_class(" x"), "no spaces around"),
    (lambda s: s.add_rows(["x"], ids=["a"]), "ids must be unique, got 'a'"),
    (lambda s: s.add_rows(["x"], ids=["g", "h"]), "ids must hold one for each"),
    (lambda s: s.add_rows(np.eye(2)), "X must be|ids|rows"),
    (lambda s: s.remove_rows(["a", "z"]), "ids? must be the id"),
    (lambda s: s.remove_rows("a"), "ids must be a list"),
    (lambda s: s.rescan(), "X must be given"),
    (lambda s: s.ask(0), "n must be at least 1"),
    (lambda s: s.ask(1.5), "n must be an integer"),
    (lambda s: s.search(), "text or like must be given"),
    (lambda s: s.search("good", like="a"), "text or like must be given"),
    (lambda s: s.grid("good"), "value must be one of"),
]


@pytest.mark.parametrize(
    ("call", "words"), BAD_CALLS, ids=[f"call {i}" for i in range(len(BAD_CALLS))]
)
def test_a_failing_call_leaves_everything_as_it_was(session, call, words):
    session.label("a", "pos")
    session.ask(2)
    before = picture(session)
    with pytest.raises((ValueError, TypeError), match=words):
        call(session)
    assert picture(session) == before


def test_a_disk_that_fails_leaves_everything_as_it_was(session, monkeypatch):
    session.label("a", "pos")
    before = picture(session)

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(EventLog, "add", full)
    for call in (
        lambda: session.label("b", "pos"),
        lambda: session.label_many(["b", "c"], "pos"),
        lambda: session.add_class("new"),
        lambda: session.undo(),
    ):
        with pytest.raises(OSError, match="No space"):
            call()
    monkeypatch.undo()
    monkeypatch.setattr(ItemTable, "_add", full)
    with pytest.raises(OSError, match="No space"):
        session.add_rows(["x"])
    assert picture(session) == before


BAD_STARTS = [
    ({"audit": 2}, "audit must be in"),
    ({"repeat": -1}, "repeat must be in"),
    ({"train": "never"}, "train must be one of"),
    ({"refit_after": 0}, "refit_after must be at least 1"),
    ({"annotator": ""}, "annotator must be text"),
    ({"learner": 3}, "learner must be"),
    ({"stopping": "kappa"}, "stopping must be None or a rule"),
    ({"stopping": KappaAverage}, "stopping must be None or a rule"),
    ({"stopping": KappaAverage()}, 'stopping must be None where train="elsewhere"'),
    ({"ids": ["a"] * 6}, "ids must be unique"),
    ({"ids": ["a"]}, "ids must hold one for each"),
    ({"kind": "sound"}, "kind must be one of"),
    ({"y": ["pos", "nag"] * 3}, "y must be one of"),
]


@pytest.mark.parametrize(("options", "words"), BAD_STARTS)
def test_a_session_that_cannot_start_says_why(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        session_of(**options)


# Training ----------------------------------------------------------------------------


def test_ask_trains_when_enough_is_new(digits):
    X, y = digits
    session = LabelSession(X[:200], classes=range(10), random_state=0, refit_after=8)
    versions = []
    for _ in range(40):
        [item] = session.ask()
        versions.append(session.derived.model()["version"])
        session.label(item, y[int(item.id)])
    assert versions == np.repeat(range(1, 6), 8).tolist()
    assert session.due == 8
    assert session.learner.predict(X[:5]).shape == (5,)


def test_a_refit_is_due_after_five_percent(digits):
    X, _ = digits
    session = session_of(X[:400], classes=range(10))
    assert session.due == 5
    session.label_many(range(200), 0)
    assert session.due == 10


def test_a_fit_that_fails_leaves_the_last_ranking(digits):
    class Fails(LogisticRegression):
        def fit(self, X, y):
            raise RuntimeError("the machine is tired")

    X, y = digits
    session = LabelSession(X[:60], classes=range(10), learner=Fails(), random_state=0)
    first = session.ask(3)
    session.label_many(range(20), y[:20])
    n, before = session.store.last_seq(), session.derived.ranking()[0].tolist()
    with pytest.raises(RuntimeError, match="tired"):
        session.train()
    assert session.derived.ranking()[0].tolist() == before
    assert session.store.last_seq() == n
    assert session.label(first[0], 3).seq == n + 1


def test_a_thread_trains_behind(digits):
    X, y = digits
    session = LabelSession(
        X[:200], classes=range(10), random_state=0, train="thread", refit_after=10
    )
    session.label_many(range(30), y[:30])
    assert wait_for(lambda: (session.derived.model() or {}).get("n_labels", 0) >= 20)
    assert session.ask()[0].source == "strategy"
    session.close()


def test_a_thread_that_cannot_train_says_so_and_stops_nobody(digits):
    class Fails(LogisticRegression):
        def fit(self, X, y):
            raise RuntimeError("the machine is tired")

    X, y = digits
    session = LabelSession(
        X[:60], classes=range(10), learner=Fails(), train="thread", refit_after=5
    )
    session.label_many(range(20), y[:20])
    assert wait_for(lambda: "tired" in session.derived.status.get("error", ""))
    assert len(session.ask(5)) == 5
    session.close()


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    "rule",
    [
        KappaAverage(),
        OverallUncertainty(threshold=0.99),
        MaxConfidence(threshold=0.99),
        Any([("kappa", KappaAverage()), ("doubt", OverallUncertainty(threshold=0.99))]),
    ],
    ids=["kappa", "uncertainty", "confidence", "any"],
)
def test_any_rule_says_when_to_stop(digits, rule):
    X, y = digits
    session = LabelSession(
        X[:300], classes=range(10), stopping=rule, refit_after=10, random_state=0
    )
    assert session.should_stop is False
    while session.n_labels < 50:
        for item in session.ask(10):
            session.label(item, y[int(item.id)])
    records = session._trainer.records
    assert len(records) == 4
    assert session.should_stop == rule.verdict(records)[2]
    if isinstance(rule, OverallUncertainty):
        assert session.should_stop


def test_your_own_learner_is_given_x_as_it_is(digits):
    X, y = digits
    learner = ActiveLearner(LogisticRegression(max_iter=500), "entropy")
    session = LabelSession(X[:100], classes=range(10), learner=learner)
    session.label_many(range(40), y[:40])
    session.train()
    assert session.learner is learner
    assert learner.X_training_.shape[1] == 64
    simple = LabelSession(X[:100], classes=range(10), learner=DummyClassifier())
    assert isinstance(simple.learner, ActiveLearner)


# Looking -----------------------------------------------------------------------------


def test_search_finds_words_and_rows_like_one(session):
    assert [item.id for item in session.search("FILM good")] == ["a"]
    assert [item.id for item in session.search("film", n=1)] == ["a"]
    assert session.search("film")[0].source == "search"
    alike = session.search(like="a", n=2)
    assert {item.id for item in alike} == {"b", "c"}


def test_rows_like_one_are_of_its_class_mostly(digits):
    X, y = digits
    session = session_of(X[:500], classes=range(10))
    found = session.search(like=7, n=10)
    assert np.mean([y[int(item.id)] == y[7] for item in found]) > 0.8


def test_the_grid_shows_what_the_model_takes_for_a_class(digits):
    X, y = digits
    session = LabelSession(X[:300], classes=range(10), random_state=0)
    session.label_many(range(100), y[:100])
    session.train()
    grid = session.grid(3, n=12)
    assert len(grid) == 12
    assert all(item.suggestion == 3 and int(item.id) >= 100 for item in grid)
    assert not session.pool.reserved[[int(item.id) for item in grid]].any()
    assert np.mean([y[int(item.id)] == 3 for item in grid]) > 0.8
    session.label_many([item.id for item in grid], 3)
    assert not {item.id for item in session.grid(3)} & {item.id for item in grid}


def test_people_who_disagree_are_counted(session):
    session.label_many(["a", "b", "c", "d"], "pos", annotator="ann")
    session.label_many({"a": "pos", "b": "neg", "c": "pos"}, annotator="bob")
    found = session.agreement
    assert found.names == ["ann", "bob"]
    assert found.share[0, 1] == found.share[1, 0] == pytest.approx(2 / 3)
    assert found.n_rows.tolist() == [[0, 3], [3, 0]]
    assert np.isnan(found.share[0, 0])


def test_events_written_by_others_are_taken_in(session):
    session.store.append([Event(1, "ann", "label", "pos")])
    assert session.n_labels == 1
    assert session.snapshot().train.tolist() == [0]
