"""Strategies that take strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skal._checks import check_int
from skal._data import is_far, near
from skal.query._picks import split_result
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy


class Shortlist(WrapperStrategy):
    """Show a strategy only a random part of a big pool.

    Scoring a pool of millions costs a pass of the model over all of it; here the model
    sees the rows that were drawn and no others. The best of them may be less wanted
    than the best of the pool.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="margin"
        The strategy that picks from the shortlist.
    n_candidates : int, default=5000
        Rows drawn from the pool; at least as many as are asked for.

    See Also
    --------
    RandomSampling : Takes the random rows as they are.

    Notes
    -----
    Cost: O(n) for a draw from n rows, then that of ``base`` on ``n_candidates`` of
    them; nothing else of the pool is read. Needs what ``base`` needs. Of a pool on dask
    the rows drawn are fetched, so that any ``base`` serves there;
    ``info["n_candidates"]`` says how many they were.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skal import ActiveLearner
    >>> from skal.query import Shortlist
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = Shortlist("entropy", n_candidates=200)
    >>> learner = ActiveLearner(query_strategy=strategy, n_labels=30, random_state=0)
    >>> learner.fit(X / 16, y).n_iter_
    2
    """

    _by_blocks = True

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "margin",
        n_candidates: int = 5000,
    ) -> None:
        self.base = base
        self.n_candidates = n_candidates

    def _check_params(self):
        check_int("n_candidates", self.n_candidates)

    def _query(self, view, rows, n_instances, rng):
        size = max(n_instances, self.n_candidates)
        drawn = draw_rows(len(rows), min(size, len(rows)), rng)
        drawn.sort()  # read in the pool's order
        shown = near(rows.take(drawn))
        result = self._base()(view, shown, n_instances, random_state=rng)
        picked, info = split_result(result)
        told = {"n_candidates": len(drawn)} if is_far(rows) else {}
        return drawn[picked], {**info, **told}
