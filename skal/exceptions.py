"""Errors of skal that users may want to catch by name."""

__all__ = ["PoolExhaustedError"]


class PoolExhaustedError(ValueError):
    """More rows were asked for than the pool holds.

    Examples
    --------
    >>> from skal.exceptions import PoolExhaustedError
    >>> issubclass(PoolExhaustedError, ValueError)
    True
    """
