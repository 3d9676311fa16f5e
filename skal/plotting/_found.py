"""The curve of positives found: how fast a search finds what is rare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_int, name_of
from skal.metrics import found_curve
from skal.plotting._colors import BASELINE_COLOR
from skal.plotting._curves import LabelCurveDisplay

if TYPE_CHECKING:
    from typing import Any

    from matplotlib.axes import Axes


def plot_found(
    runs: dict[str, Any],
    target: Any = 1,
    *,
    n_positive: int | None = None,
    n_samples: int | None = None,
    ax: Axes | None = None,
    average: str = "mean",
    band: str | None = "range",
    baseline: str | None = None,
) -> LabelCurveDisplay:
    """Draw how many rows of a class were found, against the labels asked.

    The steeper a curve, the less was asked in vain; where it turns flat the search has
    run dry. Beside it stand what is there to be found and what chance would find.

    Parameters
    ----------
    runs : dict of str to ActiveLearner, array-like, or list of them
        For each name a learner with labels, or the labels in the order in which they
        were asked; a list of them where there are several seeds.
    target : object, default=1
        The class looked for; for several outputs the number of one.
    n_positive : int, default=None
        How many there are in all. Draws that as a line.
    n_samples : int, default=None
        How many rows there are in all. With ``n_positive`` it draws what rows in random
        order would find on average, and what no order can exceed.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.
    average : {"mean", "median"}, default="mean"
        See :meth:`LabelCurveDisplay.plot`.
    band : {"auto", "ci", "se", "std", "quartiles", "range"} or None, default="range"
        See :meth:`LabelCurveDisplay.plot`; "range" is from the worst run to the best.
    baseline : str, default=None
        See :meth:`LabelCurveDisplay.plot`.

    Returns
    -------
    LabelCurveDisplay
        The display, drawn.

    Raises
    ------
    TypeError
        If ``runs`` is no dict.
    ValueError
        If a learner has no labels, or there are fewer rows than positives.

    See Also
    --------
    skal.metrics.found_curve : The numbers that are drawn.

    Examples
    --------
    >>> from skal.plotting import plot_found
    >>> display = plot_found({"a search": [0, 1, 1, 0, 1, 0]}, n_positive=3)
    >>> display.lines_["a search"].get_ydata()
    array([0., 0., 1., 2., 2., 3., 3.])
    """
    if not isinstance(runs, dict):
        raise TypeError(
            f"runs must be a dict of name to learners or labels, got {name_of(runs)}. "
            "Name them, as in {'find': ...}."
        )
    if n_positive is not None:
        check_int("n_positive", n_positive)
    if n_samples is not None and check_int("n_samples", n_samples) < (n_positive or 0):
        raise ValueError(
            f"n_samples must count all rows, at least n_positive={n_positive}, got "
            f"{n_samples}."
        )
    curves = {
        name: as_curves([found_curve(y, target) for y in labels_in(name, group)])
        for name, group in runs.items()
    }
    display = LabelCurveDisplay.from_history(
        curves, score_name="found", ax=ax, average=average, band=band, baseline=baseline
    )
    if n_positive is not None:
        add_bounds(display, n_positive, n_samples)
    return display


def labels_in(name, group):
    """List the labels of each run of a name, in the order in which they were asked."""
    several = isinstance(group, list) and len(group) > 0 and is_run(group[0])
    runs = group if several else [group]
    labels = [getattr(run, "y_training_", run) for run in runs]
    for run in labels:
        if np.ndim(run) == 0 or len(run) == 0:
            raise ValueError(
                f"runs[{name!r}] must hold learners with labels, or labels in the "
                f"order in which they were asked, got {run!r}."
            )
    return labels


def is_run(thing):
    """Tell whether a thing is a learner or labels, and not a single label."""
    return hasattr(thing, "fit") or np.ndim(thing) > 0


def as_curves(found):
    """Return numbers of labels and what was found by then, a row a run."""
    return [np.arange(len(one)) for one in found], found


def add_bounds(display, n_positive, n_samples):
    """Draw what there is to be found, and what chance would find."""
    ax = display.ax_
    most = max(line.get_xdata()[-1] for line in display.lines_.values())
    ax.axhline(n_positive, color=BASELINE_COLOR, lw=1, ls=(0, (1, 2)), zorder=1)
    handles = list(ax.get_legend().legend_handles)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    if n_samples is not None:
        expected = [0, most * n_positive / n_samples]
        (line,) = ax.plot([0, most], expected, color=BASELINE_COLOR, lw=1, ls="--")
        handles, names = [*handles, line], [*names, "by chance"]
        best = min(n_positive, most)
        ax.plot([0, best, most], [0, best, best], color="0.8", lw=1, zorder=1)
    # Above, for curves may be anywhere: at the top at once, or along the bottom.
    ax.legend(
        handles, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False
    )
