"""Is the difference real? Paired tests, penalties, ranks and label efficiency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from skal._checks import check_choice, check_fraction

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
