"""A scorer is a few numbers: it scores rows one by one, and is stored as such."""

import io
import json
import pickle

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


def test_a_file_without_a_version_is_refused(scorer, tmp_path):
    """Whatever JSON lay there once passed for the version of today."""
    scorer.save(tmp_path / "old.npz")
    (tmp_path / "old.json").write_text("{}")
    with pytest.raises(ValueError, match=r"schema 1, got None"):
        load_scorer(tmp_path / "old.npz")


class Hostile:
    """Would end the tests if it were unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit",)


def zipped(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


WHOLE = zipped(W0=np.zeros((18, 1)), b0=np.zeros(1))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "got no complete .npz"),
        (b"hello", "got no complete .npz"),
        (WHOLE[:300], "got no complete .npz"),
        (WHOLE[:-30], "got no complete .npz"),
        (WHOLE[:200] + b"!" * 99 + WHOLE[299:], "Bad CRC-32"),
        (pickle.dumps(Hostile()), "got no complete .npz"),
        (zipped(W0=np.array([Hostile()], object), b0=np.zeros(1)), "Object arrays"),
        (zipped(), r"arrays \[\] where \['W0', 'b0'\] belong"),
        (zipped(a=np.zeros(1), b=np.zeros(1)), r"arrays \['a', 'b'\] where"),
        (zipped(W0=np.zeros((18, 1))), r"arrays \['W0'\] where"),
    ],
)
def test_a_damaged_file_is_refused_and_nothing_in_it_is_run(content, match, tmp_path):
    """It failed in zipfile, in numpy, or on a missing key; a part passed for whole."""
    (tmp_path / "bad.npz").write_bytes(content)
    (tmp_path / "bad.json").write_text('{"schema": 1}')
    with pytest.raises(ValueError, match=f"that Scorer.save wrote.*{match}.*bad.npz"):
        load_scorer(tmp_path / "bad.npz")


@pytest.mark.parametrize("text", ["", "{nope", "[1]", "null"])
def test_damaged_json_is_refused(text, scorer, tmp_path):
    scorer.save(tmp_path / "bad.npz")
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match=r"that Scorer.save wrote.*bad.json.*again"):
        load_scorer(tmp_path / "bad.npz")


def test_a_missing_file_is_named(scorer, tmp_path):
    """The JSON was said to miss where neither was there."""
    with pytest.raises(FileNotFoundError, match=r"path of a file, got .*mine.npz"):
        load_scorer(tmp_path / "mine.npz")
    scorer.save(tmp_path / "mine.npz")
    (tmp_path / "mine.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"\.json of its name.*mine.json"):
        load_scorer(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    ("weights", "error", "match"),
    [
        (None, TypeError, "weights must be a list of .* got NoneType"),
        (np.zeros((18, 1)), TypeError, "weights must be a list of .* got ndarray"),
        ([np.zeros((18, 1)), np.zeros(1)], TypeError, "weights must be a list of"),
        ([(np.full((18, 1), np.nan), np.zeros(1))], ValueError, "must be finite"),
        ([(np.full((18, 1), "2"), np.zeros(1))], ValueError, "must be finite"),
        ([(np.zeros((18, 1)), np.zeros((1, 1)))], ValueError, "offsets of"),
        ([(np.zeros((18, 1)), np.float64(0))], ValueError, "offsets of"),
    ],
)
def test_weights_that_are_no_layers_are_refused(weights, error, match):
    with pytest.raises(error, match=match):
        Scorer(weights)


@pytest.mark.parametrize(
    ("about", "error", "match"),
    [
        ("mine", TypeError, "about must be a dict or None, got 'mine'"),
        ({"horizon": "ten"}, TypeError, "horizon must be a number, got 'ten'"),
        ({"horizon": -1}, ValueError, "horizon must be above 0, got -1"),
        ({"horizon": float("nan")}, ValueError, "horizon must be above 0"),
        ({"estimator": ["GaussianNB"]}, TypeError, "estimator must be a string"),
        ({"name": 3}, TypeError, "name must be a string, got 3"),
    ],
)
def test_what_is_known_of_a_scorer_must_make_sense(about, error, match, scorer):
    """A horizon in words once failed in the middle of a query."""
    with pytest.raises(error, match=match):
        Scorer(scorer.weights, about)


@pytest.mark.parametrize("shapes", [((3, 5), 6), ((3, 12), 5), ((3, 13), 5), (12, 6)])
def test_features_of_other_shapes_are_refused(shapes, scorer):
    """A column more and one of the round less once gave scores."""
    with pytest.raises(ValueError, match=r"shape \(n_rows, 12\).*pool_features"):
        scorer.score(*map(np.zeros, shapes))


@pytest.mark.parametrize(
    ("hidden", "error", "match"),
    [
        (8, TypeError, r"hidden must be a list of widths.*got 8. Write \(32,\)"),
        ("32", TypeError, "hidden must be a list of widths"),
        ((0,), ValueError, "hidden must be at least 1, got 0"),
        ((3.5,), TypeError, "hidden must be an integer, got 3.5"),
    ],
)
def test_layers_have_whole_widths(hidden, error, match):
    with pytest.raises(error, match=match):
        untrained_scorer(hidden)


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
