"""How typical of the pool a row is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.extmath import row_norms

from skal._checks import check_number
from skal.query.functional._contrast import row_products
from skal.query.functional._gradient import check_rows
from skal.query.functional._inputs import check_finite, check_table

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def information_density(
    scores: ArrayLike, E: Any, *, beta: float = 1.0
) -> NDArray[Any]:
    r"""Weigh scores by how similar rows are to the pool on average.

    .. math::
        s_n \left( \tfrac12 + \tfrac{1}{2N} \sum_m \cos(e_n, e_m) \right)^\beta

    Parameters
    ----------
    scores : array-like of shape (n,)
        How much each row is wanted, from 0.
    E : {array-like, sparse matrix} of shape (n, d)
        Embeddings of the pool.
    beta : float, default=1.0
        Weight of the density, from 0 (none).

    Returns
    -------
    ndarray of shape (n,)
        The weighted scores.

    Raises
    ------
    ValueError
        If a score is negative, a number is not finite or there is not one score a row.

    See Also
    --------
    entropy : A score to weigh.

    Notes
    -----
    Costs O(n d) time: the mean cosine to all rows is the product with the mean of the
    rows scaled to length 1. The cosine is mapped to [0, 1], so that the density of
    rows with negative features is never negative.

    References
    ----------
    Settles, B., Craven, M. (2008). An analysis of active learning strategies for
    sequence labeling tasks. EMNLP. doi:10.3115/1613715.1613855

    Examples
    --------
    >>> from skal.query.functional import information_density
    >>> information_density([1.0, 1.0], [[2.0, 0.0], [0.0, 1.0]])
    array([0.75, 0.75])
    """
    values, E = np.asarray(scores), check_finite("E", check_table("E", E))
    check_number("beta", beta, minimum=0)
    if values.ndim != 1:
        raise ValueError(f"scores must have shape (n,), got {values.shape}.")
    check_rows("scores", check_finite("scores", values), "E", E)
    if len(values) and values.min() < 0:
        raise ValueError(
            f"scores must be from 0 up, got {values.min()}. Use a score such as the "
            "entropy or the least confidence."
        )
    lengths = np.sqrt(row_norms(E, squared=True))
    inverse = 1 / np.where(lengths > 0, lengths, 1)
    direction = np.asarray(E.T @ (inverse / max(len(inverse), 1))).ravel()
    cosine = row_products(E, direction) * inverse
    return values * np.clip((1 + cosine) / 2, 0, 1) ** beta
