"""A batch that takes few rows of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal._data import group_codes
from skal.query._base import ScoreStrategy
from skal.query._picks import scores_of, split_result
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._order import places_in, top_n

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy

#: The base is asked for so many batches at a time, at most.
_MOST = 4


class PerGroup(WrapperStrategy):
    """Ask for few rows of each patient, drive or document in a batch.

    What one patient's rows have in common makes a model unsure of all of them at once,
    so that a batch fills up with near-copies. Here the base's best rows are taken in
    its order; a row is passed over where its group has ``max_per_group`` rows in the
    batch. Where the groups run out before the batch is full, each may have one row
    more, and so on: the batch is always full.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="margin"
        The strategy whose batch is spread over groups.
    max_per_group : int, default=1
        At most so many rows of a group in a batch, as long as there are groups.

    Attributes
    ----------
    needs : frozenset of str
        "groups", and what the base needs.

    See Also
    --------
    Deduplicate : Passes over near-copies that no groups tell of.
    DiverseBatch : Spreads a batch out by embeddings.

    Notes
    -----
    Cost: O(n log n) for n rows, beside that of the base. One that scores rows is asked
    once more at most; one that picks batches again and again, up to four batches at a
    time, for rows whose groups have room, as long as the batch is not full. Needs
    ``groups=`` in ``fit`` and ``query``, or ``Rows(X, groups=...)``. Groups that
    earlier batches asked about are as good as others.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.query import PerGroup
    >>> X, y = load_iris(return_X_y=True)
    >>> patients = np.arange(150) // 5  # five rows each
    >>> learner = ActiveLearner(LogisticRegression(max_iter=1000), PerGroup("margin"),
    ...     n_labels=20, random_state=0).fit(X, y, groups=patients)
    >>> asked = learner.history_["indices"][-1]
    >>> len(np.unique(patients[asked]))
    10
    """

    _own_needs = frozenset({"groups"})

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "margin",
        max_per_group: int = 1,
    ) -> None:
        self.base = base
        self.max_per_group = max_per_group

    def _check_params(self):
        check_int("max_per_group", self.max_per_group)

    def _query(self, view, rows, n_instances, rng):
        base, codes = self._base(), group_codes(rows.groups)
        named, info = split_result(base(view, rows, n_instances, random_state=rng))
        batch = Batch(codes, n_instances, self.max_per_group)
        batch.take(named, scores_of(info, n_instances))
        if batch.is_full:  # the base has kept the bound by itself
            return named, info
        if isinstance(base, ScoreStrategy):
            scores = base.score_samples(view, rows)
            order = in_turns(scores, codes, self.max_per_group, rng)[:n_instances]
            return order, {"score": scores[order]}
        size = n_instances
        while not batch.is_full:
            left = batch.open_rows()
            size = min(2 * size, _MOST * n_instances, len(left))
            result = base(view, rows.take(left), size, random_state=rng)
            named, info = split_result(result)
            batch.take(left[named], scores_of(info, size))
        return batch.picked()


def in_turns(scores, codes, bound, rng):
    """Order rows by score: up to ``bound`` of each group first, then one of each more.

    Ties are in random order.
    """
    order = top_n(scores, len(scores), rng)
    turn = np.maximum(places_in(codes[order]) - bound + 1, 0)
    return order[np.argsort(turn, kind="stable")]


class Batch:
    """Rows taken in turn, few of each group."""

    def __init__(self, codes, n_instances, bound):
        self.codes = codes
        self.n_instances = n_instances
        self.bound = bound
        self.counts = np.zeros(codes.max() + 1, np.int64)  # of each group
        self.kept: list[tuple[int, float]] = []

    @property
    def is_full(self):
        """Whether all rows asked for are there."""
        return len(self.kept) == self.n_instances

    def take(self, positions, scores):
        """Take rows in their order whose groups have room, until the batch is full."""
        for row, score in zip(positions.tolist(), scores.tolist(), strict=True):
            group = self.codes[row]
            if self.counts[group] < self.bound and not self.is_full:
                self.kept.append((row, score))
                self.counts[group] += 1

    def open_rows(self):
        """Return the rows that may be taken; make room where no group has any."""
        free = np.ones(len(self.codes), bool)
        free[[row for row, _ in self.kept]] = False
        so_far = self.counts[self.codes]
        self.bound = max(self.bound, so_far[free].min() + 1)
        return np.flatnonzero(free & (so_far < self.bound))

    def picked(self):
        """Return the batch, and the scores where the base has told them all."""
        rows = np.array([row for row, _ in self.kept], np.int64)
        scores = np.array([score for _, score in self.kept])
        return rows, {} if np.isnan(scores).any() else {"score": scores}
