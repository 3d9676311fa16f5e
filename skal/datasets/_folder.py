"""A folder of images as an array."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np

from skal._checks import check_choice, check_int
from skal.datasets._bunch import as_answer
from skal.datasets._image_cache import cached_images
from skal.datasets._image_files import FORMATS, list_images
from skal.datasets._image_follow import followed_images
from skal.datasets._image_labels import codes_of, label_source, labels_of
from skal.datasets._medical import check_library

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
    depth: str = "scale",
    formats: str = "images",
    labels: Any = "top",
    on_error: str = "raise",
    follow: bool = False,
    cache_dir: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
    return_X_y: bool = False,
) -> Any:
    """Load a folder or a zip of images, with or without labels.

    Images in a subfolder carry its name as their label, unless ``labels`` says
    otherwise; images that lie in the folder itself have no label yet. So a folder of
    class folders is a data set, a flat folder is a pool to label, and a folder half
    sorted is both.

    Every image is decoded once, to the size asked for, into one file on disk. The
    array that comes back is mapped from that file: it opens at once the next time, and
    only what is looked at is read, so that a pool may be larger than memory.

    Parameters
    ----------
    path : str or path
        A folder, a zip, or a folder inside a zip (``"photos.zip/train"``). Links are
        followed. Hidden files are passed over, and so are files that are no images,
        which a warning counts; it says what reads those of DICOM and NIfTI.
    size : int or tuple of int, default=None
        Height and width to bring the images to, or one number for both; depth, height
        and width of volumes. None keeps them as they are; they then have to be of one
        size.
    color : {"rgb", "gray"}, default="rgb"
        Whether to keep the colours.
    fit : {"crop", "pad", "stretch"}, default="crop"
        How to bring an image to the size: scale it to cover the size and cut off what
        is left over, scale it to fit inside and add black, or distort it.
    bits : int, default=None
        How many bits the pixels of 16-bit images use, 8 to 16: 12 where they go from
        0 to 4095. None looks for the brightest of all of them and takes the least of
        8, 10, 12, 14 and 16 that holds it. Say it where folders have to be alike.
    depth : {"scale", "uint16"}, default="scale"
        What becomes of 16-bit images: "scale" keeps the upper 8 of the bits in use;
        "uint16" keeps the pixels as they are. It reads grey images of 16 bits alone,
        for others would be of another scale.
    formats : {"images", "dicom", "nifti"}, default="images"
        Which files to read: what Pillow reads, DICOM or volumes of NIfTI. The last two
        want the extra ``medical``; see Notes.
    labels : {"top", "parent"}, str, path, mapping, callable or None, default="top"
        Where labels come from: the first folder on the way to an image, or the one
        that it lies in; a ``.csv`` or ``.tsv`` of two columns, file and label, or with
        these among its named columns; a mapping of names to labels; a function of a
        name. Names are as in ``filenames``, or without their folders or their suffix.
        None takes folders as mere order, and leaves every image without a label, as
        tables do that do not name it.
    on_error : {"raise", "skip"}, default="raise"
        What to do about images that cannot be read: refuse them all at once, or leave
        them out, with a warning that names them.
    follow : bool, default=False
        Whether the folder grows. Rows then stay where they are from call to call, and
        files that came since the last one become rows after them, and are the only
        ones that are decoded. Classes keep their codes. Rows of files that went or
        changed stay as they were, which a warning counts. A zip that is written anew
        is followed as well.
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

        images : memmap of shape (n_samples, 3, height, width), uint8 or uint16
            The images, sorted by folder and name, read-only;
            ``(n_samples, height, width)`` for gray ones, and
            ``(n_samples, 1, depth, height, width)`` for volumes. Class by class, that
            is: shuffle them before taking the first so many.
        data : memmap of shape (n_samples, n_features), uint8 or uint16
            The same memory as flat rows, for estimators that read tables.
        target : ndarray of shape (n_samples,), int64
            Positions in ``target_names``, and -1 for images without a label: what
            :class:`~skal.ActiveLearner` takes for missing by default.
        target_names : ndarray of shape (n_classes,)
            The labels, sorted: names of subfolders, or what else ``labels`` says.
        filenames : ndarray of shape (n_samples,)
            Name of each file, relative to ``path``.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If there is no image, images cannot be read, sizes differ, 16-bit colours
        use few of their bits, or ``labels`` names none of the files.
    ImportError
        If the library for ``formats`` is not installed.
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
    white, and of moving pictures the first frame is kept.

    An image in DICOM is seen through the window that its file names, else with all
    bits that it says are stored; with ``depth="uint16"`` it is what was stored, from 0
    on. Bright is dense in either. Files are known by ``.dcm``, ``.dicom`` or ``.ima``,
    and without a suffix by their first bytes. A volume in NIfTI, ``.nii`` or
    ``.nii.gz``, goes from its darkest value to its brightest, and is brought to a size
    by linear interpolation; ``color`` and ``fit`` do not matter.

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
    formats = check_choice("formats", formats, tuple(FORMATS))
    how = {
        "formats": formats,
        "size": _sides(size, formats),
        "color": check_choice("color", color, ("rgb", "gray")),
        "fit": check_choice("fit", fit, ("crop", "pad", "stretch")),
        "bits": _bits(bits, depth, formats),
        "depth": check_choice("depth", depth, ("scale", "uint16")),
    }
    check_choice("on_error", on_error, ("raise", "skip"))
    check_library(formats)
    labels = label_source(labels)
    files = list_images(path, formats)
    if files.others:
        warn(
            f"path {str(files.root)!r} holds files that are no {formats}, which are "
            f"passed over: {files.passed_over}.{files.advice}",
            stacklevel=2,
        )

    if follow:
        images, names, target, target_names = followed_images(
            files, how, cache_dir, n_jobs, on_error, labels
        )
    else:
        label_of = dict(zip(files.names, labels_of(files, labels), strict=True))
        images, names = cached_images(files, how, cache_dir, n_jobs, on_error)
        target, target_names = codes_of([label_of[name] for name in names])
    return as_answer(
        images,
        target,
        target_names,
        return_X_y,
        filenames=np.array(names, dtype=object),
    )


def _bits(bits, depth, formats):
    """Return the bits of 16-bit pixels, checked, or None."""
    if bits is None:
        return None
    if check_int("bits", bits, 8) > 16:
        raise ValueError(
            f"bits must be at most 16, got {bits!r}. 12 is for pixels from 0 to 4095."
        )
    if depth != "scale" or formats != "images":
        raise ValueError(
            f"bits must be None with depth={depth!r} and formats={formats!r}, which "
            f"need not be told, got {bits!r}. It says which 8 bits to keep of images."
        )
    return bits


def _sides(size, formats):
    """Return the size as a tuple, or None."""
    if size is None:
        return None
    n_sides = 3 if formats == "nifti" else 2
    sides = (size,) * n_sides if isinstance(size, Integral) else size
    if not isinstance(sides, tuple | list) or len(sides) != n_sides:
        words = "three of depth, height" if n_sides == 3 else "a pair of height"
        raise TypeError(
            f"size must be a number of pixels, {words} and width, or None, "
            f"got {size!r}."
        )
    return tuple(check_int("size", side) for side in sides)
