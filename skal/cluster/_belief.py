"""What is believed of the items: their groups, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Belief:
    """The group of each item, and the chance of each group.

    Attributes
    ----------
    labels : ndarray of int64 of shape (m,)
        The group of each item.
    chances : ndarray of float64 of shape (m, G + 1)
        The chance of each group, in the last column that of a group nobody has shown.
    """

    labels: NDArray[np.int64]
    chances: NDArray[Any]

    def take(self, order):
        """Return the belief of the same items in another order."""
        return Belief(self.labels[order], self.chances[order])

    @property
    def uncertainty(self):
        """The entropy of each item's chances, as a share of the largest there is."""
        width = self.chances.shape[1]
        if width == 1:
            return np.ones(len(self.chances))
        logs = np.log(np.where(self.chances > 0, self.chances, 1))
        return np.clip(-(self.chances * logs).sum(axis=1) / np.log(width), 0, 1)

    @property
    def factors(self):
        """Chances whose inner product is the chance that two items belong together.

        Two items of groups that nobody has shown yet are together half the time.
        """
        factors = self.chances.astype(np.float32)
        factors[:, -1] *= np.sqrt(0.5)
        return factors
