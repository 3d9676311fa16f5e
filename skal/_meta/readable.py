"""The repr of an estimator, short whatever its parameters hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

if TYPE_CHECKING:
    from typing import Any

#: Arrays of more numbers, lists of more things and longer reprs are named, not shown.
_MOST_NUMBERS = 10
_MOST_ITEMS = 30
_MOST_LETTERS = 300


class ReadableReprMixin:
    """Name data, modules and the like in the repr, instead of printing them.

    Comes left of BaseEstimator among the bases.
    """

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Show the parameters that are not the default, data by its shape."""
        return estimator_with_words(self).__repr__(N_CHAR_MAX)


class Word:
    """Stands for a value that takes too long to print."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        """Say what it stands for."""
        return self.text


def with_words(value: Any) -> Any:
    """Return a value in whose repr words stand for what takes too long to print."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return estimator_with_words(value)
    if hasattr(value, "named_parameters"):  # a torch module
        return Word(f"{type(value).__name__}(...)")
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        small = len(shape) < 2 and np.prod(shape) <= _MOST_NUMBERS
        return value if small else Word(f"<{type(value).__name__} of shape {shape}>")
    if type(value) in (list, tuple):
        if len(value) > _MOST_ITEMS or holds_rows(value):
            return Word(f"<{type(value).__name__} of {len(value)}>")
        return type(value)(with_words(part) for part in value)
    text = repr(value)
    return Word(f"<{type(value).__name__}>") if too_long(text) else value


def holds_rows(values):
    """Tell whether a list holds more rows or texts than one can read."""
    nested = [value for value in values if type(value) in (list, str)]
    return len(nested) > 1 and too_long(repr(nested))


def too_long(text):
    """Tell whether a repr is more than a few words."""
    return "\n" in text or len(text) > _MOST_LETTERS


def estimator_with_words(estimator):
    """Return an estimator with words for what takes too long to print.

    scikit-learn breaks the lines of those with its own repr alone, so that they must
    have it. What has another repr is a word.
    """
    kind = type(estimator)
    if kind.__repr__ is ReadableReprMixin.__repr__:
        kind = type(kind.__name__, (kind,), {"__repr__": BaseEstimator.__repr__})
    told = object.__new__(kind)
    params = estimator.get_params(deep=False)
    words = {name: with_words(value) for name, value in params.items()}
    vars(told).update({**vars(estimator), **words})
    if kind.__repr__ is BaseEstimator.__repr__:
        return told
    return Word(" ".join(repr(told).split()))
