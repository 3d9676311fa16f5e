"""Groups keep their colours from panel to panel, and lines tell what was asked."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from skal.cluster import ActiveClusterer
from skal.plotting import LabelCurveDisplay, plot_groups
from skal.plotting._colors import BASELINE_COLOR, COLORS
from skal.plotting._groups import group_colors


@pytest.fixture(scope="module")
def fitted(blobs):
    X, y = blobs
    return ActiveClusterer(n_queries=40, random_state=0).fit(X, y)


def test_a_group_has_the_colour_of_the_final_group_that_it_is_most_like():
    final = np.array([0, 0, 0, 1, 1, 2])
    before = np.array([1, 1, 2, 0, 0, 0])  # of 1 and 2 the larger is final group 0
    colors = [tuple(color) for color in group_colors(before, final)]
    assert colors == [*map(to_rgb, (COLORS[1], COLORS[0], BASELINE_COLOR))]
    assert len({*map(tuple, group_colors(np.arange(12), np.arange(12)))}) == 12


def test_a_panel_for_each_number_of_answers(blobs, fitted):
    X, _ = blobs
    axes = plot_groups(fitted, X, n_answers=[0, 10, 40])
    n_last = fitted.n_queries_
    assert [ax.get_title("left") for ax in axes] == [
        "0 answers: 1 group",
        f"10 answers: {axes[1].get_title('left').split(': ')[1]}",
        f"{n_last} answers: {fitted.n_clusters_} groups",
    ]
    for ax, n in zip(axes, (0, 10, n_last), strict=True):
        *lines, rows = sorted(ax.collections, key=lambda drawn: drawn.get_zorder())
        assert sum(len(drawn.get_segments()) for drawn in lines) == n
        np.testing.assert_array_equal(rows.get_offsets(), X)
    pairs = np.concatenate(list(fitted.history_["pairs"]))
    together = np.concatenate(list(fitted.history_["answers"])) > 0
    solid = next(c for c in axes[2].collections if c.get_linestyle()[0][1] is None)
    np.testing.assert_array_equal(solid.get_segments(), X[pairs[together]])


def test_axes_and_rows_that_do_not_fit_are_refused(blobs, fitted):
    X, _ = blobs
    for n_answers in ([-1, 5], []):  # used to be a KeyError, and matplotlib's
        with pytest.raises(ValueError, match="n_answers must be counts from 0 up"):
            plot_groups(fitted, X, n_answers=n_answers)
    assert len(plot_groups(fitted, X)) == 4
    with pytest.raises(ValueError, match=r"X must hold the 300 rows .* got 5"):
        plot_groups(fitted, X[:5])
    with pytest.raises(ValueError, match=r"axes must be as many as n_answers, 2, got"):
        plot_groups(fitted, X, n_answers=[0, 9], axes=plt.subplots()[1])


def test_a_curve_may_count_answers():
    curves = {"entropy": ([0, 10, 20], [0.1, 0.5, 0.9])}
    display = LabelCurveDisplay.from_history(curves, count_name="answers", target=0.7)
    assert display.ax_.get_xlabel() == "answers"
    assert display.lines_["entropy"].get_label() == "entropy: 0.7 at 15 answers"
