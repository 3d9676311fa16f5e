"""Between sessions files and rows move, and every label stays with what it was for."""

import shutil

import numpy as np
from PIL import Image

from skal.label import LabelSession
from skal.label._sources import ImageFolder, TableFile


def draw(folder, names):
    """Draw an image of its own for each name."""
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        Image.new("RGB", (8, 8), (10 * i, 0, 0)).save(folder / name)


def labels_of(session):
    """Return what is labelled, by the ids of today; what is not there is left out."""
    there = set(session.pool.numbers().tolist())
    return {
        session.pool.id_of(event.item): event.value
        for event in session.store.current()
        if event.item in there
    }


def open_images(folder, project):
    session = LabelSession(
        ImageFolder(folder), classes=["x", "y"], project=project, train="elsewhere"
    )
    assert len(session.pool) == len(session.pool.ids)
    return session


def test_images_that_move_are_renamed_copied_swapped_and_deleted(tmp_path):
    folder, project = tmp_path / "images", tmp_path / "project"
    names = [f"{name}.png" for name in "abcdefg"]
    draw(folder, names)
    with open_images(folder, project) as session:
        for name in names[:6]:
            session.label(name, "xy"[name in ("a.png", "c.png", "e.png")])
        session.discard("g.png")

    (folder / "kept").mkdir()
    shutil.move(folder / "a.png", folder / "kept" / "a.png")  # moved
    shutil.move(folder / "b.png", folder / "z.png")  # renamed
    shutil.move(folder / "c.png", folder / "tmp")  # c and d: swapped
    shutil.move(folder / "d.png", folder / "c.png")
    shutil.move(folder / "tmp", folder / "d.png")
    shutil.copy(folder / "e.png", folder / "0.png")  # copied
    (folder / "f.png").rename(tmp_path / "f.png")  # deleted
    Image.new("RGB", (9, 9), "white").save(folder / "b.png")  # new, under an old name
    with open_images(folder, project) as session:
        assert labels_of(session) == {
            "kept/a.png": "y",
            "z.png": "x",
            "c.png": "x",
            "d.png": "y",
            "e.png": "y",
            "g.png": None,
        }
        asked = {item.id for item in session.ask(9)}
        assert asked == {"0.png", "b.png"}

    (tmp_path / "f.png").rename(folder / "back.png")
    with open_images(folder, project) as session:
        assert labels_of(session)["back.png"] == "x"
        assert len(session.store.events()) == 7  # nothing was lost, nothing added


def test_a_folder_that_moved_as_a_whole(tmp_path):
    draw(tmp_path / "images", ["a.png", "b.png"])
    with open_images(tmp_path / "images", tmp_path / "project") as session:
        session.label("b.png", "y")
    (tmp_path / "images").rename(tmp_path / "photos")
    with open_images(tmp_path / "photos", tmp_path / "project") as session:
        assert labels_of(session) == {"b.png": "y"}


def test_rows_that_are_sorted_inserted_and_deleted(tmp_path):
    file, project = tmp_path / "rows.csv", tmp_path / "project"
    file.write_text("body\none\ntwo\nthree\ntwo\n")

    def session_of(**options):
        source = TableFile(file, text="body", **options)
        return LabelSession(
            source, classes=["x", "y"], project=project, train="elsewhere"
        )

    with session_of() as session:
        for id, value in zip("0123", "xyxx", strict=True):
            session.label(id, value)
    file.write_text("body\nnew\ntwo\nthree\ntwo\nfour\n")
    with session_of() as session:
        # Of the two rows "two" the first stays the first.
        found = labels_of(session)
        assert found == {"1": "y", "2": "x", "3": "x"}
        assert {item.id for item in session.ask(9)} == {"0", "4"}


def test_rows_with_ids_keep_their_labels_when_their_text_is_mended(tmp_path):
    file, project = tmp_path / "rows.csv", tmp_path / "project"
    for text in ("id,body\n7,teh cat\n8,a dog\n", "id,body\n8,a dog\n7,the cat\n"):
        file.write_text(text)
        source = TableFile(file, text="body", id="id")
        with LabelSession(
            source, classes=["cat", "dog"], project=project, train="elsewhere"
        ) as session:
            if session.n_labels == 0:
                session.label("7", "cat")
            assert labels_of(session) == {"7": "cat"}
            assert session.pool.show(session.pool.position(1))["text"][-3:] == "cat"


def test_no_copy_of_a_row_of_the_audit_is_trained_on(tmp_path):
    folder = tmp_path / "images"
    draw(folder, [f"{i}.png" for i in range(20)])
    for i in range(20):
        shutil.copy(folder / f"{i}.png", folder / f"copy {i}.png")
    with open_images(folder, tmp_path / "project") as session:
        kept = session.pool.reserved
        digests = np.array(session.pool.source.digests)
        assert not set(digests[kept]) & set(digests[~kept])
