"""What several trainings tried is learnt from together."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skal.learned import fit_checkpoints, fit_regression, random_task

SMALL = {
    "n_tasks": 2,
    "n_states": 2,
    "n_candidates": 4,
    "n_lookaheads": 1,
    "n_rounds": 1,
    "hidden": (8,),
}


def kept(folder, estimator=None, **others):
    """Keep what a small training tries; return its scorer."""
    how = {**SMALL, **others, "checkpoint": folder}
    return fit_regression(GaussianNB() if estimator is None else estimator, **how)


def weights(scorer):
    return np.concatenate([part.ravel() for layer in scorer.weights for part in layer])


def test_one_whole_training_gives_its_scorer(tmp_path):
    """In two rounds of two files each, of which the later knew the first's scorer."""
    whole = kept(tmp_path / "one", n_tasks=4, n_rounds=2)
    again = fit_checkpoints([tmp_path / "one"], hidden=(8,), name="again")
    np.testing.assert_array_equal(weights(again), weights(whole))
    assert (again.name, again.estimator, again.horizon) == ("again", "GaussianNB", 10.0)
    assert again.about["trained"]["n_rows"] == 4 * 2 * 4


def test_several_are_learnt_from_together(tmp_path):
    sets = {str(seed): random_task(seed, n_samples=200) for seed in range(2)}
    for name, task in sets.items():
        kept(tmp_path / name, tasks=[task], horizon=5.0 + int(name))
    both = fit_checkpoints([str(tmp_path / "0"), tmp_path / "1"], hidden=(8,))
    alone = fit_checkpoints([tmp_path / "1"], hidden=(8,))
    assert both.about["trained"]["n_rows"] == 2 * alone.about["trained"]["n_rows"]
    assert not np.array_equal(weights(both), weights(alone))
    assert (both.horizon, alone.horizon) == (5.0, 6.0)
    shapes = [one["tasks"] for one in both.about["trained"]["of"]]
    assert shapes == [{"0": list(X.shape)} for X, _ in sets.values()]


def test_what_is_left_of_a_broken_write_is_not_read(tmp_path):
    kept(tmp_path)
    scorer = fit_checkpoints([tmp_path])
    (tmp_path / "tasks_00040.part.npz").write_bytes(b"half")
    np.testing.assert_array_equal(weights(fit_checkpoints([tmp_path])), weights(scorer))


def test_folders_of_different_models_are_refused(tmp_path):
    kept(tmp_path / "bayes")
    kept(tmp_path / "logistic", LogisticRegression())
    match = "one kind of model, got GaussianNB and LogisticRegression. Train a scorer"
    with pytest.raises(ValueError, match=match):
        fit_checkpoints([tmp_path / "logistic", tmp_path / "bayes"])


def test_features_of_another_version_are_refused(tmp_path):
    kept(tmp_path)
    about = tmp_path / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "schema": 0}))
    with pytest.raises(ValueError, match=r"schema 1, got 0.*Train it again"):
        fit_checkpoints([tmp_path])


@pytest.mark.parametrize("name", ["none", "empty"])
def test_a_folder_of_no_training_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "about.json").write_text("{}")
    match = rf"folders in which fit_regression kept .*{name}'. Fill one by its checkp"
    with pytest.raises(ValueError, match=match):
        fit_checkpoints([tmp_path / name])


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"checkpoints": "here"}, TypeError, "a list of folders, got 'here'. Put it"),
        ({"checkpoints": []}, ValueError, "checkpoints must name at least one folder"),
        ({"checkpoints": ["a"], "hidden": (0,)}, ValueError, "hidden must be at least"),
    ],
)
def test_bad_parameters_are_refused(params, error, match):
    with pytest.raises(error, match=match):
        fit_checkpoints(**params)
