"""A pool narrowed down by several strategies, then covered by one."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, check_number
from skal._meta import NamedMembersMixin
from skal.query._names import as_strategy
from skal.query._picks import ask
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from skal.query._base import QueryStrategy

#: A random part of a pool is no larger than this.
_MOST_ROWS = 5000


class Refine(NamedMembersMixin, WrapperStrategy):
    """Let several strategies narrow the pool down, then cover what is left.

    In each level the strategies take batches, in turn, from random parts of the pool;
    what none of them has taken is left out of the next level. Which strategy is right
    for the data need not be known: one that is wrong only adds candidates. Last, one
    strategy picks the batch from the candidates.

    Parameters
    ----------
    bases : list of (str, strategy)
        Names and strategies that narrow down; a strategy may be a name such as
        "margin", too. Its own name is the prefix of its parameters. The default is
        "margin", "badge", "typiclust" and "uherding", each under its own name.
    final : str, QueryStrategy or callable, default="uherding"
        The strategy that picks from the candidates of the last level.
    n_levels : int, default=5
        How often the pool is narrowed down.
    n_batches : int, default=20
        Batches taken in a level, by all strategies together, and so at most as many
        times ``n_instances`` candidates. The paper takes 100.
    share : float, default=0.4
        The share of the present pool that a batch is taken from, at most 5000 rows of
        it and at least ``n_instances``.

    Attributes
    ----------
    needs : frozenset of str
        What any of the strategies needs.

    See Also
    --------
    Mixture : Gives each strategy a share of the batch.
    Shortlist : Narrows down at random.

    Notes
    -----
    Cost: O(T B) queries of the bases for T levels of B batches, each on a share of the
    rows left, and one of ``final`` on the candidates. They share one pass of the model.

    ``info["n_candidates"]`` tells how many rows each level kept, and ``info["base"]``
    for each pick the strategy that took it most often in the last level.

    References
    ----------
    D. Huseljic, M. Herde, L. Rauch, P. Hahn and B. Sick (2025). Cleaning the pool:
    progressive filtering of unlabeled pools in deep active learning. arXiv:2511.22344

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import Refine
    >>> X, y = load_iris(return_X_y=True)
    >>> refine = Refine([("unsure", "margin"), ("far", "core_set")], n_levels=2)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> _, info = refine(model, X, n_instances=5, random_state=0)
    >>> len(info["n_candidates"]), set(info["base"]) <= {"unsure", "far"}
    (2, True)
    """

    alias = "refine"
    _members_param = "bases"

    def __init__(
        self,
        bases: Sequence[tuple[str, str | QueryStrategy | Callable[..., Any]]] = (
            ("margin", "margin"),
            ("badge", "badge"),
            ("typiclust", "typiclust"),
            ("uherding", "uherding"),
        ),
        final: str | QueryStrategy | Callable[..., Any] = "uherding",
        n_levels: int = 5,
        n_batches: int = 20,
        share: float = 0.4,
    ) -> None:
        self.bases = bases
        self.final = final
        self.n_levels = n_levels
        self.n_batches = n_batches
        self.share = share

    def _bases(self):
        return [*self._filters(), as_strategy(self.final, "final")]

    def _filters(self):
        self.check_members()
        return [as_strategy(base, name) for name, base in self.bases]

    def _check_params(self):
        check_int("n_levels", self.n_levels)
        check_int("n_batches", self.n_batches, len(self.bases))
        check_number("share", self.share, minimum=0, maximum=1)
        if self.share == 0:
            raise ValueError(
                f"share must be above 0, at most 1, got {self.share!r}. 1 lets every "
                "strategy see the whole pool."
            )

    def _query(self, view, rows, n_instances, rng):
        *filters, final = self._bases()
        kept, sizes = np.arange(len(rows)), []
        taken = np.zeros((len(self.bases), len(rows)), np.int32)  # (n_bases, n)
        for _ in range(self.n_levels):
            if len(kept) == n_instances:
                break
            taken[:] = 0
            for number in range(self.n_batches):
                which = number % len(filters)
                part = np.sort(kept[self._part(len(kept), n_instances, rng)])
                picked, _ = ask(filters[which], view, rows.take(part), n_instances, rng)
                taken[which, part[picked]] += 1
            kept = np.flatnonzero(taken.any(axis=0))
            sizes.append(len(kept))
        picked, info = ask(final, view, rows.take(kept), n_instances, rng)
        picked = kept[picked]
        info = {**info, "n_candidates": np.array(sizes, np.int64)}
        return picked, {**info, "base": self._taken_by(taken[:, picked])}

    def _part(self, n, n_instances, rng):
        """Draw what one strategy sees of n rows."""
        size = min(ceil(self.share * n), _MOST_ROWS)
        return draw_rows(n, max(size, n_instances), rng)

    def _taken_by(self, counts):
        """Name the strategy that took each pick most often; none where none had to."""
        names = np.array([name for name, _ in self.bases])
        return np.where(counts.any(axis=0), names[counts.argmax(axis=0)], "")
