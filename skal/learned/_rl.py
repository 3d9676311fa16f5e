"""Training a scorer by reinforcement, with stable-baselines3."""

from __future__ import annotations

import random
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_int, check_number
from skal._seed import draw_seed
from skal.learned._checkpoint import open_checkpoint
from skal.learned._episode import as_model, said_of
from skal.learned._features import SCHEMA
from skal.learned._kind import kind_of
from skal.learned._progress import steps_shown
from skal.learned._scorer import Scorer
from skal.learned._tasks import random_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

#: What stands for each algorithm: what it is trained with where nothing is said.
ALGORITHMS: dict[str, dict[str, Any]] = {
    "dqn": {
        "gamma": 0.98,
        "learning_rate": 5e-4,
        "learning_starts": 500,
        "buffer_size": 50_000,
        "batch_size": 64,
        "train_freq": 2,
        "target_update_interval": 500,
        "exploration_fraction": 0.3,
        "exploration_final_eps": 0.05,
    },
    "ppo": {"gamma": 0.98, "learning_rate": 5e-4, "n_steps": 512, "batch_size": 64},
}


def fit_rl(
    estimator: Any = None,
    tasks: Callable[..., Any] | Sequence[Any] | dict[str, Any] = random_task,
    *,
    algo: str = "dqn",
    n_steps: int = 20_000,
    n_candidates: int = 16,
    horizon: float = 10.0,
    reward: str = "gain",
    hidden: Sequence[int] = (32, 32),
    scoring: str = "accuracy",
    options: dict[str, Any] | None = None,
    name: str = "unnamed",
    checkpoint: str | Path | None = None,
    log_dir: str | Path | None = None,
    random_state: int | None = 0,
    verbose: int = 0,
) -> Scorer:
    """Train a scorer by reinforcement: what a label earns in the end, not at once.

    An agent of stable-baselines3 plays :class:`ActiveLearningEnv`. It scores each
    candidate by the same network, whatever its place and however many there are, and
    that network becomes the scorer: trained on a few rows at a time, it asks among
    all of a pool.

    Parameters
    ----------
    estimator : classifier, default=None
        The model that labels are bought for; None is a logistic regression. With
        ``warm_start=True`` it costs less, as :class:`ActiveLearningEnv` tells.
    tasks : callable, list or dict of (X, y), default=random_task
        As :class:`ActiveLearningEnv` takes them.
    algo : {"dqn", "ppo"}, default="dqn"
        Deep Q learning, or proximal policy optimisation.
    n_steps : int, default=20_000
        How many labels to buy in all; each is a fit of the estimator.
    n_candidates : int, default=16
        How many rows to choose from in each step.
    horizon : float, default=10.0
        Labels a class after which an episode ends, and the scorer hands over.
    reward : {"gain", "area", "steps_to_target"}, default="gain"
        What a label earns, as :class:`ActiveLearningEnv` has it.
    hidden : sequence of int, default=(32, 32)
        Widths of the network's layers.
    scoring : str, default="accuracy"
        The name of a scikit-learn scorer.
    options : dict, default=None
        Further parameters of the algorithm, such as ``learning_rate``.
    name : str, default="unnamed"
        The name of the scorer.
    checkpoint : str or Path, default=None
        A folder to keep the agent in, every 2 000 steps. The same call goes on from
        there, with other draws than if it had never been stopped. It holds pickles:
        never go on from the folder of a stranger.
    log_dir : str or Path, default=None
        A folder for TensorBoard, which must be installed.
    random_state : int, default=0
        Seeds everything; None takes fresh entropy.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Scorer
        Numbers in numpy; neither torch nor stable-baselines3 is needed to ask by it.

    Raises
    ------
    ImportError
        If gymnasium or stable-baselines3 are not installed: ``pip install skal[rl]``;
        with ``log_dir``, if TensorBoard is not.
    ValueError
        If a parameter is out of bounds, or the checkpoint is of other parameters.

    See Also
    --------
    fit_regression : Cheaper, and looks no further than a few labels.
    ActiveLearningEnv : What is played, for agents of your own.

    Notes
    -----
    Runs on the CPU. stable-baselines3 draws from the global random states: they are
    seeded for the training, and put back as they were.

    References
    ----------
    Konyushkova, K., Sznitman, R., Fua, P. (2018). Discovering general-purpose active
    learning strategies. arXiv:1810.04114
    """
    from skal.learned._env import ActiveLearningEnv

    estimator = as_model(estimator)
    check_choice("algo", algo, ALGORITHMS)
    seed = draw_seed(None) if random_state is None else random_state
    how = {
        "algo": algo,
        "n_steps": check_int("n_steps", n_steps),
        "n_candidates": check_int("n_candidates", n_candidates, 2),
        "horizon": check_number("horizon", horizon, minimum=1),
        "reward": reward,
        "hidden": [check_int("hidden", width) for width in hidden],
        "scoring": scoring,
        "options": {**ALGORITHMS[algo], **(options or {})},
        "random_state": seed,
    }
    env = ActiveLearningEnv(
        estimator,
        tasks,
        n_candidates=n_candidates,
        horizon=horizon,
        reward=reward,
        scoring=scoring,
    )
    about = {
        "name": name,
        "schema": SCHEMA,
        "estimator": kind_of(estimator),
        "horizon": how["horizon"],
        "trained": {
            "by": "fit_rl",
            "model": repr(estimator),
            "tasks": said_of(tasks),
            **how,
        },
    }
    check_agents(log_dir)
    folder = open_checkpoint(checkpoint, about)
    with own_random_states(), steps_shown(n_steps, name, verbose) as step:
        model = agent(env, how, folder, log_dir)
        learn(model, n_steps, folder, step)
        weights = weights_of_agent(model)
    return Scorer(weights, about)


def check_agents(log_dir):
    """Refuse to begin without stable-baselines3, or to log without TensorBoard."""
    try:
        import stable_baselines3  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "fit_rl needs stable-baselines3, which is not installed. "
            "pip install skal[rl]"
        ) from error
    if log_dir is not None and find_spec("tensorboard") is None:
        raise ImportError(
            f"log_dir must be None without TensorBoard, got {str(log_dir)!r}. "
            "pip install tensorboard"
        )


def agent(env, how, folder, log_dir):
    """Return the agent, from its checkpoint if there is one."""
    from stable_baselines3 import DQN, PPO

    from skal.learned._policies import SetActorCriticPolicy, SetDQNPolicy

    kind, policy = {
        "dqn": (DQN, SetDQNPolicy),
        "ppo": (PPO, SetActorCriticPolicy),
    }[how["algo"]]
    if folder is not None and (folder / "agent.zip").exists():
        model = kind.load(folder / "agent.zip", env=env, device="cpu")
        if (folder / "buffer.pkl").exists():
            model.load_replay_buffer(folder / "buffer.pkl")
        return model
    return kind(
        policy,
        env,
        policy_kwargs={"net_arch": how["hidden"]},
        seed=how["random_state"],
        device="cpu",
        tensorboard_log=None if log_dir is None else str(log_dir),
        **how["options"],
    )


def learn(model, n_steps, folder, step):
    """Train an agent until it has made so many steps."""
    from skal.learned._callback import Watch

    left = n_steps - model.num_timesteps
    step(model.num_timesteps)
    if left > 0:
        watch = Watch(folder, step)
        model.learn(left, callback=watch, reset_num_timesteps=False)
        watch.keep()


def weights_of_agent(model):
    """Return the weights of the scorer inside an agent."""
    from skal.learned._policies import weights_of

    return weights_of(model)


@contextmanager
def own_random_states():
    """Put the global random states back when all is done, which others seed and use."""
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
