"""Balls of one radius that cover the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_fraction, check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._clustering import cluster
from skal.query.functional._coverage import farthest_first
from skal.query.functional._distances import Points
from skal.query.functional._herding import spread
from skal.query.functional._inputs import check_pool

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Rows and columns of a tile of the graph, which is never held whole.
_TILE = 1024
#: Rows whose nearest row of another cluster is looked for.
_SAMPLE = 2000


def prob_cover(
    E: Any,
    n_instances: int,
    *,
    labeled: Any = None,
    radius: float | None = None,
    purity: float = 0.95,
    n_clusters: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    """Pick the row with the most uncovered rows within a radius, again and again.

    A row is covered once it lies within the radius of a labelled or picked row. When
    all are, the rows farthest from those are picked, as in :func:`k_center_greedy`.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    radius : float, default=None
        The radius of the balls. None takes :func:`purity_radius`.
    purity : float, default=0.95
        The share of balls that shall hold rows of one cluster only.
    n_clusters : int, default=10
        How many clusters stand for the classes.
    random_state : int, RandomState instance or None, default=None
        Finds the radius, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    See Also
    --------
    max_herding : Balls without an edge.
    k_center_greedy : As many balls as labels, of the least radius.

    Notes
    -----
    Costs O(n^2 d) in matrix products, each pair of rows twice at most: once to count,
    and once when one of the two gets covered. O(n) memory: the graph is never held.

    References
    ----------
    Yehuda, O., Dekel, A., Hacohen, G., Weinshall, D. (2022). Active learning through a
    covering lens. NeurIPS. arXiv:2205.11320

    Examples
    --------
    >>> from skal.query.functional import prob_cover
    >>> prob_cover([[0.0], [1.0], [2.0], [9.0], [9.5]], 1, radius=1.5)
    array([1])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    points, rng = Points(E), as_random_state(random_state)
    if radius is None:
        radius = radius_of_purity(points, purity, n_clusters, rng)
    elif check_number("radius", radius, minimum=0) == 0:
        raise ValueError("radius must be above 0, got 0. None works one out.")
    nearest = np.full(len(points), np.inf, points.dtype)
    if labeled is not None:
        nearest = points.nearest(points.like(labeled).take(slice(None)))[1]
    covered = greedy_cover(points, nearest, radius**2, n_instances, rng)
    rest = farthest_first(points, nearest, n_instances - len(covered), rng)
    return np.concatenate([covered, rest])


def greedy_cover(points, nearest, squared_radius, n_picks, rng):
    """Pick rows by the uncovered rows around them, until all are covered.

    ``nearest`` holds the squared distances to what is known, and is kept up.
    """
    is_open = nearest > squared_radius
    degrees = count_around(points, is_open, squared_radius)
    picks: list[int] = []
    while len(picks) < n_picks and is_open.any():
        pick = int(rng.choice(np.flatnonzero(degrees == degrees.max())))
        picks.append(pick)
        np.minimum(nearest, points.nearest(points.take([pick]))[1], out=nearest)
        nearest[pick] = -np.inf
        newly = np.flatnonzero(is_open & (nearest <= squared_radius))
        is_open[newly] = False
        degrees -= count_around_some(points, newly, squared_radius)
        degrees[pick] = -1
    return np.array(picks, np.int64)


def count_around(points, is_open, squared_radius):
    """Count the open rows within the radius of each row, each pair of them once."""
    degrees = np.zeros(len(points), np.int64)
    open_rows, others = np.flatnonzero(is_open), np.flatnonzero(~is_open)
    tiles = split(open_rows)
    for i, columns in enumerate(tiles):
        block = points.take(columns)
        degrees[columns] += count(points.within(columns, block, squared_radius), 1)
        for rows in tiles[i + 1 :]:
            inside = points.within(rows, block, squared_radius)
            degrees[rows] += count(inside, 1)
            degrees[columns] += count(inside, 0)
        for rows in split(others):
            degrees[rows] += count(points.within(rows, block, squared_radius), 1)
    return degrees


def count_around_some(points, columns, squared_radius):
    """Count the given rows within the radius of each row."""
    degrees = np.zeros(len(points), np.int64)
    for some in split(columns):
        block = points.take(some)
        for rows in points.tiles(block.shape[0]):
            degrees[rows] += count(points.within(rows, block, squared_radius), 1)
    return degrees


def split(rows):
    """Return the rows in tiles."""
    return [rows[start : start + _TILE] for start in range(0, len(rows), _TILE)]


def count(inside, axis):
    """Count along an axis, in integers as narrow as numpy counts fast in."""
    return np.add.reduce(inside, axis=axis, dtype=np.int32)


def purity_radius(
    E: Any,
    *,
    purity: float = 0.95,
    n_clusters: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Find the largest radius at which balls hold rows of one cluster only.

    A ball is pure if its radius is below the distance from its middle to the nearest
    row of another cluster, so the radius is a quantile of those distances.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings.
    purity : float, default=0.95
        The share of balls that shall be pure.
    n_clusters : int, default=10
        How many clusters stand for the classes.
    random_state : int, RandomState instance or None, default=None
        Draws the clusters, and the rows that are looked at.

    Returns
    -------
    float
        The radius; the spread of the rows if they make one cluster.

    See Also
    --------
    prob_cover : Uses it.

    Notes
    -----
    Costs O(n r d) for r = 2 000 random rows, and a :func:`kmeans`.

    References
    ----------
    Yehuda, O., Dekel, A., Hacohen, G., Weinshall, D. (2022). Active learning through a
    covering lens. NeurIPS. arXiv:2205.11320

    Examples
    --------
    >>> from skal.query.functional import purity_radius
    >>> round(purity_radius([[0.0], [1.0], [8.0], [9.0]], n_clusters=2), 1)
    7.0
    """
    E, _ = check_pool(E, 1)
    return radius_of_purity(
        Points(E), purity, n_clusters, as_random_state(random_state)
    )


def radius_of_purity(points, purity, n_clusters, rng):
    """Return the quantile of the distances to the nearest row of another cluster."""
    purity = check_fraction("purity", purity)
    _, labels, _ = cluster(points, check_int("n_clusters", n_clusters, 2), rng)
    n = len(points)
    some = np.sort(rng.choice(n, min(n, _SAMPLE), replace=False))
    middles, nearest = points.take(some), np.full(len(some), np.inf)
    for rows in points.tiles(len(some)):
        squared = points.squared(rows, middles)
        squared[labels[rows, np.newaxis] == labels[some]] = np.inf
        np.minimum(nearest, squared.min(axis=0), out=nearest)
    if np.isinf(nearest).any():  # there is no other cluster
        return spread(points)
    # A ball without its edge: rounding shall not let the nearest one in.
    rounding = max(
        4 * float(points.slack.mean()), 1e-4 * np.quantile(nearest, 1 - purity)
    )
    return float(np.sqrt(max(np.quantile(nearest, 1 - purity) - rounding, rounding)))
