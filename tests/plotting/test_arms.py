"""plot_arms draws which strategy asked for each label, and how the shares changed."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal.plotting import plot_arms
from skal.plotting._colors import COLORS
from skal.query import Bandit, Mixture, Refine, Schedule, asked_by

MODEL = GaussianNB()


def fitted(blobs, strategy, **sizes):
    X, y = blobs
    sizes = {"n_labels": 40, "batch_size": 5, "random_state": 0, **sizes}
    return ActiveLearner(MODEL, strategy, **sizes).fit(X, y)


def test_the_bands_are_the_chances_and_the_dots_who_asked(blobs):
    bandit = Bandit([("chance", "random"), ("doubt", "margin")])
    learner = fitted(blobs, bandit)
    ax = plot_arms(learner)
    bars = np.array([bar.get_height() for bar in ax.patches]).reshape(-1, 2)
    infos = learner.history_["info"][1:]
    np.testing.assert_allclose(bars, [info["probabilities"] for info in infos])
    assert [bar.get_x() for bar in ax.patches[::2]] == [10, 15, 20, 25, 30, 35]
    asked = np.concatenate([info["base"] for info in infos])
    for dots, name in zip(ax.collections, ["chance", "doubt"], strict=True):
        at = dots.get_offsets()[:, 0] - 0.5
        assert at.tolist() == (10 + np.flatnonzero(asked == name)).tolist()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["chance", "doubt", "0 %", "50 %", "100 %"]


def test_a_dot_is_full_where_the_model_was_wrong(blobs):
    learner = fitted(blobs, Bandit([("doubt", "margin")]))
    (dots,) = plot_arms(learner).collections
    expected = np.concatenate([i["predicted"] for i in learner.history_["info"][1:]])
    wrong = expected != learner.y_training_[10:]
    assert 0 < wrong.sum() < len(wrong)
    full = [to_hex(color) == COLORS[0].lower() for color in dots.get_facecolors()]
    assert full == wrong.tolist()


def test_shares_of_a_batch_where_there_are_no_chances(blobs):
    fig, ax = plt.subplots()
    mixture = Mixture([("far", "core_set"), ("doubt", "margin")], weights=[2, 3])
    assert plot_arms(fitted(blobs, mixture), ax=ax) is ax
    heights = np.array([bar.get_height() for bar in ax.patches]).reshape(-1, 2)
    np.testing.assert_allclose(heights.sum(axis=1), 1)
    assert sorted(heights[0].round(1)) == [0.4, 0.6]
    assert {to_hex(c) for dots in ax.collections for c in dots.get_facecolors()} == {
        "#cccccc"  # nobody has told what the model expected
    }
    plt.close(fig)


def test_one_strategy_after_the_other(blobs):
    schedule = Schedule([("a", "random"), ("b", "margin")], 25, "labels")
    ax = plot_arms(fitted(blobs, schedule))
    heights = np.array([bar.get_height() for bar in ax.patches]).reshape(-1, 2)
    assert heights[:, 0].tolist() == [1, 1, 1, 0, 0, 0]


def test_live_answers_are_those_of_the_strategy_that_asked(blobs):
    X, y = blobs
    learner = ActiveLearner(MODEL, Bandit(), batch_size=6, random_state=0)
    learner.teach(X[:10], y[:10])
    picks, _ = learner.query(X, candidates=np.arange(10, 300))
    told = dict(zip(picks, learner._question.info["base"], strict=True))
    order = picks[::-1]
    learner.teach(X[[*order[:2], 299]], y[[*order[:2], 299]])
    learner.teach(X[order[2:]], y[order[2:]])
    names, wrong = asked_by(learner.__skal_view__())
    expected = [told[row] for row in order]
    assert names.tolist() == [""] * 10 + expected[:2] + [""] + expected[2:]
    assert np.isnan(wrong).tolist() == [name == "" for name in names]
    assert len(plot_arms(learner).patches) == 2 * 4


def test_rows_that_nobody_in_particular_took_have_no_lane(blobs):
    """They had one without a name, in which the first rows stood as well."""
    X, y = blobs
    learner = ActiveLearner(
        MODEL, Refine([("a", "random"), ("b", "margin")], "margin"), random_state=0
    )
    ax = plot_arms(learner.set_params(n_labels=40).fit(X[:40], y[:40]))
    assert set(learner.history_["info"][-1]["base"]) == {""}  # all that were left
    lanes = [label.get_text() for label in ax.get_yticklabels()][:-3]
    assert set(lanes) == {"a", "b"}
    assert sum(len(dots.get_offsets()) for dots in ax.collections) == 20


def names_in_a_list(learner, X, n_instances=1):
    return np.arange(n_instances), {"base": ["me", "you"] * (n_instances // 2)}


def one_number(learner, X, n_instances=1):
    return np.arange(n_instances), {"base": 3}


def test_a_function_may_tell_anything(blobs):
    """A list raised AttributeError."""
    ax = plot_arms(fitted(blobs, names_in_a_list, batch_size=10))
    assert [len(dots.get_offsets()) for dots in ax.collections] == [15, 15]
    with pytest.raises(ValueError, match="learner must have asked by a strategy that"):
        plot_arms(fitted(blobs, one_number))


def test_a_strategy_that_does_not_tell_is_refused(blobs):
    learner = fitted(blobs, "margin")
    with pytest.raises(ValueError, match=r"learner must have asked by .* got 'margin'"):
        plot_arms(learner)
