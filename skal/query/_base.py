"""What every query strategy is: a stateless callable that picks rows."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from inspect import Parameter, isclass, signature
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from skal import query
from skal._params import STRATEGY_ALIASES, check_int, nearest_first
from skal._resolver import name_of
from skal._rows import as_rows
from skal._seed import as_random_state
from skal._view import as_view
from skal.exceptions import PoolExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from skal._rows import Rows
    from skal._view import ModelView


class QueryStrategy(BaseEstimator, metaclass=ABCMeta):
    """Base class of the objects that pick which rows to label next.

    A strategy holds parameters and nothing else. Subclasses write one method,
    ``_query(view, rows, n_instances, rng)``, which returns positions into ``rows``,
    best first, or a tuple of positions and a dict of what else is worth recording;
    its input has been checked.

    Attributes
    ----------
    needs : frozenset of {"proba", "embed", "samples", "head", "labels"}
        What the strategy asks of the model. It is checked before any work is done.

    See Also
    --------
    ScoreStrategy : For strategies that score each row.
    skal.testing.check_strategy : Checks what a strategy promises.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import QueryStrategy
    >>> class FirstRows(QueryStrategy):
    ...     def _query(self, view, rows, n_instances, rng):
    ...         return range(n_instances)
    >>> X, y = load_iris(return_X_y=True)
    >>> FirstRows()(LogisticRegression(max_iter=500).fit(X, y), X, n_instances=3)
    array([0, 1, 2])
    """

    if TYPE_CHECKING:  # subclasses set it, or work it out in a property

        @property
        def needs(self) -> frozenset[str]: ...

    else:
        needs = frozenset()

    def __call__(
        self,
        learner: Any,
        X: Any,
        n_instances: int = 1,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[np.int64] | tuple[NDArray[np.int64], dict[str, Any]]:
        """Pick rows of X to label.

        Parameters
        ----------
        learner : ModelView, ActiveLearner or fitted estimator
            The model to improve.
        X : array-like or Rows
            The candidates.
        n_instances : int, default=1
            How many rows to pick.
        random_state : int, RandomState instance or None, default=None
            Breaks ties, and seeds what the strategy draws.

        Returns
        -------
        indices : ndarray of int64 of shape (n_instances,)
            Unique positions in X, best first.
        info : dict
            Only from strategies that have more to tell; the indices come in a tuple
            with it then.

        Raises
        ------
        PoolExhaustedError
            If X holds fewer than ``n_instances`` rows.
        TypeError
            If the strategy needs what the estimator cannot give.
        ValueError
            If the strategy breaks its promise.
        """
        rows = as_rows(X)
        n_instances = check_int("n_instances", n_instances)
        if n_instances > len(rows):
            raise PoolExhaustedError(
                f"n_instances must be at most {len(rows)}, the number of candidates, "
                f"got {n_instances}."
            )
        rng = as_random_state(random_state)
        view = as_view(learner)._expecting(self, rng)
        result = self._query(view, rows, n_instances, rng)
        positions, info = split_result(result)
        positions = check_positions(positions, n_instances, len(rows), self)
        return (positions, info) if isinstance(result, tuple) else positions

    @abstractmethod
    def _query(
        self,
        view: ModelView,
        rows: Rows,
        n_instances: int,
        rng: np.random.RandomState,
    ) -> Any:
        """Return positions into rows, best first, or (positions, info)."""


class ScoreStrategy(QueryStrategy):
    """Base class of strategies that score every row and take the best.

    Subclasses write ``_score(view, rows)``, which returns one number a row, higher
    for rows more wanted. Ties are broken uniformly at random.

    See Also
    --------
    QueryStrategy : For strategies that choose batches.

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> from skal.query import ScoreStrategy
    >>> class LeastLikely(ScoreStrategy):
    ...     needs = frozenset({"proba"})
    ...     def _score(self, view, rows):
    ...         return -view.predict_proba(rows).max(axis=1)
    >>> learner = ActiveLearner(query_strategy=LeastLikely())
    """

    def score_samples(self, learner: Any, X: Any) -> NDArray[Any]:
        """Return how much each row is wanted.

        Parameters
        ----------
        learner : ModelView, ActiveLearner or fitted estimator
            The model to improve.
        X : array-like or Rows
            The candidates.

        Returns
        -------
        ndarray of float of shape (n_rows,)
            Higher is more wanted.

        Raises
        ------
        ValueError
            If a score is NaN or the strategy does not score every row once.
        """
        rows = as_rows(X)
        view = as_view(learner)._expecting(self)
        return self._checked(self._score(view, rows), rows)

    def _query(self, view, rows, n_instances, rng):
        scores = self._checked(self._score(view, rows), rows)
        picked = top_n(scores, n_instances, rng)
        return picked, {"score": scores[picked]}

    def _checked(self, scores, rows):
        scores = np.asarray(scores)
        scores = scores if scores.dtype.kind == "f" else scores.astype(float)
        if scores.shape != (len(rows),):
            raise ValueError(
                f"{name_of(self)} must give one score a row, {len(rows)} in all, "
                f"got shape {scores.shape}."
            )
        if np.isnan(scores).any():
            raise ValueError(
                f"{name_of(self)} gave NaN as the score of "
                f"{np.isnan(scores).sum()} of {len(rows)} rows."
            )
        return scores

    @abstractmethod
    def _score(self, view: ModelView, rows: Rows) -> ArrayLike:
        """Return one number a row, higher for rows more wanted."""


class RandomSampling(QueryStrategy):
    """Pick rows uniformly at random: the baseline every strategy has to beat.

    The first rows of a longer answer are the shorter answer, for the same seed.

    Notes
    -----
    Cost: O(n) for a pool of n rows. Needs nothing of the estimator, so it serves as
    ``initial=`` too.

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> learner = ActiveLearner(query_strategy="random", random_state=0)
    >>> indices, rows = learner.query([[0.0], [1.0], [2.0]], n_instances=3)
    >>> sorted(indices.tolist())
    [0, 1, 2]
    """

    def _query(self, view, rows, n_instances, rng):
        return draw_rows(len(rows), n_instances, rng)


#: Pools up to this size are shuffled; of larger ones rows are drawn one by one.
_SHUFFLE = 2**16


def draw_rows(n, size, rng):
    """Draw different rows of n; the first of a longer draw are the shorter draw."""
    if n <= _SHUFFLE:
        return rng.permutation(n)[:size]
    drawn = np.empty(0, np.int64)
    while len(drawn) < size:
        drawn = np.append(drawn, rng.randint(n, size=max(size - len(drawn), 1024)))
        drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return drawn[:size]


class CallableStrategy(QueryStrategy):
    """A plain function ``f(learner, X, n_instances=1)`` as a strategy.

    Parameters
    ----------
    function : callable
        Receives an object with modAL's names and the candidates in their own type;
        ``n_instances`` and ``random_state`` are passed if it names them. It returns
        positions, or a tuple of positions and anything else.

    See Also
    --------
    as_strategy : Makes a strategy of a name, a strategy or a function.

    Examples
    --------
    >>> from skal import ActiveLearner
    >>> def most_recent(learner, X, n_instances=1):
    ...     return range(len(X) - n_instances, len(X))
    >>> learner = ActiveLearner(query_strategy=most_recent, initial=most_recent)
    >>> learner.query([[0.0], [1.0], [2.0]], n_instances=2)[0]
    array([1, 2])
    """

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self.function: Any = function

    def _query(self, view, rows, n_instances, rng):
        from skal._modal import ModALLearner

        preset = getattr(self.function, "keywords", {}).get("n_instances", n_instances)
        if preset != n_instances:
            raise ValueError(
                f"query_strategy must leave n_instances to the learner, got {self!r} "
                f"with n_instances={preset}. Set batch_size={preset}."
            )
        accepted = signature_of(self.function)
        offered = {"n_instances": n_instances, "random_state": rng}
        wildcard = "**" in accepted
        keywords = {
            name: value
            for name, value in offered.items()
            if name in accepted or (wildcard and name == "n_instances")
        }
        data = rows.data()
        return self.function(ModALLearner(view, rows, data), data, **keywords)

    def __repr__(self) -> str:
        """Name the function."""
        return f"CallableStrategy({describe(self.function)})"


def signature_of(function):
    """Return the names a function takes by keyword, with "**" for any name."""
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C, without a signature
        return {"n_instances"}
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    names = {p.name for p in parameters if p.kind in named}
    return names | {"**" for p in parameters if p.kind is Parameter.VAR_KEYWORD}


def describe(strategy):
    """Return the name by which messages call a strategy."""
    if isinstance(strategy, CallableStrategy):
        strategy = strategy.function
    strategy = getattr(strategy, "func", strategy)  # a partial goes by its function
    return getattr(strategy, "__name__", None) or name_of(strategy)


def as_strategy(
    strategy: str | QueryStrategy | Callable[..., Any], name: str = "query_strategy"
) -> QueryStrategy:
    """Return a query strategy from a name, a strategy or a plain function.

    Parameters
    ----------
    strategy : str, QueryStrategy or callable
        A name such as "margin", a strategy, or ``f(learner, X, n_instances=1)`` in
        the manner of modAL.
    name : str, default="query_strategy"
        The parameter to name in errors.

    Returns
    -------
    QueryStrategy
        The strategy itself, a new one by that name, or the function wrapped.

    Raises
    ------
    ValueError
        If no strategy has that name; the known ones are listed, nearest first.
    TypeError
        If it is neither, or a class instead of an instance.

    Examples
    --------
    >>> from skal.query import as_strategy
    >>> as_strategy("margin")
    Margin()
    """
    if isinstance(strategy, str):
        if strategy not in STRATEGY_ALIASES:
            known = ", ".join(map(repr, nearest_first(strategy, STRATEGY_ALIASES)))
            raise ValueError(f"{name} must be one of {known}, got {strategy!r}.")
        return getattr(query, STRATEGY_ALIASES[strategy])()
    if isclass(strategy):
        raise TypeError(
            f"{name} must be an instance, got the class {strategy.__name__}. "
            f"Write {strategy.__name__}()."
        )
    if isinstance(strategy, QueryStrategy):
        return strategy
    if callable(strategy):
        return CallableStrategy(strategy)
    raise TypeError(
        f"{name} must be a name, a query strategy or a function "
        f"f(learner, X, n_instances=1), got {strategy!r}."
    )


def split_result(result: Any) -> tuple[NDArray[Any], dict[str, Any]]:
    """Split a strategy's answer into positions and what else it told.

    Parameters
    ----------
    result : array-like of int, or tuple
        A tuple is (positions, anything); the anything is kept if it is a dict. modAL's
        functions return positions, positions and rows, or positions and metrics.

    Returns
    -------
    positions : ndarray of shape (n_instances,)
        The positions, not checked.
    info : dict
        What else the strategy told; empty if nothing.

    See Also
    --------
    QueryStrategy : What a strategy returns.

    Examples
    --------
    >>> from skal.query import split_result
    >>> split_result(([4, 2], {"score": [0.9, 0.8]}))
    (array([4, 2]), {'score': [0.9, 0.8]})
    """
    positions: Any = result
    info: dict[str, Any] = {}
    if isinstance(result, tuple):
        positions = result[0] if result else []
        info = result[1] if len(result) > 1 and isinstance(result[1], dict) else {}
    try:
        return np.atleast_1d(np.asarray(positions)), info
    except ValueError:  # rows of different lengths; whoever checks will say so
        return np.array(positions, dtype=object), info


def scores_of(info, n):
    """Return the scores that a strategy told of its n picks, NaN if it told none."""
    try:
        scores = np.asarray(info.get("score"), dtype=float)
    except (TypeError, ValueError):  # of a plain function, that may tell anything
        scores = np.empty(0)
    return scores if scores.shape == (n,) else np.full(n, np.nan)


def check_positions(positions, n_instances, n_rows, strategy):
    """Return positions as int64 if they are what a strategy promises."""
    promise = None
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        promise = f"whole numbers, got {positions.dtype} of shape {positions.shape}"
    elif len(positions) != n_instances:
        promise = f"{n_instances} rows, got {len(positions)}"
    elif positions.min() < 0 or positions.max() >= n_rows:
        promise = f"positions in [0, {n_rows - 1}], got {positions.min()} to "
        promise += f"{positions.max()}"
    elif len(np.unique(positions)) != n_instances:
        promise = f"{n_instances} different rows, got {len(np.unique(positions))}"
    if promise is not None:
        raise ValueError(f"The strategy {describe(strategy)} must return {promise}.")
    return positions.astype(np.int64)


def top_n(
    scores: NDArray[Any], n: int, rng: np.random.RandomState
) -> NDArray[np.int64]:
    """Find the highest scores, best first, with ties in random order.

    Parameters
    ----------
    scores : ndarray of float of shape (n_rows,)
        Higher is better.
    n : int
        How many to find, at most n_rows.
    rng : RandomState
        Chooses and orders equal scores, uniformly.

    Returns
    -------
    ndarray of int64 of shape (n,)
        Positions of the scores.

    See Also
    --------
    ScoreStrategy : Does this with the scores of a subclass.

    Notes
    -----
    Costs O(n_rows) for a partition, plus a sort of n.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.query import top_n
    >>> top_n(np.array([0.1, 0.9, 0.5]), 2, np.random.RandomState(0))
    array([1, 2])
    """
    size = len(scores)
    if n < size:
        threshold = np.partition(scores, size - n)[size - n]
        above = np.flatnonzero(scores > threshold)
        level = np.flatnonzero(scores == threshold)
        level = rng.permutation(level)[: n - len(above)]
        chosen = np.concatenate([above, level])
    else:
        chosen = np.arange(size)
    chosen = rng.permutation(chosen)  # so that a stable sort leaves ties at random
    return chosen[np.argsort(-scores[chosen], kind="stable")]
