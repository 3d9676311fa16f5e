"""Who answers in a simulation of preferences: utilities that are hidden."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d


class HiddenUtilities:
    """Answers by utilities: of two rows the one with the greater is better.

    Equal ones are equally good, and where one is NaN nobody can tell.
    """

    def __init__(self, y, n_rows):
        utilities = column_or_1d(y)
        if utilities.dtype.kind not in "buif":
            raise TypeError(
                "Unknown label type: y must hold utilities, which are numbers, got "
                f"{utilities.dtype}. Give oracle= for other answers."
            )
        check_consistent_length(utilities, np.empty(n_rows))
        self.utilities = utilities

    def __call__(self, i: int, j: int) -> bool | float | None:
        first, second = self.utilities[i], self.utilities[j]
        if np.isnan(first) or np.isnan(second):
            return None
        return 0.0 if first == second else bool(first > second)
