"""How much the label of a row would tell about the labels of target rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.query.functional._disagreement import consensus_entropy
from skal.query.functional._inputs import check_samples
from skal.query.functional._joint import safe_log

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

#: Rows and columns of a tile of joint probabilities, which stays in cache.
_TILE = 512


def epig(samples: ArrayLike, target_samples: ArrayLike) -> NDArray[Any]:
    r"""Score the information that a row's label gives about labels of target rows.

    .. math:: \tfrac{1}{m} \sum_j I(y; y_j) = H(y) + \tfrac{1}{m} \sum_j \bigl( H(y_j)
        - H(y, y_j) \bigr)

    in nats, where the labels of two rows depend on each other through the model: their
    joint probabilities are the mean over the draws of the product of theirs.

    Parameters
    ----------
    samples : array-like of shape (S, n, C)
        Class probabilities of S posterior draws or members.
    target_samples : array-like of shape (S, m, C)
        Those of the rows that are to be predicted well, by the same draws.

    Returns
    -------
    ndarray of shape (n,)
        From 0 to the ``mutual_information`` of the row, which is never less.

    Raises
    ------
    ValueError
        If the two arrays are not of the same draws and classes.

    See Also
    --------
    mutual_information : Counts what a label tells about the model, of use or not.

    Notes
    -----
    Costs O(n m C^2 S) time, as matrix products in tiles of 512 by 512; memory beyond
    the inputs is a few megabytes.

    References
    ----------
    Bickford Smith, F., Kirsch, A., Farquhar, S., Gal, Y., Foster, A., Rainforth, T.
    (2023). Prediction-oriented Bayesian active learning. AISTATS. arXiv:2304.08151

    Examples
    --------
    The draws disagree about both rows, but only about row 0 in the way they disagree
    about the target:

    >>> from skal.query.functional import epig
    >>> a, b = [1, 0], [0, 1]
    >>> samples = [[a, a], [a, b], [b, a], [b, b]]
    >>> target = [[a], [a], [b], [b]]
    >>> epig(samples, target).round(4)
    array([0.6931, 0.    ])
    """
    draws, targets = check_samples(samples), check_samples(target_samples)
    if draws.shape[::2] != targets.shape[::2] or targets.shape[1] == 0:
        raise ValueError(
            "target_samples must have the draws and the classes of samples, "
            f"{draws.shape[::2]}, and one row or more, got shape {targets.shape}. "
            "Draw both from one posterior with one seed."
        )
    dtype = np.result_type(draws.dtype, targets.dtype, np.float32)
    n_draws, n, n_classes = draws.shape
    columns = targets.astype(dtype).reshape(n_draws, -1) / n_draws  # (S, m C)
    negentropy = np.empty(n)
    size = max(1, _TILE // n_classes)
    for start in range(0, n, size):
        rows = draws[:, start : start + size].astype(dtype, copy=False)
        rows = np.ascontiguousarray(rows.reshape(n_draws, -1).T)  # (b C, S)
        total = _joint_negentropy(rows, columns).reshape(-1, n_classes).sum(axis=1)
        negentropy[start : start + size] = total
    apart = consensus_entropy(draws) + consensus_entropy(targets).mean()
    score = apart + negentropy / targets.shape[1]
    return np.maximum(score, 0).astype(dtype, copy=False)


def _joint_negentropy(rows, columns):
    """Sum of J log J over the joint probabilities J of each row with all columns."""
    total = np.zeros(len(rows))
    for start in range(0, columns.shape[1], _TILE):
        joint = rows @ columns[:, start : start + _TILE]
        total += np.einsum("ij,ij->i", joint, safe_log(joint))
    return total
