"""Which column of the probabilities belongs to which label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._data import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray


def columns_of(classes: NDArray, labels: NDArray) -> NDArray[np.intp]:
    """Return the positions of labels among classes, which need not be sorted.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels of the columns.
    labels : ndarray of shape (n,)
        Labels that are among them.

    Returns
    -------
    ndarray of int of shape (n,)
        Their columns.
    """
    order = np.argsort(classes)
    return order[np.searchsorted(classes, labels, sorter=order)]


def over_all(classes: NDArray, proba: NDArray, own: NDArray) -> NDArray:
    """Spread the probabilities of some classes over all, zero for the others.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels of the columns to come.
    proba : ndarray of shape (n, n_own)
        Probabilities.
    own : ndarray of shape (n_own,)
        The labels of their columns.

    Returns
    -------
    ndarray of shape (n, n_classes)
        The same probabilities in as many columns as there are classes.
    """
    return spread(proba, columns_of(classes, own), len(classes), fill=0)
