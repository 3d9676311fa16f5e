"""How much a row of the pool stands out from the labelled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.utils import gen_batches
from sklearn.utils.extmath import row_norms, safe_sparse_dot

from skal._checks import check_int, check_number
from skal._seed import as_random_state
from skal.query.functional._distances import Points
from skal.query.functional._gradient import check_finite_pair
from skal.query.functional._inputs import check_finite, check_pool
from skal.query.functional._order import draw_rows, top_n
from skal.query.functional._proba_space import LEAST_PROBA

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Numbers of a tile of distances between pool and labelled rows.
_TILE = 2**16


def contrastive(
    proba: ArrayLike,
    E: Any,
    proba_labeled: ArrayLike,
    labeled: Any,
    *,
    n_neighbors: int = 10,
) -> NDArray[Any]:
    r"""Score how much the model tells rows apart that lie close in the embedding.

    Over the K labelled rows l nearest to row n:

    .. math:: \tfrac{1}{K} \sum_l \mathrm{KL}(p_l \| p_n)

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities of the pool.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    proba_labeled : array-like of shape (m, C)
        Class probabilities of the labelled rows, at least one.
    labeled : {array-like, sparse matrix} of shape (m, d)
        Their embeddings.
    n_neighbors : int, default=10
        K; all labelled rows where there are fewer. Rows as near as the last one count
        too.

    Returns
    -------
    ndarray of shape (n,)
        Mean divergence, in nats, from 0.

    Raises
    ------
    ValueError
        If the arrays do not fit together or hold numbers that are not finite.

    See Also
    --------
    discriminative : Looks at the embedding alone.

    Notes
    -----
    Costs O(n m (d + C)) time, in tiles, and O(n) memory. Probabilities below 1e-7
    count as 1e-7.

    References
    ----------
    Margatina, K., Vernikos, G., Barrault, L., Aletras, N. (2021). Active learning by
    acquiring contrastive examples. EMNLP. arXiv:2109.03764

    Examples
    --------
    >>> from skal.query.functional import contrastive
    >>> scores = contrastive(
    ...     [[0.5, 0.5], [0.1, 0.9]], [[0.0], [0.0]], [[0.5, 0.5]], [[0.1]]
    ... )
    >>> scores.round(4)
    array([0.    , 0.5108])
    """
    p, E = check_finite_pair(proba, E)
    names = ("proba_labeled", "labeled")
    q, labeled = check_finite_pair(proba_labeled, labeled, names)
    check_pool(E, 1, labeled)
    if len(q) == 0 or q.shape[1] != p.shape[1]:
        raise ValueError(
            f"proba_labeled must have rows of {p.shape[1]} classes, as proba has, got "
            f"shape {q.shape}. Label some rows first."
        )
    size = min(check_int("n_neighbors", n_neighbors), len(q))
    points = Points(E)
    near = points.like(_as_kind(labeled.astype(E.dtype), E)).take(slice(None))
    q = np.maximum(q, LEAST_PROBA)
    negentropy = np.einsum("mc,mc->m", q, np.log(q))
    out = np.empty(len(p), np.result_type(p.dtype, np.float32))
    for rows in gen_batches(len(out), max(1, _TILE // len(q))):
        away = points.squared(rows, near)  # (some, m)
        last = np.partition(away, size - 1, axis=1)[:, [size - 1]]
        logs = np.log(np.maximum(p[rows], LEAST_PROBA))
        divergence = negentropy - logs @ q.T
        nearby = away <= last
        total = np.einsum("ij,ij->i", divergence, nearby)
        out[rows] = np.maximum(total / nearby.sum(axis=1), 0)
    return out


def _as_kind(rows, E):
    """Return rows as CSR where E is, else dense."""
    if sp.issparse(E):
        return sp.csr_array(rows)
    return rows.toarray() if sp.issparse(rows) else rows


def discriminative(
    E: Any,
    n_instances: int,
    labeled: Any,
    *,
    n_sub_batches: int = 10,
    max_rows: int = 10_000,
    regularization: float = 0.01,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    """Pick rows that are easily told from the labelled ones.

    A logistic regression learns to tell labelled rows from the pool, and the rows
    most surely of the pool are picked. They count as labelled then, and it learns
    anew, until the batch is full.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    n_instances : int
        How many rows to pick.
    labeled : {array-like, sparse matrix} of shape (m, d)
        Embeddings of the labelled rows, at least one.
    n_sub_batches : int, default=10
        In how many parts to pick the batch.
    max_rows : int, default=10000
        Of a larger pool the regression learns from so many rows drawn at random.
    regularization : float, default=0.01
        Weight of the squared norm of the coefficients, on features scaled by one
        number to a mean square of 1, beside the mean loss.
    random_state : int, RandomState instance or None, default=None
        Draws those rows and breaks ties.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If no row is labelled, a number is not finite or a parameter is out of range.

    See Also
    --------
    k_center_greedy : Another way to stay away from the labelled rows.

    Notes
    -----
    Costs O(s (r i + n) d) time for s parts, r rows to learn from and i iterations
    (each part goes on from the coefficients before) and O((r + m) d) memory. Both
    classes weigh the same.

    References
    ----------
    Gissin, D., Shalev-Shwartz, S. (2019). Discriminative active learning.
    arXiv:1907.06347

    Examples
    --------
    >>> from skal.query.functional import discriminative
    >>> discriminative([[0.0], [1.0], [9.0]], 1, [[0.5]])
    array([2])
    """
    E, known = check_pool(E, n_instances, labeled)
    if known is None:
        raise ValueError("labeled must hold at least one row, got none.")
    check_finite("E", E)
    check_finite("labeled", known)
    check_int("n_sub_batches", n_sub_batches)
    check_int("max_rows", max_rows)
    check_number("regularization", regularization, minimum=0)
    rng = as_random_state(random_state)
    scale = np.sqrt(row_norms(E, squared=True).mean() / E.shape[1]) or 1.0
    weights = np.zeros(E.shape[1] + 1)
    picked = np.empty(0, np.int64)
    drawn = np.arange(E.shape[0])
    if len(drawn) > max_rows:
        drawn = np.sort(draw_rows(len(drawn), max_rows, rng))
    for part in np.array_split(np.arange(n_instances), min(n_sub_batches, n_instances)):
        others = np.setdiff1d(drawn, picked)
        Z = _stack([known, E[picked], E[others]])
        is_known = np.arange(Z.shape[0]) < known.shape[0] + len(picked)
        if len(others):
            weights = _logistic(Z, is_known, weights, scale, regularization)
        scores = row_products(E, -weights[:-1] / scale)
        scores[picked] = -np.inf
        picked = np.append(picked, top_n(scores, len(part), rng))
    return picked


def _logistic(Z, y, start, scale, regularization):
    """Fit a logistic regression in which both classes weigh the same."""
    signs = np.where(y, 1.0, -1.0)
    shares = 0.5 / np.where(y, y.sum(), (~y).sum())

    def loss(weights):
        margins = signs * (safe_sparse_dot(Z, as_type(weights[:-1] / scale, Z)))
        margins += signs * weights[-1]
        slopes = -signs * shares / (1 + np.exp(np.minimum(margins, 500)))
        gradient = np.append(Z.T @ as_type(slopes, Z) / scale, slopes.sum())
        gradient[:-1] += regularization * weights[:-1]
        penalty = regularization / 2 * weights[:-1] @ weights[:-1]
        return shares @ np.logaddexp(0, -margins) + penalty, gradient

    options = {"maxiter": 200, "ftol": 1e-7, "gtol": 1e-5}
    return minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x


def as_type(values, like):
    """Return values in the precision of another array."""
    return values.astype(like.dtype, copy=False)


def _stack(parts):
    """Stack rows, CSR if any of them is."""
    if any(sp.issparse(part) for part in parts):
        return sp.vstack(parts, format="csr")
    return np.concatenate(parts)


def row_products(E, vector):
    """Inner products of rows with a vector, the same to the last digit for equal rows.

    Those of BLAS depend on where a row stands, which would decide between copies.
    """
    vector = as_type(vector, E)
    return E @ vector if sp.issparse(E) else np.einsum("ij,j->i", E, vector)
