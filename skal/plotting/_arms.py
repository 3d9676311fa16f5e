"""Which of several strategies asked, and how sure the one around them was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skal.plotting._colors import COLORS
from skal.query import asked_by, base_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skal import ActiveLearner

#: The height of the lane of a strategy; the shares above them have a height of 1.
_LANE = 0.09


def plot_arms(learner: ActiveLearner, *, ax: Axes | None = None) -> Axes:
    """Draw which strategy asked for each label, and how the shares changed.

    The bands are what each strategy of a :class:`~skal.query.Bandit` was likely to be
    asked for in each query: where one fills the picture, the bandit is sure. Of other
    strategies around several, such as Mixture or Schedule, they are the shares of the
    batch. Below, each label has a dot in the lane of the strategy that asked for it:
    full where the model's prediction was wrong before it learnt the label, empty where
    it was right, grey in the middle where nobody has told.

    Parameters
    ----------
    learner : ActiveLearner
        A learner that has asked by a strategy around several.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with everything drawn.

    Raises
    ------
    ValueError
        If no query tells which strategy asked.

    See Also
    --------
    plot_queries : Which rows were asked for, and when.
    skal.query.Bandit : Learns which strategy to ask by.

    Notes
    -----
    Costs a dot a label. For a regressor a dot is full where the error was larger than
    most before it; where rows have several labels, where most of them were wrong.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skal import ActiveLearner
    >>> from skal.plotting import plot_arms
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(query_strategy="bandit", n_labels=60, random_state=0)
    >>> ax = plot_arms(learner.fit(X, y))
    >>> [lane.get_text() for lane in ax.get_yticklabels()][:4]
    ['random', 'margin', 'core_set', 'typiclust']
    """
    import matplotlib.pyplot as plt

    check_is_fitted(learner)
    names, edges, shares = _shares_in(learner.history_)
    if not len(names):
        raise ValueError(
            "learner must have asked by a strategy that tells who asked for each row, "
            f"got {learner.query_strategy!r} and no info['base'] in its "
            "history_. Ask by Bandit, Schedule, Mixture or Refine."
        )
    if ax is None:
        ax = plt.subplots(layout="constrained")[1]
    colors = [COLORS[i % len(COLORS)] for i in range(len(names))]
    _draw_shares(ax, edges, shares, colors)
    _draw_asked(ax, learner, names, colors)
    _name_lanes(ax, names, colors)
    return ax


def _shares_in(history):
    """Return the names, the labels at which queries begin and end, and the shares."""
    rounds = [i for i, info in enumerate(history["info"]) if any(base_of(info))]
    infos = [history["info"][i] for i in rounds]
    told = dict.fromkeys(name for info in infos for name in _names_in(info))
    names = [name for name in told if name]
    ends = history["n_labels"]
    edges = [(ends[i - 1] if i else 0, ends[i]) for i in rounds]
    shares = np.zeros((len(rounds), len(names)))
    for row, info in zip(shares, infos, strict=True):
        whose = np.array(_names_in(info))
        parts = np.broadcast_to(info.get("probabilities", 1 / len(whose)), whose.shape)
        row += [parts[whose == name].sum() for name in names]
    return names, edges, shares


def _names_in(info):
    """Return whose shares a query tells of; those of picks where there are no others.

    Where a name stands several times its shares add up.
    """
    return (info["arms"] if "probabilities" in info else base_of(info)).tolist()


def _draw_shares(ax, edges, shares, colors):
    """Draw the shares as bands, as wide as each query was long."""
    for (start, end), row in zip(edges, shares, strict=True):
        bottom = 0.0
        for share, color in zip(row, colors, strict=True):
            ax.bar(
                start,
                share,
                end - start,
                bottom,
                align="edge",
                color=color,
                alpha=0.55,
                linewidth=0,
                zorder=1,
            )
            bottom += share


def _draw_asked(ax, learner, names, colors):
    """Draw a dot for each label, in the lane of the strategy that asked for it."""
    by, wrong = asked_by(learner.__skal_view__())
    for lane, (name, color) in enumerate(zip(names, colors, strict=True)):
        (at,) = np.nonzero(by == name)
        full = wrong[at] > 0.5
        faces = np.where(full, color, "white").astype(object)
        faces[np.isnan(wrong[at])] = "0.8"
        ax.scatter(
            at + 0.5,
            np.full(len(at), _height(lane)),
            s=14,
            c=list(faces),
            edgecolors=color,
            linewidths=0.8,
            zorder=2,
        )


def _height(lane):
    """Return where the lane of a strategy lies, below the shares."""
    return -_LANE * (lane + 1)


def _name_lanes(ax, names, colors):
    """Label the lanes with the names, and the shares with their size."""
    lanes = [_height(lane) for lane in range(len(names))]
    ax.set_yticks([*lanes, 0, 0.5, 1], [*names, "0 %", "50 %", "100 %"])
    for label, color in zip(ax.get_yticklabels(), colors, strict=False):
        label.set_color(color)
    ax.set_ylim(_height(len(names)), 1)
    ax.axhline(0, color="0.4", lw=0.8, zorder=1)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel("labels")
    ax.set_ylabel("who asks")
