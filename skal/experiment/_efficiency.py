"""How many labels a strategy saves, with intervals over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_fraction, check_int
from skal.metrics import labels_to_reach

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Efficiency:
    """How many times the labels a baseline needs, along its curve.

    Parameters
    ----------
    baseline_labels : ndarray of float of shape (n_points,)
        Labels of the baseline.
    scores : ndarray of float of shape (n_points,)
        The best mean score it has by then.
    ratio : ndarray of float of shape (n_points,)
        Its labels divided by those the strategy needs for that score; NaN where the
        strategy does not get there.
    low, high : ndarray of float of shape (n_points,)
        Interval of the ratio. Where the strategy may not get there within the labels
        that were bought the ratio is only known to be below the baseline's labels
        divided by all of these: such an interval begins at 0 and ends there or above.

    See Also
    --------
    efficiency_interval : Makes one.

    Examples
    --------
    >>> from skal.experiment import efficiency_interval
    >>> efficiency_interval([10, 20, 40], [[0.5, 0.8, 0.9]], [[0.5, 0.6, 0.8]]).ratio
    array([1. , 1.5, 2. ])
    """

    baseline_labels: NDArray[np.float64]
    scores: NDArray[np.float64]
    ratio: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def efficiency_interval(
    n_labels: ArrayLike,
    scores: ArrayLike,
    baseline_scores: ArrayLike,
    *,
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int = 0,
) -> Efficiency:
    r"""Tell how many labels a strategy saves along the curve of a baseline.

    .. math:: \mathrm{LE}(n) = \frac{n}{\text{labels to reach the baseline's score at }
        n}

    2 means that half the labels do. Mean curves are compared, and the interval is that
    of seeds drawn again with replacement, pair by pair.

    Parameters
    ----------
    n_labels : array-like of shape (n_points,)
        Labels that the models were trained on, the same on both sides.
    scores : array-like of shape (n_seeds, n_points)
        Of the strategy; higher is better.
    baseline_scores : array-like of shape (n_seeds, n_points)
        Of the baseline, for the same seeds.
    level : float, default=0.95
        Of the interval.
    n_bootstrap : int, default=1000
        How often seeds are drawn again.
    random_state : int, default=0
        Seeds those draws.

    Returns
    -------
    Efficiency
        The curve with its interval; with one seed there is none, and it is NaN.

    See Also
    --------
    skal.metrics.label_efficiency : The same for one pair of curves.
    labels_needed : Labels to a given score.

    References
    ----------
    .. [1] N. Beck, D. Sivasubramanian, A. Dani, G. Ramakrishnan and R. Iyer (2021).
       Effective evaluation of deep active learning on image classification tasks.
       arXiv:2106.15324

    Examples
    --------
    >>> from skal.experiment import efficiency_interval
    >>> margin, chance = [[0.5, 0.8, 0.9], [0.6, 0.8, 0.9]], [[0.5, 0.6, 0.8]] * 2
    >>> efficiency_interval([10, 20, 40], margin, chance).ratio
    array([1.        , 1.66666667, 2.        ])
    """
    n_labels = np.asarray(n_labels, float)
    scores, base = np.asarray(scores, float), np.asarray(baseline_scores, float)
    best = np.maximum.accumulate(base.mean(axis=0))
    bounds = np.array(
        [
            _ratio(n_labels, scores[drawn].mean(axis=0), base[drawn].mean(axis=0))
            for drawn in draws(len(scores), n_bootstrap, random_state)
        ]
    )  # (n_draws, 2, n_points)
    point = np.where(bounds[0, 0] > 0, bounds[0, 0], np.nan)
    low = interval(bounds[1:, 0], level, len(scores))[0]
    high = interval(bounds[1:, 1], level, len(scores))[1]
    return Efficiency(n_labels, best, point, low, high)


def _ratio(n_labels, curve, base):
    """Return the baseline's labels over those needed: at least, and at most.

    The two differ where the score is not reached: more labels might, or none.
    """
    targets = np.maximum.accumulate(base)
    needed = labels_to_reach(n_labels, base, targets)  # earlier, where it has dipped
    used = labels_to_reach(n_labels, curve, targets)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = needed / used, needed / np.minimum(used, n_labels[-1])
    at_once = (needed == 0) & (used == 0)
    return np.where(at_once, 1, low), np.where(at_once, 1, high)


def labels_needed(
    n_labels: ArrayLike,
    scores: ArrayLike,
    target: float | None = None,
    *,
    baseline_scores: ArrayLike | None = None,
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int = 0,
) -> tuple[float, float, float]:
    """Count the labels at which the mean curve reaches a score, with an interval.

    Parameters
    ----------
    n_labels : array-like of shape (n_points,)
        Labels that the models were trained on.
    scores : array-like of shape (n_seeds, n_points)
        Their scores; higher is better.
    target : float, default=None
        The score to reach.
    baseline_scores : array-like of shape (n_seeds, n_points), default=None
        In place of a target: scores for the same seeds, whose last mean is to be
        matched.
    level : float, default=0.95
        Of the interval.
    n_bootstrap : int, default=1000
        How often seeds are drawn again.
    random_state : int, default=0
        Seeds those draws.

    Returns
    -------
    labels : float
        The labels; ``inf`` where the curve does not get there.
    low : float
        Lower end of the interval, over seeds drawn again with replacement, pair by
        pair; NaN with one seed.
    high : float
        Its upper end.

    Raises
    ------
    ValueError
        If there is neither a target nor a baseline, or both.

    See Also
    --------
    efficiency_interval : At every score of a baseline.
    skal.metrics.labels_to_reach : Of one curve.

    Examples
    --------
    >>> from skal.experiment import labels_needed
    >>> labels_needed([10, 20, 30], [[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]], 0.5)[0]
    20.0
    """
    if (target is None) == (baseline_scores is None):
        raise ValueError(
            f"target or baseline_scores must be given, one of them, got {target!r} "
            f"and {'none' if baseline_scores is None else 'an array'}."
        )
    n_labels, scores = np.asarray(n_labels, float), np.asarray(scores, float)
    target = np.nan if target is None else float(target)
    base = None if baseline_scores is None else np.asarray(baseline_scores, float)
    reached = np.array(
        [
            labels_to_reach(
                n_labels,
                scores[drawn].mean(axis=0),
                target if base is None else base[drawn].mean(axis=0)[-1],
            )
            for drawn in draws(len(scores), n_bootstrap, random_state)
        ]
    )
    low, high = interval(reached[1:], level, len(scores))
    return float(reached[0]), float(low), float(high)


def draws(n_seeds, n_bootstrap, random_state):
    """Return the seeds as they are, then drawn again with replacement."""
    check_int("n_bootstrap", n_bootstrap)
    seeds = np.arange(n_seeds)
    rng = np.random.default_rng(random_state)
    return [seeds, *rng.choice(seeds, size=(n_bootstrap, n_seeds))]


def interval(values, level, n_seeds):
    """Return the quantiles around the middle share; NaN for a single seed."""
    tail = (1 - check_fraction("level", level)) / 2
    if n_seeds < 2:
        nothing = np.full(np.shape(values)[1:], np.nan)
        return nothing, nothing
    # Not interpolated: a quantile may be infinite.
    return np.quantile(values, [tail, 1 - tail], axis=0, method="inverted_cdf")
