"""Running the laws of pair strategies, and saying which one was broken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from skal._checks import check_choice
from skal.cluster import PairStrategy, as_pair_strategy
from skal.testing import _pair_laws as laws
from skal.testing import _preference_laws as preference_laws
from skal.testing._check import keep
from skal.testing._pair_trial import PairTrial
from skal.testing._preference_trial import PreferenceTrial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

#: Every law, the basic ones first; what is known depends on what is asked.
LAWS = {
    asking: (
        laws.pairs_of_items,
        laws.view_untouched,
        laws.parameters_untouched,
        laws.global_random_state,
        laws.same_seed_same_pairs,
        own.nothing_known_is_asked,
        laws.unasked_answers_do_not_matter,
        laws.item_order,
        laws.simulation_is_live,
        own.few_items,
    )
    for asking, own in (("groups", laws), ("preferences", preference_laws))
}
TRIALS = {trial.asking: trial for trial in (PairTrial, PreferenceTrial)}


def check_pair_strategy(
    strategy: str | PairStrategy | Callable[..., Any],
    *,
    asking: str | None = None,
    random_state: int = 0,
) -> None:
    """Check that a pair strategy keeps every law.

    Each law is a promise. For groups it is tried on 40 rows in 4 groups, for
    preferences on 12 rows with utilities over features and over items; before and after
    answers: exact ones, wrong ones, and some that nobody could give. The first law that
    is broken raises.

    Parameters
    ----------
    strategy : PairStrategy, callable or str
        What is checked: anything that ``query_strategy=`` of
        :class:`skal.cluster.ActiveClusterer` or
        :class:`skal.cluster.PreferenceLearner` takes.
    asking : {"groups", "preferences"}, default=None
        What its pairs are to be good for. None takes all that it says it asks for, and
        groups for a plain function.
    random_state : int, default=0
        Seed of the data and of every draw, so that a check passes or fails for good.

    Raises
    ------
    AssertionError
        Naming the strategy, the broken law and the numbers. An exception inside a law
        is its cause.
    ValueError
        If ``asking`` is neither, or the strategy does not ask for it.

    See Also
    --------
    pair_strategy_checks : The same laws one by one, for pytest.

    Notes
    -----
    The laws: ``pairs_of_items`` (different pairs, never more than wanted),
    ``view_untouched``, ``parameters_untouched``, ``global_random_state``,
    ``same_seed_same_pairs``, ``nothing_known_is_asked`` (nothing twice, nothing
    implied, until the groups, or the order, of a perfect oracle are found),
    ``unasked_answers_do_not_matter``, ``item_order``, ``simulation_is_live``,
    ``few_items``.

    Examples
    --------
    >>> from skal.cluster import UniformPairs
    >>> from skal.testing import check_pair_strategy
    >>> check_pair_strategy(UniformPairs())
    """
    checks = pair_strategy_checks(strategy, asking=asking, random_state=random_state)
    for _, law in checks:
        law()


def pair_strategy_checks(
    strategy: str | PairStrategy | Callable[..., Any],
    *,
    asking: str | None = None,
    random_state: int = 0,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the laws of :func:`check_pair_strategy` one by one, for pytest.

    Parameters
    ----------
    strategy : PairStrategy, callable or str
        What is checked.
    asking : {"groups", "preferences"}, default=None
        What its pairs are to be good for; None takes all that it asks for, and groups
        for a plain function.
    random_state : int, default=0
        Seed of the data and of every draw.

    Yields
    ------
    name : str
        The name of the law; of a strategy that asks for both, each comes twice.
    law : callable
        Takes nothing, and raises AssertionError where the law is broken.

    See Also
    --------
    check_pair_strategy : Runs them all.

    Examples
    --------
    >>> from skal.cluster import UniformPairs
    >>> from skal.testing import pair_strategy_checks
    >>> name, law = next(pair_strategy_checks(UniformPairs()))
    >>> name
    'pairs_of_items'
    >>> law()
    """
    if not __debug__:
        raise RuntimeError(
            "The laws are assertions, which python -O leaves out. Run without -O."
        )
    asks = as_pair_strategy(strategy, "strategy").asks
    if asking is not None:
        asks = frozenset({check_choice("asking", asking, TRIALS)})
    elif not isinstance(strategy, str | PairStrategy):
        asks = PairStrategy.asks  # a function does not say
    for name in sorted(asks):
        trial = TRIALS[name](strategy, random_state=random_state)
        for law in LAWS[name]:
            yield law.__name__, partial(keep, law, trial)
