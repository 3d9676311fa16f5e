"""What the laws try a strategy on: a fitted model, its training rows and a pool."""

from functools import cached_property

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.pipeline import make_pipeline
from sklearn.utils.multiclass import type_of_target

from skal import ModelView
from skal._data import n_rows, take_rows
from skal._meta import NamedMembersMixin
from skal.query import Aggregate, CallableStrategy, QueryStrategy, as_strategy
from skal.testing._defaults import (
    N_LABELED,
    forest,
    made_up_data,
    seeded,
    serves,
    several_labels,
    unit_forest,
)

N_MINIMUM = 500


class Trial:
    """A strategy, a model fitted on a few rows, and the pool of all the others.

    Everything is made when it is first asked for, and then shared by the laws.
    """

    def __init__(self, strategy, *, estimator=None, X=None, y=None, random_state=0):
        if (X is None) != (y is None):
            raise ValueError("X and y must be given together, got only one of them.")
        self.strategy = as_strategy(strategy, "strategy")
        self.name = getattr(strategy, "__name__", None) or repr(strategy)
        self._estimator = estimator
        self._data = None if X is None else (X, np.asarray(y))
        self.seed = random_state
        self.own_data = X is not None
        self.own_estimator = estimator is not None

    @cached_property
    def _setting(self):
        """The unfitted estimator, X and y: whichever serves the strategy."""
        if self._estimator is not None:
            data = self._data or made_up_data(is_regressor(self._estimator), self.seed)
            return (seeded(self._estimator, self.seed), *data)
        if self._data is not None:
            regression = type_of_target(self._data[1]).startswith("continuous")
            return (forest(regression, self.seed), *self._data)
        for regression in (False, True):
            X, y = made_up_data(regression, self.seed)
            estimator = forest(regression, self.seed)
            if serves(estimator, self.strategy, X[:N_LABELED], y[:N_LABELED]):
                return estimator, X, y
        X, y = made_up_data(False, self.seed)
        if self.strategy.target_types == {"structured"}:
            return unit_forest(self.seed), X, several_labels(X)
        if "multilabel" in self.strategy.target_types:  # which serves nothing else
            y = several_labels(X)
        return forest(False, self.seed), X, y

    @cached_property
    def _split(self):
        n = n_rows(self._setting[1])
        if n < N_MINIMUM:
            raise ValueError(f"X must have at least {N_MINIMUM} rows, got {n}.")
        order = np.random.RandomState(self.seed).permutation(n)
        return order[:N_LABELED], order[N_LABELED:]

    @cached_property
    def X_training(self):
        """The labelled rows."""
        return take_rows(self._setting[1], self._split[0])

    @cached_property
    def y_training(self):
        """Their labels."""
        return self._setting[2][self._split[0]]

    @cached_property
    def X_pool(self):
        """The rows to choose from."""
        return take_rows(self._setting[1], self._split[1])

    @cached_property
    def y_pool(self):
        """Their labels, which no strategy may see."""
        return self._setting[2][self._split[1]]

    @property
    def n_pool(self):
        """The size of the pool."""
        return n_rows(self.X_pool)

    @property
    def estimator(self):
        """The unfitted estimator."""
        return self._setting[0]

    @cached_property
    def fitted(self):
        """The estimator, fitted on the labelled rows."""
        return clone(self.estimator).fit(self.X_training, self.y_training)

    @property
    def classes(self):
        """The classes of a single-label classifier, else None."""
        one_label = is_classifier(self.estimator) and self.y_training.ndim == 1
        return np.unique(self._setting[2]) if one_label else None

    @property
    def plain(self):
        """Whether X is a 2-D array of numbers, which other layouts can be made from."""
        X = self.X_pool
        return isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fiu"

    @property
    def asks_a_function(self):
        """Whether there is a plain function in the strategy: its needs are unknown."""
        inside = strategies_in(self.strategy)
        return any(isinstance(strategy, CallableStrategy) for strategy in inside)

    @cached_property
    def is_random(self):
        """Whether another seed gives another batch."""
        return set(self.ask(10, seed=1)) != set(self.ask(10, seed=2))

    @cached_property
    def model_draws(self):
        """Whether what the model draws, once a query, changes the batch."""
        views = self.view(seed=1), self.view(seed=2)
        first, second = (self.ask(10, model=view) for view in views)
        return set(first) != set(second)

    def view(self, estimator=None, X_training=None, y_training=None, *, seed=None):
        """Build a view that remembers nothing; the default is the fitted model's.

        The labelled rows are copies, so that no law suffers for another.
        """
        X = self.X_training if X_training is None else X_training
        y = self.y_training if y_training is None else y_training
        return ModelView(
            self.fitted if estimator is None else estimator,
            take_rows(X, np.arange(len(y))),
            y.copy(),
            classes=self.classes if y_training is None else None,
            random_state=self.seed if seed is None else seed,
        )

    def refitted(self, convert, *, steps=()):
        """Build a view of the model fitted on converted rows, behind extra steps."""
        X_training = convert(self.X_training)
        estimator = make_pipeline(*steps, clone(self.estimator)) if steps else None
        fitted = clone(estimator or self.estimator).fit(X_training, self.y_training)
        return self.view(fitted, X_training)

    def pool(self, n_rows):
        """Return the first rows of the pool."""
        return take_rows(self.X_pool, np.arange(n_rows))

    def answer(self, n_instances=10, X=None, *, model=None, strategy=None, seed=None):
        """Query the strategy; return positions and what came along with them."""
        strategy = self.strategy if strategy is None else strategy
        result = strategy(
            self.view() if model is None else model,
            self.X_pool if X is None else X,
            n_instances,
            random_state=self.seed if seed is None else seed,
        )
        return result if isinstance(result, tuple) else (result, {})

    def ask(self, n_instances=10, X=None, **options):
        """Query the strategy; return positions."""
        return self.answer(n_instances, X, **options)[0]

    def ask_right(self, n_instances=10, X=None, **options):
        """Query the strategy; return positions that are known to be right."""
        positions = self.ask(n_instances, X, **options)
        assert_right(positions, n_instances, n_rows(self.X_pool if X is None else X))
        return positions


def strategies_in(strategy):
    """List a strategy and the strategies inside it that are asked about its rows."""
    if isinstance(strategy, Aggregate):  # whose base is asked about units
        return [strategy]
    params = strategy.get_params(deep=False)
    if isinstance(params.get("base"), str) or callable(params.get("base")):
        params["base"] = as_strategy(params["base"], "base")
    inner = [value for value in params.values() if isinstance(value, QueryStrategy)]
    if isinstance(strategy, NamedMembersMixin):
        inner += [as_strategy(base, name) for name, base in strategy.named_members()]
    return [strategy, *(deeper for value in inner for deeper in strategies_in(value))]


def assert_right(positions, n_instances, n_rows):
    """Make sure that positions are int64, unique, in range and as many as asked for."""
    kind = getattr(positions, "dtype", type(positions).__name__)
    assert kind == np.int64, f"positions must be an int64 array, got {kind}."
    assert positions.shape == (n_instances,), (
        f"asked for {n_instances} of {n_rows} rows, got shape {positions.shape}."
    )
    n_unique = len(np.unique(positions))
    assert n_unique == n_instances, (
        f"asked for {n_instances} of {n_rows} rows, got {n_unique} different ones."
    )
    low, high = positions.min(), positions.max()
    assert low >= 0, f"positions must not be negative, got {low}."
    assert high < n_rows, f"positions must be below {n_rows}, got {high}."


def assert_same(positions, expected, what):
    """Make sure that two batches are the same, in the same order."""
    n_common = len(np.intersect1d(positions, expected))
    assert np.array_equal(positions, expected), (
        f"{what}: {n_common} of {len(expected)} rows are the same"
        + (", in another order." if n_common == len(expected) else ".")
    )
