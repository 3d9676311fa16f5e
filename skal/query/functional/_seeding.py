"""Rows drawn far from each other: the seeds of k-means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._seed import as_random_state
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_pool, check_weights

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Draws and picks between two passes over the pool.
_DRAWS = 64
_PICKS = 32


def kmeans_plus_plus(
    E: Any,
    n_instances: int,
    *,
    weights: ArrayLike | None = None,
    labeled: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Draw rows one at a time, far from what is drawn already.

    A row is drawn with a chance in proportion to :math:`w_n \min_m \|e_n - e_m\|^2`
    over the labelled and drawn rows m; without any, to its weight.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to draw.
    weights : array-like of shape (n,), default=None
        How much each row is wanted, from 0 up.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    random_state : int, RandomState instance or None, default=None
        Makes the draws.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Different positions in the pool, in the order of drawing. Once every row left
        is a copy of one drawn, or of no weight, the rest is drawn by weight, and then
        evenly.

    See Also
    --------
    k_center_greedy : Takes the farthest row instead of a draw.

    Notes
    -----
    Costs O(n k d) in matrix products for k draws, one pass over the pool every 32:
    in between, rows are drawn by the old distances, which are bounds, and kept with
    the chance that the new one has of the old, which gives the same distribution.
    O(n) memory.

    References
    ----------
    Arthur, D., Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding.
    SODA. doi:10.5555/1283383.1283494

    Examples
    --------
    >>> from skal.query.functional import kmeans_plus_plus
    >>> E = [[0.0], [0.0], [9.0], [9.0]]
    >>> sorted(kmeans_plus_plus(E, 2, random_state=0).tolist())
    [1, 2]
    """
    E, labeled = check_pool(E, n_instances, labeled)
    weights = check_weights("weights", weights, E.shape[0])
    points, rng, nearest = Points(E), as_random_state(random_state), None
    if labeled is not None:
        nearest = points.nearest(points.like(labeled).take(slice(None)))[1]
    drawn = draw_far(points, nearest, weights, n_instances, rng)
    left = np.delete(np.arange(len(points)), drawn)
    rest = draw_by_weight(left, weights, n_instances - len(drawn), rng)
    return np.concatenate([drawn, rest])


def draw_far(points, nearest, weights, n_draws, rng):
    """Draw rows by weight times squared distance, as many as there are different.

    ``nearest`` holds the squared distances to what is known, or is None.
    """
    weights = 1 if weights is None else weights
    drawn: list[int] = []
    if nearest is None:
        nearest = np.ones(len(points), points.dtype)
        drawn.append(draws_from(np.cumsum(nearest * weights, dtype=float), 1, rng)[0])
        nearest.fill(np.inf)
    n_known = 0  # picks that the distances know of
    while len(drawn) < n_draws:
        if n_known < len(drawn):
            new = points.nearest(points.take(drawn[n_known:]))[1]
            nearest = np.minimum(nearest, new)
            n_known = len(drawn)
        nearest[nearest <= points.slack] = 0
        nearest[drawn] = 0
        bounds = np.cumsum(nearest * weights, dtype=np.float64)
        if bounds[-1] == 0:
            break
        for row in draws_from(bounds, _DRAWS, rng):
            if is_kept(points, row, nearest[row], drawn[n_known:], rng):
                drawn.append(row)
            if len(drawn) == min(n_draws, n_known + _PICKS):
                break
    return np.array(drawn[:n_draws], np.int64)


def draws_from(bounds, size, rng):
    """Draw positions with the chances that cumulated weights give them."""
    return np.searchsorted(bounds, rng.uniform(size=size) * bounds[-1], side="right")


def is_kept(points, row, bound, fresh, rng):
    """Keep a row drawn by a bound with the chance that its true distance has of it."""
    if not fresh:
        return True
    squared = points.squared([row], points.take(fresh)).min()
    return row not in fresh and rng.uniform() * bound < squared * (
        squared > points.slack[row]
    )


def draw_by_weight(rows, weights, size, rng):
    """Draw different rows by weight; those of no weight come last."""
    order = rng.exponential(size=len(rows))
    if weights is None:
        return rows[np.argsort(order)[:size]]
    of_rows = weights[rows]
    waits = np.divide(order, of_rows, out=np.full(len(rows), np.inf), where=of_rows > 0)
    return rows[np.lexsort([order, waits])[:size]]
