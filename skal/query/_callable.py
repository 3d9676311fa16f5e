"""A plain function as a query strategy."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING

from skal.query._base import QueryStrategy
from skal.query._picks import describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


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
        from skal.query._modal import ModALLearner

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

    @property
    def __name__(self):
        """The name of the function, by which messages call the strategy."""
        return describe(self.function)

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
