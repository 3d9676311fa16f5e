"""How much of something there can be, after random samples of what is left."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, logsumexp

#: Up to so many left over each number is an alternative of its own.
_EVERY = 64
#: Numbers of alternatives beyond, evenly spread on a logarithmic scale.
_SPREAD = 64
#: Totals that are tried at once.
_AT_ONCE = 64


def most_there_can_be(samples, n_found, n_left, confidence):
    """Return the most positives, those found included, that samples do not rule out.

    The set of totals that are not ruled out holds the true one at every look at once,
    with a probability of at least ``confidence`` (Waudby-Smith and Ramdas, 2020): a
    total is ruled out when the samples were this much likelier, 1 / (1 - confidence),
    under a mixture of other totals that was fixed before each sample.

    Parameters
    ----------
    samples : ndarray of int of shape (n_samples, 4)
        Of each random sample, in their order: from how many rows it was drawn, how many
        positives were known before, its size, the positives in it.
    n_found : int
        Positives known now.
    n_left : int
        Rows whose label is not known now.
    confidence : float
        Below 1.

    Returns
    -------
    int
        From n_found to n_found + n_left.
    """
    least = mixture_likelihood(samples) + np.log1p(-confidence)
    low, high = n_found, n_found + n_left

    n, known, size, hits = samples.T

    def likelihood(totals):  # (n_totals,)
        return log_chance(n, totals[:, np.newaxis] - known, size, hits).sum(axis=1)

    # It is log-concave in the total: it rises up to the mode, and falls from there.
    mode = first_where(lambda m: likelihood(m + 1) <= likelihood(m), low, high)
    return first_where(lambda m: likelihood(m + 1) <= least, mode, high)


def mixture_likelihood(samples):
    """Return the log-likelihood of the samples under a mixture of numbers left over.

    That k are left over weighs 1 / ((k + 1) (k + 2)) before the first sample. What is
    found since, by samples or between them, is taken off.
    """
    n = samples[0, 0]
    spread = np.geomspace(_EVERY, max(n, _EVERY), _SPREAD).astype(np.int64)
    left = np.unique(np.minimum(np.append(np.arange(_EVERY), spread), n))
    weight = np.log(1 / (left + 1) - np.append(1 / (left[1:] + 1), 0))
    n, known, size, hits = samples.T[..., np.newaxis]
    since = np.maximum(left - (known - known[0]), 0)  # (n_samples, n_alternatives)
    return logsumexp(weight + log_chance(n, since, size, hits).sum(axis=0))


def log_chance(n, positives, size, hits):
    """Return the hypergeometric log-probability, -inf for what cannot be."""
    n, positives, size, hits = np.broadcast_arrays(n, positives, size, hits)
    can_be = (positives >= hits) & (n - positives >= size - hits) & (positives >= 0)
    at = [part[can_be].astype(float) for part in (n, positives, size, hits)]
    n, positives, size, hits = at
    out = np.full(can_be.shape, -np.inf)
    out[can_be] = (
        log_choose(positives, hits)
        + log_choose(n - positives, size - hits)
        - log_choose(n, size)
    )
    return out


def log_choose(n, k):
    """Return the logarithm of a binomial coefficient."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def first_where(holds, low, high):
    """Return the first number from low on from which a condition holds, at most high.

    It is asked for many numbers at once.
    """
    while low < high:
        step = -(-(high - low) // _AT_ONCE)
        numbers = np.arange(low, high, step)
        false = np.flatnonzero(~holds(numbers))
        if len(false) == 0:
            return low
        low, high = numbers[false[-1]] + 1, min(numbers[false[-1]] + step, high)
    return int(low)
