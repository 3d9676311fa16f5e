"""Checks for authors of strategies: every law that a query strategy must keep."""

from skal.testing._check import check_strategy, strategy_checks

__all__ = ["check_strategy", "strategy_checks"]
