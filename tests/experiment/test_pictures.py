"""Pictures and the report of a small run on images of digits."""

import re
from copy import deepcopy

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from skal.experiment import Experiment, Results
from skal.experiment._plot_runs import mosaic_of
from skal.experiment._report import page_of


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    experiment = Experiment(
        GaussianNB(var_smoothing=0.1),
        ["margin", "entropy", "random"],
        "digits",
        n_labels=60,
        n_initial=20,
        seeds=5,
        details_at=[40],
    )
    return experiment.run(tmp_path_factory.mktemp("digits"))


def lines_of(ax):
    return {line.get_label() for line in ax.lines if line.get_label()[0] != "_"}


@pytest.mark.parametrize("metric", ["accuracy", "nll", "test_entropy", "asked_entropy"])
def test_curves_show_the_means(results, metric):
    ax = results.plot_curves(metric)
    assert lines_of(ax) == {"margin", "entropy", "random"}
    frame = results.frame
    mean = frame[frame.strategy == "margin"].groupby("n_labels")[metric].mean()
    line = next(line for line in ax.lines if line.get_label() == "margin")
    np.testing.assert_allclose(line.get_ydata(), mean)
    assert len(ax.collections) == 3


def test_legend_is_in_the_order_of_the_lines(results):
    for metric in ("accuracy", "nll"):
        ax = results.plot_curves(metric)
        last = {line.get_label(): line.get_ydata()[-1] for line in ax.lines}
        shown = [text.get_text() for text in ax.get_legend().get_texts()]
        assert shown == sorted(last, key=last.get, reverse=True)


def test_a_loss_reaches_its_target_from_above(results):
    ax = results.plot_curves("nll", target=5.0)
    needed = results.summary("nll", targets=[5.0]).set_index("strategy")["labels_to_5"]
    found = {}
    for line in ax.lines:
        name, reached, words = line.get_label().partition(": 5 at ")
        if reached:
            found[name] = float(words.split()[0])
    assert {"margin", "random"} <= set(found)
    for name, labels in found.items():
        assert labels == pytest.approx(needed[name], abs=0.51)
        assert labels > 20


def test_strategies_to_draw_are_checked(results):
    figure = results.plot_confusion(strategies="margin")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["margin"]
    assert len(results.plot_asked(strategies=["margin", "random"]).axes) == 2
    assert len(results.plot_asked_classes(strategies=["margin"]).axes) == 2  # a bar too
    for draw in (
        results.plot_confusion,
        results.plot_asked,
        results.plot_asked_classes,
    ):
        with pytest.raises(ValueError, match="strategies must be one of 'margin'"):
            draw(strategies=["margn"])


def test_efficiency_begins_at_one(results):
    ax = results.plot_efficiency()
    line = next(line for line in ax.lines if line.get_label() == "margin")
    assert line.get_ydata()[0] == pytest.approx(1)
    assert lines_of(ax) == {"margin", "entropy", "random"}


def test_time_is_that_of_choosing_and_training(results):
    ax = results.plot_time()
    line = next(line for line in ax.lines if line.get_label() == "margin")
    spent = results.seconds("digits", "GaussianNB(var_smoothing=0.1)", "margin")
    assert line.get_xdata()[-1] == pytest.approx(sum(spent.values()))


def test_ranks_and_penalties_are_labelled(results):
    ax = results.plot_ranks()
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == results.ranks().names
    ax = results.plot_penalties()
    assert ax.images[0].get_array().shape == (4, 3)
    few = results.select(seed=[0, 1]).plot_penalties()
    assert few.get_title(loc="left") == "cannot tell: fewer than five seeds"


def test_confusion_matrices_are_shares_of_the_true_class(results):
    for n_labels in (None, 40):
        figure = results.plot_confusion(n_labels=n_labels)
        for ax in figure.axes:
            np.testing.assert_allclose(ax.images[0].get_array().sum(axis=1), 100)
    kept = results.details("confusion", results.settings()[0], 60)
    wrong = np.sum(kept["margin"]) - np.trace(np.sum(kept["margin"], axis=0))
    frame = results.frame
    last = frame[(frame.n_labels == 60) & (frame.strategy == "margin")]["accuracy"]
    assert wrong / np.sum(kept["margin"]) == pytest.approx(1 - last.mean())


def test_details_that_were_not_kept_say_so(results):
    with pytest.raises(ValueError, match="n_labels must be one of 40, 60, got 50"):
        results.plot_roc(n_labels=50)


def test_roc_curves_rise(results):
    ax = results.plot_roc(n_labels=40)
    for line in ax.lines:
        assert (np.diff(line.get_ydata()) >= 0).all()


def test_what_was_asked_is_shown_by_round(results):
    figure = results.plot_asked(strategies=["margin"])
    (ax,) = figure.axes
    ticks = [text.get_text() for text in ax.get_yticklabels()]
    assert ticks == ["20", "30", "40", "50"]
    figure = results.plot_asked_classes()
    shares = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shares.sum(axis=0), 1)


def test_mosaics_of_grey_and_colour():
    grey, height = mosaic_of(np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5))
    assert grey.shape == (2 * 5, 3 * 6)
    assert (grey[4], height) == (pytest.approx(np.zeros(18)), 5)
    for shape in ((2, 3, 3, 8, 8), (2, 3, 8, 8, 3)):
        assert mosaic_of(np.ones(shape))[0].shape == (2 * 9, 3 * 9, 3)
    assert mosaic_of(np.ones((2, 3, 1, 8, 8)))[0].shape == (2 * 9, 3 * 9)


def test_pictures_that_cannot_be_say_why():
    iris = load_iris(return_X_y=True)
    tables = Experiment(LinearSVC(), "random", iris, n_labels=30, seeds=1).run()
    with pytest.raises(ValueError, match="plot_asked needs images, got none"):
        tables.plot_asked()
    with pytest.raises(ValueError, match="ROC curves need an estimator"):
        tables.plot_roc()
    X, y = make_regression(100, 3, random_state=0)
    numbers = Experiment(Ridge(), "random", (X, y), n_labels=30, seeds=1).run()
    with pytest.raises(ValueError, match="plot_asked_classes needs classes"):
        numbers.plot_asked_classes()
    with pytest.raises(ValueError, match="plot_confusion needs classes of rows, got"):
        numbers.plot_confusion()


# The report ----------------------------------------------------------------------


def check_page(page):
    """Check that a page needs nothing from outside, and that its tags close."""
    assert page.startswith("<!DOCTYPE html>")
    assert not re.findall(r"https?://|<script|<link|@import|url\(", page)
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    for tag in ("table", "div", "figure", "p", "ul", "li", "h2", "h3", "tr", "td"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag
    return len(sources)


@pytest.mark.long
def test_the_report_stands_alone(results, tmp_path):
    path = results.report(tmp_path / "report.html")
    page = path.read_text("utf-8")
    assert check_page(page) > 12
    assert path.stat().st_size < 5_000_000
    for words in ("margin", "cannot tell", "Holm", "What was asked", "At 40 labels"):
        assert words in page
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_the_report_names_what_failed_and_escapes_it(results):
    failure = {"data": "digits", "estimator": "<b>", "strategy": "margin", "seed": 9}
    failure |= {"reason": "ValueError: a < b", "traceback": "in fit\n  a < b"}
    few = [deepcopy(one) for one in results.outcomes]
    for one in few:
        metrics = one["record"]["metrics"]
        one["record"] |= {"metrics": {"accuracy": metrics["accuracy"]}, "details": {}}
    page = page_of(Results([*few, {"failure": failure}], results.definition))
    assert "1 of 16 cells failed" in page
    assert "&lt;b&gt;, margin, 9: ValueError: a &lt; b" in page
    check_page(page)


def test_reports_of_little(tmp_path):
    """One seed, no random, numbers in place of classes, several settings."""
    X, y = make_regression(100, 3, random_state=0)
    experiment = Experiment(
        {"a": Ridge(), "b": Ridge(2)}, "greedy_sampling", (X, y), n_labels=30, seeds=1
    )
    page = experiment.run().report(tmp_path / "a.html").read_text("utf-8")
    check_page(page)
    assert "There is no random to compare with." in page


def test_nothing_to_report_says_so(results, tmp_path):
    nothing = Results([], results.definition)
    with pytest.raises(ValueError, match="There is nothing to report"):
        nothing.report(tmp_path / "a.html")
    assert nothing.frame.empty
