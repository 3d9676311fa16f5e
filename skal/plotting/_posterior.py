"""The posterior over predictions of chosen images."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal.plotting._colors import COLORS
from skal.plotting._images import as_pixels, show
from skal.query.functional import entropy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

_FONT = 8.5
_LONG = 4  # names of more letters are turned


def plot_posterior(
    images: ArrayLike,
    samples: ArrayLike,
    *,
    classes: Sequence[Any] | None = None,
    y_true: Sequence[Any] | None = None,
    max_classes: int = 10,
    n_columns: int = 1,
    cmap: str = "gray",
    figure: Any = None,
) -> Figure:
    """Show chosen images, and beside each what the draws of a posterior say it is.

    Bars are mean probabilities, dots the draws. Draws that lie together are of one
    mind: where their mean is spread over several classes the image itself is
    ambiguous. Draws that lie far apart disagree: there a label would teach something.

    Parameters
    ----------
    images : array-like of shape (n, height, width) or (n, channels, height, width)
        The chosen images, a few of them, as :func:`plot_images` takes them.
    samples : array-like of shape (n_draws, n, n_classes)
        What ``sample_proba`` of a network, a posterior or a view returns for them.
    classes : sequence of length n_classes, default=None
        Names of the classes; None numbers them.
    y_true : sequence of length n, default=None
        True labels, from ``classes``: the tick of the true class is marked.
    max_classes : int, default=10
        Show at most so many classes of each image, the most probable ones.
    n_columns : int, default=1
        Images side by side.
    cmap : str, default="gray"
        Colours of gray images.
    figure : matplotlib.figure.Figure or SubFigure, default=None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ValueError
        If images, samples, classes and labels do not go together.

    See Also
    --------
    plot_top_bottom : To choose images by their score.
    skal.query.BALD : Asks where the draws disagree most.

    Notes
    -----
    Above each panel stands the entropy of the mean, in nats, and how much of it is
    disagreement of the draws: their mutual information with the label.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.datasets import load_digits_images
    >>> from skal.plotting import plot_posterior
    >>> digits = load_digits_images()
    >>> samples = np.random.RandomState(0).dirichlet(np.ones(10), (20, 2))
    >>> figure = plot_posterior(digits.images[:2], samples, y_true=digits.target[:2])
    """
    pixels, samples = as_pixels(images), np.asarray(samples, dtype=float)
    if samples.ndim != 3 or samples.shape[1] != len(pixels) or not samples.size:
        raise ValueError(
            f"samples must be of shape (n_draws, {len(pixels)}, n_classes) for as many "
            f"images, got {samples.shape}. Pass sample_proba of these images."
        )
    classes = list(range(samples.shape[2]) if classes is None else classes)
    true = _true_columns(y_true, classes, samples)
    n_columns = min(check_int("n_columns", n_columns), len(pixels))
    max_classes = check_int("max_classes", max_classes)
    long = max(len(str(name)) for name in classes) > _LONG
    axes = _pairs(figure, len(pixels), n_columns, 1.75 if long else 1.35)
    for i, (left, right) in enumerate(axes):
        show(left, pixels[i], "", cmap)
        _draw_panel(right, samples[:, i], classes, true[i], max_classes)
    return axes[0][0].figure


def _true_columns(y_true, classes, samples):
    """Return the column of each true label; -1 where it is not given."""
    n = samples.shape[1]
    if len(classes) != samples.shape[2]:
        raise ValueError(
            f"classes must name the {samples.shape[2]} columns of samples, got "
            f"{len(classes)} names. Pass classes_ of the model."
        )
    if y_true is None:
        return [-1] * n
    if len(y_true) != n or any(label not in classes for label in y_true):
        raise ValueError(
            f"y_true must hold one of the classes for each of the {n} images, got "
            f"{list(y_true)}."
        )
    return [classes.index(label) for label in y_true]


def _pairs(figure, n, n_columns, inches):
    """Return for each image axes for it and for its panel."""
    import matplotlib.pyplot as plt

    n_rows = ceil(n / n_columns)
    if figure is None:
        size = (5.2 * n_columns if n_columns == 1 else 3.6 * n_columns, inches * n_rows)
        figure = plt.figure(figsize=size, layout="constrained")
    ratios = [1, 3.2 if n_columns == 1 else 2] * n_columns
    grid = figure.subplots(
        n_rows, 2 * n_columns, squeeze=False, gridspec_kw={"width_ratios": ratios}
    )
    for ax in grid.flat:
        ax.set_axis_off()
    return grid.reshape(-1, 2)[:n]


def _draw_panel(ax, draws, classes, true, max_classes):
    """Draw the distribution of one image: (n_draws, n_classes)."""
    mean = draws.mean(axis=0)
    shown = np.sort(np.argsort(-mean, kind="stable")[:max_classes])
    place = np.arange(len(shown))
    ax.set_axis_on()
    ax.bar(place, mean[shown], width=0.75, color=COLORS[5], alpha=0.45, lw=0)
    ax.scatter(
        (place + _spread(len(draws))[:, np.newaxis]).ravel(),
        np.sort(draws[:, shown], axis=0).ravel(),
        **{"s": 5, "color": COLORS[0], "alpha": _alpha(len(draws)), "lw": 0},
    )
    ax.set(xlim=(-0.6, len(shown) - 0.4), ylim=(0, 1.02), yticks=[0, 0.5, 1])
    ax.set_xticks(place, [str(classes[column]) for column in shown])
    ax.tick_params(labelsize=_FONT, length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.grid(axis="y", color="0.9", lw=0.8)
    ax.set_axisbelow(True)
    for tick, column in zip(ax.get_xticklabels(), shown, strict=True):
        if max(len(str(name)) for name in classes) > _LONG:
            tick.set(rotation=35, ha="right", rotation_mode="anchor")
        if column == true:
            tick.set(fontweight="bold", color=COLORS[1])
    doubt = float(entropy(mean[np.newaxis])[0])
    within = float(entropy(draws).mean())
    ax.set_title(
        f"entropy {doubt:.2f}, of which disagreement {max(0.0, doubt - within):.2f}",
        **{"loc": "right", "fontsize": _FONT - 0.5, "color": "0.35", "pad": 3},
    )


def _spread(n):
    """Return places from left to right within a bar, for draws in rising order."""
    return np.linspace(-0.3, 0.3, n) if n > 1 else np.zeros(1)


def _alpha(n):
    return float(np.clip(15 / n, 0.3, 0.8))
