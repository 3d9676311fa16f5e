"""The names by which strategies are called."""

from __future__ import annotations

from inspect import isclass
from typing import TYPE_CHECKING

from skal._checks import nearest_first
from skal.query._base import NAMED, QueryStrategy
from skal.query._callable import CallableStrategy
from skal.query._units import UnitStrategy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


#: The parameters that take strategies which pick parts of rows.
PICK_PARTS = ("query_strategy", "strategies")


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
        If it is neither, or a class instead of an instance; or picks parts of rows
        where ``name`` is neither the ``query_strategy`` of a learner nor the
        ``strategies`` of an experiment.

    Examples
    --------
    >>> from skal.query import as_strategy
    >>> as_strategy("margin")
    Margin()
    """
    if isinstance(strategy, str):
        if strategy == "oracle":
            raise ValueError(
                f"{name} must be a strategy, got 'oracle', which is a bound that sees "
                "hidden labels. It runs beside strategies in "
                "skal.experiment.Experiment(oracle=True) and skal bench --oracle."
            )
        if strategy not in NAMED:
            known = ", ".join(map(repr, nearest_first(strategy, NAMED)))
            raise ValueError(f"{name} must be one of {known}, got {strategy!r}.")
        strategy = NAMED[strategy]()
    if isclass(strategy):
        raise TypeError(
            f"{name} must be an instance, got the class {strategy.__name__}. "
            f"Write {strategy.__name__}()."
        )
    if isinstance(strategy, UnitStrategy) and name not in PICK_PARTS:
        raise TypeError(
            f"{name} must be a strategy that picks rows, got {strategy!r}, which picks "
            "parts of them. It serves as the query_strategy of a learner."
        )
    if isinstance(strategy, QueryStrategy):
        return strategy
    if callable(strategy):
        return CallableStrategy(strategy)
    raise TypeError(
        f"{name} must be a name, a query strategy or a function "
        f"f(learner, X, n_instances=1), got {strategy!r}."
    )


def get_strategy_names() -> list[str]:
    """Return the names by which strategies are called.

    Returns
    -------
    list of str
        What ``query_strategy=`` and ``base=`` take, sorted.

    See Also
    --------
    as_strategy : Makes a strategy of a name.

    Examples
    --------
    >>> from skal.query import get_strategy_names
    >>> "margin" in get_strategy_names()
    True
    """
    return sorted(NAMED)
