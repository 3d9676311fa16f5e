"""A folder of images as an array."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np

from skal._checks import check_choice, check_int
from skal.datasets._bunch import as_answer
from skal.datasets._image_cache import cached_images
from skal.datasets._image_files import list_images

if TYPE_CHECKING:
    from os import PathLike
    from typing import Any


def load_image_folder(
    path: str | PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    color: str = "rgb",
    fit: str = "crop",
    bits: int | None = None,
    labels: str | None = "folders",
    cache_dir: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
    return_X_y: bool = False,
) -> Any:
    """Load a folder or a zip of images, with or without labels.

    Images in a subfolder carry its name as their label; images that lie in the folder
    itself have no label yet. So a folder of class folders is a data set, a flat folder
    is a pool to label, and a folder half sorted is both.

    Every image is decoded once, to the size asked for, into one file on disk. The
    array that comes back is mapped from that file: it opens at once the next time, and
    only what is looked at is read, so that a pool may be larger than memory.

    Parameters
    ----------
    path : str or path
        A folder, a zip, or a folder inside a zip (``"photos.zip/train"``). Links are
        followed. Hidden files are passed over, and so are files that are no images,
        which a warning counts.
    size : int or tuple of int, default=None
        Height and width to bring the images to, or one number for both. None keeps
        them as they are; they then have to be of one size.
    color : {"rgb", "gray"}, default="rgb"
        Whether to keep the colours.
    fit : {"crop", "pad", "stretch"}, default="crop"
        How to bring an image to the size: scale it to cover the size and cut off what
        is left over, scale it to fit inside and add black, or distort it.
    bits : int, default=None
        How many bits the pixels of 16-bit images use, 8 to 16: 12 where they go from
        0 to 4095. None looks for the brightest of all of them and takes the least of
        8, 10, 12, 14 and 16 that holds it. Say it where folders have to be alike.
    labels : "folders" or None, default="folders"
        Where labels come from. None takes folders as mere order, and leaves every
        image without a label.
    cache_dir : str or path, default=None
        Where to keep the decoded images. None takes ``skal/images`` in the user's
        cache folder (``XDG_CACHE_HOME``, by default ``~/.cache``).
    n_jobs : int, default=None
        Number of threads that decode; None is one, -1 uses every core.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` in place of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch` or tuple
        A dictionary with attributes:

        images : memmap of shape (n_samples, 3, height, width), uint8
            The images, sorted by folder and name, read-only;
            ``(n_samples, height, width)`` for gray ones. Class by class, that is:
            shuffle them before taking the first so many.
        data : memmap of shape (n_samples, n_features), uint8
            The same memory as flat rows, for estimators that read tables.
        target : ndarray of shape (n_samples,), int64
            Positions in ``target_names``, and -1 for images without a label: what
            :class:`~skal.ActiveLearner` takes for missing by default.
        target_names : ndarray of shape (n_classes,)
            Names of the subfolders that hold images, sorted.
        filenames : ndarray of shape (n_samples,)
            Name of each file, relative to ``path``.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If there is no image, images cannot be read, sizes differ, or 16-bit colours
        use few of their bits.
    OSError
        If ``cache_dir`` cannot be written to.

    See Also
    --------
    fetch_cifar10 : Images that come with labels.

    Notes
    -----
    The decoded images are found again by the names, sizes and times of change of all
    files (in a zip, by their checksums), and by the parameters. When any of these
    changes they are decoded anew; the file from before stays in the cache, whose files
    may be deleted at any time. Several processes may load one folder at once.

    An image of more than 178 956 970 pixels is refused by the size in its
    header, before it is decoded.

    Photographs are turned as the camera was held, transparent pixels are laid on
    white, of 16-bit pixels the upper 8 of the bits in use are kept, and of moving
    pictures the first frame.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from skal.datasets import load_image_folder
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("a.png", "b.png"):
    ...         Image.new("RGB", (40, 30), "red").save(Path(folder, name))
    ...     photos = load_image_folder(folder, size=16, cache_dir=folder)
    >>> photos.images.shape, photos.target, photos.filenames
    ((2, 3, 16, 16), array([-1, -1]), array(['a.png', 'b.png'], dtype=object))
    """
    how = {
        "size": _height_width(size),
        "color": check_choice("color", color, ("rgb", "gray")),
        "fit": check_choice("fit", fit, ("crop", "pad", "stretch")),
        "bits": _bits(bits),
    }
    if labels is not None:
        check_choice("labels", labels, ("folders",))
    files = list_images(path)
    if files.others:
        warn(
            f"path {str(files.root)!r} holds files that are no images, which are "
            f"passed over: {files.passed_over}.",
            stacklevel=2,
        )
    images = cached_images(files, how, cache_dir, n_jobs)
    folders = files.folders() if labels else [None] * len(files.names)
    target_names = sorted({folder for folder in folders if folder is not None})
    code_of = {None: -1, **{name: code for code, name in enumerate(target_names)}}
    return as_answer(
        images,
        np.array([code_of[folder] for folder in folders], dtype=np.int64),
        target_names,
        return_X_y,
        filenames=np.array(files.names, dtype=object),
    )


def _bits(bits):
    """Return the bits of 16-bit pixels, checked, or None."""
    if bits is not None and check_int("bits", bits, 8) > 16:
        raise ValueError(
            f"bits must be at most 16, got {bits!r}. 12 is for pixels from 0 to 4095."
        )
    return bits


def _height_width(size):
    """Return the size as a pair, or None."""
    if size is None:
        return None
    pair = (size, size) if isinstance(size, Integral) else size
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(
            f"size must be a number of pixels, a pair of height and width, or None, "
            f"got {size!r}."
        )
    return tuple(check_int("size", side) for side in pair)
