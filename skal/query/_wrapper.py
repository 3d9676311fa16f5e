"""What strategies around another strategy share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal.query._base import TARGET_TYPES, QueryStrategy, ScoreStrategy
from skal.query._names import as_strategy
from skal.query._picks import describe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class WrapperStrategy(QueryStrategy):
    """Base class of strategies around a strategy, which is their parameter ``base``.

    A subclass says what it asks for itself; what the bases need, and which targets
    they serve, is worked out.
    """

    base: Any
    #: What the wrapper needs besides.
    _own_needs: frozenset[str] = frozenset()
    #: The kinds of target that the wrapper serves, whatever its base does.
    _own_target_types: frozenset[str] = TARGET_TYPES

    @property
    def needs(self) -> frozenset[str]:
        """What the wrapper and its bases need."""
        return self._own_needs.union(*(base.needs for base in self._bases()))

    @property
    def target_types(self) -> frozenset[str]:
        """The kinds of target that the wrapper and all of its bases serve."""
        served = (base.target_types for base in self._bases())
        return self._own_target_types.intersection(*served)

    @property
    def _bases_by_blocks(self) -> bool:
        """Whether all bases serve a pool elsewhere, as wrappers do that pass it on."""
        return all(base._by_blocks for base in self._bases())

    def _base(self) -> QueryStrategy:
        """Return the base as a strategy."""
        return as_strategy(self.base, "base")

    def _bases(self) -> Sequence[QueryStrategy]:
        return [self._base()]


def check_from_zero(base):
    """Refuse a base whose scores cannot be weighed: there are none, or below 0."""
    if not isinstance(base, ScoreStrategy):
        raise TypeError(
            f"base must be a strategy that scores rows, got {describe(base)}. Use "
            "one such as Entropy() or LeastConfidence()."
        )
    if base.below_zero and base.lowest is None:
        raise ValueError(
            f"base must give scores from 0 up, got {describe(base)}. Use one such as "
            "Entropy() or LeastConfidence()."
        )
