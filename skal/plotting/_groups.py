"""Groups that grow: the rows, coloured, after more and more answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils.validation import check_is_fitted

from skal.plotting._colors import BASELINE_COLOR, COLORS
from skal.plotting._queries import _as_points

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from skal.cluster import ActiveClusterer


#: The panels where nobody says which, as shares of all answers.
_SHARES = (0, 0.15, 0.4, 1)


def plot_groups(
    clusterer: ActiveClusterer,
    X: Any,
    *,
    n_answers: Sequence[int] | None = None,
    axes: Any = None,
) -> NDArray[Any]:
    """Show how groups grow as pairs are answered.

    Each panel shows the rows in two dimensions, coloured by the groups after so many
    answers. Lines join the rows that were asked about: solid where they belong
    together, dotted where they do not. A group has the colour of the final group that
    it has most rows in common with; of several such groups the largest has it, and the
    others are grey.

    Parameters
    ----------
    clusterer : ActiveClusterer
        A fitted clusterer.
    X : array-like of shape (n_samples, 2)
        A picture of the rows given to ``fit``, row by row, such as of t-SNE.
    n_answers : sequence of int, default=None
        After how many answers, a panel each; the last round before counts. None takes
        four, from none to all, most of them early.
    axes : array-like of matplotlib.axes.Axes, default=None
        Where to draw, an axes for each panel; None makes a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes of shape (n_panels,)
        The axes, with everything drawn.

    Raises
    ------
    ValueError
        If X has other than two columns or other rows than ``fit`` had, ``n_answers``
        are no counts, or there are not as many axes as panels.

    See Also
    --------
    plot_queries : Which rows were labelled.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from skal.cluster import ActiveClusterer
    >>> from skal.plotting import plot_groups
    >>> X, y = make_moons(200, noise=0.05, random_state=0)
    >>> clusterer = ActiveClusterer(n_queries=60, random_state=0).fit(X, y)
    >>> axes = plot_groups(clusterer, X, n_answers=[0, 20, 60])
    """
    import matplotlib.pyplot as plt

    check_is_fitted(clusterer)
    points, final = _as_points(X), clusterer.labels_
    if len(points) != len(final):
        raise ValueError(
            f"X must hold the {len(final)} rows given to fit, got {len(points)} rows."
        )
    rounds = np.array([0, *clusterer.history_["n_queries"]])
    if n_answers is None:
        n_answers = np.unique([int(share * rounds[-1]) for share in _SHARES]).tolist()
    if len(n_answers) == 0 or min(n_answers) < 0:
        raise ValueError(f"n_answers must be counts from 0 up, got {n_answers!r}.")
    if axes is None:
        size = {"figsize": (3.2 * len(n_answers), 3.4), "layout": "constrained"}
        axes = plt.subplots(1, len(n_answers), squeeze=False, **size)[1][0]
    axes = np.atleast_1d(axes)
    if axes.shape != (len(n_answers),):
        raise ValueError(
            f"axes must be as many as n_answers, {len(n_answers)}, got shape "
            f"{axes.shape}."
        )
    stages = np.searchsorted(rounds, n_answers, side="right") - 1
    staged = dict(enumerate(clusterer.staged_labels()))
    pairs, answers = _asked(clusterer.history_)
    for ax, stage in zip(axes, stages, strict=True):
        _draw_pairs(ax, points, pairs[: rounds[stage]], answers[: rounds[stage]])
        _draw_rows(ax, points, staged[stage], final)
        n_groups = len(np.unique(staged[stage]))
        words = "1 group" if n_groups == 1 else f"{n_groups} groups"
        ax.set_title(f"{rounds[stage]} answers: {words}", loc="left", fontsize="medium")
    return axes


def _asked(history):
    """Return every pair and answer, in their order."""
    pairs = [np.empty((0, 2), int), *history["pairs"]]
    answers = [np.empty(0), *(np.asarray(a, float) for a in history["answers"])]
    return np.concatenate(pairs), np.concatenate(answers)


def _draw_rows(ax, points, labels, final):
    """Draw the rows, those of the largest groups last."""
    ax.scatter(*points.T, s=8, lw=0, c=group_colors(labels, final)[labels], zorder=2)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def group_colors(labels, final):
    """Return a colour for each group, so that it keeps it from panel to panel."""
    import matplotlib as mpl

    n_final = final.max() + 1
    known: Any = COLORS
    if n_final > len(COLORS):
        twenty = mpl.colormaps["tab20"].colors
        known = [*twenty[:14:2], *twenty[16::2], *twenty[1:14:2], *twenty[17::2]]
    shared = contingency_matrix(labels, final)  # (n_groups, n_final)
    colors = np.array([mpl.colors.to_rgb(BASELINE_COLOR)] * len(shared))
    for group, like in zip(*linear_sum_assignment(-shared), strict=True):
        if shared[group, like]:
            colors[group] = mpl.colors.to_rgb(known[like % len(known)])
    return colors


def _draw_pairs(ax, points, pairs, answers):
    """Join what was asked: what belongs together by solid lines."""
    from matplotlib.collections import LineCollection

    styles = (answers > 0, "-", 0.6), (answers < 0, (0, (1, 2)), 0.3)
    for chosen, style, alpha in styles:
        lines = LineCollection(
            points[pairs[chosen]], ls=style, lw=0.7, color="0.3", alpha=alpha, zorder=1
        )
        ax.add_collection(lines)
