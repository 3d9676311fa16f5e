"""The comparisons that tell most about all utilities together."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from skal._checks import check_int
from skal.cluster._strategy import PairStrategy


class DOptimalPairs(PairStrategy):
    r"""Pick the comparisons that shrink the belief about utilities most.

    A comparison of items i and j adds :math:`p (1 - p)` times the outer product of
    their difference to the precision of the belief, p being the chance that i is
    better. With :math:`v` the variance of the difference of their utilities, the
    determinant of the covariance shrinks by :math:`1 + p (1 - p) v`: asked are pairs
    that are close, of which little is known. Pairs of a batch count with those before
    them, whatever their answers will be.

    Parameters
    ----------
    n_candidates : int, default=200
        Of more items than these, so many drawn at random are compared.

    See Also
    --------
    ThompsonPairs : To find the best item, not the order of all.
    UniformPairs : Any two.

    Notes
    -----
    Cost: O(c^2 (k + 1)) for c candidates and k pairs, after their covariance.

    References
    ----------
    Guo, Y., Tian, P., Kalpathy-Cramer, J., Ostmo, S., Campbell, J. P., Chiang, M. F.,
    Erdogmus, D., Dy, J., Ioannidis, S. (2018). Experimental design under the
    Bradley-Terry model. IJCAI. doi:10.24963/ijcai.2018/304

    Examples
    --------
    >>> from skal.cluster import PreferenceLearner
    >>> learner = PreferenceLearner("d_optimal", random_state=0)
    >>> learner.fit([[0.0], [1.0], [5.0]]).query()  # what lies farthest apart
    array([[0, 2]])
    """

    alias = "d_optimal"
    asks = frozenset({"preferences"})

    def __init__(self, n_candidates: int = 200) -> None:
        self.n_candidates = n_candidates

    def _check_params(self):
        check_int("n_candidates", self.n_candidates, 2)

    def _query(self, view, n_pairs, rng):
        items = np.arange(view.n_items)
        if view.n_items > self.n_candidates:
            items = np.sort(rng.choice(items, self.n_candidates, replace=False))
        places = np.column_stack(np.triu_indices(len(items), 1))
        places = rng.permutation(places[view.may_ask(items[places])])  # ties at random
        if len(places) < n_pairs:  # few pairs are open here, if anywhere
            open_pairs = view.pairs_left(n_pairs, rng)
            items, places = np.unique(open_pairs, return_inverse=True)
            places = places.reshape(-1, 2)
        utilities, covariance = view.utilities[items], view.covariance(items)
        return items[most_told(utilities, covariance, places, n_pairs)]


def most_told(utilities, covariance, pairs, n_pairs):
    """Return the pairs that tell most, each after those before it: (at most n, 2)."""
    i, j = pairs.T
    chance = expit(utilities[i] - utilities[j])
    curvature = chance * (1 - chance)
    covariance, chosen = covariance.copy(), []
    is_left = np.ones(len(pairs), bool)
    for _ in range(min(n_pairs, len(pairs))):
        variance = covariance.diagonal()
        told = curvature * (variance[i] + variance[j] - 2 * covariance[i, j])
        best = np.where(is_left, told, -np.inf).argmax()
        is_left[best] = False
        chosen.append(best)
        moved = covariance[:, i[best]] - covariance[:, j[best]]
        shrink = curvature[best] / (1 + told[best])
        covariance -= shrink * np.outer(moved, moved)
    return pairs[chosen]
