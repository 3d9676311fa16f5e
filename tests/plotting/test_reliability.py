"""Reliability diagrams show the bins, and the confusion the counts."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skal.metrics import expected_calibration_error, reliability_curve
from skal.plotting import ReliabilityDisplay

Y = [0, 1, 1, 1]
PROBA = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_points_are_the_filled_bins():
    display = ReliabilityDisplay.from_predictions(Y, PROBA, n_bins=10)
    np.testing.assert_allclose(
        display.lines_["model"].get_xydata(), [[0.6, 1.0], [0.9, 0.5]]
    )
    assert legend(display) == ["model: ECE 0.400"]
    assert display.ax_.get_ylabel() == "accuracy"
    assert display.count_ax_.get_xlabel() == "confidence"


def test_the_strip_shows_where_predictions_are():
    display = ReliabilityDisplay.from_predictions(Y, PROBA, n_bins=5)
    shares, edges, _ = display.count_ax_.patches[0].get_data()
    np.testing.assert_allclose(shares, [0, 0, 0.5, 0, 0.5])
    np.testing.assert_allclose(edges, np.linspace(0, 1, 6))


def test_larger_points_stand_for_more_predictions():
    y = [0] * 100
    proba = np.repeat([[0.55, 0.45], [0.95, 0.05]], [10, 90], axis=0)
    display = ReliabilityDisplay.from_predictions(y, proba, labels=[0, 1])
    small, large = display.ax_.collections[0].get_sizes()
    assert small < large / 2


def test_several_models_on_one_axes(digits):
    X, X_test, y, y_test = digits
    models = {
        "naive Bayes": GaussianNB(var_smoothing=1e-3).fit(X, y),
        "logistic": LogisticRegression().fit(X, y),
    }
    ax = plt.subplots(1, 2)[1][1]
    display = ReliabilityDisplay.from_estimator(
        models, X_test, y_test, n_bins=8, strategy="quantile", ax=ax
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    colors = {to_hex(line.get_color()) for line in display.lines_.values()}
    assert len(colors) == 2
    for name, words in zip(models, legend(display), strict=True):
        proba = models[name].predict_proba(X_test)
        options = {"n_bins": 8, "strategy": "quantile"}
        error = expected_calibration_error(y_test, proba, **options)
        assert words == f"{name}: ECE {error:.3f}"
        accuracy, confidence, *_ = reliability_curve(y_test, proba, **options)
        np.testing.assert_allclose(
            display.lines_[name].get_xydata(), np.column_stack([confidence, accuracy])
        )


def test_a_single_estimator_goes_by_its_class(digits):
    X, X_test, y, y_test = digits
    model = GaussianNB().fit(X, np.array(list("abcdefghij"))[y])
    names = np.array(list("abcdefghij"))[y_test]
    seen = names != "j"  # a class that no test row has
    display = ReliabilityDisplay.from_estimator(model, X_test[seen], names[seen])
    assert list(display.lines_) == ["GaussianNB"]


def test_columns_in_the_order_of_the_labels():
    display = ReliabilityDisplay.from_predictions(
        ["b", "a"], {"one": [[0.9, 0.1], [0.2, 0.8]]}, labels=["b", "a"], n_bins=1
    )
    np.testing.assert_allclose(display.lines_["one"].get_xydata(), [[0.85, 1]])


def test_the_strip_is_given_room_on_any_axes():
    figure = plt.figure()
    free = figure.add_axes((0.2, 0.4, 0.5, 0.5))
    for ax in (free, plt.subplots()[1]):
        display = ReliabilityDisplay.from_predictions(Y, PROBA, ax=ax)
        display.figure_.canvas.draw()
        upper, lower = display.ax_.get_position(), display.count_ax_.get_position()
        assert lower.y1 < upper.y0
        assert lower.x0 == pytest.approx(upper.x0)
        assert lower.x1 == pytest.approx(upper.x1)
        assert display.count_ax_.get_xlim() == display.ax_.get_xlim()


def test_it_is_drawn_again_elsewhere_and_without_errors():
    display = ReliabilityDisplay.from_predictions(Y, PROBA)
    first = display.ax_
    assert display.plot().ax_ is not first
    plain = ReliabilityDisplay(curves=display.curves).plot()
    assert legend(plain) == ["model"]


def test_what_cannot_be_drawn_is_refused(digits):
    X, _, y, _ = digits
    with pytest.raises(NotFittedError):
        ReliabilityDisplay.from_estimator(GaussianNB(), X, y)
    with pytest.raises(ValueError, match="A dict of models must name at least one"):
        ReliabilityDisplay.from_predictions(Y, {})
    with pytest.raises(ValueError, match="y_proba must hold probabilities"):
        ReliabilityDisplay.from_predictions(Y, np.array(PROBA) * 2)
