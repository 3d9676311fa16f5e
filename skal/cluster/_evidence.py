"""What noisy answers weigh: log-odds for and against each pair, and a weak prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: What an answer weighs that must be honoured.
_SURE = 1e6
#: How many log-odds in all speak for an item's place in the clustering before answers.
_PRIOR = 2.0


@dataclass(frozen=True)
class Evidence:
    """Log-odds that pairs of nodes belong together; what is not stored is not known.

    The matrix of all pairs is ``answers + prior_weight * (2 F F' - s s')``: sparse
    answers, and a prior of rank k from the k first clusters, so that products with it
    cost O(a + m k) and it is never made.

    Attributes
    ----------
    answers : CSR of shape (m, m)
        Summed log-odds of the answers, symmetric, without a diagonal.
    prior : ndarray of shape (m, k)
        F: how many items of a node each first cluster holds.
    prior_weight : float
        What the prior says of a pair of items.
    """

    answers: Any
    prior: NDArray[np.float64]
    prior_weight: float

    @classmethod
    def of(cls, n_items, pairs, values, noise, first):
        """Weigh answers about pairs of items, around their first clusters."""
        weights = np.nan_to_num(values) * np.log((1 - noise) / noise)
        answers = symmetric(n_items, pairs, weights)
        clusters, first = np.unique(first, return_inverse=True)
        k = len(clusters)
        prior = np.zeros((n_items, k))
        prior[np.arange(n_items), first] = 1
        return cls(answers, prior, _PRIOR * k / n_items if k > 1 else 0.0)

    def take(self, order):
        """Return the evidence of the same nodes in another order."""
        answers = self.answers[order][:, order]
        return Evidence(answers, self.prior[order], self.prior_weight)

    def merged(self, closure):
        """Return the evidence between components, with what keeps them apart."""
        c = len(closure.sizes)
        ones = np.ones(len(closure.component))
        member = sp.csr_array(
            (ones, (closure.component, np.arange(len(ones)))), (c, len(ones))
        )
        answers = member @ self.answers @ member.T
        apart = symmetric(c, closure.apart, np.full(len(closure.apart), -_SURE))
        answers = sp.csr_array(answers - sp.diags_array(answers.diagonal()) + apart)
        return Evidence(answers, member @ self.prior, self.prior_weight)

    @property
    def sizes(self):
        """How many items each node holds."""
        return self.prior.sum(axis=1)

    def times(self, memberships):
        """Return what speaks for each node in each group, itself left out: (m, K)."""
        out = self.answers @ memberships
        if self.prior_weight:
            pull = 2 * self.prior @ (self.prior.T @ memberships)
            pull -= np.outer(self.sizes, self.sizes @ memberships)
            own = 2 * (self.prior**2).sum(axis=1) - self.sizes**2
            out += self.prior_weight * (pull - own[:, np.newaxis] * memberships)
        return out

    def of_pairs(self, pairs):
        """Return the log-odds of some pairs of nodes: (p,)."""
        i, j = pairs.T
        stored = np.asarray(self.answers[i, j]).ravel()
        if not self.prior_weight:
            return stored
        both = (self.prior[i] * self.prior[j]).sum(axis=1)
        return stored + self.prior_weight * (2 * both - self.sizes[i] * self.sizes[j])


def symmetric(n, pairs, weights):
    """Return the symmetric CSR matrix of weights summed by pair."""
    i, j = pairs.reshape(-1, 2).T
    sides = np.concatenate([i, j]), np.concatenate([j, i])
    return sp.csr_array((np.concatenate([weights, weights]), sides), (n, n))
