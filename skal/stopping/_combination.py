"""Stopping rules made of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._meta import NamedMembersMixin
from skal.stopping._base import StoppingRule

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Combination(NamedMembersMixin, StoppingRule):
    """Several named rules, of which a number must want to stop."""

    _members_param = "rules"

    def __init__(self, rules: Sequence[tuple[str, StoppingRule]] = ()) -> None:
        self.rules = rules

    @property
    def needs(self) -> frozenset[str]:
        """What the members need of the estimator."""
        return frozenset().union(*(rule.needs for _, rule in self.named_members()))

    @property
    def target_types(self) -> frozenset[str]:
        """The kinds of target that every member serves."""
        served = [rule.target_types for _, rule in self.named_members()]
        return frozenset.intersection(*served) if served else frozenset()

    def _check_params(self):
        self.check_members()
        for name, rule in self.rules:
            if not isinstance(rule, StoppingRule):
                raise TypeError(
                    f"rules must hold stopping rules, got {rule!r} as {name!r}."
                )
            rule._check_params()

    def _rules(self):
        return [rule for _, rule in self.rules]

    def _measure(self, view, rows, indices):
        return {name: rule.measure(view, rows, indices) for name, rule in self.rules}

    def _undecided(self):
        return np.nan, self._quorum(), False

    def _verdict(self, records):
        votes = sum(
            rule.verdict([record.get(name) for record in records])[2]
            for name, rule in self.rules
        )
        return votes, self._quorum(), votes >= self._quorum()


class Any(_Combination):
    """Stop as soon as one of several rules says so.

    The value is the number of rules that want to stop, the threshold 1.

    Parameters
    ----------
    rules : list of (str, StoppingRule)
        The members and their names, which serve as prefixes of their parameters
        (``kappa__threshold``) and as keys of the records.

    Attributes
    ----------
    needs : frozenset of str
        What the members need of the estimator.
    target_types : frozenset of str
        The kinds of target that every member serves.

    See Also
    --------
    All : Wait until all of them say so.
    replay : Judge a recorded run again, a single member included.

    Notes
    -----
    Costs what its members cost; they share the probabilities of the round. A record
    is a dict of the members' records. Combinations nest.

    Examples
    --------
    >>> from skal.stopping import Any, KappaAverage, MaxConfidence
    >>> rule = Any([("kappa", KappaAverage()), ("sure", MaxConfidence())])
    >>> rule.set_params(kappa__threshold=0.95).get_params()["kappa__threshold"]
    0.95
    """

    def _quorum(self):
        return 1


class All(_Combination):
    """Stop when all of several rules say so in the same round.

    The value is the number of rules that want to stop, the threshold how many there
    are.

    Parameters
    ----------
    rules : list of (str, StoppingRule)
        The members and their names, which serve as prefixes of their parameters
        (``kappa__threshold``) and as keys of the records.

    Attributes
    ----------
    needs : frozenset of str
        What the members need of the estimator.
    target_types : frozenset of str
        The kinds of target that every member serves.

    See Also
    --------
    Any : Do not wait for the others.
    replay : Judge a recorded run again, a single member included.

    Notes
    -----
    Costs what its members cost; they share the probabilities of the round. A record
    is a dict of the members' records. Combinations nest.

    Examples
    --------
    >>> from skal.stopping import All, MaxConfidence, OverallUncertainty
    >>> rule = All([("pool", OverallUncertainty()), ("batch", MaxConfidence())])
    >>> rule.verdict([{"pool": 0.01, "batch": 0.2}])
    (1.0, 2.0, False)
    """

    def _quorum(self):
        return len(self.rules)
