"""How many labels each round asks for."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from skal._checks import check_int


def check_sizes(name, value):
    """Return a size, or the list of the sizes of several rounds."""
    is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if not is_list and not (isinstance(value, np.ndarray) and value.ndim == 1):
        if isinstance(value, Integral) and not isinstance(value, bool):
            return check_int(name, value)
        raise TypeError(
            f"{name} must be an integer or a list of integers, got {value!r}."
        )
    if len(value) == 0:
        raise ValueError(f"{name} must hold a size for the first round, got {value!r}.")
    return [check_int(name, size) for size in value]


def size_in_round(sizes, round):
    """Return the size of a round, from 1 up; the last of several sizes goes on."""
    if isinstance(sizes, Integral):
        return int(sizes)
    return int(sizes[min(round, len(sizes)) - 1])


def rounds_for(sizes, n_labels):
    """Return how many rounds of these sizes it takes to buy labels."""
    sizes = [sizes] if isinstance(sizes, Integral) else sizes
    bought = np.cumsum(sizes)
    whole = int(np.searchsorted(bought, n_labels))
    if whole < len(sizes):
        return whole + int(n_labels > 0)
    return len(sizes) + -(-(n_labels - int(bought[-1])) // int(sizes[-1]))
