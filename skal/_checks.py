"""Parameter checks, and the words they fail with."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from math import ceil
from numbers import Integral, Real

import numpy as np


def nearest_first(name, known):
    """Sort the known words so that the ones most like ``name`` come first."""
    known = sorted(known)
    close = get_close_matches(str(name), known, n=len(known), cutoff=0.5)
    return [*close, *(word for word in known if word not in close)]


def check_int(name, value, minimum=1):
    """Return ``value`` if it is an integer of at least ``minimum``."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}.")
    return int(value)


def check_number(name, value, *, minimum=None, maximum=None):
    """Return ``value`` if it is a real number within the closed bounds."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    below = minimum is not None and not value >= minimum
    above = maximum is not None and not value <= maximum
    if below or above:
        low = "-inf" if minimum is None else minimum
        high = "inf" if maximum is None else maximum
        raise ValueError(f"{name} must be in [{low}, {high}], got {value!r}.")
    return float(value)


def check_fraction(name, value):
    """Return ``value`` if it is a number between 0 and 1."""
    return check_number(name, value, minimum=0, maximum=1)


def check_above_zero(name, value):
    """Return a number, which must be above 0."""
    if not check_number(name, value) > 0:
        raise ValueError(f"{name} must be above 0, got {value!r}.")
    return float(value)


def check_choice(name, value, choices):
    """Return ``value`` if it is one of the words in ``choices``."""
    if not isinstance(value, str) or value not in choices:
        words = ", ".join(map(repr, nearest_first(value, choices)))
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{name} must be one of {words}, got {value!r}.")
    return value


def check_classes(classes):
    """Refuse ``classes`` that is no collection of labels."""
    if classes is None:
        return
    if isinstance(classes, (str, bytes)) or not hasattr(classes, "__iter__"):
        raise TypeError(
            f"classes must be a list of every label, or None, got {classes!r}."
        )
    if isinstance(classes, Iterator):  # the first fit would leave nothing to the next
        raise TypeError(
            f"classes must be a list of every label, or None, got {classes!r}, which "
            "can be read only once. Make it a list."
        )
    if len(list(classes)) < 1:
        raise ValueError("classes must hold at least one label, got none.")


def count_of(name, value, n_rows):
    """Turn a number of rows, or a share of ``n_rows``, into a count of at most n_rows.

    An integer is a number of rows; a float in (0, 1] is a share, rounded up.
    """
    is_share = isinstance(value, Real) and not isinstance(value, Integral)
    if is_share:
        if not 0 < value <= 1:
            raise ValueError(
                f"{name} must be a whole number of rows or a share in (0, 1], "
                f"got {value!r}."
            )
        return min(n_rows, max(1, ceil(round(value * n_rows, 9))))
    return min(n_rows, check_int(name, value))


def check_mask(name, value, shape):
    """Return ``value`` as an array if it is a mask of labels, a row a row of X."""
    mask = np.asarray(value)
    if mask.dtype != bool or mask.shape != shape:
        raise ValueError(
            f"{name} must be a mask of shape {shape}, a row a candidate and a column a "
            f"label, got {mask.dtype} of shape {mask.shape}."
        )
    return mask


def name_of(estimator):
    """Return the name to call an estimator by in messages."""
    return type(estimator).__name__
