"""PreferenceView: what a pair strategy may ask about what is better."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skal.cluster._order import PartialOrder

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from skal.cluster._bradley_terry import Utilities


class PreferenceView:
    """What a pair strategy may ask: utilities, their uncertainty, and what is settled.

    A view lives for one query; :class:`PreferenceLearner` builds it.

    Parameters
    ----------
    belief : Utilities
        The utilities and how sure they are.
    pairs : ndarray of int64 of shape (a, 2)
        The pairs that have been answered.
    values : ndarray of shape (a,)
        The answers, from -1 to 1, NaN for "cannot tell".

    Attributes
    ----------
    n_items : int
        The number of items n.
    utilities : ndarray of shape (n,)
        The utility of each item, as believed now.

    See Also
    --------
    PairStrategy : What asks it.

    Examples
    --------
    >>> from skal.cluster import PreferenceLearner
    >>> seen = []
    >>> def first_pair(view, n_pairs):
    ...     seen.append(view)
    ...     return [[0, 1]]
    >>> learner = PreferenceLearner(first_pair, over="items", prior_scale=2.0)
    >>> learner.fit([[0.0], [1.0], [5.0]]).query()
    array([[0, 1]])
    >>> seen[0].n_items, seen[0].covariance([0, 1])
    (3, array([[4., 0.],
           [0., 4.]]))
    """

    #: Answers are no groups: what PairView tells of those is not here.
    closure = None

    def __init__(
        self,
        belief: Utilities,
        pairs: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> None:
        self.belief = belief
        self.pairs = pairs
        self.values = values

    @property
    def n_items(self) -> int:
        """The number of items."""
        return self.belief.n

    @property
    def utilities(self) -> NDArray[np.float64]:
        """The utility of each item, as believed now: (n,)."""
        return self.belief.mean

    def covariance(self, items: ArrayLike) -> NDArray[np.float64]:
        """Return the covariance of the utilities of some items.

        Parameters
        ----------
        items : array-like of int of shape (r,)
            Positions of different items.

        Returns
        -------
        ndarray of shape (r, r)
            Of Laplace's Gaussian.
        """
        return self.belief.covariance(np.asarray(items))

    def sample(self, n_draws: int, rng: np.random.RandomState) -> NDArray[np.float64]:
        """Draw utilities from what is believed of them.

        Parameters
        ----------
        n_draws : int
            How many draws.
        rng : RandomState
            Makes them.

        Returns
        -------
        ndarray of shape (n_draws, n)
            A draw a row.
        """
        return self.belief.sample(n_draws, rng)

    def may_ask(self, pairs: ArrayLike) -> NDArray[np.bool_]:
        """Tell of each pair whether it is open.

        Parameters
        ----------
        pairs : array-like of int of shape (k, 2)
            Positions of items.

        Returns
        -------
        ndarray of bool of shape (k,)
            False for pairs that were answered, for those of which exact answers tell
            by a chain which one is better, and for an item with itself.
        """
        pairs = np.asarray(pairs).reshape(-1, 2)
        closed = pairs[:, 0] == pairs[:, 1]
        if len(self._answered):
            keys = self._keys(pairs)
            at = np.searchsorted(self._answered, keys)
            closed |= self._answered[np.minimum(at, len(self._answered) - 1)] == keys
        return ~(closed | self._order.implies(pairs))

    def pairs_left(self, n_pairs: int, rng: np.random.RandomState) -> NDArray[np.int64]:
        """Find open pairs, at random, without listing all pairs.

        Parameters
        ----------
        n_pairs : int
            How many are wanted.
        rng : RandomState
            Orders the items.

        Returns
        -------
        ndarray of int64 of shape (k, 2)
            Fewer than ``n_pairs`` only where no more are open.
        """
        items = rng.permutation(self.n_items)
        found = [np.empty((0, 2), np.int64)]
        for place, item in enumerate(items[:-1]):
            pairs = np.column_stack(np.broadcast_arrays(item, items[place + 1 :]))
            found.append(pairs[self.may_ask(pairs)][:n_pairs])
            n_pairs -= len(found[-1])
            if n_pairs == 0:
                break
        return np.concatenate(found)

    @cached_property
    def _order(self):
        return PartialOrder(self.pairs, self.values)

    @cached_property
    def _answered(self):
        return np.unique(self._keys(self.pairs))

    def _keys(self, pairs):
        low, high = np.minimum(*pairs.T), np.maximum(*pairs.T)
        return low * self.n_items + high
