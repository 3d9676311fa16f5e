"""Folders of images as they come: deep, broken, labelled by a table, growing."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skal.datasets import load_image_folder
from skal.nets import CNNClassifier


@pytest.fixture
def load(tmp_path):
    """Return a loader of the folder ``pool``, whose cache is beside it."""
    (tmp_path / "pool").mkdir()

    def loader(**params):
        return load_image_folder(tmp_path / "pool", cache_dir=tmp_path / "c", **params)

    loader.folder = tmp_path / "pool"
    return loader


def paint(path, value, shape=(4, 4), kind=np.uint8):
    """Save an image of one brightness, with a darker corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full(shape, value, kind)
    pixels[0, 0] = value // 2
    Image.fromarray(pixels).save(path)


# Depth -----------------------------------------------------------------------------


def test_all_sixteen_bits_are_kept(load):
    """They were cut to 8."""
    ramp = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16) + 7
    Image.fromarray(ramp).save(load.folder / "a.png")
    Image.fromarray(ramp.T.copy()).save(load.folder / "b.tif")
    deep = load(depth="uint16", color="gray")
    assert deep.images.dtype == deep.data.dtype == np.uint16
    np.testing.assert_array_equal(deep.images, [ramp, ramp.T])
    colored = load(depth="uint16")
    np.testing.assert_array_equal(colored.images[0], [ramp] * 3)
    small = load(depth="uint16", color="gray", size=4).images
    blocks = ramp.reshape(4, 4, 4, 4).mean(axis=(1, 3))
    assert np.abs(small[0] - blocks).max() < 700  # of 65 536, for Pillow's filter
    assert load(color="gray").images.dtype == np.uint8


def test_eight_bits_among_sixteen_are_refused(load):
    """Theirs is another scale."""
    paint(load.folder / "a.png", 4000, kind=np.uint16)
    paint(load.folder / "b.png", 200)
    with pytest.raises(
        ValueError, match=r"b.png: grey pixels of 16 bits were expected"
    ):
        load(depth="uint16")
    with pytest.warns(UserWarning, match=r"left out: 1 in .*b.png"):
        assert load(depth="uint16", on_error="skip").filenames.tolist() == ["a.png"]


@pytest.mark.long
def test_a_net_learns_from_deep_images(load):
    for i in range(20):
        path = load.folder / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        gray = np.full((8, 8), 8970 + 40 * (i % 2), np.uint16)
        Image.fromarray(gray).save(path)
    X, y = load(depth="uint16", color="gray", return_X_y=True)
    net = CNNClassifier(channels=(4,), max_steps=60, augment=None, random_state=0)
    assert net.fit(X, y).score(X, y) == 1  # 8 bits do not tell them apart
    flat = load(color="gray").images
    assert len(np.unique(flat.reshape(20, -1), axis=0)) == 1


# Broken files ----------------------------------------------------------------------


def test_broken_images_are_left_out_by_name(load):
    for i in range(5):
        paint(load.folder / "ab"[i % 2] / f"{i}.png", 10 * i)
    (load.folder / "a" / "2.png").write_bytes(b"nonsense")
    (load.folder / "a" / "4.png").write_bytes(b"")
    kept = ["a/0.png", "b/1.png", "b/3.png"]
    for _ in range(2):  # the second time from the cache
        with pytest.warns(
            UserWarning, match=r"left out: 2 in .*2.png: .*; a/4.png: "
        ) as w:
            pool = load(on_error="skip")
        assert len(w) == 1
        assert w[0].filename == __file__
        assert pool.filenames.tolist() == kept
        assert pool.target.tolist() == [0, 1, 1]
        assert pool.images[:, 0, 2, 2].tolist() == [0, 10, 30]
    with pytest.raises(ValueError, match=r"got 2 in .* or pass on_error='skip'"):
        load()
    paint(load.folder / "a" / "2.png", 20)
    (load.folder / "a" / "4.png").unlink()
    assert len(load(on_error="skip").images) == len(load().images) == 4


def test_nothing_but_broken_images_is_an_error(load):
    (load.folder / "a.png").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="path must hold images that can be read"):
        load(on_error="skip")


def test_other_files_are_told_how_to_be_read(load):
    """They were counted, without a way out."""
    paint(load.folder / "a.png", 3)
    for name in ("s.dcm", "t.DCM", "brain.nii.gz", "film.mp4", "notes.txt"):
        (load.folder / name).touch()
    words = (
        r"over: 5 \(2 .dcm, 1 .mp4, 1 .nii.gz, 1 .txt\)\. formats='dicom' reads the 2 "
        r"of DICOM\. formats='nifti' reads the 1 of NIfTI\. Save frames of the 1 videos"
    )
    with pytest.warns(UserWarning, match=words) as warnings:
        load()
    assert len(warnings) == 1


# Labels ----------------------------------------------------------------------------


@pytest.fixture
def scans(load):
    for name in ("x/cat/1.png", "x/dog/2.png", "y/cat/3.png", "4.png"):
        paint(load.folder / name, 5)
    return load


def names_of(pool):
    return [None if c < 0 else pool.target_names[c] for c in pool.target]


def test_labels_come_from_either_folder(scans):
    assert scans().filenames.tolist() == [
        *("4.png", "x/cat/1.png", "x/dog/2.png", "y/cat/3.png")
    ]
    assert names_of(scans()) == names_of(scans(labels="top")) == [None, "x", "x", "y"]
    assert names_of(scans(labels="parent")) == [None, "cat", "dog", "cat"]
    assert names_of(scans(labels=None)) == [None] * 4


def test_labels_come_from_a_function_or_a_mapping(scans):
    def side(name):
        return int(Path(name).stem) % 2 if "/" in name else None

    pool = scans(labels=side)
    assert names_of(pool) == [None, 1, 0, 1]
    assert pool.target_names.tolist() == [0, 1]
    found = scans(
        labels={"4.png": "b", "x/cat/1": "a", "2.png": float("nan"), "3": "a"}
    )
    assert names_of(found) == ["b", "a", None, "a"]
    with pytest.raises(TypeError, match="labels must give a text or a number, got \\["):
        scans(labels=lambda name: [1])


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".csv", "image,label\n1.png,a\n2.png,\n4.png,b\n"),
        (".csv", "1.png,a\n2.png,\n4.png,b\n"),
        (".csv", "\ufeffage,Diagnosis,image_id\n3,a,1\n4,,2\n5,b,4\n\n"),
        (".tsv", "name\tclass\nx/cat/1.png\ta\nx/dog/2.png\t\n4.png\tb\n"),
    ],
)
def test_labels_come_from_a_table(scans, tmp_path, suffix, text):
    table = tmp_path / f"labels{suffix}"
    table.write_text(text, "utf-8")
    for path in (table, str(table)):
        assert names_of(scans(labels=path)) == ["b", "a", None, None]


def test_tables_that_do_not_fit_are_refused_before_any_work(scans, tmp_path):
    table = tmp_path / "labels.csv"
    for text, words in [
        ("", "labels must hold names and labels, got an empty"),
        (
            "a,b,c\n1.png,2,3\n",
            r"labels must have a column of names .* got \['a', 'b',",
        ),
        (
            "image,label\n9.png,a\n",
            "labels must name files of path, got names like '9.p",
        ),
    ]:
        table.write_text(text)
        with pytest.raises(ValueError, match=words):
            scans(labels=table)
    assert not (tmp_path / "c").exists()
    with pytest.warns(
        UserWarning, match="labels names 2 files that path does not hold"
    ):
        scans(labels={"1.png": "a", "7.png": "b", "8.png": "c"})
    with pytest.raises(FileNotFoundError):
        scans(labels=tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    "text",
    [
        "image,label,age\n1.png,a,3\n2.png\n4.png,b\n",  # short lines: an IndexError
        "4,b\n1,a\n",  # no head, no suffix: the first line was lost
        "image,label\nx\\cat\\1.png,a\n./4.png,b\n4.png,b\n",
    ],
)
def test_tables_are_read_as_they_come(scans, tmp_path, text):
    table = tmp_path / "labels.csv"
    table.write_text(text, "utf-8")
    assert names_of(scans(labels=table)) == ["b", "a", None, None]


def test_labels_that_contradict_each_other_are_refused(scans, tmp_path):
    """The last line won, and a short name was the label of files in two folders."""
    table = tmp_path / "labels.csv"
    table.write_text("image,label\n1.png,a\n1.png,b\n")
    with pytest.raises(ValueError, match=r"one label, got 'a' and 'b' for '1\.png'"):
        scans(labels=table)
    paint(scans.folder / "y" / "1.png", 5)
    table.write_text("image,label\n1.png,a\n")
    with pytest.raises(ValueError, match=r"apart, got '1\.png' for 'x/cat/1.* 'y/1"):
        scans(labels=table)


# Growing folders -------------------------------------------------------------------


@pytest.fixture
def decoded(monkeypatch):
    """Note the names of files that are decoded."""
    from skal.datasets import _image_cache

    names = []
    original = _image_cache._decode_block

    def noted(files, block, how):
        names.extend(block)
        return original(files, block, how)

    monkeypatch.setattr(_image_cache, "_decode_block", noted)
    return names


def test_new_files_become_rows_after_the_old(load, decoded):
    """Every call decoded all, and a new file moved every row after it."""
    for i in (3, 5):
        paint(load.folder / f"b/{i}.png", i)
    first = load(follow=True)
    for name, value in (("a/1.png", 1), ("b/4.png", 4), ("0.png", 9)):
        paint(load.folder / name, value)
    decoded.clear()
    second = load(follow=True)
    assert sorted(decoded) == ["0.png", "a/1.png", "b/4.png"]
    names = ["b/3.png", "b/5.png", "0.png", "a/1.png", "b/4.png"]
    assert second.filenames.tolist() == names
    assert second.images[:, 0, 2, 2].tolist() == [3, 5, 9, 1, 4]
    assert second.target_names.tolist() == ["b", "a"]  # b keeps its code
    assert second.target.tolist() == [0, 0, -1, 1, 0]
    np.testing.assert_array_equal(first.images[:, 0, 2, 2], [3, 5])  # as it was
    decoded.clear()
    assert load(follow=True).filenames.tolist() == names
    assert decoded == []
    assert load().filenames.tolist() == sorted(names)


def test_rows_stay_when_their_files_go_or_change(load):
    for i in range(3):
        paint(load.folder / f"{i}.png", i)
    load(follow=True)
    (load.folder / "0.png").unlink()
    paint(load.folder / "1.png", 100)
    os.utime(load.folder / "1.png", ns=(1, 1))
    with pytest.warns(
        UserWarning, match="holds 1 files no more that it held, and 1 that"
    ):
        pool = load(follow=True)
    assert pool.images[:, 0, 2, 2].tolist() == [0, 1, 2]


def test_a_file_that_is_still_being_written_is_tried_again(load):
    paint(load.folder / "0.png", 0)
    paint(load.folder / "1.png", 1)
    whole = (load.folder / "1.png").read_bytes()
    (load.folder / "1.png").write_bytes(whole[:40])
    with pytest.raises(ValueError, match=r"got 1 in .*1.png"):
        load(follow=True)
    with pytest.warns(UserWarning, match="left out: 1 in"):
        assert len(load(follow=True, on_error="skip").images) == 1
    paint(load.folder / "2.png", 2)
    with pytest.raises(ValueError, match=r"got 1 in .*1.png"):
        load(follow=True)
    (load.folder / "1.png").write_bytes(whole)
    pool = load(follow=True)
    assert pool.filenames.tolist() == ["0.png", "1.png", "2.png"]
    assert pool.images[:, 0, 2, 2].tolist() == [0, 1, 2]


def test_new_files_are_of_the_size_and_depth_of_the_old(load):
    paint(load.folder / "0.png", 4000, kind=np.uint16)
    assert load(follow=True, color="gray").images[0, 2, 2] == 4000 >> 4
    paint(load.folder / "1.png", 9000, kind=np.uint16)
    with pytest.raises(ValueError, match=r"pixels of 12 bits were expected"):
        load(follow=True, color="gray")
    paint(load.folder / "1.png", 100, (5, 5))
    with pytest.raises(ValueError, match=r"size must be given for images of different"):
        load(follow=True, color="gray")
    paint(load.folder / "1.png", 100)
    assert load(follow=True, color="gray").images[1, 2, 2] == 100


def test_many_may_follow_at_once(load):
    for i in range(6):
        paint(load.folder / f"{i}.png", i)
    start, found = threading.Barrier(4), []

    def one():
        start.wait()
        found.append(load(follow=True).images[:, 0, 2, 2].tolist())

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[0, 1, 2, 3, 4, 5]] * 4


# Hospitals -------------------------------------------------------------------------

MISSING = "the extra 'medical' is not installed"


COLORS = ("Red", "Green", "Blue")


def dicom(path, pixels, *, bits=12, signed=False, **fields):
    """Save a DICOM file as small as one can be."""
    pydicom = pytest.importorskip("pydicom", reason=MISSING)
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, bits, bits - 1
    data.PixelRepresentation = int(signed)
    for name, value in fields.items():
        setattr(data, name, value)
    data.PixelData = pixels.astype(np.int16 if signed else np.uint16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def test_dicom_is_read_as_stored_or_as_seen(load):
    ramp = (np.arange(64).reshape(8, 8) * 64).astype(np.uint16)  # of 12 bits
    dicom(load.folder / "a" / "1.dcm", ramp)
    dicom(load.folder / "a" / "IM2", ramp, PhotometricInterpretation="MONOCHROME1")
    dicom(load.folder / "b" / "3.0001", ramp.astype(int) - 2048, signed=True)
    frames = np.stack([ramp, ramp[::-1]])
    dicom(load.folder / "b" / "4.dcm", frames, NumberOfFrames=2)
    paint(load.folder / "5.png", 3)
    with pytest.warns(
        UserWarning, match=r"over: 1 \(1 .png\)\. formats='images' reads t"
    ):
        deep = load(formats="dicom", depth="uint16", color="gray")
    assert deep.filenames.tolist() == ["a/1.dcm", "a/IM2", "b/3.0001", "b/4.dcm"]
    assert deep.target.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(deep.images, [ramp, 4095 - ramp, ramp, ramp])
    (load.folder / "5.png").unlink()
    seen = load(formats="dicom", color="gray").images
    np.testing.assert_array_equal(seen[0], (ramp * (255 / 4095)).astype(np.uint8))
    assert load(formats="dicom", size=4).images.shape == (4, 3, 4, 4)


def test_dicom_is_seen_through_its_window(load):
    hounsfield = np.linspace(-1000, 1000, 64).reshape(8, 8).round()
    window = {"WindowCenter": 40, "WindowWidth": 400}
    scale = {"RescaleSlope": 1, "RescaleIntercept": -1024}
    dicom(load.folder / "1.dcm", hounsfield + 1024, **window, **scale)
    seen = load(formats="dicom", color="gray").images[0].astype(float)
    expected = ((hounsfield - 39.5) / 399 + 0.5).clip(0, 1) * 255
    np.testing.assert_allclose(seen, expected, atol=1.5)


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowWidth": 400},
    ],
)
def test_dicom_with_half_a_window_is_read_without(load, window):
    """An empty field, which many files have, ended the reading of all files."""
    ramp = (np.arange(64).reshape(8, 8) * 64).astype(np.uint16)
    dicom(load.folder / "1.dcm", ramp, **window)
    seen = load(formats="dicom", color="gray").images[0]
    np.testing.assert_array_equal(seen, (ramp * (255 / 4095)).astype(np.uint8))


def test_dicom_in_a_palette_is_seen_in_its_colours(load):
    """Places in the palette were taken for greys."""
    table = [2, 0, 16]
    red, none = (np.array(c, np.uint16).tobytes() for c in ([65535, 0], [0, 0]))
    fields = {f"{c}PaletteColorLookupTableDescriptor": table for c in COLORS}
    data = dict.fromkeys((f"{c}PaletteColorLookupTableData" for c in COLORS), none)
    data["RedPaletteColorLookupTableData"] = red
    places = np.array([[0, 1], [1, 0]])
    dicom(
        load.folder / "1.dcm",
        places,
        PhotometricInterpretation="PALETTE COLOR",
        **fields,
        **data,
    )
    seen = load(formats="dicom").images[0]
    assert seen.tolist() == [[[255, 0], [0, 255]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]]
    with pytest.raises(ValueError, match="grey pixels were expected, got colours"):
        load(formats="dicom", depth="uint16")


def test_files_that_are_no_dicom_are_named(load):
    pytest.importorskip("pydicom", reason=MISSING)
    (load.folder / "1.dcm").write_bytes(b"nonsense")
    with pytest.raises(
        ValueError, match=r"1.dcm: a DICOM file with an image was expec"
    ):
        load(formats="dicom")


def test_volumes_are_read(load):
    nibabel = pytest.importorskip("nibabel", reason=MISSING)
    volume = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4) - 7  # x, y, z
    for name in ("1.nii", "sub/2.nii.gz"):
        (load.folder / name).parent.mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), load.folder / name)
    pool = load(formats="nifti")
    assert pool.images.shape == (2, 1, 4, 3, 2)
    expected = np.rint((volume.T + 7) * 255 / 23)
    np.testing.assert_allclose(pool.images[1, 0], expected, atol=1)
    assert names_of(pool) == [None, "sub"]
    deep = load(formats="nifti", depth="uint16", size=(8, 6, 2)).images
    assert deep.shape == (2, 1, 8, 6, 2)
    assert deep.dtype == np.uint16
    (load.folder / "3.nii").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"3.nii: a NIfTI volume was expected"):
        load(formats="nifti")


def test_holes_in_a_volume_are_empty(load):
    """Infinity was the brightest value, beside which all others were 0."""
    nibabel = pytest.importorskip("nibabel", reason=MISSING)
    volume = np.array([0, 1, np.nan, np.inf, -np.inf, 2], np.float32).reshape(1, 2, 3)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), load.folder / "1.nii.gz")
    pool = load(formats="nifti", labels={"1": "whole name without both suffixes"})
    assert pool.images[0].ravel().tolist() == [0, 0, 128, 0, 0, 255]
    assert pool.target.tolist() == [0]


def test_a_library_that_is_missing_is_named(load, monkeypatch):
    monkeypatch.setattr("skal.datasets._medical.find_spec", lambda name: None)
    for formats, library in (("dicom", "pydicom"), ("nifti", "nibabel")):
        with pytest.raises(ImportError, match=rf"{library}, .* 'skal\[medical\]'"):
            load(formats=formats)
