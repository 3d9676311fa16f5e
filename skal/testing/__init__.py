"""Checks for authors: the laws of strategies, of pair strategies and of posteriors."""

from skal.testing._check import check_strategy, strategy_checks
from skal.testing._check_pairs import check_pair_strategy, pair_strategy_checks
from skal.testing._check_posterior import check_posterior, posterior_checks

__all__ = [
    "check_pair_strategy",
    "check_posterior",
    "check_strategy",
    "pair_strategy_checks",
    "posterior_checks",
    "strategy_checks",
]
