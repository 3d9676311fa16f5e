"""A plain function as a query strategy."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING

from skal._checks import check_int
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

    def _check_params(self):
        if not callable(self.function):
            raise TypeError(
                "function must be a function f(learner, X, n_instances=1), got "
                f"{self.function!r}."
            )
        if self._preset is not None:
            check_int("n_instances", self._preset)
        check_signature(self.function, self._keywords(1, None))

    def check_size(self, n_instances: int) -> None:
        """Raise if the function is set to another number of rows.

        Parameters
        ----------
        n_instances : int
            The number of rows that will be asked for.

        Raises
        ------
        ValueError
            If it is a ``functools.partial`` with another ``n_instances``.
        """
        if self._preset not in (None, n_instances):
            raise ValueError(
                f"query_strategy must leave n_instances to the learner, got {self!r} "
                f"with n_instances={self._preset}. Set batch_size={self._preset}."
            )

    def _query(self, view, rows, n_instances, rng):
        from skal.query._modal import ModALLearner

        self.check_size(n_instances)
        data = rows.data()
        keywords = self._keywords(n_instances, rng)
        return self.function(ModALLearner(view, rows, data), data, **keywords)

    @property
    def _preset(self):
        """The number of rows that a partial is set to, or None."""
        return getattr(self.function, "keywords", {}).get("n_instances")

    def _keywords(self, n_instances, rng):
        """Return what the function is passed beside learner and X."""
        accepted = signature_of(self.function)
        offered = {"n_instances": n_instances, "random_state": rng}
        wildcard = "**" in accepted
        return {
            name: value
            for name, value in offered.items()
            if name in accepted or (wildcard and name == "n_instances")
        }

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


def check_signature(function, keywords):
    """Refuse a function that cannot be called with a learner, rows and keywords."""
    try:
        taken = signature(function)
    except (TypeError, ValueError):  # written in C, without a signature
        return
    try:
        taken.bind(None, None, **keywords)
    except TypeError as error:
        raise TypeError(
            "query_strategy must be a function f(learner, X, n_instances=1), got "
            f"{describe(function)}{taken}: {error}."
        ) from error
