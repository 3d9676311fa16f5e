"""What a simulation may spend: so many labels, or an amount of cost."""

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real

import numpy as np

from skal._checks import check_above_zero, check_int, count_of

#: Sums of costs differ by this share of the budget as they are added up.
_ROUNDING = 1e-12


def check_amount(n_labels, has_costs):
    """Refuse an ``n_labels`` that no simulation could spend."""
    if not has_costs:
        count_of("n_labels", n_labels, 1)
    elif isinstance(n_labels, Integral):
        check_int("n_labels", n_labels)
    else:
        check_above_zero("n_labels", n_labels)


def budget_of(n_labels, n, costs=None):
    """Return what a simulation may spend on n labels, at most what there is to buy.

    With ``costs`` a share is one of their sum. Where they are all the same it is
    rounded up to whole rows, as it is without.
    """
    if costs is None:
        return count_of("n_labels", n_labels, n)
    check_amount(n_labels, has_costs=True)
    if not is_share(n_labels):
        budget = float(n_labels)
    elif costs.min() == costs.max():
        budget = count_of("n_labels", n_labels, n) * costs[0]
    else:
        budget = n_labels * costs.sum()
    budget = min(budget, costs.sum())
    if budget * (1 + _ROUNDING) < costs.min():
        raise ValueError(
            f"n_labels must pay for a label, of which the cheapest costs {costs.min()},"
            f" got {n_labels!r}, which is a budget of {budget}. With costs= it is an "
            "amount of cost, or a share of their sum."
        )
    return budget


def exceeds(n_labels, n, costs=None):
    """Tell whether ``n_labels`` is more than n labels, or all that these cost."""
    return not is_share(n_labels) and n_labels > (n if costs is None else costs.sum())


def is_share(n_labels):
    """Tell whether ``n_labels`` is a share of the rows, or of their cost."""
    whole = isinstance(n_labels, Integral)
    return isinstance(n_labels, Real) and not whole and n_labels <= 1


def most_labels(amount, costs=None):
    """Return how many labels an amount buys at most."""
    return amount if costs is None else Budget(amount, costs).most(amount, len(costs))


@dataclass(frozen=True)
class Budget:
    """An amount that buys labels, each at its cost; rounding is no reason not to."""

    amount: float
    costs: np.ndarray

    @cached_property
    def cheapest(self):
        """The least that a label costs."""
        return self.costs.min()

    @cached_property
    def dearest(self):
        """The most that a label costs."""
        return self.costs.max()

    def left(self, rows):
        """Return what is left when some labels have been bought."""
        return self.amount - self.costs[rows].sum()

    def pays(self, left, costs):
        """Tell which costs what is left can pay."""
        return costs <= left + _ROUNDING * self.amount

    def payable(self, left, hidden):
        """Return the positions of those hidden rows, a mask, that can be paid."""
        if not self.pays(left, self.dearest):
            hidden = hidden & self.pays(left, self.costs)
        return np.flatnonzero(hidden)

    def most(self, left, limit, rows=slice(None)):
        """Return how many of the rows can be paid together, at most ``limit``."""
        if self.pays(left, limit * self.dearest):
            return limit
        costs = self.costs[rows]
        if limit < len(costs):
            costs = np.partition(costs, limit)[:limit]
        return int(np.sum(self.pays(left, np.cumsum(np.sort(costs)))))

    def within(self, rows, left):
        """Yield those rows, in turn, that can still be paid."""
        for row in rows:
            if self.pays(left, self.costs[row]):
                left = left - self.costs[row]
                yield row
            if not self.pays(left, self.cheapest):
                return
