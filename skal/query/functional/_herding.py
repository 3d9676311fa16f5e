"""Which rows are near to all the others: greedy facility location and herding."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_number
from skal._seed import as_random_state
from skal.query.functional._distances import Points
from skal.query.functional._inputs import check_pool
from skal.query.functional._nearness import (
    KernelReference,
    Reference,
    greedy,
)

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def facility_location(
    E: Any,
    n_instances: int,
    *,
    weights: ArrayLike | None = None,
    labeled: Any = None,
    n_reference: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the rows that bring all rows nearest to a pick, one at a time.

    Each pick takes most off :math:`\sum_n w_n \min_m \|e_n - e_m\|` over the labelled
    and picked rows m: the first is the medoid of the pool.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    weights : array-like of shape (n,), default=None
        How much it matters to be near each row, from 0 up.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    n_reference : int, default=None
        How many rows, drawn at random, the sum is over; None takes all.
    random_state : int, RandomState instance or None, default=None
        Draws the reference rows, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking. Rows that bring nothing nearer
        come last, in random order.

    See Also
    --------
    max_herding : The same with nearness that fades with distance.
    k_center_greedy : Brings down the largest distance instead of the mean.

    Notes
    -----
    Costs O(n r d) for r reference rows, and after that little more than what must be
    known of the best rows: a gain can only fall, so an old one is a bound. O(n)
    memory. With 2 000 reference rows or more, but not all, rows are looked at in
    steps, see :func:`max_herding`.

    References
    ----------
    Minoux, M. (1978). Accelerated greedy algorithms for maximizing submodular set
    functions. Optimization Techniques. doi:10.1007/BFb0006528

    Examples
    --------
    >>> from skal.query.functional import facility_location
    >>> facility_location([[0.0], [0.1], [0.2], [9.0], [-8.0]], 3)
    array([1, 3, 4])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    (points, known), rng = around_one_centre(E, labeled), as_random_state(random_state)
    # From cold every row is farther than any two can be.
    cold = 4 * points.norms.max()
    return greedy(
        Reference, points, n_instances, weights, n_reference, rng, known, cold
    )


def max_herding(
    E: Any,
    n_instances: int,
    *,
    weights: ArrayLike | None = None,
    labeled: Any = None,
    bandwidth: float | None = None,
    n_reference: int | None = 5000,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the rows that cover the pool best under a Gaussian kernel, one at a time.

    Each pick adds most to :math:`\sum_n w_n \max_m k(e_n, e_m)` over the labelled and
    picked rows m, with :math:`k(e, e') = \exp(-\|e - e'\|^2 / 2 \sigma^2)`: balls
    without an edge, and without a radius to hit.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    weights : array-like of shape (n,), default=None
        How much it matters to cover each row, from 0 up.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    bandwidth : float, default=None
        The bandwidth. None takes the root mean square distance of the rows to their
        mean, which is 1 for rows of length 1 spread around 0.
    n_reference : int, default=5000
        How many rows, drawn at random, the sum is over; None takes all.
    random_state : int, RandomState instance or None, default=None
        Draws the reference rows, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking. Rows that cover nothing more
        come last, in random order.

    See Also
    --------
    facility_location : The same with distances.
    uherding : Covers best where the model is unsure.
    prob_cover : Balls of one radius.

    Notes
    -----
    Costs O(n r d) for r reference rows, and after that little more than what must be
    known of the best rows: a gain can only fall, so an old one is a bound. O(n)
    memory. With 2 000 reference rows or more, but not all, the gain of every row is
    measured on 500 of them, and on all only that of the 1 024 rows that promise most;
    the next look is due when a pick gains less than 0.8 of what one gained at the last.
    Of more than 20 480 rows (64 a pick, and 4 a reference row, if that is more) the
    reference rows are candidates, the 2 048 rows that count most for themselves, and 32
    a pick near the middles of what first picks cover: these, at most 256, are made
    among the former by the 500 rows, and moved as the means of k-means are. 100 picks
    of 40 000 to 100 000 rows in clouds, of digits and of photos, after 100 labels, gain
    more over random ones than with all rows for candidates and a look at each pick: by
    1 to 15 %. Smaller pools:
    10 to 50 picks of 20 000 rows of noise or in clouds gain at least 99 % of what they
    gain over random ones without this look. What a row covers of itself is
    always exact; of the rest, 5 000 of 20 000 rows of little more than noise, which is
    the hardest case, tell so much that 100 picks gain 90 % of what exact ones gain over
    random ones (2 000 rows: 77 %).

    References
    ----------
    Bae, W., Noh, J., Sutherland, D. J. (2024). Generalized coverage for more robust
    low-budget active learning. ECCV. arXiv:2407.12212

    Examples
    --------
    >>> from skal.query.functional import max_herding
    >>> max_herding([[0.0], [0.1], [0.2], [9.0]], 2, bandwidth=1.0)
    array([1, 3])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    points, known = around_one_centre(E, labeled)
    if bandwidth is None:
        bandwidth = spread(points)
    return herd(
        points, n_instances, weights, known, bandwidth, n_reference, random_state
    )


def around_one_centre(E, labeled):
    """Return the rows of the pool as points, and the labelled ones if there are any."""
    points = Points(E)
    return points, None if labeled is None else points.like(labeled)


def herd(points, n_instances, weights, known, bandwidth, n_reference, random_state):
    """Pick points as max_herding does."""
    rng = as_random_state(random_state)
    scale = points.dtype.type(-0.5 / check_bandwidth(bandwidth) ** 2)
    make = partial(KernelReference, scale)
    return greedy(make, points, n_instances, weights, n_reference, rng, known, np.inf)


def check_bandwidth(bandwidth):
    """Return the bandwidth if it is a number above 0."""
    if check_number("bandwidth", bandwidth, minimum=0) == 0:
        raise ValueError(
            "bandwidth must be above 0, got 0. None works one out from the rows."
        )
    return bandwidth


def spread(points):
    """Return the root mean square distance of the rows to their mean, 1 if it is 0."""
    mean = points.mean - points.centre
    return float(np.sqrt(max(points.norms.mean(dtype=float) - mean @ mean, 0))) or 1.0


def uherding(
    E: Any,
    uncertainty: ArrayLike,
    n_instances: int,
    *,
    labeled: Any = None,
    bandwidth: float | None = None,
    n_reference: int | None = 5000,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the rows that cover best where the model is unsure, one at a time.

    Each pick adds most to :math:`\sum_n u_n \max_m k(e_n, e_m)`, as
    :func:`max_herding` does with the uncertainty for weights. The bandwidth follows
    the labels: as they get dense it shrinks, a pick covers little but itself, and
    the most uncertain rows are taken.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    uncertainty : array-like of shape (n,)
        How unsure the model is of each row, from 0 up.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d), default=None
        Embeddings of the labelled rows.
    bandwidth : float, default=None
        The bandwidth. None takes the least distance between two labelled rows that
        differ, at most the default of :func:`max_herding`.
    n_reference : int, default=5000
        How many rows, drawn at random, the sum is over; None takes all.
    random_state : int, RandomState instance or None, default=None
        Draws the reference rows, and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    See Also
    --------
    max_herding : Covers the whole pool evenly.

    Notes
    -----
    Costs O(m^2 d) for m labelled rows beyond what :func:`max_herding` does.

    References
    ----------
    Bae, W., Oliveira, G. L., Sutherland, D. J. (2025). Uncertainty herding: one active
    learning method for all label budgets. ICLR. arXiv:2412.20644

    Examples
    --------
    >>> from skal.query.functional import uherding
    >>> uherding([[0.0], [0.1], [0.2], [9.0]], [0.1, 0.1, 0.1, 1.0], 2)
    array([3, 1])
    """
    E, labeled = check_pool(E, n_instances, labeled)
    points, known = around_one_centre(E, labeled)
    if bandwidth is None:
        bandwidth = spread(points)
        if known is not None:
            bandwidth = min(bandwidth, least_distance(known))
    return herd(
        points, n_instances, uncertainty, known, bandwidth, n_reference, random_state
    )


def least_distance(points):
    """Return the least distance between two rows that differ, inf if none do."""
    least = np.inf
    others = points.take(slice(None))
    for rows in points.tiles(others.shape[0]):
        squared = points.squared(rows, others)
        differs = squared > points.slack[rows, np.newaxis]
        least = min(least, squared.min(initial=np.inf, where=differs))
    return float(np.sqrt(least))
