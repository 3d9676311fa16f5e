"""What answers imply: together is transitive, and apart holds for all of both sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Closure:
    """The components that "together" makes of n items, and which of them are apart.

    Attributes
    ----------
    component : ndarray of int64 of shape (n,)
        The component of each item.
    apart : ndarray of int64 of shape (c, 2)
        Components known to be apart, each pair once, the smaller first.
    """

    component: NDArray[np.int64]
    apart: NDArray[np.int64]

    @classmethod
    def of(cls, n_items, together, apart):
        """Close answers: (a, 2) items said to be together, and (b, 2) to be apart."""
        graph = sp.coo_array(
            (np.ones(len(together), bool), tuple(np.transpose(together))),
            (n_items, n_items),
        )
        component = connected_components(graph, directed=False)[1].astype(np.int64)
        sides = np.sort(component[apart].reshape(-1, 2), axis=1)
        return cls(component, np.unique(sides, axis=0))

    def take(self, order):
        """Return the closure of the same items in another order."""
        return Closure(self.component[order], self.apart)

    @property
    def is_consistent(self):
        """Whether no component is apart from itself."""
        return bool((self.apart[:, 0] != self.apart[:, 1]).all())

    @cached_property
    def sizes(self):
        """How many items each component has."""
        return np.bincount(self.component)

    @cached_property
    def refusals(self):
        """CSR of shape (c, c): 1 where two components are apart."""
        c = len(self.sizes)
        a, b = self.apart.T
        sides = np.concatenate([a, b]), np.concatenate([b, a])
        return sp.csr_array((np.ones(2 * len(a), np.int32), sides), (c, c))

    @cached_property
    def _keys(self):
        return self.apart[:, 0] * len(self.sizes) + self.apart[:, 1]

    def implies(self, pairs):
        """Tell of pairs of items whether the answer is known: (k,)."""
        sides = np.sort(self.component[pairs], axis=1)
        same = sides[:, 0] == sides[:, 1]
        return same | np.isin(sides[:, 0] * len(self.sizes) + sides[:, 1], self._keys)

    @cached_property
    def groups(self):
        """Components that are surely different groups, the largest first.

        They are all apart from each other. Components with most items come first, and
        of equals those with most refusals.
        """
        refusals = self.refusals
        n_refusals = np.diff(refusals.indptr)
        order = np.lexsort([-n_refusals, -self.sizes])
        order = order[(self.sizes > 1)[order] | (n_refusals > 0)[order]]
        n_agree = np.zeros(len(self.sizes), int)  # groups that a component is not in
        found: list[int] = []
        while len(order):
            found.append(order[0])
            n_agree[_row(refusals, order[0])] += 1
            order = order[1:][n_agree[order[1:]] == len(found)]
        return np.array(found, np.int64)

    def settled(self):
        """Tell of each component whether it is a group, or apart from all groups."""
        done = np.zeros(len(self.sizes), bool)
        done[self.groups] = True
        return done

    def with_groups(self, n_groups):
        """Return the closure, given that there are n_groups groups and no more.

        What is apart from all of them but one belongs to that one.
        """
        closure = self
        while len(closure.groups) == n_groups:
            merged = closure._with_last_group()
            if merged is None or not merged.is_consistent:
                break
            closure = merged
        return closure

    def _with_last_group(self):
        """Put components that are apart from all groups but one in that one."""
        open_to = np.ones((len(self.groups), len(self.sizes)), bool)  # (K, c)
        for place, group in enumerate(self.groups):
            open_to[place, _row(self.refusals, group)] = False
        open_to[:, self.groups] = False
        forced = np.flatnonzero(open_to.sum(axis=0) == 1)
        if len(forced) == 0:
            return None
        homes = self.groups[open_to[:, forced].argmax(axis=0)]
        closed = Closure.of(
            len(self.sizes), np.column_stack([forced, homes]), self.apart
        )
        return Closure(closed.component[self.component], closed.apart)


def _row(matrix, row):
    """Return the columns that a row of a CSR matrix holds."""
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
