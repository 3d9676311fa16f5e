"""Files in the IDX format of MNIST: bytes behind a short header."""

import gzip
import zlib
from math import prod

import numpy as np

_UNSIGNED_BYTES = 8
MAX_BYTES = 2**30  # twenty times MNIST
_AGAIN = "Fetch the file again"


def read_idx(path, rank):
    """Return the uint8 array of an IDX file, gzip-compressed or not."""
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if compressed else open(path, "rb") as file:
            return _read_array(file, path, rank)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{str(path)!r} must be a whole gzip file, got: {error}. {_AGAIN}."
        ) from error


def _read_array(file, path, rank):
    header = file.read(4 + 4 * rank)
    # Two zeros, the type of the numbers, the rank, then the length of each axis.
    if header[:4] != bytes([0, 0, _UNSIGNED_BYTES, rank]) or len(header) < 4 + 4 * rank:
        raise ValueError(
            f"{str(path)!r} must be an IDX file of unsigned bytes of rank {rank}, got "
            f"one that begins with {header[:4]!r}. {_AGAIN}."
        )
    shape = tuple(np.frombuffer(header, ">u4", offset=4).tolist())
    size = prod(shape)
    if size > MAX_BYTES:
        raise ValueError(
            f"{str(path)!r} must hold {MAX_BYTES} bytes at most, got a header that "
            f"asks for {size} of shape {shape}. {_AGAIN}."
        )
    content = file.read(size + 1)  # no more: a small gzip file may go on for ever
    if len(content) != size:
        more = "more" if len(content) > size else len(content)
        raise ValueError(
            f"{str(path)!r} must hold {size} bytes of shape {shape}, got {more}. "
            f"{_AGAIN}."
        )
    return np.frombuffer(content, np.uint8).reshape(shape).copy()
