"""Labels go out of a project and into another one, and are the same there."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skal.label import Event, LabelSession, export_labels, import_labels, undo_import
from skal.label._formats import read_records
from skal.label._sources import open_source

TEXTS = ["good", "bad", "=1+1", "a,b\n'c'", "fine", "good", "ünï", "so so"]
CLASSES = ["pos", "=neg", "a/b"]
FORMATS = ["csv", "jsonl", "parquet", "label-studio"]


def texts(folder=None, **options):
    options = {"classes": CLASSES, "train": "elsewhere", "project": folder} | options
    return LabelSession(TEXTS, **options)


def words_of(session):
    """Return what counts: (id, annotator) -> kind, value."""
    ids = {row.item: row.id for row in session.store.items()}
    return {
        (ids[word.item], word.annotator): (word.kind, word.value)
        for word in session.store.current()
    }


@pytest.fixture
def session():
    """Return a session in which two people have said all that can be said."""
    session = texts()
    session.label("0", "pos", lead_ms=250.0)
    session.label("1", "=neg")
    session.label("1", "pos", annotator="bob@example.com")
    session.label("2", "a/b", annotator="bob@example.com")
    session.skip("3")
    session.discard("4")
    session.label("5", "=neg")  # the same text as row 0
    session.note("5", "@sure?")
    session.label("6", "pos")
    session.undo()
    session.derived.publish(
        seq=9,
        n_labels=4,
        predictions=[(item, "pos", 0.75) for item in range(1, 9)],
        ranking=[(8, 0.9), (7, 0.5)],
    )
    yield session
    session.close()


def test_labels_are_the_same_in_a_fresh_project(session, tmp_path):
    for fmt in FORMATS:
        path = export_labels(session, fmt, tmp_path / f"labels.{fmt}")
        with texts() as fresh:
            report = import_labels(fresh, path, fmt=fmt)
            assert words_of(fresh) == words_of(session), fmt
            assert (report.n_read, report.new, report.same) == (7, 7, 0)
            assert not report.unknown_ids
            assert not report.conflicts
            assert [e.source for e in fresh.history["0"]] == ["import"]
            (label,) = fresh.history["0"]
            assert label.time == pytest.approx(session.history["0"][0].time, abs=1e-4)
            assert label.lead_ms == 250
            notes = [e.value for e in fresh.history["5"] if e.kind == "note"]
            assert notes == ["@sure?"]
            again = import_labels(fresh, path, fmt=fmt)
            assert (again.new, again.same, again.batches) == (0, 7, {})


SAID = st.tuples(
    st.sampled_from("01234567"),
    st.sampled_from(["me", "=ann", "bob, the\n2nd"]),
    st.sampled_from([*CLASSES, "skip", "discard", "undo"]),
)


@pytest.mark.long
@given(st.lists(SAID, max_size=12), st.sampled_from(FORMATS))
@settings(max_examples=40, deadline=None)
def test_whatever_was_said_is_said_in_a_fresh_project(tmp_path_factory, said, fmt):
    path = tmp_path_factory.getbasetemp() / "said"
    with texts() as session, texts() as fresh:
        for id, who, what in said:
            if what == "undo":
                session.undo(who)
            elif what in CLASSES:
                session.label(id, what, annotator=who)
            else:
                getattr(session, what)(id, annotator=who)
        import_labels(fresh, export_labels(session, fmt, path, overwrite=True), fmt=fmt)
        assert words_of(fresh) == words_of(session)


def test_neutralised_formulas_come_back_as_they_were(session, tmp_path):
    path = export_labels(
        session, "csv", tmp_path / "a.csv", neutralise_formulas=True, everything=True
    )
    assert "'=neg" in path.read_text(encoding="utf-8")
    with texts() as fresh:
        import_labels(fresh, path)
        assert words_of(fresh) == words_of(session)


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_a_note_without_a_word_goes_out_and_comes_in(fmt, tmp_path):
    """It used to be left out."""
    with texts() as session:
        session.note("3", "blurred?")
        session.note("0", "sure")
        session.label("0", "pos", annotator="bob")
        path = export_labels(session, fmt, tmp_path / f"a.{fmt}")
    with texts() as fresh:
        assert import_labels(fresh, path).n_read == 1
        notes = [event for event in fresh.store.events() if event.kind == "note"]
        said = {(fresh.pool.id_of(note.item), note.value) for note in notes}
        assert said == {("3", "blurred?"), ("0", "sure")}
        assert {note.annotator for note in notes} == {"me"}


def test_one_undo_takes_an_import_back(session, tmp_path):
    path = export_labels(session, "jsonl", tmp_path / "a.jsonl")
    with texts() as fresh:
        fresh.label("7", "pos")
        import_labels(fresh, path)
        assert fresh.n_labels == 5
        assert undo_import(fresh) == 7
        assert list(words_of(fresh).values()) == [("label", "pos")]
        assert fresh.redo("bob@example.com").source == "import"
        assert undo_import(fresh) == 2  # what somebody has brought back
        assert list(words_of(fresh).values()) == [("label", "pos")]
        assert undo_import(fresh) == 0


def test_an_undo_takes_back_of_an_import_what_is_ones_own(session, tmp_path):
    """An undo took back what others had said too, and their redo brought all back."""
    path, bob = export_labels(session, "csv", tmp_path / "a.csv"), "bob@example.com"
    with texts() as fresh:
        report = import_labels(fresh, path)
        brought = words_of(fresh)
        own = {key: word for key, word in brought.items() if key[1] == "me"}
        others = {key: word for key, word in brought.items() if key[1] == bob}
        assert report.batches.keys() == {"me", bob}
        assert (len(own), len(others)) == (5, 2)
        assert fresh.undo("me").batch == report.batches["me"]
        assert words_of(fresh) == others
        assert fresh.redo(bob) is None
        assert fresh.undo(bob) is not None
        assert words_of(fresh) == {}
        assert fresh.redo("me") is not None
        assert words_of(fresh) == own
        notes = [event.batch for event in fresh.store.events() if event.kind == "note"]
        assert notes == [report.batches["me"]]


def test_an_import_of_before_is_taken_back_whole():
    """It was one batch for all people."""
    with texts() as session:
        first, second = session.pool.items[:2].tolist()
        said = {"batch": "b", "source": "import"}
        session.store.append(
            [
                Event(first, "me", "label", "pos", **said),
                Event(second, "bob", "label", "pos", **said),
            ]
        )
        assert undo_import(session) == 2
        assert words_of(session) == {}


def test_a_line_holds_what_people_say_beside_what_the_model_says(session, tmp_path):
    path = export_labels(session, "jsonl", tmp_path / "a.jsonl", everything=True)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == len(TEXTS) + 1  # two people on row 1
    said = lines[1]
    assert said["id"] == "1"
    assert said["text"] == "bad"
    assert (said["label"], said["prediction"], said["confidence"]) == (
        "=neg",
        "pos",
        0.75,
    )
    silent = lines[-1]
    assert "label" not in silent
    assert silent["priority"] == 1.0


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
def test_each_line_of_a_row_tells_who_discarded_it(session, fmt, tmp_path):
    """What others had said of it used to look as if it counted."""
    session.label("4", "pos", annotator="ann")
    session.discard("4", annotator="bob@example.com")
    path = export_labels(session, fmt, tmp_path / f"a.{fmt}")
    said = [record for _, record, _ in read_records(path, fmt)]
    out = {(record.id, record.annotator): record.discarded_by for record in said}
    assert {id for (id, _), names in out.items() if names} == {"4"}
    assert out["4", "ann"] == out["4", "me"] == "bob@example.com, me"
    counts = {
        record.id
        for record in said
        if record.kind == "label" and not record.discarded_by
    }
    assert counts == {*session.labels["id"]}
    with texts() as fresh:
        import_labels(fresh, path)
        assert words_of(fresh) == words_of(session)


def test_label_studio_gets_every_row_and_its_config(session, tmp_path):
    path = export_labels(session, "label-studio", tmp_path / "tasks.json")
    tasks = json.loads(path.read_text(encoding="utf-8"))
    assert [task["data"]["text"] for task in tasks] == TEXTS
    scores = [task["predictions"][0]["score"] for task in tasks]
    assert sorted(range(8), key=scores.__getitem__)[:2] == [7, 6]
    assert '<Choice value="a/b" />' in path.with_suffix(".xml").read_text("utf-8")


def write_table(path, *lines):
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def write_lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_dry_run_tells_all_and_writes_nothing(tmp_path):
    path = write_lines(
        tmp_path / "a.jsonl",
        {"id": "0", "label": "pos"},
        {"id": "1", "label": "pos"},
        {"id": "2", "label": "positive"},
        {"id": "3", "label": "pos", "digest": "sha256:other"},
        {"id": "../../etc/passwd", "label": "pos"},
        {"id": "4", "kind": "shrug"},
        {"id": "5"},
        {"id": "6", "label": "pos"},
    )
    with texts() as session:
        session.label("0", "pos")
        session.label("1", "a/b")
        before = session.store.last_seq()
        report = import_labels(session, path, dry_run=True)
        assert session.store.last_seq() == before
    assert (report.n_read, report.matched, report.same, report.new) == (6, 4, 1, 2)
    assert report.unknown_ids == ["../../etc/passwd"]
    assert report.changed == ["3"]
    assert report.unknown_classes == {"positive": 1}
    (clash,) = report.conflicts
    assert clash == ("row 2", "1", "me", "'a/b'", "'pos'")
    assert "row 6: kind must be one of" in report.problems[0]
    assert str(report).splitlines()[1:] == [
        "  4 match rows of the project",
        "  1 of them are there already",
        "  2 are new",
        "  1 unknown rows: '../../etc/passwd'",
        "  1 rows that hold something else now: '3'",
        "  1 unknown classes: 'positive' (1 times)",
        "  1 conflicts: '1' by me: 'a/b' here, 'pos' there",
        f"  1 rows that cannot be read: {report.problems[0]}",
    ]


def test_what_no_store_would_take_is_told_before(tmp_path):
    path = write_lines(
        tmp_path / "a.jsonl",
        {"id": "0", "label": "pos", "annotator": "a" * 101},
        {"id": "1", "label": "pos", "note": "n" * 10_001},
        {"id": "2", "label": "pos", "note": "fine"},
    )
    with texts() as session:
        look = import_labels(session, path, dry_run=True)
        report = import_labels(session, path)
        assert set(words_of(session)) == {("1", "me"), ("2", "me")}
    assert look.problems == report.problems
    assert [problem.split(" must")[0] for problem in report.problems] == [
        "row 2: value",
        "row 1: annotator",
    ]


def test_unknown_classes_are_an_error_before_anything_is_written(tmp_path):
    path = write_lines(
        tmp_path / "a.jsonl", {"id": "0", "label": "pos"}, {"id": "1", "label": "poss"}
    )
    with texts() as session:
        with pytest.raises(ValueError, match=r"got 'poss'; nearest are 'pos'.*rename="):
            import_labels(session, path)
        assert session.n_labels == 0
        import_labels(session, path, rename={"poss": "pos"})
        assert set(words_of(session).values()) == {("label", "pos")}


def test_classes_are_added_on_request(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", {"id": "0", "label": "meh"})
    with (
        texts(classes=[]) as session,
        pytest.raises(ValueError, match="nearest are none, for it has none"),
    ):
        import_labels(session, path)
    with texts() as session:
        import_labels(session, path, add_classes=True)
        assert session.classes == [*CLASSES, "meh"]
        assert session.n_labels == 1


def test_a_class_that_is_there_in_other_letters_is_not_added(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", {"id": "0", "label": "POS "})
    with texts() as session:
        with pytest.raises(ValueError, match="must differ from 'pos' in more than"):
            import_labels(session, path, add_classes=True)
        assert session.store.last_seq() == 0


def test_new_classes_that_differ_in_letters_alone_are_not_added(tmp_path):
    """They used to be compared with those of the project only."""
    path = write_table(tmp_path / "a.csv", "id,label", "0,maybe", "1,Maybe")
    with texts() as session:
        with pytest.raises(ValueError, match="name must differ from 'maybe'"):
            import_labels(session, path, add_classes=True)
        assert session.n_labels == 0
        assert session.classes == CLASSES


def test_a_column_that_is_named_is_the_one_that_is_read(tmp_path):
    """A column called as ours used to win over it, if it came later."""
    path = write_table(tmp_path / "a.csv", "id,gold,label", "0,pos,=neg")
    with texts() as session:
        import_labels(session, path, columns={"label": "gold"})
        assert words_of(session) == {("0", "me"): ("label", "pos")}


@pytest.mark.parametrize(
    ("head", "columns", "message"),
    [
        ("id,stars", {}, "must have a column label or .*, got 'id', 'stars'"),
        ("id,label", {"label": "star"}, "label must name a column of .*'star'"),
        ("id,label", {"id": "name"}, "id must name a column of .*'name'"),
        ("label,label", {}, "must name each column once, got 'label' twice"),
    ],
)
def test_columns_that_are_not_there_are_an_error(tmp_path, head, columns, message):
    """Nothing used to be imported then, or the wrong column, and nothing told."""
    path = write_table(tmp_path / "a.csv", head, "0,pos")
    with texts() as session:
        with pytest.raises(ValueError, match=message):
            import_labels(session, path, columns=columns)
        assert session.n_labels == 0


def test_a_conflict_is_left_out_or_taken_as_a_correction(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", {"id": "1", "label": "pos"})
    with texts() as session:
        session.label("1", "a/b")
        assert import_labels(session, path).new == 0
        assert words_of(session) == {("1", "me"): ("label", "a/b")}
        report = import_labels(session, path, replace_conflicts=True)
        assert words_of(session) == {("1", "me"): ("label", "pos")}
        session.undo(target=report.batches["me"])
        assert words_of(session) == {("1", "me"): ("label", "a/b")}


def test_of_two_words_of_one_person_the_later_counts(tmp_path):
    path = write_lines(
        tmp_path / "a.jsonl",
        {"id": "0", "label": "pos", "time": "2026-01-02T00:00:00Z"},
        {"id": "0", "label": "a/b", "time": "2026-01-01T00:00:00Z"},
        {"id": "1", "label": "pos"},
        {"id": "1", "label": "a/b"},
    )
    with texts() as session:
        import_labels(session, path)
        words = words_of(session)
    assert words == {("0", "me"): ("label", "pos"), ("1", "me"): ("label", "a/b")}


def test_rows_are_found_by_their_text_alone(tmp_path):
    path = tmp_path / "others.csv"
    path.write_text("text,label\nfine,pos\n good ,pos\ngood,pos\nnew,pos\n")
    with texts() as session:
        report = import_labels(session, path, annotator="ann")
        assert {id for id, _ in words_of(session)} == {"4", "0", "5"}
    assert report.unknown_ids == ["new"]


def test_labels_follow_rows_that_have_moved(session, tmp_path):
    """Of exact copies, each gets what was said of one."""
    path = export_labels(session, "csv", tmp_path / "a.csv")
    moved = list(reversed(TEXTS))
    with LabelSession(moved, classes=CLASSES, train="elsewhere") as other:
        import_labels(other, path)
        found = [(moved[int(id)], *who) for id, *who in flat(words_of(other))]
    expected = [(TEXTS[int(id)], *who) for id, *who in flat(words_of(session))]
    assert sorted(found) == sorted(expected)


def test_a_text_is_believed_before_an_id(tmp_path):
    """Ids of a list are places, which another program may count otherwise."""
    path = tmp_path / "others.csv"
    path.write_text("id,text,label\n1,fine,pos\n4,unknown here,a/b\n5,good,pos\n")
    with texts() as session:
        import_labels(session, path)
        assert words_of(session) == {
            ("4", "me"): ("label", "a/b"),
            ("5", "me"): ("label", "pos"),
        }


def flat(words):
    return [(id, who, kind, value or "") for (id, who), (kind, value) in words.items()]


def test_what_is_there_is_not_written_over(session, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("precious")
    with pytest.raises(ValueError, match=r"out must not be there yet.*overwrite"):
        export_labels(session, "csv", path)
    assert path.read_text() == "precious"
    export_labels(session, "csv", path, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("id,text,kind,label")
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_a_failing_export_leaves_what_was_there(session, tmp_path, monkeypatch):
    path = export_labels(session, "csv", tmp_path / "a.csv")
    before = path.read_bytes()

    def fail(*args, **options):
        raise OSError("The disk is full.")

    monkeypatch.setattr("skal.label._formats._csv.write", fail)
    with pytest.raises(OSError, match="full"):
        export_labels(session, "csv", path, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "xls"}, "to must be one of"),
        (
            {"to": "imagefolder", "out": "x"},
            "without image files, whose kind is 'text'",
        ),
        ({"to": "jsonl", "neutralise_formulas": True}, "neutralise_formulas must be"),
        ({"to": "csv"}, "out must be a path, for the project is in memory"),
        ({"to": "csv", "out": "no/such/a.csv"}, "must lie in an existing folder"),
    ],
)
def test_what_cannot_be_exported_is_an_error(
    options, words, session, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words):
        export_labels(session, **options)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_imported_is_an_error(session, tmp_path):
    with pytest.raises(ValueError, match="path must be a file or a folder"):
        import_labels(session, tmp_path / "none.csv")
    (tmp_path / "a.json").write_text("[")
    with pytest.raises(ValueError, match="must hold JSON"):
        import_labels(session, tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"project must be a session.*\.skal"):
        import_labels(tmp_path, tmp_path / "a.json")


@pytest.fixture
def photos(tmp_path):
    """Return a folder of images, two of them of one name."""
    folder = tmp_path / "photos"
    for i, name in enumerate(["a/1.png", "b/1.png", "c.png", "d.png"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (60 * i, 0, 0)).save(folder / name)
    return folder


def labelled_photos(photos, project):
    session = LabelSession(
        photos, classes=["cat", "../dog"], project=project, train="elsewhere"
    )
    session.label("a/1.png", "cat")
    session.label("b/1.png", "cat")
    session.label("b/1.png", "../dog", annotator="bob")
    session.label("b/1.png", "../dog", annotator="eve")
    session.label("c.png", "../dog")
    session.skip("d.png")
    return session


def test_a_folder_of_images_goes_out_and_comes_in(photos, tmp_path):
    with labelled_photos(photos, tmp_path / "photos.skal"):
        pass
    out = export_labels(tmp_path / "photos.skal", "imagefolder")
    assert out == tmp_path / "photos.labels"
    found = {p.relative_to(out).as_posix() for p in out.rglob("*.png")}
    assert found == {
        "cat/1.png",
        "..%2Fdog/1.png".replace("..", "%2E."),
        "%2E.%2Fdog/c.png",
    }
    assert (out / "cat/1.png").samefile(photos / "a/1.png")
    with LabelSession(photos, classes=["cat", "../dog"], train="elsewhere") as fresh:
        import_labels(fresh, out)
        labels = {id: value for (id, _), (_, value) in words_of(fresh).items()}
    assert labels == {"a/1.png": "cat", "b/1.png": "../dog", "c.png": "../dog"}


def test_a_folder_is_written_over_if_it_is_an_export_and_no_more(photos, tmp_path):
    with labelled_photos(photos, tmp_path / "photos.skal") as session:
        out = export_labels(session, "imagefolder")
        export_labels(session, "imagefolder", overwrite=True)
        (out / "cat" / "mine.txt").write_text("precious")
        for place in (out, photos):
            with pytest.raises(ValueError, match="must be an earlier export and noth"):
                export_labels(session, "imagefolder", place, overwrite=True)
    assert (out / "cat" / "mine.txt").read_text() == "precious"
    assert len(list(photos.rglob("*.png"))) == 4


def test_images_of_a_plain_folder_are_known_by_content(photos, tmp_path):
    sorted_by_hand = tmp_path / "sorted" / "cat"
    sorted_by_hand.mkdir(parents=True)
    (sorted_by_hand / "mine.png").write_bytes((photos / "b/1.png").read_bytes())
    (sorted_by_hand / "c.png").write_bytes((photos / "d.png").read_bytes())
    Image.new("RGB", (9, 9)).save(sorted_by_hand / "new.png")
    with LabelSession(photos, classes=["cat"], train="elsewhere") as session:
        report = import_labels(session, tmp_path / "sorted")
        assert {id for id, _ in words_of(session)} == {"b/1.png", "d.png"}
    assert report.unknown_ids == ["cat/new.png"]


def test_images_go_to_label_studio_and_come_back(photos, tmp_path):
    with labelled_photos(photos, tmp_path / "photos.skal") as session:
        words = words_of(session)
    path = export_labels(tmp_path / "photos.skal", "label-studio")
    assert path.name == "photos.labels.label-studio.json"
    shown = {task["data"]["image"] for task in json.loads(path.read_text())}
    assert "/data/local-files/?d=photos/a/1.png" in shown
    with LabelSession(photos, classes=["cat", "../dog"], train="elsewhere") as fresh:
        import_labels(fresh, path)
        assert words_of(fresh) == words


def test_an_image_that_has_moved_since_is_exported(photos, tmp_path):
    with labelled_photos(photos, tmp_path / "photos.skal"):
        pass
    (photos / "c.png").rename(photos / "moved.png")
    (photos / "a/1.png").unlink()
    out = export_labels(tmp_path / "photos.skal", "imagefolder")
    assert (out / "%2E.%2Fdog/c.png").samefile(photos / "moved.png")
    assert not (out / "cat").exists()


def test_a_project_whose_rows_were_in_memory_gives_its_labels(tmp_path):
    with texts(tmp_path / "mine.skal") as session:
        session.label("1", "pos")
    path = export_labels(tmp_path / "mine.skal", "csv")
    with texts() as fresh:
        import_labels(fresh, path)
        assert words_of(fresh) == {("1", "me"): ("label", "pos")}


@pytest.mark.parametrize("kind", ["text", "table"])
def test_long_texts_and_gaps_are_written_whole(kind, tmp_path):
    """What a page shows is cut where it is long."""
    path, long = tmp_path / "notes.csv", "word " * 50_000
    path.write_text(f"id,body,n\n1,{long},\n")
    options = {"text": "body"} if kind == "text" else {}
    source = open_source({"source": path, "options": options})
    with LabelSession(source, classes=["x"], train="elsewhere") as session:
        export_labels(session, "jsonl", tmp_path / "a.jsonl", everything=True)
    row = json.loads((tmp_path / "a.jsonl").read_text())
    assert row["text" if kind == "text" else "data.body"] == long
    assert "data.n" not in row


def test_images_in_memory_have_no_files(tmp_path):
    images = np.zeros((3, 8, 8), "uint8")
    with LabelSession(
        images, classes=["x"], kind="image", train="elsewhere"
    ) as session:
        session.label("0", "x")
        with pytest.raises(ValueError, match="without image files"):
            export_labels(session, "imagefolder", tmp_path / "out")
        path = export_labels(session, "jsonl", tmp_path / "a.jsonl")
    assert "path" not in json.loads(path.read_text())


def test_an_open_session_sees_what_is_imported_beside_it(session, tmp_path):
    path = export_labels(session, "csv", tmp_path / "a.csv")
    with texts(tmp_path / "mine.skal") as other:
        import_labels(tmp_path / "mine.skal", path)
        assert other.n_labels == session.n_labels


def test_a_report_names_the_first_few(tmp_path):
    rows = [{"id": f"x{i}", "label": "pos"} for i in range(9)]
    with texts() as session:
        report = import_labels(session, write_lines(tmp_path / "a.jsonl", *rows))
    assert "9 unknown rows: 'x0', 'x1', 'x2', 'x3', 'x4' and 4 more" in str(report)


def test_what_has_come_to_the_place_of_a_row_is_not_exported_for_it(photos, tmp_path):
    """A file read anew by an export used to lend its rows to older labels."""
    file = tmp_path / "reviews.csv"
    file.write_text("body\ngood\nbad\n")
    source = open_source({"source": str(file), "options": {"text": "body"}})
    with LabelSession(source, classes=["pos"], project=tmp_path / "a.skal") as session:
        session.label("0", "pos")
    file.write_text("body\nnew\ngood\n")
    path = export_labels(tmp_path / "a.skal", "jsonl", tmp_path / "a.jsonl")
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["text"] == "good"
    labelled_photos(photos, tmp_path / "photos.skal").close()
    cat = (photos / "a/1.png").read_bytes()
    (photos / "a/1.png").rename(photos / "aside.png")
    (photos / "c.png").rename(photos / "a/1.png")
    (photos / "aside.png").rename(photos / "c.png")
    out = export_labels(tmp_path / "photos.skal", "imagefolder", copy=True)
    assert (out / "cat/1.png").read_bytes() == cat
