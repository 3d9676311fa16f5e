"""What is sent to a process that may be ended."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib._memmapping_reducer import reduce_array_memmap_backward
from joblib.externals.loky.backend.reduction import dumps

from skal._checks import name_of


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
