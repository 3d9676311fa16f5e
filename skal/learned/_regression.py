"""Training a scorer by regression on what labels turned out to be worth."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.neural_network import MLPRegressor
from sklearn.utils import gen_batches
from sklearn.utils.parallel import Parallel, delayed

from skal._checks import check_int, check_number
from skal._seed import draw_seed, stream
from skal.learned._checkpoint import open_checkpoint
from skal.learned._episode import Episode, as_model, as_source, said_of
from skal.learned._features import CANDIDATE_FEATURES, SCHEMA
from skal.learned._kind import kind_of
from skal.learned._layers import as_about, as_hidden
from skal.learned._progress import steps_shown
from skal.learned._scorer import Scorer
from skal.learned._tasks import random_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

#: Tasks of one file of a checkpoint.
_BLOCK = 20
#: Candidates of each column that leads to good ones, and those columns.
_LED, _LEADS = 2, ("doubt_rank", "gain_rank", "distance_rank")
#: A spread of gains that is little more than noise: such rounds count less.
_FLAT = 5e-3
#: Weight decay: gains are mostly noise. Of .001 to 10 it told best which of the rows of
#: a round was worth most, in rounds of other tasks.
_ALPHA = 3.0
#: Passes over what was tried.
_EPOCHS = 30


def fit_regression(
    estimator: Any = None,
    tasks: Callable[..., Any] | Sequence[Any] | dict[str, Any] = random_task,
    *,
    n_tasks: int = 400,
    n_states: int = 6,
    n_candidates: int = 16,
    n_lookaheads: int = 3,
    n_rounds: int = 2,
    horizon: float = 10.0,
    hidden: Sequence[int] = (32, 32),
    scoring: str = "accuracy",
    name: str = "unnamed",
    checkpoint: str | Path | None = None,
    n_jobs: int | None = None,
    random_state: int | None = 0,
    verbose: int = 0,
) -> Scorer:
    """Train a scorer to predict what the label of a row is worth.

    Tasks are played whose labels are all known. Now and then some rows are tried: the
    model is fitted with the label of each, and scored on rows held out. A network
    learns to tell from the features of a row how it does beside the other rows of its
    round. One score alone is mostly noise, so each row is tried several times, together
    with other rows drawn at random, the same for all that it competes with: what counts
    is what a label is worth among those still to come.

    Parameters
    ----------
    estimator : classifier, default=None
        The model that labels are bought for; it must give probabilities. None is a
        logistic regression.
    tasks : callable, list or dict of (X, y), default=random_task
        A function of a RandomState that returns a task, or your own data sets. Half of
        their rows at most are the pool, the others are scored on.
    n_tasks : int, default=400
        How many tasks to play.
    n_states : int, default=6
        In how many rounds of each to try rows.
    n_candidates : int, default=16
        How many rows to try: some that lead by doubt, coverage or distance, some at
        random, and those that the scorer trained so far wants.
    n_lookaheads : int, default=3
        How many times to try each.
    n_rounds : int, default=2
        How many times to train. From the second time on it is also tried in rounds that
        the scorer itself leads to.
    horizon : float, default=10.0
        Labels a class up to which tasks are played.
    hidden : sequence of int, default=(32, 32)
        Widths of the network's layers.
    scoring : str, default="accuracy"
        The name of a scikit-learn scorer.
    name : str, default="unnamed"
        The name of the scorer.
    checkpoint : str or Path, default=None
        A folder to keep what was tried in. The same call goes on from there, to the
        same scorer.
    n_jobs : int, default=None
        How many tasks to play at once. It changes no number.
    random_state : int, default=0
        Seeds everything; None takes fresh entropy, and cannot go on from a checkpoint.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Scorer
        ``about`` tells how it came to be.

    Raises
    ------
    ValueError
        If a parameter is out of bounds, or the checkpoint is of other parameters.
    TypeError
        If the estimator gives no probabilities.

    See Also
    --------
    fit_checkpoints : Trains on what several calls have tried.
    fit_rl : Trains by reinforcement instead.
    LearnedStrategy : Asks by the scorer.

    Notes
    -----
    Cost: n_tasks * n_states * n_candidates * n_lookaheads fits of the estimator.

    References
    ----------
    Konyushkova, K., Sznitman, R., Fua, P. (2017). Learning active learning from data.
    NeurIPS. arXiv:1703.03365

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skal.learned import fit_regression
    >>> sizes = {"n_tasks": 2, "n_states": 2, "n_candidates": 4, "n_lookaheads": 1}
    >>> scorer = fit_regression(GaussianNB(), **sizes, n_rounds=1, hidden=(4,))
    >>> scorer
    Scorer('unnamed', 18-4-1)
    """
    estimator, source = as_model(estimator), as_source(tasks)
    sizes = checked(
        {
            "n_tasks": n_tasks,
            "n_states": n_states,
            "n_candidates": n_candidates,
            "n_lookaheads": n_lookaheads,
            "n_rounds": n_rounds,
            "horizon": horizon,
            "hidden": as_hidden(hidden),
            "scoring": scoring,
            "random_state": draw_seed(None) if random_state is None else random_state,
        }
    )
    about = {
        "name": name,
        "schema": SCHEMA,
        "estimator": kind_of(estimator),
        "horizon": sizes["horizon"],
        "trained": {
            "by": "fit_regression",
            "model": repr(estimator),
            "tasks": said_of(tasks),
            **sizes,
        },
    }
    as_about(about)
    folder = open_checkpoint(checkpoint, about)
    play = partial(tried, source, estimator, sizes)
    blocks: list[Any] = []
    with steps_shown(n_tasks, name, verbose) as step:
        scorer: Any = None
        for part in np.array_split(np.arange(n_tasks), n_rounds):
            for some in gen_batches(len(part), _BLOCK):
                play_all = partial(play, scorer)
                blocks.append(block_of(folder, part[some], play_all, n_jobs))
                step(len(part[some]))
            scorer = fitted_to(blocks, sizes, about)
    return scorer


def checked(sizes):
    """Return the parameters of a training, if they are within bounds."""
    for name in ("n_tasks", "n_states", "n_lookaheads", "n_rounds"):
        check_int(name, sizes[name])
    check_int("n_candidates", sizes["n_candidates"], 2)
    if sizes["n_rounds"] > sizes["n_tasks"]:
        raise ValueError(
            f"n_rounds must be at most {sizes['n_tasks']}, the number of tasks, got "
            f"{sizes['n_rounds']}."
        )
    check_int("random_state", sizes["random_state"], 0)
    if not isinstance(sizes["scoring"], str):
        raise TypeError(
            f"scoring must be the name of a scorer, got {sizes['scoring']!r}. Use one "
            "of sklearn.metrics.get_scorer_names()."
        )
    get_scorer(sizes["scoring"])
    return {**sizes, "horizon": check_number("horizon", sizes["horizon"], minimum=1)}


def block_of(folder, numbers, play, n_jobs):
    """Play some tasks, or read what was kept of them: features, gains, states."""
    file = None if folder is None else folder / f"tasks_{numbers[0]:05d}.npz"
    if file is not None and file.exists():
        with np.load(file, allow_pickle=False) as arrays:
            return arrays["x"], arrays["gain"]
    parts = Parallel(n_jobs=n_jobs)(delayed(play)(int(number)) for number in numbers)
    x, gain = (np.concatenate(one) for one in zip(*parts, strict=True))
    if file is not None:
        unfinished = file.with_suffix(".part.npz")
        np.savez(unfinished, x=x, gain=gain)
        unfinished.replace(file)
    return x, gain


def tried(source, estimator, sizes, scorer, number):
    """Play a task; return the features of the rows tried, and what each was worth.

    The worth of a row is told beside the others of its round, in deviations.
    """
    rng = stream(sizes["random_state"], number, "regression")
    with config_context(assume_finite=True, skip_parameter_validation=True):
        return tried_of(source(rng), estimator, sizes, scorer, rng)


def tried_of(task, estimator, sizes, scorer, rng):
    """Do the same with a task that is there."""
    X, y = task
    episode = Episode(X, y, estimator, rng, scoring=sizes["scoring"])
    leads = [*_LEADS, "random", *(["scorer"] * 2 if scorer else [])]
    lead = leads[rng.randint(len(leads))]
    xs, gains = [], []
    for size in sizes_of_states(episode, sizes, rng):
        grow(episode, size, lead, scorer)
        rows = episode.left()
        if len(rows) < sizes["n_candidates"]:
            break
        candidates, state = episode.features(rows)
        some = candidates_of(candidates, state, sizes["n_candidates"], scorer, rng)
        gain = worth(episode, rows[some], sizes["n_lookaheads"])
        spread = gain.std()
        gains.append((gain - gain.mean()) / (spread + _FLAT))
        xs.append(np.hstack([candidates[some], np.tile(state, (len(some), 1))]))
    if not xs:
        raise ValueError(
            f"tasks must leave {sizes['n_candidates']} rows to try, got one "
            f"of {len(y)} rows. Give larger tasks, or try fewer rows."
        )
    return np.concatenate(xs), np.concatenate(gains)


def sizes_of_states(episode, sizes, rng):
    """Draw after how many labels to try rows, evenly on a scale of ratios."""
    first = len(episode.labeled)
    last = min(sizes["horizon"] * episode.n_classes, 0.6 * len(episode.y))
    drawn = np.exp(rng.uniform(np.log(first), np.log(max(last, first + 1)), 64))
    return np.sort(np.round(drawn[: sizes["n_states"]]).astype(int))


def grow(episode, size, lead, scorer):
    """Label rows until there are so many, a few at a time, by a column or a scorer."""
    while len(episode.labeled) < size:
        missing = size - len(episode.labeled)
        n = min(missing, max(1, len(episode.labeled) // 10))
        rows = episode.left()
        if lead == "random":
            wanted = episode.rng.uniform(size=len(rows))
        else:
            candidates, state = episode.features(rows)
            wanted = (
                scorer.score(candidates, state)
                if lead == "scorer"
                else candidates[:, CANDIDATE_FEATURES.index(lead)]
            )
        episode.label(rows[np.argsort(-wanted, kind="stable")[:n]])


def candidates_of(candidates, state, n, scorer, rng):
    """Draw the rows to try: those that lead by a column, the others at random."""
    columns = [candidates[:, CANDIDATE_FEATURES.index(name)] for name in _LEADS]
    if scorer is not None:
        columns.append(scorer.score(candidates, state))
    led = [np.argsort(-column, kind="stable")[:_LED] for column in columns]
    order = np.concatenate([*led, rng.permutation(len(candidates))])
    first = np.sort(np.unique(order, return_index=True)[1])
    return order[first[:n]]


def worth(episode, rows, n_lookaheads):
    """Return how good the model is with the label of each row: means of look-aheads."""
    others = np.setdiff1d(episode.left(), rows)
    total = np.zeros(len(rows))
    for ahead in range(n_lookaheads):
        n = min(len(others), ahead * max(1, len(episode.labeled) // 4))
        beside = np.append(episode.labeled, episode.rng.permutation(others)[:n])
        total += [episode.score(episode.fitted(np.append(beside, row))) for row in rows]
    return total / n_lookaheads


def fitted_to(blocks, sizes, about):
    """Fit the network to what was tried so far."""
    x, gain = (np.concatenate(one) for one in zip(*blocks, strict=True))
    centre, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    network = MLPRegressor(
        hidden_layer_sizes=sizes["hidden"],
        alpha=_ALPHA,
        batch_size=min(256, len(x)),
        max_iter=_EPOCHS,
        n_iter_no_change=_EPOCHS,
        random_state=sizes["random_state"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as many as were planned
        network.fit((x - centre) / spread, gain)
    weights = list(zip(network.coefs_, network.intercepts_, strict=True))
    W, b = weights[0]
    W = W / spread[:, np.newaxis]  # the scale of the columns, within the first layer
    weights[0] = W, b - centre @ W
    about = {**about, "trained": {**about["trained"], "n_rows": len(x)}}
    return Scorer(weights, about)
