"""Utilities from comparisons: the Bradley-Terry model, and how sure it is of itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Newton's steps: they double the digits, so that few are needed.
_STEPS = 100
_CLOSE = 1e-9


@dataclass(frozen=True)
class Utilities:
    """A Gaussian belief about the utility of each of n items: Laplace's, at the mode.

    Utilities are linear in the rows of ``Z``, or one number an item where it is None;
    then only items that were compared, ``touched``, have weights, and the others still
    have the prior.
    """

    n: int
    Z: NDArray[Any] | None  # (n, d)
    variance: float  # of a weight, before any answer
    touched: Any  # (t,), sorted; None over features
    B: Any  # (m, d or t): the first item of each comparison less the second
    weights: NDArray[np.float64]  # (d or t,)

    @classmethod
    def of(cls, n: int, Z: Any, scale: float, pairs: Any, values: Any) -> Utilities:
        """Believe what the answers say.

        Parameters
        ----------
        n : int
            How many items there are.
        Z : ndarray of shape (n, d) or None
            Their features; None gives each a utility of its own.
        scale : float
            The standard deviation of a weight before any answer.
        pairs : ndarray of int of shape (m, 2)
            What was compared.
        values : ndarray of float of shape (m,)
            From -1 (the second is better) to 1 (the first is); NaN says nothing.

        Returns
        -------
        Utilities
            The belief.
        """
        told = ~np.isnan(values)
        pairs, wins = pairs[told], (1 + values[told]) / 2
        touched, B = (None, None) if Z is not None else compared(pairs)
        if Z is not None:
            B = (Z[pairs[:, 0]] - Z[pairs[:, 1]]).astype(float)
        weights = mode(B, wins, 1 / scale**2)
        return cls(n, Z, scale**2, touched, B, weights)

    def __getstate__(self):
        """Leave out what is worked out again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def mean(self):
        """The utility of each item, (n,)."""
        if self.Z is not None:
            return (self.Z @ self.weights.astype(self.Z.dtype)).astype(float)
        mean = np.zeros(self.n)
        mean[self.touched] = self.weights
        return mean

    def covariance(self, items):
        """Return the covariance of the utilities of r different items, (r, r)."""
        if self.Z is not None:
            rows = self.Z[items].astype(float)
            return rows @ self._solve(rows.T)
        covariance = np.diag(np.full(len(items), self.variance))
        known, place = self._places(items)
        if len(known):
            ones = np.zeros((len(self.touched), len(known)))
            ones[place, np.arange(len(known))] = 1
            covariance[np.ix_(known, known)] = self._solve(ones)[place]
        return covariance

    def std(self):
        """Return the standard deviation of each utility, (n,)."""
        if self.Z is not None:
            inverse = self._solve(np.eye(self.Z.shape[1])).astype(self.Z.dtype)
            return np.sqrt(np.einsum("ij,ij->i", self.Z @ inverse, self.Z))
        variance = np.full(self.n, self.variance)
        for start in range(0, len(self.touched), 256):  # no (t, t) array
            some = self.touched[start : start + 256]
            variance[some] = self.covariance(some).diagonal()
        return np.sqrt(variance)

    def sample(self, n_draws, rng):
        """Return draws of every utility, (n_draws, n).

        The mode of the belief after noise of the right size on prior and comparisons is
        a draw: noise of covariance P, solved by P, has covariance P^-1.
        """
        shape = len(self.weights), n_draws
        noise = rng.standard_normal(shape) / np.sqrt(self.variance)
        curvature = np.sqrt(curvature_of(self.B, self.weights))[:, np.newaxis]
        noise += self.B.T @ (
            curvature * rng.standard_normal((self.B.shape[0], n_draws))
        )
        weights = self.weights[:, np.newaxis] + self._solve(noise)  # (d or t, n_draws)
        if self.Z is not None:
            return (self.Z @ weights.astype(self.Z.dtype)).T
        draws = rng.standard_normal((n_draws, self.n)) * np.sqrt(self.variance)
        draws[:, self.touched] = weights.T
        return draws

    @cached_property
    def _solve(self):
        return solver(self.B, curvature_of(self.B, self.weights), 1 / self.variance)

    def _places(self, items):
        """Return which of the items have weights, and where."""
        if len(self.touched) == 0:
            return np.empty(0, int), np.empty(0, int)
        place = np.minimum(np.searchsorted(self.touched, items), len(self.touched) - 1)
        known = np.flatnonzero(self.touched[place] == items)
        return known, place[known]


def compared(pairs):
    """Return the items that were compared, and a row of +1 and -1 a comparison."""
    touched, places = np.unique(pairs, return_inverse=True)
    places = places.reshape(-1, 2)
    m = len(pairs)
    signs = np.tile([1.0, -1.0], m)
    entries = np.repeat(np.arange(m), 2), places.ravel()
    return touched, sparse.csr_array((signs, entries), shape=(m, len(touched)))


def mode(B, wins, precision):
    """Return the most probable weights by Newton's method."""
    weights = np.zeros(B.shape[1])
    value = loss(B, wins, precision, weights)
    for _ in range(_STEPS):
        chance = expit(B @ weights)
        slope = B.T @ (chance - wins) + precision * weights
        step = solver(B, chance * (1 - chance), precision)(slope)
        after = loss(B, wins, precision, weights - step)
        while after > value and np.abs(step).max() > _CLOSE:
            step /= 2
            after = loss(B, wins, precision, weights - step)
        weights, value = weights - step, after
        if np.abs(step).max(initial=0) <= _CLOSE:
            break
    return weights


def loss(B, wins, precision, weights):
    """Return minus the logarithm of how probable weights and answers are."""
    z = B @ weights
    return np.sum(np.logaddexp(0, z) - wins * z) + precision * weights @ weights / 2


def curvature_of(B, weights):
    """Return how much each comparison tells: p (1 - p), (m,)."""
    chance = expit(B @ weights)
    return chance * (1 - chance)


def solver(B, curvature, precision):
    """Return what solves systems of the precision of the belief."""
    if sparse.issparse(B):
        if B.shape[1] == 0:
            return lambda right: right
        scaled = sparse.diags_array(curvature) @ B
        prior = precision * sparse.eye_array(B.shape[1])
        return sparse.linalg.splu((B.T @ scaled + prior).tocsc()).solve
    full = (B.T * curvature) @ B + precision * np.eye(B.shape[1])
    factor = cho_factor(full)
    return lambda right: cho_solve(factor, right)
