"""What ``skal demo`` computes: strategies against random on handwritten digits."""

import numpy as np
from joblib import Parallel, cpu_count, delayed
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skal import ActiveLearner, experiment
from skal.metrics import merge_runs

N_TEST = 540
POOL_SIZE = 1797 - N_TEST
MAX_JOBS = 4


def split(seed):
    """Split the digits into a pool and held-out rows."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, test_size=N_TEST, stratify=y, random_state=seed)


def run(strategy, seed, n_labels, n_initial, batch_size):
    """Buy labels with one strategy.

    A seed fixes the split and the initial labels, whatever the strategy, so that the
    strategies of a seed can be compared pair by pair.

    Parameters
    ----------
    strategy : str
        Name of a strategy.
    seed : int
        Which split, and which initial labels.
    n_labels, n_initial, batch_size : int
        As in :class:`~skal.ActiveLearner`.

    Returns
    -------
    strategy : str
        As given.
    seed : int
        As given.
    n_labels : ndarray of int of shape (n_rounds,)
        Labels that each round's model was trained on.
    scores : ndarray of float of shape (n_rounds,)
        Its accuracy on the held-out rows.
    """
    X_pool, X_test, y_pool, y_test = split(seed)
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        strategy,
        n_labels=n_labels,
        n_initial=n_initial,
        batch_size=batch_size,
        store_estimators=True,
        random_state=seed,
    )
    # The tables are small: threads inside a fit cost more than they bring.
    with threadpool_limits(1):
        learner.fit(X_pool, y_pool)
        scores = np.array(list(learner.staged_score(X_test, y_test)))
    return strategy, seed, learner.history_["n_labels"], scores


def run_all(strategies, n_seeds, n_labels, n_initial, batch_size, n_jobs=None):
    """Yield the result of every :func:`run` as it comes.

    Parameters
    ----------
    strategies : list of str
        Names of strategies.
    n_seeds : int
        Runs of each.
    n_labels, n_initial, batch_size : int
        As in :class:`~skal.ActiveLearner`.
    n_jobs : int, default=None
        Processes; None takes one a core, four at most: a run lasts tenths of seconds.

    Returns
    -------
    generator of tuple
        What :func:`run` returns, in the order in which it is ready.
    """
    jobs = [
        delayed(run)(strategy, seed, n_labels, n_initial, batch_size)
        for seed in range(n_seeds)
        for strategy in strategies
    ]
    n_jobs = min(n_jobs or min(cpu_count(), MAX_JOBS), len(jobs))
    return Parallel(n_jobs, return_as="generator_unordered")(jobs)


def gather(results):
    """Stack results into ``(n_labels, scores)`` by strategy, seeds in order.

    Parameters
    ----------
    results : iterable of tuple
        What :func:`run_all` yields, in any order.

    Returns
    -------
    dict of str to tuple of ndarray
        For each strategy the numbers of labels, of shape (n_rounds,), and the scores,
        of shape (n_seeds, n_rounds).
    """
    runs: dict[str, list[tuple]] = {}
    for strategy, _, n_labels, scores in sorted(results, key=lambda result: result[1]):
        runs.setdefault(strategy, []).append((n_labels, scores))
    return {strategy: merge_runs(pairs) for strategy, pairs in runs.items()}


def labels_needed(curve, *, target=None, baseline=None):
    """Count the labels at which the mean curve reaches a score.

    Parameters
    ----------
    curve : tuple of ndarray
        ``(n_labels, scores)`` of one strategy, as from :func:`gather`.
    target : float, default=None
        The score.
    baseline : tuple of ndarray, default=None
        In place of a target: the curve, over the same seeds, whose last mean score
        is to be matched.

    Returns
    -------
    labels : float
        The labels; ``inf`` where the curve does not get there.
    low : float
        Lower end of the 95 % interval, over seeds drawn again with replacement, pair
        by pair.
    high : float
        Its upper end.
    """
    n_labels, scores = curve
    base = None if baseline is None else baseline[1]
    return experiment.labels_needed(n_labels, scores, target, baseline_scores=base)
