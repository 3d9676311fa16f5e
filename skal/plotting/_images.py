"""Grids of images, and the images that a strategy wants most and least."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int
from skal._data import take_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

_INCHES = 1.05  # width of an image
_CAPTION_INCHES = 0.17  # height of a line below it
_FONT = 8.5


def plot_images(
    images: ArrayLike,
    captions: Sequence[Any] | None = None,
    *,
    n_columns: int | None = None,
    cmap: str = "gray",
    figure: Any = None,
) -> Figure:
    """Show images in a grid, each with a caption below.

    Parameters
    ----------
    images : array-like of shape (n, height, width) or (n, channels, height, width)
        Gray images, or colour images with the channels first or last. uint8 from 0 to
        255, or floats; floats beyond [0, 1] are stretched to it, all alike.
    captions : sequence of length n, default=None
        What to write below each image.
    n_columns : int, default=None
        Images in a row; None takes up to eight.
    cmap : str, default="gray"
        Colours of gray images; ``"gray_r"`` prints ink on paper.
    figure : matplotlib.figure.Figure or SubFigure, default=None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ValueError
        If images are no images, or captions not as many.

    See Also
    --------
    plot_top_bottom : Those that a strategy wants most and least.

    Examples
    --------
    >>> from skal.datasets import load_digits_images
    >>> from skal.plotting import plot_images
    >>> X, y = load_digits_images(return_X_y=True)
    >>> figure = plot_images(X[:10], y[:10], n_columns=5)
    """
    pixels = as_pixels(images)
    captions = _as_captions(captions, len(pixels))
    n_columns = min(8, len(pixels)) if n_columns is None else n_columns
    n_columns = check_int("n_columns", n_columns)
    n_rows = ceil(len(pixels) / n_columns)
    axes = _grid(figure, n_rows, n_columns, captions)
    for ax, image, caption in zip(axes.flat, pixels, captions, strict=False):
        show(ax, image, caption, cmap)
    return axes[0, 0].figure


def plot_top_bottom(
    images: Any,
    scores: ArrayLike,
    *,
    k: int = 5,
    labels: Sequence[Any] | None = None,
    score_name: str = "score",
    cmap: str = "gray",
    figure: Any = None,
) -> Figure:
    """Show the images with the highest scores above those with the lowest.

    What a strategy wants most should look hard, or new, and what it wants least should
    look plain. If the upper row is full of broken images, clean the pool first.

    Parameters
    ----------
    images : array-like of shape (n, height, width) or (n, channels, height, width)
        The pool, as :func:`plot_images` takes it. Only the images shown are read.
    scores : array-like of shape (n,)
        How much each is wanted: what ``score_pool`` of a learner or ``score_samples``
        of a strategy returns.
    k : int, default=5
        How many of each kind.
    labels : sequence of length n, default=None
        What to write below each score: labels or predictions.
    score_name : str, default="score"
        What the scores are.
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
        If images are no images, or scores or labels not as many.

    See Also
    --------
    plot_images : Any images.
    skal.ActiveLearner.score_pool : Scores of a pool.

    Notes
    -----
    Each row goes from the extreme inwards; of equal scores the first images are shown.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.datasets import load_digits_images
    >>> from skal.plotting import plot_top_bottom
    >>> digits = load_digits_images()
    >>> learner = ActiveLearner(LogisticRegression(), "margin")
    >>> learner = learner.fit(digits.data[:100] / 255.0, digits.target[:100])
    >>> scores = learner.score_pool(digits.data / 255.0)
    >>> figure = plot_top_bottom(digits.images, scores, labels=digits.target)
    """
    scores = np.asarray(scores, dtype=float)
    if len(images) == 0 or scores.shape != (len(images),) or np.isnan(scores).any():
        raise ValueError(
            f"scores must hold a number for each of the {len(images)} images, got "
            f"shape {scores.shape} with {int(np.isnan(scores).sum())} NaN."
        )
    k = min(check_int("k", k), len(scores))
    labels = None if labels is None else _as_captions(labels, len(scores), "labels")
    order = (
        np.argsort(-scores, kind="stable")[:k],
        np.argsort(scores, kind="stable")[:k],
    )
    finite = scores[np.isfinite(scores)]
    spread = np.ptp(finite) if len(finite) else 0
    numbers = [_in_words(scores[row], spread) for row in order]
    words = [
        [
            number if labels is None else f"{number}\n{labels[i]}"
            for i, number in zip(row, some, strict=True)
        ]
        for row, some in zip(order, numbers, strict=True)
    ]
    axes = _grid(figure, 2, k, words[0], titles=True)
    for row, title, positions, captions in zip(
        axes,
        (f"highest {score_name}", f"lowest {score_name}"),
        order,
        words,
        strict=True,
    ):
        row[0].set_title(title, loc="left", fontsize=_FONT + 1.5)
        pixels = as_pixels(take_rows(images, positions))
        for ax, image, caption in zip(row, pixels, captions, strict=True):
            show(ax, image, caption, cmap)
    return axes[0, 0].figure


def as_pixels(images):
    """Return images as uint8 or floats in [0, 1], gray (n, H, W) or (n, H, W, 3)."""
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[1] in (1, 3):
        images = np.moveaxis(images, 1, -1)
    color = images.ndim == 4 and images.shape[-1] in (1, 3, 4)
    if len(images) == 0 or not (color or images.ndim == 3):
        raise ValueError(
            "images must be of shape (n, height, width) or (n, channels, height, "
            f"width) with 1 or 3 channels, got {images.shape}. Reshape flat rows, as "
            "in X.reshape(-1, 28, 28)."
        )
    if color and images.shape[-1] == 1:
        images = images[..., 0]
    if images.dtype == np.uint8:
        return images
    images = images.astype(float)
    low, high = min(0.0, images.min()), max(1.0, images.max())
    return (images - low) / (high - low)


def show(ax, image, caption, cmap):
    """Draw one image on axes that its grid has left blank."""
    ax.set_axis_on()
    top = 255 if image.dtype == np.uint8 else 1
    ax.imshow(image, cmap=cmap, vmin=0, vmax=top)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(color="0.8", lw=0.6)
    ax.set_xlabel(caption, fontsize=_FONT, labelpad=3)


def _in_words(scores, spread):
    """Write scores with as many digits as it takes to tell them apart."""
    if spread == 0:
        return [f"{score:.3g}" for score in scores]
    digits = max(0, int(3.5 - np.log10(spread)))
    # Adding 0 turns -0.0 into 0.0.
    return [f"{np.round(score, digits) + 0.0:.{digits}f}" for score in scores]


def _as_captions(captions, n, parameter="captions"):
    if captions is None:
        return [""] * n
    if len(captions) != n:
        raise ValueError(
            f"{parameter} must be as many as the {n} images, got {len(captions)}."
        )
    return [str(caption) for caption in captions]


def _grid(figure, n_rows, n_columns, captions, titles=False):
    """Return blank axes, (n_rows, n_columns), in a new figure or a given one."""
    import matplotlib.pyplot as plt

    if figure is None:
        lines = max(caption.count("\n") + 1 if caption else 0 for caption in captions)
        height = _INCHES + _CAPTION_INCHES * lines + 0.08 + 0.3 * titles
        size = (_INCHES * n_columns, height * n_rows)
        figure = plt.figure(figsize=size, layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    return axes
