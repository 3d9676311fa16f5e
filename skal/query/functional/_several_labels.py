"""How much is to learn from rows that carry several labels each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_number
from skal.query.functional._inputs import check_array, check_finite

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: The least distance of two groups of probabilities that is told from 0.
_LEAST_GAP = 1e-6


def mmc(proba: ArrayLike, n_present: ArrayLike) -> NDArray[Any]:
    r"""Score how much the loss falls if the likeliest labels of a row are its own.

    Of a row that is thought to carry k labels, the k likeliest are taken for present,
    y = 1, and the others for absent, y = -1. With f = 2 p - 1 the loss falls by

    .. math:: \tfrac12 \sum_l (1 - y_l f_l)

    Where k is the number of labels above a half, rows come in the order of the mean of
    margins; each label more or fewer adds its :math:`|f_l|`.

    Parameters
    ----------
    proba : array-like of shape (n, L)
        Probabilities that each of L labels is present.
    n_present : array-like of int of shape (n,)
        How many labels each row is thought to carry, from 0 to L.

    Returns
    -------
    ndarray of shape (n,)
        The expected fall of the loss, from 0 up.

    Raises
    ------
    ValueError
        If the arrays differ in rows, a number is not finite, or a count is not between
        0 and L.

    See Also
    --------
    lci : Counts the labels that are predicted against those of the rows known.

    Notes
    -----
    Cost: O(n L log L).

    References
    ----------
    Yang, B., Sun, J.-T., Wang, T., Chen, Z. (2009). Effective multi-label active
    learning for text classification. KDD. doi:10.1145/1557019.1557119

    Examples
    --------
    >>> from skal.query.functional import mmc
    >>> mmc([[0.9, 0.2], [0.5, 0.4]], [1, 1])
    array([0.3, 0.9])
    """
    p = check_finite("proba", check_array("proba", np.asarray(proba), 2, "(n, L)"))
    counts = np.asarray(n_present)
    if counts.shape != (len(p),) or np.any((counts < 0) | (counts > p.shape[1])):
        raise ValueError(
            f"n_present must be a number from 0 to {p.shape[1]} for each of the "
            f"{len(p)} rows of proba, got {n_present!r}."
        )
    falling = -np.sort(-p, axis=1)
    present = np.arange(p.shape[1]) < counts[:, np.newaxis]  # (n, L)
    return np.where(present, 1 - falling, falling).sum(axis=1)


def lci(proba: ArrayLike, cardinality: float, *, beta: float = 0.5) -> NDArray[Any]:
    r"""Score rows whose labels are hard to tell apart, or are strangely many or few.

    Labels of a probability above a half are predicted to be present. A row scores

    .. math:: g^{-\beta} \, c^{1 - \beta}

    where g is the gap between the least probability of a label that is predicted and
    the greatest of one that is not, 1 and 0 where there are none, and c is how far
    the number of labels predicted is from ``cardinality``.

    Parameters
    ----------
    proba : array-like of shape (n, L)
        Probabilities that each of L labels is present.
    cardinality : float
        The mean number of labels of the rows known.
    beta : float, default=0.5
        From 0, the inconsistency c alone, to 1, the gap alone.

    Returns
    -------
    ndarray of shape (n,)
        Scores, from 0 up.

    Raises
    ------
    ValueError
        If ``proba`` holds a number that is not finite, or another parameter is out of
        bounds.

    See Also
    --------
    mmc : The fall of the loss.

    Notes
    -----
    Cost: O(n L).

    References
    ----------
    Li, X., Guo, Y. (2013). Active learning with multi-label SVM classification. IJCAI.
    https://www.ijcai.org/Proceedings/13/Papers/220.pdf

    Examples
    --------
    >>> from skal.query.functional import lci
    >>> lci([[0.9, 0.1], [0.6, 0.4]], 1.25, beta=0).round(2)
    array([0.25, 0.25])
    >>> lci([[0.9, 0.1], [0.6, 0.4]], 1.25, beta=1).round(2)
    array([1.25, 5.  ])
    """
    p = check_finite("proba", check_array("proba", np.asarray(proba), 2, "(n, L)"))
    check_number("cardinality", cardinality, minimum=0, maximum=p.shape[1])
    check_number("beta", beta, minimum=0, maximum=1)
    present = p > 0.5
    least = np.where(present, p, 1).min(axis=1)
    greatest = np.where(present, 0, p).max(axis=1)
    gap = np.maximum(least - greatest, _LEAST_GAP)
    strange = np.abs(present.sum(axis=1) - cardinality)
    return gap**-beta * strange ** (1 - beta)


def by_succession(Y):
    """Return the chance (k + 1) / (m + 2) of each label, and which labels vary.

    Y is an indicator (n, L), NaN where a label is not known; k of m rows known have it.
    """
    m = np.sum(~np.isnan(Y), axis=0)
    k = np.nansum(Y, axis=0)
    return (k + 1) / (m + 2), (k > 0) & (k < m)
