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
#: At most this many rows of the pool tell how good a batch is.
_HELD_OUT = 1000
#: The shares of the pool that strategies see, in turn.
_SHARES = (1.0, 0.5, 0.2, 0.1)


class Oracle(QueryStrategy):
    """Keep the batch whose true labels help most; no strategy, for it sees them.

    Parameters
    ----------
    strategies : dict of str to strategy
        What batches come from, in turn.
    n_batches : int
        How many are tried a round.

    Notes
    -----
    Each round holds out half of the unlabelled rows of the pool, at most 1000, drawn
    anew. The strategies take batches from random shares of the others. The model is
    trained on the labels so far and those of each batch, and the batch with the highest
    accuracy on the rows held out is kept (for numbers, the least squared error). Of
    equals the first is kept. Test rows are never seen.
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
        order = rng.permutation(len(rows))
        size = min(len(rows) // 2, _HELD_OUT, len(rows) - n_instances)
        held_out, others = order[:size], order[size:]
        batches = [*self._batches(view, rows, others, n_instances, rng)]
        if size == 0:  # there is nothing to choose, or to choose by
            return batches[0]
        seed = rng.randint(2**31)  # one for all: batches differ, models do not
        scores = [
            self._score(view, rows.take(batch), rows.take(held_out), seed)
            for batch in batches
        ]
        best = int(np.argmax(scores))
        names = [*self.strategies]
        return batches[best], {"base": names[best % len(names)]}

    def _batches(self, view, rows, others, n_instances, rng):
        """Yield batches of the strategies, from shares of the rows."""
        bases = self._bases()
        for number in range(self.n_batches):
            share = _SHARES[number // len(bases) % len(_SHARES)]
            size = max(n_instances, round(share * len(others)))
            part = np.sort(rng.permutation(others)[:size])
            base = bases[number % len(bases)]
            result = base(view, rows.take(part), n_instances, random_state=rng)
            yield part[split_result(result)[0]]

    def _score(self, view, batch, held_out, seed):
        """Return how good a model is that knows a batch, too."""
        X = concat_rows(view.X_training, batch.data())
        y = np.concatenate([view.y_training, self._hidden(view, batch)])
        model = ActiveLearner(clone(view.estimator), random_state=seed)
        answers = model.fit(X, y).predict(held_out.data())
        truth = self._hidden(view, held_out)
        if is_classifier(view.estimator):
            return np.mean(answers == truth)
        return -np.mean((answers - truth) ** 2)

    def _hidden(self, view, rows):
        """Return the labels of rows as the model knows them: classes are codes."""
        hidden = np.asarray(self.y)[rows.positions()]
        if is_classifier(view.estimator):
            order = np.argsort(view.classes_)
            return order[np.searchsorted(view.classes_, hidden, sorter=order)]
        return hidden


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
    n_batches = N_BATCHES if oracle is True else oracle
    if n_batches is False:
        return strategies
    n_batches = check_int("oracle", n_batches)
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
    said = definition["strategies"].get(name)
    return isinstance(said, dict) and said.get("class") == "skal.experiment.Oracle"


def seeing(strategy: Any, y: NDArray[Any]) -> Any:
    """Return a strategy of a cell; the oracle sees the labels of its pool."""
    if not isinstance(strategy, Oracle):
        return strategy
    return SeeingOracle(strategy.strategies, strategy.n_batches, y)
