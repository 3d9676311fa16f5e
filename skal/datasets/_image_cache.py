"""Decoded images on disk, mapped into memory and read only where they are looked at."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np
from joblib import Parallel, delayed
from numpy.lib import format as npy

from skal.datasets._decode import brightest, decode, depth_of
from skal.datasets._places import cache_folder

if TYPE_CHECKING:
    from typing import Any

    from skal.datasets._image_files import ImageFiles

_FORMAT = 2  # raise it when the same files would give other pixels
_BLOCK = 64
_SHOWN = 5
_DEEP = (".apng", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff")  # may be of 16 bits


def cached_images(
    files: ImageFiles,
    how: dict[str, Any],
    cache_dir: Any,
    n_jobs: int | None,
    on_error: str,
) -> tuple[np.memmap, list[str]]:
    """Return all images as one read-only array on disk, made on the first call.

    Beside it, the names of those that there are: ``on_error="skip"`` leaves out what
    cannot be read.
    """
    content = repr((_FORMAT, str(files.root), sorted(how.items()), files.stamps))
    path = cache_path(cache_dir, content)
    found = _opened(path, files)
    if found is None:
        _write(files, how, path, n_jobs, on_error)
        found = _opened(path, files)
    images, broken = found
    if broken and on_error == "raise":
        raise broken_files(files.root, broken.items())
    if broken:
        warn_of_broken(files.root, broken.items(), stacklevel=4)
    return images, [name for name in files.names if name not in broken]


def cache_path(cache_dir, content):
    """Return the file for images of which some text says what they are."""
    folder = cache_folder() / "images" if cache_dir is None else Path(cache_dir)
    return (
        folder.expanduser() / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.npy"
    )


def _opened(path, files):
    """Return the array in a file and what could not be read; None for a part of it."""
    try:
        images = npy.open_memmap(path, mode="r")
        notes = path.with_suffix(".json")
        broken = json.loads(notes.read_text("utf-8")) if notes.exists() else {}
    except (OSError, ValueError):  # not there yet, or cut short
        return None
    return (images, broken) if len(images) + len(broken) == len(files.names) else None


def _write(files, how, path, n_jobs, on_error):
    """Decode all images into a file aside, then move it into its place.

    Whoever reads finds the whole file or none, however many write at once.
    """
    handle, aside = aside_of(path)
    try:
        with open(handle, "wb") as file:
            # Not through a memory map: a full disk is then an error, not a crash.
            bits = bits_of(files, how, n_jobs)
            images = decoded(files, {**how, "bits": bits}, n_jobs)
            count, broken = fill(file, files.root, images, len(files.names))
            if broken and (on_error == "raise" or not count):
                raise broken_files(files.root, broken.items())
        if broken:
            path.with_suffix(".json").write_text(json.dumps(broken), "utf-8")
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


def aside_of(path):
    """Return a new file beside one that is to be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=path.parent, suffix=".part")
    except OSError as error:
        raise OSError(
            f"cache_dir must be a folder to write to, got {str(path.parent)!r}: "
            f"{error}. Pass another one, or set XDG_CACHE_HOME."
        ) from error


def bits_of(files, how, n_jobs):
    """Return how many bits the 16-bit pixels of all images use, alike for all."""
    if how["bits"] is not None or how["depth"] != "scale" or how["formats"] != "images":
        return how["bits"] or 16
    return _depth(files, n_jobs)


def _depth(files, n_jobs):
    """Return how many bits the 16-bit pixels of all images use, alike for all."""
    deep = [name for name in files.names if name.lower().endswith(_DEEP)]
    tops = [
        top
        for _, top in _by_blocks(_brightest, files, deep, n_jobs)
        if not isinstance(top, Exception)  # named when it is decoded
    ]
    gray, color = np.max(tops, axis=0) if tops else (0, 0)
    if color > 0 and depth_of(color) < 16:
        raise ValueError(
            f"path must hold colours that use their 16 bits, got a brightest of "
            f"{color} in {str(files.root)!r}, of which {color >> 8} levels would be "
            "left. Save them in 8 bits, or pass bits=16 if they are as dark as that."
        )
    return depth_of(gray) if gray else 16


def fill(file, root, images, count):
    """Write images into a file of numpy; return how many, and what was wrong with some.

    The head has room for any count: it is written once more where some are missing.
    """
    shape = kind = None
    broken = {}
    for name, image in images:
        if isinstance(image, Exception):
            broken[name] = str(image)
            continue
        if shape is None:
            shape, kind, first = image.shape, image.dtype, name
            write_head(file, count, shape, kind)
        if image.shape != shape:
            raise different_sizes(first, shape, name, image.shape)
        file.write(image.tobytes())
    if broken and shape is not None:
        write_head(file, count - len(broken), shape, kind)
    return count - len(broken), broken


def write_head(file, count, shape, kind):
    """Write the head of a file of numpy, at its beginning."""
    file.seek(0)
    head = {"descr": npy.dtype_to_descr(kind), "fortran_order": False}
    npy.write_array_header_1_0(file, {**head, "shape": (count, *shape)})


def different_sizes(first, shape, name, other):
    """Build the ValueError for images of two sizes."""
    return ValueError(
        f"size must be given for images of different sizes, got None with "
        f"{first!r} of {_words(shape)} and {name!r} of {_words(other)} "
        "pixels. Pass size=64, for example."
    )


def _words(shape):
    return " by ".join(map(str, shape[-2:]))


def broken_files(root, broken):
    """Build the ValueError for files that cannot be read, pairs of name and reason."""
    return ValueError(
        f"path must hold images that can be read, got {_shown(root, broken)}. Mend "
        "them or move them away, or pass on_error='skip'."
    )


def warn_of_broken(root, broken, stacklevel):
    """Warn of files that are left out since they cannot be read."""
    warn(
        f"path holds images that cannot be read, which are left out: "
        f"{_shown(root, broken)}.",
        stacklevel=stacklevel,
    )


def _shown(root, broken):
    broken = list(broken)
    shown = "; ".join(f"{name}: {error}" for name, error in broken[:_SHOWN])
    more = f"; and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
    return f"{len(broken)} in {str(root)!r} that cannot ({shown}{more})"


def decoded(files, how, n_jobs):
    """Yield the name of each file with its pixels, or with what was wrong with it."""
    return _by_blocks(_decode_block, files, files.names, n_jobs, how)


def _by_blocks(work, files, names, n_jobs, *how):
    """Yield each name with what a function of blocks of files found."""
    blocks = [names[i : i + _BLOCK] for i in range(0, len(names), _BLOCK)]
    parallel = Parallel(n_jobs=n_jobs, require="sharedmem", return_as="generator")
    found = parallel(delayed(work)(files, block, *how) for block in blocks)
    for block, answers in zip(blocks, found, strict=True):
        yield from zip(block, answers, strict=True)


def _decode_block(files, names, how):
    return _read_block(partial(decode, **how), files, names)


def _brightest(files, names):
    return _read_block(brightest, files, names)


def _read_block(read, files, names):
    """Return what each file reads as, or what was wrong with it."""
    from PIL import Image

    unreadable = (
        *(OSError, SyntaxError, ValueError, RuntimeError),  # what Pillow raises
        *(EOFError, zlib.error, zipfile.BadZipFile, Image.DecompressionBombError),
    )
    images: list[Any] = []
    for name in names:
        try:
            with files.open(name) as file:
                images.append(read(file))
        except unreadable as error:
            images.append(error)
    return images
