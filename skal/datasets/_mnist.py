"""MNIST: the handwritten digits that everybody tries first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice
from skal.datasets._bunch import as_answer
from skal.datasets._idx import read_idx
from skal.datasets._part_folders import load_part
from skal.datasets._places import (
    PARTS,
    data_folder,
    download,
    first_existing,
    missing,
)

if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

_PREFIX = {"train": "train", "test": "t10k"}
_PLACES = ("MNIST/raw", "MNIST", "mnist", "raw", ".")
_NAMES = list("0123456789")
_WAY_OUT = (
    "Put its four IDX files there (train-images-idx3-ubyte and the like, .gz or not), "
    "or into MNIST/raw below"
)


def fetch_mnist(
    data_dir: str | PathLike[str] | None = None,
    *,
    subset: str = "train",
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Any:
    """Load MNIST, 70 000 handwritten digits of 28 by 28 pixels.

    Files that are there are read; only where they are not does torchvision download
    them, 12 MB, once.

    Parameters
    ----------
    data_dir : str or path, default=None
        Folder of data sets. None takes the environment variable ``SKAL_DATA``, or else
        ``skal/data`` in the user's cache folder (``XDG_CACHE_HOME``, by default
        ``~/.cache``). In it, or in ``MNIST/raw`` below (as torchvision lays them),
        lie the IDX files, gzip-compressed or not. A folder or zip of images is read
        too if its name begins with ``mnist`` and it holds them as ``train/7/1.png``.
    subset : {"train", "test", "all"}, default="train"
        The 60 000 training images, the 10 000 test images, or both, training images
        first. Only the files of the subset have to be there.
    download_if_missing : bool, default=True
        Whether missing files may be downloaded.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` in place of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or tuple of ndarray
        A dictionary with attributes:

        images : ndarray of shape (n_samples, 28, 28), uint8
            Pixels from 0 (paper) to 255 (ink), in the original order; from image files
            sorted by class and name: shuffle these before slicing.
        data : ndarray of shape (n_samples, 784), uint8
            The same memory as flat rows, for estimators that read tables.
        target : ndarray of shape (n_samples,), int64
            The digit.
        target_names : ndarray of shape (10,)
            The digits as strings.

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
    load_digits_images : Smaller digits that need no download.
    fetch_cifar10 : Small colour photographs.

    Notes
    -----
    Reading 60 000 images takes less than a second and 47 MB.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to
    document recognition, Proceedings of the IEEE 86, 1998. doi:10.1109/5.726791

    Examples
    --------
    >>> from skal.datasets import fetch_mnist
    >>> X, y = fetch_mnist(subset="test", return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    parts = PARTS[check_choice("subset", subset, PARTS)]
    folder = data_folder(data_dir)
    loaded = [_load(folder, part) for part in parts]
    if None in loaded and download_if_missing:
        download("MNIST", folder, "MNIST/raw", _WAY_OUT)
        loaded = [_load(folder, part) for part in parts]
    if None in loaded:
        raise missing("MNIST", folder, _WAY_OUT)
    images, target = zip(*loaded, strict=True)
    return as_answer(
        images[0] if len(images) == 1 else np.concatenate(images),
        np.concatenate(target),
        _NAMES,
        return_X_y,
    )


def _load(folder, part):
    """Return the images and labels of a part, None where they are not."""
    places = [folder / place for place in _PLACES]
    images, labels = (
        first_existing(places, _file_names(part, what))
        for what in ("images-idx3", "labels-idx1")
    )
    if images is None or labels is None:
        return load_part(folder, ("mnist",), part, _NAMES, "gray", (28, 28))
    return _read(images, labels)


def _file_names(part, what):
    """Return the names that a file goes by."""
    official = f"{_PREFIX[part]}-{what}-ubyte"
    with_a_dot = official.replace("-idx", ".idx")
    return [official, f"{official}.gz", with_a_dot, f"{with_a_dot}.gz"]


def _read(images_path, labels_path):
    """Return the images and labels of two files that belong together."""
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape != (len(labels), 28, 28):
        raise ValueError(
            f"{str(images_path)!r} must hold {len(labels)} images of 28 by 28 pixels, "
            f"as many as {labels_path.name!r} has labels, got shape {images.shape}. "
            "Fetch both files again."
        )
    if len(labels) == 0:
        raise ValueError(
            f"{str(images_path)!r} must hold images, got none. Fetch both files again."
        )
    if labels.max() > 9:
        raise ValueError(
            f"{str(labels_path)!r} must hold digits, got {labels.max()}. Fetch the "
            "file again."
        )
    return images, labels.astype(np.int64)
