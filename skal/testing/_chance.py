"""Laws about chance and order: seeds, ties, and the order of the rows."""

import numpy as np
from scipy.stats import chi2
from sklearn.base import clone

from skal._data import as_rows, take_rows
from skal.query import ScoreStrategy
from skal.testing._trial import assert_same

N_DRAWS = 100
#: Draws from a pool and from the same pool in another order, and its size.
N_SHUFFLED_DRAWS = 40
N_SHUFFLED = 1500
#: Chance that a right strategy fails a law about distributions.
FALSE_ALARM = 1e-9


def reproducible(trial):
    """Give the same batch for the same random_state, whatever was asked before."""
    for n_instances in (1, 10, 100):
        expected = trial.ask(n_instances, seed=7)
        again = trial.ask(n_instances, seed=7)
        assert_same(again, expected, "asked twice")
        fresh = trial.ask(n_instances, seed=7, strategy=clone(trial.strategy))
        assert_same(fresh, expected, "asked of a clone")
    other = take_rows(trial.X_pool, np.arange(trial.n_pool)[::-1])
    trial.ask(100, other)
    assert_same(trial.ask(100, seed=7), expected, "asked again after another pool")


def ties(trial):
    """Choose equal rows equally often."""
    rng = np.random.RandomState(trial.seed)
    for n_different, n_copies, n_instances in ((3, 8, 10), (1, 12, 3)):
        kinds = rng.permutation(np.repeat(np.arange(n_different), n_copies))
        pool, view = as_rows(take_rows(trial.X_pool, kinds)), trial.view()
        if isinstance(trial.strategy, ScoreStrategy):
            kinds = trial.strategy.score_samples(view, pool)
        draws = [
            trial.ask(n_instances, pool, model=view, seed=seed)
            for seed in range(N_DRAWS)
        ]
        for kind in np.unique(kinds):
            equal = np.flatnonzero(kinds == kind)
            assert_uniform([np.isin(equal, d) for d in draws], "chosen")
            assert_uniform([equal == d[0] for d in draws], "chosen first")


def assert_uniform(chosen, what):
    """Make sure that equal rows share the picks of many draws evenly.

    Given how many of them a draw chose, rows that are drawn without replacement have
    a covariance proportional to I - 1/n, so the squared deviations of the counts,
    over their variance, follow a chi-square with n - 1 degrees of freedom.
    """
    chosen = np.asarray(chosen)  # (n_draws, n)
    counts, n = chosen.sum(axis=0), chosen.shape[1]
    share = chosen.mean(axis=1)
    variance = (share * (1 - share)).sum() * n / max(n - 1, 1)
    if variance == 0:
        return
    statistic = ((counts - counts.mean()) ** 2).sum() / variance
    chance = chi2.sf(statistic, n - 1)
    assert chance > FALSE_ALARM, (
        f"{n} equal rows were {what} {counts.tolist()} times in {len(chosen)} draws; "
        f"the chance of that is {chance:.0e}."
    )


def row_order(trial):
    """Choose the same rows, up to ties, in whatever order they come."""
    order = np.random.RandomState(trial.seed).permutation(trial.n_pool)
    shuffled = take_rows(trial.X_pool, order)
    if isinstance(trial.strategy, ScoreStrategy):
        view = trial.view()
        scores = trial.strategy.score_samples(view, trial.X_pool)
        moved = trial.strategy.score_samples(view, shuffled)
        n_off = (~np.isclose(moved, scores[order], rtol=1e-4, atol=1e-6)).sum()
        assert n_off == 0, f"{n_off} of {trial.n_pool} scores depend on the row order."
        return
    if not trial.is_random:
        for n_instances in (10, 100):
            expected = trial.ask(n_instances)
            moved = order[trial.ask(n_instances, shuffled)]
            n_common = len(np.intersect1d(moved, expected))
            assert n_common >= 0.9 * n_instances, (
                f"{n_common} of {n_instances} rows are chosen again in a shuffled pool."
            )
    assert_equally_likely(trial, np.argsort(np.argsort(order[:N_SHUFFLED])))


def assert_equally_likely(trial, order):
    """Make sure that many draws choose a row as often wherever it stands.

    The counts of two sets of m draws are compared. Where the sets differ by chance
    alone, the squared differences, over their sum expected in a random division of the
    2 m draws, are distributed as a mean of chi-squares with 1 degree of freedom, each
    of which has a heavier tail than their mean.
    """
    n, m = len(order), N_SHUFFLED_DRAWS
    pool, view = as_rows(trial.pool(n)), trial.view()
    shuffled = as_rows(take_rows(trial.X_pool, order))
    counts, moved = np.zeros(n), np.zeros(n)
    for seed in range(m):
        counts[trial.ask(10, pool, model=view, seed=seed)] += 1
        moved[order[trial.ask(10, shuffled, model=view, seed=m + seed)]] += 1
    share = (counts + moved) / (2 * m)
    expected = (share * (1 - share)).sum() * 4 * m**2 / (2 * m - 1)
    found = ((counts - moved) ** 2).sum()
    assert found <= expected * chi2.isf(FALSE_ALARM, 1), (
        f"in {m} draws of 10 of {n} rows, shuffling the rows moves the picks "
        f"{found / max(expected, 1):.0f} times as much as chance does."
    )
