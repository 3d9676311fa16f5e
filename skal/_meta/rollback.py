"""A fit that fails leaves the estimator as it was."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextmanager
def restored_on_failure(estimator: Any) -> Iterator[None]:
    """Bring back the attributes of an estimator where what follows fails.

    An interruption counts too. What attributes hold is not copied: a fit is to replace
    it, not to change it.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Yields
    ------
    None
        Once, to run what may fail.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
