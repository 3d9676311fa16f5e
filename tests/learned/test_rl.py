"""The environment keeps gymnasium's promises, and agents become scorers."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from skal import ModelView
from skal.learned import (
    CANDIDATE_FEATURES,
    STATE_FEATURES,
    ActiveLearningEnv,
    LearnedStrategy,
    fit_rl,
    random_task,
)
from skal.learned._env import REWARDS

F, S = len(CANDIDATE_FEATURES), len(STATE_FEATURES)


def env_of(**params):
    pytest.importorskip("gymnasium", reason="gymnasium is not installed: skal[rl]")
    return ActiveLearningEnv(GaussianNB(), **{"n_candidates": 4, **params})


@pytest.fixture
def agents(torch):
    reason = "stable-baselines3 is not installed: skal[rl]"
    return pytest.importorskip("stable_baselines3", reason=reason)


SMALL = {
    "dqn": {"n_steps": 60, "options": {"learning_starts": 20}},
    "ppo": {"n_steps": 64, "options": {"n_steps": 32, "batch_size": 32}},
}


def weights(scorer):
    return np.concatenate([part.ravel() for layer in scorer.weights for part in layer])


def test_gymnasium_and_stable_baselines_find_nothing_wrong(agents):
    from gymnasium.utils.env_checker import check_env
    from stable_baselines3.common.env_checker import check_env as check_for_agents

    check_env(env_of(), skip_render_check=True)
    check_for_agents(env_of())


@pytest.mark.parametrize("k", [2, 4, 9])
def test_any_number_of_candidates_works(k):
    env = env_of(n_candidates=k)
    observation, _ = env.reset(seed=0)
    assert env.action_space.n == k
    assert observation.shape == (k * F + S,)
    assert env.observation_space.contains(observation)


def test_one_seed_gives_one_episode():
    def played(seed):
        env = env_of(horizon=3)
        trace = [env.reset(seed=seed)[0]]
        over = False
        while not over:
            observation, earned, over, truncated, _ = env.step(1)
            assert not truncated
            trace.append(np.append(observation, earned))
        return np.concatenate(trace)

    np.testing.assert_array_equal(played(1), played(1))
    assert len(played(1)) != len(played(2)) or not np.array_equal(played(1), played(2))


def test_the_row_that_the_agent_chose_is_labelled():
    env = env_of()
    env.reset(seed=0)
    row = env.candidates[2]
    before = set(env.episode.labeled)
    env.step(2)
    assert set(env.episode.labeled) - before == {row}


def test_gains_add_up_to_what_was_gained():
    env = env_of(horizon=3)
    _, first = env.reset(seed=3)
    total, over = 0.0, False
    while not over:
        _, earned, over, _, last = env.step(0)
        assert -1 < earned < 1  # no gain was cut off
        total += earned
    gained = last["score"] - first["score"]
    np.testing.assert_allclose(
        total, gained / max(first["full_score"] - first["score"], 0.05)
    )


def test_other_rewards():
    env = env_of(horizon=3, reward="area")
    env.reset(seed=0)
    _, earned, _, _, info = env.step(0)
    assert earned == info["score"] - info["full_score"]
    env = env_of(horizon=30, reward="steps_to_target", tasks=[random_task(0)])
    env.reset(seed=0)
    over = False
    while not over:
        _, earned, over, _, info = env.step(0)
        assert earned == -1
    reached = info["score"] >= 0.98 * info["full_score"]
    assert reached or env.episode.labels_per_class >= 30


@pytest.mark.parametrize("algo", ["dqn", pytest.param("ppo", marks=pytest.mark.long)])
def test_an_agent_becomes_a_scorer(agents, algo):
    scorer = fit_rl(GaussianNB(), algo=algo, n_candidates=4, **SMALL[algo])
    again = fit_rl(GaussianNB(), algo=algo, n_candidates=4, **SMALL[algo])
    np.testing.assert_array_equal(weights(scorer), weights(again))
    assert scorer.estimator == "GaussianNB"
    assert scorer.about["trained"]["algo"] == algo


@pytest.mark.parametrize("algo", ["dqn", "ppo"])
def test_the_network_of_an_agent_scores_as_the_scorer_does(agents, torch, algo):
    from skal.learned import Scorer
    from skal.learned._policies import SharedScorer

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SharedScorer([8, 8])
    rng = np.random.RandomState(0)
    rows, state = rng.uniform(size=(5, F)), rng.uniform(size=S)
    observation = torch.tensor(np.append(rows.ravel(), state), dtype=torch.float32)
    expected = network(observation[None])[0].detach().numpy()
    scorer = Scorer(network.weights())
    np.testing.assert_allclose(scorer.score(rows, state), expected, atol=5e-3)


def test_an_agent_knows_no_order_of_rows(agents, torch):
    from skal.learned._policies import SharedScorer

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SharedScorer([8, 8])
    rng = np.random.RandomState(0)
    rows, state = rng.uniform(size=(9, F)), rng.uniform(size=S)
    order = rng.permutation(9)
    both = [np.append(some.ravel(), state) for some in (rows, rows[order])]
    first, second = network(torch.tensor(np.array(both), dtype=torch.float32))
    assert torch.equal(first[order], second)


def test_from_its_file_an_agent_asks_for_the_same_rows(agents, blobs, tmp_path):
    X, y = blobs
    scorer = fit_rl(GaussianNB(), n_candidates=4, name="agent", **SMALL["dqn"])
    model = GaussianNB().fit(X[::20], y[::20])
    view = ModelView(model, X[::20], y[::20])
    expected, _ = LearnedStrategy(scorer)(view, X, 5, random_state=0)
    scorer.save(tmp_path / "agent.npz")
    strategy = LearnedStrategy(tmp_path / "agent.npz")
    picked, info = strategy(view, X, 5, random_state=0)
    assert info["strategy"] == "agent"
    np.testing.assert_array_equal(picked, expected)


def test_the_steps_are_shown_on_a_bar(agents, capsys):
    fit_rl(GaussianNB(), n_candidates=4, name="walker", verbose=1, **SMALL["dqn"])
    shown = capsys.readouterr().out
    assert "walker" in shown
    assert "100%" in shown


def test_tensorboard_gets_what_it_can_show(agents, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    fit_rl(GaussianNB(), n_candidates=4, log_dir=tmp_path, **SMALL["dqn"])
    assert list(tmp_path.glob("*/events.out.tfevents.*"))


def test_without_tensorboard_nothing_is_logged(agents, tmp_path, monkeypatch):
    monkeypatch.setattr("skal.learned._rl.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="log_dir must be None without TensorBoard"):
        fit_rl(GaussianNB(), log_dir=tmp_path / "log", checkpoint=tmp_path / "kept")
    assert not list(tmp_path.iterdir())


def test_a_training_goes_on_from_its_checkpoint(agents, tmp_path):
    how = {"n_candidates": 4, "checkpoint": tmp_path, **SMALL["dqn"]}
    scorer = fit_rl(GaussianNB(), **how)
    kept = (tmp_path / "agent.zip").stat().st_mtime_ns
    again = fit_rl(GaussianNB(), **how)
    np.testing.assert_array_equal(weights(scorer), weights(again))
    assert (tmp_path / "agent.zip").stat().st_mtime_ns == kept
    with pytest.raises(ValueError, match="checkpoint must be a folder of the same"):
        fit_rl(GaussianNB(), **{**how, "n_candidates": 5})


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n_candidates": 1}, "n_candidates must be at least 2, got 1"),
        ({"horizon": 0}, "horizon must be in"),
        ({"reward": "gains"}, f"reward must be one of {REWARDS[0]!r}"),
        ({"n_pool": 3}, "n_pool must be at least 8, got 3"),
        ({"tasks": []}, "tasks must be a function"),
    ],
)
def test_bad_parameters_are_refused(params, match):
    with pytest.raises(ValueError, match=match):
        ActiveLearningEnv(GaussianNB(), **{"n_candidates": 4, **params})


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"algo": "dqm"}, "algo must be one of 'dqn', 'ppo', got 'dqm'"),
        ({"n_steps": 0}, "n_steps must be at least 1"),
    ],
)
def test_bad_parameters_of_a_training_are_refused(params, match):
    with pytest.raises(ValueError, match=match):
        fit_rl(GaussianNB(), **params)


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(ImportError, match=r"needs .* pip install skal\[rl\]"):
        fit_rl(GaussianNB())


def test_importing_it_needs_no_gymnasium():
    code = (
        "import sys\n"
        "sys.modules['gymnasium'] = None\n"
        "import skal.learned\n"
        "assert 'stable_baselines3' not in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
        "try:\n"
        "    skal.learned.ActiveLearningEnv()\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "pip install skal[rl]" in done.stdout
