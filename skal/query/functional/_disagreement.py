"""Disagreement of a committee about each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.query.functional._inputs import (
    FEW_TERMS,
    by_blocks,
    check_array,
    check_samples,
)
from skal.query.functional._uncertainty import plain_entropy

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def vote_entropy(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the entropy of the votes of a committee, in nats.

    Each member votes for its most probable class, the first one in a tie. With
    :math:`V_c` the share of the votes for class c:

    .. math:: -\sum_c V_c \log V_c

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (every member votes alike) to log(min(S, C)).

    See Also
    --------
    consensus_entropy : Entropy of the mean probabilities.
    kl_divergence : Disagreement of the probabilities themselves.

    References
    ----------
    Dagan, I., Engelson, S. (1995). Committee-based sampling for training
    probabilistic classifiers. ICML. doi:10.1016/B978-1-55860-377-6.50027-X

    Examples
    --------
    >>> from skal.query.functional import vote_entropy
    >>> vote_entropy([[[0.9, 0.1], [0.9, 0.1]], [[0.2, 0.8], [0.6, 0.4]]]).round(4)
    array([0.6931, 0.    ])
    """
    return by_blocks(_vote_entropy, check_samples(samples), 0)


def consensus_entropy(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the entropy of the mean probabilities of a committee, in nats.

    .. math:: H(\bar p), \qquad \bar p = \tfrac{1}{S} \sum_s p_s

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        From 0 to log C. High where members disagree, and where they agree that the
        row is ambiguous.

    See Also
    --------
    kl_divergence : The share of it that is disagreement.

    References
    ----------
    Settles, B. (2009). Active learning literature survey. University of
    Wisconsin-Madison, Computer Sciences Technical Report 1648.

    Examples
    --------
    >>> from skal.query.functional import consensus_entropy
    >>> consensus_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    return by_blocks(_consensus_entropy, check_samples(samples), FEW_TERMS)


def kl_divergence(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the mean divergence of a committee's members from their consensus.

    .. math::
        \tfrac{1}{S} \sum_s \mathrm{KL}(p_s \| \bar p)
        = H(\bar p) - \tfrac{1}{S} \sum_s H(p_s)

    which is the mutual information of the label and the member, in nats.

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (all members alike) to log(min(S, C)).

    See Also
    --------
    consensus_entropy : The first of the two terms.

    References
    ----------
    McCallum, A., Nigam, K. (1998). Employing EM and pool-based active learning for
    text classification. ICML.

    Examples
    --------
    >>> from skal.query.functional import kl_divergence
    >>> kl_divergence([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]).round(4)
    array([0.6931, 0.    ])
    """
    return by_blocks(_kl_divergence, check_samples(samples), FEW_TERMS)


def committee_std(predictions: ArrayLike) -> NDArray[Any]:
    """Measure how much the predictions of a committee of regressors spread.

    Parameters
    ----------
    predictions : array-like of shape (S, n) or (S, n, n_outputs)
        Predictions of S members or posterior draws.

    Returns
    -------
    ndarray of shape (n,)
        Standard deviation over the members, in the units of the target; the mean
        over the outputs where there are several.

    See Also
    --------
    vote_entropy : Disagreement of classifiers.

    References
    ----------
    Burbidge, R., Rowland, J., King, R. (2007). Active learning for regression based
    on query by committee. IDEAL. doi:10.1007/978-3-540-77226-2_22

    Examples
    --------
    >>> from skal.query.functional import committee_std
    >>> committee_std([[1.0, 5.0], [3.0, 5.0]])
    array([1., 0.])
    """
    predictions = np.asarray(predictions)
    if predictions.ndim == 2:
        predictions = predictions[:, :, np.newaxis]
    shape = "(S, n) or (S, n, n_outputs)"
    return by_blocks(_committee_std, check_array("predictions", predictions, 3, shape))


def _vote_entropy(block):
    """Entropy of the shares of votes; block is (S, m, C)."""
    n_draws, n, n_classes = block.shape
    votes = block.argmax(axis=2) + n_classes * np.arange(n)  # (S, m)
    counts = np.bincount(votes.ravel(), minlength=n * n_classes)
    return plain_entropy((counts / n_draws).astype(block.dtype).reshape(n, n_classes))


def _consensus_entropy(block):
    """Entropy of the mean over the draws; block is (S, m, C)."""
    return plain_entropy(block.mean(axis=0))


def _kl_divergence(block):
    """Entropy of the mean minus mean of the entropies; rounding may not go below 0."""
    return np.maximum(_consensus_entropy(block) - plain_entropy(block).mean(axis=0), 0)


def _committee_std(block):
    """Mean over the outputs of the deviation over the draws; block is (S, m, o)."""
    return block.std(axis=0).mean(axis=-1)
