"""Is the difference real? Paired tests, penalties, ranks and label efficiency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from skal._params import check_choice, check_fraction, check_int
from skal.metrics import labels_to_reach

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

#: Fewer seeds than this say nothing: differences between first labels are larger than
#: those between strategies.
MIN_SEEDS = 5


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Correct p-values for how many there are, by Holm's method.

    The smallest is multiplied by their number, the next by one less, and so on; none
    may be smaller than the one before. What is below 0.05 then is so with at most one
    chance in twenty that any of it is wrong.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,)
        As the tests gave them; NaN, where a test could not tell, stays and counts for
        nothing.

    Returns
    -------
    ndarray of float of shape (n_tests,)
        The corrected p-values.

    See Also
    --------
    paired_test : Where they come from.

    References
    ----------
    .. [1] S. Holm (1979). A simple sequentially rejective multiple test procedure.
       Scandinavian Journal of Statistics 6.

    Examples
    --------
    >>> from skal.experiment import holm
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p_values = np.asarray(p_values, dtype=float)
    corrected = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.isfinite(p_values).sum()]  # NaN sorts last
    factors = np.arange(len(order), 0, -1)
    raised = np.maximum.accumulate(p_values[order] * factors)
    corrected[order] = np.minimum(raised, 1)
    return corrected


def paired_test(first: ArrayLike, second: ArrayLike, test: str = "t") -> float:
    """Test whether two strategies differ over the seeds they share.

    Parameters
    ----------
    first : array-like of shape (n_seeds,)
        A number for each seed.
    second : array-like of shape (n_seeds,)
        The same of the other strategy, in the same order.
    test : {"t", "wilcoxon"}, default="t"
        Student's paired t-test, or Wilcoxon's signed-rank test, which asks less of the
        numbers and more seeds: below six it cannot come under 0.05.

    Returns
    -------
    float
        The two-sided p-value; 1 where no seed differs; NaN for a single seed.

    Raises
    ------
    ValueError
        If the two do not pair up.

    See Also
    --------
    holm : Correct several of them.

    Examples
    --------
    >>> from skal.experiment import paired_test
    >>> round(paired_test([0.9, 0.8, 0.9, 0.7], [0.8, 0.7, 0.7, 0.6]), 3)
    0.015
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            "first and second must hold a number for each seed, in the same order, "
            f"got shapes {first.shape} and {second.shape}."
        )
    check_choice("test", test, ("t", "wilcoxon"))
    differences = first - second
    if len(differences) < 2 or np.isnan(differences).any():
        return np.nan
    if test == "t":
        return float(t_test(differences))
    differences = differences[differences != 0]
    return float(stats.wilcoxon(differences).pvalue) if len(differences) else 1.0


def t_test(differences):
    """Return two-sided p-values of the mean being zero, over the first axis."""
    n = len(differences)
    mean = differences.mean(axis=0)
    error = differences.std(axis=0, ddof=1) / np.sqrt(n)
    error = np.where(error < 1e-12 * np.abs(mean), 0, error)  # alike but for rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(mean == 0, 0, np.abs(mean) / error)
    return 2 * stats.t.sf(t, n - 1)


def pairwise_penalties(scores: ArrayLike, alpha: float = 0.05) -> NDArray[np.float64]:
    """Count how often one strategy beats another beyond doubt.

    Each number of labels is a match: i beats j where a paired t-test over the seeds
    says so. The entry (i, j) is the share of matches that i wins.

    Parameters
    ----------
    scores : array-like of shape (n_strategies, n_seeds, n_points)
        Higher is better. Leave out the first point, which the strategies share.
    alpha : float, default=0.05
        Level of the tests.

    Returns
    -------
    ndarray of float of shape (n_strategies, n_strategies)
        Wins of the row over the column; the mean of a column is what beats it. NaN
        where there are too few seeds to tell (fewer than five).

    See Also
    --------
    average_ranks : One number for each strategy.

    Notes
    -----
    The matches of one run are no independent evidence and the tests are not corrected:
    this shows where along the curve strategies differ, and no more.

    References
    ----------
    .. [1] J. Ash, C. Zhang, A. Krishnamurthy, J. Langford and A. Agarwal (2020). Deep
       batch active learning by diverse, uncertain gradient lower bounds. ICLR.
       arXiv:1906.03671

    Examples
    --------
    >>> import numpy as np
    >>> from skal.experiment import pairwise_penalties
    >>> noise = np.random.default_rng(0).normal(size=(2, 10, 4))
    >>> pairwise_penalties(noise + [[[3.0]], [[0.0]]])
    array([[0., 1.],
           [0., 0.]])
    """
    scores = np.asarray(scores, dtype=float)
    check_fraction("alpha", alpha)
    n_strategies, n_seeds, n_points = scores.shape
    if n_seeds < MIN_SEEDS or n_points == 0:
        return np.full((n_strategies, n_strategies), np.nan)
    wins = np.zeros((n_strategies, n_strategies))
    for i in range(n_strategies):
        for j in range(n_strategies):
            gaps = scores[i] - scores[j]
            won = (t_test(gaps) < alpha) & (gaps.mean(axis=0) > 0)
            wins[i, j] = won.mean()
    return wins


@dataclass(frozen=True)
class Ranking:
    """Average ranks, and by how much they must differ to mean something.

    Parameters
    ----------
    names : list of str
        The strategies, best first.
    ranks : ndarray of float of shape (n_strategies,)
        Their average ranks; 1 is best.
    critical_difference : float
        Two strategies whose ranks are closer cannot be told apart. NaN for one
        strategy or block.
    p_value : float
        Of Friedman's test that all are alike.
    n_blocks : int
        Over how many seeds or settings ranks were averaged.
    alpha : float
        Level of the tests.

    See Also
    --------
    average_ranks : Makes one.

    Examples
    --------
    >>> from skal.experiment import average_ranks
    >>> average_ranks({"a": [3, 3, 4], "b": [2, 2, 5], "c": [1, 1, 1]}).names
    ['a', 'b', 'c']
    """

    names: list[str]
    ranks: NDArray[np.float64]
    critical_difference: float
    p_value: float
    n_blocks: int
    alpha: float

    def verdict(self) -> str:
        """Say in words what the ranks show.

        Returns
        -------
        str
            A sentence; it says "cannot tell" where they show nothing.
        """
        if len(self.names) < 2:
            return "cannot tell: there is one strategy"
        if self.n_blocks < MIN_SEEDS:
            return f"cannot tell: {self.n_blocks} seeds, needs at least {MIN_SEEDS}"
        if not self.p_value < self.alpha:
            return f"cannot tell: all may be alike (p = {self.p_value:.2g})"
        gap = self.ranks - self.ranks[0]
        level = [n for n, g in zip(self.names, gap, strict=True) if g > 0]
        behind = [
            name
            for name, g in zip(self.names, gap, strict=True)
            if g >= self.critical_difference
        ]
        if not behind:
            return f"{self.names[0]} ranks first, but is ahead of none beyond chance"
        open_ = [name for name in level if name not in behind]
        rest = f"; cannot tell it from {', '.join(open_)}" if open_ else ""
        return f"{self.names[0]} ranks ahead of {', '.join(behind)}{rest}"


def average_ranks(scores: Mapping[str, ArrayLike], alpha: float = 0.05) -> Ranking:
    r"""Rank strategies in each block, and average.

    By Nemenyi's test two average ranks differ where they are further apart than

    .. math:: \mathrm{CD} = q_\alpha \sqrt{\frac{k (k + 1)}{6 N}}

    for k strategies and N blocks.

    Parameters
    ----------
    scores : dict of str to array-like of shape (n_blocks,)
        A score for each block (seed or data set) by strategy; higher is better. Equal
        scores share their ranks.
    alpha : float, default=0.05
        Level of the tests.

    Returns
    -------
    Ranking
        The ranks, Friedman's test, and the critical difference.

    See Also
    --------
    pairwise_penalties : Who beats whom, and how often.

    References
    ----------
    .. [1] J. Demšar (2006). Statistical comparisons of classifiers over multiple data
       sets. JMLR 7.

    Examples
    --------
    >>> from skal.experiment import average_ranks
    >>> ranking = average_ranks({"a": [3, 3, 4], "b": [2, 2, 5], "c": [1, 1, 1]})
    >>> ranking.ranks
    array([1.33333333, 1.66666667, 3.        ])
    """
    check_fraction("alpha", alpha)
    names = list(scores)
    table = np.array([np.asarray(scores[name], float) for name in names])  # (k, N)
    k, n_blocks = table.shape
    mean = stats.rankdata(-table, axis=0).mean(axis=1)
    order = np.argsort(mean, kind="stable")
    critical = np.nan
    if k > 1 and n_blocks > 1:
        critical = nemenyi(k, alpha) * np.sqrt(k * (k + 1) / (6 * n_blocks))
    return Ranking(
        [names[i] for i in order],
        mean[order],
        float(critical),
        friedman(table),
        n_blocks,
        alpha,
    )


@cache  # an integral, found by a search
def nemenyi(k, alpha):
    """Return the critical value of Nemenyi's test for k strategies."""
    return stats.studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2)


def friedman(table):
    """Return the p-value of Friedman's test; for two strategies the sign test's kin."""
    k, n_blocks = table.shape
    if k < 2 or n_blocks < 2 or (table == table[0]).all():
        return 1.0 if k > 1 and n_blocks > 1 else np.nan
    ranks = stats.rankdata(table, axis=0)
    between = 12 / (n_blocks * k * (k + 1)) * (ranks.sum(axis=1) ** 2).sum()
    statistic = between - 3 * n_blocks * (k + 1)
    ties = sum(
        (counts**3 - counts).sum()
        for counts in (np.unique(block, return_counts=True)[1] for block in ranks.T)
    )
    return float(stats.chi2.sf(statistic / (1 - ties / (n_blocks * (k**3 - k))), k - 1))


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
        Interval of the ratio; 0 where the strategy may never get there.

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
    ratios = np.array(
        [
            _ratio(n_labels, scores[drawn].mean(axis=0), base[drawn].mean(axis=0))
            for drawn in draws(len(scores), n_bootstrap, random_state)
        ]
    )
    point = np.where(ratios[0] > 0, ratios[0], np.nan)
    low, high = interval(ratios[1:], level, len(scores))
    return Efficiency(n_labels, best, point, low, high)


def _ratio(n_labels, curve, base):
    """Return the baseline's labels over those needed; 0 where it is never reached."""
    targets = np.maximum.accumulate(base)
    needed = labels_to_reach(n_labels, base, targets)  # earlier, where it has dipped
    used = labels_to_reach(n_labels, curve, targets)
    with np.errstate(invalid="ignore"):
        ratio = needed / used
    return np.where((needed == 0) & (used == 0), 1, ratio)


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
                target if base is None else base[drawn, -1].mean(),
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


def compare_areas(areas: ArrayLike, baseline: ArrayLike, test: str) -> dict[str, Any]:
    """Compare two strategies by a number a seed.

    Parameters
    ----------
    areas : array-like of shape (n_seeds,)
        Of the strategy; higher is better.
    baseline : array-like of shape (n_seeds,)
        Of what it is compared with.
    test : {"t", "wilcoxon"}
        See :func:`paired_test`.

    Returns
    -------
    dict of str to float
        The mean difference, its 95 % interval by Student's t, wins, and the p-value.
    """
    gaps = np.asarray(areas, float) - np.asarray(baseline, float)
    n = len(gaps)
    mean = gaps.mean() if n else np.nan
    half = np.nan
    if n > 1:
        half = stats.t.ppf(0.975, n - 1) * gaps.std(ddof=1) / np.sqrt(n)
    return {
        "n_seeds": n,
        "difference": mean,
        "low": mean - half,
        "high": mean + half,
        "wins": int((gaps > 0).sum()),
        "p": paired_test(areas, baseline, test),
    }


def verdict_of(n_seeds: int, difference: float, p: float, alpha: float) -> str:
    """Say "better" or "worse" where that is beyond doubt, else "cannot tell"."""
    if n_seeds < MIN_SEEDS:
        return f"cannot tell: {n_seeds} seeds, needs at least {MIN_SEEDS}"
    if not p < alpha:
        return "cannot tell"
    return "better" if difference > 0 else "worse"
