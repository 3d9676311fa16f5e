"""Pictures reach the browser as pixels, whatever their makers had in mind."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from label.serving import Client, served
from PIL import Image

from skal.label import LabelSession
from skal.label._server import Pictures, _decode
from skal.label._server._media import Decoder, as_image


def png(width, height, rows=1):
    """Return a PNG that claims a size and holds next to nothing."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * (width + 1) * rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def decoder():
    decoder = Decoder(5)
    yield decoder
    decoder.close()


def test_a_picture_is_encoded_again_and_kept(digit_images, tmp_path):
    with served(str(digit_images), classes=["0", "1"]) as server:
        client = Client(server)
        row = client.ask("next", n=1)["items"][0]
        assert row["show"] == {"kind": "image"}  # no path of a file
        for path in (f"/media/{row['item']}", f"/media/{row['item']}/thumb"):
            status, headers, body = client.send("GET", path)
            assert (status, headers["content-type"]) == (200, "image/webp")
            image = Image.open(io.BytesIO(body))
            assert (image.format, image.size) == ("WEBP", (8, 8))
        kept = sorted(server.pictures.folder.iterdir())
        assert len(kept) == 2
        assert all(path.stat().st_mode & 0o077 == 0 for path in (*kept, kept[0].parent))
        original = np.asarray(Image.open(digit_images / row["id"]).convert("RGB"))
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), original)


def size_of(path):
    with Image.open(path) as image:
        return image.size


def test_a_large_picture_comes_small(decoder, tmp_path):
    path, to = tmp_path / "a.jpg", tmp_path / "a.webp"
    Image.new("RGB", (3000, 2000), "red").save(path)
    decoder.encode(path, to, 320)
    assert size_of(to) == (320, 213)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "F", "CMYK"])
def test_every_mode_becomes_a_picture(mode, decoder, tmp_path):
    path, to = tmp_path / "a.tiff", tmp_path / "a.webp"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert(mode).save(
        path
    )
    decoder.encode(path, to, 320)
    assert size_of(to) == (8, 8)


def test_a_good_picture_with_odd_tags_is_shown(decoder, tmp_path):
    """A warning of the decoder, such as of a broken EXIF, used to be an error."""
    tags = b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0c\0\0\0"
    Image.new("RGB", (9, 9), "red").save(tmp_path / "odd.jpg", exif=tags)
    decoder.encode(tmp_path / "odd.jpg", tmp_path / "odd.webp", 320)
    assert size_of(tmp_path / "odd.webp") == (9, 9)
    (tmp_path / "page.png").write_text("<p>no image")
    with pytest.raises(ValueError, match=r"^it is no image of a known format$"):
        decoder.encode(tmp_path / "page.png", tmp_path / "page.webp", 320)


BOMBS = {
    "pixels by the header": png(60_000, 60_000),
    "just above the limit": png(8_001, 8_001),
    "no picture": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    "nothing": b"",
    "a page": b"<!doctype html><script>alert(1)</script>",
    "letters": b"\xff\xd8\xff" + b"a" * 1000,
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_with_words_and_the_next_picture_shown(
    body, decoder, tmp_path
):
    path, to = tmp_path / "a.png", tmp_path / "a.webp"
    path.write_bytes(body)
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r".+"):
        decoder.encode(path, to, 320)
    assert time.perf_counter() - start < 5
    assert not to.exists()
    path.write_bytes(png(8, 8, 8))
    decoder.encode(path, to, 320)


def test_a_picture_that_takes_too_long_is_given_up(tmp_path):
    """A pipe never ends; the decoder is ended, and another one begun."""
    pipe, image = tmp_path / "pipe", tmp_path / "a.png"
    os.mkfifo(pipe)
    image.write_bytes(png(8, 8, 8))
    decoder = Decoder(0.5)
    try:
        with pytest.raises(ValueError, match="it takes too long"):
            decoder.encode(pipe, tmp_path / "a.webp", 320)
        decoder.seconds = 10
        decoder.encode(image, tmp_path / "a.webp", 320)
    finally:
        decoder.close()


def test_a_decoder_that_breaks_is_begun_again(tmp_path):
    image = tmp_path / "a.png"
    image.write_bytes(png(8, 8, 8))
    decoder = Decoder(10)
    try:
        decoder.encode(image, tmp_path / "a.webp", 320)
        decoder._process.kill()
        for _ in range(2):  # the first may find out, or the second
            with contextlib.suppress(ValueError):
                decoder.encode(image, tmp_path / "b.webp", 320)
        assert size_of(tmp_path / "b.webp") == (8, 8)
    finally:
        decoder.close()


def test_a_link_that_came_later_leads_nowhere(digit_images, tmp_path):
    folder, secret = tmp_path / "photos", tmp_path / "secret.png"
    folder.mkdir()
    for path in [secret, folder / "a.png", folder / "b.png"]:
        path.write_bytes(png(8, 8, 8))
    with LabelSession(str(folder), classes=["x", "y"], train="elsewhere") as session:
        pictures = Pictures(session)
        (folder / "a.png").unlink()
        (folder / "a.png").symlink_to(secret)
        with pytest.raises(LookupError, match="outside of its folder"):
            pictures.encoded(session.pool.number("a.png"), "full")
        (folder / "a.png").unlink()
        os.mkfifo(folder / "a.png")
        with pytest.raises(LookupError, match="no longer there"):
            pictures.encoded(session.pool.number("a.png"), "full")
        with pytest.raises(LookupError, match="no row 77"):
            pictures.encoded(77, "full")
        pictures.close()


def test_the_process_that_decodes_knows_nothing_of_skal():
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); "
        "print([name for name in ('json', 'numpy', 'skal') if name in sys.modules])"
    )
    script = Path(_decode.__file__)
    found = subprocess.run(
        [sys.executable, "-I", "-c", code, script],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert found.stdout.strip() == "['json']"


@pytest.mark.parametrize(
    ("pixels", "mode"),
    [
        (np.zeros((8, 8)), "L"),
        (np.eye(8) * 16, "L"),
        (np.zeros((1, 8, 8), np.uint8), "L"),
        (np.zeros((3, 8, 8), np.float32), "RGB"),
        (np.zeros((8, 8, 3), np.uint8), "RGB"),
        (np.full((8, 8), np.nan), "L"),
    ],
)
def test_arrays_of_any_order_become_pictures(pixels, mode):
    image = as_image(pixels)
    assert (image.mode, image.size) == (mode, (8, 8))


def test_pixels_in_memory_are_shown(tmp_path):
    X = np.random.default_rng(0).random((5, 8, 8))
    with LabelSession(
        X, classes=["x", "y"], kind="image", train="elsewhere"
    ) as session:
        pictures = Pictures(session, tmp_path / "thumbs")
        body = pictures.encoded(session.pool.number("3"), "full")
        pictures.close()
    shown = np.asarray(Image.open(io.BytesIO(body)).convert("L"), float)
    assert np.corrcoef(shown.ravel(), X[3].ravel())[0, 1] > 0.999
