"""What the files of a scorer hold, or an error that says what is wrong with them."""

from __future__ import annotations

import json
from zipfile import BadZipFile, is_zipfile
from zlib import error as BadStream

import numpy as np


def read_about(file):
    """Read what is known of a scorer."""
    if not file.is_file():
        raise FileNotFoundError(
            "scorer must be a .npz file with a .json of its name beside it, got none "
            f"at {str(file)!r}. Scorer.save writes both."
        )
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged(file, error) from error
    if not isinstance(about, dict):
        raise damaged(file, f"a {type(about).__name__} where a dict belongs")
    return {"schema": None, **about}


def read_weights(file):
    """Read the layers of a scorer, without running anything in the file."""
    if not is_zipfile(file):
        raise damaged(file, "no complete .npz")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            layers = range(max(1, len(arrays.files) // 2))
            expected = [kind + str(i) for i in layers for kind in "Wb"]
            if sorted(arrays.files) == sorted(expected):
                return [(arrays[f"W{i}"], arrays[f"b{i}"]) for i in layers]
            found = arrays.files
    except (ValueError, EOFError, OSError, BadZipFile, BadStream) as error:
        raise damaged(file, error) from error
    raise damaged(file, f"arrays {found} where {expected} belong")


def damaged(file, found):
    """Build the error of a file that is not what ``save`` writes."""
    return ValueError(
        f"scorer must be files that Scorer.save wrote, got {found} in {str(file)!r}. "
        "Save or copy it again."
    )
