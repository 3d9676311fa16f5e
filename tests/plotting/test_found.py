"""The picture of what a search finds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearner
from skal.plotting import plot_found


def test_a_learner_and_labels_in_hand():
    X, y = load_iris(return_X_y=True)
    learner = ActiveLearner(LogisticRegression(max_iter=500), n_labels=30).fit(X, y)
    display = plot_found({"asked": learner, "by hand": [2, 0, 2]}, 2)
    assert list(display.lines_) == ["asked", "by hand"]
    found = display.lines_["asked"].get_ydata()
    assert found.tolist() == [0, *np.cumsum(learner.y_training_ == 2)]
    assert display.lines_["by hand"].get_ydata().tolist() == [0, 1, 1, 2]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("labels", "found")


def test_several_seeds_are_averaged():
    display = plot_found({"two": [[1, 0, 1], [0, 0, 1]]})
    assert display.lines_["two"].get_ydata().tolist() == [0, 0.5, 0.5, 1.5]
    assert "two" in display.bands_


def test_several_labels_a_row_are_one_run():
    display = plot_found({"one": np.array([[0, 1], [1, 1]])}, 1)
    assert display.lines_["one"].get_ydata().tolist() == [0, 1, 2]


def test_what_is_there_and_what_chance_finds():
    _, ax = plt.subplots()
    plot_found({"run": [1, 1, 0, 0]}, n_positive=2, n_samples=20, ax=ax)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["run", "by chance"]
    drawn = [line.get_xydata().tolist() for line in ax.get_lines()]
    assert [[0, 0], [4, 0.4]] in [np.round(line, 9).tolist() for line in drawn]
    assert [[0, 0], [2, 2], [4, 2]] in drawn


@pytest.mark.parametrize(
    ("runs", "options", "error", "match"),
    [
        ([1, 0], {}, TypeError, "runs must be a dict"),
        ({"a": []}, {}, ValueError, r"runs\['a'\] must hold learners with labels"),
        ({"a": ActiveLearner()}, {}, ValueError, "must hold learners with labels"),
        ({"a": [1]}, {"n_positive": 0}, ValueError, "n_positive must be at least 1"),
        (
            {"a": [1]},
            {"n_positive": 5, "n_samples": 3},
            ValueError,
            "n_samples must count all rows",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(runs, options, error, match):
    with pytest.raises(error, match=match):
        plot_found(runs, **options)
