"""Which rows are likely to belong to a class at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.special import expit
from sklearn.utils.extmath import row_norms

from skal.query.functional._contrast import fit_logistic, row_products
from skal.query.functional._distances import to_known
from skal.query.functional._inputs import check_finite, check_pool

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Weight of the squared norm of the coefficients, beside the mean loss.
_REGULARIZATION = 0.01
#: How much more often than not a row near to one side belongs there: the power of the
#: distances whose ratio is the odds.
_POWER = 4
#: Log odds of one estimate beyond these say no more than these.
_SURE = 14.0


def in_scope(E: Any, labeled: Any, rejected: Any) -> NDArray[np.float64]:
    r"""Estimate how likely rows of a pool belong to one of the classes.

    Two estimates are averaged in log odds: a logistic regression that tells labelled
    rows from rejected ones, both sides weighing the same, which finds what foreign rows
    have in common, and the distances :math:`d_+` to the nearest labelled and
    :math:`d_-` to the nearest rejected row, which keep them apart where they have
    nothing in common:

    .. math:: \tfrac{1}{2} \left( w^\top x + b + 4 \log \tfrac{d_-}{d_+} \right)

    Parameters
    ----------
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    labeled : {array-like, sparse matrix} of shape (m, d)
        Embeddings of the rows that belong to a class, at least one.
    rejected : {array-like, sparse matrix} of shape (r, d)
        Embeddings of the rows that belong to none, at least one.

    Returns
    -------
    ndarray of shape (n,)
        Probabilities, were there as many rows of the one kind as of the other.

    Raises
    ------
    ValueError
        If a table has no row, or the tables differ in width or are not finite.

    See Also
    --------
    discriminative : Tells labelled rows from the pool.

    Notes
    -----
    Costs O((n + i) (m + r) d) time for i iterations of the regression, O(n) memory.

    Examples
    --------
    >>> from skal.query.functional import in_scope
    >>> in_scope([[0.0], [1.0], [5.0]], [[0.5]], [[9.0]]).round(2)
    array([1.  , 1.  , 0.38])
    """
    E, labeled = check_pool(E, 1, labeled)
    rejected = check_pool(E, 1, rejected)[1]
    for name, rows in (("labeled", labeled), ("rejected", rejected)):
        if rows is None:
            raise ValueError(f"{name} must hold at least one row, got none.")
        check_finite(name, rows)
    check_finite("E", E)
    line = log_odds_of_line(E, labeled, rejected)
    near, far = to_known([E], [labeled]), to_known([E], [rejected])
    least = np.finfo(np.float32).tiny
    nearest = _POWER * (np.log(far + least) - np.log(near + least))
    both = [np.clip(odds, -_SURE, _SURE) for odds in (line, nearest)]
    return expit(np.mean(both, axis=0))


def log_odds_of_line(E, labeled, rejected):
    """Return what a logistic regression says, that tells two kinds of rows apart."""
    is_sparse = sp.issparse(E)
    centre = 0.0 if is_sparse else E.mean(axis=0)
    known = (sp.vstack if is_sparse else np.concatenate)([labeled, rejected])
    known = known.tocsr() if is_sparse else known - centre
    scale = np.sqrt(row_norms(known, squared=True).mean() / E.shape[1]) or 1.0
    is_labeled = np.arange(known.shape[0]) < labeled.shape[0]
    start = np.zeros(E.shape[1] + 1)
    weights = fit_logistic(known, is_labeled, start, scale, _REGULARIZATION)
    slopes = weights[:-1] / scale
    offset = weights[-1] - (0.0 if is_sparse else centre @ slopes)
    return row_products(E, slopes) + offset
