"""Data sets: read from files as they are, fetched once, and named when broken."""

import gzip
import io
import os
import pickle
import struct
import sys
import tarfile
import threading
import types
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from skal.datasets import (
    _cifar10,
    _idx,
    fetch_cifar10,
    fetch_mnist,
    load_digits_images,
    load_image_folder,
)

CLASSES = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]
SPELLINGS = (".jfif", ".jpe", ".JPG", ".dib", ".pnm", ".apng")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch, request):
    """Keep caches and data of the tests to themselves."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    if not request.node.get_closest_marker("slow_data"):
        monkeypatch.delenv("SKAL_DATA", raising=False)


# Digits ------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn_in_bytes():
    digits, known = load_digits_images(), load_digits()
    assert digits.images.shape == (1797, 8, 8)
    assert digits.images.dtype == np.uint8
    # 16 levels of 255 / 16 = 15.9375, rounded: nothing is lost.
    np.testing.assert_array_equal(np.rint(digits.images / 15.9375), known.images)
    np.testing.assert_array_equal(np.unique(digits.images)[[0, 1, -1]], [0, 16, 255])
    np.testing.assert_array_equal(digits.target, known.target)
    np.testing.assert_array_equal(digits.data, digits.images.reshape(1797, 64))
    assert list(digits.target_names) == list("0123456789")
    X, y = load_digits_images(return_X_y=True)
    np.testing.assert_array_equal(X, digits.images)
    assert y.dtype == np.int64


# MNIST -------------------------------------------------------------------------


def idx(array):
    """Return an array of bytes in the IDX format."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def write_mnist(folder, prefix="train", n=5, seed=0, compressed=True, dot="-"):
    """Write a small MNIST; return its images and labels."""
    rng = np.random.RandomState(seed)
    images, labels = rng.randint(256, size=(n, 28, 28)), rng.randint(10, size=n)
    folder.mkdir(parents=True, exist_ok=True)
    for what, array in (("images", images), ("labels", labels)):
        name = f"{prefix}-{what}{dot}idx{array.ndim}-ubyte"
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))
    return images, labels


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("place", [".", "MNIST/raw", "raw"])
def test_mnist_is_read_from_where_it_may_lie(tmp_path, place, compressed):
    images, labels = write_mnist(tmp_path / place, compressed=compressed)
    mnist = fetch_mnist(tmp_path, download_if_missing=False)
    np.testing.assert_array_equal(mnist.images, images)
    np.testing.assert_array_equal(mnist.target, labels)
    assert (mnist.images.dtype, mnist.target.dtype) == (np.uint8, np.int64)
    assert mnist.data.shape == (5, 784)
    assert np.shares_memory(mnist.data, mnist.images)
    mnist.images[0] = 0  # the caller's own


def test_mnist_with_a_dot_in_its_names(tmp_path):
    images, _ = write_mnist(tmp_path, dot=".")
    X, _ = fetch_mnist(tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, images)


def test_subsets_of_mnist(tmp_path, monkeypatch):
    train, train_labels = write_mnist(tmp_path, "train")
    test, test_labels = write_mnist(tmp_path, "t10k", 3, seed=1)
    monkeypatch.setenv("SKAL_DATA", str(tmp_path))
    X, y = fetch_mnist(subset="test", return_X_y=True)
    np.testing.assert_array_equal(X, test)
    X, y = fetch_mnist(subset="all", return_X_y=True)
    np.testing.assert_array_equal(X, np.concatenate([train, test]))
    np.testing.assert_array_equal(y, np.concatenate([train_labels, test_labels]))
    with pytest.raises(ValueError, match=r"subset must be one of 'train', .*'trian'"):
        fetch_mnist(subset="trian")


def test_mnist_as_image_files(tmp_path):
    images, labels = np.arange(20 * 784).reshape(20, 28, 28) % 256, np.arange(20) % 10
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "mnist_png" / "test" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{i:02d}.png")
    X, y = fetch_mnist(tmp_path, subset="test", return_X_y=True)
    order = np.argsort(labels, kind="stable")  # by class, then by name
    np.testing.assert_array_equal(X, images[order])
    np.testing.assert_array_equal(y, labels[order])


def test_missing_mnist_says_where_to_put_what(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="data_dir must hold MNIST, got"
    ) as info:
        fetch_mnist(tmp_path, download_if_missing=False)
    for words in (str(tmp_path), "train-images-idx3-ubyte", "download_if_missing=True"):
        assert words in str(info.value)
    write_mnist(tmp_path, "t10k")
    with pytest.raises(FileNotFoundError, match="must hold MNIST"):
        fetch_mnist(tmp_path, subset="all", download_if_missing=False)


def test_without_a_folder_the_cache_is_the_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "skal" / "data")):
        fetch_mnist(download_if_missing=False)


def break_images(change):
    def corrupt(folder):
        path = folder / "train-images-idx3-ubyte.gz"
        path.write_bytes(change(path.read_bytes()))

    return corrupt


def plain(change):
    return break_images(lambda old: gzip.compress(change(gzip.decompress(old))))


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (break_images(lambda old: old[:-40]), "must be a whole gzip file"),
        (break_images(lambda old: old[:60] + b"\0" * 9 + old[69:]), "whole gzip file"),
        (plain(lambda old: old[:-1]), r"must hold 3920 bytes of .* got 3919"),
        (plain(lambda old: old + b"?"), r"must hold 3920 bytes of .* got more"),
        (plain(lambda old: old[:4] + b"\xff" * 12), "asks for 79228162458924105385"),
        (plain(lambda old: old[:4] + b"\0\1\xff\xff" * 3), "asks for 2251748274470911"),
        (plain(lambda old: old[:9]), "must be an IDX file of unsigned bytes of rank 3"),
        (plain(lambda old: b""), "must be an IDX file .* that begins with b''"),
        (break_images(lambda old: b"<html>no"), "one that begins with b'<htm'"),
        (plain(lambda old: idx(np.zeros((4, 28, 28)))), "must hold 5 images of 28 by"),
        (plain(lambda old: idx(np.zeros((5, 28, 20)))), "got shape .5, 28, 20"),
    ],
)
def test_corrupt_idx_files_are_named(tmp_path, corrupt, message):
    write_mnist(tmp_path)
    corrupt(tmp_path)
    with pytest.raises(ValueError, match=message) as info:
        fetch_mnist(tmp_path)
    assert "train-images-idx3-ubyte" in str(info.value)
    assert "again" in str(info.value)


def test_idx_files_without_images_are_named(tmp_path):
    """They passed, and whoever took a row of the empty array failed."""
    write_mnist(tmp_path, n=0)
    with pytest.raises(
        ValueError, match=r"train-images-idx3.* must hold images, got n"
    ):
        fetch_mnist(tmp_path)


def test_labels_of_mnist_are_digits(tmp_path):
    write_mnist(tmp_path)
    labels = gzip.compress(idx(np.array([0, 1, 2, 3, 10])))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(labels)
    with pytest.raises(ValueError, match=r"labels-idx1.* must hold digits, got 10"):
        fetch_mnist(tmp_path)


# Downloads ---------------------------------------------------------------------


@pytest.fixture
def torchvision(monkeypatch):
    """Stand in for torchvision: what it would download is made up."""
    asked = []

    class MNIST:
        def __init__(self, root, download):
            asked.append(root)
            for prefix in ("train", "t10k"):
                write_mnist(Path(root, "MNIST/raw"), prefix)
            Path(root, "MNIST/raw/notes.txt").write_text("kept too")

    class CIFAR10:
        def __init__(self, root, download):
            raise RuntimeError("File not found or corrupted.")

    fake = types.ModuleType("torchvision")
    fake.datasets = types.SimpleNamespace(MNIST=MNIST, CIFAR10=CIFAR10)
    monkeypatch.setitem(sys.modules, "torchvision", fake)
    return asked


def test_mnist_is_downloaded_once(tmp_path, torchvision):
    X, _ = fetch_mnist(tmp_path / "new", return_X_y=True)
    again, _ = fetch_mnist(tmp_path / "new", subset="test", return_X_y=True)
    np.testing.assert_array_equal(X, again)
    assert len(torchvision) == 1
    # Beside its place first, so that nobody reads half a file.
    assert os.listdir(tmp_path / "new") == ["MNIST"]
    assert len(os.listdir(tmp_path / "new/MNIST/raw")) == 5


def test_a_download_that_fails_says_what_else_to_do(tmp_path, torchvision):
    with pytest.raises(OSError, match="CIFAR10 could not be downloaded into") as info:
        fetch_cifar10(tmp_path)
    for words in (str(tmp_path), "File not found", "cifar-10-python.tar.gz"):
        assert words in str(info.value)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="MNIST could not be downloaded into"):
        fetch_mnist(tmp_path / "file")


def test_nothing_is_downloaded_unasked(tmp_path, torchvision):
    with pytest.raises(FileNotFoundError):
        fetch_mnist(tmp_path, download_if_missing=False)
    assert torchvision == []
    assert os.listdir(tmp_path) == []


# CIFAR-10 ----------------------------------------------------------------------


class Python2Pickler(pickle._Pickler):
    """Write bytes as Python 2 wrote its strings, in which CIFAR-10 is published."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_bytes(self, value):
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


def pickled(value, how):
    if how != "python 2":
        return pickle.dumps(value, protocol=how)
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(value)
    return file.getvalue().replace(b"numpy._core.", b"numpy.core.")


def batches(how="python 2", n=4):
    """Return the bytes of the six files of a small CIFAR-10, and what they hold."""
    rng = np.random.RandomState(0)
    contents, truth = {}, {}
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        data = rng.randint(256, size=(n, 3072)).astype(np.uint8)
        labels = rng.randint(10, size=n).tolist()
        fields = {
            b"data": data,
            b"labels": labels,
            b"batch_label": b"a batch",
            b"filenames": [b"a.png"] * n,
        }
        contents[name] = pickled(fields, how)
        truth[name] = data.reshape(n, 3, 32, 32), labels
    return contents, truth


def write_batches(folder, contents):
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("how", ["python 2", 2, 5])
def test_cifar10_is_read_from_its_batches(tmp_path, how):
    contents, truth = batches(how)
    write_batches(tmp_path / "cifar-10-batches-py", contents)
    cifar = fetch_cifar10(tmp_path, download_if_missing=False)
    train = [truth[f"data_batch_{i}"] for i in range(1, 6)]
    np.testing.assert_array_equal(cifar.images, np.concatenate([x for x, _ in train]))
    np.testing.assert_array_equal(cifar.target, np.concatenate([y for _, y in train]))
    assert cifar.images.shape == (20, 3, 32, 32)
    assert (cifar.images.dtype, cifar.target.dtype) == (np.uint8, np.int64)
    assert list(cifar.target_names) == CLASSES
    X, _ = fetch_cifar10(tmp_path, subset="test", return_X_y=True)
    np.testing.assert_array_equal(X, truth["test_batch"][0])
    assert fetch_cifar10(tmp_path, subset="all").images.shape == (24, 3, 32, 32)
    # The folder itself will do as well.
    X, _ = fetch_cifar10(tmp_path / "cifar-10-batches-py", return_X_y=True)
    np.testing.assert_array_equal(X, cifar.images)


def write_archive(path, contents):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_cifar10_is_read_from_its_archive(tmp_path):
    contents, truth = batches()
    path = tmp_path / "cifar-10-python.tar.gz"
    write_archive(path, contents)
    X, y = fetch_cifar10(tmp_path, subset="test", return_X_y=True)
    np.testing.assert_array_equal(X, truth["test_batch"][0])
    np.testing.assert_array_equal(y, truth["test_batch"][1])
    assert fetch_cifar10(tmp_path).images.shape == (20, 3, 32, 32)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"python.tar.gz' must be the whole archive"):
        fetch_cifar10(tmp_path)
    write_archive(path, {"other": b""})
    with pytest.raises(ValueError, match=r"python.tar.gz' must be the whole archive"):
        fetch_cifar10(tmp_path)


class Payload:
    """Runs code of somebody else's choice in a plain unpickler."""

    def __reduce__(self):
        return os.mkdir, ("pwned",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({b"data": Payload()}), r"it asks for posix.mkdir|nt.mkdir"),
        (pickle.dumps({b"data": [len]}), "it asks for builtins.len"),
        (batches()[0]["data_batch_1"][:-900], "cannot be read"),
        (b"<html>not found</html>", "must be a pickle of arrays, got one that"),
        (b"", "cannot be read: Ran out of input"),
        (pickle.dumps([1, 2]), "must hold uint8 data of shape"),
        (pickle.dumps({b"data": np.zeros((2, 3072), "u1")}), r"labels of object \(\)"),
        (
            pickle.dumps({b"data": np.zeros((2, 3072), "u1"), b"labels": [0, 10]}, 2),
            "a label from 0 to 9",
        ),
        (
            pickle.dumps({b"data": np.zeros((2, 3072)), b"labels": [0, 1]}, 2),
            "got data of float64",
        ),
        (
            pickle.dumps(
                {b"data": np.zeros((0, 3072), "u1"), b"labels": np.zeros(0, int)}
            ),
            r"got data of uint8 \(0, 3072\)",
        ),
    ],
)
def test_batches_that_are_none_are_refused_by_name(
    tmp_path, monkeypatch, content, message
):
    monkeypatch.chdir(tmp_path)
    write_batches(tmp_path, batches()[0])
    (tmp_path / "data_batch_3").write_bytes(content)
    with pytest.raises(ValueError, match=message) as info:
        fetch_cifar10(tmp_path)
    assert "data_batch_3" in str(info.value)
    assert not os.path.exists("pwned")


def test_missing_cifar10_says_where_to_put_what(tmp_path):
    with pytest.raises(FileNotFoundError, match="must hold CIFAR-10, got") as info:
        fetch_cifar10(tmp_path, download_if_missing=False)
    for words in ("cifar-10-python.tar.gz", "cifar-10-batches-py", "train/cat/1.png"):
        assert words in str(info.value)


def colored(code, size=(32, 32)):
    return Image.new("RGB", size[::-1], (code, 2 * code, 255 - code))


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_cifar10_as_image_files(tmp_path, packed):
    files = {
        f"{part}/{name}/{i}.png": png(colored(code))
        for part in ("train", "test")
        for code, name in enumerate(CLASSES)
        for i in range(2)
    }
    write_files(tmp_path, "cifar10-images", files, packed)
    cifar = fetch_cifar10(tmp_path, download_if_missing=False)
    assert cifar.images.shape == (20, 3, 32, 32)
    np.testing.assert_array_equal(cifar.target, np.repeat(range(10), 2))
    np.testing.assert_array_equal(cifar.images[:, 1, 0, 0], 2 * cifar.target)
    assert fetch_cifar10(tmp_path, subset="all").target.shape == (40,)


def test_image_files_of_other_sizes_are_not_cifar10(tmp_path):
    files = {f"train/{name}/1.png": png(colored(1, (8, 8))) for name in CLASSES}
    write_files(tmp_path, "cifar10", files)
    with pytest.raises(ValueError, match=r"must hold images of shape .* \(3, 8, 8\)"):
        fetch_cifar10(tmp_path)


# Folders of images -------------------------------------------------------------


def write_files(folder, name, files, packed=False):
    """Write files, given as bytes by name, into a folder or a zip."""
    if packed:
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        return folder / f"{name}.zip"
    for file, content in files.items():
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / name


CATS = {
    "dog/b.png": png(colored(3)),
    "cat/a.png": png(colored(1)),
    "cat/deep/c.jpeg": png(colored(2)),
    "cat/.hidden.png": b"",
    ".trash/x.png": b"",
}
NOTES = {"dog/notes.txt": b"no image", "empty/readme.md": b""}


@pytest.mark.parametrize("packed", [False, True])
def test_folders_are_classes(tmp_path, packed):
    folder = write_files(tmp_path, "pets", {**CATS, **NOTES}, packed)
    with pytest.warns(UserWarning, match=r"passed over: 2 \(1 .md, 1 .txt\)"):
        pets = load_image_folder(folder)
    assert list(pets.filenames) == ["cat/a.png", "cat/deep/c.jpeg", "dog/b.png"]
    assert list(pets.target_names) == ["cat", "dog"]
    np.testing.assert_array_equal(pets.target, [0, 0, 1])
    assert pets.images.shape == (3, 3, 32, 32)
    np.testing.assert_array_equal(pets.images[:, 0, 0, 0], [1, 2, 3])
    assert pets.data.shape == (3, 3072)
    assert isinstance(pets.images, np.memmap)
    assert not pets.images.flags.writeable


@pytest.mark.parametrize("packed", [False, True])
def test_a_flat_folder_is_a_pool_without_labels(tmp_path, packed):
    files = {f"{i}.png": png(colored(i)) for i in range(5)}
    if packed:  # as a file manager packs a folder
        files = {f"photos/{name}": content for name, content in files.items()}
    X, y = load_image_folder(
        write_files(tmp_path, "photos", files, packed), return_X_y=True
    )
    assert X.shape == (5, 3, 32, 32)
    np.testing.assert_array_equal(y, [-1] * 5)


def test_a_folder_half_sorted_is_labelled_in_part(tmp_path):
    files = {"z.png": png(colored(0)), **CATS}
    half = load_image_folder(write_files(tmp_path, "half", files))
    np.testing.assert_array_equal(half.target, [0, 0, 1, -1])


def test_folders_may_be_mere_order(tmp_path):
    pets = load_image_folder(write_files(tmp_path, "pets", CATS), labels=None)
    np.testing.assert_array_equal(pets.target, [-1] * 3)
    assert pets.target_names.shape == (0,)


def test_a_folder_inside_a_zip(tmp_path):
    files = {f"{part}/{name}": c for part in ("a", "ab") for name, c in CATS.items()}
    path = write_files(tmp_path, "pets", files, packed=True)
    pets = load_image_folder(path / "a")
    assert list(pets.filenames) == ["cat/a.png", "cat/deep/c.jpeg", "dog/b.png"]
    np.testing.assert_array_equal(pets.target, [0, 0, 1])
    # One level more and there is one class, which then is no class.
    assert load_image_folder(path / "a" / "cat").target.tolist() == [-1, 0]
    with pytest.raises(ValueError, match=r"path must hold images .* which holds none"):
        load_image_folder(path / "c")


def test_a_zip_of_one_folder_is_that_folder(tmp_path):
    files = {f"all/pets/{name}": content for name, content in CATS.items()}
    files["__MACOSX/all/pets/cat/a.png"] = b"not for us"
    pets = load_image_folder(write_files(tmp_path, "pets", files, packed=True))
    assert list(pets.target_names) == ["cat", "dog"]
    assert pets.filenames[0] == "all/pets/cat/a.png"


def one(tmp_path, image, name="a.png", **options):
    """Load a folder of one image."""
    folder = tmp_path / "one"
    folder.mkdir(exist_ok=True)
    if isinstance(image, bytes):
        (folder / name).write_bytes(image)
    else:
        image.save(folder / name)
    return np.array(load_image_folder(folder, return_X_y=True, **options)[0][0])


def test_gray_images(tmp_path):
    image = one(tmp_path, colored(10), color="gray")
    assert image.shape == (32, 32)
    luma = 0.299 * 10 + 0.587 * 20 + 0.114 * 245
    np.testing.assert_allclose(image, luma, atol=1)


def halves(height=20, width=60):
    """Return an image: red on the left, white in the middle, blue on the right."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[:, : width // 3] = [255, 0, 0]
    pixels[:, -width // 3 :] = [0, 0, 255]
    return Image.fromarray(pixels)


def test_crop_keeps_the_middle(tmp_path):
    image = one(tmp_path, halves(), size=10)
    assert image.shape == (3, 10, 10)
    assert (image[:, :, 1:-1] == 255).all()


def test_pad_keeps_it_all_inside_a_frame(tmp_path):
    image = one(tmp_path, halves(), size=30, fit="pad")
    assert image.shape == (3, 30, 30)
    assert (image[:, :10] == 0).all()
    np.testing.assert_array_equal(image[:, 15, [0, 15, 29]].T[0], [255, 0, 0])
    np.testing.assert_array_equal(image[:, 15, [0, 15, 29]].T[2], [0, 0, 255])


def test_stretch_fills_the_size(tmp_path):
    image = one(tmp_path, halves(), size=(12, 9), fit="stretch")
    assert image.shape == (3, 12, 9)
    np.testing.assert_array_equal(image[:, :, 0], [[255] * 12, [0] * 12, [0] * 12])
    np.testing.assert_array_equal(image[:, :, 4], np.full((3, 12), 255))


def test_photographs_are_turned_as_the_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    file = io.BytesIO()
    halves().save(file, "JPEG", exif=exif, quality=95)
    image = one(tmp_path, file.getvalue(), "a.jpg")
    assert image.shape == (3, 60, 20)
    np.testing.assert_allclose(image[:, 5, 10], [255, 0, 0], atol=12)


def test_large_photographs_look_the_same_when_decoded_small(tmp_path):
    rng = np.random.RandomState(0)
    coarse = Image.fromarray(rng.randint(256, size=(6, 9, 3)).astype(np.uint8))
    large = coarse.resize((900, 600))
    small = np.moveaxis(one(tmp_path, large, "a.jpg", size=(20, 30)), 0, -1)
    expected = np.asarray(large.resize((30, 20)), float)
    assert np.abs(small - expected).mean() < 4


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_pixels_of_any_depth_keep_their_levels(tmp_path, bits, suffix):
    """Those of 12 bits became 16 grey levels, and those of 8 black."""
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16)
    deep = ramp << (bits - 8)
    image = one(tmp_path, Image.fromarray(deep), f"a{suffix}", color="gray")
    np.testing.assert_array_equal(image, ramp)


def test_the_depth_is_one_for_all_images_or_as_told(tmp_path):
    dark, bright = (np.full((4, 4), top, np.uint16) for top in (160, 4095))
    files = {"dark.png": png(Image.fromarray(dark))}
    folder = write_files(tmp_path, "micro", files)
    assert load_image_folder(folder, bits=12).images.max() == 10
    write_files(tmp_path, "micro", {"light.png": png(Image.fromarray(bright))})
    assert load_image_folder(folder).images.max(axis=(1, 2, 3)).tolist() == [10, 255]
    with pytest.raises(ValueError, match=r"light.png: pixels of 10 bits were expected"):
        load_image_folder(folder, bits=10)


def test_deep_colours_that_would_lose_their_levels_are_refused(tmp_path):
    """Pillow keeps the upper byte: of 12 bits 16 levels were left."""
    ramp = np.repeat(np.arange(64, dtype=np.uint16).reshape(8, 8, 1) << 6, 3, axis=2)

    def chunk(name, content):
        size, crc = len(content), zlib.crc32(name + content)
        return struct.pack(">I", size) + name + content + struct.pack(">I", crc)

    lines = b"".join(b"\0" + row.tobytes() for row in ramp.astype(">u2"))
    head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    content += chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    with pytest.raises(ValueError, match=r"path must hold colours that use their 16"):
        one(tmp_path, content)
    assert one(tmp_path, content, bits=16).max() == 63 * 64 >> 8


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_no_images_are_counted(tmp_path, packed):
    """They were passed over without a word, and .jfif and .jpe among them."""
    files = {f"cat/{i}{end}": png(colored(i)) for i, end in enumerate(SPELLINGS)}
    notes = ("a.txt", "cat/b.TXT", "readme", "cat/x.heic", ".hidden", "cat/Thumbs.db")
    files |= dict.fromkeys(notes, b"?")
    folder = write_files(tmp_path, "mixed", files, packed)
    with pytest.warns(UserWarning, match=r"over: 4 \(2 .txt, 1 no suffix, 1 .heic\)\."):
        pets = load_image_folder(folder)
    assert len(pets.images) == len(SPELLINGS)


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    ramp = (np.arange(64, dtype=np.uint16) * 1024).reshape(8, 8)
    image = one(tmp_path, Image.fromarray(ramp), color="gray")
    np.testing.assert_array_equal(image, ramp >> 8)


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_transparent_pixels_lie_on_white(tmp_path, mode):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4, :, 3] = 255  # black above, transparent below
    image = Image.fromarray(pixels)
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    loaded = one(tmp_path, image)
    assert (loaded[:, :4] == 0).all()
    assert (loaded[:, 4:] == 255).all()


def test_sizes_must_agree_or_be_given(tmp_path):
    files = {"a.png": png(colored(1, (8, 9))), "b.png": png(colored(1, (7, 9)))}
    folder = write_files(tmp_path, "mixed", files)
    with pytest.raises(ValueError, match=r"'a.png' of 8 by 9 and 'b.png' of 7 by 9"):
        load_image_folder(folder)
    assert load_image_folder(folder, size=4).images.shape == (2, 3, 4, 4)


def test_an_image_of_any_size_is_refused_by_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as some packages do
    content = bytearray(png(colored(1)))
    place = content.index(b"IHDR") + 4
    content[place : place + 8] = struct.pack(">II", 60000, 60000)
    crc = zlib.crc32(content[place - 4 : place + 13])
    content[place + 13 : place + 17] = struct.pack(">I", crc)
    with pytest.raises(ValueError, match=r"a.png: 178956970 pixels at most were"):
        one(tmp_path, bytes(content))


def test_archives_that_swell_are_refused(tmp_path, monkeypatch):
    """They were unpacked as far as memory went."""
    monkeypatch.setattr(_idx, "MAX_BYTES", 100)
    images = np.zeros((5, 28, 28))
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx(images)))
    with pytest.raises(ValueError, match=r"must hold 100 bytes at most, got .* 3920"):
        _idx.read_idx(tmp_path / "a.gz", 3)
    (tmp_path / "b.gz").write_bytes(gzip.compress(idx(images[0, 0]) + bytes(10**6)))
    with pytest.raises(ValueError, match=r"must hold 28 bytes .* got more"):
        _idx.read_idx(tmp_path / "b.gz", 1)
    monkeypatch.setattr(_cifar10, "MAX_UNPACKED", 10**5)
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        member.size = 10**6
        archive.addfile(member, io.BytesIO(bytes(10**6)))
    with pytest.raises(ValueError, match="test_batch' goes beyond 100000 bytes"):
        fetch_cifar10(tmp_path, subset="test")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_of_archives_that_swell_are_refused(tmp_path, monkeypatch, kind):
    """They are read before there is a member whose size could be looked at."""
    monkeypatch.setattr(_cifar10, "MAX_UNPACKED", 10**5)
    member = tarfile.TarInfo("a")
    member.size, member.type = 10**6, kind
    content = member.tobuf(tarfile.GNU_FORMAT) + bytes(10**6)
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match="it goes beyond 100000 bytes"):
        fetch_cifar10(tmp_path, subset="test")


def test_a_pickle_that_asks_for_more_than_it_holds_is_refused():
    """A few bytes made arrays of any size, of whatever the memory held."""

    class Empty:
        def __reduce__(self):
            return np.ndarray, ((50, 3072), "u1")

    content = pickle.dumps({b"data": Empty(), b"labels": [0] * 50})
    with pytest.raises(ValueError, match=r"must hold uint8 data of shape"):
        _cifar10._read_batch(io.BytesIO(content), "a")


def test_files_that_cannot_be_read_are_named_all_at_once(tmp_path):
    whole = png(halves())
    broken = {f"{i}.png": b"nonsense" for i in range(5)}
    files = {"good.png": whole, "short.png": whole[:60], **broken}
    folder = write_files(tmp_path, "broken", files)
    with pytest.raises(ValueError, match=r"got 6 in .* and 1 more") as info:
        load_image_folder(folder)
    assert "0.png: cannot identify" in str(info.value)
    assert list(cache_files()) == []


def test_a_link_to_nowhere_is_named_with_them(tmp_path):
    """It used to be a bare FileNotFoundError."""
    folder = write_files(tmp_path, "linked", {"good.png": png(halves())})
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match=r"got 1 in .*gone.png: .*No such file"):
        load_image_folder(folder)


def test_links_to_folders_are_followed(tmp_path):
    """They were passed over, and a folder of links held no images."""
    elsewhere = write_files(tmp_path, "elsewhere", {"c.png": png(colored(7))})
    folder = write_files(tmp_path, "pets", CATS)
    (folder / "bird").symlink_to(elsewhere)
    (tmp_path / "link").symlink_to(folder)
    for path in (folder, tmp_path / "link"):
        pets = load_image_folder(path)
        assert list(pets.target_names) == ["bird", "cat", "dog"]
        assert pets.filenames[0] == "bird/c.png"
        assert pets.images[0, 0, 0, 0] == 7


def test_links_in_a_circle_come_to_an_end(tmp_path):
    folder = write_files(tmp_path, "pets", CATS)
    (folder / "cat" / "all").symlink_to(folder)
    (folder / "cat" / "deep" / "cats").symlink_to(folder / "cat")
    (folder / "dog" / "itself").symlink_to("itself")
    names = ["cat/a.png", "cat/deep/c.jpeg", "dog/b.png"]
    assert list(load_image_folder(folder).filenames) == names
    (folder / "dog" / "cats").symlink_to(folder / "cat")
    (folder / "cat" / "dogs").symlink_to(folder / "dog")
    names += ["cat/dogs/b.png", "dog/cats/a.png", "dog/cats/deep/c.jpeg"]
    assert sorted(load_image_folder(folder).filenames) == sorted(names)


@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_file_among_many_is_found_by_several_threads(tmp_path, packed):
    files = {f"{i:03d}.png": png(colored(i % 100)) for i in range(150)}
    folder = write_files(tmp_path, "many", files, packed)
    images = load_image_folder(folder, n_jobs=2).images
    np.testing.assert_array_equal(images[:, 0, 0, 0], np.arange(150) % 100)
    files["070.png"] = files["070.png"][:50]
    folder = write_files(tmp_path, "many", files, packed)
    with pytest.raises(ValueError, match=r"got 1 in .* \(070.png"):
        load_image_folder(folder, n_jobs=2)


def test_a_zip_with_a_damaged_member(tmp_path):
    path = write_files(tmp_path, "pets", CATS, packed=True)
    content = bytearray(path.read_bytes())
    content[content.index(b"IHDR") + 4] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"that cannot \(dog/b.png: Bad CRC"):
        load_image_folder(path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 0}, ValueError, "size must be at least 1, got 0"),
        ({"size": "64"}, TypeError, "size must be a number of pixels, .* got '64'"),
        ({"size": (1, 2, 3)}, TypeError, "size must be a number of pixels, a pair of"),
        ({"size": (8, 8.5)}, TypeError, "size must be an integer, got 8.5"),
        (
            {"color": "grey"},
            ValueError,
            "color must be one of 'gray', 'rgb', got 'grey'",
        ),
        ({"bits": 17}, ValueError, "bits must be at most 16, got 17"),
        ({"bits": 7}, ValueError, "bits must be at least 8, got 7"),
        ({"fit": "zoom"}, ValueError, "fit must be one of .* got 'zoom'"),
        (
            {"labels": "files"},
            ValueError,
            "labels must be 'parent', 'top', the path of",
        ),
        ({"labels": 3}, ValueError, "a function of a name, or None, got 3"),
        ({"depth": "uint8"}, ValueError, "depth must be one of .* got 'uint8'"),
        ({"formats": "dcm"}, ValueError, "formats must be one of .* got 'dcm'"),
        ({"on_error": "ignore"}, ValueError, "on_error must be one of 'raise', 'skip'"),
        ({"bits": 12, "depth": "uint16"}, ValueError, "bits must be None with depth='"),
        ({"formats": "nifti", "size": (8, 8)}, TypeError, "three of depth, height and"),
    ],
)
def test_options_of_folders_are_checked(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        load_image_folder(write_files(tmp_path, "pets", CATS), **options)


def test_paths_that_are_no_folder_of_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="path must be a folder or a zip of"):
        load_image_folder(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("no zip")
    with pytest.raises(ValueError, match=r"notes.txt': File is not a zip file"):
        load_image_folder(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match=r"path must hold images \(.apng, .*, got"):
        load_image_folder(tmp_path)
    with pytest.raises(ValueError, match=r"holds none but other files: 1 \(1 .txt\)"):
        load_image_folder(tmp_path)


# The cache ---------------------------------------------------------------------


def cache_files():
    folder = os.path.join(os.environ["XDG_CACHE_HOME"], "skal", "images")
    return os.listdir(folder) if os.path.isdir(folder) else []


@pytest.fixture
def decoding(monkeypatch):
    """Count the blocks of files that are decoded."""
    from skal.datasets import _image_cache

    calls = []
    original = _image_cache._decode_block

    def counted(*args):
        calls.append(args)
        return original(*args)

    monkeypatch.setattr(_image_cache, "_decode_block", counted)
    return calls


def test_images_are_decoded_once(tmp_path, decoding):
    folder = write_files(tmp_path, "pets", CATS)
    first = load_image_folder(folder).images
    np.testing.assert_array_equal(first, load_image_folder(folder).images)
    assert (len(decoding), len(cache_files())) == (1, 1)
    load_image_folder(folder, size=8)
    load_image_folder(folder, color="gray")
    load_image_folder(folder, fit="pad", labels=None)
    assert len(decoding) == len(cache_files()) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "dog/b.png").write_bytes(png(colored(30, (32, 32)))),
        lambda folder: (folder / "dog/b.png").unlink(),
        lambda folder: (folder / "cat/a.png").rename(folder / "dog/a.png"),
        lambda folder: (folder / "new.png").write_bytes(png(colored(4))),
        lambda folder: os.utime(folder / "dog/b.png", ns=(1, 1)),
    ],
    ids=["content", "gone", "moved", "new", "time"],
)
def test_a_change_in_the_folder_is_seen(tmp_path, decoding, change):
    folder = write_files(tmp_path, "pets", CATS)
    load_image_folder(folder)
    change(folder)
    pets = load_image_folder(folder)
    assert len(decoding) == 2
    for name, image in zip(pets.filenames, pets.images, strict=True):
        expected = np.asarray(Image.open(folder / name))
        np.testing.assert_array_equal(np.moveaxis(image, 0, -1), expected)


def test_a_change_in_a_zip_is_seen(tmp_path, decoding):
    load_image_folder(write_files(tmp_path, "pets", CATS, packed=True))
    other = {**CATS, "dog/b.png": png(colored(77))}
    pets = load_image_folder(write_files(tmp_path, "pets", other, packed=True))
    assert pets.images[2, 0, 0, 0] == 77


def test_a_cache_cut_short_is_made_anew(tmp_path):
    folder = write_files(tmp_path, "pets", CATS)
    expected = np.array(load_image_folder(folder).images)
    path = os.path.join(os.environ["XDG_CACHE_HOME"], "skal/images", cache_files()[0])
    for length in (0, 40, 1000):
        with open(path, "r+b") as file:
            file.truncate(length)
        np.testing.assert_array_equal(load_image_folder(folder).images, expected)


def test_many_may_fill_the_cache_at_once(tmp_path):
    folder = write_files(tmp_path, "pets", CATS)
    start, found = threading.Barrier(6), []

    def load():
        start.wait()
        found.append(np.array(load_image_folder(folder).images))

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for images in found:
        np.testing.assert_array_equal(images, found[0])
    assert len(cache_files()) == 1  # nothing half-made is left


def test_the_cache_may_be_elsewhere(tmp_path):
    folder = write_files(tmp_path, "pets", CATS)
    load_image_folder(folder, cache_dir=tmp_path / "deep" / "cache")
    assert len(os.listdir(tmp_path / "deep" / "cache")) == 1
    assert cache_files() == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cache_dir must be a folder to write to, got"):
        load_image_folder(folder, cache_dir=tmp_path / "file")


# The real ones -----------------------------------------------------------------


@pytest.mark.slow_data
def test_the_real_mnist(data_folder):
    mnist = fetch_mnist(data_folder, subset="all", download_if_missing=False)
    assert mnist.images.shape == (70000, 28, 28)
    np.testing.assert_array_equal(mnist.target[:5], [5, 0, 4, 1, 9])
    # The mean and deviation of the training images that everybody quotes.
    train = mnist.images[:60000] / np.float32(255)
    assert train.mean() == pytest.approx(0.1307, abs=1e-4)
    assert train.std() == pytest.approx(0.3081, abs=1e-4)


@pytest.mark.long
@pytest.mark.slow_data
def test_the_real_cifar10(data_folder):
    cifar = fetch_cifar10(data_folder, subset="test", download_if_missing=False)
    assert cifar.images.shape == (10000, 3, 32, 32)
    np.testing.assert_array_equal(np.bincount(cifar.target), [1000] * 10)
    assert list(cifar.target_names) == CLASSES
    # Ships and airplanes are bluer than frogs and deer.
    red, _, blue = np.moveaxis(cifar.images.mean(axis=(2, 3)), 1, 0)
    bluer = np.array([(blue - red)[cifar.target == c].mean() for c in range(10)])
    assert bluer[[0, 8]].min() > bluer[[4, 6]].max()
