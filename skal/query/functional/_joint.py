"""The joint distribution of the labels of picked rows, one configuration a line."""

import numpy as np
from sklearn.utils.extmath import row_norms

from skal.query.functional._uncertainty import plain_entropy

#: Numbers of a tile of predictions: small enough to stay in cache.
_TILE = 2**17
#: From so many configurations on, bounds come from one group for each 12 of them.
_MANY = 1000
_GROUP = 12
#: Rounding errors that a difference of entropies may hold, in units of the last place.
_ROUNDING = 64


def slack_of(dtype):
    """Return the nats below which a difference of entropies is rounding."""
    return _ROUNDING * float(np.finfo(dtype).eps)


class Joint:
    """What the labels of the picked rows would say about the posterior draws.

    A configuration is one way to label the picked rows. With its probability w comes
    the belief in each draw that it would leave, so that the expected information of a
    further label is a mean of plain mutual informations over the configurations.

    Up to ``limit`` configurations the joint distribution is exact. Of more, ``limit``
    are drawn so that the information left is kept: those that leave much of it are
    sure to stay (after Fearnhead and Clifford, 2003, who keep those of much weight),
    the others stay by chance and are weighed up. Configurations after which the draw
    is known have nothing left to tell and are dropped.
    """

    def __init__(self, n_draws, limit, dtype):
        self.limit = limit
        self.slack = slack_of(dtype)
        self.weights = np.ones(1)  # (M,)
        self.beliefs = np.full((1, n_draws), 1 / n_draws, dtype)  # (M, S)
        self.remaining = float(np.log(n_draws))

    def gains(self, samples):
        """Work out what each row's label would tell; samples are (S, b, C)."""
        n_draws, b, n_classes = samples.shape
        columns = np.swapaxes(samples, 1, 2).reshape(n_draws, n_classes * b)
        negentropy = np.zeros(n_classes * b)
        size = max(1, _TILE // (n_classes * b))
        weights = self.weights.astype(self.beliefs.dtype)
        for start in range(0, len(weights), size):
            some = slice(start, start + size)
            predicted = self.beliefs[some] @ columns  # (size, C b)
            predicted *= safe_log(predicted)
            negentropy += weights[some] @ predicted
        of_draws = (weights @ self.beliefs) @ plain_entropy(samples)
        return -negentropy.reshape(n_classes, b).sum(axis=0) - of_draws

    def merged(self):
        """Merge configurations of like beliefs, for bounds; None where they are few.

        Entropy is concave, so that a merged configuration has at least the mutual
        information that its parts have in the mean.
        """
        if len(self.weights) < _MANY:
            return None
        merged = Joint(self.beliefs.shape[1], self.limit, self.beliefs.dtype)
        merged.weights, merged.beliefs = group(
            self.weights, self.beliefs, len(self.weights) // _GROUP
        )
        return merged

    def add(self, proba, rng):
        """Take in a row of (S, C) probabilities: each configuration becomes C."""
        predicted = self.beliefs @ proba  # (M, C)
        # Entropy of the belief that each label would leave, times its probability.
        left = predicted * safe_log(predicted)
        left -= (self.beliefs * safe_log(self.beliefs)) @ proba
        left -= self.beliefs @ (proba * safe_log(proba))
        alive = np.flatnonzero(left > self.slack * predicted)
        configuration, label = np.divmod(alive, proba.shape[1])
        weights = self.weights[configuration]
        information = weights * left.ravel()[alive]
        weights = weights * predicted.ravel()[alive]
        if len(alive) > self.limit:
            kept, chance = thin_out(information, self.limit, rng)
            configuration, label = configuration[kept], label[kept]
            weights, information = weights[kept] / chance, information[kept] / chance
        self.weights, self.remaining = weights, information.sum()
        self.beliefs = self.beliefs[configuration] * proba.T[label]
        self.beliefs /= self.beliefs.sum(axis=1, keepdims=True)


def thin_out(values, size, rng):
    """Draw ``size`` of the positive values, the large ones for sure.

    Each value divided by its chance to stay is at most one threshold, and the sum of
    these quotients is that of the values, whatever is drawn.

    Returns
    -------
    kept : ndarray of int
        The values that stay.
    chance : ndarray of float
        How likely each of them was to stay.
    """
    ordered = np.sort(values)
    # Of the i + 1 smallest, size less the number of the others may stay.
    places = np.arange(1, size + 1)
    ordered, sums = ordered[-size:], np.cumsum(ordered)[-size:]
    small = np.flatnonzero(ordered * places <= sums)[-1]
    chance = np.minimum(1, values * (places[small] / sums[small]))
    steps = np.floor(np.cumsum(chance) + rng.uniform())  # one uniform: systematic
    kept = np.flatnonzero(np.diff(steps, prepend=0))
    return kept, chance[kept]


def group(weights, beliefs, size):
    """Merge weighted beliefs into ``size`` means: two rounds of k-means.

    The first centres are spread evenly over the information that is left.
    """
    left = np.cumsum(weights * plain_entropy(beliefs))
    places = (np.arange(size) + 0.5) / size * left[-1]
    centres = beliefs[np.unique(np.searchsorted(left, places))]
    masses = beliefs * weights[:, np.newaxis]  # float64: weights may be tiny
    for _ in range(2):
        nearest = nearest_of(beliefs, centres)
        order = np.argsort(nearest, kind="stable")
        starts = np.flatnonzero(np.diff(nearest[order], prepend=-1))
        merged = np.add.reduceat(weights[order], starts)
        centres = np.add.reduceat(masses[order], starts, axis=0)
        centres = (centres / merged[:, np.newaxis]).astype(beliefs.dtype)
    return merged, centres


def nearest_of(beliefs, centres):
    """Find the nearest centre of each belief, tile by tile."""
    halves = row_norms(centres, squared=True) / 2
    size = max(1, _TILE // len(centres))
    tiles = [
        (beliefs[start : start + size] @ centres.T - halves).argmax(axis=1)
        for start in range(0, len(beliefs), size)
    ]
    return np.concatenate(tiles)


def safe_log(values):
    """Logarithm that is finite at 0, so that 0 log 0 is 0."""
    logs = values + np.finfo(values.dtype).tiny
    return np.log(logs, out=logs)
