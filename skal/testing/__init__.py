"""Checks for authors: the laws of query strategies, and those of posteriors."""

from skal.testing._check import check_strategy, strategy_checks
from skal.testing._check_posterior import check_posterior, posterior_checks

__all__ = [
    "check_posterior",
    "check_strategy",
    "posterior_checks",
    "strategy_checks",
]
