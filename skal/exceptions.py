"""Errors and warnings of skal that users may want to catch by name."""

__all__ = ["CollapseWarning", "PoolExhaustedError"]


class CollapseWarning(UserWarning):
    """What a model says of unlabelled rows is no longer worth learning from.

    Examples
    --------
    >>> import warnings
    >>> from skal.exceptions import CollapseWarning
    >>> warnings.simplefilter("error", CollapseWarning)  # stop instead
    >>> warnings.simplefilter("default", CollapseWarning)
    """


class PoolExhaustedError(ValueError):
    """More rows were asked for than the pool holds.

    Examples
    --------
    >>> from skal.exceptions import PoolExhaustedError
    >>> issubclass(PoolExhaustedError, ValueError)
    True
    """
