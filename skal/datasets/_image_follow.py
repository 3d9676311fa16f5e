"""Folders that grow: rows stay where they are, and new files become rows after them."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import replace
from time import sleep
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np
from numpy.lib import format as npy

from skal._file_lock import FileLock
from skal.datasets._image_cache import (
    aside_of,
    bits_of,
    broken_files,
    cache_path,
    decoded,
    different_sizes,
    warn_of_broken,
    write_head,
)
from skal.datasets._image_labels import codes_of, labels_of

if TYPE_CHECKING:
    from typing import Any

    from skal.datasets._image_files import ImageFiles


def followed_images(
    files: ImageFiles,
    how: dict[str, Any],
    cache_dir: Any,
    n_jobs: int | None,
    on_error: str,
    labels: Any,
) -> tuple[np.ndarray, list[str], np.ndarray, list[Any]]:
    """Return the images known from earlier calls, and after them those of new files.

    Only new files are decoded. One that cannot be read is no row yet, and is tried
    again at the next call.

    Parameters
    ----------
    files, how, cache_dir, n_jobs, on_error : object
        As for images that do not grow.
    labels : str, mapping, callable or None
        Where labels come from.

    Returns
    -------
    images, names, codes, classes : memmap, list, ndarray and list
        A row for each file that there ever was, in the order in which they came.
    """
    path = cache_path(cache_dir, repr(("follow", str(files.root), sorted(how.items()))))
    with held(path):
        known = read_notes(path)
        new = files.only(set(files.names) - known["stamps"].keys())
        if new.names:
            append(path, new, how, known, n_jobs, on_error)
        warn_of_changes(files, known)
        rows = replace(files, names=list(known["stamps"]))
        codes, classes = codes_of(labels_of(rows, labels), known["labels"])
        if new.names or classes != known["labels"]:
            write_notes(path, {**known, "labels": classes})
        images = npy.open_memmap(path, mode="r")[: len(rows.names)]
    return images, rows.names, codes, classes


@contextmanager
def held(path):
    """Hold the file of images, waiting for whoever does."""
    handle, aside = aside_of(path)  # says what is wrong with the folder
    os.close(handle)
    os.unlink(aside)
    lock = FileLock(path.with_suffix(".lock"))
    while True:
        try:
            lock.take()
            break
        except BlockingIOError:
            sleep(0.05)
    try:
        yield
    finally:
        lock.free()


def read_notes(path):
    """Return what is known of the rows: file by file, and the labels in their order."""
    notes = path.with_suffix(".json")
    if not (path.exists() and notes.exists()):
        return {"stamps": {}, "bits": None, "labels": []}
    return json.loads(notes.read_text("utf-8"))


def write_notes(path, known):
    """Write what is known of the rows; until then new rows do not count."""
    handle, aside = aside_of(path)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump(known, file)
    os.replace(aside, path.with_suffix(".json"))


def append(path, new, how, known, n_jobs, on_error):
    """Decode new files to the end of the array; note those that became rows."""
    bits = known["bits"] or bits_of(new, how, n_jobs)
    images = decoded(new, {**how, "bits": bits}, n_jobs)
    start, broken = len(known["stamps"]), {}
    stamps = {name: [name, *rest] for name, *rest in new.stamps}
    with open(path, "r+b" if start else "wb") as file:
        shape, kind = head_of(file, start)
        first = next(iter(known["stamps"]), None)
        for name, image in images:
            if isinstance(image, Exception):
                broken[name] = str(image)
                continue
            if shape is None:
                shape, kind, first = image.shape, image.dtype, name
                write_head(file, 0, shape, kind)
            if image.shape != shape:
                raise different_sizes(first, shape, name, image.shape)
            file.write(image.tobytes())
        if broken and (on_error == "raise" or shape is None):
            raise broken_files(new.root, broken.items())
        read = {name: stamps[name] for name in new.names if name not in broken}
        file.truncate()
        write_head(file, start + len(read), shape, kind)
    known["stamps"].update(read)
    known["bits"] = bits
    if broken:
        warn_of_broken(new.root, broken.items(), stacklevel=5)


def head_of(file, n_rows):
    """Return the shape and type of the rows in a file, and stand after the last."""
    if not n_rows:
        return None, None
    npy.read_magic(file)
    shape, _, kind = npy.read_array_header_1_0(file)
    file.seek(n_rows * int(np.prod(shape[1:])) * kind.itemsize, os.SEEK_CUR)
    return shape[1:], kind


def warn_of_changes(files, known):
    """Warn of rows whose files went or are others now; they stay as they were."""
    now = {name: [name, *rest] for name, *rest in files.stamps}
    gone = sum(name not in now for name in known["stamps"])
    other = sum(now.get(name, old) != old for name, old in known["stamps"].items())
    if gone or other:
        warn(
            f"path {str(files.root)!r} holds {gone} files no more that it held, and "
            f"{other} that have changed; their rows stay as they were. follow=False "
            "reads the folder as it is.",
            stacklevel=4,
        )
