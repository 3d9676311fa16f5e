"""Which rows are likely to belong to a class at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve
from scipy.special import expit
from sklearn.utils import gen_batches

from skal._checks import check_number
from skal._seed import as_random_state
from skal.query.functional._contrast import _stack
from skal.query.functional._distances import distances
from skal.query.functional._inputs import check_finite, check_pool
from skal.query.functional._order import draw_rows

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Of more labelled rows, and of more rejected ones, so many are drawn.
_MOST = 1000
#: The bandwidth of the kernel, in median distances of two rows asked for.
_BANDWIDTH = 0.5
#: The ridge, before each side is given the same weight.
_RIDGE = 0.1
#: How fast the odds grow with what the regression says, from -1 to 1.
_SLOPE = 3.0
#: Numbers of a tile of distances.
_TILE = 2**17


def in_scope(
    E: Any,
    labeled: Any,
    rejected: Any,
    *,
    optimism: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.float64]:
    r"""Estimate how likely rows of a pool belong to one of the classes.

    A kernel ridge regression learns 1 for labelled and -1 for rejected rows, both sides
    weighing the same. Rejected rows of several kinds need have nothing in common: each
    speaks for what is near to it, and where nothing is near the answer is in between,
    or higher for an optimist.

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    labeled : {array-like, sparse matrix} of shape (m, d)
        Embeddings of the rows that belong to a class, at least one.
    rejected : {array-like, sparse matrix} of shape (r, d)
        Embeddings of the rows that belong to none, at least one.
    optimism : float, default=0.0
        Added to what the regression says, from -1 to 1, where nothing is near; less
        where a labelled or rejected row is. At 1 a row that nobody knows the like of
        may as well belong to a class that was not met yet.
    random_state : int, RandomState instance or None, default=None
        Draws 1000 of more labelled, or of more rejected, rows.

    Returns
    -------
    ndarray of shape (n,)
        Probabilities, were there as many rows of the one kind as of the other and no
        optimism.

    Raises
    ------
    ValueError
        If a table has no row, the tables differ in width or are not finite, or the
        optimism is below 0.

    See Also
    --------
    discriminative : Tells labelled rows from the pool.

    Notes
    -----
    Costs O(n k d + k^3) time for k labelled and rejected rows, 2000 at most, in tiles;
    O(n + k^2) memory.

    Examples
    --------
    >>> from skal.query.functional import in_scope
    >>> in_scope([[0.0], [2.0], [9.0]], [[0.0], [1.0]], [[8.0]]).round(2)
    array([0.95, 0.9 , 0.06])
    >>> in_scope([[0.0], [4.5], [9.0]], [[0.0], [1.0]], [[8.0]], optimism=1).round(2)
    array([0.95, 0.9 , 0.12])
    """
    check_number("optimism", optimism, minimum=0)
    E, labeled = check_pool(E, 1, labeled)
    rejected = check_pool(E, 1, rejected)[1]
    rng = as_random_state(random_state)
    sides = []
    for name, rows in (("labeled", labeled), ("rejected", rejected)):
        if rows is None:
            raise ValueError(f"{name} must hold at least one row, got none.")
        rows = check_finite(name, rows)
        drawn = len_of(rows) > _MOST
        sides.append(rows[draw_rows(len_of(rows), _MOST, rng)] if drawn else rows)
    check_finite("E", E)
    known = _stack(sides)
    signs = np.repeat([1.0, -1.0], [len_of(rows) for rows in sides])
    coefficients, bandwidth = kernel_ridge(known, signs)
    out = np.empty(len_of(E))
    alone = np.empty(len(out))
    for rows in gen_batches(len(out), max(1, _TILE // len(signs))):
        near = gaussian(distances(E[rows], known), bandwidth)
        out[rows] = np.einsum("ij,j->i", near, coefficients)  # equal rows, equal sums
        alone[rows] = np.sqrt(np.maximum(1 - near.max(axis=1) ** 2, 0))
    return expit(_SLOPE * (out + optimism * alone))


def len_of(rows):
    """Return the number of rows, dense or CSR."""
    return rows.shape[0]


def kernel_ridge(known, signs):
    """Return the coefficients of a balanced kernel ridge regression, and its width."""
    away = distances(known, known).astype(float)
    apart = away[away > 0]
    bandwidth = _BANDWIDTH * np.median(apart) if len(apart) else 1.0
    share = np.where(signs > 0, np.mean(signs > 0), np.mean(signs < 0))
    gram = gaussian(away, bandwidth)
    np.fill_diagonal(gram, 1.0)  # whatever rounding makes of a distance to oneself
    gram[np.diag_indices(len(signs))] += 2 * _RIDGE * share
    return solve(gram, signs, assume_a="pos"), bandwidth


def gaussian(away, bandwidth):
    """Return the Gaussian kernel of distances."""
    return np.exp(-0.5 * (away / bandwidth) ** 2)
