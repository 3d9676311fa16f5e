"""Laws about what comes back: the right number of different rows, best first."""

import numpy as np

from skal import ActiveLearner
from skal._data import n_rows, take_rows
from skal.exceptions import PoolExhaustedError
from skal.query import ScoreStrategy
from skal.testing._trial import assert_right, assert_same


def positions(trial):
    """Return int64 positions, unique, in range, exactly as many as asked for."""
    for n_instances in (1, 10, 100):
        trial.ask_right(n_instances, trial.pool(trial.n_pool))


def pool_exhausted(trial):
    """Raise PoolExhaustedError with both numbers if asked for too many rows."""
    X = trial.pool(30)
    error = error_of(trial, 31, X)
    assert isinstance(error, PoolExhaustedError), f"asked for 31 of 30, got {error!r}."
    missing = [number for number in ("30", "31") if number not in str(error)]
    assert not missing, f"the message {str(error)!r} lacks {missing}."
    error = error_of(trial, 0, X)
    assert isinstance(error, ValueError), f"asked for 0 rows, got {error!r}."


def error_of(trial, n_instances, X):
    """Return the ValueError of a query, or the positions if there is none."""
    try:
        return trial.ask(n_instances, X)
    except ValueError as error:
        return error


def whole_pool(trial):
    """Order a whole pool if asked to, and a pool of one row."""
    for n_instances in (200, 1):
        trial.ask_right(n_instances, trial.pool(n_instances))


def best_first(trial):
    """Put the rows of highest score first, with the scores of score_samples."""
    if not isinstance(trial.strategy, ScoreStrategy):
        return
    view = trial.view()
    scores = trial.strategy.score_samples(view, trial.X_pool)
    assert_scores(scores, trial.n_pool)
    for n_instances in (1, 10, 100):
        chosen, info = trial.answer(n_instances, model=view)
        reported = info.get("score", scores[chosen])
        worst = np.abs(reported - scores[chosen]).max()
        assert worst == 0, f"reported scores are off score_samples by {worst}."
        rises = np.flatnonzero(np.diff(scores[chosen]) > 0)
        assert len(rises) == 0, f"the score rises after the pick number {rises}."
        left = np.delete(scores, chosen).max()
        assert scores[chosen].min() >= left, (
            f"a row of score {left} was left, one of {scores[chosen].min()} chosen."
        )


def separable(trial):
    """Score a row the same whatever is asked beside it, where the strategy says so."""
    if not getattr(trial.strategy, "separable", False):
        return
    score = trial.strategy.score_samples
    whole, cut = score(trial.view(), trial.X_pool), trial.n_pool // 3
    parts = [slice(0, cut), slice(cut, trial.n_pool)]
    alone = [score(trial.view(), take_rows(trial.X_pool, part)) for part in parts]
    off = ~np.isclose(np.concatenate(alone), whole, rtol=1e-4, atol=1e-6)
    assert not off.any(), (
        f"{off.sum()} of {trial.n_pool} rows score otherwise in a part of the pool."
    )


def assert_scores(scores, n_rows):
    """Make sure that there is one number for each row."""
    assert isinstance(scores, np.ndarray), f"scores must be an array, got {scores!r}."
    assert scores.shape == (n_rows,), f"{n_rows} rows got scores of {scores.shape}."
    assert scores.dtype.kind == "f", f"scores must be floats, got {scores.dtype}."
    n_nan = np.isnan(scores).sum()
    assert n_nan == 0, f"{n_nan} of {n_rows} scores are NaN."


def repeated_rows(trial):
    """Never repeat a position, not even where rows of the pool repeat."""
    rng = np.random.RandomState(trial.seed)
    for n_different, n_copies in ((40, 25), (2, 60)):
        order = rng.permutation(np.repeat(np.arange(n_different), n_copies))
        X = take_rows(trial.X_pool, order)
        for n_instances in (10, 100):
            trial.ask_right(n_instances, X)


def candidates(trial):
    """Choose among the candidates only, as if there were no other rows."""
    learner = learner_of(trial)
    rng = np.random.RandomState(trial.seed)
    chosen_from = rng.permutation(trial.n_pool)[: trial.n_pool // 4]
    X_alone = take_rows(trial.X_pool, np.sort(chosen_from))
    for n_instances in (1, 10, 100):
        chosen, X = learner.query(trial.X_pool, n_instances, candidates=chosen_from)
        assert_right(chosen, n_instances, trial.n_pool)
        n_strange = np.isin(chosen, chosen_from, invert=True).sum()
        assert n_strange == 0, f"{n_strange} of {n_instances} are no candidates."
        assert n_rows(X) == n_instances, f"got {n_rows(X)} rows of X for {n_instances}."
        alone, _ = learner.query(X_alone, n_instances)
        expected = np.sort(chosen_from)[alone]
        assert_same(
            chosen, expected, "candidates in a pool against the same rows alone"
        )


def learner_of(trial):
    """Build a learner that knows the labelled rows and queries with the strategy."""
    learner = ActiveLearner(
        trial.estimator,
        trial.strategy,
        classes=trial.classes,
        random_state=trial.seed,
    )
    return learner.fit(trial.X_training, trial.y_training)
