"""A folder of images: what is taken, what is refused, and what the learner is given."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from skal.label._derived import Derived
from skal.label._sources import ImageFolder, open_image, open_source


def picture(path, colour="red", size=(40, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    for name, colour in (("a.png", "red"), ("sub/b.jpg", "blue"), ("c.webp", "green")):
        picture(root / name, colour)
    return root


def png_of(width, height, path):
    """Write a PNG whose header says any size; the rest is short."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def test_images_go_by_their_path(folder):
    source = ImageFolder(folder)
    assert source.ids == ["a.png", "c.webp", "sub/b.jpg"]
    assert source.kind == "image"
    assert source.labels == [None] * 3
    assert source.show(2) == {"kind": "image", "image": folder.resolve() / "sub/b.jpg"}
    assert source.text(2) == "sub/b.jpg"
    assert not source.notes


def test_class_folders_are_labels_where_asked(folder):
    assert ImageFolder(folder, labels="folders").labels == [None, None, "sub"]


def test_a_source_opens_again_by_what_it_says_of_itself(folder):
    source = ImageFolder(folder, labels="folders")
    again = open_source(source.meta())
    assert (again.ids, again.digests, again.labels) == (
        source.ids,
        source.digests,
        source.labels,
    )


def test_options_of_rows_are_refused(folder):
    with pytest.raises(ValueError, match=r"text must be None for a source of images"):
        open_source({"source": str(folder), "options": {"text": "body"}})


def test_what_is_passed_over_is_counted(folder, tmp_path):
    outside = picture(tmp_path / "secret.png")
    (folder / "out.png").symlink_to(outside)
    (folder / "rel.png").symlink_to("../secret.png")
    (folder / "nowhere.png").symlink_to(folder / "not.png")
    (folder / "ring.png").symlink_to(folder / "ring.png")
    (folder / "more").symlink_to(tmp_path)
    (folder / "round").symlink_to(folder)
    (folder / "notes.txt").write_text("hello")
    (folder / "page.svg").write_text("<svg onload='alert(1)'/>")
    picture(folder / ".hidden.png")
    picture(folder / ".thumbs" / "x.png")
    os.mkfifo(folder / "pipe.png")
    source = ImageFolder(folder)
    assert source.ids == ["a.png", "c.webp", "sub/b.jpg"]
    assert source.notes == [
        "Left out: 2 files that are no images, 2 links out of the folder, "
        "2 links to folders, 2 links to nowhere, 1 things that are no files."
    ]


def test_a_link_within_the_folder_is_taken(folder):
    (folder / "same.png").symlink_to(folder / "a.png")
    source = ImageFolder(folder)
    assert source.digests[source.ids.index("same.png")] == source.digests[0]


def test_a_file_of_no_encoding_has_a_name_all_the_same(folder):
    name = os.fsencode(folder) + b"/caf\xe9.png"
    picture(folder / "x.png").rename(os.fsdecode(name))
    source = ImageFolder(folder)
    assert "caf\\xe9.png" in source.ids
    assert len(source.features()) == 4


def test_a_folder_without_images_says_so(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ValueError, match=r"source must hold images .*1 files that are"):
        ImageFolder(tmp_path)
    with pytest.raises(ValueError, match=r"source must be a folder of images"):
        ImageFolder(tmp_path / "none")


# Digests --------------------------------------------------------------------------


def test_files_that_did_not_change_are_not_read_again(folder, monkeypatch):
    derived = Derived()
    first = ImageFolder(folder, derived=derived)
    read = []
    from skal.label._sources import _image_files

    digest = _image_files._digest_of_file
    monkeypatch.setattr(
        _image_files, "_digest_of_file", lambda path: read.append(path) or digest(path)
    )
    assert ImageFolder(folder, derived=derived).digests == first.digests
    assert not read
    picture(folder / "a.png", "yellow", size=(41, 30))
    changed = ImageFolder(folder, derived=derived)
    assert [os.path.basename(path) for path in read] == ["a.png"]
    assert changed.digests[0] != first.digests[0]


# Features ---------------------------------------------------------------------------


def test_features_are_made_once_a_content_and_kept(folder):
    picture(folder / "copy.png")  # of a.png
    derived, told = Derived(), []
    source = ImageFolder(folder, derived=derived)
    X = source.features(derived, lambda done, every: told.append((done, every)))
    assert X.dtype == np.float32
    assert told[-1] == (4, 4)
    np.testing.assert_allclose(X[0], X[source.ids.index("copy.png")], atol=1e-5)
    assert source.features() is X
    again = ImageFolder(folder, derived=derived)
    assert again.are_made(derived)
    assert not again.are_made()
    for i in range(4):
        source.image(i).unlink()
    np.testing.assert_array_equal(again.features(derived), X)  # no file was read


def test_pixels_for_a_net(folder):
    X = ImageFolder(folder, input="pixels").features()
    assert X.shape == (3, 3, 32, 32)
    assert X.dtype == np.uint8
    assert X[0, :, 5, 5].tolist() == [255, 0, 0]


def test_an_image_that_cannot_be_read_is_grey_and_stops_nobody(folder):
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:50])
    (folder / "text.jpg").write_text("<script>alert(1)</script>")
    png_of(200_000, 200_000, folder / "bomb.png")
    png_of(2000, 2000, folder / "short.png")
    X = ImageFolder(folder, input="pixels").features()
    grey = [tuple(np.unique(one)) for one in X]
    assert grey.count((127,)) == 4


def test_sideways_deep_and_transparent_images(tmp_path):
    upright = Image.new("RGB", (40, 80), "white")
    upright.paste("black", (0, 0, 40, 40))  # dark above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    upright.rotate(90, expand=True).save(tmp_path / "a.jpg", exif=exif, quality=95)
    deep = np.full((20, 20), 40_000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "b.png")
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "c.png")
    X = ImageFolder(tmp_path, input="pixels").features()
    assert X[0, 0, 2].mean() < 50 < 200 < X[0, 0, -3].mean()
    assert set(np.unique(X[1])) == {40_000 >> 8}
    assert set(np.unique(X[2])) == {255}


# Opening what may come from a stranger ------------------------------------------------


BAD_FILES = {
    "many pixels": (lambda path: png_of(9000, 9000, path), "at most 64000000 pixels"),
    "bomb": (lambda path: png_of(200_000, 200_000, path), "must be an image"),
    "text": (lambda path: path.write_text("no image"), "must be an image"),
    "folder": (lambda path: path.mkdir(), "must be a file"),
    "pipe": (os.mkfifo, "must be a file"),
    "link": (lambda path: path.symlink_to("/etc/hostname"), "must lie in its folder"),
}


@pytest.mark.parametrize(("make", "words"), BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_no_page_should_show_is_refused_before_it_is_decoded(
    tmp_path, make, words
):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(ValueError, match=words), open_image(path, tmp_path):
        pass


def test_a_way_out_of_the_folder_is_refused(tmp_path):
    picture(tmp_path / "a.png")
    inside = tmp_path / "in"
    inside.mkdir()
    way_out = inside / ".." / "a.png"
    with (
        pytest.raises(ValueError, match="must lie in its folder"),
        open_image(way_out, inside),
    ):
        pass


def test_a_format_that_is_not_on_the_list_is_refused_whatever_it_is_called(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.ppm")
    (tmp_path / "a.ppm").rename(tmp_path / "a.png")
    with (
        pytest.raises(ValueError, match="must be an image"),
        open_image(tmp_path / "a.png", tmp_path),
    ):
        pass
