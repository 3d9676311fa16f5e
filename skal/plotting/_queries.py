"""What was asked where: the pool in two dimensions, coloured by round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skal.plotting._colors import COLORS

if TYPE_CHECKING:
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from skal import ActiveLearner


def plot_queries(
    learner: ActiveLearner,
    X: Any,
    *,
    ax: Axes | None = None,
    regions: bool = False,
    cmap: str | Colormap = "viridis",
) -> Axes:
    """Show a pool in two dimensions, and in which round each label was bought.

    The pool is grey, initial labels are black squares, and bought labels are coloured
    by round. Use it to see whether a strategy follows the boundary, covers the pool,
    or gets stuck.

    Parameters
    ----------
    learner : ActiveLearner
        A fitted learner.
    X : array-like of shape (n_samples, 2)
        The pool. For a learner that reads other than two features it is a picture of
        the pool given to ``fit``, row by row, such as two principal components.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.
    regions : bool, default=False
        Whether to tint the plane by what the learner now predicts. Needs a learner
        that reads two features.
    cmap : str or matplotlib.colors.Colormap, default="viridis"
        Colours of the rounds, from the first to the last.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with everything drawn.

    Raises
    ------
    ValueError
        If X has other than two columns; if it does not fit the learner; if
        ``regions`` are asked of a learner that reads other than two features.

    See Also
    --------
    LabelCurveDisplay : How much the labels helped.

    Notes
    -----
    Costs a drawing of every row; with ``regions``, predictions on a grid of
    200 by 200.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.svm import SVC
    >>> from skal import ActiveLearner
    >>> from skal.plotting import plot_queries
    >>> X, y = make_moons(200, noise=0.2, random_state=0)
    >>> learner = ActiveLearner(SVC(), "random", n_labels=40, random_state=0)
    >>> ax = plot_queries(learner.fit(X, y), X, regions=True)
    """
    import matplotlib.pyplot as plt

    check_is_fitted(learner)
    points = _as_points(X)
    asked, rounds = _asked_points(learner, points)
    reads_points = _is_planar(learner.X_training_)
    if regions and not reads_points:
        raise ValueError(
            f"regions must be False for a learner that does not read two features, "
            f"got {regions!r}. Fit the learner on two features to tint the plane."
        )
    if ax is None:
        ax = plt.subplots(layout="constrained")[1]
    ax.scatter(*points.T, s=10, color="0.75", lw=0, zorder=1)
    if regions:
        _draw_regions(learner, X, points, ax)
    _draw_asked(ax, asked, rounds, cmap)
    ax.spines[["top", "right"]].set_visible(False)
    columns = getattr(X, "columns", None)
    if columns is not None:
        ax.set(xlabel=columns[0], ylabel=columns[1])
    return ax


def _is_planar(X):
    """Tell whether X is a dense table of two columns."""
    return not sp.issparse(X) and np.shape(X)[1:] == (2,)


def _as_points(X):
    """Return X as an array of two columns."""
    if not _is_planar(X):
        raise ValueError(
            f"X must be of shape (n_samples, 2), got {np.shape(X)}. Project it first, "
            f"for example with sklearn.decomposition.PCA(2)."
        )
    return np.asarray(X)


def _asked_points(learner, points):
    """Return the labelled points in order of purchase, and the round of each."""
    if learner.labeled_iter_.ndim == 2:
        rounds = _rounds_begun(learner.labeled_iter_)
        if _is_planar(learner.X_training_):
            return np.asarray(learner.X_training_), np.sort(rounds[rounds >= 0])
        return _of_pool(rounds, points)
    if _is_planar(learner.X_training_):
        bought = np.diff(learner.history_["n_labels"], prepend=0)
        return np.asarray(learner.X_training_), np.repeat(
            np.arange(len(bought)), bought
        )
    return _of_pool(learner.labeled_iter_, points)


def _rounds_begun(labeled_iter):
    """Return the round of the first label of each row, -1 where there is none."""
    never = labeled_iter.max() + 1
    first = np.where(labeled_iter < 0, never, labeled_iter).min(axis=1)
    return np.where(first == never, -1, first)


def _of_pool(rounds, points):
    """Return the points of a pool that were labelled, and the round of each."""
    if len(rounds) != len(points):
        raise ValueError(
            f"X must hold the {len(rounds)} rows given to fit, got "
            f"{len(points)} rows. Project the whole pool, row by row."
        )
    return points[rounds >= 0], rounds[rounds >= 0]


def _draw_regions(learner, X, points, ax):
    """Tint the plane by the predicted class, or by the predicted value."""
    from matplotlib.colors import ListedColormap
    from sklearn.inspection import DecisionBoundaryDisplay

    n_classes = len(getattr(learner, "classes_", ()))
    colors = [COLORS[i % len(COLORS)] for i in range(n_classes)]
    if n_classes == 0:
        how: dict[str, Any] = {"plot_method": "contourf", "cmap": "Greys"}
    elif n_classes == 2:
        how = {"plot_method": "pcolormesh", "cmap": ListedColormap(colors)}
    else:
        how = {"plot_method": "pcolormesh", "multiclass_colors": colors}
    limits = ax.axis()
    DecisionBoundaryDisplay.from_estimator(
        learner,
        X,
        ax=ax,
        eps=0.06 * np.ptp(points, axis=0).max(),
        grid_resolution=200,
        response_method="predict",
        alpha=0.15,
        **how,
    )
    ax.axis(limits)


def _draw_asked(ax, points, rounds, cmap):
    """Draw what was asked, the initial labels apart."""
    from matplotlib.ticker import MaxNLocator

    initial = rounds == 0
    ax.scatter(
        *points[initial].T,
        s=28,
        marker="s",
        color="black",
        edgecolors="white",
        lw=0.6,
        label="initial",
        zorder=2,
    )
    ax.legend(loc="best", edgecolor="none", framealpha=0.9)
    if initial.all():
        return
    bought = ax.scatter(
        *points[~initial].T,
        s=32,
        c=rounds[~initial],
        cmap=cmap,
        edgecolors="0.25",
        lw=0.5,
        zorder=3,
    )
    ax.figure.colorbar(bought, ax=ax, label="round", ticks=MaxNLocator(integer=True))
