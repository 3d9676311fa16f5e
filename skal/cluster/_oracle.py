"""Who answers: labels that are hidden from the clusterer, or a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_consistent_length

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def oracle_of(
    y: Any,
    oracle: Callable[[int, int], Any] | None,
    n_rows: int,
    hidden: Callable[[Any, int], Callable[[int, int], Any]] | None = None,
) -> Any:
    """Return ``f(i, j)`` that answers about two rows, or None where nobody does.

    ``hidden(y, n_rows)`` makes it of what y hides; HiddenLabels unless told otherwise.
    """
    if oracle is None and y is None:
        return None
    if oracle is None:
        return (hidden or HiddenLabels)(y, n_rows)
    if y is not None:
        raise ValueError("y and oracle must not be given together. Leave out one.")
    if not callable(oracle):
        raise TypeError(f"oracle must be a function f(i, j), got {oracle!r}.")
    return oracle


class HiddenLabels:
    """Answers by labels: two rows belong together where theirs agree.

    Where one of them has none (None, NaN or pandas' NA), nobody can tell.
    """

    def __init__(self, y, n_rows):
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise ValueError(
                f"y must hold one label a row, got an array of shape {labels.shape}."
            )
        check_consistent_length(labels, np.empty(n_rows))
        self.labels = labels

    def __call__(self, i: int, j: int) -> bool | None:
        first, second = self.labels[i], self.labels[j]
        known = is_known(first) and is_known(second)
        return bool(first == second) if known else None


def is_known(label: Any) -> bool:
    """Tell whether a label is one: NaN is not itself, and of NA nobody can tell."""
    itself = label == label
    return label is not None and isinstance(itself, bool | np.bool_) and bool(itself)
