"""Reliability diagrams: whether confidence is accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skal.metrics import expected_calibration_error, reliability_curve
from skal.plotting._colors import BASELINE_COLOR, COLORS

if TYPE_CHECKING:
    from typing import Any, Self

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


class ReliabilityDisplay:
    """Accuracy against confidence, and how often each confidence occurs.

    On the diagonal a model is right as often as it says. Below it the model is too
    sure of itself, above it not sure enough. The strip below shows how many
    predictions stand behind each point: large gaps in empty bins mean nothing.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`; the constructor
    only stores.

    Parameters
    ----------
    curves : dict of str to tuple of ndarray
        For each name what :func:`~skal.metrics.reliability_curve` returns.
    errors : dict of str to float, default=None
        Expected calibration errors, for the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the curves were drawn.
    count_ax_ : matplotlib.axes.Axes
        The strip below, with the counts.
    figure_ : matplotlib.figure.Figure
        The figure around them.
    lines_ : dict of str to matplotlib.lines.Line2D
        The curve of each model.

    See Also
    --------
    skal.metrics.expected_calibration_error : The picture in one number.
    skal.calibration.TemperatureScaling : What to do about it.
    sklearn.calibration.CalibrationDisplay : Of one class rather than the predicted one.

    References
    ----------
    .. [1] Niculescu-Mizil and Caruana (2005). Predicting good probabilities with
       supervised learning. ICML. doi:10.1145/1102351.1102430
    .. [2] Guo, Pleiss, Sun and Weinberger (2017). On calibration of modern neural
       networks. ICML. arXiv:1706.04599

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skal.plotting import ReliabilityDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = GaussianNB().fit(X[::2], y[::2])
    >>> display = ReliabilityDisplay.from_estimator(model, X[1::2], y[1::2])
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('', 'accuracy')
    """

    def __init__(
        self, *, curves: dict[str, Any], errors: dict[str, float] | None = None
    ) -> None:
        self.curves = curves
        self.errors = errors

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        n_bins: int = 10,
        strategy: str = "uniform",
        ax: Axes | None = None,
    ) -> Self:
        """Predict held-out rows with one or more fitted classifiers, and draw.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            Fitted classifiers with ``predict_proba``, by name where there are several.
        X : array-like of shape (n_samples, ...)
            Held-out rows.
        y : array-like of shape (n_samples,)
            Their labels.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with equally many predictions.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the labels are not those that a model knows.
        """
        models = _by_name(estimator, type(estimator).__name__)
        curves, errors = {}, {}
        for name, model in models.items():
            check_is_fitted(model)
            told = model.predict_proba(X)
            curves[name], errors[name] = _measure(
                y, told, model.classes_, n_bins, strategy
            )
        return cls(curves=curves, errors=errors).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: Any,
        *,
        labels: ArrayLike | None = None,
        n_bins: int = 10,
        strategy: str = "uniform",
        name: str = "model",
        ax: Axes | None = None,
    ) -> Self:
        """Draw the reliability of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_proba : array-like of shape (n_samples, n_classes), or dict of these
            Predicted probabilities, by name where there are several models.
        labels : array-like of shape (n_classes,), default=None
            The label of each column, as in ``classes_`` of the model. None takes the
            sorted labels of ``y_true``.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with equally many predictions.
        name : str, default="model"
            What to call the model if there is one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the labels do not fit the columns, or these are no probabilities.

        Examples
        --------
        >>> from skal.plotting import ReliabilityDisplay
        >>> display = ReliabilityDisplay.from_predictions(
        ...     [0, 1, 1], {"bold": [0.1, 0.9, 0.9], "shy": [0.4, 0.6, 0.6]}
        ... )
        >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
        ['bold: ECE 0.100', 'shy: ECE 0.400']
        """
        curves, errors = {}, {}
        for one, told in _by_name(y_proba, name).items():
            curves[one], errors[one] = _measure(y_true, told, labels, n_bins, strategy)
        return cls(curves=curves, errors=errors).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the curves, and the strip of counts below them.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure. The strip takes room below.

        Returns
        -------
        ReliabilityDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            size = 4.4, 5.0 + 0.2 * len(self.curves)  # about square
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        self.count_ax_ = _strip_below(ax)
        ax.plot([0, 1], [0, 1], color=BASELINE_COLOR, lw=1, ls=(0, (1, 2)), zorder=1)
        self.lines_ = {
            name: self._draw(name, COLORS[i % len(COLORS)], curve)
            for i, (name, curve) in enumerate(self.curves.items())
        }
        self._dress()
        return self

    def _draw(self, name, color, curve):
        """Draw one model; its points are as large as they are sure."""
        accuracy, confidence, count, edges = curve
        share = count / count.sum()
        self.count_ax_.stairs(share, edges, color=color, lw=1.5)
        filled = count > 0
        label = name
        if self.errors is not None:
            label = f"{name}: ECE {self.errors[name]:.3f}"
        at = confidence[filled], accuracy[filled]
        line = self.ax_.plot(*at, color=color, lw=1.8, label=label, zorder=2)[0]
        size = 8 + 70 * np.sqrt(share[filled])
        self.ax_.scatter(*at, s=size, color=color, edgecolors="white", lw=0.6, zorder=3)
        return line

    def _dress(self):
        ax, strip = self.ax_, self.count_ax_
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="accuracy")
        ax.tick_params(labelbottom=False)
        strip.set(xlabel="confidence", ylabel="share", ylim=(0, None))
        strip.yaxis.set_major_locator(_few_ticks())
        for one in (ax, strip):
            one.spines[["top", "right"]].set_visible(False)
            one.grid(color="0.9", lw=0.8)
            one.set_axisbelow(True)
        # Above the axes: inside, some model would run under it.
        ax.legend(
            loc="lower left", bbox_to_anchor=(0, 1), frameon=False, borderaxespad=0.2
        )


def _strip_below(ax):
    """Take the lower part of the axes' room for a strip of its own."""
    place = ax.get_subplotspec()
    if place is None:  # not one of a grid: hang the strip below
        return ax.inset_axes((0, -0.27, 1, 0.22), sharex=ax)
    upper, lower = place.subgridspec(2, 1, height_ratios=(5, 1))
    ax.set_subplotspec(upper)
    return ax.figure.add_subplot(lower, sharex=ax)


def _few_ticks():
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3)


def _by_name(given, name):
    """Return what was given as a dict that names each model."""
    if not isinstance(given, dict):
        return {name: given}
    if not given:
        raise ValueError(f"A dict of models must name at least one, got {given!r}.")
    return given


def _measure(y, proba, labels, n_bins, strategy):
    options = {"labels": labels, "n_bins": n_bins, "strategy": strategy}
    return (
        reliability_curve(y, proba, **options),
        expected_calibration_error(y, proba, **options),
    )
