"""What a simulation may spend: so many labels, or an amount of cost."""

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
    if not can_pay(budget, costs.min(), budget):
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


def can_pay(left, costs, budget):
    """Tell which costs what is left of a budget can pay."""
    return costs <= left + _ROUNDING * budget


def most_rows(left, costs, budget, limit):
    """Return how many rows what is left of a budget can pay, at most ``limit``."""
    if limit < len(costs):
        costs = np.partition(costs, limit)[:limit]
    return int(np.sum(can_pay(left, np.cumsum(np.sort(costs)), budget)))


def within(rows, left, costs, budget):
    """Yield those rows, in turn, that what is left of a budget can pay."""
    cheapest = costs.min()
    for row in rows:
        if can_pay(left, costs[row], budget):
            left = left - costs[row]
            yield row
        if not can_pay(left, cheapest, budget):
            return
