"""A batch without near-copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import row_norms

from skal._checks import check_choice, check_number
from skal.query._labeled import labeled_of, stacked
from skal.query._picks import scores_of, split_result
from skal.query._wrapper import WrapperStrategy
from skal.query.functional._distances import to_known, to_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from skal.query._base import QueryStrategy

#: The base is asked for so many more rows at a time, at most.
_MOST = 8192
#: Distances of equal rows are rounded up to this share of their norms.
_ROUNDING = 1e-6


class Deduplicate(WrapperStrategy):
    """Ask for near-copies of a row only once.

    A row is passed over if it lies within ``threshold`` of a row that is picked or
    labelled already, and the base's next best takes its place. Only where a pool has
    nothing else left are copies asked for, in the base's order: the batch is always
    full.

    Parameters
    ----------
    base : str, QueryStrategy or callable, default="margin"
        The strategy whose batch is freed of copies.
    threshold : float, default=0.05
        The distance up to which two rows are copies, in the unit of ``metric``. At 0
        only equal embeddings are.
    metric : {"cosine", "euclidean"}, default="cosine"
        How the distance of two embeddings is measured. The cosine distance, from 0 to
        2, is 1 minus the cosine of the angle between them, and needs no scale. The
        Euclidean one has the unit of the embedding.

    Attributes
    ----------
    needs : frozenset of str
        "embed", and what the base needs.

    See Also
    --------
    DiverseBatch : Spreads a batch out where nothing is a copy.

    Notes
    -----
    Cost: O(q (k + m) d) for q rows looked at, k picks, m labelled rows and d features,
    beside the base, asked for k rows, and again for twice as many of the rows it has
    not named yet as long as copies leave gaps. Embeddings of the rows looked at are all
    that it reads.

    For raw features the angle is taken at the origin: centre them, or set
    ``metric="euclidean"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.query import Deduplicate
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> thrice = np.repeat(X[100:], 3, axis=0)  # copies stand side by side
    >>> picked, _ = Deduplicate(threshold=1e-6)(model, thrice, 10, random_state=0)
    >>> len(set(picked // 3))
    10
    """

    _own_needs = frozenset({"embed"})

    def __init__(
        self,
        base: str | QueryStrategy | Callable[..., Any] = "margin",
        threshold: float = 0.05,
        metric: str = "cosine",
    ) -> None:
        self.base = base
        self.threshold = threshold
        self.metric = metric

    def _check_params(self):
        check_number("threshold", self.threshold, minimum=0)
        check_choice("metric", self.metric, ("cosine", "euclidean"))

    def _query(self, view, rows, n_instances, rng):
        base = self._base()
        sieve = Sieve(view, n_instances, *self._space())
        left, size = np.arange(len(rows)), n_instances
        while len(left) and len(sieve.kept) < n_instances:
            size = min(size, len(left))
            asked = rows.take(left)
            result = base(view, asked, size, random_state=rng)
            named, info = split_result(result)
            E = view.embed(asked.take(named))
            sieve.pass_through(left[named], scores_of(info, size), E)
            left, size = np.delete(left, named), min(2 * size, max(_MOST, n_instances))
        return sieve.batch()

    def _space(self):
        """Return how embeddings are compared, and how far apart copies may be."""
        if self.metric == "cosine":
            return normalize, np.sqrt(2 * self.threshold)  # |a - b|^2 = 2 - 2 cos(a, b)
        return lambda E: E, self.threshold


class Sieve:
    """Lets rows through that are no copies of labelled rows or of those before."""

    def __init__(self, view, n_instances, transform, threshold):
        self.n_instances = n_instances
        self.transform = transform
        self.threshold = threshold
        self.known: list[Any] = []
        if (known := labeled_of(view)) is not None:
            self.known.append(transform(known))
        self.kept: list[tuple[int, float]] = []
        self.copies: list[tuple[int, float]] = []

    def pass_through(self, positions, scores, E):
        """Take rows in the base's order, until the batch is full."""
        E = self.transform(E)
        limit = self.threshold + _ROUNDING * row_norms(E).max()
        nearest = np.full(len(positions), np.inf)
        if self.known:
            nearest = to_known([E], [stacked(self.known)])
        for i, row in enumerate(zip(positions.tolist(), scores.tolist(), strict=True)):
            if nearest[i] <= limit:
                self.copies.append(row)
            elif len(self.kept) < self.n_instances:
                self.kept.append(row)
                self.known.append(E[[i]])
                nearest = np.minimum(nearest, to_row(E, E[[i]]))

    def batch(self):
        """Return the batch, filled up with copies where nothing else is left."""
        n_lacking = self.n_instances - len(self.kept)
        rows = [*self.kept, *self.copies[:n_lacking]]
        picked = np.array([position for position, _ in rows], np.int64)
        scores = np.array([score for _, score in rows])
        return picked, {} if np.isnan(scores).any() else {"score": scores}
