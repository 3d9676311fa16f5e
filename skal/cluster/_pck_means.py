"""The search of k-means that knows pairs: units to clusters, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import euclidean_distances

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


@dataclass(frozen=True)
class PairedRows:
    """Rows to group, with what is known of pairs of them.

    A unit moves as one: a row or, of hard must-links, all rows that they join.
    ``links`` counts the cannot-links of each two units, less their must-links; and
    ``penalty`` is what a violated pair costs, in squared distance, None standing for
    more than any distance.
    """

    X: Any
    unit_of: NDArray[np.int64]  # (n,)
    links: sparse.csr_array  # (n_units, n_units)
    penalty: float | None

    @classmethod
    def of(
        cls,
        X: Any,
        must: NDArray[np.int64],
        cannot: NDArray[np.int64],
        unit_of: NDArray[np.int64],
        penalty: float | None,
    ) -> PairedRows:
        """Return the rows with pairs of positions told as pairs of units."""
        pairs = unit_of[np.concatenate([must, cannot])]
        signs = np.repeat([-1.0, 1.0], [len(must), len(cannot)])
        across = pairs[:, 0] != pairs[:, 1]  # the others stay as they are
        (i, j), signs = pairs[across].T, signs[across]
        ends = np.concatenate([i, j]), np.concatenate([j, i])
        shape = (unit_of.max() + 1,) * 2
        links = sparse.coo_array((np.tile(signs, 2), ends), shape=shape).tocsr()
        return cls(X, unit_of, links, penalty)

    def search(self, centers, rng, max_iter):
        """Move units and centres in turn until no unit moves.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The cluster of each row.
        centers : ndarray of shape (n_clusters, n_features)
            The centres that the rows were assigned to.
        n_iter : int
            How many rounds it took.
        """
        degree = abs(self.links).sum(axis=1)  # (n_units,)
        tied = (degree > 0) | (np.bincount(self.unit_of) > 1)
        labels = np.full(len(degree), -1)
        for n_iter in range(1, max_iter + 1):
            order = rng.permutation(np.flatnonzero(tied))
            if self.penalty is None:  # those with most to heed choose first
                order = order[np.argsort(-degree[order], kind="stable")]
            moved = self._assign(centers, labels, order)
            if np.array_equal(moved, labels):
                break
            labels = moved
            if n_iter < max_iter:
                centers = means_of(self.X, labels[self.unit_of], centers)
        return labels[self.unit_of], centers, n_iter

    def _assign(self, centers, labels, order):
        """Return the clusters of the units: free ones at once, others in an order."""
        labels, place = labels.copy(), np.full(len(labels), -1)
        place[order] = np.arange(len(order))
        place = place[self.unit_of]  # of the unit of each row, -1 where it is free
        free, bound = np.flatnonzero(place < 0), np.flatnonzero(place >= 0)
        if len(free):
            X = self.X[free] if len(bound) else self.X
            labels[self.unit_of[free]] = pairwise_distances_argmin(X, centers)
        if len(bound):
            found = euclidean_distances(self.X[bound], centers, squared=True)
            shape = (len(order), len(bound))
            entries = (place[bound], np.arange(len(bound)))
            member = sparse.csr_array((np.ones(len(bound)), entries), shape)
            self._move(labels, order, member @ found)
        return labels

    def _move(self, labels, order, distances):
        """Let those that would rather be elsewhere move, each as the others stand then.

        ``votes`` counts for each unit the pairs that a cluster would violate, up to a
        constant; units without a cluster do not vote.
        """
        n_clusters = distances.shape[1]
        known = np.flatnonzero(labels >= 0)
        entries = (known, labels[known])
        shape = (len(labels), n_clusters)
        clusters = sparse.csr_array((np.ones(len(known)), entries), shape)
        votes = (self.links @ clusters).toarray()  # (n_units, n_clusters)
        now = labels[order]
        best = self._cost(distances, votes[order])
        wishes = (now < 0) | (best.min(axis=1) < best[np.arange(len(now)), now])
        for i in np.flatnonzero(wishes):
            unit, before = order[i], now[i]
            cost = self._cost(distances[i], votes[unit])
            after = cost.argmin()
            if before >= 0 and cost[after] >= cost[before]:
                continue
            labels[unit] = after
            span = slice(*self.links.indptr[unit : unit + 2])
            partners, links = self.links.indices[span], self.links.data[span]
            votes[partners, after] += links
            if before >= 0:
                votes[partners, before] -= links

    def _cost(self, distances, votes):
        """Return what each cluster would cost, (..., n_clusters)."""
        if self.penalty is not None:
            return distances + self.penalty * votes
        fewest = votes.min(axis=-1, keepdims=True)
        return np.where(votes == fewest, distances, np.inf)


def means_of(X, labels, before):
    """Return the mean of each cluster.

    One that has lost its rows moves to the row that is farthest from its own centre.
    """
    n, n_clusters = len(labels), len(before)
    member = sparse.csr_array((np.ones(n), (labels, np.arange(n))), (n_clusters, n))
    sizes = np.bincount(labels, minlength=n_clusters)
    sums = member @ X
    sums = sums.toarray() if sparse.issparse(sums) else sums
    centers = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], before)
    empty = np.flatnonzero(sizes == 0)
    if len(empty):
        far = np.argsort(-squared_distances(X, labels, centers))[: len(empty)]
        rows = X[far]
        centers[empty] = rows.toarray() if sparse.issparse(rows) else rows
    return centers.astype(X.dtype, copy=False)


def squared_distances(X, labels, centers):
    """Return the squared distance of each row to the centre of its cluster."""
    result = np.zeros(len(labels))
    for k, center in enumerate(centers):
        rows = np.flatnonzero(labels == k)
        if len(rows):
            found = euclidean_distances(X[rows], center[None], squared=True)
            result[rows] = found[:, 0]
    return result


def neighbourhood_starts(X, groups, n_clusters):
    """Return the means of the must-linked groups that are large and lie far apart.

    Weighted farthest-first: the largest, then again and again the one whose size times
    squared distance to the nearest chosen one is largest; n_clusters of them at most.
    """
    sizes = np.bincount(groups)
    large = np.flatnonzero(sizes > 1)
    if len(large) == 0:
        return np.empty((0, X.shape[1]), X.dtype)
    rows = np.flatnonzero(sizes[groups] > 1)
    labels = np.searchsorted(large, groups[rows])
    means = means_of(X[rows], labels, np.zeros((len(large), X.shape[1])))
    chosen = [int(sizes[large].argmax())]
    nearest = euclidean_distances(means, means[chosen], squared=True)[:, 0]
    while len(chosen) < min(n_clusters, len(large)):
        chosen.append(int((sizes[large] * nearest).argmax()))
        found = euclidean_distances(means, means[chosen[-1:]], squared=True)[:, 0]
        nearest = np.minimum(nearest, found)
    return means[chosen]


def fill_starts(X, centers, n_clusters, rng):
    """Add rows to the starts, each by its squared distance to them (k-means++)."""
    nearest = np.ones(X.shape[0])
    if len(centers):
        nearest = euclidean_distances(X, centers, squared=True).min(axis=1)
    while len(centers) < n_clusters:
        total = nearest.sum()
        row = rng.choice(len(nearest), p=nearest / total if total > 0 else None)
        new = X[[row]].toarray() if sparse.issparse(X) else X[[row]]
        found = euclidean_distances(X, new, squared=True)[:, 0]
        nearest = np.minimum(nearest, found) if len(centers) else found
        centers = np.concatenate([centers, new])
    return centers
