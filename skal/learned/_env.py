"""The loop of active learning as an environment: which of K rows to label next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import get_scorer

from skal._checks import check_choice, check_int, check_number
from skal.learned._episode import Episode, as_model, as_source
from skal.learned._features import CANDIDATE_FEATURES, STATE_FEATURES
from skal.learned._tasks import random_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

try:  # only who makes one needs it
    from gymnasium import Env, spaces
except ImportError:
    Env, spaces = object, None

#: What a label earns.
REWARDS = ("gain", "area", "steps_to_target")
#: A task in which nothing is to be gained counts as one of so much.
_LEAST_GAIN = 0.05
#: Share of what all labels of the pool would give that ends "steps_to_target".
_TARGET = 0.98


class ActiveLearningEnv(Env):
    """A gymnasium environment: label one of K rows, and be paid by the model's score.

    Each episode is a task whose labels are all known. In each step K rows of the pool
    are drawn, and the agent says which of them is labelled; the model is fitted anew,
    and scored on rows of the task that are never asked for. The episode is terminated
    after ``horizon`` labels a class, or when fewer than K rows are left.

    Parameters
    ----------
    estimator : classifier, default=None
        The model that labels are bought for; None is a logistic regression. One with
        ``warm_start=True``, ensembles apart, goes on from the weights of the label
        before, until a label of a new class comes.
    tasks : callable, list or dict of (X, y), default=random_task
        A function of a RandomState that returns a task, or your own data sets. Half of
        their rows at most are the pool, the others are scored on: never give those
        that you will test on.
    n_candidates : int, default=16
        How many rows to choose from, K.
    horizon : float, default=10.0
        Labels a class after which an episode ends.
    reward : {"gain", "area", "steps_to_target"}, default="gain"
        What a label earns: the gain of the score, as a share of what all labels of the
        pool would give, between -1 and 1; the score minus that of all labels, which
        adds up to the area under the curve; or -1 until 98 % of that are reached, which
        ends the episode.
    n_pool : int, default=300
        The size of the pool, at most.
    scoring : str, default="accuracy"
        The name of a scikit-learn scorer.

    Attributes
    ----------
    observation_space : Box
        The 12 features of each of the K rows, one row after the other, then the 6 of
        the round.
    action_space : Discrete
        Which of the K rows.

    Raises
    ------
    ImportError
        If gymnasium is not installed: ``pip install skal[rl]``.

    See Also
    --------
    fit_rl : Trains a scorer in it.
    skal.learned.pool_features : What is observed.

    Notes
    -----
    A step costs one fit of the estimator. Rows are exchangeable: an agent should score
    each by the same function, as those of :func:`fit_rl` do.

    References
    ----------
    Konyushkova, K., Sznitman, R., Fua, P. (2018). Discovering general-purpose active
    learning strategies. arXiv:1810.04114

    Examples
    --------
    >>> from skal.learned import ActiveLearningEnv
    >>> env = ActiveLearningEnv(n_candidates=4)  # doctest: +SKIP
    >>> observation, _ = env.reset(seed=0)  # doctest: +SKIP
    >>> observation.shape  # doctest: +SKIP
    (54,)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (gymnasium's own)

    def __init__(
        self,
        estimator: Any = None,
        tasks: Callable[..., Any] | Sequence[Any] | dict[str, Any] = random_task,
        *,
        n_candidates: int = 16,
        horizon: float = 10.0,
        reward: str = "gain",
        n_pool: int = 300,
        scoring: str = "accuracy",
    ) -> None:
        self.n_candidates = check_int("n_candidates", n_candidates, 2)
        self.horizon = check_number("horizon", horizon, minimum=1)
        self.reward = check_choice("reward", reward, REWARDS)
        self.n_pool = check_int("n_pool", n_pool, 2 * n_candidates)
        self.estimator, self.source = as_model(estimator), as_source(tasks)
        get_scorer(scoring)
        self.scoring = scoring
        if spaces is None:
            raise ImportError(
                "ActiveLearningEnv needs gymnasium, which is not installed. "
                "pip install skal[rl]"
            )
        size = n_candidates * len(CANDIDATE_FEATURES) + len(STATE_FEATURES)
        self.observation_space = spaces.Box(-10.0, 10.0, (size,), np.float32)
        self.action_space = spaces.Discrete(n_candidates)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begin a task.

        Parameters
        ----------
        seed : int, default=None
            Seeds this episode and those after it; None goes on drawing.
        options : dict, default=None
            Not used.

        Returns
        -------
        observation : ndarray of float32 of shape (12 K + 6,)
            The features of the rows to choose from, and of the round.
        info : dict
            ``score``, ``full_score`` (of all labels of the pool) and ``n_labels``.
        """
        super().reset(seed=seed)
        rng = np.random.RandomState(self.np_random.integers(2**31))
        X, y = self.source(rng)
        self.episode = Episode(
            X, y, self.estimator, rng, n_pool=self.n_pool, scoring=self.scoring
        )
        everything = np.arange(len(self.episode.y))
        self.score = self.episode.score(self.episode.model)
        self.full = self.episode.score(self.episode.fitted(everything))
        self.to_gain = max(self.full - self.score, _LEAST_GAIN)
        return self._observation(), self._info()

    def step(
        self, action: int
    ) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Label a row.

        Parameters
        ----------
        action : int
            Which of the K rows.

        Returns
        -------
        observation : ndarray of float32 of shape (12 K + 6,)
            The rows to choose from next.
        reward : float
            What the label earned.
        terminated : bool
            Whether the episode is over.
        truncated : bool
            False: the round tells how near the end is.
        info : dict
            ``score``, ``full_score`` and ``n_labels``.
        """
        before, episode = self.score, self.episode
        episode.label(self.candidates[[int(action)]])
        self.score = episode.score(episode.model)
        over = episode.labels_per_class >= self.horizon
        over = over or len(episode.left()) < self.n_candidates
        if self.reward == "gain":
            earned = float(np.clip((self.score - before) / self.to_gain, -1, 1))
        elif self.reward == "area":
            earned = self.score - self.full
        else:
            earned, over = -1.0, over or self.score >= _TARGET * self.full
        if not over:
            self.observed = self._observation()
        return self.observed, earned, bool(over), False, self._info()

    def _observation(self):
        """Draw the rows to choose from, and tell their features."""
        rows = self.episode.left()
        candidates, state = self.episode.features(rows)
        some = self.episode.rng.permutation(len(rows))[: self.n_candidates]
        self.candidates = rows[some]
        self.observed = np.append(candidates[some].ravel(), state)
        return self.observed

    def _info(self):
        n_labels = len(self.episode.labeled)
        return {"score": self.score, "full_score": self.full, "n_labels": n_labels}
