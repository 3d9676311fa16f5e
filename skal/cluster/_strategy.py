"""What every pair strategy is: a stateless callable that picks pairs to ask about."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from inspect import isclass, signature
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from skal._checks import check_int, name_of, nearest_first
from skal._seed import as_random_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from skal.cluster._view import PairView

#: The pair strategies that go by a name, each under its own.
NAMED: dict[str, type[PairStrategy]] = {}


class PairStrategy(BaseEstimator, metaclass=ABCMeta):
    """Base class of the objects that pick which two to compare next.

    A strategy holds parameters and nothing else. Subclasses write one method,
    ``_query(view, n_pairs, rng)``, which returns pairs of positions of items, best
    first: ``n_pairs`` of them, or as many as are left to ask. It is called where there
    are two items, and never for more pairs than these have.

    Attributes
    ----------
    alias : str
        The name by which ``query_strategy=`` knows the strategy, made with its
        defaults.
    asks : frozenset of {"groups", "preferences"}
        What its pairs are good for: to tell whether two belong together, as by default,
        or which one is better.

    See Also
    --------
    ActiveClusterer : Asks the strategy for pairs.
    PreferenceLearner : So does this, with a :class:`PreferenceView`.
    PairView : What the strategy may ask.
    skal.testing.check_pair_strategy : Checks what a strategy promises.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.cluster import ActiveClusterer, PairStrategy
    >>> class LikelyPairs(PairStrategy):
    ...     def _query(self, view, n_pairs, rng):
    ...         pairs = np.column_stack(np.triu_indices(view.n_items, 1))
    ...         pairs = rng.permutation(pairs[view.may_ask(pairs)])
    ...         order = np.argsort(-view.together(pairs), kind="stable")
    ...         return pairs[order[:n_pairs]]
    >>> clusterer = ActiveClusterer(query_strategy=LikelyPairs(), random_state=0)
    >>> X, y = [[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]
    >>> clusterer.fit(X, y).labels_
    array([0, 0, 1, 1])
    """

    alias: ClassVar[str | None] = None
    asks: ClassVar[frozenset[str]] = frozenset({"groups"})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the strategy under its name."""
        super().__init_subclass__(**kwargs)
        alias = vars(cls).get("alias")
        if alias is None:
            return
        taken = NAMED.get(alias, cls)
        if taken.__qualname__ != cls.__qualname__:
            raise ValueError(
                f"alias must be a name that no pair strategy has yet, got {alias!r} in "
                f"{cls.__name__}, which is {taken.__name__}'s."
            )
        NAMED[alias] = cls

    def __call__(
        self,
        view: PairView,
        n_pairs: int = 1,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> NDArray[np.int64]:
        """Pick pairs of items to compare.

        Parameters
        ----------
        view : PairView
            What is known of the items.
        n_pairs : int, default=1
            How many pairs to pick.
        random_state : int, RandomState instance or None, default=None
            Breaks ties, and seeds what the strategy draws.

        Returns
        -------
        ndarray of int64 of shape (k, 2)
            Different pairs of positions of items, best first; fewer than ``n_pairs``
            only where no more are worth asking.

        Raises
        ------
        ValueError
            If a parameter is out of bounds, or the strategy breaks its promise.
        """
        n_pairs = check_int("n_pairs", n_pairs)
        self._check_params()
        n_pairs = min(n_pairs, view.n_items * (view.n_items - 1) // 2)
        if n_pairs == 0:
            return np.empty((0, 2), np.int64)
        pairs = self._query(view, n_pairs, as_random_state(random_state))
        return checked_pairs(pairs, view, n_pairs, self)

    def _check_params(self):
        """Raise on bad parameters."""

    @abstractmethod
    def _query(self, view: PairView, n_pairs: int, rng: np.random.RandomState) -> Any:
        """Return pairs of positions of items, best first."""


class CallablePairStrategy(PairStrategy):
    """A plain function ``f(view, n_pairs)`` as a pair strategy.

    Parameters
    ----------
    function : callable
        Receives a PairView and how many pairs are wanted, and ``random_state`` if it
        names it; returns pairs of positions of items.
    """

    asks = frozenset({"groups", "preferences"})

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self.function: Any = function

    @property
    def __name__(self):
        """The name of the function, by which messages call the strategy."""
        return getattr(self.function, "__name__", repr(self.function))

    def _query(self, view, n_pairs, rng):
        takes = signature(self.function).parameters
        extra = {"random_state": rng} if "random_state" in takes else {}
        return self.function(view, n_pairs, **extra)


def as_pair_strategy(
    strategy: str | PairStrategy | Callable[..., Any],
    name: str = "query_strategy",
    *,
    asking: str | None = None,
) -> PairStrategy:
    """Return a pair strategy from a name, a strategy or a plain function.

    Parameters
    ----------
    strategy : str, PairStrategy or callable
        A name such as "entropy", a strategy, or ``f(view, n_pairs)``, which may also
        take ``random_state``.
    name : str, default="query_strategy"
        The parameter to name in errors.
    asking : {"groups", "preferences"}, default=None
        What its pairs are to be good for; None takes any.

    Returns
    -------
    PairStrategy
        The strategy itself, a new one by that name, or the function wrapped.

    Raises
    ------
    ValueError
        If no strategy has that name, or its pairs are good for something else; the
        known ones are listed, nearest first.
    TypeError
        If it is neither, or a class instead of an instance.

    Examples
    --------
    >>> from skal.cluster import as_pair_strategy
    >>> as_pair_strategy("entropy")
    EntropyPairs()
    """
    if isinstance(strategy, str):
        names = [key for key, one in NAMED.items() if asking in {None, *one.asks}]
        if strategy not in names:
            known = ", ".join(map(repr, nearest_first(strategy, names)))
            raise ValueError(f"{name} must be one of {known}, got {strategy!r}.")
        return NAMED[strategy]()
    if isclass(strategy):
        raise TypeError(
            f"{name} must be an instance, got the class {strategy.__name__}. "
            f"Write {strategy.__name__}()."
        )
    if isinstance(strategy, PairStrategy):
        if asking not in {None, *strategy.asks}:
            names = sorted(key for key, one in NAMED.items() if asking in one.asks)
            raise ValueError(
                f"{name} must be a strategy that asks for {asking}, got {strategy!r}. "
                f"Use one of {', '.join(map(repr, names))}."
            )
        return strategy
    if callable(strategy):
        return CallablePairStrategy(strategy)
    raise TypeError(
        f"{name} must be a name, a pair strategy or a function f(view, n_pairs), got "
        f"{strategy!r}."
    )


def checked_pairs(pairs, view, n_pairs, strategy):
    """Return what a strategy picked, if it is what strategies promise."""
    who = getattr(strategy, "__name__", name_of(strategy))
    found = np.asarray(pairs)
    if found.size == 0:
        return np.empty((0, 2), np.int64)
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu":
        raise ValueError(
            f"{who} must return pairs of positions, of shape (n, 2), got "
            f"{found.dtype} of shape {found.shape}."
        )
    if len(found) > n_pairs:
        raise ValueError(
            f"{who} must return at most {n_pairs} pairs, got {len(found)}."
        )
    if found.min() < 0 or found.max() >= view.n_items:
        raise ValueError(
            f"{who} must return positions in [0, {view.n_items - 1}], got "
            f"{found.min()} to {found.max()}."
        )
    if len(np.unique(np.sort(found, axis=1), axis=0)) < len(found):
        raise ValueError(f"{who} returned a pair twice.")
    useless = np.count_nonzero(~view.may_ask(found))
    if useless:
        raise ValueError(
            f"{who} returned {useless} pairs whose answers are known or that nobody "
            "could tell. Leave out those that view.may_ask refuses."
        )
    return found.astype(np.int64)
