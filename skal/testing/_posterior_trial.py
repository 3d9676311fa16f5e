"""What the laws of posteriors are tried on: a posterior, fitted, and rows to ask."""

from functools import cached_property

import numpy as np
from sklearn.base import clone

from skal._data import n_rows, take_rows
from skal.testing._defaults import made_up_data, seeded

N_FITTED = 100
N_ASKED = 60
N_MINIMUM = 40


class PosteriorTrial:
    """A posterior fitted on some rows, and other rows that it is asked about.

    Everything is made when it is first asked for, and then shared by the laws.
    """

    def __init__(self, posterior, X=None, y=None, *, tolerance=1e-5, random_state=0):
        if (X is None) != (y is None):
            raise ValueError("X and y must be given together, got only one of them.")
        self.name = repr(posterior)
        self.posterior = posterior
        self.tolerance = tolerance
        self.seed = random_state
        self._data = None if X is None else (X, np.asarray(y))

    @cached_property
    def _rows(self):
        if self._data is None:
            X, y = made_up_data(False, self.seed)
            rows = slice(0, N_FITTED + N_ASKED)
            return X[rows], y[rows]
        n = n_rows(self._data[0])
        if n < N_MINIMUM:
            raise ValueError(f"X must have at least {N_MINIMUM} rows, got {n}.")
        return self._data

    @cached_property
    def _split(self):
        n = n_rows(self._rows[0])
        order = np.random.RandomState(self.seed).permutation(n)
        n_asked = min(N_ASKED, n // 3)
        return order[n_asked:], order[:n_asked]

    @cached_property
    def X_training(self):
        """The labelled rows."""
        return take_rows(self._rows[0], self._split[0])

    @cached_property
    def y_training(self):
        """Their labels."""
        return self._rows[1][self._split[0]]

    @cached_property
    def X(self):
        """The rows to ask about."""
        return take_rows(self._rows[0], self._split[1])

    @property
    def n_rows(self):
        """How many rows there are to ask about."""
        return n_rows(self.X)

    def rows(self, positions):
        """Return some of the rows to ask about."""
        return take_rows(self.X, positions)

    def fit(self, posterior=None, y=None):
        """Return a fitted clone of the posterior, every seed of it set."""
        unfitted = seeded(self.posterior if posterior is None else posterior, self.seed)
        return unfitted.fit(self.X_training, self.y_training if y is None else y)

    @cached_property
    def fitted(self):
        """The fitted posterior that the laws share."""
        return self.fit()

    @cached_property
    def samples(self):
        """Its own samples of all rows."""
        return self.fitted.sample_proba(self.X)

    @property
    def n_samples(self):
        """How many samples it gives by itself."""
        return len(self.samples)

    def unfitted(self):
        """Return a clone."""
        return clone(self.posterior)

    def assert_close(self, got, expected, what):
        """Make sure that two arrays are equal up to rounding."""
        got, expected = np.asarray(got), np.asarray(expected)
        assert got.shape == expected.shape, (
            f"{what}: shapes {got.shape} and {expected.shape}."
        )
        worst = np.abs(got - expected).max(initial=0)
        assert worst <= self.tolerance, (
            f"{what}: off by {worst:.2g}, at most {self.tolerance:.0e} is allowed."
        )
