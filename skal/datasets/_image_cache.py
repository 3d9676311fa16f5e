"""Decoded images on disk, mapped into memory and read only where they are looked at."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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
    files: ImageFiles, how: dict[str, Any], cache_dir: Any, n_jobs: int | None
) -> np.memmap:
    """Return all images as one read-only array on disk, made on the first call."""
    content = repr((_FORMAT, str(files.root), sorted(how.items()), files.stamps))
    name = f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.npy"
    folder = cache_folder() / "images" if cache_dir is None else Path(cache_dir)
    folder = folder.expanduser()
    try:
        return npy.open_memmap(folder / name, mode="r")
    except (OSError, ValueError):  # not there yet, or cut short
        _write(files, how, folder, name, n_jobs)
    return npy.open_memmap(folder / name, mode="r")


def _write(files, how, folder, name, n_jobs):
    """Decode all images into a file aside, then move it into its place.

    Whoever reads finds the whole file or none, however many write at once.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=folder, suffix=".part")
    except OSError as error:
        raise OSError(
            f"cache_dir must be a folder to write to, got {str(folder)!r}: {error}. "
            "Pass another one, or set XDG_CACHE_HOME."
        ) from error
    try:
        with open(handle, "wb") as file:
            # Not through a memory map: a full disk is then an error, not a crash.
            bits = how["bits"] or _depth(files, n_jobs)
            _fill(file, files, decoded(files, {**how, "bits": bits}, n_jobs))
        os.replace(aside, folder / name)
    except BaseException:
        os.unlink(aside)
        raise


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


def _fill(file, files, images):
    shape = None
    broken = []
    for name, image in images:
        if isinstance(image, Exception):
            broken.append((name, image))
            continue
        if shape is None:
            shape, first = image.shape, name
            head = {"descr": "|u1", "fortran_order": False}
            npy.write_array_header_1_0(
                file, {**head, "shape": (len(files.names), *shape)}
            )
        if image.shape != shape:
            raise ValueError(
                f"size must be given for images of different sizes, got None with "
                f"{first!r} of {_words(shape)} and {name!r} of {_words(image.shape)} "
                "pixels. Pass size=64, for example."
            )
        file.write(image.tobytes())
    if broken:
        raise _broken_files(files.root, broken)


def _words(shape):
    return " by ".join(map(str, shape[-2:]))


def _broken_files(root, broken):
    shown = "; ".join(f"{name}: {error}" for name, error in broken[:_SHOWN])
    more = f"; and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
    return ValueError(
        f"path must hold images that can be read, got {len(broken)} in {str(root)!r} "
        f"that cannot ({shown}{more}). Mend them or move them away."
    )


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
