"""Calibration: whether what is said with 80 % confidence is true in 80 % of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_int
from skal.metrics._proba import checked_predictions

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

STRATEGIES = ("uniform", "quantile")


def expected_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 15,
    strategy: str = "uniform",
) -> float:
    r"""Measure how far confidence is from accuracy, on average.

    Predictions are sorted into bins by their confidence, the probability of the class
    predicted. In each bin the share that is right is compared with the mean
    confidence:

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \,
        \lvert \mathrm{acc}_b - \mathrm{conf}_b \rvert

    0 is perfect; .05 means that confidence is five points off on average.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities; of two classes that of the greater label is enough.
    labels : array-like of shape (n_classes,), default=None
        The label of each column, as in ``classes_`` of the model. None takes the
        sorted labels of ``y_true``; there must then be one for each column.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or with equally many predictions (the adaptive ECE). Equal
        confidences share a bin, so that the latter may be fewer than ``n_bins``.

    Returns
    -------
    float
        The error, from 0 to 1.

    Raises
    ------
    ValueError
        If the labels do not fit the columns, or these are no probabilities.

    See Also
    --------
    reliability_curve : The bins themselves.
    skal.plotting.ReliabilityDisplay : Their picture.
    sklearn.metrics.log_loss : A proper score, which honest probabilities minimise.
    sklearn.metrics.brier_score_loss : Another, bounded.

    Notes
    -----
    A model that always predicts the share of the largest class has an ECE near 0: read
    it beside the accuracy or a proper score. It is biased upwards on few rows, where
    every bin is off by chance; compare models on the same rows and bins. Of equal
    largest probabilities the first is the prediction.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger (2017). On calibration of modern neural
       networks. ICML. arXiv:1706.04599
    .. [2] Nixon, Dusenberry, Zhang, Jerfel and Tran (2019). Measuring calibration in
       deep learning. CVPR workshops. arXiv:1904.01685

    Examples
    --------
    >>> from skal.metrics import expected_calibration_error
    >>> y_proba = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    >>> round(expected_calibration_error(["a", "b", "b", "b"], y_proba), 3)
    0.4
    """
    accuracy, confidence, count, _ = reliability_curve(
        y_true, y_proba, labels=labels, n_bins=n_bins, strategy=strategy
    )
    filled = count > 0
    gap = np.abs(accuracy[filled] - confidence[filled])
    return float(np.average(gap, weights=count[filled]))


def reliability_curve(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 15,
    strategy: str = "uniform",
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Compare accuracy with confidence, bin by bin of confidence.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities; of two classes that of the greater label is enough.
    labels : array-like of shape (n_classes,), default=None
        The label of each column, as in ``classes_`` of the model. None takes the
        sorted labels of ``y_true``; there must then be one for each column.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or with equally many predictions.

    Returns
    -------
    accuracy : ndarray of shape (n_bins,)
        Share of predictions in a bin that are right; NaN in an empty bin.
    confidence : ndarray of shape (n_bins,)
        Mean probability of the predicted class; NaN in an empty bin.
    count : ndarray of shape (n_bins,)
        Number of predictions in a bin.
    edges : ndarray of shape (n_bins + 1,)
        Where the bins begin and end. A bin holds its upper edge and not its lower one.

    Raises
    ------
    ValueError
        If the labels do not fit the columns, or these are no probabilities.

    See Also
    --------
    expected_calibration_error : All bins in one number.
    sklearn.calibration.calibration_curve : Of one class rather than the predicted one.

    Examples
    --------
    >>> from skal.metrics import reliability_curve
    >>> y_proba = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    >>> accuracy, confidence, count, edges = reliability_curve(
    ...     ["a", "b", "b", "b"], y_proba, n_bins=4
    ... )
    >>> accuracy, confidence, count
    (array([nan, nan, 1. , 0.5]), array([nan, nan, 0.6, 0.9]), array([0, 0, 2, 2]))
    """
    n_bins = check_int("n_bins", n_bins)
    check_choice("strategy", strategy, STRATEGIES)
    codes, proba = checked_predictions(y_true, y_proba, labels)
    right = proba.argmax(axis=1) == codes
    confidence = proba.max(axis=1).astype(np.float64)
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        edges = _edges_between_values(confidence, n_bins)
    bins = np.searchsorted(edges[1:-1], confidence, side="left")
    count = np.bincount(bins, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore"):
        return (
            np.bincount(bins, right, len(count)) / count,
            np.bincount(bins, confidence, len(count)) / count,
            count,
            edges,
        )


def _edges_between_values(values, n_bins):
    """Return edges from 0 to 1 that part values into equally large groups.

    Each inner edge is one of the values, which belongs below it: equal values are
    never parted.
    """
    inner = np.quantile(values, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    inner = np.unique(inner)
    return np.concatenate([[0.0], inner[inner < values.max()], [1.0]])
