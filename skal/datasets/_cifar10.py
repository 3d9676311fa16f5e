"""CIFAR-10: small colour photographs of ten kinds of things."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice
from skal.datasets._bunch import as_answer
from skal.datasets._part_folders import load_part
from skal.datasets._pickles import read_pickle
from skal.datasets._places import PARTS, data_folder, download, missing

if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

_NAMES = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]
_BATCHES = {
    "train": [f"data_batch_{i}" for i in range(1, 6)],
    "test": ["test_batch"],
}
_FOLDER = "cifar-10-batches-py"
_ARCHIVE = "cifar-10-python.tar.gz"
_STEMS = ("cifar10", "cifar-10", "cifar_10")
MAX_UNPACKED = 2**29  # three times CIFAR-10
_WAY_OUT = (
    f"Put {_ARCHIVE} there, or the folder {_FOLDER} from it, or a folder or zip whose "
    "name begins with cifar10 and that holds images as train/cat/1.png"
)


def fetch_cifar10(
    data_dir: str | PathLike[str] | None = None,
    *,
    subset: str = "train",
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Any:
    """Load CIFAR-10, 60 000 colour photographs of 32 by 32 pixels in ten classes.

    Files that are there are read; only where they are not does torchvision download
    them, 170 MB, once.

    Parameters
    ----------
    data_dir : str or path, default=None
        Folder of data sets. None takes the environment variable ``SKAL_DATA``, or else
        ``skal/data`` in the user's cache folder (``XDG_CACHE_HOME``, by default
        ``~/.cache``). In it lies one of: the folder ``cifar-10-batches-py`` (as
        torchvision lays it) or its files; the archive ``cifar-10-python.tar.gz``; a
        folder or zip of images whose name begins with ``cifar10``, with ``train`` and
        ``test`` inside and a folder for each class in these.
    subset : {"train", "test", "all"}, default="train"
        The 50 000 training images, the 10 000 test images, or both, training images
        first. Only the files of the subset have to be there.
    download_if_missing : bool, default=True
        Whether missing files may be downloaded.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` in place of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or tuple of ndarray
        A dictionary with attributes:

        images : ndarray of shape (n_samples, 3, 32, 32), uint8
            Pixels from 0 to 255; the channels are red, green and blue. In the original
            order; from image files sorted by class and name, mapped from a cache on
            disk: shuffle these before slicing, else ``images[:1000]`` is one class.
        data : ndarray of shape (n_samples, 3072), uint8
            The same memory as flat rows, for estimators that read tables.
        target : ndarray of shape (n_samples,), int64
            The class, a position in ``target_names``.
        target_names : ndarray of shape (10,)
            The names of the classes.

    Raises
    ------
    FileNotFoundError
        If files are missing and may not be downloaded.
    OSError
        If the download fails.
    ValueError
        If a file is not what its name says.

    See Also
    --------
    fetch_mnist : Handwritten digits.
    load_image_folder : Images of your own.

    Notes
    -----
    The batches are pickles, which may run code when they are read. Here they are read
    by a reader that admits arrays, lists and strings and refuses everything else.

    References
    ----------
    A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical
    report, University of Toronto, 2009.

    Examples
    --------
    >>> from skal.datasets import fetch_cifar10
    >>> X, y = fetch_cifar10(subset="test", return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (10000, 3, 32, 32)
    """
    parts = PARTS[check_choice("subset", subset, PARTS)]
    folder = data_folder(data_dir)
    loaded = [_load(folder, part) for part in parts]
    if None in loaded and download_if_missing:
        download("CIFAR10", folder, _FOLDER, _WAY_OUT)
        loaded = [_load(folder, part) for part in parts]
    if None in loaded:
        raise missing("CIFAR-10", folder, _WAY_OUT)
    images, target = zip(*loaded, strict=True)
    return as_answer(
        images[0] if len(images) == 1 else np.concatenate(images),
        np.concatenate(target),
        _NAMES,
        return_X_y,
    )


def _load(folder, part):
    """Return the images and labels of a part, None where they are not."""
    for place in (folder / _FOLDER, folder):
        files = [place / name for name in _BATCHES[part]]
        if all(file.is_file() for file in files):
            return _joined([_read_file(file) for file in files])
    if (folder / _ARCHIVE).is_file():
        return _joined(_read_archive(folder / _ARCHIVE, _BATCHES[part]))
    return load_part(folder, _STEMS, part, _NAMES, "rgb", (3, 32, 32))


def _joined(batches):
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _read_file(path):
    with open(path, "rb") as file:
        return _read_batch(file, str(path))


def _read_archive(path, names):
    try:
        with gzip.open(path) as file, _opened(file) as archive:
            members = _members(archive, [f"{_FOLDER}/{name}" for name in names])
            files = [archive.extractfile(member) for member in members]
            contents = [b"" if file is None else file.read() for file in files]
    except (tarfile.TarError, EOFError, KeyError, OSError, zlib.error) as error:
        raise ValueError(
            f"{str(path)!r} must be the whole archive of CIFAR-10, got: {error}. Fetch "
            "the file again."
        ) from error
    return [
        _read_batch(BytesIO(content), f"{path}/{name}")
        for content, name in zip(contents, names, strict=True)
    ]


def _opened(file):
    bounded: Any = _Bounded(file)
    return tarfile.open(fileobj=bounded)


class _Bounded:
    """A file of which no more than a bounded part is unpacked.

    Headers too say how long they are, and are read before there is a member to look at.
    """

    def __init__(self, file):
        self.file = file
        self.tell = file.tell

    def seek(self, position):
        return self.file.seek(self._checked(position))

    def read(self, size):
        self._checked(self.file.tell() + size)
        return self.file.read(size)

    def _checked(self, position):
        if position > MAX_UNPACKED:
            raise OSError(f"it goes beyond {MAX_UNPACKED} bytes")
        return position


def _members(archive, names):
    """Find files in an archive; those that are mostly holes are long for nothing."""
    found: dict[str, tarfile.TarInfo] = {}
    for member in archive:
        if member.offset + member.size > MAX_UNPACKED:
            raise tarfile.TarError(f"{member.name!r} goes beyond {MAX_UNPACKED} bytes")
        found.setdefault(member.name, member)
        if found.keys() >= set(names):
            return [found[name] for name in names]
    absent = next(name for name in names if name not in found)
    raise KeyError(f"filename {absent!r} not found")


def _read_batch(file, name):
    """Return the images and labels of one batch."""
    n_bytes = file.seek(0, SEEK_END)
    file.seek(0)
    batch = read_pickle(file, name)
    fields = batch if isinstance(batch, dict) else {}
    data = np.asarray(fields.get(b"data", fields.get("data")))
    labels = np.asarray(fields.get(b"labels", fields.get("labels")))
    whole = data.dtype == np.uint8 and data.shape == (labels.size, 3 * 32 * 32)
    whole = whole and data.nbytes <= n_bytes  # a pickle can ask for more than it holds
    known = labels.dtype.kind == "i" and np.isin(labels, range(10)).all()
    if not (whole and known and labels.size):
        raise ValueError(
            f"{name!r} must hold uint8 data of shape (n, 3072) and a label from 0 to 9 "
            f"for each, got data of {data.dtype} {data.shape} and labels of "
            f"{labels.dtype} {labels.shape}. Fetch the file again."
        )
    return data.reshape(-1, 3, 32, 32), labels.astype(np.int64)
