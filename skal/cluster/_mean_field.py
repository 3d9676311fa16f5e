"""Mean-field chances: how sure each item's group is, given noisy answers."""

from __future__ import annotations

from scipy.special import softmax

from skal.cluster._correlation import one_hot

#: Updates, of which each goes so far towards the new chances.
_UPDATES = 15
_STEP = 0.7


def mean_field(evidence, labels):
    r"""Return the chance of each group for each node: (m, K).

    The fixed point of :math:`q_i(k) \propto \exp \sum_j S_{ij} q_j(k)` around a
    clustering, where S are log-odds.
    """
    chances = one_hot(labels)
    for _ in range(_UPDATES):
        fresh = softmax(evidence.times(chances), axis=1)
        chances += _STEP * (fresh - chances)
    return chances
