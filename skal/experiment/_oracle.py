"""The bound: of many batches, the one whose true labels help the model most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_classifier

from skal import ActiveLearner
from skal._checks import check_int
from skal._data import concat_rows
from skal.query import QueryStrategy, as_strategy, split_result

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What goes by this name in an experiment is no strategy, but a bound to them.
ORACLE = "oracle"
#: Batches that it tries in a round where nobody says how many.
N_BATCHES = 100
#: Of these so many come from strategies; then rows of the best are exchanged.
_FROM_STRATEGIES = 0.3
#: At most this many rows of the pool tell how good a batch is.
_JUDGES = 2000
#: A random part of the pool has at least so many batches, and at most so many rows.
_LEAST_BATCHES, _MOST_ROWS = 4, 5000


class Oracle(QueryStrategy):
    """Keep the batch whose true labels help most; no strategy, for it sees them.

    Parameters
    ----------
    strategies : dict of str to strategy
        What the first batches come from, in turn.
    n_batches : int
        How many are tried a round, at least one of each strategy.

    Notes
    -----
    First each strategy picks from all rows not labelled yet, as it would in its own
    run; then they pick, in turn, from random parts of these rows, of sizes that vary
    between four batches and all rows (at most 5000), until three tenths of the batches
    are tried. Each further one is the best so far with a row at random in place of
    another. The model is trained on the labels so far and those of each batch. Kept is
    the batch whose model has the least Brier score on the rows not labelled yet, all of
    them or 2000 drawn anew each round, with their true labels (the error rate where the
    model has no probabilities, squared error for numbers). Of equals the first is kept.
    So in each round it is at least as good as each of the strategies would be in its
    place, by this measure. Test rows are never seen.
    """

    def __init__(self, strategies: Any, n_batches: int = N_BATCHES) -> None:
        self.strategies = strategies
        self.n_batches = n_batches

    @property
    def needs(self) -> frozenset[str]:
        """What its strategies need."""
        return frozenset().union(*(one.needs for one in self._bases()))

    def _bases(self):
        return [*self.strategies.values()]

    def _check_params(self):
        check_int("oracle", self.n_batches)

    def _query(self, view, rows, n_instances, rng):
        raise TypeError(
            "The oracle looks at hidden labels, and there are none here. It runs in "
            "Experiment(oracle=True) and skal bench --oracle only."
        )


class SeeingOracle(Oracle):
    """The oracle of one cell, which knows the labels of its pool.

    Parameters
    ----------
    strategies, n_batches : object
        As in :class:`Oracle`.
    y : ndarray of shape (n_pool,)
        The hidden labels.
    """

    def __init__(
        self, strategies: Any, n_batches: int, y: NDArray[Any] | None = None
    ) -> None:
        super().__init__(strategies, n_batches)
        self.y = y

    def _query(self, view, rows, n_instances, rng):
        batches = [*self._batches(view, rows, n_instances, rng)]
        judges = rows.take(rng.permutation(len(rows))[:_JUDGES])
        seed = rng.randint(2**31)  # one for all: batches differ, models do not

        def loss(batch):
            return self._loss(view, rows.take(batch), judges, seed)

        losses = [loss(one) for one in batches]
        best = int(np.argmin(losses))
        names = [*self.strategies]
        kept = self._exchanged(batches[best], losses[best], loss, len(rows), rng)
        return kept, {"base": names[best % len(names)]}

    def _n_first(self):
        """Return how many batches come from strategies."""
        return max(len(self.strategies), int(_FROM_STRATEGIES * self.n_batches))

    def _batches(self, view, rows, n_instances, rng):
        """Yield what strategies pick: first from all rows, then from parts of them."""
        bases = self._bases()
        for number in range(self._n_first()):
            part = np.arange(len(rows))
            if number >= len(bases):
                part = self._part(len(rows), n_instances, rng)
            base = bases[number % len(bases)]
            result = base(view, rows.take(part), n_instances, random_state=rng)
            yield part[split_result(result)[0]]

    def _part(self, n, n_instances, rng):
        """Draw a part of n rows; small ones are as likely as large ones, by ratio."""
        most = min(n, _MOST_ROWS)
        least = min(_LEAST_BATCHES * n_instances, most)
        size = int(np.exp(rng.uniform(np.log(least), np.log(most))))
        return np.sort(rng.permutation(n)[: max(size, n_instances)])

    def _exchanged(self, batch, least, loss, n, rng):
        """Try a row in the place of another, and keep it where that is better."""
        others = np.setdiff1d(np.arange(n), batch)
        for _ in range(self.n_batches - self._n_first() if len(others) else 0):
            out, new = rng.randint(len(batch)), rng.randint(len(others))
            tried = batch.copy()
            tried[out] = others[new]
            found = loss(tried)
            if found < least:
                others[new] = batch[out]
                batch, least = tried, found
        return batch

    def _loss(self, view, batch, judges, seed):
        """Return how wrong a model is that knows a batch, too."""
        X = concat_rows(view.X_training, batch.data())
        y = np.concatenate([view.y_training, self._hidden(batch)])
        classes = view.classes_ if is_classifier(view.estimator) else None
        model = ActiveLearner(
            clone(view.estimator), classes=classes, random_state=seed
        ).fit(X, y)
        truth = self._hidden(judges)
        if classes is None:
            return np.mean((model.predict(judges.data()) - truth) ** 2)
        if not hasattr(model, "predict_proba"):
            return np.mean(model.predict(judges.data()) != truth)
        is_true = truth[:, None] == model.classes_  # (n, C)
        errors = model.predict_proba(judges.data()) - is_true
        return np.mean((errors**2).sum(axis=1))  # Brier's score

    def _hidden(self, rows):
        return np.asarray(self.y)[rows.positions()]


def with_oracle(strategies: dict[str, Any], oracle: bool | int) -> dict[str, Any]:
    """Return strategies by name, and with them the oracle where it is wanted.

    Parameters
    ----------
    strategies : dict of str to strategy
        What is compared.
    oracle : bool or int
        As :class:`Experiment` takes it.

    Returns
    -------
    dict of str to strategy
        The oracle comes last.
    """
    if oracle is False:
        return strategies
    least = len(strategies)
    n_batches = max(N_BATCHES, least) if oracle is True else check_int("oracle", oracle)
    if n_batches < least:
        raise ValueError(
            f"oracle must be at least {least} with {least} strategies, got {oracle!r}. "
            "It tries a batch of each, and more where there are to be more."
        )
    if ORACLE in strategies:
        raise ValueError(
            f"strategies must not be called {ORACLE!r} where oracle is {oracle!r}, got "
            f"{[*strategies]}. Give that one another name."
        )
    known = {name: as_strategy(one) for name, one in strategies.items()}
    return {**strategies, ORACLE: Oracle(known, n_batches)}


def is_oracle(definition: dict[str, Any], name: str) -> bool:
    """Tell whether a strategy of an experiment is the bound.

    Parameters
    ----------
    definition : dict
        What the experiment is made of.
    name : str
        A strategy.

    Returns
    -------
    bool
        False for a strategy that merely has the name.
    """
    said = definition.get("strategies", {}).get(name)
    return isinstance(said, dict) and said.get("class") == "skal.experiment.Oracle"


def seeing(strategy: Any, y: NDArray[Any]) -> Any:
    """Return a strategy of a cell; the oracle sees the labels of its pool."""
    if not isinstance(strategy, Oracle):
        return strategy
    return SeeingOracle(strategy.strategies, strategy.n_batches, y)
