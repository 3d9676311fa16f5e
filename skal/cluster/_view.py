"""PairView: what a pair strategy may ask."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from skal.cluster._belief import Belief
    from skal.cluster._closure import Closure


class PairView:
    """What a pair strategy may ask: where items lie, and what the answers say of them.

    Items are super-instances, or rows where each stands for itself. A view lives for
    one query; :class:`ActiveClusterer` builds it.

    Parameters
    ----------
    centers : ndarray of shape (m, d)
        Where the items lie.
    sizes : ndarray of shape (m,)
        How many rows each stands for.
    pairs : ndarray of int64 of shape (a, 2)
        The pairs of items that have been answered.
    values : ndarray of shape (a,)
        The answers, from -1 to 1, NaN for "cannot tell".
    closure : Closure or None
        What exact answers imply; None where answers may be wrong.
    belief : Belief
        The groups and their chances.
    evidence : Evidence or None
        What noisy answers weigh; None where they are exact.

    Attributes
    ----------
    n_items : int
        The number of items m.
    labels : ndarray of int64 of shape (m,)
        The group of each item, as believed now.
    chances : ndarray of shape (m, G + 1)
        The chance of each group; the last column is a group nobody has shown.
    may_repeat : bool
        Whether an answered pair may be asked again, as where answers are noisy.

    See Also
    --------
    PairStrategy : What asks it.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.cluster import ActiveClusterer
    >>> seen = []
    >>> def first_pair(view, n_pairs, random_state):
    ...     seen.append(view)
    ...     return [[0, 1]]
    >>> clusterer = ActiveClusterer(query_strategy=first_pair, n_super_instances=None)
    >>> clusterer.fit([[0.0], [1.0], [5.0]]).query()
    array([[0, 1]])
    >>> seen[0].n_items, seen[0].together([[0, 1]]).round(2)
    (3, array([0.5], dtype=float32))
    """

    def __init__(
        self,
        centers: NDArray[Any],
        sizes: NDArray[np.int64],
        pairs: NDArray[np.int64],
        values: NDArray[np.float64],
        closure: Closure | None,
        belief: Belief,
        evidence: Any = None,
    ) -> None:
        self.centers = centers
        self.sizes = sizes
        self.pairs = pairs
        self.values = values
        self.closure = closure
        self.belief = belief
        self.evidence = evidence

    @property
    def n_items(self) -> int:
        """The number of items."""
        return len(self.centers)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The group of each item, as believed now."""
        return self.belief.labels

    @property
    def chances(self) -> NDArray[Any]:
        """The chance of each group, and of a new one: (m, G + 1)."""
        return self.belief.chances

    @property
    def may_repeat(self) -> bool:
        """Whether an answered pair may be asked again."""
        return self.closure is None

    @cached_property
    def factors(self) -> NDArray[np.float32]:
        """Rows whose inner products are the chances of pairs: (m, G + 1)."""
        return self.belief.factors

    def together(self, pairs: ArrayLike) -> NDArray[Any]:
        """Return the chance that the two items of each pair belong together.

        Parameters
        ----------
        pairs : array-like of int of shape (k, 2)
            Positions of items.

        Returns
        -------
        ndarray of shape (k,)
            Chances from 0 to 1.
        """
        i, j = np.asarray(pairs).T
        return np.einsum("ij,ij->i", self.factors[i], self.factors[j])

    def log_odds(self, pairs: ArrayLike) -> NDArray[Any]:
        """Return what speaks for and against each pair.

        Parameters
        ----------
        pairs : array-like of int of shape (k, 2)
            Positions of items.

        Returns
        -------
        ndarray of shape (k,)
            Above 0 for together, below for apart; 0 where nothing is known.
        """
        pairs = np.asarray(pairs)
        if self.evidence is not None:
            return np.asarray(self.evidence.of_pairs(pairs))
        chance = np.clip(self.together(pairs), 1e-3, 1 - 1e-3)
        return np.log(chance / (1 - chance))

    def may_ask(self, pairs: ArrayLike) -> NDArray[np.bool_]:
        """Tell of each pair whether an answer could say anything new.

        Parameters
        ----------
        pairs : array-like of int of shape (k, 2)
            Positions of items.

        Returns
        -------
        ndarray of bool of shape (k,)
            False for what exact answers imply, for what nobody could tell, and for an
            item with itself.
        """
        pairs = np.sort(np.asarray(pairs).reshape(-1, 2), axis=1)
        asked = np.isin(self._keys(pairs), self._closed_keys)
        refused = asked | (pairs[:, 0] == pairs[:, 1])
        return ~(
            refused if self.closure is None else refused | self.closure.implies(pairs)
        )

    def take(self, order: ArrayLike) -> PairView:
        """Return the view of the same items in another order.

        Parameters
        ----------
        order : array-like of int of shape (m,)
            The positions of the items, each once.

        Returns
        -------
        PairView
            What is known of them, in that order.
        """
        order = np.asarray(order)
        place = np.argsort(order)
        return PairView(
            self.centers[order],
            self.sizes[order],
            np.sort(place[self.pairs], axis=1),
            self.values,
            None if self.closure is None else self.closure.take(order),
            self.belief.take(order),
            None if self.evidence is None else self.evidence.take(order),
        )

    @cached_property
    def _closed_keys(self):
        """Pairs that are not asked again: all of them, or those nobody could tell."""
        closed = np.isnan(self.values) if self.may_repeat else slice(None)
        return self._keys(np.sort(self.pairs[closed], axis=1))

    def _keys(self, pairs):
        return pairs[:, 0] * self.n_items + pairs[:, 1]
