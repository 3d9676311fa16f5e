"""Doubt of one model about each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.query.functional._inputs import (
    FEW_CLASSES,
    FEW_TERMS,
    by_blocks,
    check_array,
    check_proba,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def least_confidence(proba: ArrayLike) -> NDArray[Any]:
    r"""Score how far the best class is from certain.

    .. math:: 1 - \max_c p_c

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (certain) to 1 - 1 / C (uniform); 0 for one class.

    See Also
    --------
    margin : Looks at the second class too.
    entropy : Looks at every class.

    References
    ----------
    Lewis, D., Gale, W. (1994). A sequential algorithm for training text classifiers.
    SIGIR. doi:10.1007/978-1-4471-2099-5_1

    Examples
    --------
    >>> from skal.query.functional import least_confidence
    >>> least_confidence([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    array([0.5, 0. ])
    """
    return by_blocks(_least_confidence, check_proba(proba))


def margin(proba: ArrayLike) -> NDArray[Any]:
    r"""Measure the lead of the best class over the second: small means uncertain.

    .. math:: p_{(1)} - p_{(2)}

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (a tie) to 1 (certain). A single class has a second best of 0, thus a
        margin of 1.

    See Also
    --------
    least_confidence : Looks at the best class only.
    entropy : Looks at every class.

    References
    ----------
    Scheffer, T., Decomain, C., Wrobel, S. (2001). Active hidden Markov models for
    information extraction. IDA. doi:10.1007/3-540-44816-0_31

    Examples
    --------
    >>> from skal.query.functional import margin
    >>> margin([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    array([0.25, 1.  ])
    """
    return by_blocks(_margin, check_proba(proba))


def decision_margin(decision: ArrayLike) -> NDArray[Any]:
    r"""Measure how far decision values are from a tie: small means uncertain.

    For two classes it is the distance from the hyperplane, in units of the decision
    function; for several the lead of the largest one-vs-rest value over the second.

    .. math:: |f(x)|, \qquad f_{(1)}(x) - f_{(2)}(x)

    Parameters
    ----------
    decision : array-like of shape (n,) or (n, C)
        Decision values of two classes, or one of each class.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (a tie) up. Infinite where there is a single class.

    See Also
    --------
    margin : The same of probabilities.

    References
    ----------
    Tong, S., Koller, D. (2001). Support vector machine active learning with
    applications to text classification. JMLR 2.

    Joshi, A., Porikli, F., Papanikolopoulos, N. (2009). Multi-class active learning for
    image classification. CVPR. doi:10.1109/CVPR.2009.5206627

    Examples
    --------
    >>> from skal.query.functional import decision_margin
    >>> decision_margin([-0.5, 2.0])
    array([0.5, 2. ])
    >>> decision_margin([[1.0, -2.0, 0.5]])
    array([0.5])
    """
    decision = np.asarray(decision)
    if decision.ndim == 1:
        column = check_array("decision", decision[:, np.newaxis], 2, "(n,) or (n, C)")
        return np.abs(column[:, 0])
    decision = check_array("decision", decision, 2, "(n,) or (n, C)")
    if decision.shape[1] == 1:
        return np.full(len(decision), np.inf)
    two_best = np.partition(decision, -2, axis=1)[:, -2:]
    return two_best[:, 1] - two_best[:, 0]


def entropy(proba: ArrayLike) -> NDArray[Any]:
    r"""Measure the entropy of the class probabilities, in nats.

    .. math:: -\sum_c p_c \log p_c, \qquad 0 \log 0 = 0

    Parameters
    ----------
    proba : array-like of shape (n, C)
        Class probabilities.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (certain) to log C (uniform); 0 for one class.

    See Also
    --------
    margin : Looks at the best two classes only.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System
    Technical Journal 27. doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> from skal.query.functional import entropy
    >>> entropy([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]).round(4)
    array([0.6931, 0.    ])
    """
    return by_blocks(plain_entropy, check_proba(proba), FEW_TERMS)


def mean_over_labels(
    formula: Callable[[NDArray[Any]], ArrayLike], proba: ArrayLike
) -> NDArray[Any]:
    """Apply a formula to multilabel probabilities: each label alone, then the mean.

    A label is a distribution over two classes, absent and present.

    Parameters
    ----------
    formula : callable
        Takes (n, 2) probabilities, or (S, n, 2) where ``proba`` comes in samples,
        and returns (n,).
    proba : array-like of shape (n, L) or (S, n, L)
        Probabilities that each of L labels is present.

    Returns
    -------
    ndarray of shape (n,)
        Mean of the formula over the labels.

    See Also
    --------
    entropy : A formula over (n, C).
    vote_entropy : A formula over (S, n, C).

    References
    ----------
    Esuli, A., Sebastiani, F. (2009). Active learning strategies for multi-label text
    classification. ECIR. doi:10.1007/978-3-642-00958-7_12

    Examples
    --------
    >>> from skal.query.functional import least_confidence, mean_over_labels
    >>> mean_over_labels(least_confidence, [[0.5, 1.0], [0.2, 0.1]])
    array([0.25, 0.15])
    """
    proba = np.asarray(proba)
    rank = 3 if proba.ndim == 3 else 2
    proba = check_array("proba", proba, rank, "(n, L) or (S, n, L)")

    def mean(block):  # (..., m, L)
        *draws, n, n_labels = block.shape
        pairs = np.clip(np.stack([1 - block, block]), 0, 1).reshape(2, *draws, -1)
        scores = formula(np.moveaxis(pairs, 0, -1))  # (..., m * L, 2)
        return np.reshape(scores, (n, n_labels)).mean(axis=1)

    return by_blocks(mean, proba, 0)


def _least_confidence(block):
    """1 - best over the last axis."""
    return 1 - block.max(axis=-1)


def _margin(block):
    """Best minus second best over the last axis of (m, C)."""
    n, n_classes = block.shape
    if n_classes > FEW_CLASSES:
        block = block.copy()
        best_class = (np.arange(n), block.argmax(axis=1))
        best = block[best_class]
        block[best_class] = -np.inf
        return best - block.max(axis=1)
    best = block[:, 0].copy()
    second = np.zeros_like(best)
    for p in block.T[1:]:
        np.maximum(second, np.minimum(best, p), out=second)
        np.maximum(best, p, out=best)
    return best - second


def plain_entropy(block):
    """Entropy over the last axis, in nats."""
    logs = block + np.finfo(block.dtype).tiny  # changes nothing but log 0
    np.log(logs, out=logs)
    return 0 - np.einsum("...c,...c->...", block, logs)
