"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from typing import Any

#: How the name of a file begins that is not whole yet.
PART = ".part-"


class BrokenFileError(ValueError):
    """A file that was written whole is whole no more."""


def write_whole(path: Path, content: bytes, folder: Path | None = None) -> None:
    """Replace a file in one step, so that a killed run leaves no half of it.

    The disk is not told to hurry, which takes longer than many a cell: a machine that
    loses its power may leave a file without content, and :func:`read_json` tells.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        What it is to hold.
    folder : Path, default=None
        Where to write before the name is given; None means beside it.
    """
    part = (folder or path.parent) / f"{PART}{uuid4().hex}"
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Read names and values from a file, or say that it is broken.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        What it holds.

    Raises
    ------
    BrokenFileError
        If it cannot be read.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BrokenFileError(f"{str(path)!r} is broken ({error}).") from error
    if not isinstance(content, dict):
        raise BrokenFileError(f"{str(path)!r} is broken (no names and values).")
    return content
