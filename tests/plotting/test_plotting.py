"""Learning curves, queries and regions show what the learners hold."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from scipy import stats
from sklearn.datasets import (
    make_blobs,
    make_multilabel_classification,
    make_regression,
)
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB

from skal import ActiveLearner
from skal.multilabel import BinaryRelevance
from skal.plotting import LabelCurveDisplay, plot_queries
from skal.query import Margin, RandomLabels

N_LABELS = [10, 20, 40]
RUNS = np.array([[0.5, 0.7, 0.9], [0.6, 0.8, 0.8], [0.4, 0.9, 1.0]])


def band_edges(display, name):
    """Return the lower and upper edge of a band, at each number of labels."""
    vertices = display.bands_[name].get_paths()[0].vertices
    return [
        [edge(vertices[vertices[:, 0] == n, 1]) for n in N_LABELS]
        for edge in (np.min, np.max)
    ]


def test_a_busy_machine_is_not_warned_of(blobs, monkeypatch):
    """Matplotlib warned of what it had chosen itself, if a legend took a second."""
    curves = LabelCurveDisplay.from_history({"margin": (N_LABELS, RUNS)})
    queries = plot_queries(fitted(blobs), blobs[0])
    clock = map(float, range(0, 10**6, 2))
    monkeypatch.setattr("matplotlib.legend.time.perf_counter", lambda: next(clock))
    for ax in (curves.ax_, queries):
        ax.figure.canvas.draw()


# ---- LabelCurveDisplay


def test_line_is_the_mean_and_band_its_confidence_interval():
    display = LabelCurveDisplay.from_history({"margin": (N_LABELS, RUNS)})
    np.testing.assert_array_equal(display.lines_["margin"].get_xdata(), N_LABELS)
    np.testing.assert_allclose(display.lines_["margin"].get_ydata(), RUNS.mean(axis=0))
    low, high = stats.t.interval(
        0.95, 2, loc=RUNS.mean(axis=0), scale=stats.sem(RUNS, axis=0)
    )
    np.testing.assert_allclose(band_edges(display, "margin"), [low, high])


@pytest.mark.parametrize(
    ("average", "band", "low", "high"),
    [
        ("mean", "se", [0.5 - 0.1 / 3**0.5], [0.5 + 0.1 / 3**0.5]),
        ("mean", "std", [0.4], [0.6]),
        ("mean", "range", [0.4], [0.6]),
        ("median", "auto", [0.45], [0.55]),
        ("median", "quartiles", [0.45], [0.55]),
        ("median", "range", [0.4], [0.6]),
    ],
)
def test_bands(average, band, low, high):
    display = LabelCurveDisplay.from_history(
        {"margin": (N_LABELS, RUNS)}, average=average, band=band
    )
    np.testing.assert_allclose(display.lines_["margin"].get_ydata()[0], 0.5)
    edges = np.array(band_edges(display, "margin"))
    np.testing.assert_allclose(edges[:, :1], [low, high])


def test_no_band_on_request_or_for_a_single_run():
    curves = {"one": (N_LABELS, RUNS[0]), "three": (N_LABELS, RUNS)}
    assert list(LabelCurveDisplay.from_history(curves).bands_) == ["three"]
    assert LabelCurveDisplay.from_history(curves, band=None).bands_ == {}


def test_runs_of_different_lengths_are_compared_where_all_of_them_are():
    curves = {
        "margin": ([[10, 20, 30], [10, 30, 50]], [[0.1, 0.2, 0.3], [0.3, 0.5, 1]])
    }
    line = LabelCurveDisplay.from_history(curves).lines_["margin"]
    np.testing.assert_array_equal(line.get_xdata(), [10, 20, 30])
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.3, 0.4])


def test_target_is_marked_where_each_line_reaches_it():
    curves = {"margin": ([10, 20], [0.5, 0.9]), "random": ([10, 20], [0.4, 0.6])}
    display = LabelCurveDisplay.from_history(curves, target=0.7)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["margin: 0.7 at 15 labels", "random: never reaches 0.7"]
    dots = [line for line in display.ax_.lines if line.get_marker() == "o"]
    np.testing.assert_allclose([dot.get_xydata()[0] for dot in dots], [[15, 0.7]])


def test_axes_and_legend_are_named():
    display = LabelCurveDisplay.from_history(
        {"low": (N_LABELS, RUNS[0]), "high": (N_LABELS, RUNS[2])}, score_name="AUC"
    )
    assert display.ax_.get_xlabel() == "labels"
    assert display.ax_.get_ylabel() == "AUC"
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["high", "low"]  # as the lines end, from the top


def test_baseline_is_grey_and_the_others_are_told_apart():
    names = ["margin", "random", "entropy", "badge"]
    curves = dict.fromkeys(names, (N_LABELS, RUNS))
    lines = LabelCurveDisplay.from_history(curves).lines_
    colors = {name: to_hex(line.get_color()) for name, line in lines.items()}
    assert len(set(colors.values())) == 4
    assert colors["random"] == "#767676"
    lines = LabelCurveDisplay.from_history(curves, baseline="badge").lines_
    assert to_hex(lines["badge"].get_color()) == "#767676"
    assert to_hex(lines["random"].get_color()) != "#767676"


def test_draws_on_the_axes_it_is_given():
    ax = plt.figure().subplots()
    display = LabelCurveDisplay.from_history({"margin": (N_LABELS, RUNS)}, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.plot().ax_ is not ax


def fitted(blobs, strategy="margin", seed=0, **params):
    X, y = blobs
    params = {"n_labels": 40, "store_estimators": True, **params}
    learner = ActiveLearner(GaussianNB(), strategy, random_state=seed, **params)
    return learner.fit(X[:200], y[:200])


def test_from_learners_draws_the_staged_scores(blobs):
    X, y = blobs[0][200:], blobs[1][200:]
    group = [fitted(blobs, seed=seed) for seed in range(3)]
    display = LabelCurveDisplay.from_learners(
        {"margin": group, "random": fitted(blobs, "random")}, X, y
    )
    expected = np.mean([list(one.staged_score(X, y)) for one in group], axis=0)
    line = display.lines_["margin"]
    np.testing.assert_array_equal(line.get_xdata(), [10, 20, 30, 40])
    np.testing.assert_allclose(line.get_ydata(), expected)
    assert list(display.bands_) == ["margin"]
    assert display.ax_.get_ylabel() == "accuracy"


def test_from_learners_scores_with_the_users_own_labels(blobs):
    """The inner estimators know codes; the scorer is given the labels."""
    named = blobs[0], np.array(["ash", "beech", "oak"])[blobs[1]]
    X, y = named[0][200:], named[1][200:]
    learner = fitted(named)
    display = LabelCurveDisplay.from_learners(
        {"margin": learner}, X, y, scoring="neg_log_loss"
    )
    expected = [
        -log_loss(y, proba, labels=learner.classes_)
        for proba in learner.staged_predict_proba(X)
    ]
    np.testing.assert_allclose(display.lines_["margin"].get_ydata(), expected)
    assert display.ax_.get_ylabel() == "negative log loss"


def test_from_learners_names_other_scores():
    X, y = make_regression(60, 2, random_state=0)
    learner = ActiveLearner(Ridge(), "random", n_labels=20, store_estimators=True)
    learners = {"random": learner.fit(X, y)}
    display = LabelCurveDisplay.from_learners(learners, X, y)
    assert display.ax_.get_ylabel() == "R²"

    def bias(estimator, X, y):
        return np.mean(estimator.predict(X) - y)

    display = LabelCurveDisplay.from_learners(learners, X, y, scoring=bias)
    assert display.ax_.get_ylabel() == "bias"
    display = LabelCurveDisplay.from_learners(
        learners, X, y, scoring=bias, score_name="my bias"
    )
    assert display.ax_.get_ylabel() == "my bias"


def test_from_learners_takes_one_learner_and_its_seeds(blobs):
    """One learner had to be named in a dict."""
    X, y = blobs
    seeds = [
        ActiveLearner(
            GaussianNB(), how, n_labels=30, store_estimators=True, random_state=seed
        ).fit(X, y)
        for seed, how in enumerate(["entropy", "entropy", Margin()])
    ]
    one = LabelCurveDisplay.from_learners(seeds[0], X, y)
    several = LabelCurveDisplay.from_learners(seeds[:2], X, y)
    assert list(one.curves) == list(several.curves) == ["entropy"]
    assert np.shape(several.curves["entropy"][1])[0] == 2
    alone = LabelCurveDisplay.from_learners(seeds[2], X, y)
    assert list(alone.curves) == ["Margin"]
    with pytest.raises(ValueError, match="must be seeds of one strategy, got 'Margin'"):
        LabelCurveDisplay.from_learners(seeds, X, y)
    with pytest.raises(TypeError, match="learners must be learners, or a dict of name"):
        LabelCurveDisplay.from_learners([GaussianNB()], X, y)


def test_from_learners_goes_over_what_labels_have_cost(blobs):
    X, y = blobs
    costs = np.random.RandomState(0).uniform(0.01, 1, len(X))
    learner = ActiveLearner(
        GaussianNB(), n_labels=9, store_estimators=True, random_state=0
    )
    priced = learner.fit(X, y, costs=costs)
    display = LabelCurveDisplay.from_learners({"margin": priced}, X, y, target=0.5)
    assert display.ax_.get_xlabel() == "cost"
    paid = display.lines_["margin"].get_xdata()
    np.testing.assert_array_equal(paid, priced.history_["cost"])
    label = (
        f"margin: 0.5 at a cost of {paid[0]:.3g}"  # whole labels would be too coarse
    )
    assert display.lines_["margin"].get_label() == label
    learners = {"priced": priced, "free": fitted(blobs)}
    both = LabelCurveDisplay.from_learners(learners, X, y)
    assert both.ax_.get_xlabel() == "labels"


def test_from_learners_needs_the_models(blobs):
    X, y = blobs
    forgetful = fitted(blobs, store_estimators=False)
    with pytest.raises(ValueError, match="fitted with store_estimators=True, got"):
        LabelCurveDisplay.from_learners({"margin": forgetful}, X, y)
    with pytest.raises(TypeError, match="learners must be a dict of name to a learner"):
        LabelCurveDisplay.from_learners("margin", X, y)


@pytest.mark.parametrize(
    ("curves", "error", "message"),
    [
        ([(N_LABELS, RUNS)], TypeError, "curves must be a dict of name to"),
        ({}, ValueError, "curves must name at least one curve"),
        ({"a": ([10, 20], RUNS)}, ValueError, r"curves\['a'\] must hold increasing"),
        ({"a": ([10, 10, 20], RUNS)}, ValueError, "must hold increasing n_labels"),
        ({"a": ([N_LABELS] * 2, RUNS)}, ValueError, "each of the 3 runs, got 2"),
    ],
)
def test_curves_that_are_none(curves, error, message):
    with pytest.raises(error, match=message):
        LabelCurveDisplay.from_history(curves)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"average": "mode"}, "average must be one of 'mean', 'median', got 'mode'"),
        ({"band": "sd"}, "band must be one of 'std', .* or None with average='mean'"),
        ({"average": "median", "band": "ci"}, "with average='median', got 'ci'"),
        ({"baseline": "margn"}, "baseline must be one of 'margin', got 'margn'"),
    ],
)
def test_options_that_are_unknown(options, message):
    with pytest.raises(ValueError, match=message):
        LabelCurveDisplay.from_history({"margin": (N_LABELS, RUNS)}, **options)


def test_target_must_be_a_number():
    with pytest.raises(TypeError, match="target must be a score, got '90 %'"):
        LabelCurveDisplay.from_history({"a": (N_LABELS, RUNS)}, target="90 %")


# ---- plot_queries


def drawn(ax):
    """Return the points of the pool, the initial ones, and the bought ones."""
    return [c.get_offsets() for c in ax.collections if len(c.get_offsets())][-3:]


def test_queries_show_the_pool_and_every_purchase(blobs):
    X, _ = blobs
    learner = fitted(blobs)
    pool, initial, bought = drawn(plot_queries(learner, X[:200]))
    np.testing.assert_array_equal(pool, X[:200])
    np.testing.assert_array_equal(initial, learner.X_training_[:10])
    np.testing.assert_array_equal(bought, learner.X_training_[10:])


def test_queries_are_coloured_by_round(blobs):
    ax = plot_queries(fitted(blobs), blobs[0])
    rounds = ax.collections[-1].get_array()
    np.testing.assert_array_equal(rounds, np.repeat([1, 2, 3], 10))
    assert ax.figure.axes[1].get_ylabel() == "round"


def test_queries_of_a_live_learner(blobs):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), random_state=0)
    for _ in range(3):
        asked, rows = learner.query(X)
        learner.teach(rows, y[asked])
    _, initial, bought = drawn(plot_queries(learner, X))
    assert (len(initial), len(bought)) == (10, 20)


@pytest.mark.parametrize("width", [2, 3])
def test_queries_of_single_labels_show_each_row_once(width):
    X, Y = make_multilabel_classification(60, width, n_classes=3, random_state=0)
    learner = ActiveLearner(
        BinaryRelevance(GaussianNB()), RandomLabels(), n_labels=40, random_state=0
    ).fit(X, Y)
    _, initial, bought = drawn(plot_queries(learner, X[:, :2]))
    assert len(initial) == 4  # 10 labels, 3 a row
    rows = np.concatenate([initial, bought])
    begun = (learner.labeled_iter_ >= 0).any(axis=1)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, X[begun, :2]))


def test_queries_without_a_loop_are_all_initial(blobs):
    ax = plot_queries(ActiveLearner(GaussianNB()).fit(*blobs), blobs[0])
    assert len(ax.figure.axes) == 1


def test_queries_on_a_picture_of_a_wide_pool():
    X, y = make_blobs(200, n_features=6, random_state=0)
    learner = ActiveLearner(GaussianNB(), n_labels=40, random_state=0).fit(X, y)
    picture = PCA(2, random_state=0).fit_transform(X)
    _, initial, bought = drawn(plot_queries(learner, picture))
    assert (len(initial), len(bought)) == (10, 30)
    np.testing.assert_array_equal(initial, picture[learner.labeled_iter_ == 0])
    with pytest.raises(
        ValueError, match="X must hold the 200 rows given to fit, got 9"
    ):
        plot_queries(learner, picture[:9])
    with pytest.raises(ValueError, match="regions must be False for a learner that"):
        plot_queries(learner, picture, regions=True)
    with pytest.raises(
        ValueError, match=r"must be of shape \(n_samples, 2\), got \(20"
    ):
        plot_queries(learner, X)


@pytest.mark.parametrize("n_classes", [2, 3, 9])
def test_regions_of_any_labels(n_classes):
    X, y = make_blobs(200, centers=n_classes, random_state=0)
    learner = ActiveLearner(LogisticRegression(max_iter=500), n_labels=80)
    learner.fit(X, np.array(list("abcdefghi"))[y])
    ax = plot_queries(learner, X, regions=True)
    assert type(ax.collections[1]).__name__ == "QuadMesh"
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < X[:, 0].min() < X[:, 0].max() < right
    assert bottom < X[:, 1].min() < X[:, 1].max() < top


def test_regions_of_a_frame_name_its_columns(blobs):
    X = pd.DataFrame(blobs[0], columns=["length", "width"])
    learner = ActiveLearner(GaussianNB(), n_labels=30).fit(X, blobs[1])
    ax = plot_queries(learner, X, regions=True)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")


def test_regions_of_a_regressor():
    X, y = make_regression(100, 2, random_state=0)
    learner = ActiveLearner(Ridge(), "random", n_labels=30).fit(X, y)
    plot_queries(learner, X, regions=True)


def test_plotting_is_imported_without_matplotlib():
    code = "import sys, skal.plotting; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
