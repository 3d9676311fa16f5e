"""A scorer is a few numbers: it scores rows one by one, and is stored as such."""

import json

import numpy as np
import pytest

from skal.learned import (
    CANDIDATE_FEATURES,
    STATE_FEATURES,
    Scorer,
    load_scorer,
    untrained_scorer,
)
from skal.learned._scorer import SHIPPED

F, S = len(CANDIDATE_FEATURES), len(STATE_FEATURES)


@pytest.fixture
def scorer():
    return untrained_scorer((8, 4), random_state=0)


def features(rng, n):
    return rng.uniform(size=(n, F)).astype(np.float32), rng.uniform(size=S)


def test_a_score_is_that_of_a_plain_network(scorer, rng):
    candidates, state = features(rng, 50)
    x = np.hstack([candidates, np.tile(state, (50, 1))])
    for W, b in scorer.weights[:-1]:
        x = np.maximum(x @ W + b, 0)
    W, b = scorer.weights[-1]
    expected = (x @ W + b)[:, 0]
    np.testing.assert_allclose(scorer.score(candidates, state), expected, atol=5e-3)


@pytest.mark.parametrize("n", [1, 7, 500, 5000])
def test_scores_move_with_the_rows_to_the_last_bit(scorer, rng, n):
    """Products of matrices once gave equal rows scores that differed in a digit."""
    candidates, state = features(rng, n)
    order = rng.permutation(n)
    moved = scorer.score(candidates[order], state)
    np.testing.assert_array_equal(moved, scorer.score(candidates, state)[order])
    alone = [scorer.score(candidates[[i]], state)[0] for i in range(min(n, 20))]
    np.testing.assert_array_equal(alone, scorer.score(candidates, state)[:20])


def test_no_rows_get_no_scores(scorer):
    assert scorer.score(np.empty((0, F)), np.zeros(S)).shape == (0,)


def test_a_scorer_comes_back_from_its_files(scorer, rng, tmp_path):
    scorer.about.update(name="mine", horizon=7.0, estimator="GaussianNB")
    scorer.save(tmp_path / "mine.npz")
    again = load_scorer(tmp_path / "mine.npz")
    assert (again.name, again.horizon, again.estimator) == ("mine", 7.0, "GaussianNB")
    candidates, state = features(rng, 30)
    np.testing.assert_array_equal(
        again.score(candidates, state), scorer.score(candidates, state)
    )
    assert repr(again) == "Scorer('mine', 18-8-4-1)"
    with np.load(tmp_path / "mine.npz", allow_pickle=False) as arrays:
        assert {array.dtype for array in arrays.values()} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("logistic-v1", "LogisticRegression"), ("forest-v1", "RandomForestClassifier")],
)
def test_a_scorer_that_comes_with_skal_says_how_it_came_to_be(name, kind):
    scorer = load_scorer(name)
    assert (scorer.name, scorer.estimator) == (name, kind)
    assert scorer.horizon == 10
    assert scorer.about["trained"]["by"] == "fit_regression"
    assert (SHIPPED / f"{name}.npz").stat().st_size < 30_000


def test_an_unknown_name_is_refused():
    match = r"one of 'logistic-v1', 'forest-v1', a Sc.*got 'logistik'.*Scorer.save"
    with pytest.raises(ValueError, match=match):
        load_scorer("logistik")


def test_features_of_another_version_are_refused(scorer, tmp_path):
    scorer.save(tmp_path / "old.npz")
    about = tmp_path / "old.json"
    about.write_text(json.dumps({"schema": 0}))
    with pytest.raises(ValueError, match=r"schema 1, got 0.*Train it again"):
        load_scorer(tmp_path / "old.npz")


@pytest.mark.parametrize(
    ("shapes", "match"),
    [
        ([(5, 1)], "must begin with 18 features"),
        ([(18, 4), (3, 1)], "got a matrix of"),
        ([(18, 2)], "must end in one number a row"),
        ([], "must end in one number a row"),
    ],
)
def test_layers_that_do_not_fit_are_refused(shapes, match):
    with pytest.raises(ValueError, match=match):
        Scorer([(np.zeros(shape), np.zeros(shape[1])) for shape in shapes])
