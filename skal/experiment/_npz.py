"""Arrays from an npz file that may be anybody's: no pickles, no more than it says."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy

if TYPE_CHECKING:
    from pathlib import Path

#: What compressed arrays may unpack to; those that are not lie on the disk as they are.
MAX_UNPACKED = 2**32
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_arrays(path: Path) -> dict[str, Any]:
    """Read the arrays of an npz file after a look at their headers.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray
        The arrays.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or would take more memory than it should.
    """
    try:
        with ZipFile(path) as archive:
            _check(archive)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file}
    except (BadZipFile, EOFError) as error:
        raise ValueError(f"it is no whole npz file, {error}") from error


def _check(archive):
    """Refuse arrays that are longer than their file, and files that swell."""
    members = archive.infolist()
    packed = [one for one in members if one.compress_type != ZIP_STORED]
    size = sum(member.file_size for member in packed)
    if size > MAX_UNPACKED:
        raise ValueError(
            f"it unpacks to {size} bytes, more than {MAX_UNPACKED}; write it with "
            "np.savez, not compressed"
        )
    for member in members:
        if not member.filename.endswith(".npy"):
            continue
        with archive.open(member) as file:
            read_header = _HEADERS.get(npy.read_magic(file))
            if read_header is None:
                continue
            shape, _, dtype = read_header(file)
        if dtype.hasobject:
            name = member.filename.removesuffix(".npy")
            raise ValueError(
                f"{name!r} holds Python objects, which only code from the file could "
                f"read. Write it with {name}={name}.astype(str), or as numbers"
            )
        if prod(shape) * dtype.itemsize > member.file_size:
            raise ValueError(
                f"{member.filename!r} says that it is of shape {shape}, and holds "
                f"{member.file_size} bytes"
            )
