"""What is sent to other processes: as bytes, or by the path of a file."""

from __future__ import annotations

import pickle
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from joblib._memmapping_reducer import (
    _get_backing_memmap,
    reduce_array_memmap_backward,
)
from joblib.externals.loky.backend.reduction import dumps

from skal._checks import name_of

#: Bytes from which an array has a file of its own, which every process maps.
LARGE = 2**20


def check_can_be_sent(things: Any, limit: float | None) -> None:
    """Refuse a time limit for what no other process can have."""
    if limit is None:
        return
    for thing in things:
        try:
            pickled(thing)
        except Exception as error:  # each kind of object has an error of its own
            raise TypeError(
                f"time_limit must be None for {name_of(thing)}, which cannot be sent "
                f"to a process that may be ended, got {limit!r}. Leave time_limit out, "
                f"or make it one that can be pickled: {error}"
            ) from error


def pickled(thing: Any) -> bytes:
    """Pickle what a script defines too; arrays in files by their place in the file."""
    return bytes(dumps(thing, {np.memmap: reduce_array_memmap_backward}))


def written(thing: Any, folder: Path) -> Path:
    """Write a thing into a folder, to be sent by its path.

    Parameters
    ----------
    thing : object
        What can be pickled. Its large arrays are written into files beside it; those
        that are maps of files already stay where they are.
    folder : Path
        Where to write.

    Returns
    -------
    Path
        What :func:`read` takes.
    """
    path = folder / f"{uuid4().hex}.pickle"
    reducers = {
        np.memmap: reduce_array_memmap_backward,
        np.ndarray: partial(_by_file, folder),
    }
    path.write_bytes(dumps(thing, reducers))
    return path


@lru_cache(maxsize=2)
def read(path: Path) -> Any:
    """Read what :func:`written` wrote; a process keeps the last ones."""
    return pickle.loads(path.read_bytes())


def _by_file(folder, array):
    """Reduce an array to the file that holds it; a small one, or objects, to bytes."""
    if isinstance(_get_backing_memmap(array), np.memmap):
        return reduce_array_memmap_backward(array)
    if array.nbytes < LARGE or array.dtype.hasobject:
        return array.__reduce__()
    path = folder / f"{uuid4().hex}.npy"
    np.save(path, array)
    return _mapped, (path,)


def _mapped(path):
    return np.load(path, mmap_mode="r")
