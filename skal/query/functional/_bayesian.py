"""What draws of a posterior say about each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.query.functional._disagreement import consensus_entropy, kl_divergence
from skal.query.functional._inputs import by_blocks, check_samples

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray


def mutual_information(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure how much a row's label would tell about the model, in nats.

    .. math:: I(y; \omega) = H(\bar p) - \tfrac{1}{S} \sum_s H(p_s)

    the doubt about the label less the doubt that every draw of the model has: what is
    left can be learnt.

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S posterior draws or members.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (all draws alike) to log(min(S, C)), and never above
        ``predictive_entropy``.

    See Also
    --------
    kl_divergence : The same number, as the mean divergence from the consensus.
    batch_bald : The information of a batch, in which rows may tell the same.
    epig : Counts what helps the predictions for other rows only.

    References
    ----------
    Houlsby, N., Huszar, F., Ghahramani, Z., Lengyel, M. (2011). Bayesian active
    learning for classification and preference learning. arXiv:1112.5745

    Examples
    --------
    >>> from skal.query.functional import mutual_information
    >>> samples = [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]
    >>> mutual_information(samples).round(4)
    array([0.6931, 0.    ])
    """
    return kl_divergence(samples)


def predictive_entropy(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the entropy of the posterior predictive probabilities, in nats.

    .. math:: H(\bar p), \qquad \bar p = \tfrac{1}{S} \sum_s p_s

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S posterior draws or members.

    Returns
    -------
    ndarray of shape (n,)
        From 0 to log C. High where the draws differ, and where they agree that the
        row is ambiguous.

    See Also
    --------
    consensus_entropy : The same number, by its name for a committee.
    mutual_information : The share of it that more labels would resolve.

    References
    ----------
    Gal, Y., Islam, R., Ghahramani, Z. (2017). Deep Bayesian active learning with
    image data. ICML. arXiv:1703.02910

    Examples
    --------
    >>> from skal.query.functional import predictive_entropy
    >>> predictive_entropy([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    return consensus_entropy(samples)


def variation_ratio(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure the share of draws that do not vote for the commonest class.

    Each draw votes for its most probable class, the first one in a tie. With
    :math:`V_c` the share of the votes for class c:

    .. math:: 1 - \max_c V_c

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S posterior draws or members.

    Returns
    -------
    ndarray of shape (n,)
        From 0 (every draw votes alike) to 1 - 1 / min(S, C), in steps of 1 / S.

    See Also
    --------
    vote_entropy : Looks at all the votes, not at those of the commonest class alone.

    References
    ----------
    Freeman, L. C. (1965). Elementary applied statistics. Wiley.

    Gal, Y., Islam, R., Ghahramani, Z. (2017). Deep Bayesian active learning with
    image data. ICML. arXiv:1703.02910

    Examples
    --------
    >>> from skal.query.functional import variation_ratio
    >>> variation_ratio([[[0.9, 0.1], [0.9, 0.1]], [[0.2, 0.8], [0.6, 0.4]]])
    array([0.5, 0. ])
    """
    return by_blocks(_variation_ratio, check_samples(samples), 0)


def mean_std(samples: ArrayLike) -> NDArray[Any]:
    r"""Measure how much the class probabilities vary between draws.

    .. math:: \tfrac{1}{C} \sum_c \sqrt{\tfrac{1}{S} \sum_s (p_{sc} - \bar p_c)^2}

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S posterior draws or members.

    Returns
    -------
    ndarray of shape (n,)
        The mean over classes of the standard deviation over draws: from 0 (all draws
        alike) to 1/2.

    See Also
    --------
    mutual_information : Measures the spread of the draws in nats.

    References
    ----------
    Kampffmeyer, M., Salberg, A.-B., Jenssen, R. (2016). Semantic segmentation of
    small objects and modeling of uncertainty in urban remote sensing images using
    deep convolutional neural networks. CVPR workshops. doi:10.1109/CVPRW.2016.90

    Examples
    --------
    >>> from skal.query.functional import mean_std
    >>> mean_std([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    array([0.5, 0. ])
    """
    return by_blocks(_mean_std, check_samples(samples))


def _variation_ratio(block):
    """Share of votes that miss the commonest class; block is (S, m, C)."""
    n_draws, n, n_classes = block.shape
    votes = block.argmax(axis=2) + n_classes * np.arange(n)  # (S, m)
    counts = np.bincount(votes.ravel(), minlength=n * n_classes)
    return 1 - counts.reshape(n, n_classes).max(axis=1) / n_draws


def _mean_std(block):
    """Mean over the classes of the deviation over the draws; block is (S, m, C)."""
    return block.std(axis=0).mean(axis=-1)
