"""Answers to "do these two belong together?": what they may be, and their record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


class Constraints(NamedTuple):
    """Which rows the answers put together and apart.

    Parameters
    ----------
    must_link : ndarray of int64 of shape (n_must, 2)
        Positions of rows that belong together.
    cannot_link : ndarray of int64 of shape (n_cannot, 2)
        Positions of rows that do not.

    See Also
    --------
    ActiveClusterer : Gathers them as ``constraints_``.

    Examples
    --------
    >>> from skal.cluster import ActiveClusterer
    >>> clusterer = ActiveClusterer().fit([[0.0], [0.1], [5.0]])
    >>> clusterer.teach([[0, 1], [1, 2]], [True, False]).constraints_.must_link
    array([[0, 1]])
    """

    must_link: NDArray[np.int64]
    cannot_link: NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Every answer so far, in the order given.

    Attributes
    ----------
    pairs : ndarray of int64 of shape (a, 2)
        Positions of the two rows, the smaller first.
    values : ndarray of float64 of shape (a,)
        From -1 (surely apart) to 1 (surely together); NaN where nobody could tell.
    """

    pairs: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def none(cls):
        """Return the record before the first answer."""
        return cls(np.empty((0, 2), np.int64), np.empty(0))

    def __len__(self):
        return len(self.values)

    def and_then(self, pairs, values):
        """Return the record with more answers."""
        pairs = np.concatenate([self.pairs, np.sort(pairs, axis=1)])
        return Answers(pairs, np.concatenate([self.values, values]))

    @cached_property
    def are_exact(self):
        """Whether each answer is yes, no or "cannot tell"."""
        return bool((np.abs(self.values[~np.isnan(self.values)]) == 1).all())

    def constraints(self):
        """Return the pairs that the answers put together and apart, each once."""
        pairs, which = np.unique(self.pairs, axis=0, return_inverse=True)
        said = np.bincount(
            which.ravel(), np.nan_to_num(self.values), minlength=len(pairs)
        )
        return Constraints(pairs[said > 0], pairs[said < 0])


def check_pairs(
    pairs: ArrayLike, n_rows: int, name: str = "pairs"
) -> NDArray[np.int64]:
    """Return pairs of positions of different rows as an array of shape (n, 2)."""
    checked = np.asarray(pairs)
    if checked.size == 0:
        return np.empty((0, 2), np.int64)
    if checked.shape == (2,) and checked.dtype.kind in "iu":
        raise ValueError(
            f"{name} must have shape (n, 2), got {pairs!r}. Write [{pairs!r}] for one "
            "pair."
        )
    if checked.ndim != 2 or checked.shape[1] != 2 or checked.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be positions of rows, of shape (n, 2), got "
            f"{checked.dtype} of shape {checked.shape}."
        )
    if checked.min() < 0 or checked.max() >= n_rows:
        raise ValueError(
            f"{name} must be positions in [0, {n_rows - 1}], got {checked.min()} to "
            f"{checked.max()}."
        )
    if (checked[:, 0] == checked[:, 1]).any():
        raise ValueError(
            f"{name} must be of two different rows, got a row with itself."
        )
    return checked.astype(np.int64)


def check_answers(answers: Any, n_pairs: int) -> NDArray[np.float64]:
    """Return answers as numbers from -1 to 1, NaN for "cannot tell"."""
    if isinstance(answers, str):
        as_number(answers)
    if isinstance(answers, bool | np.bool_ | Real) or answers is None:
        raise TypeError(
            f"answers must be a list with an answer a pair, got {answers!r}. Write "
            f"[{answers!r}] for one."
        )
    answers = list(answers)
    if len(answers) != n_pairs:
        raise ValueError(
            f"answers must hold one answer for each of the {n_pairs} pairs, got "
            f"{len(answers)}."
        )
    return np.array([as_number(answer) for answer in answers], float)


def as_number(answer: Any) -> float:
    """Return one answer as a number from -1 to 1, NaN for "cannot tell"."""
    if answer is None:
        return np.nan
    if isinstance(answer, bool | np.bool_):
        return 1.0 if answer else -1.0
    if not isinstance(answer, Real):
        raise TypeError(
            "answers must be True, False, None or a number in [-1, 1], got "
            f"{answer!r}. Write True for yes, False for no, None for cannot tell."
        )
    if isinstance(answer, Integral) and answer == 0:
        raise ValueError(
            "answers must be True, False, None or a number in [-1, 1], got the integer "
            "0, which may be meant as no. Write False for no, None for cannot tell."
        )
    number = float(answer)
    if abs(number) > 1:
        raise ValueError(
            f"answers must be True, False, None or a number in [-1, 1], got {answer!r}."
        )
    return number
