"""Methods of Results that draw strategies: how good, how much cheaper, how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal.experiment._amounts import points_of, unit_of
from skal.experiment._learning_curves import metric_of
from skal.experiment._measures import better_of, title_of
from skal.experiment._oracle import is_oracle
from skal.experiment._plot_axes import axes_of, dressed, heat_map
from skal.experiment._twins import twins_everywhere
from skal.plotting import BASELINE_COLOR, LabelCurveDisplay, line_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skal.experiment._results import Results

#: The line of the oracle.
_BOUND = {"color": "black", "linestyle": "--"}


def plot_curves(
    self: Results,
    metric: str | None = None,
    *,
    data: str | None = None,
    estimator: str | None = None,
    ax: Axes | None = None,
    band: str | None = "auto",
    target: float | None = None,
) -> Axes:
    """Draw the learning curves: the mean over seeds, with a band.

    They go over numbers of labels, or over what these cost where that differs.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    data, estimator : str, default=None
        Which setting; None where there is one.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.
    band : str, default="auto"
        As in :class:`~skal.plotting.LabelCurveDisplay`: the 95 % confidence
        interval of the mean.
    target : float, default=None
        A score, to mark where each line reaches it.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    metric = metric_of(self, metric, data, estimator)
    setting = self.setting(data, estimator)
    grid, scores = self.paired(metric, *setting)
    ax = LabelCurveDisplay.from_history(
        {name: (grid, runs) for name, runs in scores.items()},
        score_name=title_of(metric),
        count_name=unit_of(self, setting[0]),
        ax=axes_of(ax),
        band=band,
        target=target,
        greater_is_better=better_of(metric) >= 0,
    ).ax_
    return _with_dashed_bound(self, ax)


def _with_dashed_bound(results, ax):
    """Draw the line of the oracle as the bound that it is."""
    legend = ax.get_legend()
    lines = [(line.get_label(), line) for line in ax.get_lines()]
    if legend is not None:
        words = [text.get_text() for text in legend.get_texts()]
        lines += zip(words, legend.legend_handles, strict=True)
    for name, line in lines:
        if is_oracle(results.definition, str(name)):
            line.set(**_BOUND)
    return ax


def plot_efficiency(
    self: Results,
    metric: str | None = None,
    *,
    data: str | None = None,
    estimator: str | None = None,
    baseline: str = "random",
    ax: Axes | None = None,
) -> Axes:
    """Draw how many times as many labels the baseline needs, along its curve.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    data, estimator : str, default=None
        Which setting; None where there is one.
    baseline : str, default="random"
        The strategy to compare with.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. Lines end where a strategy does not get there; bands go on, between
        0 and what the labels that were bought leave open.
    """
    metric = metric_of(self, metric, data, estimator)
    found = self.efficiency(metric, data=data, estimator=estimator, baseline=baseline)
    ax = axes_of(ax)
    colors = line_colors([*found, baseline], baseline)
    ax.axhline(1, color=BASELINE_COLOR, lw=2, label=baseline)
    for name, one in found.items():
        look = _BOUND if is_oracle(self.definition, name) else {"color": colors[name]}
        ax.plot(one.baseline_labels, one.ratio, lw=2, label=name, **look)
        if np.isfinite(one.low).all():
            ax.fill_between(
                one.baseline_labels,
                one.low,
                one.high,
                color=look["color"],
                alpha=0.15,
                lw=0,
            )
    ax.set_ylim(bottom=0)
    unit = unit_of(self, self.setting(data, estimator)[0])
    return dressed(ax, f"{unit} of {baseline}", f"{unit} of {baseline} / {unit} needed")


def plot_penalties(
    self: Results,
    metric: str | None = None,
    *,
    alpha: float = 0.05,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often each strategy beats each other one beyond doubt.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    alpha : float, default=0.05
        Level of the tests.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; the last line holds the mean of each column, lower is better, in
        which strategies that picked the same rows count once.
    """
    metric = metric_of(self, metric)
    table = self.penalties(metric, alpha=alpha)
    names, wins = list(table.columns), table.to_numpy()
    off = ~np.eye(len(names), dtype=bool)
    twins = twins_everywhere(self, metric)
    others = [
        [n not in twins and n != twins.get(name, name) for n in names] for name in names
    ]
    lost = [wins[one, j].mean() if any(one) else np.nan for j, one in enumerate(others)]
    ax = axes_of(ax)
    shown = np.vstack([np.where(off, wins, np.nan), lost])
    heat_map(ax, shown, "share", shown.round(2))
    ax.axhline(len(names) - 0.5, color="white", lw=4)
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
    ax.set_yticks(range(len(names) + 1), [*names, "beaten by others"])
    if np.isnan(wins).all():
        ax.set_title("cannot tell: fewer than five seeds", loc="left")
    ax.set_xlabel(f"is beaten at this share of {points_of(self)}")
    return ax


def plot_ranks(
    self: Results,
    metric: str | None = None,
    *,
    blocks: str = "seeds",
    ax: Axes | None = None,
) -> Axes:
    """Draw average ranks; strategies whose bars overlap cannot be told apart.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    blocks : {"seeds", "settings"}, default="seeds"
        See :meth:`Results.ranks`.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    metric = metric_of(self, metric)
    ranking = self.ranks(metric, blocks=blocks)
    ax = axes_of(ax)
    colors = line_colors(self.strategies(), None)
    half = ranking.critical_difference / 2
    for row, (name, rank) in enumerate(zip(ranking.names, ranking.ranks, strict=True)):
        if np.isfinite(half):
            ends = [rank - half, rank + half]
            ax.plot(ends, [row, row], color=colors[name], lw=4, alpha=0.4)
        ax.plot(rank, row, "o", color=colors[name], ms=7)
    ax.set_yticks(range(len(ranking.names)), ranking.names)
    ax.set_ylim(len(ranking.names) - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color="0.9", lw=0.8)
    ax.set_axisbelow(True)
    ax.set_xlabel("average rank (1 is best)")
    return ax


def plot_time(
    self: Results,
    metric: str | None = None,
    *,
    data: str | None = None,
    estimator: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the score against the seconds spent on choosing and training.

    Parameters
    ----------
    metric : str, default=None
        Which column; None is accuracy, for numbers r2, or else the first measure.
    data, estimator : str, default=None
        Which setting; None where there is one.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: means over seeds, round by round. The oracle is left out: its seconds
        are those of trying many batches.
    """
    metric = metric_of(self, metric, data, estimator)
    setting = self.setting(data, estimator)
    runs = self.runs(metric, *setting)
    runs = {name: runs[name] for name in runs if not is_oracle(self.definition, name)}
    ax = axes_of(ax)
    colors = line_colors(list(runs), None)
    for name in runs:
        timed = self.timed(*setting, name)
        curves = [_against_time(one, metric) for one in timed]
        if not curves:
            continue
        n = min(len(curve[0]) for curve in curves)
        seconds, scores = np.mean([[s[:n], v[:n]] for s, v in curves], axis=0)
        ax.plot(seconds, scores, color=colors[name], lw=2, label=name)
    return dressed(ax, "seconds of choosing and training", title_of(metric))


def _against_time(outcome, metric):
    """Return seconds spent by the end of each round, and the scores."""
    timings = outcome["timings"]
    spent = np.nan_to_num(np.array(timings["query_seconds"], float))
    spent = np.cumsum(spent + np.array(timings["fit_seconds"], float))
    return spent, np.array(outcome["record"]["metrics"][metric], float)
