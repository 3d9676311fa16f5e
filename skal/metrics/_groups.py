"""Whom a model serves badly: the log loss of each group of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.metrics._proba import checked_predictions

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike


def nll_by_group(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    labels: ArrayLike | None = None,
) -> dict[Any, float]:
    r"""Compute the negative log-likelihood in each group of rows.

    An average hides the class, the hospital or the camera on which a model is sure and
    wrong. In a group :math:`g` of :math:`n_g` rows:

    .. math:: \mathrm{NLL}_g = - \frac{1}{n_g} \sum_{i \in g} \log p(y_i \mid x_i)

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities; of two classes that of the greater label is enough.
    groups : array-like of shape (n_samples,), default=None
        The group of each row; None takes its label.
    labels : array-like of shape (n_classes,), default=None
        The label of each column, as in ``classes_`` of the model. None takes the
        sorted labels of ``y_true``; there must then be one for each column.

    Returns
    -------
    dict of float
        The value of each group, in nats, in the order of the groups. Weighted by
        the groups' sizes they average to :func:`sklearn.metrics.log_loss`.

    Raises
    ------
    ValueError
        If the labels do not fit the columns, or these are no probabilities.

    See Also
    --------
    expected_calibration_error : How far confidence is from accuracy.
    sklearn.metrics.log_loss : The same over all rows.

    Notes
    -----
    Probabilities below the smallest step of their number type count as that step, as
    in scikit-learn: a single certain mistake would make the value infinite.

    Examples
    --------
    >>> from skal.metrics import nll_by_group
    >>> y_proba = [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]
    >>> nll_by_group([0, 1, 0, 1], y_proba, groups=["new", "new", "old", "old"])
    {'new': 0.693..., 'old': 0.143...}
    """
    codes, proba = checked_predictions(y_true, y_proba, labels)
    groups = np.asarray(y_true if groups is None else groups)
    if groups.shape != codes.shape:
        raise ValueError(
            f"groups must hold one group for each of the {len(codes)} rows, got shape "
            f"{groups.shape}."
        )
    chance = proba[np.arange(len(codes)), codes]
    eps = np.finfo(proba.dtype).eps
    surprise = -np.log(np.clip(chance, eps, 1 - eps).astype(np.float64))
    names, members = np.unique(groups, return_inverse=True)
    means = np.bincount(members, surprise) / np.bincount(members)
    return dict(zip(names.tolist(), means.tolist(), strict=True))
