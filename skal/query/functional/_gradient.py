"""The gradient that a row's label would give the last layer, never written out.

With the residual r = p - e_y and the embedding h, the gradient of the cross-entropy
for the weights and the bias is the outer product of r and (h, 1). Its length and its
inner products factor, so that no array of n rows by C d numbers is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.extmath import row_norms, safe_sparse_dot

from skal._seed import as_random_state
from skal.query.functional._inputs import (
    by_blocks,
    check_batch,
    check_finite,
    check_proba,
    check_table,
)
from skal.query.functional._seeding import draw_by_weight, draw_far

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Rows of the pool whose distances to some picks are computed at a time.
_ROWS = 2**11
#: Rounding errors of a squared distance, in last digits of the squared norms.
_ULPS = 32


def expected_gradient_length(proba: ArrayLike, E: Any) -> NDArray[Any]:
    r"""Score how far a row's label is expected to move the last layer.

    .. math:: \sum_y p_y \, \| p - e_y \| \, \| (h, 1) \|

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings: the inputs of the last layer.

    Returns
    -------
    ndarray of shape (n,)
        Expected length of the gradient of the cross-entropy.

    Raises
    ------
    ValueError
        If ``proba`` and ``E`` differ in rows or hold numbers that are not finite.

    See Also
    --------
    badge : Spreads a batch over such gradients.
    expected_model_change : The same idea for regression.

    References
    ----------
    Settles, B., Craven, M., Ray, S. (2007). Multiple-instance active learning. NIPS.

    Examples
    --------
    >>> from skal.query.functional import expected_gradient_length
    >>> expected_gradient_length([[1.0, 0.0], [0.5, 0.5]], [[0.0], [1.0]])
    array([0., 1.])
    """
    p, E = check_finite_pair(proba, E)
    return by_blocks(_expected_residual, p) * np.sqrt(row_norms(E, True) + 1)


def _expected_residual(block):
    """Mean length of p - e_y over the labels; block is (m, C)."""
    squared = np.einsum("...c,...c->...", block, block)[..., np.newaxis] + 1 - 2 * block
    lengths = np.sqrt(np.maximum(squared, 0))
    return np.einsum("...c,...c->...", block, lengths)


def badge(
    proba: ArrayLike,
    E: Any,
    n_instances: int,
    *,
    multilabel: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int64]:
    r"""Pick rows whose gradients are long and point apart.

    With the predicted class for a label, a row has the gradient
    :math:`g = (p - e_{\hat y}) \otimes (h, 1)`. The longest comes first; each further
    row is drawn with a chance in proportion to its squared distance to the nearest
    gradient picked, as k-means++ draws its centres.

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities, or chances of labels.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings: the inputs of the last layer.
    n_instances : int
        How many rows to pick.
    multilabel : bool, default=False
        Whether the columns of ``proba`` are the chances of C labels, of which a row may
        carry several: the gradients are then those of C logistic losses.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    ndarray of int64 of shape (n_instances,)
        Positions in the pool, in the order of picking.

    Raises
    ------
    PoolExhaustedError
        If the pool holds fewer than ``n_instances`` rows.
    ValueError
        If ``proba`` and ``E`` differ in rows or hold numbers that are not finite.

    See Also
    --------
    expected_gradient_length : The length alone, over all labels.

    Notes
    -----
    Costs O(n k (C + d)) time for k picks, in one matrix product for a few dozen picks:
    until then distances are upper bounds, from which rows are drawn and then rejected
    as often as the true distance asks, so that the picks have the same distribution.
    Memory beyond the inputs is O(n C). Once every gradient has been picked, the rest
    are drawn evenly among the rows left.

    References
    ----------
    Ash, J. T., Zhang, C., Krishnamurthy, A., Langford, J., Agarwal, A. (2020). Deep
    batch active learning by diverse, uncertain gradient lower bounds. ICLR.
    arXiv:1906.03671

    Examples
    --------
    >>> from skal.query.functional import badge
    >>> proba = [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]
    >>> badge(proba, [[3.0], [-1.0], [5.0]], 2, random_state=0)
    array([0, 1])
    """
    p, E = check_pair(proba, E)
    n_instances = check_batch(n_instances, len(p))
    rng = as_random_state(random_state)
    points = Gradients(p, E, multilabel)
    first = rng.choice(np.flatnonzero(points.norms == points.norms.max()))
    nearest = points.nearest(points.take([first]))[1]
    picked = np.append(first, draw_far(points, nearest, None, n_instances - 1, rng))
    if len(picked) == n_instances:
        return picked
    left = np.delete(np.arange(len(p)), picked)
    rest = draw_by_weight(left, None, n_instances - len(picked), rng)
    return np.concatenate([picked, rest])


class Gradients:
    """The gradients of the predicted classes, as points that rows are drawn from.

    Attributes
    ----------
    norms : ndarray of shape (n,)
        Squared lengths.
    slack : ndarray of shape (n,)
        Squared distances that rounding may turn to or from 0.
    """

    def __init__(self, proba, E, multilabel=False):
        self.E, self.dtype = E, E.dtype
        self.residuals = proba.astype(E.dtype)  # (n, C)
        if multilabel:
            self.residuals -= proba > 0.5
        else:
            self.residuals[np.arange(len(proba)), proba.argmax(axis=1)] -= 1
        self.norms = row_norms(self.residuals, True) * (row_norms(E, True) + 1)
        if not np.isfinite(self.norms).all():
            raise ValueError(
                "proba and E must hold finite numbers, got others in "
                f"{(~np.isfinite(self.norms)).sum()} of {len(self)} rows. Impute or "
                "scale them."
            )
        self.slack = _ULPS * np.finfo(E.dtype).eps * self.norms

    def __len__(self):
        return len(self.residuals)

    def take(self, rows):
        """Return the parts of the gradients of some rows."""
        return self.residuals[rows], self.E[rows], self.norms[rows]

    def squared(self, rows, others):
        """Squared distances of some rows to the gradients taken: (m, k)."""
        residuals, E, norms = others
        products = safe_sparse_dot(self.E[rows], E.T, dense_output=True)
        products += 1
        products *= self.residuals[rows] @ (-2 * residuals).T
        products += self.norms[rows, np.newaxis]
        products += norms
        return np.maximum(products, 0, out=products)

    def nearest(self, others):
        """Squared distance of each row to the nearest gradient taken; (unknown, (n,)).

        Which one is nearest, asked of other points, is of no use here.
        """
        out = np.empty(len(self), self.dtype)
        for rows in gen_batches(len(self), _ROWS):
            out[rows] = self.squared(rows, others).min(axis=1)
        return None, out


def check_pair(proba, E):
    """Return probabilities and embeddings of the same rows, both as floats."""
    proba, E = check_proba(proba), check_table("E", E)
    if E.dtype.kind != "f":
        E = E.astype(np.float32)
    return check_rows("proba", proba, "E", E), E


def check_finite_pair(proba, E, names=("proba", "E")):
    """Return probabilities and embeddings of the same rows, all of them finite."""
    p, E = check_pair(proba, E)
    return check_finite(names[0], p), check_finite(names[1], E)


def check_rows(name, values, other, table):
    """Return values if another array has a row for each of theirs."""
    if values.shape[0] != table.shape[0]:
        raise ValueError(
            f"{name} and {other} must have the same rows, got shapes {values.shape} "
            f"and {table.shape}. Give one row for each instance in both."
        )
    return values
