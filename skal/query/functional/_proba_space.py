"""Diversity of the probabilities alone: cheap, whatever the embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_number
from skal._seed import as_random_state
from skal.query.functional._inputs import check_batch, check_finite, check_proba
from skal.query.functional._uncertainty import margin, mean_over_labels

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Probabilities below this count as this where their logarithm is taken.
LEAST_PROBA = 1e-7


def falcun(
    proba: ArrayLike,
    n_instances: int,
    *,
    gamma: float = 10.0,
    multilabel: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Draw rows that are unsure and whose probabilities differ from those drawn.

    With :math:`u_n` one minus the margin and :math:`d_n`, at first :math:`u_n`, the
    smallest L1 distance of the probabilities to those of a row drawn, the next row is
    drawn with a chance in proportion to

    .. math:: (u_n + d_n / \max_m d_m)^\gamma

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.
    n_instances : int
        How many rows to draw.
    gamma : float, default=10.0
        From 0 (all rows alike) to greedy.
    multilabel : bool, default=False
        Whether the columns of ``proba`` are the chances of C labels, of which a row may
        carry several: margin and distance are then
        means over the labels, each a distribution over absent and present.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of drawing.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.

    See Also
    --------
    cdal : The farthest probabilities, without chance.

    Notes
    -----
    Costs O(n k C) time for k picks and O(n C) memory.

    References
    ----------
    Gilhuber, S., Beer, A., Ma, Y., Seidl, T. (2024). FALCUN: a simple and efficient
    deep active learning strategy. ECML PKDD, 421-439.
    https://openreview.net/forum?id=VcUMTKLWgn

    Examples
    --------
    >>> from skal.query.functional import falcun
    >>> picked = falcun([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]], 2, random_state=0)
    >>> sorted(picked.tolist())
    [0, 2]
    """
    p = check_finite("proba", check_proba(proba))
    n_instances = check_batch(n_instances, len(p))
    check_number("gamma", gamma, minimum=0)
    rng = as_random_state(random_state)
    if multilabel:
        unsure = (1 - mean_over_labels(margin, p)).astype(np.float32)
        columns = _columns(p * (2 / p.shape[1]))  # absent differs as present does
    else:
        unsure = (1 - margin(p)).astype(np.float32)
        columns = _columns(p)
    nearest = unsure.copy()
    picked = np.empty(n_instances, np.int64)
    free = np.ones(len(p), bool)
    for k in range(n_instances):
        picked[k] = pick = _draw(unsure, nearest, free, gamma, rng)
        free[pick] = False
        np.minimum(nearest, _taxicab(columns, pick), out=nearest)
    return picked


def _draw(unsure, nearest, free, gamma, rng):
    """Draw a free row by its uncertainty and its distance to the rows drawn."""
    wanted = unsure + nearest / max(nearest.max(), np.finfo(np.float32).tiny)
    wanted[~free] = 0
    best = wanted.max()
    if best <= 0:
        return rng.choice(np.flatnonzero(free))
    chances = np.cumsum((wanted / best) ** np.float32(gamma) * free, dtype=float)
    drawn = chances.searchsorted(rng.random_sample() * chances[-1], "right")
    return int(min(drawn, np.flatnonzero(free)[-1]))


def _taxicab(columns, pick):
    """L1 distance of the probabilities of every row to those of one: (n,)."""
    distance = np.zeros(columns.shape[1], columns.dtype)
    for p in columns:
        distance += np.abs(p - p[pick])
    return distance


def cdal(
    proba: ArrayLike,
    n_instances: int,
    *,
    proba_labeled: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick the row whose probabilities are farthest from all known, again and again.

    Confusions that the labelled and picked rows do not show come first. The distance
    is the symmetric divergence of the class probabilities:

    .. math::
        \tfrac12 \mathrm{KL}(p \| q) + \tfrac12 \mathrm{KL}(q \| p)
        = \tfrac12 \sum_c (p_c - q_c) (\log p_c - \log q_c)

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.
    n_instances : int
        How many rows to pick.
    proba_labeled : array-like of shape (m, C), default=None
        Class probabilities of the labelled rows. Without any the first pick is the
        row nearest to the mean of the pool.
    random_state : int, RandomState instance or None, default=None
        Breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If the labelled rows have other classes than the pool.

    See Also
    --------
    k_center_greedy : The same in the embedding.
    falcun : Weighs uncertainty too.

    Notes
    -----
    Costs O(n (m + k) C) time for k picks and O(n C) memory. Probabilities below 1e-7
    count as 1e-7.

    References
    ----------
    Agarwal, S., Arora, H., Anand, S., Arora, C. (2020). Contextual diversity for
    active learning. ECCV. arXiv:2008.05723

    Examples
    --------
    >>> from skal.query.functional import cdal
    >>> proba = [[0.9, 0.1], [0.6, 0.4], [0.1, 0.9]]
    >>> cdal(proba, 2, proba_labeled=[[0.9, 0.1]])
    array([2, 1])
    """
    p = check_finite("proba", check_proba(proba))
    n_instances = check_batch(n_instances, len(p))
    rng = as_random_state(random_state)
    columns = np.maximum(_columns(p), np.float32(LEAST_PROBA))
    logs = np.log(columns)
    known = _known(p, proba_labeled)
    cold = known is None
    nearest = np.full(len(p), np.inf, np.float32)
    for q in columns.mean(axis=1)[np.newaxis] if known is None else known:
        np.minimum(nearest, _divergence(columns, logs, q, np.log(q)), out=nearest)
    if cold:  # the first pick is the most central row; its distance is then forgotten
        nearest = -nearest
    picked = np.empty(n_instances, np.int64)
    for k in range(n_instances):
        picked[k] = pick = rng.choice(np.flatnonzero(nearest == nearest.max()))
        if cold and k == 0:
            nearest.fill(np.inf)
        apart = _divergence(columns, logs, columns[:, pick], logs[:, pick])
        np.minimum(nearest, apart, out=nearest)
        nearest[pick] = -np.inf
    return picked


def _known(proba, labeled):
    """Return the probabilities of the labelled rows, None without any."""
    if labeled is None or len(labeled) == 0:
        return None
    labeled = check_proba(labeled)
    if labeled.shape[1] != proba.shape[1]:
        raise ValueError(
            f"proba_labeled must have the {proba.shape[1]} columns of proba, got shape "
            f"{labeled.shape}. Give both by the same model."
        )
    return np.maximum(labeled.astype(np.float32), np.float32(LEAST_PROBA))


def _divergence(columns, logs, q, log_q):
    """Symmetric divergence of the probabilities of every row from q: (n,)."""
    total = np.zeros(columns.shape[1], columns.dtype)
    for c in range(len(columns)):
        total += (columns[c] - q[c]) * (logs[c] - log_q[c])
    total *= 0.5
    return np.maximum(total, 0, out=total)


def _columns(proba: NDArray[Any]) -> NDArray[np.float32]:
    """Return probabilities with the classes first in memory: (C, n)."""
    return np.ascontiguousarray(proba.T, np.float32)
