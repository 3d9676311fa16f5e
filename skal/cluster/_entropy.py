"""The pairs whose answer is least certain."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from skal.cluster._strategy import PairStrategy
from skal.cluster._uniform import first_different, random_pairs

#: Numbers of a block of chances.
_BLOCK = 2**20
#: So many pairs at most are scored; of more items some are drawn.
_PAIRS = 2**20


class EntropyPairs(PairStrategy):
    r"""Pick the pairs whose answer is least certain.

    With :math:`q_i` the mean-field chances of item i's group, two items belong together
    with chance :math:`p = q_i \cdot q_j`; asked are the pairs of the largest
    :math:`-p \log p - (1 - p) \log(1 - p)`. Batches add Gumbel noise to the logarithms,
    so that they are no repetitions of one doubt.

    See Also
    --------
    MaxExpPairs : Pairs in triangles that contradict themselves.
    NeighbourhoodPairs : Fewer questions where answers are exact.

    Notes
    -----
    Cost: O(m min(m, 2^20 / m) G) for m super-instances and G groups: beyond 1 024
    super-instances, pairs of some drawn at random with all others are scored.

    References
    ----------
    Aronsson, L., Chehreghani, M. H. (2024). Information-theoretic active correlation
    clustering. arXiv:2402.03587

    Examples
    --------
    >>> from skal.cluster import ActiveClusterer
    >>> clusterer = ActiveClusterer(query_strategy="entropy", random_state=0)
    >>> clusterer.fit([[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]).labels_
    array([0, 0, 1, 1])
    """

    alias = "entropy"

    def _query(self, view, n_pairs, rng):
        rows = np.arange(view.n_items)
        if view.n_items**2 > _PAIRS:
            rows = rng.permutation(rows)[: max(1, _PAIRS // view.n_items)]
        n_wanted = 2 * n_pairs + 64 + len(view.pairs)  # some may not be asked again
        found = most_uncertain(view, rows, n_wanted, n_pairs > 1, rng)
        found = found[view.may_ask(found)]
        if len(found) < n_pairs:  # what is left is certain or not among those drawn
            more = random_pairs(view, n_pairs, rng)
            found = first_different(np.concatenate([found, more]))
        return found[:n_pairs]


def most_uncertain(view, rows, n_wanted, noisy, rng):
    """Return the pairs of some items with any whose answers are least certain."""
    pairs, scores = [np.empty((0, 2), np.int64)], [np.empty(0, np.float32)]
    is_row = np.zeros(view.n_items, bool)
    is_row[rows] = True
    step = max(1, _BLOCK // view.n_items)
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        scored = log_entropy(view.factors[block] @ view.factors.T)
        chance = rng.uniform(size=scored.shape).astype(np.float32)
        if noisy:
            scored -= np.log(-np.log(np.clip(chance, 1e-12, 1 - 1e-7)))
        else:
            scored += 1e-6 * chance  # ties at random
        # a pair of two rows is met twice: once is enough
        scored[is_row & (np.arange(view.n_items) <= block[:, np.newaxis])] = -np.inf
        scored[np.arange(len(block)), block] = -np.inf
        flat = scored.ravel()
        best = np.argpartition(-flat, min(n_wanted, flat.size - 1))[:n_wanted]
        best = best[np.isfinite(flat[best])]
        i, j = np.unravel_index(best, scored.shape)
        pairs.append(np.sort(np.column_stack([block[i], j]), axis=1))
        scores.append(flat[best])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return np.concatenate(pairs)[order[:n_wanted]]


def log_entropy(chance):
    """Return the logarithm of the entropy of answers, -inf where they are certain."""
    chance = np.clip(chance, 0, 1)
    entropy = -xlogy(chance, chance) - xlogy(1 - chance, 1 - chance)
    with np.errstate(divide="ignore"):
        return np.log(entropy)
